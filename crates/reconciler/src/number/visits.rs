//! Reads of single groups: which, and what their answers mean.

use std::sync::Arc;

use domain::{
    agreement::Call,
    event::{About, GroupEvent, Source},
    ids::{GroupId, Second},
    plan::{Candidate, Reason, candidate, choose},
};
use tokio::task::{self, JoinError};

use super::{Asked, Keeper, Visiting, gauge};
use crate::{
    append::event,
    limits::READS_IN_FLIGHT_MAX,
    read::{Visit, visit},
    upstream::{Read, Refused},
};

impl<R: Read> Keeper<R> {
    /// Begins as many reads as budget and limit allow.
    pub(super) fn send_out(&mut self) {
        let now_ms = self.clock.monotonic_ms();
        let available = self.budget.available(now_ms);
        self.gauges.budget.set(gauge(available));
        let slots = READS_IN_FLIGHT_MAX
            .saturating_sub(self.memory.in_flight.len())
            .min(available);
        if slots == 0 {
            return;
        }
        for (reason, group_id) in self.choose(slots, now_ms) {
            let held = self.snapshots.held().group(&group_id);
            let (upstream, number, lag) =
                (Arc::clone(&self.upstream), self.number.clone(), self.lag);
            // The info; what join requests cost more is counted when it is known.
            self.budget.spend(1, now_ms);
            self.metrics.reads.add(reason.as_str(), 1);
            let (asked, id) = (self.local_now(), group_id.clone());
            let task = self.memory.visits.spawn(async move {
                let visit = visit(&*upstream, &number, id, held.as_deref(), lag).await;
                (reason, asked, visit)
            });
            self.memory.in_flight.insert(task.id(), group_id);
        }
    }

    /// The next groups to read: first those whose life is in question, then as the domain chooses.
    fn choose(&mut self, count: usize, now_ms: u64) -> Vec<(Reason, GroupId)> {
        let memory = &self.memory;
        let now = self.now();
        let again_after = Second::try_from(self.list_every.as_secs())
            .unwrap_or(Second::MAX)
            .max(self.lag);
        let may_be_read = |id: &GroupId| {
            !memory.in_flight.values().any(|reading| reading == id)
                && !memory.attempts.is_resting(id, now_ms)
        };
        let asks = memory.suspects.due(now, self.lag);
        let asks: Vec<GroupId> = asks
            .filter(|id| may_be_read(id))
            .take(count)
            .cloned()
            .collect();
        let groups = self.snapshots.held().groups_of(&self.number);
        let ordinary = groups
            .iter()
            .filter(|(id, _)| may_be_read(id) && !memory.suspects.contains(id));
        let candidates = ordinary.filter_map(|(id, group)| {
            let last = memory.attempts.last(id);
            let owed = || {
                memory.attempts.is_owed(id).then(|| Candidate {
                    reason: Reason::Changed,
                    last: group.core.verified,
                    group_id: id.clone(),
                })
            };
            candidate(id, group, now, self.lag, last, again_after).or_else(owed)
        });
        let chosen = choose(
            candidates.collect(),
            count.saturating_sub(asks.len()),
            memory.turn,
        );
        self.memory.turn += chosen.len() as u64;
        let asks = asks.into_iter().map(|id| (Reason::Unlisted, id));
        let chosen = chosen
            .into_iter()
            .map(|chosen| (chosen.reason, chosen.group_id));
        asks.chain(chosen).collect()
    }

    /// Takes a read that ended.
    pub(super) async fn visit_ended(
        &mut self,
        ended: Result<(task::Id, Visiting), JoinError>,
    ) -> Result<(), eventlog::Error> {
        let now_ms = self.clock.monotonic_ms();
        match ended {
            Ok((task, (reason, asked, visit))) => {
                self.memory.in_flight.remove(&task);
                self.learn_clock(visit.t0, asked);
                self.visited(reason, visit, now_ms).await
            }
            // It panicked, which is a fault of ours and was logged where it happened: the group rests and is read again.
            Err(error) => {
                if let Some(group_id) = self.memory.in_flight.remove(&error.id()) {
                    self.memory.attempts.failed(&group_id, now_ms);
                }
                Ok(())
            }
        }
    }

    async fn visited(
        &mut self,
        reason: Reason,
        visit: Visit,
        now_ms: u64,
    ) -> Result<(), eventlog::Error> {
        let Visit {
            group_id,
            t0,
            calls,
            load,
            mut events,
            refused,
            is_alive,
        } = visit;
        self.metrics.calls.add("read", u64::from(calls));
        self.book.lock().called(Call::Read(reason), 1);
        let others = u64::from(calls.saturating_sub(1));
        self.book.lock().called(Call::JoinRequests, others);
        self.budget.spend(calls.saturating_sub(1), now_ms);
        match refused {
            Some(refused) => {
                self.budget.refused(&refused, &load, now_ms);
                self.refused(refused);
            }
            None => self.budget.answered(&load, now_ms),
        }
        if is_alive {
            self.accepted();
            self.memory.seen_alive = self.memory.seen_alive.max(t0);
            if self.memory.suspects.clear(&group_id) {
                let what = About::Group(group_id.clone(), GroupEvent::Unlisted);
                events.push(event(&self.number, t0 - self.lag, Source::Read, what));
            }
        } else if refused == Some(Refused::GroupUnknown) {
            self.memory.suspects.unknown(&group_id, t0);
        }
        self.note(&group_id, t0, refused, is_alive, now_ms);
        let asked = Asked {
            reason,
            t0,
            is_first: false,
        };
        let found = self.count_drift(&group_id, &events, asked);
        if found > 0 {
            tracing::debug!(
                reason = reason.as_str(),
                differences = found,
                "a read differs from what was held; appended what it shows"
            );
        }
        self.append(&events).await
    }

    /// Remembers what became of a read, so that its group is read again when that can help, and not before.
    fn note(
        &mut self,
        group_id: &GroupId,
        t0: Second,
        refused: Option<Refused>,
        is_alive: bool,
        now_ms: u64,
    ) {
        let attempts = &mut self.memory.attempts;
        match refused {
            None | Some(Refused::GroupSuspended) => attempts.answered(group_id, t0),
            Some(Refused::GroupUnknown) if !is_alive => attempts.answered(group_id, t0),
            // Everybody waits, and this group no longer than the others.
            Some(Refused::Throttled) if is_alive => attempts.owe(group_id),
            Some(Refused::Throttled) => {}
            // The info came and its join requests did not.
            Some(_) if is_alive => {
                attempts.owe(group_id);
                attempts.failed(group_id, now_ms);
            }
            Some(_) => attempts.failed(group_id, now_ms),
        }
    }
}
