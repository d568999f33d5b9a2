//! Which groups are worth a read: one call a group is the scarce resource.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{Budget, Clock, Held, Limits, Plan, Projection, Step, Tried, is_alive};
use crate::{
    group::{Existence, Group},
    ids::{GroupId, Second},
    limits::{
        CONTROL_SECONDS_MAX, CONTROLLED_CALLS, MEMBER_REGISTERS_SOON, QUIET_DIVISOR,
        QUIET_SECONDS_MAX, SIGHT_CALLS,
    },
};

/// Why a group is worth a read, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The list does not show it, or it was unknown once: is it gone?
    Unlisted,
    /// Another group was unknown by its id, or is about to be asked for: does the token see this one?
    Control,
    /// Something could not be understood, or somebody asked.
    Hinted,
    /// Its evidence contradicts itself.
    InDoubt,
    /// A command of somebody's has no outcome for longer than that takes.
    RequestOverdue,
    /// The last read counted more participants than it named.
    CountMismatch,
    /// The list showed it otherwise than it was held.
    Listed,
    /// It was last verified before a gap of the log.
    AfterGap,
    /// It was never read completely.
    NeverVerified,
    /// Something happened since it was last read.
    Changed,
    /// It holds more registers than a read would leave.
    Crowded,
    /// It is the turn of those read longest ago.
    LongestUnverified,
}

impl Reason {
    /// Word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::Control => "control",
            Self::Hinted => "hinted",
            Self::InDoubt => "in_doubt",
            Self::RequestOverdue => "request_overdue",
            Self::CountMismatch => "count_mismatch",
            Self::Listed => "listed",
            Self::AfterGap => "after_gap",
            Self::NeverVerified => "never_verified",
            Self::Changed => "changed",
            Self::Crowded => "crowded",
            Self::LongestUnverified => "longest_unverified",
        }
    }

    /// A half sentence for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Unlisted => "the list does not show it, or Meta did not know it by id",
            Self::Control => "another group is unknown, and it is asked whether this one is seen",
            Self::Hinted => "something about it could not be understood, or somebody asked",
            Self::InDoubt => "what is known of it contradicts itself",
            Self::RequestOverdue => "a command about it has had no outcome for too long",
            Self::CountMismatch => "the last read counted other participants than it named",
            Self::Listed => "the list shows it otherwise than it is held",
            Self::AfterGap => "it was last verified before a gap of the log",
            Self::NeverVerified => "it was never verified",
            Self::Changed => "something happened since it was last verified",
            Self::Crowded => "it holds more than a verified group would",
            Self::LongestUnverified => "it is among those verified longest ago",
        }
    }
}

/// A group that may be read; the least is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate<'a> {
    /// Why.
    pub reason: Reason,
    /// Sooner is more urgent among equals: when it was last read, or last attempted.
    pub last: Second,
    /// Which.
    pub group_id: &'a GroupId,
}

/// What is known of a group beside its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// `t0` of the last read that was answered in full.
    pub attempted: Option<Second>,
    /// Did the last read bring only a part?
    pub is_owed: bool,
    /// Did the last read count others than it named, and is it time to ask again?
    pub is_mismatch_due: bool,
    /// Since when a command about it has had no outcome, if that is too long.
    pub overdue: Option<Second>,
    /// When the list showed it otherwise than it was held.
    pub differed: Option<Second>,
    /// Before which second being verified does not count.
    pub gap: Option<Second>,
}

