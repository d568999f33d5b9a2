//! What the reconciler counts.

use domain::group::{Applied, Existence, Field, FieldChange};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// A word from a closed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Label {
    kind: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

/// A counter for each word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(Family<Label, Counter>);

impl Counts {
    pub(crate) fn add(&self, kind: &'static str, count: u64) {
        self.0
            .get_or_create(&Label { kind: Word(kind) })
            .inc_by(count);
    }

    fn get(&self, kind: &'static str) -> u64 {
        self.0.get_or_create(&Label { kind: Word(kind) }).get()
    }
}

/// Kinds of drift, as they are counted.
pub const DRIFT_KINDS: [&str; 7] = [
    "created",
    "gone",
    "subject",
    "participants",
    "join_requests",
    "settings",
    "suspended",
];

/// All metrics; clones share.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) drift: Counts,
    pub(crate) calls: Counts,
    pub(crate) refusals: Counts,
    pub(crate) reads: Counts,
    pub(crate) passes: Counts,
    pub(crate) steps: Counts,
    pub(crate) repairs: Counter,
    pub(crate) last_pass: Gauge,
    pub(crate) suspects: Gauge,
    pub(crate) budget: Gauge,
}

impl Metrics {
    /// Registers all.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("reconciler");
        registry.register(
            "drift_found",
            "Differences from Meta found in what was held, by kind",
            metrics.drift.0.clone(),
        );
        registry.register(
            "calls",
            "Calls to Meta's API, by kind",
            metrics.calls.0.clone(),
        );
        registry.register(
            "refusals",
            "Calls that Meta refused or that failed, by kind",
            metrics.refusals.0.clone(),
        );
        registry.register("reads", "Groups read, by reason", metrics.reads.0.clone());
        registry.register(
            "list_passes",
            "Passes over the list of active groups, by outcome",
            metrics.passes.0.clone(),
        );
        registry.register(
            "plan_steps",
            "Steps of comparisons, by kind",
            metrics.steps.0.clone(),
        );
        registry.register(
            "repairs",
            "Groups in which a read found a difference and appended what it saw",
            metrics.repairs.clone(),
        );
        registry.register(
            "last_list_pass_timestamp_seconds",
            "When a list pass last proved complete",
            metrics.last_pass.clone(),
        );
        registry.register(
            "suspects",
            "Groups that were unknown by id once",
            metrics.suspects.clone(),
        );
        registry.register(
            "budget_available_calls",
            "Calls that may be made now",
            metrics.budget.clone(),
        );
        metrics
    }

    /// Differences found so far, of all kinds.
    pub fn drift_found(&self) -> u64 {
        DRIFT_KINDS.iter().map(|kind| self.drift.get(kind)).sum()
    }

    /// Differences found so far of one of [`DRIFT_KINDS`].
    pub fn drift_found_of(&self, kind: &'static str) -> u64 {
        self.drift.get(kind)
    }

    /// Groups repaired so far.
    pub fn repaired(&self) -> u64 {
        self.repairs.get()
    }

    /// Counts what an event of ours is about to change in what was known before; `is_known` is whether members were ever known.
    pub(crate) fn drifted(&self, applied: &Applied<FieldChange>, is_known: bool) -> u64 {
        let (Applied::View { changes, .. } | Applied::Forgotten { changes, .. }) = applied else {
            return 0;
        };
        let mut found = 0;
        for kind in changes
            .iter()
            .filter_map(|change| drift_kind(change, is_known))
        {
            self.drift.add(kind, 1);
            found += 1;
        }
        found
    }
}

/// What kind of difference a change is; `None` where something was learnt that had not been known at all.
fn drift_kind(change: &FieldChange, is_known: bool) -> Option<&'static str> {
    match change {
        FieldChange::Existence {
            after: Some(Existence::Gone),
            ..
        } => Some("gone"),
        FieldChange::Existence {
            before: None | Some(Existence::Gone),
            after: Some(Existence::Active),
        } => Some("created"),
        FieldChange::Existence { .. } => None,
        FieldChange::Text {
            field: Field::Subject,
            before,
            ..
        } => before.as_ref().map(|_| "subject"),
        FieldChange::Text {
            field: Field::PhoneNumberId | Field::WabaId,
            ..
        } => None,
        FieldChange::Text { before, .. } => before.as_ref().map(|_| "settings"),
        FieldChange::Flag {
            field: Field::Suspended,
            before,
            after,
        } => (before.is_some() || *after == Some(true)).then_some("suspended"),
        FieldChange::Flag { .. } | FieldChange::Time { .. } | FieldChange::InDoubt { .. } => None,
        FieldChange::Participants { .. } => is_known.then_some("participants"),
        FieldChange::JoinRequests { .. } => is_known.then_some("join_requests"),
    }
}
