//! What is counted, and where it is told.

use std::collections::BTreeMap;

use super::{
    Call, Cause, Kind, LossRate, Repair,
    found::{Look, Span, examine},
    late::{Open, Waiting},
    loss::loss_rate,
    report::{Agreement, report},
    told::{Told, told},
};
use crate::{
    event::{About, Event, GroupEvent},
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
    /// Changes of persons, subjects, suspensions, and ends of groups, that no webhook told, as reads, lists and other webhooks show.
    pub lost: u64,
    /// The same that webhooks told, in spans of which is known what was lost.
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
    /// Seconds by which a read's own second lies before it was asked: the greatest seen; `None` before the first.
    lag: Option<Second>,
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

    /// A group's state moved on in the projection: counts the changes that webhooks told, and those that one shows another not to have told.
    ///
    /// `before` is the state followed last, `None` if there was none.
    pub fn followed(&mut self, group_id: &GroupId, before: Option<&Group>, after: &Group) {
        // A state that is met for the first time tells what is so, and not what changed.
        let Some(before) = before else { return };
        let Told {
            of_reads,
            of_lists,
            is_gone,
            implied,
        } = told(&before.core, &after.core, self.lag);
        self.counts.told += of_lists;
        if is_gone {
            self.open_spans.remove(group_id);
        }
        if of_reads > 0 {
            *self.open_spans.entry(group_id.clone()).or_default() += of_reads;
        }
        for implied in implied {
            self.counts.lost += 1;
            let waiting = Waiting {
                kind: implied.kind,
                ids: implied.ids,
                comes: Some(implied.comes),
                after: implied.after,
                until: implied.until,
                found: implied.until,
                undoes: None,
                position: after.envelope.position,
                is_implied: true,
            };
            self.open.add(group_id, waiting);
        }
    }

    /// A webhook was read from the log, however late: what it tells, and was found before without it, was late and not lost.
    ///
    /// To be told of every webhook about a group, once each, after [`Ledger::followed`] was told of the state that it led to,
    /// or later. Without it what is late counts as lost.
    pub fn heard(&mut self, event: &Event) {
        for late in self.open.heard(event) {
            self.was_late(&late);
        }
    }

    /// A read answered, or a list showed a difference: what it is about to assert is held against what is held now.
    ///
    /// Gives what it repairs, for whoever tells people.
    pub fn looked(&mut self, look: &Look<'_>) -> Vec<Repair> {
        let mut examined = examine(look);
        self.counts.looked += 1;
        self.counts.contradicted += u64::from(examined.contradicts);
        self.open.forget_before(look.t0);
        self.learn_lag(look);
        let told = match examined.span {
            Span::Open => 0,
            Span::Closed => self.open_spans.remove(look.group_id).unwrap_or(0),
            Span::Void => {
                self.open_spans.remove(look.group_id);
                0
            }
        };
        self.counts.told += told;
        let position = look.held.map(|held| held.envelope.position);
        let waiting = |found: &Repair| Waiting {
            kind: found.kind,
            ids: found.ids.clone(),
            comes: found.comes,
            after: found.verified,
            until: found.found,
            found: found.found,
            undoes: found.undoes,
            position: position.unwrap_or_default(),
            is_implied: false,
        };
        // What another answer found a moment ago is right once that is folded.
        examined
            .repairs
            .retain(|found| !self.open.is_on_its_way(look.group_id, &waiting(found)));
        self.counts.repaired += u64::from(!examined.repairs.is_empty());
        for found in &mut examined.repairs {
            if let Some(lag) = self.open.takes_back(found) {
                found.cause = Cause::Ours;
                self.was_misled(found.kind.counterpart(), lag);
            }
            let lag = self.lag.unwrap_or(0);
            if found.cause == Cause::Lost && self.open.is_echo(look.group_id, &waiting(found), lag)
            {
                found.cause = Cause::Unknown;
            }
            let (kind, cause) = (found.kind, found.cause);
            *self.counts.drift.entry((kind, cause)).or_default() += 1;
            let stood = self.counts.stood.entry(kind).or_default();
            stood.add(found.stood(), found.since.is_some());
            if cause == Cause::Lost {
                self.counts.lost += u64::from(is_trial(kind));
                self.open.add(look.group_id, waiting(found));
            }
            if self.repairs.len() >= REPAIRS_KEPT_MAX {
                self.repairs.pop_front();
            }
            self.repairs.push_back(found.clone());
        }
        examined.repairs
    }

    /// By how much a read's own second lies before it was asked.
    fn learn_lag(&mut self, look: &Look<'_>) {
        let mut events = look.events.iter();
        let read = events.find(|event| matches!(event.about, About::Group(_, GroupEvent::Read(_))));
        if let Some(read) = read {
            self.lag = self.lag.max(Some(look.t0 - read.at));
        }
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

    fn was_late(&mut self, late: &Waiting) {
        let kind = late.kind;
        if !late.is_implied {
            let lost = self.counts.drift.entry((kind, Cause::Lost)).or_default();
            *lost = lost.saturating_sub(1);
            *self.counts.drift.entry((kind, Cause::Late)).or_default() += 1;
        }
        if is_trial(kind) {
            self.counts.lost = self.counts.lost.saturating_sub(1);
            self.counts.told += 1;
        }
    }
}

/// Is a change of this kind told by exactly one webhook, and seen by others if that was lost?
///
/// Join requests come and go between two reads, and of the settings webhooks tell only some.
/// That a group was created is told of a group of which nothing was held, and cannot be told from a state that is met for the first time.
pub(super) fn is_trial(kind: Kind) -> bool {
    match kind {
        Kind::Gone | Kind::Subject | Kind::Member | Kind::Suspended => true,
        Kind::Created | Kind::JoinRequest | Kind::Settings => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What differs in every figure from what another `n` gives.
    fn counts(n: u64) -> Counts {
        let mut stood = Stood::default();
        for _ in 0..n {
            stood.add(60, true);
        }
        Counts {
            drift: BTreeMap::from([
                ((Kind::Subject, Cause::Lost), n),
                ((Kind::Gone, Cause::Lost), 1),
            ]),
            stood: BTreeMap::from([(Kind::Subject, stood)]),
            repaired: 10 + n,
            looked: 20 + n,
            contradicted: 30 + n,
            calls: BTreeMap::from([(Call::List, 40 + n)]),
            lost: 50 + n,
            told: 60 + n,
        }
    }

    #[test]
    fn how_long_drift_stood_is_counted_by_bounds_that_belong_to_the_shorter() {
        let mut stood = Stood::default();
        let times = [
            -5, 0, 60, 61, 3_600, 3_601, 21_600, 21_601, 86_400, 86_401, 604_800, 604_801,
        ];
        for (n, seconds) in times.into_iter().enumerate() {
            stood.add(seconds, n % 2 == 0);
        }
        assert_eq!(stood.within, [3, 2, 2, 2, 2, 1]);
        assert_eq!((stood.count, stood.exact), (12, 6));
        assert_eq!((stood.seconds, stood.seconds_max), (1_432_925, 604_801));
        assert_eq!(stood.mean(), 119_410);
        assert_eq!(Stood::default().mean(), 0);
    }

    #[test]
    fn counts_of_two_numbers_are_summed_each_by_itself() {
        let mut all = counts(1);
        all.add(&counts(2));
        let stood = Stood {
            count: 3,
            exact: 3,
            seconds: 180,
            seconds_max: 60,
            within: [3, 0, 0, 0, 0, 0],
        };
        let expected = Counts {
            drift: BTreeMap::from([
                ((Kind::Subject, Cause::Lost), 3),
                ((Kind::Gone, Cause::Lost), 2),
            ]),
            stood: BTreeMap::from([(Kind::Subject, stood)]),
            repaired: 23,
            looked: 43,
            contradicted: 63,
            calls: BTreeMap::from([(Call::List, 83)]),
            lost: 103,
            told: 123,
        };
        assert_eq!(all, expected);
        assert_eq!(all.drift_of(Kind::Subject), 3);
        assert_eq!(all.drift_of(Kind::Member), 0);
        let rate = all.loss_rate().unwrap();
        assert_eq!((rate.lost, rate.told), (103, 123));
    }
}
