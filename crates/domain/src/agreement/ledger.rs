//! What is counted, and where it is told.

use std::collections::BTreeMap;

use super::{
    Call, Cause, Kind, LossRate, Repair,
    found::{Look, examine},
    late::Open,
    loss::loss_rate,
    report::{Agreement, report},
    told::told,
};
use crate::{
    event::Event,
    group::Group,
    ids::{GroupId, Second},
    limits::REPAIRS_KEPT_MAX,
};

/// How long drift of one kind stood before it was repaired.
///
/// Where a change's own second is not known, the time since the group was last verified stands for it, which is the most it can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stood {
    /// How many.
    pub count: u64,
    /// Of how many of them the own second was known.
    pub exact: u64,
    /// Sum of seconds.
    pub seconds: u64,
    /// The longest.
    pub seconds_max: u64,
    /// How many stood at most a minute, an hour, six hours, a day, a week, and longer.
    pub within: [u64; 6],
}

/// Bounds of [`Stood::within`], in seconds; the last is open.
pub(super) const STOOD_BOUNDS: [u64; 5] = [60, 3_600, 6 * 3_600, 86_400, 7 * 86_400];

impl Stood {
    fn add(&mut self, seconds: Second, is_exact: bool) {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        self.count += 1;
        self.exact += u64::from(is_exact);
        self.seconds = self.seconds.saturating_add(seconds);
        self.seconds_max = self.seconds_max.max(seconds);
        let bucket = STOOD_BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.within.get_mut(bucket) {
            *count += 1;
        }
    }

    /// The mean, in seconds; 0 of none.
    pub fn mean(&self) -> u64 {
        self.seconds.checked_div(self.count).unwrap_or(0)
    }
}

/// All that is counted; grows only, but for what moves from lost to late.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Counts {
    /// Drift found, by kind and cause.
    pub drift: BTreeMap<(Kind, Cause), u64>,
    /// How long it stood, by kind.
    pub stood: BTreeMap<Kind, Stood>,
    /// Groups repaired: reads that found anything.
    pub repaired: u64,
    /// Reads of a group, and list differences, that were looked at.
    pub looked: u64,
    /// Reads that said something else than newer evidence, which stood.
    pub contradicted: u64,
    /// Calls spent.
    pub calls: BTreeMap<Call, u64>,
    /// Changes lost, in spans that a complete read closed.
    pub lost: u64,
    /// Changes told by webhooks, in the same spans.
    pub told: u64,
}

impl Counts {
    /// Drift found of a kind, whatever its cause.
    pub fn drift_of(&self, kind: Kind) -> u64 {
        let of_kind = self.drift.iter().filter(|((of, _), _)| *of == kind);
        of_kind.map(|(_, count)| count).sum()
    }

    /// The webhook loss rate that the repairs imply.
    pub fn loss_rate(&self) -> Option<LossRate> {
        loss_rate(self.lost, self.told)
    }

    /// Adds another number's.
    pub fn add(&mut self, other: &Self) {
        let Self {
            drift,
            stood,
            repaired,
            looked,
            contradicted,
            calls,
            lost,
            told,
        } = other;
        for (key, count) in drift {
            *self.drift.entry(*key).or_default() += count;
        }
        for (kind, theirs) in stood {
            let ours = self.stood.entry(*kind).or_default();
            ours.count += theirs.count;
            ours.exact += theirs.exact;
            ours.seconds = ours.seconds.saturating_add(theirs.seconds);
            ours.seconds_max = ours.seconds_max.max(theirs.seconds_max);
            for (ours, theirs) in ours.within.iter_mut().zip(theirs.within) {
                *ours += theirs;
            }
        }
        for (call, count) in calls {
            *self.calls.entry(*call).or_default() += count;
        }
        self.repaired += repaired;
        self.looked += looked;
        self.contradicted += contradicted;
        self.lost += lost;
        self.told += told;
    }
}

/// Repairs that took back a webhook's word and were taken back by a later read:
/// Meta's API had lagged by more than is allowed for, and `--api-lag` is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Misled {
    /// How many, since the start of this process.
    pub times: u64,
    /// The longest such lag, in seconds.
    pub lag_max: u64,
}

/// What one business number's reads found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    counts: Counts,
    misled: Misled,
    /// Changes told of a group since it was last verified; groups of which none was are left out.
    open_spans: BTreeMap<GroupId, u64>,
    /// What counts as lost, for as long as a webhook may yet come.
    open: Open,
    /// The last repairs, oldest first.
    repairs: std::collections::VecDeque<Repair>,
}

