//! The only way in which the reconciler changes anything: events appended to the log.

use std::time::Duration;

use chassis::{
    CancellationToken, Clock,
    retry::{self, Backoff, Class},
};
use domain::{
    event::{About, Event, Source},
    ids::{Entity, PhoneNumberId, Second},
};
use eventlog::{Batch, Log};
use wire::topics::{Topic, key};

use crate::limits::APPEND_EVENTS_MAX;

/// Pauses between tries of an append; the try itself is bounded by the log's delivery time-out.
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(200),
    cap: Duration::from_secs(10),
    tries_max: Some(6),
};

/// Appends events, each to its entity's partition.
#[derive(Debug, Clone)]
pub(crate) struct Appender {
    log: Log,
    clock: Clock,
    shutdown: CancellationToken,
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
    pub(crate) async fn open(
        log: Log,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<Self, eventlog::Error> {
        let partitions = log.partitions(Topic::Events.name()).await?;
        Ok(Self {
            log,
            clock,
            shutdown,
            partitions,
        })
    }

    /// Appends all, in batches, and waits until they are durable; tries again where that can help.
    pub(crate) async fn append(&self, events: &[Event]) -> Result<(), eventlog::Error> {
        for events in events.chunks(APPEND_EVENTS_MAX) {
            let class = |error: &eventlog::Error| match error.class() {
                eventlog::Class::Permanent => Class::Permanent,
                eventlog::Class::Transient => Class::Transient,
                eventlog::Class::Bug => Class::Bug,
            };
            let tried = retry::retry(&self.clock, &self.shutdown, BACKOFF, class, || {
                self.log.append(self.batch(events))
            })
            .await;
            if let Err(error) = tried {
                match error.into_last() {
                    Some(error) => return Err(error),
                    // Stopped before the first try: what was not appended is read again after the start.
                    None => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn batch(&self, events: &[Event]) -> Batch {
        let mut batch = Batch::new();
        let mut value = Vec::new();
        let now_ms = i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX);
        for event in events {
            value.clear();
            wire::encode_event(event, &mut value);
            let key = key(&entity(event));
            let headers = wire::headers::event(wire::headers::Origin::Reconciler, event);
            let headers = headers
                .each_ref()
                .map(|(name, value)| (*name, value.as_ref()));
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

fn entity(event: &Event) -> Entity {
    match &event.about {
        About::Group(id, _) => Entity::Group(id.clone()),
        About::Message(id, _) => Entity::Message(id.clone()),
        About::Number(id, _) => Entity::Number(id.clone()),
        About::Request(id, _) => Entity::Request(id.clone()),
    }
}
