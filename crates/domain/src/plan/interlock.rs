//! What is gone: asserted only of groups that a complete list does not show and that are unknown by id twice, `L` apart,
//! by a token that works for the number's other groups, and of no more than few enough to believe.

use super::{
    Confirmed, Held, Limits, Plan, Projection, Refusal, Step, Verdict, is_alive, vanish_limit,
    verdict,
};
use crate::{
    group::{Existence, Group},
    ids::{GroupId, Second, Text},
    limits::VANISH_WINDOW_SECONDS,
    number::Number,
};

/// Is it the group that is gone, or have we lost sight of all of them?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// Other groups were seen since, or there are no others and the list was answered.
    Group,
    /// Not seen yet.
    Open,
    /// The list was answered, and every group of the number is missing from it.
    Nobody,
}

/// Adds what is proven to be gone, or refuses where too much would vanish.
pub(super) fn settle<H: Held>(
    projection: &Projection<'_, H>,
    now: Second,
    limits: &Limits,
    plan: &mut Plan,
) {
    let suspects = &projection.memory.suspects;
    let is_settled = |id: &GroupId| projection.held.group(id).is_none_or(is_settled);
    plan.settled = suspects
        .iter()
        .filter(|id| is_settled(id))
        .cloned()
        .collect();
    if standing_holds(projection) > 0 {
        return;
    }
    let confirmed: Vec<Confirmed> = suspects
        .confirmed(limits.lag)
        .into_iter()
        .filter(|suspect| !is_settled(&suspect.group_id))
        .collect();
    if confirmed.is_empty() {
        return;
    }
    let sight = Sight::new(projection, &confirmed, now);
    let unsettled = suspects.len() - plan.settled.len() - confirmed.len();
    let released = sight.consent.groups;
    let proofs: Vec<Proof> = confirmed
        .iter()
        .map(|suspect| sight.proof(suspect))
        .collect();
    let is_everything = proofs.contains(&Proof::Nobody);
    match verdict(
        sight.alive,
        sight.vanished,
        sight.vanishing,
        unsettled,
        released,
    ) {
        Verdict::Wait => {}
        Verdict::Assert if !is_everything => {
            let proven = confirmed.into_iter().zip(proofs);
            let proven = proven.filter(|(_, proof)| *proof == Proof::Group);
            plan.steps.extend(proven.map(|(suspect, _)| Step::Gone {
                at: suspect.last - limits.lag,
                group_id: suspect.group_id,
                first: suspect.first,
                last: suspect.last,
            }));
        }
        Verdict::Assert | Verdict::Hold => {
            plan.refused = Some(Refusal {
                vanishing: sight.vanishing,
                vanished: sight.vanished,
                limit: vanish_limit(sight.alive + sight.vanished) + released,
                is_everything,
                groups: confirmed.into_iter().map(|s| s.group_id).collect(),
            });
        }
    }
}

/// Gone by a webhook, or not in question any more. One that is gone and was heard of since is in question all the same.
fn is_settled(group: &Group) -> bool {
    let exists = group.core.exists.as_ref();
    exists.is_some_and(|exists| {
        exists.value == Existence::Gone && exists.stamp.at >= group.core.changed
    })
}

/// What a person has consented to lose within the last day, by releasing holds.
#[derive(Debug, Clone, Copy, Default)]
struct Consent {
    groups: usize,
    /// When last.
    at: Second,
}

fn consent(number: Option<&Number>, now: Second) -> Consent {
    let holds = number
        .into_iter()
        .flat_map(|number| number.core.holds.iter());
    let released = holds
        .map(|(_, hold)| hold)
        .filter(|hold| hold.value.is_released && hold.stamp.at > now - VANISH_WINDOW_SECONDS);
    released.fold(Consent::default(), |consent, hold| {
        let groups = usize::try_from(hold.value.groups).unwrap_or(usize::MAX);
        Consent {
            groups: consent.groups.saturating_add(groups),
            at: consent.at.max(hold.stamp.at),
        }
    })
}

/// How many more may vanish than would be believed without a person's consent.
pub(super) fn allowance(number: Option<&Number>, now: Second) -> usize {
    consent(number, now).groups
}

/// Holds that nobody has released, with one of ours that is not in the projection yet.
fn standing_holds<H>(projection: &Projection<'_, H>) -> usize {
    let holds = projection.number.map(|number| &number.core.holds);
    let standing = holds.map_or(0, |holds| {
        let standing = holds.iter().filter(|(_, hold)| !hold.value.is_released);
        standing.count()
    });
    let is_known = |id: &Text| holds.is_some_and(|holds| holds.get(id).is_some());
    let ours = projection.memory.hold.as_ref();
    standing + usize::from(ours.is_some_and(|id| !is_known(id)))
}

/// What the number's other groups say.
struct Sight {
    /// Held as alive.
    alive: usize,
    /// Of those confirmed, held as alive.
    vanishing: usize,
    /// Taken away by reads alone within the window: no webhook or command of ours told of their deletion.
    vanished: usize,
    /// Is there another group, and is each of them known to be alive though no list shows it?
    is_none_listable: bool,
    last_complete: Second,
    last_shown: Second,
    consent: Consent,
}

impl Sight {
    fn new<H: Held>(projection: &Projection<'_, H>, confirmed: &[Confirmed], now: Second) -> Self {
        let since = now - VANISH_WINDOW_SECONDS;
        let (mut alive, mut vanished, mut unlisted) = (0, 0, 0);
        for (_, group) in projection.held.groups() {
            alive += usize::from(is_alive(group));
            let rests = projection.memory.is_resting_unlisted(group, now);
            unlisted += usize::from(is_alive(group) && rests);
            let exists = group.core.exists.as_ref();
            let is_gone = exists.is_some_and(|e| e.value == Existence::Gone && e.stamp.at > since);
            vanished += usize::from(is_gone && group.core.deleted.is_none());
        }
        let held = confirmed
            .iter()
            .filter_map(|suspect| projection.held.group(&suspect.group_id));
        let vanishing = held.filter(|group| is_alive(group)).count();
        Self {
            alive,
            vanishing,
            vanished,
            is_none_listable: unlisted > 0 && unlisted + vanishing >= alive,
            last_complete: projection.memory.last_complete,
            last_shown: projection.memory.last_shown,
            consent: consent(projection.number, now),
        }
    }

    /// A token that has lost sight of a group says "unknown" of it as of one that is gone, and a list may be short.
    /// So others must have been seen by id just before and after both answers, and a complete list between must show others and not this one.
    /// Where all others are suspended, or for another reason alive though never listed, no list can show one.
    fn proof(&self, suspect: &Confirmed) -> Proof {
        let shown = if self.is_none_listable {
            self.last_complete
        } else {
            self.last_shown
        };
        if suspect.is_controlled && shown > suspect.first {
            Proof::Group
        } else if self.last_complete <= suspect.first {
            Proof::Open
        } else if self.alive <= 1 || self.is_consented() {
            // There is no other: that the number's list is answered is all that can be asked. Or a person has looked.
            Proof::Group
        } else if self.vanishing >= self.alive {
            Proof::Nobody
        } else {
            Proof::Open
        }
    }

    /// Has a person released as many, and was the list answered since, which would have shown them?
    fn is_consented(&self) -> bool {
        self.consent.groups >= self.vanishing && self.last_complete > self.consent.at
    }
}
