//! What a projector measures of itself.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fold {
    /// What is shown changed.
    View,
    /// What is known changed, and not what is shown.
    Core,
    /// Nothing changed: a duplicate, or folded before.
    Unchanged,
    /// An entity was dropped.
    Forgotten,
    /// A kind that this program does not know.
    Unknown,
    /// Bytes that are no event.
    Undecodable,
}

impl Fold {
    pub(crate) const ALL: [Self; 6] = [
        Self::View,
        Self::Core,
        Self::Unchanged,
        Self::Forgotten,
        Self::Unknown,
        Self::Undecodable,
    ];
}

/// Which input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    /// `events.v1`
    Events,
    /// `receipts.v1`
    Receipts,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FoldLabels {
    pub(crate) input: Input,
    pub(crate) outcome: Fold,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InputLabels {
    pub(crate) input: Input,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabels {
    pub(crate) input: Input,
    pub(crate) partition: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteLabels {
    /// Path as it stands in the routes, with the names of its parts.
    pub(crate) route: &'static str,
}

/// What is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Published {
    /// Records of `changes.v1`.
    Changes,
    /// States.
    States,
    /// Progress.
    Progress,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PublishedLabels {
    pub(crate) kind: Published,
}

/// Where a state was had from at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum From {
    /// Read again from a state topic.
    StateTopic,
    /// Found in the store.
    Store,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FromLabels {
    pub(crate) source: From,
}

/// Why a store was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rebuild {
    /// Damaged.
    Damaged,
    /// Made from another log, or its digest differs.
    Foreign,
    /// Older than what the log retains.
    TooOld,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RebuildLabels {
    pub(crate) reason: Rebuild,
}

fn encode_text(
    text: &'static str,
    encoder: &mut LabelValueEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    EncodeLabelValue::encode(&text, encoder)
}

impl EncodeLabelValue for Fold {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::View => "view",
            Self::Core => "core",
            Self::Unchanged => "unchanged",
            Self::Forgotten => "forgotten",
            Self::Unknown => "unknown",
            Self::Undecodable => "undecodable",
        };
        encode_text(text, encoder)
    }
}

impl EncodeLabelValue for Input {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Events => "events",
            Self::Receipts => "receipts",
        };
        encode_text(text, encoder)
    }
}

impl EncodeLabelValue for Published {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Changes => "changes",
            Self::States => "states",
            Self::Progress => "progress",
        };
        encode_text(text, encoder)
    }
}

impl EncodeLabelValue for From {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::StateTopic => "state_topic",
            Self::Store => "store",
        };
        encode_text(text, encoder)
    }
}

impl EncodeLabelValue for Rebuild {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::TooOld => "too_old",
        };
        encode_text(text, encoder)
    }
}

/// Handles on all metrics; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) folded: Family<FoldLabels, Counter>,
    pub(crate) batch_events: Histogram,
    pub(crate) event_bytes: Counter,
    pub(crate) state_bytes: Counter,
    pub(crate) published: Family<PublishedLabels, Counter>,
    pub(crate) append_seconds: Family<PublishedLabels, Histogram>,
    pub(crate) lag: Family<PartitionLabels, Gauge>,
    pub(crate) progress_age: Family<PartitionLabels, Gauge<f64, AtomicU64>>,
    pub(crate) led: Family<PartitionLabels, Gauge>,
    pub(crate) disturbed: Counter,
    pub(crate) reread: Counter,
    pub(crate) gaps: Counter,
    pub(crate) digest_mismatches: Counter,
    pub(crate) recovered: Family<FromLabels, Counter>,
    pub(crate) rebuilds: Family<RebuildLabels, Counter>,
    pub(crate) flushed_entries: Counter,
    pub(crate) flushed_bytes: Counter,
    pub(crate) flushes: Counter,
    pub(crate) flush_seconds: Histogram,
    pub(crate) pending_entries: Gauge,
    pub(crate) pending_limit: Gauge,
    pub(crate) pending_bytes: Gauge,
    pub(crate) pending_bytes_limit: Gauge,
    pub(crate) cache_entities: Family<PartitionLabels, Gauge>,
    pub(crate) cache_limit: Family<InputLabels, Gauge>,
    pub(crate) request_seconds: Family<RouteLabels, Histogram>,
    pub(crate) watchers: Gauge,
    pub(crate) watchers_limit: Gauge,
    pub(crate) watchers_ended: Counter,
}

