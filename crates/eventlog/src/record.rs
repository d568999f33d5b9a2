//! What is read: records of several partitions in one arena.

use std::fmt;

use crate::{
    batch::split,
    header::{self, Headers},
};

/// Records that a [`Reader`](crate::Reader) gave at once.
///
/// All bytes lie in one arena, so a record costs no allocation; records of one source are in the order of their offsets.
#[derive(Clone, Default)]
pub struct RecordBatch {
    arena: Vec<u8>,
    records: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    source: u32,
    offset: i64,
    timestamp_ms: i64,
    start: usize,
    key: u32,
    value: Option<u32>,
    headers: u32,
}

impl RecordBatch {
    /// The records, in the order in which they were read.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> + Clone {
        self.records.iter().map(|entry| self.at(entry))
    }

    /// The record at a place in the batch.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        Some(self.at(self.records.get(index)?))
    }

    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing came within the wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of all keys, values and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// A batch without records, with room for as much as this one holds.
    pub(crate) fn next(&self) -> Self {
        Self {
            arena: Vec::with_capacity(self.arena.len() + self.arena.len() / 8),
            records: Vec::with_capacity(self.records.len()),
        }
    }

    fn at(&self, entry: &Entry) -> RecordRef<'_> {
        let rest = self.arena.get(entry.start..).unwrap_or_default();
        let (key, rest) = split(rest, entry.key);
        let (value, rest) = split(rest, entry.value.unwrap_or(0));
        let (headers, _) = split(rest, entry.headers);
        RecordRef {
            source: usize::try_from(entry.source).unwrap_or(usize::MAX),
            offset: entry.offset,
            timestamp_ms: entry.timestamp_ms,
            key,
            value: entry.value.map(|_| value),
            headers,
        }
    }

    /// Adds a record; what follows is [`Self::header`] for each of its headers, or [`Self::headers`].
    pub(crate) fn begin(
        &mut self,
        (source, offset, timestamp_ms): (usize, i64, i64),
        key: &[u8],
        value: Option<&[u8]>,
    ) {
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value.unwrap_or_default());
        self.records.push(Entry {
            source: short(source),
            offset,
            timestamp_ms,
            start,
            key: short(key.len()),
            value: value.map(|value| short(value.len())),
            headers: 0,
        });
    }

    pub(crate) fn header(&mut self, name: &str, value: &[u8]) {
        let before = self.arena.len();
        header::encode(&mut self.arena, name, value);
        let added = self.arena.len() - before;
        if let Some(entry) = self.records.last_mut() {
            entry.headers += short(added);
        }
    }

    /// Headers that are encoded already.
    pub(crate) fn headers(&mut self, encoded: &[u8]) {
        self.arena.extend_from_slice(encoded);
        if let Some(entry) = self.records.last_mut() {
            entry.headers += short(encoded.len());
        }
    }
}

/// Only sizes: keys are personal data, and there may be many.
impl fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatch")
            .field("records", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// One record of a [`RecordBatch`].
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    /// Which of the reader's starts it belongs to, counted from 0.
    pub source: usize,
    /// Its offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970, as the appender gave it.
    pub timestamp_ms: i64,
    /// Its key; empty if it has none.
    pub key: &'a [u8],
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    headers: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// Its headers in their order.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.headers)
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(name)
    }
}

/// Where it is and how large, and nothing of what is in it.
impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRef")
            .field("source", &self.source)
            .field("offset", &self.offset)
            .field("timestamp_ms", &self.timestamp_ms)
            .field("key_bytes", &self.key.len())
            .field("value_bytes", &self.value.map(<[u8]>::len))
            .finish_non_exhaustive()
    }
}

fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
