//! What is gone: asserted only of groups that a complete list does not show and that are unknown by id twice, `L` apart,
//! by a token that works for the number's other groups, and of no more than few enough to believe.

use domain::{
    event::{About, Event, GroupEvent, NumberEvent, Source},
    group::Existence,
    ids::{GroupId, Second, Text},
    plan::{Reason, Verdict, verdict},
};

use super::{Asked, Keeper, gauge, is_alive};
use crate::{append::event, limits::VANISH_WINDOW_SECONDS, suspects::Confirmed, upstream::Read};

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

impl<R: Read> Keeper<R> {
    /// Asserts gone what is proven to be, or holds where too much would vanish.
    pub(super) async fn settle(&mut self) -> Result<(), eventlog::Error> {
        self.drop_settled();
        self.gauges.suspects.set(gauge(self.memory.suspects.len()));
        let holds = self.standing_holds();
        self.gauges.holds.set(gauge(holds));
        if holds > 0 {
            self.alarms.hold.raise("too many groups seem gone at once: look at the number and its token, then release the hold");
        } else {
            self.alarms.hold.clear();
        }
        let confirmed = self.memory.suspects.confirmed(self.lag);
        if confirmed.is_empty() || holds > 0 {
            return Ok(());
        }
        let alive = self.alive();
        let vanishing = self.vanishing(&confirmed);
        let unsettled = self.memory.suspects.len() - confirmed.len();
        let proofs: Vec<Proof> = confirmed
            .iter()
            .map(|suspect| self.proof(suspect.first, alive, vanishing))
            .collect();
        match verdict(alive, self.vanished(), vanishing, unsettled) {
            Verdict::Wait => Ok(()),
            Verdict::Assert if !proofs.contains(&Proof::Nobody) => {
                let proven = confirmed.into_iter().zip(proofs);
                self.assert_gone(
                    proven
                        .filter(|(_, proof)| *proof == Proof::Group)
                        .map(|(suspect, _)| suspect),
                )
                .await
            }
            Verdict::Assert | Verdict::Hold => {
                let suspects = confirmed.into_iter().map(|suspect| suspect.group_id);
                self.hold(vanishing, suspects.collect()).await
            }
        }
    }

    /// How many of these are held as alive.
    fn vanishing(&self, confirmed: &[Confirmed]) -> usize {
        let held = self.snapshots.held();
        let alive = confirmed
            .iter()
            .filter(|suspect| held.group(&suspect.group_id).is_some_and(|g| is_alive(&g)));
        alive.count()
    }

    /// A token that has lost sight of a group says "unknown" of it as of one that is gone: so it must have seen another since.
    fn proof(&self, since: Second, alive: usize, vanishing: usize) -> Proof {
        if self.memory.seen_alive > since {
            Proof::Group
        } else if self.memory.last_complete <= since {
            Proof::Open
        } else if alive <= 1 {
            // There is no other: that the number's list is answered is all that can be asked.
            Proof::Group
        } else if vanishing >= alive {
            Proof::Nobody
        } else {
            Proof::Open
        }
    }

    async fn assert_gone(
        &mut self,
        proven: impl Iterator<Item = Confirmed>,
    ) -> Result<(), eventlog::Error> {
        let mut events: Vec<Event> = Vec::new();
        for Confirmed { group_id, last, .. } in proven {
            let about = About::Group(group_id.clone(), GroupEvent::Unknown);
            let event = event(&self.number, last - self.lag, Source::Read, about);
            self.metrics.steps.add("gone", 1);
            let asked = Asked {
                reason: Reason::Unlisted,
                t0: last,
                is_first: false,
            };
            self.count_drift(&group_id, std::slice::from_ref(&event), asked);
            self.memory.suspects.clear(&group_id);
            events.push(event);
        }
        self.append(&events).await
    }

    /// Nothing is asserted until a person has looked.
    async fn hold(&mut self, groups: usize, suspects: Vec<GroupId>) -> Result<(), eventlog::Error> {
        tracing::error!(
            phone_number_id = %self.number, groups,
            "too many groups seem gone at once: none is asserted gone until somebody looks at the number and its token"
        );
        self.metrics.steps.add("hold", 1);
        let now = self.now();
        let hold_id = Text::from(format!("hold-{}-{now}", self.number));
        self.memory.hold = Some(hold_id.clone());
        let groups = u32::try_from(groups).unwrap_or(u32::MAX);
        let what = About::Number(
            self.number.clone(),
            NumberEvent::Held {
                hold_id,
                groups,
                suspects,
            },
        );
        self.append(&[event(&self.number, now, Source::Rollcall, what)])
            .await
    }

    /// Holds that nobody has released, with one of ours that is not in the projection yet.
    fn standing_holds(&self) -> usize {
        let held = self.snapshots.held().number(&self.number);
        let holds = held.as_ref().map(|number| &number.core.holds);
        let standing = holds.map_or(0, |holds| {
            holds
                .iter()
                .filter(|(_, hold)| !hold.value.is_released)
                .count()
        });
        let is_known = |id: &Text| holds.is_some_and(|holds| holds.get(id).is_some());
        standing + usize::from(self.memory.hold.as_ref().is_some_and(|id| !is_known(id)))
    }

    /// Forgets suspects that are no longer in question: gone by a webhook, or not held any more.
    fn drop_settled(&mut self) {
        let held = self.snapshots.held();
        self.memory.suspects.retain(|group_id| {
            let Some(group) = held.group(group_id) else {
                return false;
            };
            let exists = group.core.exists.as_ref();
            // One that is gone and was heard of since is in question all the same.
            !exists.is_some_and(|exists| {
                exists.value == Existence::Gone && exists.stamp.at >= group.core.changed
            })
        });
    }

    /// Groups of the number that are held as alive.
    pub(super) fn alive(&self) -> usize {
        let groups = self.snapshots.held().groups_of(&self.number);
        groups.iter().filter(|(_, group)| is_alive(group)).count()
    }

    /// Groups that reads alone took away within the window: no webhook or command of ours told of their deletion.
    fn vanished(&self) -> usize {
        let since = self.now() - VANISH_WINDOW_SECONDS;
        let groups = self.snapshots.held().groups_of(&self.number);
        let by_reads = groups
            .iter()
            .filter(|(_, group)| group.core.deleted.is_none());
        let gone = by_reads.filter_map(|(_, group)| group.core.exists.as_ref());
        gone.filter(|e| e.value == Existence::Gone && e.stamp.at > since)
            .count()
    }
}