/// Adds the reads that are worth their calls, as many as the budget allows; where it allows none, nothing is looked at.
pub(super) fn reads<H: Held>(
    projection: &Projection<'_, H>,
    clock: Clock,
    budget: Budget,
    limits: &Limits,
    plan: &mut Plan,
) {
    let memory = projection.memory;
    if budget.reads == 0 {
        return;
    }
    let may_be_read =
        |id: &GroupId, tried: &Tried| !tried.is_resting && !memory.reading.contains(id);
    let tried = |id: &GroupId| memory.attempts.of(id, clock, limits.lag);
    let suspects = memory.suspects.due(clock.now, limits.lag);
    let suspects: Vec<&GroupId> = suspects
        .filter(|id| may_be_read(id, &tried(id)) && !plan.settled.contains(id))
        .collect();
    let mut worth: BTreeMap<Reason, usize> = BTreeMap::new();
    if !suspects.is_empty() {
        worth.insert(Reason::Unlisted, suspects.len());
    }
    let mut candidates = candidates(projection, clock, limits, &may_be_read);
    for found in &candidates {
        *worth.entry(found.reason).or_default() += 1;
    }
    plan.worth = worth;
    let mut left = budget.reads;
    // An answer "unknown" counts only between two answers that show that the token works.
    let is_unsure = memory.seen_by_id + CONTROL_SECONDS_MAX / 2 < clock.now;
    let awaits_sight = memory.suspects.awaits_sight();
    // Where calls are few, the one after the question would come too late, each time again.
    let is_rare = !suspects.is_empty() && is_unsure && !awaits_sight && budget.gathers;
    if is_rare && budget.reads < CONTROLLED_CALLS {
        return;
    }
    if is_rare {
        left -= SIGHT_CALLS;
    }
    let mut reads: Vec<(&GroupId, Reason)> = Vec::new();
    if !suspects.is_empty() && is_unsure || awaits_sight {
        let least = candidates.iter().min();
        let least = least.map(|least| (least.group_id, least.reason));
        let others = || any(projection, &may_be_read, &tried).map(|id| (id, Reason::Control));
        reads.extend(least.or_else(others));
        candidates.retain(|candidate| reads.iter().all(|(id, _)| *id != candidate.group_id));
    }
    // The last call is another group's, for whoever is unknown counts only once one is seen after it, and the next call may be far.
    let room = left.saturating_sub(reads.len());
    let sights = usize::from(!suspects.is_empty() && !is_rare && room > 1);
    let suspects = suspects.into_iter().take(room - sights);
    reads.extend(suspects.map(|group_id| (group_id, Reason::Unlisted)));
    if sights > 0 && candidates.is_empty() {
        let others = |id: &GroupId, tried: &Tried| {
            may_be_read(id, tried) && reads.iter().all(|(read, _)| *read != id)
        };
        let sight = any(projection, &others, &tried);
        reads.extend(sight.map(|group_id| (group_id, Reason::Control)));
    }
    let chosen = choose(candidates, budget.reads, memory.turn);
    reads.extend(chosen.iter().map(|one| (one.group_id, one.reason)));
    let steps = reads.into_iter().take(left).map(|(group_id, reason)| {
        let group_id = group_id.clone();
        Step::Read { group_id, reason }
    });
    plan.steps.extend(steps);
}

/// All groups that are worth a read, but for suspects.
fn candidates<'a, H: Held>(
    projection: &Projection<'a, H>,
    clock: Clock,
    limits: &Limits,
    may_be_read: &impl Fn(&GroupId, &Tried) -> bool,
) -> Vec<Candidate<'a>> {
    let Projection {
        held,
        memory,
        signals,
        ..
    } = projection;
    let mut candidates: Vec<Weighed<'_>> = Vec::new();
    for (group_id, group) in held.groups() {
        let tried = memory.attempts.of(group_id, clock, limits.lag);
        let known = Known {
            attempted: tried.answered,
            is_owed: tried.is_owed,
            is_mismatch_due: tried.is_mismatch_due,
            overdue: signals.overdue.get(group_id).copied(),
            differed: memory.differed.get(group_id).copied(),
            gap: signals.gap,
        };
        if let Some(found) = weigh(group_id, group, clock.now, limits, known)
            && may_be_read(group_id, &tried)
            && !memory.suspects.contains(group_id)
        {
            candidates.push(found);
        }
    }
    once_quiet(candidates, clock.now - limits.lag)
}

/// A living group that is no suspect, read longest ago.
fn any<'a, H: Held>(
    projection: &Projection<'a, H>,
    may_be_read: &impl Fn(&GroupId, &Tried) -> bool,
    tried: &impl Fn(&GroupId) -> Tried,
) -> Option<&'a GroupId> {
    let Projection { held, memory, .. } = projection;
    let others = held.groups().filter(|(id, group)| {
        is_alive(group) && !memory.suspects.contains(id) && may_be_read(id, &tried(id))
    });
    let oldest = others.min_by_key(|(id, group)| {
        let answered = tried(id).answered.unwrap_or(0);
        (group.core.verified.max(answered), *id)
    });
    oldest.map(|(id, _)| id)
}

/// Is a read of `group` worth a call at `now`, by Meta's clock?
///
/// A read settles second `s` only if `t0 − L > s`; an earlier one only burns budget,
/// and so does one for the sake of what a read on its way has settled.
pub fn candidate<'a>(
    group_id: &'a GroupId,
    group: &Group,
    now: Second,
    limits: &Limits,
    known: Known,
) -> Option<Candidate<'a>> {
    weigh(group_id, group, now, limits, known).map(|weighed| weighed.candidate)
}

/// A group that may be read, and what else decides whether it is its turn.
struct Weighed<'a> {
    candidate: Candidate<'a>,
    /// Seconds since something was heard of it, as of the second that a read now speaks of.
    quiet: Second,
    /// Has it rested for long enough to be read for no other reason than its age?
    is_turn: bool,
}

