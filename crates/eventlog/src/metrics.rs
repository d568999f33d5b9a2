//! What the log counts.

use std::{fmt, sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::error::{Class, Error};

/// Outcome of an append.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Appended {
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Durable,
    Permanent,
    Transient,
    Bug,
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Durable => "durable",
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::Bug => "bug",
        }
        .encode(encoder)
    }
}

/// Which client of librdkafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ClientLabel {
    pub(crate) client: ClientKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ClientKind {
    Producer,
    Reader,
    Member,
}

impl EncodeLabelValue for ClientKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Producer => "producer",
            Self::Reader => "reader",
            Self::Member => "member",
        }
        .encode(encoder)
    }
}

/// A partition; topics are a closed set and partitions are few.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabel {
    pub(crate) topic: String,
    pub(crate) partition: u32,
}

/// A topic in which a member of a group may hold partitions; both are closed sets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HeldLabel {
    group: String,
    topic: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabel {
    group: String,
}

/// What the members of groups hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupMetrics {
    held_partitions: Family<HeldLabel, Gauge>,
    rebalances: Family<GroupLabel, Counter>,
}

impl GroupMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "eventlog_held_partitions",
            "Partitions that this member of a group holds",
            metrics.held_partitions.clone(),
        );
        registry.register(
            "eventlog_rebalances",
            "Times that a group gave partitions to this member or took them",
            metrics.rebalances.clone(),
        );
        metrics
    }

    pub(crate) fn held(&self, group: &str, topic: &str, partitions: usize) {
        let label = HeldLabel {
            group: group.to_owned(),
            topic: topic.to_owned(),
        };
        let partitions = i64::try_from(partitions).unwrap_or(i64::MAX);
        self.held_partitions.get_or_create(&label).set(partitions);
    }

    pub(crate) fn rebalanced(&self, group: &str) {
        let group = group.to_owned();
        self.rebalances.get_or_create(&GroupLabel { group }).inc();
    }
}

/// The metrics of one log, shared by its threads.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    appends: Family<Appended, Counter>,
    append_seconds: Histogram,
    appended_records: Counter,
    pub(crate) read_records: Counter,
    pub(crate) pending_records: Gauge,
    pub(crate) pending_bytes: Gauge,
    pub(crate) ready: Gauge,
    pub(crate) groups: GroupMetrics,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            appends: Family::default(),
            // 0.1 ms, which a broker beside us needs, up to 26 s, near the time-out.
            append_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 18)),
            appended_records: Counter::default(),
            read_records: Counter::default(),
            pending_records: Gauge::default(),
            pending_bytes: Gauge::default(),
            ready: Gauge::default(),
            groups: GroupMetrics::register(registry),
        };
        metrics.ready.set(1);
        registry.register(
            "eventlog_appends",
            "Batches appended, by outcome",
            metrics.appends.clone(),
        );
        registry.register_with_unit(
            "eventlog_append",
            "Time until a batch was durable",
            Unit::Seconds,
            metrics.append_seconds.clone(),
        );
        registry.register(
            "eventlog_appended_records",
            "Records that became durable",
            metrics.appended_records.clone(),
        );
        registry.register(
            "eventlog_read_records",
            "Records handed out by readers",
            metrics.read_records.clone(),
        );
        registry.register(
            "eventlog_pending_records",
            "Records appended and not yet durable",
            metrics.pending_records.clone(),
        );
        registry.register_with_unit(
            "eventlog_pending",
            "Bytes appended and not yet durable",
            Unit::Bytes,
            metrics.pending_bytes.clone(),
        );
        registry.register(
            "eventlog_ready",
            "1 when the log takes records, 0 when it is in trouble",
            metrics.ready.clone(),
        );
        metrics
    }

    pub(crate) fn appended(&self, outcome: &Result<Vec<i64>, Error>, took: Duration) {
        self.append_seconds.observe(took.as_secs_f64());
        let outcome = match outcome {
            Ok(offsets) => {
                let records = u64::try_from(offsets.len()).unwrap_or(u64::MAX);
                self.appended_records.inc_by(records);
                Outcome::Durable
            }
            Err(error) => match error.class() {
                Class::Permanent => Outcome::Permanent,
                Class::Transient => Outcome::Transient,
                Class::Bug => Outcome::Bug,
            },
        };
        self.appends.get_or_create(&Appended { outcome }).inc();
    }
}

/// What librdkafka tells of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct KafkaMetrics {
    pub(crate) queued_records: Family<ClientLabel, Gauge>,
    pub(crate) queued_bytes: Family<ClientLabel, Gauge>,
    pub(crate) round_trip_seconds: Family<ClientLabel, Gauge<f64, AtomicU64>>,
    pub(crate) request_errors: Family<ClientLabel, Counter>,
    pub(crate) response_errors: Family<ClientLabel, Counter>,
    pub(crate) request_timeouts: Family<ClientLabel, Counter>,
    pub(crate) lag_records: Family<PartitionLabel, Gauge>,
    pub(crate) clients_replaced: Counter,
    pub(crate) certificate_expiry: Gauge,
}

impl KafkaMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "eventlog_kafka_queued_records",
            "Records in the client's queues",
            metrics.queued_records.clone(),
        );
        registry.register_with_unit(
            "eventlog_kafka_queued",
            "Bytes in the client's queues",
            Unit::Bytes,
            metrics.queued_bytes.clone(),
        );
        registry.register_with_unit(
            "eventlog_kafka_round_trip",
            "Mean time of a request to the slowest broker",
            Unit::Seconds,
            metrics.round_trip_seconds.clone(),
        );
        registry.register(
            "eventlog_kafka_request_errors",
            "Requests that could not be sent",
            metrics.request_errors.clone(),
        );
        registry.register(
            "eventlog_kafka_response_errors",
            "Answers that could not be received",
            metrics.response_errors.clone(),
        );
        registry.register(
            "eventlog_kafka_request_timeouts",
            "Requests without an answer in time",
            metrics.request_timeouts.clone(),
        );
        registry.register(
            "eventlog_kafka_lag_records",
            "Records that a reader has not been given yet",
            metrics.lag_records.clone(),
        );
        registry.register(
            "eventlog_kafka_clients_replaced",
            "Producers replaced after a fatal error",
            metrics.clients_replaced.clone(),
        );
        registry.register_with_unit(
            "eventlog_kafka_certificate_expiry_timestamp",
            "When the certificate ends that brokers are shown, in seconds since 1970; 0 without one",
            Unit::Seconds,
            metrics.certificate_expiry.clone(),
        );
        metrics
    }
}
