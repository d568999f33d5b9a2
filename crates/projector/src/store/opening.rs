//! Checking a store while it is opened: every value against its checksum, all of them against the description, on all processors.

use std::{
    ops::Bound,
    panic::resume_unwind,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use bytes::Bytes;
use sled::IVec;

use super::{
    Error, Store,
    directory::{Visit, Visited},
    keys,
    meta::{Meta, Reach},
    values::{self, Head},
    writing::{self, Sum, Writing},
};
use crate::limits::{OPEN_CHUNK, OPEN_HALVINGS, OPEN_THREADS_MAX};

/// What was counted in a part of the store.
#[derive(Debug, Default)]
struct Counted {
    /// What was being written when the store was left.
    left: Sum,
    others: Sum,
}

/// What the store says of itself.
#[derive(Debug)]
struct Described {
    meta: Option<Meta>,
    left: Option<Writing>,
}

/// Reads everything once: each value against its checksum, all of them against the description.
pub(super) fn check(store: &Store, visit: &Visit) -> Result<Meta, Error> {
    let Described { meta, left } = describe(store)?;
    let is_left = |key: &[u8]| left.as_ref().is_some_and(|left| left.keys.contains(key));
    let bounds = store.contained(bounds)?;
    let threads = thread::available_parallelism().map_or(1, |count| count.get());
    let threads = threads.min(OPEN_THREADS_MAX).min(bounds.len().max(1));
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let all = Mutex::new(Counted::default());
    let work = || {
        let done = check_parts(store, visit, &is_left, &bounds, &next, &is_over, &all);
        is_over.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for worker in workers {
            // sled's panics are contained, so this one is ours.
            let other = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            done = done.and(other);
        }
        done
    })?;
    let counted = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    if meta.is_none() && left.is_none() && counted.others.records > 0 {
        return Err(Error::Damaged {
            what: "its description is missing",
        });
    }
    let mut meta = meta.unwrap_or_default();
    let others = left.map_or_else(|| Sum::of(&meta), |left| left.others);
    if counted.others != others {
        return Err(Error::Damaged {
            what: "values are lost or stale",
        });
    }
    let mut all = counted.others;
    all.merge(counted.left);
    (meta.records, meta.sum) = (all.records, all.sum);
    Ok(meta)
}

/// Reads the description, and what was being written when the store was left.
fn describe(store: &Store) -> Result<Described, Error> {
    let payload = |key| store.contained(|db| writing::payload(db, key));
    let meta = payload(keys::META)?.transpose()?;
    let meta = meta.map(|meta| writing::decode_meta(&meta)).transpose()?;
    let writing = payload(keys::WRITING)?.transpose()?;
    let writing = writing
        .map(|writing| Writing::decode(&writing))
        .transpose()?;
    let round = meta.as_ref().map_or(0, |meta| meta.round);
    let left = writing.filter(|writing| writing.round == round.wrapping_add(1));
    Ok(Described { meta, left })
}

