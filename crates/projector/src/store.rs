//! What an instance holds, on disk and not yet on disk. The only place that knows sled.
//!
//! A cache: everything in it can be read from the log again, so at any sign of damage it is set aside and made anew.
//! What is committed can be read at once and is written back by [`Store::flush_telling`], many commits together;
//! a crash loses what was not flushed, and the positions with it.
//! Every read is checked against a checksum of its own, and opening checks that nothing was lost and nothing is stale.

#[cfg(test)]
mod campaign;
#[cfg(test)]
#[path = "../tests/damage/mod.rs"]
mod damage;
mod directory;
mod history;
pub(crate) mod keys;
pub(crate) mod meta;
mod opening;
mod overlay;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;
pub(crate) mod values;
mod writing;

use std::{
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

pub(crate) use directory::{Directory, Lock, Visited};
pub(crate) use history::{After, chunks};
use meta::Meta;
use overlay::Overlay;
use values::{Ended, State, Wrong};
use writing::{Round, Sum};

use crate::limits::STORE_ROUND_ENTRIES;

/// Why the store cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    /// The disk or the file system: a full disk is one of these.
    #[error("the disk does not do what the store asks: {kind}")]
    Disk { kind: std::io::ErrorKind },
    /// What was read is not what was written.
    #[error("the store is damaged: {what}")]
    Damaged { what: &'static str },
    /// sled ended in a panic; the panic hook has logged where.
    #[error("the store is damaged: its engine panicked")]
    Panicked,
    /// Opening or flushing did not end.
    #[error("the store is damaged: its engine hangs")]
    Hangs,
}

impl Error {
    /// Should the directory be set aside?
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Disk { kind } => !is_of_the_machine(*kind),
            Self::Damaged { .. } | Self::Panicked | Self::Hangs => true,
        }
    }
}

/// Would a new store meet the same? Anything else that the file system says of sled's files is about these files.
fn is_of_the_machine(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind;
    [
        ErrorKind::StorageFull,
        ErrorKind::QuotaExceeded,
        ErrorKind::FileTooLarge,
        ErrorKind::PermissionDenied,
        ErrorKind::ReadOnlyFilesystem,
        ErrorKind::OutOfMemory,
    ]
    .contains(&kind)
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        Self::Damaged {
            what: match wrong {
                Wrong::Short => "a value is too short",
                Wrong::Format { .. } => "a value has another format",
                Wrong::Checksum => "a checksum does not match",
                Wrong::Layout => "a value has another layout",
            },
        }
    }
}

impl From<sled::Error> for Error {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::Disk { kind: error.kind() },
            sled::Error::CollectionNotFound(_) => Self::Damaged {
                what: "a tree is missing",
            },
            sled::Error::Unsupported(_) => Self::Damaged {
                what: "it has another layout",
            },
            sled::Error::ReportableBug(_) => Self::Damaged {
                what: "its engine found a fault of its own",
            },
            sled::Error::Corruption { .. } => Self::Damaged {
                what: "a page is corrupt",
            },
        }
    }
}

/// Something to write: a key with a payload, or without one to delete it.
pub(crate) type Entry = (Bytes, Option<Bytes>);

/// What a flush wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flushed {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// What is not on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Entries that are not on disk.
    pub(crate) entries: usize,
    /// Their bytes, but for those being written.
    pub(crate) bytes: usize,
    /// Entries among them that are being written.
    pub(crate) writing_entries: usize,
    /// And their bytes.
    pub(crate) writing_bytes: usize,
    /// Entries that are.
    pub(crate) records: usize,
}

/// The store; a cheap handle. All of its calls but [`Store::commit`] may block on the disk.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    /// Never dropped once damaged: a damaged engine may hang or panic in its destructor.
    db: Option<sled::Db>,
    overlay: RwLock<Overlay>,
    /// One flush at a time.
    flushing: Mutex<()>,
    is_damaged: AtomicBool,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if self.is_damaged.load(Ordering::Relaxed) {
            // Its threads may still run; they hold files of a directory that nobody else will ever use.
            std::mem::forget(db);
        } else {
            let _ended = catch_unwind(AssertUnwindSafe(|| drop(db)));
        }
    }
}

