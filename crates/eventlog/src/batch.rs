//! What is appended: records of several topics and partitions in one arena.

use std::{fmt, sync::Arc};

use crate::{
    header,
    limits::{CHUNK_BYTES, RECORD_BYTES_MAX},
};

/// Records to append together with [`Log::append`](crate::Log::append), built without an allocation a record.
///
/// Records of one partition keep their order.
/// A batch is not atomic: of one that fails, some records may be in the log.
/// A clone shares the records, so that an append can be tried again without a copy of them.
#[derive(Clone, Default)]
pub struct Batch(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    /// Keys, values and headers, one record after another: the last chunk.
    chunk: Vec<u8>,
    /// Those before it: a new one begins where the last has no room for a whole record, so that a batch grows without copying.
    full: Vec<Vec<u8>>,
    /// In all chunks.
    bytes: usize,
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
    chunk: u32,
    start: u32,
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
        Self(Arc::new(Inner {
            chunk: Vec::with_capacity(bytes.min(CHUNK_BYTES)),
            records: Vec::with_capacity(records),
            ..Inner::default()
        }))
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
        let inner = Arc::make_mut(&mut self.0);
        let topic = inner.topic_index(topic);
        let mut bytes = key.len() + value.map_or(0, <[u8]>::len);
        for (name, value) in headers {
            bytes += header::FRAME + name.len() + value.len();
        }
        if bytes > RECORD_BYTES_MAX {
            inner.too_large.get_or_insert((topic, bytes));
            return;
        }
        inner.make_room(bytes);
        let chunk = inner.full.len();
        let arena = &mut inner.chunk;
        let start = arena.len();
        arena.extend_from_slice(key);
        arena.extend_from_slice(value.unwrap_or_default());
        let headers_start = arena.len();
        for (name, value) in headers {
            header::encode(arena, name, value);
        }
        let headers = arena.len() - headers_start;
        inner.bytes += bytes;
        inner.records.push(Entry {
            topic: short(topic),
            partition,
            timestamp_ms,
            chunk: short(chunk),
            start: short(start),
            key: short(key.len()),
            value: value.map(|value| short(value.len())),
            headers: short(headers),
        });
    }

    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.records.len()
    }

    /// Whether nothing was pushed, not even a record that is too large.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.records.is_empty() && self.0.too_large.is_none()
    }

    /// Bytes of all keys, values and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Names of the topics, which [`Pushed::topic`] indexes.
    pub(crate) fn topics(&self) -> &[Box<str>] {
        &self.0.topics
    }

    /// Topic and size of the first record over the limit.
    pub(crate) fn too_large(&self) -> Option<(&str, usize)> {
        let (topic, bytes) = self.0.too_large?;
        Some((self.0.topics.get(topic).map_or("", |name| name), bytes))
    }

    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = Pushed<'_>> {
        self.0.records.iter().map(|entry| {
            let chunk = self.0.full.get(long(entry.chunk));
            let chunk = chunk.unwrap_or(&self.0.chunk);
            let rest = chunk.get(long(entry.start)..).unwrap_or_default();
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

impl Inner {
    /// Begins a chunk if the last does not take so many bytes more.
    fn make_room(&mut self, bytes: usize) {
        if !self.chunk.is_empty() && self.chunk.len() + bytes > CHUNK_BYTES {
            // The first grew with a batch that might have stayed small.
            let next = Vec::with_capacity(CHUNK_BYTES.max(bytes));
            self.full.push(std::mem::replace(&mut self.chunk, next));
        }
    }

    fn topic_index(&mut self, topic: &str) -> usize {
        // A batch has a handful of topics, and mostly the one of the record before.
        if let Some(found) = self.topics.iter().position(|known| **known == *topic) {
            return found;
        }
        self.topics.push(topic.into());
        self.topics.len() - 1
    }
}

/// Only sizes: keys are personal data, and there may be many.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("topics", &self.0.topics)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in_however_large_the_batch_grows() {
        let sizes = [0, 1, 300, CHUNK_BYTES - 40, 7, CHUNK_BYTES + 1, 90_000, 0];
        let value = |n: usize| vec![u8::try_from(n % 251).unwrap(); sizes[n % sizes.len()]];
        let mut batch = Batch::with_capacity(4, 1 << 30);
        for n in 0..40 {
            let (key, value) = (n.to_string(), value(n));
            let value = (n % 5 != 4).then_some(&value[..]);
            batch.push("t", 1, key.as_bytes(), value, &[("h", key.as_bytes())], 5);
        }
        let shared = batch.clone();
        batch.push("t", 1, b"more", None, &[], 5);
        assert_eq!((shared.len(), batch.len()), (40, 41));
        let mut bytes = 0;
        for (n, record) in shared.records().enumerate() {
            let key = n.to_string();
            assert_eq!(record.key, key.as_bytes());
            let value = value(n);
            assert_eq!(record.value, (n % 5 != 4).then_some(&value[..]), "of {n}");
            let headers: Vec<_> = header::Headers::new(record.headers).collect();
            assert_eq!(headers, [("h", key.as_bytes())]);
            bytes += record.key.len() + record.value.map_or(0, <[u8]>::len) + record.headers.len();
        }
        assert_eq!(shared.bytes(), bytes);
        assert!(!shared.0.full.is_empty(), "one chunk held all");
    }
}
