//! The log as a leader uses it: tried again while trying can help, and while no shutdown has begun.

use std::time::Duration;

use chassis::{
    CancellationToken, Clock,
    health::Heartbeat,
    retry::{Backoff, Class, Error as Retry, retry},
    trace,
};
use eventlog::{Batch, Bounds, Log, Reader, RecordBatch, Start};
use wire::topics::Topic;

use crate::{
    error::{End, Error},
    limits::{LOG_RETRY_BASE, LOG_RETRY_CAP},
};

/// One partition's view of the log.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) shutdown: CancellationToken,
    /// Turns with every try.
    pub(crate) heartbeat: Heartbeat,
    pub(crate) partition: u32,
}

/// How much to read at once, and how long to wait for any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) wait: Duration,
}

impl Logs {
    pub(crate) async fn bounds(&self, topic: Topic) -> Result<Bounds, End> {
        let bounds = || self.log.bounds(topic.name(), self.partition);
        self.tried("ask for the bounds of", topic, bounds).await
    }

    /// Opens a reader; `topic` is what errors name.
    pub(crate) async fn reader(&self, topic: Topic, starts: Vec<Start>) -> Result<Reader, End> {
        // All that is read here stands in keys and values, but the trace that an event belongs to.
        let is_traced = trace::is_on() && matches!(topic, Topic::Events | Topic::Receipts);
        let starts: Vec<Start> = if is_traced {
            starts
        } else {
            starts.into_iter().map(Start::without_headers).collect()
        };
        let reader = || self.log.reader(starts.clone());
        self.tried("open a reader of", topic, reader).await
    }

    pub(crate) async fn next(
        &self,
        reader: &mut Reader,
        topic: Topic,
        portion: Portion,
    ) -> Result<RecordBatch, End> {
        let Portion {
            records,
            bytes,
            wait,
        } = portion;
        let reader = tokio::sync::Mutex::new(reader);
        let next = || async { reader.lock().await.next(records, bytes, wait).await };
        self.tried("read", topic, next).await
    }

    /// Appends and waits until all is durable; records of a try that failed may be there twice, which is harmless.
    pub(crate) async fn append(&self, topic: Topic, batch: &Batch) -> Result<Vec<i64>, End> {
        let append = || self.log.append(batch.clone());
        self.tried("append to", topic, append).await
    }

    async fn tried<T, F, Fut>(
        &self,
        doing: &'static str,
        topic: Topic,
        mut operation: F,
    ) -> Result<T, End>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, eventlog::Error>>,
    {
        let backoff = Backoff {
            base: LOG_RETRY_BASE,
            cap: LOG_RETRY_CAP,
            // A Kafka that is away comes back; until then queries are answered from what is here.
            tries_max: None,
        };
        let (topic, partition) = (topic.name(), self.partition);
        let attempt = || {
            self.heartbeat.turn();
            let attempt = operation();
            async move {
                let outcome = attempt.await;
                if let Err(error) = &outcome {
                    let error = chassis::supervise::chain(error);
                    tracing::debug!(
                        kafka.topic = topic,
                        kafka.partition = partition,
                        "{doing} {topic}/{partition}: {error}"
                    );
                }
                outcome
            }
        };
        let outcome = retry(&self.clock, &self.shutdown, backoff, class, attempt).await;
        outcome.map_err(|error| match error {
            Retry::Stopped { .. } => End::Stopped,
            Retry::Permanent { source }
            | Retry::Bug { source }
            | Retry::Exhausted { source, .. } => End::Failed(Error::Log {
                doing,
                topic,
                partition,
                source,
            }),
        })
    }
}

/// What trying again can do about an error of the log.
pub(crate) fn class(error: &eventlog::Error) -> Class {
    match error.class() {
        eventlog::Class::Permanent => Class::Permanent,
        eventlog::Class::Transient => Class::Transient,
        eventlog::Class::Bug => Class::Bug,
    }
}
