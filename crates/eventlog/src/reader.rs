//! Reading partitions from a position, and following them.

use std::time::Duration;

use crate::{error::Error, kafka, local, record::RecordBatch};

/// One partition of a reader, and where to begin in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Topic, without prefix.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// Where to begin.
    pub at: At,
    /// Whether its records come with their headers; if not they have none.
    pub headers: bool,
}

impl Start {
    /// A start at a position of a partition.
    #[must_use]
    pub fn new(topic: impl Into<String>, partition: u32, at: At) -> Self {
        Self {
            topic: topic.into(),
            partition,
            at,
            headers: true,
        }
    }

    /// Leaves headers out, which on Kafka cost more to read than all the rest of a record.
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        self.headers = false;
        self
    }
}

/// Where to begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At this offset, which must lie within the log or be its end.
    Offset(i64),
    /// At the first record that the log holds.
    Beginning,
    /// After the last record that the log holds when the reader is opened.
    End,
}

/// Reads one or more partitions; each record comes once, in order within its partition.
///
/// Partitions are numbered by their place in the starts: a record's `source`.
/// It reads ahead only by a bounded amount, so a reader that is not asked costs memory and nothing else.
#[derive(Debug)]
pub struct Reader {
    engine: Engine,
}

#[derive(Debug)]
pub(crate) enum Engine {
    Kafka(kafka::Reader),
    Local(local::Reader),
}

impl Reader {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// The next records: at least one, or none if `wait` is over.
    ///
    /// Returns as soon as it has any; `max_records` and `max_bytes` bound what is given at once, but one record is always given.
    /// (While Kafka has no brokers at all it may take some seconds more than `wait`.)
    /// Safe to cancel: what was read and not handed out comes with the next call.
    /// (If the call before was cancelled, its bounds may be those that apply.)
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when the log no longer holds the position, which ends this reader's use;
    /// [`Error::Damaged`] when the local log's checksum is wrong;
    /// else transient: ask again.
    pub async fn next(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<RecordBatch, Error> {
        match &mut self.engine {
            Engine::Kafka(reader) => reader.next(max_records, max_bytes, wait).await,
            Engine::Local(reader) => reader.next(max_records, max_bytes, wait).await,
        }
    }

    /// The offset after the last record handed out of a source: where another reader would go on.
    ///
    /// 0 for a source that there is none of.
    #[must_use]
    pub fn position(&self, source: usize) -> i64 {
        match &self.engine {
            Engine::Kafka(reader) => reader.position(source),
            Engine::Local(reader) => reader.position(source),
        }
    }

    /// The end of a source when the reader was opened.
    #[must_use]
    pub fn end_at_open(&self, source: usize) -> i64 {
        match &self.engine {
            Engine::Kafka(reader) => reader.end_at_open(source),
            Engine::Local(reader) => reader.end_at_open(source),
        }
    }

    /// Whether everything that a source held when the reader was opened has been handed out; once true it stays true.
    #[must_use]
    pub fn reached_end(&self, source: usize) -> bool {
        self.position(source) >= self.end_at_open(source)
    }

    /// Whether [`Self::reached_end`] holds for all sources.
    #[must_use]
    pub fn reached_all_ends(&self) -> bool {
        (0..self.sources()).all(|source| self.reached_end(source))
    }

    /// How many sources it reads.
    #[must_use]
    pub fn sources(&self) -> usize {
        match &self.engine {
            Engine::Kafka(reader) => reader.sources(),
            Engine::Local(reader) => reader.sources(),
        }
    }
}