/// Checks parts until none is left. The parts lie between `bounds`: one before the first, one after the last.
fn check_parts(
    store: &Store,
    visit: &Visit,
    is_left: &dyn Fn(&[u8]) -> bool,
    bounds: &[IVec],
    next: &AtomicUsize,
    is_over: &AtomicBool,
    all: &Mutex<Counted>,
) -> Result<(), Error> {
    let mut counted = Counted::default();
    loop {
        let part = next.fetch_add(1, Ordering::Relaxed);
        if part > bounds.len() || is_over.load(Ordering::Relaxed) {
            break;
        }
        let before = part.checked_sub(1).and_then(|before| bounds.get(before));
        let from = before.map_or(Bound::Unbounded, Bound::Included);
        let to = bounds.get(part).map_or(Bound::Unbounded, Bound::Excluded);
        let mut seen = Vec::new();
        store.contained(|db| {
            for entry in db.range::<&IVec, _>((from, to)) {
                let (key, value) = entry?;
                let counted = if is_left(&key) {
                    &mut counted.left
                } else {
                    &mut counted.others
                };
                if let Err(error) = check_one(&key, &value, counted, &mut seen, visit) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })??;
        visit(seen)?;
    }
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    all.left.merge(counted.left);
    all.others.merge(counted.others);
    Ok(())
}

fn check_one(
    key: &[u8],
    value: &[u8],
    counted: &mut Sum,
    seen: &mut Vec<Visited>,
    visit: &Visit,
) -> Result<(), Error> {
    let (payload, share) = values::open(key, value)?;
    if key == keys::META || key == keys::WRITING {
        return Ok(());
    }
    counted.add(share);
    if let Some(record_key) = keys::parse_state(key) {
        let state = Head::decode(payload)?;
        seen.push(Visited {
            key: Bytes::copy_from_slice(record_key),
            position: Reach {
                generation: state.generation,
                offset: state.offset,
            },
            hash: state.hash,
            brief: Bytes::copy_from_slice(state.brief),
        });
        if seen.len() >= OPEN_CHUNK {
            visit(std::mem::take(seen))?;
        }
    }
    Ok(())
}

/// Keys in order that part the store in pieces, many more than there are threads, so that it does no harm if some are larger.
fn bounds(db: &sled::Db) -> sled::Result<Vec<IVec>> {
    let mut bounds = Vec::new();
    if let (Some((first, _)), Some((last, _))) = (db.first()?, db.last()?) {
        halve(db, &first, &last, OPEN_HALVINGS, &mut bounds)?;
    }
    Ok(bounds)
}

/// Finds keys between two others, both of them there, by halving the space of keys between them.
fn halve(
    db: &sled::Db,
    first: &IVec,
    last: &IVec,
    halvings: u32,
    bounds: &mut Vec<IVec>,
) -> sled::Result<()> {
    if halvings == 0 || first >= last {
        return Ok(());
    }
    let middle = middle(first, last);
    let Some((upper, _)) = db.range(&middle[..]..=&last[..]).next().transpose()? else {
        return Ok(());
    };
    if upper <= *first {
        return Ok(());
    }
    if let Some((lower, _)) = db.range(&first[..]..&upper[..]).next_back().transpose()? {
        halve(db, first, &lower, halvings - 1, bounds)?;
    }
    bounds.push(upper.clone());
    halve(db, &upper, last, halvings - 1, bounds)
}

/// Something about half-way between two keys: greater than the first, at most the last.
fn middle(first: &[u8], last: &[u8]) -> Vec<u8> {
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8]| {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(key.iter().skip(common)) {
            *to = *from;
        }
        u64::from_be_bytes(bytes)
    };
    let (low, high) = (number(first), number(last));
    let middle = low + (high - low).div_ceil(2);
    let mut key: Vec<u8> = last.iter().take(common).copied().collect();
    key.extend(middle.to_be_bytes());
    // What the number added beyond the end of the last key.
    if key.as_slice() > last {
        return last.to_vec();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_two_keys_lies_between_them() {
        let pairs: [(&[u8], &[u8]); 6] = [
            (b"a", b"b"),
            (b"", b"\0"),
            (b"g/1000000", b"g/1999999"),
            (b"g/1", b"g/1\0\0"),
            (b"\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
            (b"\x01g/a", b"\x02"),
        ];
        for (first, last) in pairs {
            let middle = middle(first, last);
            assert!(
                middle.as_slice() > first || first == last,
                "{first:?} {last:?}"
            );
            assert!(middle.as_slice() <= last, "{first:?} {last:?}");
        }
    }

    #[test]
    fn a_store_is_parted_in_pieces_of_about_the_same_size_whatever_its_keys_begin_with() {
        let dir = tempfile::TempDir::new().unwrap();
        let db = sled::open(dir.path()).unwrap();
        db.insert([0], b"").unwrap();
        let count = 4_000_u32;
        for n in 0..count {
            let hash = n.wrapping_mul(0x9e37_79b9);
            db.insert(format!("\x01g/Y2FwaV9ncm91cDox{hash:08x}"), b"")
                .unwrap();
            db.insert(format!("\x01m/wamid.HBgLMTU1NTAxMDA{n:06}"), b"")
                .unwrap();
        }
        let bounds = bounds(&db).unwrap();
        assert!(bounds.is_sorted() && bounds.len() > 30, "{}", bounds.len());
        let mut sizes = Vec::new();
        for part in 0..=bounds.len() {
            let from = part.checked_sub(1).map(|before| bounds[before].clone());
            let from = from.map_or(Bound::Unbounded, Bound::Included);
            let to = bounds.get(part).cloned();
            let to = to.map_or(Bound::Unbounded, Bound::Excluded);
            sizes.push(db.range::<IVec, _>((from, to)).count());
        }
        assert_eq!(sizes.iter().sum::<usize>(), 2 * count as usize + 1);
        let largest = sizes.iter().max().copied().unwrap();
        assert!(
            largest < count as usize / 4,
            "the largest part has {largest}"
        );
    }
}
