use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::store::{Directory, Error, Store, damage, directory};

/// Payloads by key; without one it is deleted.
type Entries = Vec<(Bytes, Option<Bytes>)>;

fn open(dir: &Path) -> Result<Store, Error> {
    Directory::new(dir.to_owned(), 8 << 20).open(std::sync::Arc::new(|_| Ok(())))
}

fn raw(dir: &Path) -> sled::Db {
    sled::open(dir.join("store-1")).unwrap()
}

fn entry(key: &str, text: Option<&str>) -> (Bytes, Option<Bytes>) {
    // Of a kind that opening does not look into.
    let key = keys::ended(key.as_bytes());
    (key, text.map(|text| Bytes::from(text.to_owned())))
}

fn before() -> Entries {
    (0..6)
        .map(|n| entry(&format!("g/{n}"), Some("before")))
        .collect()
}

/// Replaces, deletes what is there and what is not, and adds.
fn after() -> Entries {
    vec![
        entry("g/1", Some("after")),
        entry("g/2", None),
        entry("g/3", Some("after")),
        entry("g/7", None),
        entry("g/8", Some("after")),
    ]
}

/// A closed store with these entries, each flush of which tells its number as progress.
fn written(flushes: &[Entries]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path()).unwrap();
    for (number, entries) in flushes.iter().enumerate() {
        store.commit(entries.clone(), |meta| {
            meta.progress
                .insert("events/0".to_owned(), number.to_string());
        });
        store.flush_telling(1, || {}).unwrap();
    }
    drop(store);
    dir
}

/// What the next flush of a closed store would write before its description.
fn round(dir: &Path, entries: &Entries) -> Vec<Write> {
    let store = open(dir).unwrap();
    let meta = store.meta();
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, payload)| (key, payload))
        .collect();
    let others = store.others(&meta, &entries).unwrap();
    Round::new(meta.round + 1, others, &entries).writes
}

fn payload_of(store: &Store, key: &Bytes) -> Option<Bytes> {
    store.get(key).unwrap()
}

/// A store that was left after any of a round's writes has what was written, and the positions of before; it is then written on.
fn left_anywhere(flushes: &[Entries]) {
    let origin = written(flushes);
    let count = round(origin.path(), &after()).len();
    assert_eq!(count, after().len() + 1);
    for taken in 0..=count {
        let what = format!("left after {taken} writes");
        let dir = TempDir::new().unwrap();
        damage::copy(origin.path(), dir.path());
        let db = raw(dir.path());
        for write in round(origin.path(), &after()).into_iter().take(taken) {
            write.apply(&db).unwrap();
        }
        db.flush().unwrap();
        drop(db);
        let store = open(dir.path()).unwrap_or_else(|error| panic!("{error}: {what}"));
        let progress = flushes.len().checked_sub(1).map(|last| last.to_string());
        assert_eq!(
            store.meta().progress.get("events/0"),
            progress.as_ref(),
            "{what}"
        );
        let mut expected: std::collections::BTreeMap<_, _> =
            flushes.iter().flatten().cloned().collect();
        expected.extend(after().into_iter().take(taken.saturating_sub(1)));
        for (key, payload) in &expected {
            assert_eq!(payload_of(&store, key), *payload, "{what}");
        }
        assert_eq!(
            store.meta().records,
            expected.values().flatten().count() as u64,
            "{what}"
        );
        store.commit(after(), |_| {});
        store.flush_telling(2, || {}).unwrap();
        drop(store);
        let store = open(dir.path()).unwrap_or_else(|error| panic!("{error}: {what}, and on"));
        for (key, payload) in after() {
            assert_eq!(payload_of(&store, &key), payload, "{what}, and on");
        }
    }
}

#[test]
fn a_store_left_after_any_write_of_a_round_is_whole() {
    left_anywhere(&[before()]);
}

#[test]
fn a_store_left_after_any_write_of_its_first_round_is_whole() {
    left_anywhere(&[]);
}

#[test]
fn a_store_left_within_a_round_twice_is_whole() {
    let dir = written(&[before()]);
    for entries in [after(), before()] {
        let writes = round(dir.path(), &entries);
        let db = raw(dir.path());
        for write in writes.into_iter().take(3) {
            write.apply(&db).unwrap();
        }
        db.flush().unwrap();
    }
    let store = open(dir.path()).unwrap();
    // Of the first round g/1 and g/2 were written, of the second g/0 and g/1.
    assert_eq!(payload_of(&store, &keys::ended(b"g/2")), None);
    for (n, text) in [(0, "before"), (1, "before"), (3, "before")] {
        let key = keys::ended(format!("g/{n}").as_bytes());
        assert_eq!(payload_of(&store, &key), Some(Bytes::from(text)), "g/{n}");
    }
}

/// Leaves a store within a round, does something to it, and gives what opening it says.
fn harmed(harm: impl FnOnce(&sled::Db)) -> Result<Store, Error> {
    let dir = written(&[before(), before()]);
    let writes = round(dir.path(), &after());
    let db = raw(dir.path());
    for write in writes.into_iter().take(3) {
        write.apply(&db).unwrap();
    }
    harm(&db);
    db.flush().unwrap();
    drop(db);
    open(dir.path())
}

fn is_refused(opened: Result<Store, Error>) -> bool {
    matches!(opened, Err(Error::Damaged { .. }))
}

#[test]
fn what_a_round_that_was_left_does_not_name_must_be_as_it_was() {
    assert!(harmed(|_| {}).is_ok());
    let (named, other) = (keys::ended(b"g/3"), keys::ended(b"g/0"));
    let stale = |key: &Bytes| values::seal(key, b"long ago").0;
    assert!(is_refused(harmed(|db| {
        db.remove(&other).unwrap();
    })));
    assert!(is_refused(harmed(|db| {
        db.insert(&other, stale(&other)).unwrap();
    })));
    // Whatever a named one was, it is read again from the log.
    assert!(
        harmed(|db| {
            db.insert(&named, stale(&named)).unwrap();
        })
        .is_ok()
    );
}

#[test]
fn a_round_that_was_left_without_its_note_or_its_description_is_refused() {
    assert!(is_refused(harmed(|db| {
        db.remove(keys::WRITING).unwrap();
    })));
    assert!(is_refused(harmed(|db| {
        db.remove(keys::META).unwrap();
    })));
    // A description of two rounds ago does not belong to the note.
    assert!(is_refused(harmed(|db| {
        let meta = payload(db, keys::META).unwrap().unwrap().unwrap();
        let mut meta = decode_meta(&meta).unwrap();
        meta.round -= 1;
        let old = directory::encode_meta(&meta).unwrap();
        db.insert(keys::META, values::seal(keys::META, &old).0)
            .unwrap();
    })));
}

#[test]
fn a_note_comes_back_and_a_part_of_one_is_none() {
    let others = Sum { records: 7, sum: 9 };
    let keys: BTreeSet<Bytes> = after().into_iter().map(|(key, _)| key).collect();
    let payload = Writing::encode(3, others, keys.iter());
    let expected = Writing {
        round: 3,
        others,
        keys,
    };
    assert_eq!(Writing::decode(&payload), Ok(expected));
    assert_eq!(
        Writing::decode(&payload[..payload.len() - 1]),
        Err(Wrong::Layout)
    );
    assert_eq!(Writing::decode(&payload[..20]), Err(Wrong::Layout));
}
