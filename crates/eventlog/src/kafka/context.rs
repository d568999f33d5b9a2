//! What librdkafka tells us, passed on to tracing, metrics and the deliveries.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use prometheus_client::metrics::{counter::Counter, family::Family};
use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    consumer::ConsumerContext,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::ProducerContext,
};

use super::delivery::Deliveries;
use crate::{
    metrics::{ClientKind, ClientLabel, KafkaMetrics, PartitionLabel},
    refusal::Refusal,
};

/// What the contexts of all clients of a log have in common.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// What the names of all topics begin with.
    pub(super) prefix: String,
    pub(super) metrics: KafkaMetrics,
    /// Why brokers do not let us in, since one did.
    refusal: Arc<Mutex<Option<Refusal>>>,
}

impl Told {
    pub(super) fn new(prefix: &str, metrics: &KafkaMetrics) -> Self {
        Self {
            prefix: prefix.to_owned(),
            metrics: metrics.clone(),
            ..Self::default()
        }
    }

    /// Why brokers do not let us in.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A broker answered.
    pub(super) fn let_in(&self) {
        self.refused(None);
    }

    fn refused(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

/// The context of every client of ours; a client that does not produce has no deliveries.
pub(super) struct Context {
    kind: ClientKind,
    told: Told,
    /// Statistics count from the client's start; metrics take the difference.
    counted: Mutex<Counted>,
    pub(super) deliveries: Deliveries,
    /// Set by librdkafka, taken by the monitor.
    fatal: AtomicBool,
    brokers_down: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct Counted {
    request_errors: u64,
    response_errors: u64,
    timeouts: u64,
}

impl Context {
    pub(super) fn new(kind: ClientKind, told: &Told) -> Self {
        Self {
            kind,
            told: told.clone(),
            counted: Mutex::default(),
            deliveries: Deliveries::default(),
            fatal: AtomicBool::new(false),
            brokers_down: AtomicBool::new(false),
        }
    }

    /// Whether the client has met an error that it cannot go on after.
    pub(super) fn is_fatal(&self) -> bool {
        self.fatal.load(Ordering::Acquire)
    }

    /// Whether all brokers were lost since the client's start or the last [`Self::take_brokers_down`].
    pub(super) fn is_without_brokers(&self) -> bool {
        self.brokers_down.load(Ordering::Acquire)
    }

    /// Whether all brokers were lost since this was asked last.
    pub(super) fn take_brokers_down(&self) -> bool {
        self.brokers_down.swap(false, Ordering::AcqRel)
    }

    pub(super) fn note(&self, code: RDKafkaErrorCode) {
        if code == RDKafkaErrorCode::Fatal {
            self.fatal.store(true, Ordering::Release);
        }
    }

    fn count(&self, statistics: &Statistics) {
        let mut now = Counted::default();
        let mut slowest = None;
        for broker in statistics.brokers.values() {
            now.request_errors += broker.txerrs;
            now.response_errors += broker.rxerrs;
            now.timeouts += broker.req_timeouts;
            let mean = broker.rtt.as_ref().map(|rtt| rtt.avg);
            slowest = slowest.max(mean);
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, label) = (*counted, ClientLabel { client: self.kind });
        *counted = now;
        let metrics = &self.told.metrics;
        let add = |counters: &Family<ClientLabel, Counter>, now: u64, before: u64| {
            let counter = counters.get_or_create(&label);
            counter.inc_by(now.saturating_sub(before));
        };
        let Counted {
            request_errors,
            response_errors,
            timeouts,
        } = before;
        add(&metrics.request_errors, now.request_errors, request_errors);
        add(
            &metrics.response_errors,
            now.response_errors,
            response_errors,
        );
        add(&metrics.request_timeouts, now.timeouts, timeouts);
        let micros = u32::try_from(slowest.unwrap_or(0)).unwrap_or(u32::MAX);
        let seconds = f64::from(micros) / 1e6;
        metrics
            .round_trip_seconds
            .get_or_create(&label)
            .set(seconds);
        self.gauge_queues(statistics, &label);
    }

    fn gauge_queues(&self, statistics: &Statistics, label: &ClientLabel) {
        let (mut records, mut bytes) = (statistics.msg_cnt, statistics.msg_size);
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values() {
                records += u64::try_from(partition.fetchq_cnt).unwrap_or(0);
                bytes += partition.fetchq_size;
                self.gauge_lag(&topic.topic, partition);
            }
        }
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let metrics = &self.told.metrics;
        metrics
            .queued_records
            .get_or_create(label)
            .set(gauge(records));
        metrics.queued_bytes.get_or_create(label).set(gauge(bytes));
    }

    fn gauge_lag(&self, topic: &str, partition: &rdkafka::statistics::Partition) {
        let (end, next) = (partition.ls_offset, partition.app_offset);
        // Negative: not known yet, or not a partition that this client reads.
        let (Ok(index), true) = (
            u32::try_from(partition.partition),
            self.kind == ClientKind::Reader && end >= 0 && next >= 0,
        ) else {
            return;
        };
        let topic = topic.strip_prefix(&self.told.prefix).unwrap_or(topic);
        let label = PartitionLabel {
            topic: topic.to_owned(),
            partition: index,
        };
        let lag = end.saturating_sub(next).max(0);
        let metrics = &self.told.metrics;
        metrics.lag_records.get_or_create(&label).set(lag);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // librdkafka's facilities and messages name brokers, topics and partitions, and no content of records.
        match level {
            // What a connection died of comes as an error as well, and what TLS finds ends in that.
            _ if matches!(facility, "FAIL" | "SSL") => {
                tracing::debug!(target: "librdkafka", facility, "{message}")
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}")
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.count(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Told again at each try to connect, dozens of times a second; the log's health says it once.
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                self.brokers_down.store(true, Ordering::Release);
                tracing::debug!(target: "librdkafka", "{reason}");
            }
            Some(code) => {
                self.note(code);
                match refusal(code, reason) {
                    Some(refusal) => {
                        self.told.refused(Some(refusal));
                        tracing::debug!(target: "librdkafka", code = ?code, "{reason}");
                    }
                    None => tracing::warn!(target: "librdkafka", code = ?code, "{reason}"),
                }
            }
            None => tracing::warn!(target: "librdkafka", "{reason}"),
        }
    }
}

/// What an error says of whether we are let in; librdkafka has codes for some of it, and words of OpenSSL's for the rest.
fn refusal(code: RDKafkaErrorCode, reason: &str) -> Option<Refusal> {
    // Alerts by which a broker ends a connection for our certificate (RFC 8446, section 6.2): TLS 1.3 tells them after the handshake.
    const ALERTS: [&str; 6] = [
        "alert bad certificate",
        "alert unsupported certificate",
        "alert certificate revoked",
        "alert certificate expired",
        "alert certificate unknown",
        "alert certificate required",
    ];
    let has = |words: &str| reason.contains(words);
    if has("certificate verify failed") {
        Some(Refusal::BrokerCertificate)
    } else if ALERTS.into_iter().any(has) || has("alert unknown ca") {
        Some(Refusal::OurCertificate)
    } else if has("PLAINTEXT broker listener") {
        Some(Refusal::Plain)
    } else if code == RDKafkaErrorCode::Authentication {
        let is_password = has("invalid credentials") || has("Authentication failed");
        Some(if is_password {
            Refusal::Password
        } else {
            Refusal::Sasl
        })
    } else {
        None
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    /// Batch and index in one number, see [`super::delivery`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        if let Err((error, _)) = result
            && let Some(code) = error.rdkafka_error_code()
        {
            self.note(code);
        }
        self.deliveries.delivered(result, opaque);
    }
}

#[cfg(test)]
mod tests;
