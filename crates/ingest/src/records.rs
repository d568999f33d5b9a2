//! From events and quarantined items to the records of one append.

use std::{borrow::Cow, fmt::Write as _};

use bytes::Bytes;
use domain::ids::Entity;
use eventlog::{Batch, Log, partition_of};
use graph::webhook::Field;
use wire::{
    headers::{self, Origin},
    topics::Topic,
};

use crate::{judge::Addressed, limits, reason::Reason};

/// How many partitions the topics have that ingest appends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics {
    /// Of `events.v1`.
    pub events: u32,
    /// Of `receipts.v1`.
    pub receipts: u32,
    /// Of `quarantine.v1`.
    pub quarantine: u32,
}

impl Topics {
    /// Asks the log.
    pub(crate) async fn learn(log: &Log) -> Result<Self, eventlog::Error> {
        Ok(Self {
            events: log.partitions(Topic::Events.name()).await?,
            receipts: log.partitions(Topic::Receipts.name()).await?,
            quarantine: log.partitions(Topic::Quarantine.name()).await?,
        })
    }
}

/// What goes to quarantine.
pub(crate) struct Quarantined<'a> {
    /// What may be kept of it.
    pub(crate) value: Cow<'a, str>,
    pub(crate) reason: Reason,
    /// Where, and what was expected there; no value of it.
    pub(crate) detail: Option<&'a str>,
    pub(crate) entity: Option<&'a Entity>,
    pub(crate) field: Option<&'a Field<'a>>,
    pub(crate) waba_id: Option<&'a str>,
    pub(crate) phone_number_id: Option<&'a str>,
}

/// The event does not fit into a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Writes the records of one POST.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    batch: Batch,
    topics: Topics,
    /// Our clock, in milliseconds: retention counts from when a record came, not from what it says.
    now_ms: i64,
    traceparent: Option<&'a [u8]>,
    /// Kept between records for their allocations.
    key: String,
    value: Vec<u8>,
}

impl<'a> Records<'a> {
    /// None yet; `body` is how long the POST is, for room.
    pub(crate) fn new(
        topics: Topics,
        now_ms: i64,
        traceparent: Option<&'a [u8]>,
        body: usize,
    ) -> Self {
        Self {
            // One record, mostly, of about the body's length with its headers.
            batch: Batch::with_capacity(4, body + 512),
            topics,
            now_ms,
            traceparent,
            key: String::with_capacity(128),
            value: Vec::with_capacity(512),
        }
    }

    /// Adds an event, to the topic that its entity belongs to.
    pub(crate) fn event(&mut self, addressed: &Addressed) -> Result<(), TooLarge> {
        let Addressed { entity, event } = addressed;
        self.value.clear();
        wire::encode_event(event, &mut self.value);
        if self.value.len() > limits::VALUE_BYTES_MAX {
            return Err(TooLarge);
        }
        let topic = Topic::of_event(entity);
        let partitions = match topic {
            Topic::Receipts => self.topics.receipts,
            Topic::Events
            | Topic::Groups
            | Topic::Messages
            | Topic::Requests
            | Topic::Numbers
            | Topic::Changes
            | Topic::Quarantine => self.topics.events,
        };
        self.key(Some(entity));
        let cloud = headers::event(Origin::Ingest, event);
        self.push(topic, partitions, &cloud, &[]);
        Ok(())
    }

    /// Adds what was not understood.
    pub(crate) fn quarantine(&mut self, quarantined: &Quarantined<'_>) {
        let Quarantined {
            value,
            reason,
            detail,
            entity,
            field,
            waba_id,
            phone_number_id,
        } = quarantined;
        let kept = cut(value);
        self.value.clear();
        self.value.extend_from_slice(kept.as_bytes());
        self.key(*entity);
        let id = blake3::hash(&self.value).to_hex();
        let time = chassis::time::rfc3339(self.now_ms.div_euclid(1000));
        let length = value.len().to_string();
        let cut_from = (kept.len() < value.len()).then_some(length.as_str());
        let text = reason.to_string();
        let further: Vec<(&str, &[u8])> = [
            ("ce_specversion", Some("1.0")),
            ("ce_type", Some("rollcall.v1.Quarantined")),
            ("ce_source", Some("/rollcall/ingest")),
            ("ce_id", id.get(..32)),
            ("ce_time", Some(&time)),
            ("content-type", Some("application/json")),
            ("reason", Some(reason.as_str())),
            ("detail", Some(detail.unwrap_or(&text))),
            ("field", field.map(|field| plain(field.as_str()))),
            ("waba_id", waba_id.map(plain)),
            ("phone_number_id", phone_number_id.map(plain)),
            ("cut_from_bytes", cut_from),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.as_bytes())))
        .collect();
        self.push(Topic::Quarantine, self.topics.quarantine, &[], &further);
    }

    /// Bytes of all of them so far.
    pub(crate) fn bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// All of them, to be appended together.
    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    fn key(&mut self, entity: Option<&Entity>) {
        self.key.clear();
        if let Some(entity) = entity {
            // Writing into memory does not fail.
            let _infallible = write!(self.key, "{entity}");
        }
    }

    fn push(
        &mut self,
        topic: Topic,
        partitions: u32,
        cloud: &[(&'static str, Bytes)],
        further: &[(&str, &[u8])],
    ) {
        const NONE: (&str, &[u8]) = ("", &[]);
        let mut headers = [NONE; limits::HEADERS_MAX];
        let given = cloud
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
            .chain(further.iter().copied())
            .chain(self.traceparent.map(|value| ("traceparent", value)));
        let mut count = 0;
        for (place, header) in headers.iter_mut().zip(given) {
            *place = header;
            count += 1;
        }
        // What names no entity is spread by what it says.
        let by = if self.key.is_empty() {
            self.value.as_slice()
        } else {
            self.key.as_bytes()
        };
        self.batch.push(
            topic.name(),
            partition_of(by, partitions),
            self.key.as_bytes(),
            Some(&self.value),
            headers.get(..count).unwrap_or_default(),
            self.now_ms,
        );
    }
}

/// As much of a text as fits into a record.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(limits::VALUE_BYTES_MAX);
    text.get(..end).unwrap_or_default()
}

/// Stands for a name that is none.
pub(crate) const UNFIT: &str = "unfit";

/// A name of Meta's if it is one: what is odd in a body does not become a header.
pub(crate) fn plain(name: &str) -> &str {
    let is_plain = (1..=limits::HEADER_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_plain { name } else { UNFIT }
}
