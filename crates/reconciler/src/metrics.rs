//! What the reconciler counts.

use domain::agreement::{Cause, Kind, Repair};
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

/// What kind of difference was found, and why it was there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Found {
    kind: Word,
    cause: Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Word(&'static str);

/// The business number that a gauge is about: one of a few that the settings name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfNumber {
    phone_number_id: String,
}

/// What stands at one value for each business number.
#[derive(Debug, Clone)]
pub(crate) struct Gauges {
    pub(crate) last_pass: Gauge,
    pub(crate) suspects: Gauge,
    pub(crate) budget: Gauge,
    pub(crate) token_refused: Gauge,
    pub(crate) holds: Gauge,
}

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
}

/// All metrics; clones share.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    drift: Family<Found, Counter>,
    pub(crate) calls: Counts,
    pub(crate) refusals: Counts,
    pub(crate) reads: Counts,
    pub(crate) passes: Counts,
    pub(crate) steps: Counts,
    pub(crate) repairs: Counter,
    pub(crate) events: Counts,
    pub(crate) append_failures: Counter,
    pub(crate) state_records: Counter,
    last_pass: Family<OfNumber, Gauge>,
    suspects: Family<OfNumber, Gauge>,
    budget: Family<OfNumber, Gauge>,
    token_refused: Family<OfNumber, Gauge>,
    holds: Family<OfNumber, Gauge>,
    owned: Family<OfNumber, Gauge>,
    /// Fields that the app should be subscribed to and is not; -1 while that is not known.
    pub(crate) subscriptions_missing: Gauge,
}

impl Metrics {
    /// Registers all.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("reconciler");
        metrics.name_counters(registry);
        metrics.name_gauges(registry);
        metrics
    }

    fn name_counters(&self, registry: &mut Registry) {
        let kinds = [
            ("calls", "Calls to Meta's API, by kind", &self.calls),
            (
                "refusals",
                "Calls that Meta refused or that failed, by kind",
                &self.refusals,
            ),
            ("reads", "Groups read, by reason", &self.reads),
            (
                "list_passes",
                "Passes over the list of active groups, by outcome",
                &self.passes,
            ),
            ("plan_steps", "Steps of comparisons, by kind", &self.steps),
            ("events", "Events appended, by kind", &self.events),
        ];
        for (name, help, counts) in kinds {
            registry.register(name, help, counts.0.clone());
        }
        registry.register(
            "drift_found",
            "Differences from Meta found in what was held, by kind and cause",
            self.drift.clone(),
        );
        registry.register(
            "repairs",
            "Groups in which a read found a difference and appended what it saw",
            self.repairs.clone(),
        );
        registry.register(
            "append_failures",
            "Appends that the log did not take, each try counted",
            self.append_failures.clone(),
        );
        registry.register(
            "state_records",
            "Records of the state topics followed",
            self.state_records.clone(),
        );
    }

    fn name_gauges(&self, registry: &mut Registry) {
        let gauges = [
            (
                "last_list_pass_timestamp_seconds",
                "When the last list pass that proved complete was asked for, by Meta's clock",
                &self.last_pass,
            ),
            (
                "suspects",
                "Groups missing from the list or unknown by id, and not settled yet",
                &self.suspects,
            ),
            (
                "budget_available_calls",
                "Calls that may be made now",
                &self.budget,
            ),
            (
                "token_refused",
                "1 while Meta refuses the access token: a person must act",
                &self.token_refused,
            ),
            (
                "owned",
                "1 while the number belongs to this instance; of all instances one should say so",
                &self.owned,
            ),
            (
                "holds",
                "Holds of the interlock that nobody has released: a person must look",
                &self.holds,
            ),
        ];
        for (name, help, family) in gauges {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "subscriptions_missing",
            "Fields that the app needs and is not subscribed to; -1 while Meta does not say: a person must act",
            self.subscriptions_missing.clone(),
        );
    }

    /// Is a business number kept by this instance?
    pub(crate) fn owned(&self, phone_number_id: &str) -> Gauge {
        let label = OfNumber {
            phone_number_id: phone_number_id.to_owned(),
        };
        self.owned.get_or_create(&label).clone()
    }

    /// The gauges of one business number.
    pub(crate) fn gauges(&self, phone_number_id: &str) -> Gauges {
        let of = |family: &Family<OfNumber, Gauge>| {
            let label = OfNumber {
                phone_number_id: phone_number_id.to_owned(),
            };
            family.get_or_create(&label).clone()
        };
        Gauges {
            last_pass: of(&self.last_pass),
            suspects: of(&self.suspects),
            budget: of(&self.budget),
            token_refused: of(&self.token_refused),
            holds: of(&self.holds),
        }
    }

    /// Differences found so far, of all kinds.
    pub fn drift_found(&self) -> u64 {
        Kind::ALL
            .into_iter()
            .map(|kind| self.drift_found_of(kind))
            .sum()
    }

    /// Differences found so far of one kind, whatever their cause.
    pub fn drift_found_of(&self, kind: Kind) -> u64 {
        let of = |cause: Cause| {
            let label = Found {
                kind: Word(kind.as_str()),
                cause: Word(cause.as_str()),
            };
            self.drift.get_or_create(&label).get()
        };
        Cause::ALL.into_iter().map(of).sum()
    }

    /// Groups repaired so far.
    pub fn groups_repaired(&self) -> u64 {
        self.repairs.get()
    }

    /// Counts what a read found wrong.
    pub(crate) fn repaired(&self, repairs: &[Repair]) {
        for Repair { kind, cause, .. } in repairs {
            let label = Found {
                kind: Word(kind.as_str()),
                cause: Word(cause.as_str()),
            };
            self.drift.get_or_create(&label).inc();
        }
        if !repairs.is_empty() {
            self.repairs.inc();
        }
    }
}
