//! What is remembered from plan to plan; losing it costs calls, never truth.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attempts, Held, Listing, Plan, Step, Suspects};
use crate::{
    group::Group,
    ids::{EventId, GroupId, Second, Text},
    limits::{CLOCK_SKEW_SECONDS_MAX, UNLISTED_REST_SECONDS},
    position::Position,
};

/// What a read of a group came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, and so did its join requests where they were asked for; did it name everybody whom it counts?
    Full {
        /// Everybody?
        is_complete: bool,
    },
    /// It answered, and its join requests did not.
    Part {
        /// Because of too many calls, so that everybody waits and this group no longer than the others?
        is_throttled: bool,
    },
    /// Meta says that it is suspended: alive.
    Suspended,
    /// Meta knows no such group.
    Unknown,
    /// Too many calls.
    Throttled,
    /// Nothing came, or nothing that could be understood.
    Failed,
}

/// Of one number. What is kept by group is bounded by the groups held: each pass over the list forgets the others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// Groups that are being read.
    pub(super) reading: BTreeSet<GroupId>,
    /// What became of earlier reads.
    pub(super) attempts: Attempts,
    /// Groups that may be gone.
    pub(super) suspects: Suspects,
    /// A hold of ours that may not be in the projection yet.
    pub(super) hold: Option<Text>,
    /// Identity changes that every group held was told of.
    pub(super) fanned: BTreeSet<EventId>,
    /// Where each group stood when it was looked at for persons who changed.
    pub(super) scanned: BTreeMap<GroupId, Position>,
    /// When the list last showed a group again that had been alive though not listed: what rested until then is asked for again.
    pub(super) healed: Second,
    /// Groups that the list showed otherwise than they were held, and when.
    pub(super) differed: BTreeMap<GroupId, Second>,
    /// Reads chosen so far.
    pub(super) turn: u64,
    /// Meta's clock less ours, in seconds.
    skew: Second,
    /// When some group was last seen by its id, in Meta's clock: the token works.
    pub(super) seen_by_id: Second,
    /// When the last list pass that proved complete was asked for, in Meta's clock.
    pub(super) last_complete: Second,
    /// When the last list that proved complete and showed any group was asked for, in Meta's clock.
    pub(super) last_shown: Second,
    /// Passes in a row that proved nothing of what they did not show.
    unproven: u32,
}

impl Memory {
    /// Could an answer that says it was asked at `t0` have been asked at `asked` by our clock?
    ///
    /// One stamped far ahead would freeze a register until then; one far behind asserts nothing that holds.
    pub fn is_credible(t0: Second, asked: Second) -> bool {
        t0.abs_diff(asked) <= CLOCK_SKEW_SECONDS_MAX.unsigned_abs()
    }

    /// What was asked at `asked` by our clock was asked at `t0` by Meta's.
    pub fn learn_clock(&mut self, t0: Second, asked: Second) {
        if t0 > 0 && Self::is_credible(t0, asked) {
            self.skew = t0.saturating_sub(asked);
        }
    }

    /// Now by Meta's clock, of now by ours.
    pub fn now(&self, local: Second) -> Second {
        local.saturating_add(self.skew)
    }

    /// Groups that may be gone and are not settled.
    pub fn suspects(&self) -> &Suspects {
        &self.suspects
    }

    /// When the last list pass that proved complete was asked for, in Meta's clock; 0 if none did yet.
    pub fn last_complete(&self) -> Second {
        self.last_complete
    }

    /// Passes over the list in a row that proved nothing of what they did not show: more than none is an alarm.
    pub fn unproven(&self) -> u32 {
        self.unproven
    }

    /// A pass was refused before it showed anything.
    pub fn refused(&mut self) {
        self.unproven = self.unproven.saturating_add(1);
    }

