//! Which groups are worth a read: one call a group is the scarce resource.

use crate::{
    group::{Existence, Group},
    ids::{GroupId, Second},
    limits::MEMBER_REGISTERS_SOON,
};

/// Why a group is worth a read, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The list does not show it, or it was unknown once: is it gone?
    Unlisted,
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

/// A group that may be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Why.
    pub reason: Reason,
    /// Sooner is more urgent among equals: when it was last read, or last attempted.
    pub last: Second,
    /// Which.
    pub group_id: GroupId,
}

/// Is a read of `group` worth a call at `now`, by Meta's clock?
///
/// `attempted` is the `t0` of the last read that was tried. A read settles second `s` only if `t0 − L > s`;
/// an earlier one only burns budget, and so does one for the sake of what a read on its way has settled.
/// `again_after` is how long a group rests that gives no reason.
pub fn candidate(
    group_id: &GroupId,
    group: &Group,
    now: Second,
    lag: Second,
    attempted: Option<Second>,
    again_after: Second,
) -> Option<Candidate> {
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
    let read = attempted.map_or(core.verified, |t0| core.verified.max(t0 - lag));
    let last = read;
    let is_settled = read > news;
    let can_settle = now - lag > news;
    let reason = if !is_settled && can_settle {
        let view = group.view();
        if hinted > core.verified {
            Reason::Hinted
        } else if view.is_some_and(|view| !view.in_doubt.is_empty()) {
            Reason::InDoubt
        } else if core.verified == 0 {
            Reason::NeverVerified
        } else {
            Reason::Changed
        }
    } else if core.member.len() > MEMBER_REGISTERS_SOON
        && can_settle
        && now - lag - read >= again_after
    {
        Reason::Crowded
    } else if now - lag - read >= again_after {
        Reason::LongestUnverified
    } else {
        return None;
    };
    Some(Candidate {
        reason,
        last,
        group_id: group_id.clone(),
    })
}

/// Chooses at most `count` candidates: 30 % are always those read longest ago, whatever the reasons of others.
///
/// `turn` counts choices made before, so that the share holds also where `count` is 1; gives them in order of urgency.
pub fn choose(mut candidates: Vec<Candidate>, count: usize, turn: u64) -> Vec<Candidate> {
    candidates.sort_unstable();
    let mut longest: Vec<Candidate> = candidates.clone();
    longest.sort_unstable_by(|a, b| (a.last, &a.group_id).cmp(&(b.last, &b.group_id)));
    let (mut urgent, mut longest) = (candidates.into_iter(), longest.into_iter());
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut turn = turn;
    while chosen.len() < count {
        // Of ten turns the third, sixth and ninth.
        let is_share = matches!(turn % 10, 2 | 5 | 8);
        let next = if is_share {
            longest.next().or_else(|| urgent.next())
        } else {
            urgent.next().or_else(|| longest.next())
        };
        let Some(next) = next else { break };
        if !chosen.iter().any(|chosen| chosen.group_id == next.group_id) {
            chosen.push(next);
            turn += 1;
        }
    }
    chosen
}