impl Store {
    fn new(db: sled::Db, meta: Meta) -> Self {
        Self(Arc::new(Inner {
            db: Some(db),
            overlay: RwLock::new(Overlay::new(meta)),
            flushing: Mutex::new(()),
            is_damaged: AtomicBool::new(false),
        }))
    }

    /// Takes entries in and edits the description, all of it visible at once; nothing is on disk before the next flush.
    pub(crate) fn commit(&self, entries: Vec<Entry>, edit: impl FnOnce(&mut Meta)) {
        let mut overlay = self
            .0
            .overlay
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for (key, payload) in entries {
            overlay.put(key, payload);
        }
        edit(overlay.meta_mut());
    }

    /// What is not on disk.
    pub(crate) fn pending(&self) -> Pending {
        self.read().pending()
    }

    /// The description as of the last commit.
    pub(crate) fn meta(&self) -> Meta {
        self.read().meta().clone()
    }

    /// The state of an entity, by its record's key.
    pub(crate) fn state(&self, record_key: &[u8]) -> Result<Option<State>, Error> {
        self.state_at(&keys::state(record_key))
    }

    /// The state of an entity, by the key that [`keys::state`] makes for it.
    pub(crate) fn state_at(&self, key: &[u8]) -> Result<Option<State>, Error> {
        Ok(self.get(key)?.map(State::decode).transpose()?)
    }

    /// Where the history of a forgotten entity ends.
    pub(crate) fn ended(&self, record_key: &[u8]) -> Result<Option<Ended>, Error> {
        let payload = self.get(&keys::ended(record_key))?;
        Ok(payload.map(|payload| Ended::decode(&payload)).transpose()?)
    }

    /// Keys of the records that are to be published again.
    pub(crate) fn stale(&self) -> Result<Vec<Bytes>, Error> {
        let prefix = keys::stale(b"");
        let entries = self.scan(&prefix, Bound::Included(prefix.clone()), usize::MAX)?;
        Ok(entries.into_iter().map(|(key, _)| key.slice(1..)).collect())
    }

    /// Up to `limit` states with a record key that begins with `prefix` and comes after `after`, in order of the key.
    pub(crate) fn states(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Bytes, State)>, Error> {
        let prefix = keys::state(prefix);
        let from = match after {
            Some(after) => Bound::Excluded(keys::state(after)),
            None => Bound::Included(prefix.clone()),
        };
        let entries = self.scan(&prefix, from, limit)?;
        let mut states = Vec::with_capacity(entries.len());
        for (key, payload) in entries {
            states.push((key.slice(1..), State::decode(payload)?));
        }
        Ok(states)
    }

    /// Writes what is pending to disk and waits until it is there.
    ///
    /// In rounds (see [`writing`]), each of which leaves a store that is whole; the last writes the positions. Readers never wait for it.
    /// `taken` is called once what is pending is being written and there is room for more.
    ///
    /// After an error nothing is written any more: what is on disk is known again once the store is opened again.
    pub(crate) fn flush_telling(&self, at_ms: i64, taken: impl FnOnce()) -> Result<Flushed, Error> {
        let _one = self
            .0
            .flushing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.0.is_damaged.load(Ordering::Relaxed) {
            return Err(Error::Damaged {
                what: "an earlier call failed",
            });
        }
        let writing = {
            let mut overlay = self
                .0
                .overlay
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            overlay.take(at_ms)
        };
        let Some((entries, mut next, mut written)) = writing else {
            return Ok(Flushed::default());
        };
        taken();
        // Where nothing is on disk, nothing is replaced.
        let is_empty = written.records == 0;
        let mut flushed = Flushed {
            entries: entries.len(),
            bytes: 0,
        };
        let mut rest = entries.iter().peekable();
        while rest.peek().is_some() {
            let round: Vec<_> = rest.by_ref().take(STORE_ROUND_ENTRIES).collect();
            let others = if is_empty {
                Sum::of(&written)
            } else {
                self.others(&written, &round)?
            };
            let Round {
                writes,
                after,
                bytes,
            } = Round::new(written.round + 1, others, &round);
            flushed.bytes += bytes;
            written.round += 1;
            (written.records, written.sum) = (after.records, after.sum);
            self.contained(|db| writes.into_iter().try_for_each(|write| write.apply(db)))?;
            if rest.peek().is_some() {
                self.describe(&written)?;
            }
        }
        (next.round, next.records, next.sum) = (written.round, written.records, written.sum);
        self.describe(&next)?;
        self.contained(|db| db.flush())?;
        let mut overlay = self
            .0
            .overlay
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        overlay.flushed(next);
        Ok(flushed)
    }

