//! The only way in which the reconciler changes anything: events appended to the log.

use chassis::{
    CancellationToken, Clock,
    retry::{self, Backoff, Class},
    trace,
};
use domain::{
    event::{About, Event, Source},
    ids::{Entity, PhoneNumberId, Second},
};
use eventlog::{Batch, Log};
use wire::topics::{Topic, key};

use crate::{
    limits::{
        APPEND_EVENTS_MAX, APPEND_PAUSE_MAX, APPEND_PAUSE_MIN, APPEND_TRIES_MAX, EVENT_BYTES_MAX,
    },
    metrics::Metrics,
};

/// Pauses between tries; the try itself is bounded by the log's delivery time-out.
const BACKOFF: Backoff = Backoff {
    base: APPEND_PAUSE_MIN,
    cap: APPEND_PAUSE_MAX,
    tries_max: Some(APPEND_TRIES_MAX),
};

/// Appends events, each to its entity's partition.
#[derive(Debug, Clone)]
pub(crate) struct Appender {
    log: Log,
    clock: Clock,
    shutdown: CancellationToken,
    metrics: Metrics,
    partitions: u32,
}

/// An event of ours, with its id.
pub(crate) fn event(number: &PhoneNumberId, at: Second, source: Source, about: About) -> Event {
    let mut event = Event {
        id: domain::ids::EventId::default(),
        at,
        source,
        phone_number_id: Some(number.clone()),
        waba_id: None,
        about,
    };
    wire::id::identify(&mut event);
    event
}

impl Appender {
    /// The same, which goes on when shutdown has begun: what Meta was called for must not go unrecorded. Whoever uses it
    /// sets a limit of their own, or is ended with the tasks of the process.
    pub(crate) fn outliving(&self) -> Self {
        Self {
            shutdown: CancellationToken::new(),
            ..self.clone()
        }
    }

    /// Learns how many partitions there are; waits for a log that is away. `None` if shutdown came first.
    pub(crate) async fn open(
        log: Log,
        clock: Clock,
        shutdown: CancellationToken,
        metrics: Metrics,
    ) -> Result<Option<Self>, eventlog::Error> {
        let asked = retry::retry(&clock, &shutdown, BACKOFF, class, || {
            log.partitions(Topic::Events.name())
        });
        Ok(unless_stopped(asked.await)?.map(|partitions| Self {
            log,
            clock,
            shutdown,
            metrics,
            partitions,
        }))
    }

    /// Appends all, in batches, and waits until they are durable; tries again where that can help.
    ///
    /// What shutdown keeps from being appended is not lost: it is read again after the start.
    pub(crate) async fn append(&self, events: &[Event]) -> Result<(), eventlog::Error> {
        for events in events.chunks(APPEND_EVENTS_MAX) {
            let tried = retry::retry(&self.clock, &self.shutdown, BACKOFF, class, || {
                self.try_append(events)
            });
            if unless_stopped(tried.await)?.is_none() {
                return Ok(());
            }
            for event in events {
                self.metrics.events.add(wire::event_kind(event), 1);
            }
        }
        Ok(())
    }

    /// Appends one event for somebody who waits, and says where it stands: partition and offset. `None` if shutdown came first.
    ///
    /// One that is given up may still be appended; said again it changes nothing.
    pub(crate) async fn record(
        &self,
        event: &Event,
    ) -> Result<Option<(u32, i64)>, eventlog::Error> {
        let events = std::slice::from_ref(event);
        let partition = eventlog::partition_of(&key(&entity(event)), self.partitions);
        let tried = retry::retry(&self.clock, &self.shutdown, BACKOFF, class, || {
            self.log.append(self.batch(events))
        });
        let offsets = unless_stopped(tried.await)?;
        self.metrics.events.add(wire::event_kind(event), 1);
        Ok(offsets.and_then(|offsets| Some((partition, *offsets.first()?))))
    }

    /// The partition of a number.
    pub(crate) fn partition(&self, number: &PhoneNumberId) -> u32 {
        eventlog::partition_of(&key(&Entity::Number(number.clone())), self.partitions)
    }

    async fn try_append(&self, events: &[Event]) -> Result<(), eventlog::Error> {
        let appended = self.log.append(self.batch(events)).await;
        if let Err(error) = &appended {
            self.metrics.append_failures.inc();
            tracing::warn!(%error, events = events.len(), "events could not be appended");
        }
        appended.map(|_| ())
    }

    fn batch(&self, events: &[Event]) -> Batch {
        let mut batch = Batch::new();
        let mut value = Vec::new();
        let now_ms = i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX);
        let trace = trace::current();
        for event in events {
            value.clear();
            wire::encode_event(event, &mut value);
            if value.len() > EVENT_BYTES_MAX {
                // No try again makes it smaller, and a crash would only bring it back.
                tracing::error!(
                    kind = wire::event_kind(event),
                    bytes = value.len(),
                    "an answer of Meta's is too large for a record and is left out"
                );
                continue;
            }
            let key = key(&entity(event));
            let headers = wire::headers::event(wire::headers::Origin::Reconciler, event);
            let headers = headers.iter().map(|(name, value)| (*name, value.as_ref()));
            let headers: Vec<_> = headers
                .chain(trace.iter().map(|trace| (trace::HEADER, trace.as_bytes())))
                .collect();
            let partition = eventlog::partition_of(&key, self.partitions);
            batch.push(
                Topic::Events.name(),
                partition,
                &key,
                Some(&value),
                &headers,
                now_ms,
            );
        }
        batch
    }
}

fn class(error: &eventlog::Error) -> Class {
    match error.class() {
        eventlog::Class::Permanent => Class::Permanent,
        eventlog::Class::Transient => Class::Transient,
        eventlog::Class::Bug => Class::Bug,
    }
}

/// `None` where shutdown ended the tries.
fn unless_stopped<T>(
    tried: Result<T, retry::Error<eventlog::Error>>,
) -> Result<Option<T>, eventlog::Error> {
    match tried {
        Ok(value) => Ok(Some(value)),
        Err(retry::Error::Stopped { .. }) => Ok(None),
        Err(
            retry::Error::Permanent { source }
            | retry::Error::Bug { source }
            | retry::Error::Exhausted { source, .. },
        ) => Err(source),
    }
}

fn entity(event: &Event) -> Entity {
    match &event.about {
        About::Group(id, _) => Entity::Group(id.clone()),
        About::Message(id, _) => Entity::Message(id.clone()),
        About::Number(id, _) => Entity::Number(id.clone()),
        About::Request(id, _) => Entity::Request(id.clone()),
    }
}