fn seconds() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
    ])
}

/// Fine where most answers are: from memory, and from a page that is at hand.
fn request_seconds() -> Histogram {
    Histogram::new([
        25e-6, 50e-6, 100e-6, 150e-6, 200e-6, 300e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 0.25,
        1.0, 5.0,
    ])
}

impl Metrics {
    /// Registers all metrics; their names begin with `projector_`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            folded: Family::default(),
            batch_events: Histogram::new([
                1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0,
            ]),
            event_bytes: Counter::default(),
            state_bytes: Counter::default(),
            published: Family::default(),
            append_seconds: Family::new_with_constructor(seconds),
            lag: Family::default(),
            progress_age: Family::default(),
            led: Family::default(),
            disturbed: Counter::default(),
            reread: Counter::default(),
            gaps: Counter::default(),
            digest_mismatches: Counter::default(),
            recovered: Family::default(),
            rebuilds: Family::default(),
            flushed_entries: Counter::default(),
            flushed_bytes: Counter::default(),
            flushes: Counter::default(),
            flush_seconds: seconds(),
            pending_entries: Gauge::default(),
            pending_limit: Gauge::default(),
            pending_bytes: Gauge::default(),
            pending_bytes_limit: Gauge::default(),
            cache_entities: Family::default(),
            cache_limit: Family::default(),
            request_seconds: Family::new_with_constructor(request_seconds),
            watchers: Gauge::default(),
            watchers_limit: Gauge::default(),
            watchers_ended: Counter::default(),
        };
        metrics.name_fold(registry.sub_registry_with_prefix("projector"));
        metrics.name_store(registry.sub_registry_with_prefix("projector"));
        metrics.name_pending(registry.sub_registry_with_prefix("projector"));
        metrics.start();
        metrics
    }

    fn name_fold(&self, registry: &mut Registry) {
        let (r, m) = (registry, self);
        r.register(
            "folded_events",
            "Events folded, by what they did",
            m.folded.clone(),
        );
        r.register(
            "batch_events",
            "Events of one batch",
            m.batch_events.clone(),
        );
        r.register_with_unit(
            "events_read",
            "Bytes of events read",
            Unit::Bytes,
            m.event_bytes.clone(),
        );
        r.register_with_unit(
            "states_published",
            "Bytes of states published; by bytes of events read it is the write amplification",
            Unit::Bytes,
            m.state_bytes.clone(),
        );
        r.register(
            "published_records",
            "Records published",
            m.published.clone(),
        );
        r.register_with_unit(
            "append",
            "Time until a batch of records was durable",
            Unit::Seconds,
            m.append_seconds.clone(),
        );
        r.register("lag_records", "Events that are not folded", m.lag.clone());
        r.register_with_unit(
            "progress_age",
            "Time since the progress was written that this instance has come to; a second or two while somebody leads",
            Unit::Seconds,
            m.progress_age.clone(),
        );
        r.register(
            "leads",
            "1 where this instance leads the partition, 0 where it follows",
            m.led.clone(),
        );
        r.register(
            "takeovers_disturbed",
            "Times that a leader found records of another in its topics and took over again",
            m.disturbed.clone(),
        );
        r.register(
            "topics_reread",
            "Times that a partition of a state topic was read again from its beginning",
            m.reread.clone(),
        );
        r.register(
            "gaps",
            "Times that events were lost before they could be folded",
            m.gaps.clone(),
        );
        r.register(
            "digest_mismatches",
            "Times that the states of the log did not have the digest of their progress record",
            m.digest_mismatches.clone(),
        );
    }

    fn name_store(&self, registry: &mut Registry) {
        let (r, m) = (registry, self);
        r.register(
            "recovered_records",
            "States had at start, by where from",
            m.recovered.clone(),
        );
        r.register(
            "store_rebuilds",
            "Times that the store was made anew, by reason",
            m.rebuilds.clone(),
        );
        r.register(
            "store_flushes",
            "Times that the store was flushed",
            m.flushes.clone(),
        );
        r.register(
            "store_flushed_entries",
            "Entries written to the store",
            m.flushed_entries.clone(),
        );
        r.register_with_unit(
            "store_flushed",
            "Bytes written to the store",
            Unit::Bytes,
            m.flushed_bytes.clone(),
        );
        r.register_with_unit(
            "store_flush",
            "Time of a flush",
            Unit::Seconds,
            m.flush_seconds.clone(),
        );
        r.register(
            "cache_entities",
            "Decoded states in memory",
            m.cache_entities.clone(),
        );
        r.register(
            "cache_entities_limit",
            "Decoded states kept at most",
            m.cache_limit.clone(),
        );
        r.register_with_unit(
            "request",
            "Time from a query's headers to its answer, what it waits for included; watching is not counted",
            Unit::Seconds,
            m.request_seconds.clone(),
        );
        r.register("watchers", "Watchers connected", m.watchers.clone());
        r.register(
            "watchers_limit",
            "Watchers at most",
            m.watchers_limit.clone(),
        );
        r.register(
            "watchers_disconnected",
            "Watchers disconnected because they did not take what they watched",
            m.watchers_ended.clone(),
        );
    }

    fn name_pending(&self, registry: &mut Registry) {
        let (r, m) = (registry, self);
        r.register(
            "store_pending_entries",
            "Entries not on disk",
            m.pending_entries.clone(),
        );
        r.register(
            "store_pending_entries_limit",
            "Entries at which leaders wait",
            m.pending_limit.clone(),
        );
        r.register_with_unit(
            "store_pending",
            "Keys and values in memory that are not on disk, those being written among them",
            Unit::Bytes,
            m.pending_bytes.clone(),
        );
        r.register_with_unit(
            "store_pending_limit",
            "Keys and values at which reading waits before queries are answered",
            Unit::Bytes,
            m.pending_bytes_limit.clone(),
        );
    }

    /// Counters that may never count are there from the start, at 0.
    fn start(&self) {
        for input in [Input::Events, Input::Receipts] {
            for outcome in Fold::ALL {
                let _there = self.folded.get_or_create(&FoldLabels { input, outcome });
            }
        }
        for source in [From::StateTopic, From::Store] {
            let _there = self.recovered.get_or_create(&FromLabels { source });
        }
        for reason in [Rebuild::Damaged, Rebuild::Foreign, Rebuild::TooOld] {
            let _there = self.rebuilds.get_or_create(&RebuildLabels { reason });
        }
    }

    pub(crate) fn count(&self, input: Input, outcome: Fold, by: u64) {
        self.folded
            .get_or_create(&FoldLabels { input, outcome })
            .inc_by(by);
    }

    pub(crate) fn count_recovered(&self, source: From, by: u64) {
        self.recovered
            .get_or_create(&FromLabels { source })
            .inc_by(by);
    }

    /// Counts and logs that the store is made anew.
    pub(crate) fn rebuild(&self, reason: Rebuild, why: &str, aside: Option<&std::path::Path>) {
        self.rebuilds.get_or_create(&RebuildLabels { reason }).inc();
        let aside = aside.map(|path| path.display().to_string());
        tracing::error!(
            store.set_aside = aside,
            "{why}: it is made anew from the log, which is no loss"
        );
    }
}