/// A session of chat, of comings and goings, would otherwise be read in each of its pauses, and nobody else for that.
///
/// What is left of a session's reads goes to those verified longest ago.
fn once_quiet(mut all: Vec<Weighed<'_>>, says: Second) -> Vec<Candidate<'_>> {
    let verified = all.iter().map(|weighed| weighed.candidate.last);
    let oldest = verified.filter(|last| *last > 0).min().unwrap_or(says);
    let pause = ((says - oldest) / QUIET_DIVISOR).min(QUIET_SECONDS_MAX);
    all.retain_mut(|weighed| {
        let candidate = &mut weighed.candidate;
        if candidate.reason != Reason::Changed || weighed.quiet >= pause {
            return true;
        }
        candidate.reason = Reason::LongestUnverified;
        weighed.is_turn
    });
    all.into_iter().map(|weighed| weighed.candidate).collect()
}

fn weigh<'a>(
    group_id: &'a GroupId,
    group: &Group,
    now: Second,
    limits: &Limits,
    known: Known,
) -> Option<Weighed<'a>> {
    let core = &group.core;
    if core
        .exists
        .as_ref()
        .is_some_and(|exists| exists.value == Existence::Gone && exists.stamp.at >= core.changed)
    {
        return None;
    }
    let hinted = core.hint.as_ref().map_or(0, |hint| hint.stamp.at);
    let news = core.changed.max(hinted);
    let says = now - limits.lag;
    let last = known
        .attempted
        .map_or(core.verified, |t0| core.verified.max(t0 - limits.lag));
    let can_settle = says > news;
    let is_turn = says - last >= limits.again_after;
    let since =
        |second: Option<Second>| second.is_some_and(|second| last <= second && says > second);
    let reason = if last <= news && can_settle {
        if hinted > core.verified {
            Reason::Hinted
        } else if group.shown().is_some_and(|view| !view.in_doubt.is_empty()) {
            Reason::InDoubt
        } else if core.verified == 0 {
            Reason::NeverVerified
        } else {
            Reason::Changed
        }
    } else if since(known.overdue) {
        Reason::RequestOverdue
    } else if known.is_mismatch_due {
        Reason::CountMismatch
    } else if since(known.differed) {
        Reason::Listed
    } else if known.gap.is_some_and(|gap| (1..gap).contains(&last)) {
        Reason::AfterGap
    } else if known.is_owed {
        Reason::Changed
    } else if !is_turn {
        return None;
    } else if core.member.len() > MEMBER_REGISTERS_SOON && can_settle {
        Reason::Crowded
    } else {
        Reason::LongestUnverified
    };
    let candidate = Candidate {
        reason,
        last,
        group_id,
    };
    Some(Weighed {
        candidate,
        quiet: says - news,
        is_turn,
    })
}

/// Chooses at most `count` candidates, in order of urgency.
///
/// Of ten three are always those read longest ago, whatever the reasons of others,
/// and no more than five others those of which something was heard since, unless nobody else is to be read:
/// what webhooks tell must not keep those from being read of which none comes (docs/adr/0010).
///
/// `turn` counts choices made before, so that the shares hold also where `count` is 1.
pub fn choose(candidates: Vec<Candidate<'_>>, count: usize, turn: u64) -> Vec<Candidate<'_>> {
    let mut longest = candidates.clone();
    let (mut changed, mut urgent): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .filter(|candidate| candidate.reason != Reason::LongestUnverified)
        .partition(|candidate| candidate.reason >= Reason::Changed);
    // Of each no more than are chosen at all: sorting thousands for a few would cost more than the choice.
    least(&mut urgent, count, Candidate::cmp);
    least(&mut changed, count, Candidate::cmp);
    least(&mut longest, count, |a, b| {
        (a.last, a.group_id).cmp(&(b.last, b.group_id))
    });
    let (mut urgent, mut changed) = (urgent.into_iter(), changed.into_iter());
    let mut longest = longest.into_iter();
    let mut taken: BTreeSet<&GroupId> = BTreeSet::new();
    let mut chosen: Vec<Candidate<'_>> = Vec::new();
    let mut turn = turn;
    while chosen.len() < count {
        let next = match turn % 10 {
            2 | 5 | 8 => longest
                .next()
                .or_else(|| urgent.next())
                .or_else(|| changed.next()),
            0 | 1 | 4 | 6 | 7 => urgent
                .next()
                .or_else(|| changed.next())
                .or_else(|| longest.next()),
            _ => urgent
                .next()
                .or_else(|| longest.next())
                .or_else(|| changed.next()),
        };
        let Some(next) = next else { break };
        if taken.insert(next.group_id) {
            chosen.push(next);
            turn += 1;
        }
    }
    chosen
}

/// Keeps the `count` least, in order.
fn least<T>(all: &mut Vec<T>, count: usize, order: impl Fn(&T, &T) -> Ordering) {
    if count == 0 {
        all.clear();
        return;
    }
    if all.len() > count {
        all.select_nth_unstable_by(count - 1, &order);
        all.truncate(count);
    }
    all.sort_unstable_by(&order);
}
