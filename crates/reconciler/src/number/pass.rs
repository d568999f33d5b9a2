//! A pass over the list: what it shows is compared with what is held, and the difference is appended.

use domain::{
    agreement::Call,
    event::{About, ListPass, NumberEvent, Source},
    ids::Second,
    plan::{Budget, Memory},
};

use super::{Keeper, to_ms};
use crate::{
    append::event,
    attempts::doubled,
    limits::{PASS_RETRY_MAX, PASS_RETRY_MIN, PASS_SHARE_DIVISOR},
    list::{self, Passed},
    upstream::{Read, Refused},
};

impl<R: Read> Keeper<R> {
    /// Is it time, or did a person ask, and may a call be made? What a pass takes beyond that is taken from what comes.
    pub(super) fn is_pass_due(&mut self) -> bool {
        let now_ms = self.clock.monotonic_ms();
        let is_time = now_ms >= self.memory.pass_due_ms;
        let is_asked = || self.pass_asked() > self.memory.pass_answered;
        (is_time || is_asked()) && self.budget.available(now_ms) > 0
    }

    /// The last second at which a person asked for a pass.
    fn pass_asked(&self) -> Second {
        let held = self.snapshots.held().number(&self.number);
        held.map_or(0, |number| number.core.pass_asked)
    }

    pub(super) async fn pass(&mut self) -> Result<(), eventlog::Error> {
        let asked = self.local_now();
        // A pass that is refused answers too, and one that is appended says whom it answers.
        self.memory.pass_answered = self.pass_asked();
        let beat = self.beat.clone();
        let passed = list::pass(&*self.upstream, &self.number, || beat.turn()).await;
        let now_ms = self.clock.monotonic_ms();
        let Passed {
            listing,
            calls,
            starts,
            load,
            mut refused,
            unproven,
        } = passed;
        // A list of a second far from ours is of no certain second, and asserts nothing.
        let is_credible = starts > 1 || Memory::is_credible(listing.t0, asked);
        if listing.pages > 0 && !is_credible {
            refused = refused.or(Some(Refused::Failed));
        }
        self.budget.spend(calls, now_ms);
        self.metrics.calls.add("list", u64::from(calls));
        self.book.lock().called(Call::List, u64::from(calls));
        self.schedule(refused.is_some(), calls, now_ms);
        if starts == 1 {
            self.memory.judged.learn_clock(listing.t0, asked);
        }
        match refused {
            Some(refused) => {
                self.budget.refused(&refused, &load, now_ms);
                self.refused(refused);
                self.metrics.passes.add("refused", 1);
            }
            None => {
                self.budget.answered(&load, now_ms);
                self.accepted();
                self.judged(unproven);
            }
        }
        // What was listed before a page was refused is alive all the same.
        if listing.pages == 0 || !is_credible {
            self.memory.judged.refused();
            return Ok(());
        }
        let sight = self.sight(Some(&listing));
        self.memory.judged.listed(&listing, &sight.held);
        self.gauges
            .last_pass
            .set(self.memory.judged.last_complete());
        self.tell_agreement(&sight);
        let plan = self.plan(&sight, Some(&listing), Budget::default());
        let Some(summary) = plan.summary.clone() else {
            return Ok(());
        };
        let mut events = self.events_of(&plan, listing.t0, summary.is_first);
        let summary = ListPass {
            asked: self.memory.pass_answered,
            ..summary
        };
        let summary = About::Number(self.number.clone(), NumberEvent::ListPassed(summary));
        events.push(event(&self.number, listing.t0, Source::Rollcall, summary));
        events.push(self.counted(listing.t0));
        self.append(&events).await?;
        self.memory.judged.took(&plan);
        self.hold(&plan).await
    }

    /// When the next pass is due: a tenth earlier or later than asked for, so that many numbers and instances do not ask in step,
    /// and no sooner than its share of the budget allows; one that failed is tried again sooner.
    fn schedule(&mut self, is_refused: bool, calls: u32, now_ms: u64) {
        let failed = if is_refused {
            self.memory.passes_failed.saturating_add(1)
        } else {
            0
        };
        self.memory.passes_failed = failed;
        let pause = match failed.checked_sub(1) {
            Some(times) => doubled(PASS_RETRY_MIN, times, PASS_RETRY_MAX).min(self.list_every),
            None => self.list_every,
        };
        let share = self
            .budget
            .time_for(calls)
            .saturating_mul(PASS_SHARE_DIVISOR);
        let pause = pause.mul_f64(rand::random_range(0.9..1.1)).max(share);
        self.memory.pass_due_ms = now_ms.saturating_add(to_ms(pause));
    }

    /// Counts what a pass that was not refused proves, and says why if that is nothing.
    fn judged(&self, unproven: Option<&'static str>) {
        match unproven {
            Some(reason) => {
                self.metrics.passes.add("unproven", 1);
                tracing::warn!(phone_number_id = %self.number, reason, "list pass proves nothing of groups it does not show");
            }
            None => self.metrics.passes.add("complete", 1),
        }
    }
}
