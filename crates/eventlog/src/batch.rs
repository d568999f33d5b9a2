//! What is appended: records of several topics and partitions in one arena.

use std::fmt;

use crate::{header, limits::RECORD_BYTES_MAX};

/// Records to append together with [`Log::append`](crate::Log::append), built without an allocation a record.
///
/// Records of one partition keep their order.
/// A batch is not atomic: of one that fails, some records may be in the log.
#[derive(Clone, Default)]
pub struct Batch {
    /// Keys, values and headers, one record after another.
    arena: Vec<u8>,
    records: Vec<Entry>,
    topics: Vec<Box<str>>,
    /// The first record over the limit; it is not copied, and the append names it.
    too_large: Option<(usize, usize)>,
}

#[derive(Clone, Copy)]
struct Entry {
    topic: u32,
    partition: u32,
    timestamp_ms: i64,
    start: usize,
    key: u32,
    /// `None` is a tombstone.
    value: Option<u32>,
    headers: u32,
}

impl Batch {
    /// A batch without records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch with room for `records` records of `bytes` bytes together.
    #[must_use]
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        Self {
            arena: Vec::with_capacity(bytes),
            records: Vec::with_capacity(records),
            ..Self::default()
        }
    }

    /// Adds a record at the end.
    ///
    /// `topic` is without the prefix.
    /// An empty `key` is no key, which a compacted topic refuses; no `value` is a tombstone.
    /// `timestamp_ms` is milliseconds since 1970, and retention counts from it.
    /// A record over [`RECORD_BYTES_MAX`] makes the append fail before anything is written.
    pub fn push(
        &mut self,
        topic: &str,
        partition: u32,
        key: &[u8],
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
        timestamp_ms: i64,
    ) {
        let topic = self.topic_index(topic);
        let mut bytes = key.len() + value.map_or(0, <[u8]>::len);
        for (name, value) in headers {
            bytes += header::FRAME + name.len() + value.len();
        }
        if bytes > RECORD_BYTES_MAX {
            self.too_large.get_or_insert((topic, bytes));
            return;
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value.unwrap_or_default());
        let headers_start = self.arena.len();
        for (name, value) in headers {
            header::encode(&mut self.arena, name, value);
        }
        let headers = self.arena.len() - headers_start;
        self.records.push(Entry {
            topic: short(topic),
            partition,
            timestamp_ms,
            start,
            key: short(key.len()),
            value: value.map(|value| short(value.len())),
            headers: short(headers),
        });
    }

    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was pushed, not even a record that is too large.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.too_large.is_none()
    }

    /// Bytes of all keys, values and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    fn topic_index(&mut self, topic: &str) -> usize {
        // A batch has a handful of topics, and mostly the one of the record before.
        if let Some(found) = self.topics.iter().position(|known| **known == *topic) {
            return found;
        }
        self.topics.push(topic.into());
        self.topics.len() - 1
    }

    /// Names of the topics, which [`Pushed::topic`] indexes.
    pub(crate) fn topics(&self) -> &[Box<str>] {
        &self.topics
    }

    /// Topic and size of the first record over the limit.
    pub(crate) fn too_large(&self) -> Option<(&str, usize)> {
        let (topic, bytes) = self.too_large?;
        Some((self.topics.get(topic).map_or("", |name| name), bytes))
    }

    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = Pushed<'_>> {
        self.records.iter().map(|entry| {
            let rest = self.arena.get(entry.start..).unwrap_or_default();
            let (key, rest) = split(rest, entry.key);
            let (value, rest) = split(rest, entry.value.unwrap_or(0));
            let (headers, _) = split(rest, entry.headers);
            Pushed {
                topic: long(entry.topic),
                partition: entry.partition,
                timestamp_ms: entry.timestamp_ms,
                key,
                value: entry.value.map(|_| value),
                headers,
            }
        })
    }
}

/// Only sizes: keys are personal data, and there may be many.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("topics", &self.topics)
            .field("records", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// One record of a [`Batch`].
#[derive(Clone, Copy)]
pub(crate) struct Pushed<'a> {
    pub(crate) topic: usize,
    pub(crate) partition: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    /// Encoded, see [`header`].
    pub(crate) headers: &'a [u8],
}

/// Every length is bounded by [`RECORD_BYTES_MAX`] before it comes here.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn long(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

pub(crate) fn split(bytes: &[u8], at: u32) -> (&[u8], &[u8]) {
    bytes.split_at_checked(long(at)).unwrap_or((bytes, &[]))
}
