//! What ingest measures. Labels are words of closed sets; nothing of a body is ever one.

use std::time::Duration;

use graph::webhook::Field;
use http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{limits, reason::Reason};

/// Seconds: around a broker's acknowledgement (0.1 ms to 1 ms), Meta's wish (250 ms, 1 s) and our limits.
const SECONDS: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    15.0,
];

/// All metrics of one ingest; clones count into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    webhooks: Family<Code, Counter>,
    items: Family<Item, Counter>,
    quarantined: Family<Quarantined, Counter>,
    dropped: Family<Kind, Counter>,
    records: Counter,
    body_bytes: Counter,
    append: Histogram,
    answer: Histogram,
    /// The gauges are the counts that the limits are held against.
    pub(crate) requests_in_flight: Gauge,
    pub(crate) bytes_in_flight: Gauge,
    /// 200 is all but every answer.
    accepted: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Code {
    method: &'static str,
    code: u16,
}

/// Field, kind and outcome of an item.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Item {
    pub(crate) field: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Quarantined {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// What a POST came to, counted once its records are durable: a POST that is refused comes again.
#[derive(Debug, Default)]
pub struct Tally {
    items: Vec<(Item, u64)>,
    quarantined: Vec<(Reason, u64)>,
    dropped: Vec<(&'static str, u64)>,
}

impl Tally {
    pub(crate) fn item(&mut self, item: Item) {
        count(&mut self.items, item);
    }

    pub(crate) fn quarantined(&mut self, reason: Reason) {
        count(&mut self.quarantined, reason);
    }

    pub(crate) fn dropped(&mut self, kind: &'static str) {
        count(&mut self.dropped, kind);
    }
}

/// A POST has few kinds, and mostly one: a list is looked through faster than a map is hashed.
fn count<T: PartialEq>(counts: &mut Vec<(T, u64)>, of: T) {
    match counts.iter_mut().find(|(known, _)| *known == of) {
        Some((_, count)) => *count += 1,
        None => counts.push((of, 1)),
    }
}

/// The field, as a word of a closed set.
pub(crate) fn field(field: Option<&Field<'_>>) -> &'static str {
    match field {
        Some(Field::GroupLifecycleUpdate) => "group_lifecycle_update",
        Some(Field::GroupParticipantsUpdate) => "group_participants_update",
        Some(Field::GroupSettingsUpdate) => "group_settings_update",
        Some(Field::GroupStatusUpdate) => "group_status_update",
        Some(Field::Messages) => "messages",
        Some(Field::Unknown(_)) => "unknown",
        None => "none",
    }
}

impl Metrics {
    /// Registers all of them, as `ingest_…`.
    pub fn register(registry: &mut Registry) -> Self {
        let webhooks = Family::<Code, Counter>::default();
        let accepted = webhooks.get_or_create_owned(&Code {
            method: "POST",
            code: StatusCode::OK.as_u16(),
        });
        let metrics = Self {
            webhooks,
            items: Family::default(),
            quarantined: Family::default(),
            dropped: Family::default(),
            records: Counter::default(),
            body_bytes: Counter::default(),
            append: Histogram::new(SECONDS),
            answer: Histogram::new(SECONDS),
            requests_in_flight: Gauge::default(),
            bytes_in_flight: Gauge::default(),
            accepted,
        };
        metrics.expose(registry.sub_registry_with_prefix("ingest"));
        metrics
    }

    fn expose(&self, registry: &mut Registry) {
        let Self {
            webhooks,
            items,
            quarantined,
            dropped,
            records,
            body_bytes,
            append,
            answer,
            requests_in_flight,
            bytes_in_flight,
            accepted: _,
        } = self;
        registry.register("webhooks", "Requests answered", webhooks.clone());
        registry.register("items", "Items of durable webhooks", items.clone());
        registry.register("quarantined", "Records in quarantine", quarantined.clone());
        registry.register("dropped", "Items not about groups", dropped.clone());
        registry.register("records", "Records appended", records.clone());
        registry.register_with_unit("body", "Bodies received", Unit::Bytes, body_bytes.clone());
        registry.register_with_unit(
            "append",
            "Time until the log had the records of a webhook",
            Unit::Seconds,
            append.clone(),
        );
        registry.register_with_unit(
            "answer",
            "Time until a webhook was answered",
            Unit::Seconds,
            answer.clone(),
        );
        let in_flight = [
            (
                "in_flight_requests",
                "Webhooks being worked on",
                requests_in_flight.clone(),
            ),
            (
                "in_flight_bytes",
                "Bytes of bodies being worked on",
                bytes_in_flight.clone(),
            ),
            (
                "in_flight_requests_max",
                "Limit of webhooks being worked on",
                constant(limits::REQUESTS_IN_FLIGHT_MAX),
            ),
            (
                "in_flight_bytes_max",
                "Limit of bytes of bodies being worked on",
                constant(limits::BYTES_IN_FLIGHT_MAX),
            ),
        ];
        for (name, help, gauge) in in_flight {
            registry.register(name, help, gauge);
        }
    }

    pub(crate) fn answered(&self, method: &'static str, code: StatusCode, took: Duration) {
        if code == StatusCode::OK && method == "POST" {
            self.accepted.inc();
        } else {
            let code = code.as_u16();
            self.webhooks.get_or_create(&Code { method, code }).inc();
        }
        if method == "POST" {
            self.answer.observe(took.as_secs_f64());
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.body_bytes.inc_by(wide(bytes));
    }

    /// The records of a POST are durable.
    pub(crate) fn appended(&self, tally: &Tally, records: usize, took: Duration) {
        self.records.inc_by(wide(records));
        if records > 0 {
            self.append.observe(took.as_secs_f64());
        }
        let Tally {
            items,
            quarantined,
            dropped,
        } = tally;
        for (item, count) in items {
            self.items.get_or_create(item).inc_by(*count);
        }
        for (reason, count) in quarantined {
            let reason = reason.as_str();
            self.quarantined
                .get_or_create(&Quarantined { reason })
                .inc_by(*count);
        }
        for (kind, count) in dropped {
            self.dropped.get_or_create(&Kind { kind }).inc_by(*count);
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn constant(value: usize) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}
