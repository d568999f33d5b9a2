//! The directory that stores lie in: opening, checking, setting aside.
//!
//! ```text
//! <data-dir>/lock               held by the process
//! <data-dir>/store-<n>/         sled's files; a new store gets a new number
//! <data-dir>/store.damaged-<n>/ the last one that was set aside
//! ```
//!
//! A new store never takes the place of an old one: sled names its files by path, and threads of a damaged engine may outlive it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use bytes::Bytes;
use wire::digest::RecordHash;

use super::{
    Error, Store,
    meta::{Meta, Reach},
    opening, values,
};
use crate::limits::{LOCK_PAUSE, LOCK_TRIES, OPEN_LIMIT, OPEN_PER_GIBIBYTE};

const STORE: &str = "store-";
const ASIDE: &str = "store.damaged-";

/// What opening a store tells of a state, its record left aside.
#[derive(Debug, Clone)]
pub(crate) struct Visited {
    /// Key of its record.
    pub(crate) key: Bytes,
    /// Its own position, the partition left aside.
    pub(crate) position: Reach,
    /// See [`values::State::hash`].
    pub(crate) hash: Option<RecordHash>,
    /// See [`values::State::brief`].
    pub(crate) brief: Bytes,
}

/// Gets the states that a store holds while it is checked, some at a time, on several threads and in no order.
pub(crate) type Visit = Arc<dyn Fn(Vec<Visited>) -> Result<(), values::Wrong> + Send + Sync>;

/// Nobody else uses the directory as long as this is held.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: fs::File,
}

/// Why the directory cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("use {path}", path = path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is in use by another process", path = path.display())]
    InUse { path: PathBuf },
}

/// The directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Bytes that sled may keep in memory.
    cache_bytes: u64,
}

impl Directory {
    pub(crate) fn new(path: PathBuf, cache_bytes: u64) -> Self {
        Self { path, cache_bytes }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory if it is not there, and keeps other processes out.
    pub(crate) fn lock(&self) -> Result<Lock, LockError> {
        let path = self.path.join("lock");
        let unusable = |source| LockError::Unusable {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.path).map_err(unusable)?;
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(LockError::InUse { path }),
            Err(fs::TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// Opens the store that is there and checks all of it, or makes an empty one.
    ///
    /// `visit` gets every state. Blocks, but not for ever.
    pub(crate) fn open(&self, visit: Visit) -> Result<Store, Error> {
        let number = self.numbers(STORE)?.pop().unwrap_or(1);
        let path = self.path.join(format!("{STORE}{number}"));
        let limit = open_limit(&path);
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(self.cache_bytes)
            .flush_every_ms(None);
        let (tx, rx) = mpsc::sync_channel(1);
        let opening = std::thread::Builder::new().name("store-open".to_owned());
        // Not joined if it hangs: nothing can end it, and its directory is not used again.
        let thread = opening
            .spawn(move || {
                let _late = tx.send(open_checked(&config, visit));
            })
            .map_err(|error| Error::Disk { kind: error.kind() })?;
        match rx.recv_timeout(limit) {
            Ok(opened) => {
                let _ended = thread.join();
                opened
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::Hangs),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Error::Panicked),
        }
    }

    /// Takes the present store out of the way; of those set aside before, none is kept.
    pub(crate) fn set_aside(&self) -> Result<Option<PathBuf>, Error> {
        for number in self.numbers(ASIDE)? {
            remove(&self.path.join(format!("{ASIDE}{number}")))?;
        }
        let mut stores = self.numbers(STORE)?;
        let Some(newest) = stores.pop() else {
            return Ok(None);
        };
        for number in stores {
            remove(&self.path.join(format!("{STORE}{number}")))?;
        }
        // The next store is made before this one goes, so that no crash brings the number back.
        fs::create_dir_all(self.path.join(format!("{STORE}{}", newest + 1))).map_err(disk)?;
        let aside = self.path.join(format!("{ASIDE}{newest}"));
        fs::rename(self.path.join(format!("{STORE}{newest}")), &aside).map_err(disk)?;
        Ok(Some(aside))
    }

    /// Numbers of the directories with a name that begins so, in order.
    fn numbers(&self, prefix: &str) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(disk)? {
            let name = entry.map_err(disk)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// What the description is written as.
pub(crate) fn encode_meta(meta: &Meta) -> Result<Vec<u8>, Error> {
    // A map with text keys and numbers always is JSON.
    serde_json::to_vec(meta).map_err(|_| Error::Damaged {
        what: "the description cannot be written",
    })
}

/// Opens sled's files. Just after they were closed, threads of sled may still hold its lock; nobody else can, for ours is held.
fn open_files(config: &sled::Config) -> Result<sled::Db, Error> {
    for _ in 0..LOCK_TRIES {
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        match opened.map_err(|_| Error::Panicked)? {
            Err(sled::Error::Io(error))
                if error.to_string().starts_with("could not acquire lock") =>
            {
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return Ok(opened?),
        }
    }
    Err(Error::Hangs)
}

fn open_checked(config: &sled::Config, visit: Visit) -> Result<Store, Error> {
    let db = open_files(config)?;
    let store = Store::new(db, Meta::default());
    match opening::check(&store, &visit) {
        Ok(meta) => {
            let mut overlay = store
                .0
                .overlay
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *overlay = super::Overlay::new(meta);
            drop(overlay);
            Ok(store)
        }
        Err(error) => {
            store.abandon();
            Err(error)
        }
    }
}

fn open_limit(path: &Path) -> Duration {
    let bytes: u64 = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    let gibibytes = u32::try_from(bytes >> 30)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    OPEN_LIMIT.saturating_add(OPEN_PER_GIBIBYTE.saturating_mul(gibibytes))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(disk),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn disk(error: io::Error) -> Error {
    Error::Disk { kind: error.kind() }
}
