//! The description of the store: what it holds and how far it reaches. Written after what it describes.

use std::collections::BTreeMap;

use domain::position::Position;
use serde::{Deserialize, Serialize};

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Counts the rounds that were written; see [`super::writing`].
    pub(crate) round: u64,
    /// Values in the store, this one excepted.
    pub(crate) records: u64,
    /// Sum over their checksums: finds values that were lost or that are stale.
    pub(crate) sum: u64,
    /// When this was written last, milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// How far each partition of each topic that the store is made of was taken in, by `topic/partition`.
    pub(crate) read: BTreeMap<String, Read>,
    /// How far the fold had come in each input partition, by `events/partition` or `receipts/partition`: progress records in hexadecimal.
    pub(crate) progress: BTreeMap<String, String>,
    /// By partition: history is complete after this offset of the input.
    pub(crate) history_after: BTreeMap<u32, Reach>,
}

/// How far a partition of a state topic or of the changes was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    /// The next offset to read.
    pub(crate) next: i64,
    /// Offset of the last record taken in, and its hash in hexadecimal: another record there means another log.
    pub(crate) last: Option<(i64, String)>,
}

/// A place in an input partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reach {
    pub(crate) generation: u32,
    pub(crate) offset: i64,
}

impl From<&Position> for Reach {
    fn from(position: &Position) -> Self {
        Self {
            generation: position.generation,
            offset: position.offset,
        }
    }
}

/// Name of a partition of a topic in [`Meta::read`].
pub(crate) fn source(topic: &str, partition: u32) -> String {
    format!("{topic}/{partition}")
}