impl Ledger {
    /// Goes on from counts that were kept.
    pub fn resume(counts: Counts) -> Self {
        Self {
            counts,
            ..Self::default()
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Repairs that a lag beyond `L` had caused, and that were taken back.
    pub fn misled(&self) -> Misled {
        self.misled
    }

    /// The last repairs, oldest first, at most [`REPAIRS_KEPT_MAX`]: each says in words why it was made.
    pub fn repairs(&self) -> impl ExactSizeIterator<Item = &Repair> {
        self.repairs.iter()
    }

    /// A group's state moved on in the projection: counts the changes that webhooks told.
    ///
    /// `before` is the state followed last, `None` if there was none.
    pub fn followed(&mut self, group_id: &GroupId, before: Option<&Group>, after: &Group) {
        // What happened before anybody ever read the group is not known to be all that happened.
        if before.is_none_or(|before| before.core.verified == 0) {
            return;
        }
        let changes = told(before, after);
        if changes > 0 {
            *self.open_spans.entry(group_id.clone()).or_default() += changes;
        }
    }

    /// A webhook was read from the log, however late: what it tells, and a read had found before, was late and not lost.
    ///
    /// Optional: without it what is late counts as lost, unless [`Ledger::followed`] shows it.
    pub fn heard(&mut self, event: &Event) {
        for kind in self.open.heard(event) {
            self.was_late(kind);
        }
    }

    /// A read answered, or a list showed a difference: what it is about to assert is held against what is held now.
    ///
    /// Gives what it repairs, for whoever tells people.
    pub fn looked(&mut self, look: &Look<'_>) -> Vec<Repair> {
        let mut examined = examine(look);
        self.counts.looked += 1;
        self.counts.contradicted += u64::from(examined.contradicts);
        self.counts.repaired += u64::from(!examined.repairs.is_empty());
        self.open.forget_before(look.t0);
        if examined.closes {
            self.counts.told += self.open_spans.remove(look.group_id).unwrap_or(0);
        }
        for found in &mut examined.repairs {
            if let Some(lag) = self.open.takes_back(found) {
                found.cause = Cause::Ours;
                self.was_misled(found.kind.counterpart(), lag);
            }
            let (kind, cause) = (found.kind, found.cause);
            *self.counts.drift.entry((kind, cause)).or_default() += 1;
            let stood = self.counts.stood.entry(kind).or_default();
            stood.add(found.stood(), found.since.is_some());
            if cause == Cause::Lost {
                self.counts.lost += u64::from(is_trial(kind));
                self.open.add(found);
            }
            if self.repairs.len() >= REPAIRS_KEPT_MAX {
                self.repairs.pop_front();
            }
            self.repairs.push_back(found.clone());
        }
        examined.repairs
    }

    /// Calls were made.
    pub fn called(&mut self, call: Call, count: u64) {
        *self.counts.calls.entry(call).or_default() += count;
    }

    /// A group is held no more.
    pub fn forget(&mut self, group_id: &GroupId) {
        self.open_spans.remove(group_id);
        self.open.forget(group_id);
    }

    /// How things stand at `now`, by Meta's clock; `groups` are those held of the number, in any order.
    pub fn report<'a>(
        &self,
        now: Second,
        groups: impl IntoIterator<Item = &'a Group>,
        budget_left: Option<u64>,
    ) -> Agreement {
        report(&self.counts, self.misled, now, groups, budget_left)
    }

    /// Nothing had been lost: the API had lagged.
    fn was_misled(&mut self, kind: Kind, lag: Second) {
        let lost = self.counts.drift.entry((kind, Cause::Lost)).or_default();
        *lost = lost.saturating_sub(1);
        *self.counts.drift.entry((kind, Cause::Ours)).or_default() += 1;
        if is_trial(kind) {
            self.counts.lost = self.counts.lost.saturating_sub(1);
        }
        self.misled.times += 1;
        let lag = u64::try_from(lag).unwrap_or(0);
        self.misled.lag_max = self.misled.lag_max.max(lag);
    }

    fn was_late(&mut self, kind: Kind) {
        let lost = self.counts.drift.entry((kind, Cause::Lost)).or_default();
        *lost = lost.saturating_sub(1);
        *self.counts.drift.entry((kind, Cause::Late)).or_default() += 1;
        if is_trial(kind) {
            self.counts.lost = self.counts.lost.saturating_sub(1);
            self.counts.told += 1;
        }
    }
}

/// Is a change of this kind told by exactly one webhook, and found by the next read if that was lost?
///
/// Join requests come and go between two reads, and of the settings webhooks tell only some.
pub(super) fn is_trial(kind: Kind) -> bool {
    match kind {
        Kind::Created | Kind::Gone | Kind::Subject | Kind::Member | Kind::Suspended => true,
        Kind::JoinRequest | Kind::Settings => false,
    }
}
