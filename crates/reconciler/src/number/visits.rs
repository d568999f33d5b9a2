//! Reads of single groups: which, and what their answers mean.

use std::sync::Arc;

use chassis::trace::{self, Kind};
use domain::{
    agreement::Call,
    event::{About, GroupEvent, Source},
    plan::{Plan, Reason},
};
use tokio::task::{self, JoinError};

use super::{Asked, Keeper, Visiting};
use crate::{
    append::event,
    read::{Visit, visit},
    upstream::Read,
};

impl<R: Read> Keeper<R> {
    /// Begins the reads of a plan.
    pub(super) fn send_out(&mut self, plan: &Plan) {
        let now_ms = self.clock.monotonic_ms();
        for (group_id, reason) in plan.reads() {
            let held = self.snapshots.held().group(group_id);
            let (upstream, number, lag) =
                (Arc::clone(&self.upstream), self.number.clone(), self.lag);
            // The info; what join requests cost more is counted when it is known.
            self.budget.spend(1, now_ms);
            self.metrics.reads.add(reason.as_str(), 1);
            let (asked, id) = (self.local_now(), group_id.clone());
            let span = trace::span(Kind::Internal, "read group");
            if let Some(span) = &span {
                span.set("rollcall.reason", reason.as_str());
            }
            let task = self.memory.visits.spawn(async move {
                let visiting = visit(&*upstream, &number, id, held.as_deref(), lag);
                let visit = trace::within(span.clone(), visiting).await;
                Visiting {
                    reason,
                    asked,
                    visit,
                    span,
                }
            });
            self.memory.in_flight.insert(task.id(), group_id.clone());
        }
    }

    /// Takes a read that ended.
    pub(super) async fn visit_ended(
        &mut self,
        ended: Result<(task::Id, Visiting), JoinError>,
    ) -> Result<(), eventlog::Error> {
        let now_ms = self.clock.monotonic_ms();
        match ended {
            Ok((task, visiting)) => {
                let Visiting {
                    reason,
                    asked,
                    visit,
                    span,
                } = visiting;
                self.memory.in_flight.remove(&task);
                let visit = visit.unless_incredible(asked);
                self.memory.judged.learn_clock(visit.t0, asked);
                trace::within(span, self.visited(reason, visit, now_ms)).await
            }
            // It panicked, which is a fault of ours and was logged where it happened: the group rests and is read again.
            Err(error) => {
                if let Some(group_id) = self.memory.in_flight.remove(&error.id()) {
                    self.memory.judged.dropped(&group_id, now_ms);
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
        let outcome = visit.outcome();
        let Visit {
            group_id,
            t0,
            calls,
            load,
            mut events,
            refused,
            is_alive,
            is_complete: _,
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
        }
        let judged = &mut self.memory.judged;
        if judged.answered(&group_id, (t0, self.lag), outcome, now_ms) {
            let what = About::Group(group_id.clone(), GroupEvent::Unlisted);
            events.push(event(&self.number, t0 - self.lag, Source::Read, what));
        }
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
}