    /// What is in the store beside the entries of a round.
    fn others(&self, meta: &Meta, round: &[(&Bytes, &Option<Bytes>)]) -> Result<Sum, Error> {
        let mut others = Sum::of(meta);
        for (key, _) in round {
            if let Some(old) = self.contained(|db| db.get(key))? {
                let (_, share) =
                    values::open(key, &old).map_err(|wrong| self.damaged(wrong.into()))?;
                others.remove(share);
            }
        }
        Ok(others)
    }

    /// Writes the description, which ends a round.
    fn describe(&self, meta: &Meta) -> Result<(), Error> {
        let payload = directory::encode_meta(meta)?;
        let (value, _) = values::seal(keys::META, &payload);
        self.contained(|db| db.insert(keys::META, value))?;
        Ok(())
    }

    /// A payload by its key, newest first, checked.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let overlay = self.read();
        if let Some(found) = overlay.get(key) {
            return Ok(found.cloned());
        }
        if overlay.is_all() {
            return Ok(None);
        }
        // Not held while the disk is read: what is on disk can only become newer, and what is newer was committed.
        drop(overlay);
        match self.contained(|db| db.get(key))? {
            Some(value) => self.payload(key, &value).map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` entries whose keys begin with `prefix`, from a bound on.
    fn scan(
        &self,
        prefix: &[u8],
        from: Bound<Bytes>,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let overlay = self.read();
        let mut above = overlay.range(prefix, from.clone()).peekable();
        self.contained(|db| {
            let mut below = db.range((from, Bound::Unbounded));
            let mut next_below = below.next().transpose()?;
            let mut found = Vec::new();
            while found.len() < limit {
                let under = next_below
                    .as_ref()
                    .filter(|(key, _)| key.starts_with(prefix));
                let (take_above, take_below) = match (above.peek(), under) {
                    (None, None) => break,
                    (Some(_), None) => (true, false),
                    (None, Some(_)) => (false, true),
                    (Some((over, _)), Some((under, _))) => {
                        (over[..] <= under[..], under[..] <= over[..])
                    }
                };
                if take_above {
                    if let Some((key, Some(payload))) = above.next() {
                        found.push((key.clone(), Ok(payload.clone())));
                    }
                } else if let Some((key, value)) = under {
                    let key = Bytes::copy_from_slice(key);
                    found.push((key, Err(Bytes::copy_from_slice(value))));
                }
                if take_below {
                    next_below = below.next().transpose()?;
                }
            }
            Ok(found)
        })?
        .into_iter()
        .map(|(key, payload)| match payload {
            Ok(payload) => Ok((key, payload)),
            Err(value) => self.payload(&key, &value).map(|payload| (key, payload)),
        })
        .collect()
    }

    /// Checks a value and gives its payload.
    fn payload(&self, key: &[u8], value: &[u8]) -> Result<Bytes, Error> {
        let (payload, _) = values::open(key, value).map_err(|wrong| self.damaged(wrong.into()))?;
        Ok(Bytes::copy_from_slice(payload))
    }

    fn read(&self) -> RwLockReadGuard<'_, Overlay> {
        self.0
            .overlay
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls sled, and takes a panic in it for damage.
    fn contained<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Error> {
        let Some(db) = &self.0.db else {
            return Err(Error::Panicked);
        };
        match catch_unwind(AssertUnwindSafe(|| call(db))) {
            Ok(result) => result.map_err(|error| self.damaged(error.into())),
            Err(_) => Err(self.damaged(Error::Panicked)),
        }
    }

    fn damaged(&self, error: Error) -> Error {
        self.0.is_damaged.store(true, Ordering::Relaxed);
        error
    }

    /// Marks the store as not to be closed in the ordinary way.
    pub(crate) fn abandon(&self) {
        self.0.is_damaged.store(true, Ordering::Relaxed);
    }
}
