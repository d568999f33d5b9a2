//! How well the projection is known to agree with Meta.

use std::collections::BTreeMap;

use domain::{
    agreement::{AGES, Cause, Counts, Kind, LossRate},
    event::Figures,
    ids::{PhoneNumberId, Second},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::Time;

/// Fields of an [`Agreement`].
const FIELDS: usize = 17;

/// Counts over active groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Active groups.
    pub groups: u64,
    /// Of them, read completely and not changed since.
    pub verified: u64,
    /// Of them, never read completely.
    pub never_verified: u64,
    /// Of them, changed since they were read completely.
    pub changed_since: u64,
    /// Of them, with a field in doubt.
    pub in_doubt: u64,
    /// Of them, hinted since they were read completely.
    pub hinted: u64,
    /// When the longest unread of those ever read was read.
    pub oldest_verified_at: Option<Second>,
    /// Of them, read completely within each of [`AGES`], whether changed since or not.
    pub verified_within: [u64; 4],
    /// What the reconciler counted; `None` if it never did.
    pub figures: Option<Figures>,
    /// Until when it counted.
    pub counted_at: Option<Second>,
}

impl Agreement {
    /// Share of active groups that are verified; `None` of none.
    fn share(&self) -> Option<f64> {
        self.share_of(self.verified)
    }

    fn share_of(&self, groups: u64) -> Option<f64> {
        (self.groups > 0).then(|| groups as f64 / self.groups as f64)
    }

    /// Adds what the reconciler counted of a number until `at`.
    pub fn count(&mut self, figures: &Figures, at: Second) {
        let sum = self.figures.get_or_insert_default();
        sum.counts.add(&figures.counts);
        sum.budget_left = sum.budget_left.saturating_add(figures.budget_left);
        // Of several numbers all were counted until the earliest.
        self.counted_at = Some(self.counted_at.map_or(at, |earliest| earliest.min(at)));
    }

    fn serialize_fields<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
        let Self {
            groups,
            verified,
            never_verified,
            changed_since,
            in_doubt,
            hinted,
            oldest_verified_at,
            verified_within,
            figures,
            counted_at,
        } = self;
        out.serialize_field("groups", groups)?;
        out.serialize_field("verified", verified)?;
        out.serialize_field("verified_share", &self.share())?;
        out.serialize_field("never_verified", never_verified)?;
        out.serialize_field("changed_since", changed_since)?;
        out.serialize_field("in_doubt", in_doubt)?;
        out.serialize_field("hinted", hinted)?;
        out.serialize_field("oldest_verified_at", &oldest_verified_at.map(Time))?;
        let within = AGES
            .iter()
            .zip(verified_within)
            .map(|(seconds, groups)| Within {
                seconds: *seconds,
                groups: *groups,
                share: self.share_of(*groups),
            });
        out.serialize_field("verified_within", &within.collect::<Vec<_>>())?;
        let counts = figures.as_ref().map(|figures| &figures.counts);
        out.serialize_field("drift", &counts.map(drift))?;
        out.serialize_field("reads_compared", &counts.map(|counts| counts.looked))?;
        out.serialize_field("reads_that_repaired", &counts.map(|counts| counts.repaired))?;
        out.serialize_field(
            "reads_that_contradicted_newer_evidence",
            &counts.map(|counts| counts.contradicted),
        )?;
        let loss = counts.and_then(Counts::loss_rate);
        out.serialize_field("webhook_loss", &loss.map(Loss::from))?;
        let calls = counts.map(|counts| {
            let calls = counts.calls.iter();
            calls
                .map(|(call, count)| (call.as_str(), *count))
                .collect::<BTreeMap<_, _>>()
        });
        out.serialize_field("calls", &calls)?;
        let budget_left = figures.as_ref().map(|figures| figures.budget_left);
        out.serialize_field("budget_left", &budget_left)?;
        out.serialize_field("counted_at", &counted_at.map(Time))
    }
}

/// Groups verified within an age.
#[derive(Debug, Serialize)]
struct Within {
    seconds: Second,
    groups: u64,
    share: Option<f64>,
}

/// Differences of one kind.
#[derive(Debug, Serialize)]
struct Drift {
    kind: &'static str,
    found: u64,
    lost: u64,
    late: u64,
    ours: u64,
    unknown: u64,
    stood: Standing,
}

/// How long differences stood until they were repaired.
#[derive(Debug, Serialize)]
struct Standing {
    mean_seconds: u64,
    max_seconds: u64,
    within_minute: u64,
    within_hour: u64,
    within_6_hours: u64,
    within_day: u64,
    within_week: u64,
    longer: u64,
}

/// The share of webhooks that must have been lost, with its 95 % interval.
#[derive(Debug, Serialize)]
struct Loss {
    lost: u64,
    told: u64,
    rate: f64,
    low: f64,
    high: f64,
}

impl From<LossRate> for Loss {
    fn from(loss: LossRate) -> Self {
        let LossRate {
            lost,
            told,
            rate,
            low,
            high,
        } = loss;
        // Beyond six digits it is noise, of the rate and of the last bits of a machine's logarithm.
        let round = |share: f64| (share * 1e6).round() / 1e6;
        Self {
            lost,
            told,
            rate: round(rate),
            low: round(low),
            high: round(high),
        }
    }
}

/// All kinds, found or not.
fn drift(counts: &Counts) -> Vec<Drift> {
    let kinds = Kind::ALL.into_iter().map(|kind| {
        let of = |cause| counts.drift.get(&(kind, cause)).copied().unwrap_or(0);
        let stood = counts.stood.get(&kind).cloned().unwrap_or_default();
        let [
            within_minute,
            within_hour,
            within_6_hours,
            within_day,
            within_week,
            longer,
        ] = stood.within;
        Drift {
            kind: kind.as_str(),
            found: counts.drift_of(kind),
            lost: of(Cause::Lost),
            late: of(Cause::Late),
            ours: of(Cause::Ours),
            unknown: of(Cause::Unknown),
            stood: Standing {
                mean_seconds: stood.mean(),
                max_seconds: stood.seconds_max,
                within_minute,
                within_hour,
                within_6_hours,
                within_day,
                within_week,
                longer,
            },
        }
    });
    kinds.collect()
}

impl Serialize for Agreement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Agreement", FIELDS)?;
        self.serialize_fields(&mut out)?;
        out.end()
    }
}

/// What `GET /v1/agreement` answers: counts over all numbers, then by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgreementAnswer {
    /// Over all numbers.
    pub total: Agreement,
    /// By number, in order of their ids.
    pub numbers: Vec<NumberAgreement>,
}

impl Serialize for AgreementAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { total, numbers } = self;
        let mut out = serializer.serialize_struct("Agreement", FIELDS + 1)?;
        total.serialize_fields(&mut out)?;
        out.serialize_field("numbers", numbers)?;
        out.end()
    }
}

/// Counts of one number's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberAgreement {
    /// Which.
    pub phone_number_id: PhoneNumberId,
    /// Its counts.
    pub agreement: Agreement,
}

impl Serialize for NumberAgreement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            phone_number_id,
            agreement,
        } = self;
        let mut out = serializer.serialize_struct("NumberAgreement", FIELDS + 1)?;
        out.serialize_field("phone_number_id", phone_number_id.as_str())?;
        agreement.serialize_fields(&mut out)?;
        out.end()
    }
}
