//! What a query sees: the store, the index, and how far the fold has come.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use chassis::CancellationToken;
use domain::{
    ids::Second,
    position::{Position, Stream},
};
use tokio::sync::watch;
use wire::Gap;

use crate::{
    flush::Signals,
    index::Index,
    outbox::Digests,
    store::{self, Store},
};

/// How far one input partition is folded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reached {
    pub(crate) position: Position,
    pub(crate) gap: Option<Gap>,
    /// Digests of its state topics, for events, and the position that they are of.
    pub(crate) digests: Digests,
    pub(crate) digests_at: Position,
    /// When the progress there was written, in milliseconds of Unix time by its writer's clock; 0 if there was none yet.
    pub(crate) written_at_ms: i64,
}

/// How far all are folded, in order of stream and partition.
pub(crate) type Positions = BTreeMap<(Stream, u32), Reached>;

/// What a query sees; a cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Projection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    index: Index,
    partitions: u32,
    positions: watch::Sender<Positions>,
    /// Ends of the inputs as last heard, by stream and partition.
    ends: BTreeMap<(Stream, u32), AtomicI64>,
    flushing: Signals,
    is_served: AtomicBool,
    broken: CancellationToken,
    why: Mutex<Option<store::Error>>,
}

impl Projection {
    pub(crate) fn new(store: Store, index: Index, partitions: u32) -> Self {
        let mut ends = BTreeMap::new();
        for partition in 0..partitions {
            for stream in [Stream::Events, Stream::Receipts] {
                ends.insert((stream, partition), AtomicI64::new(0));
            }
        }
        Self(Arc::new(Inner {
            store,
            index,
            partitions,
            positions: watch::Sender::new(Positions::new()),
            ends,
            flushing: Signals::new(),
            is_served: AtomicBool::new(false),
            broken: CancellationToken::new(),
            why: Mutex::new(None),
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn index(&self) -> &Index {
        &self.0.index
    }

    pub(crate) fn flushing(&self) -> &Signals {
        &self.0.flushing
    }

    /// Says that queries are answered from now on.
    pub(crate) fn serve(&self) {
        self.0.is_served.store(true, Ordering::Relaxed);
    }

    /// Are queries answered?
    pub(crate) fn is_served(&self) -> bool {
        self.0.is_served.load(Ordering::Relaxed)
    }

    /// Partitions of each topic.
    pub(crate) fn partitions(&self) -> u32 {
        self.0.partitions
    }

    /// Tells how far a partition is folded; the store holds it by now. What is older than what was told is not news.
    pub(crate) fn reach(&self, reached: Reached) {
        let key = (reached.position.stream, reached.position.partition);
        self.0.positions.send_if_modified(|positions| {
            let held = positions.get(&key);
            if held.is_some_and(|held| held.position.is_after(&reached.position)) {
                return false;
            }
            positions.insert(key, reached);
            true
        });
    }

    /// How far one partition is folded.
    pub(crate) fn reached(&self, stream: Stream, partition: u32) -> Option<Reached> {
        self.0.positions.borrow().get(&(stream, partition)).copied()
    }

    /// How far all partitions are folded, as a channel that tells of every step.
    pub(crate) fn positions(&self) -> watch::Receiver<Positions> {
        self.0.positions.subscribe()
    }

    /// Tells the end of an input.
    pub(crate) fn set_end(&self, stream: Stream, partition: u32, end: i64) {
        if let Some(held) = self.0.ends.get(&(stream, partition)) {
            held.store(end, Ordering::Relaxed);
        }
    }

    /// Events of a partition that are not folded, as far as was last heard.
    pub(crate) fn lag(&self, position: &Position) -> u64 {
        let end = self.0.ends.get(&(position.stream, position.partition));
        let end = end.map_or(0, |end| end.load(Ordering::Relaxed));
        u64::try_from(end - (position.offset + 1)).unwrap_or(0)
    }

    /// Events of all partitions that are not folded, as far as was last heard.
    pub(crate) fn lag_of_all(&self) -> u64 {
        let positions = self.0.positions.borrow();
        let lags = positions
            .values()
            .map(|reached| self.lag(&reached.position));
        lags.sum()
    }

    /// The partition that the events about an entity lie in, by its record key.
    pub(crate) fn partition_of(&self, record_key: &[u8]) -> u32 {
        eventlog::partition_of(record_key, self.0.partitions)
    }

    /// `verified`, unless events were lost after it: then nobody knows.
    pub(crate) fn verified(&self, verified: Second, partition: u32) -> Second {
        let positions = self.0.positions.borrow();
        let gap = positions
            .get(&(Stream::Events, partition))
            .and_then(|reached| reached.gap);
        match gap {
            Some(gap) if verified < gap.at => 0,
            Some(_) | None => verified,
        }
    }

    /// Says that the store cannot go on; whoever holds the work on it ends it.
    pub(crate) fn fail(&self, error: store::Error) {
        let mut why = self.0.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.get_or_insert(error);
        drop(why);
        self.0.broken.cancel();
    }

    /// Resolves when the store cannot go on.
    pub(crate) async fn failed(&self) -> store::Error {
        self.0.broken.cancelled().await;
        let why = self.0.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone().unwrap_or(store::Error::Panicked)
    }

    /// Says that this projection is no more kept up with, so that watchers look for another.
    pub(crate) fn end(&self) {
        self.0.broken.cancel();
    }

    /// Cancelled when the store cannot go on, or the projection is replaced.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.0.broken.clone()
    }
}