    /// Takes a pass over the list, before it is planned with.
    pub fn listed<H: Held>(&mut self, listing: &Listing, held: &H) {
        if listing.is_complete {
            self.last_complete = self.last_complete.max(listing.t0);
            if !listing.groups.is_empty() {
                self.last_shown = self.last_shown.max(listing.t0);
            }
            self.unproven = 0;
        } else {
            self.refused();
        }
        self.suspects.listed(listing);
        if listing.is_complete {
            // Lists are whole again: so may be what failed, and who is gone is not to wait for hours to be asked for.
            let Self {
                suspects, attempts, ..
            } = self;
            suspects.iter().for_each(|group_id| attempts.wake(group_id));
        }
        let is_held = |group_id: &GroupId| held.group(group_id).is_some();
        self.attempts.retain(is_held);
        self.scanned.retain(|group_id, _| is_held(group_id));
        self.differed
            .retain(|group_id, _| is_held(group_id) || listing.groups.contains_key(group_id));
    }

    /// A plan is being carried out: its events are durable, and its reads begin.
    pub fn took(&mut self, plan: &Plan) {
        // What a list shows may have happened until it was asked for: only a read that speaks of a later second settles it.
        // One that speaks of an earlier may show what was before, and so take the list's word back.
        let listed = plan.summary.as_ref().map_or(0, |pass| pass.started);
        for step in &plan.steps {
            match step {
                Step::Assert { group_id, at, .. } => {
                    self.differed.insert(group_id.clone(), listed.max(*at));
                }
                Step::Suspect { group_id, ended } => {
                    self.suspects.missing(group_id, *ended);
                    self.attempts.wake(group_id);
                }
                Step::Gone { group_id, .. } => {
                    self.suspects.clear(group_id);
                }
                Step::Read { group_id, .. } => {
                    self.turn += 1;
                    self.reading.insert(group_id.clone());
                }
                Step::Forget { .. } | Step::Link { .. } => {}
            }
        }
        for group_id in &plan.settled {
            self.suspects.clear(group_id);
        }
        if let Some(pass) = &plan.summary
            && plan.is_healed
        {
            self.healed = self.healed.max(pass.started);
        }
        if let Some(fanned) = &plan.fanned {
            self.scanned.extend(plan.scanned.iter().cloned());
            self.fanned = fanned.iter().copied().collect();
            if fanned.is_empty() {
                self.scanned.clear();
            }
        }
    }

    /// A hold of this id was appended for a plan that was refused.
    pub fn held(&mut self, hold_id: Text) {
        self.hold = Some(hold_id);
    }

    /// A read came to nothing that anybody saw: it may be made again.
    pub fn dropped(&mut self, group_id: &GroupId, now_ms: u64) {
        self.reading.remove(group_id);
        self.attempts.failed(group_id, now_ms);
    }

    /// A read asked at `t0` of an API that may be `lag` seconds late ended; says whether to append that the group
    /// is alive though not listed.
    pub fn answered(
        &mut self,
        group_id: &GroupId,
        (t0, lag): (Second, Second),
        outcome: Outcome,
        now_ms: u64,
    ) -> bool {
        self.reading.remove(group_id);
        let attempts = &mut self.attempts;
        match outcome {
            Outcome::Full { is_complete: true } | Outcome::Suspended => {
                attempts.answered(group_id, t0);
            }
            Outcome::Full { is_complete: false } => attempts.mismatched(group_id, t0),
            Outcome::Part { is_throttled } => {
                attempts.owe(group_id);
                if !is_throttled {
                    attempts.failed(group_id, now_ms);
                }
            }
            Outcome::Unknown => {
                attempts.answered(group_id, t0);
                self.suspects.unknown(group_id, t0, self.seen_by_id);
                return false;
            }
            Outcome::Throttled => return false,
            Outcome::Failed => {
                attempts.failed(group_id, now_ms);
                return false;
            }
        }
        self.seen_by_id = self.seen_by_id.max(t0);
        self.suspects.sighted(t0);
        self.differed.remove(group_id);
        self.suspects.answered(group_id, t0, lag)
    }

    /// Was this group confirmed alive though not listed, lately? Suspended groups may never be listed.
    pub(super) fn is_resting_unlisted(&self, group: &Group, now: Second) -> bool {
        let unlisted = group.core.unlisted.as_ref();
        unlisted.is_some_and(|unlisted| {
            unlisted.stamp.at > (now - UNLISTED_REST_SECONDS).max(self.healed)
        })
    }
}
