//! What the reconciler counts.

use std::sync::atomic::AtomicU64;

use domain::agreement::{Agreement, Cause, Kind, Repair};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Words for [`domain::agreement::AGES`].
const AGES: [&str; 4] = ["1h", "6h", "24h", "7d"];

/// Seconds by which drift is counted that stood so long: a minute, an hour, six hours, a day, a week.
const STOOD: [f64; 5] = [60.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0];

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

/// A business number's groups that were verified no longer ago than this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Within {
    phone_number_id: String,
    within: Word,
}

/// A number's share of webhooks lost: the estimate, or a bound of its interval.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Bound {
    phone_number_id: String,
    bound: Word,
}

/// A gauge of what is no whole number.
type Share = Gauge<f64, AtomicU64>;

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

/// How long drift stood, by kind.
#[derive(Debug, Clone)]
struct Stood(Family<Label, Histogram, fn() -> Histogram>);

impl Default for Stood {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(STOOD)))
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
    groups: Family<OfNumber, Gauge>,
    verified: Family<Within, Gauge>,
    never_verified: Family<OfNumber, Gauge>,
    oldest: Family<OfNumber, Gauge>,
    loss: Family<Bound, Share>,
    stood: Stood,
    contradicted: Counter,
    misled: Counter,
    misled_lag: Gauge,
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
        metrics.name_agreement(registry);
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

    fn name_agreement(&self, registry: &mut Registry) {
        let gauges = [
            (
                "groups",
                "Groups held as alive, at the last list pass",
                &self.groups,
            ),
            (
                "groups_never_verified",
                "Of them those that no read was ever answered in full of",
                &self.never_verified,
            ),
        ];
        for (name, help, family) in gauges {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "groups_verified",
            "Of them those that were verified no longer ago than this",
            self.verified.clone(),
        );
        registry.register_with_unit(
            "oldest_verified",
            "Since the one verified longest ago was verified",
            Unit::Seconds,
            self.oldest.clone(),
        );
        registry.register_with_unit(
            "webhook_loss",
            "Share of webhooks lost that the repairs imply, and the bounds of its 95 % interval",
            Unit::Ratios,
            self.loss.clone(),
        );
        registry.register_with_unit(
            "drift_stood",
            "How long a difference stood before it was repaired, by kind; where its own second is not known, since the group was verified last",
            Unit::Seconds,
            self.stood.0.clone(),
        );
        registry.register(
            "reads_contradicted",
            "Reads that said something else than newer evidence, which stood",
            self.contradicted.clone(),
        );
        registry.register(
            "reads_misled",
            "Repairs that took back a webhook's word and were taken back: Meta's API lags by more than --api-lag",
            self.misled.clone(),
        );
        registry.register_with_unit(
            "misled_lag",
            "The longest such lag of any number of this instance",
            Unit::Seconds,
            self.misled_lag.clone(),
        );
    }

    /// How well a number agrees with Meta.
    pub(crate) fn agrees(&self, phone_number_id: &str, agreement: &Agreement) {
        let number = || OfNumber {
            phone_number_id: phone_number_id.to_owned(),
        };
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.groups
            .get_or_create(&number())
            .set(whole(agreement.groups));
        let never = self.never_verified.get_or_create(&number());
        never.set(whole(agreement.never_verified));
        let oldest = self.oldest.get_or_create(&number());
        oldest.set(agreement.oldest.unwrap_or(0));
        for (within, count) in AGES.into_iter().zip(agreement.verified_within) {
            let label = Within {
                phone_number_id: phone_number_id.to_owned(),
                within: Word(within),
            };
            self.verified.get_or_create(&label).set(whole(count));
        }
        // Not known, before anything was told or lost.
        let loss = agreement.loss.as_ref();
        let loss = loss.map_or([f64::NAN; 3], |loss| [loss.low, loss.rate, loss.high]);
        for (bound, share) in ["low", "estimate", "high"].into_iter().zip(loss) {
            let label = Bound {
                phone_number_id: phone_number_id.to_owned(),
                bound: Word(bound),
            };
            self.loss.get_or_create(&label).set(share);
        }
    }

    /// So many reads said something else than newer evidence.
    pub(crate) fn contradicted(&self, reads: u64) {
        self.contradicted.inc_by(reads);
    }

    /// So many repairs were caused by a lag beyond what is allowed for; the longest of a number's so far.
    pub(crate) fn misled(&self, times: u64, lag_max_seconds: u64) {
        self.misled.inc_by(times);
        let longest = i64::try_from(lag_max_seconds).unwrap_or(i64::MAX);
        if longest > self.misled_lag.get() {
            self.misled_lag.set(longest);
        }
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
        for repair in repairs {
            let Repair { kind, cause, .. } = repair;
            let label = Found {
                kind: Word(kind.as_str()),
                cause: Word(cause.as_str()),
            };
            self.drift.get_or_create(&label).inc();
            let label = Label {
                kind: Word(kind.as_str()),
            };
            let stood = self.stood.0.get_or_create(&label);
            stood.observe(repair.stood() as f64);
        }
        if !repairs.is_empty() {
            self.repairs.inc();
        }
    }
}
