//! A pass over the list: what it shows is compared with what is held, and the difference is appended.

use std::{collections::HashMap, sync::Arc};

use domain::{
    agreement::Call,
    event::{About, Event, GroupEvent, ListPass, NumberEvent, Source},
    group::{Existence, Group},
    ids::{GroupId, PhoneNumberId, Second},
    plan::{Listing, Plan, Reason, Step, compare, vanish_limit},
};

use super::{Asked, Keeper, to_ms};
use crate::{
    append::event,
    attempts::doubled,
    limits::{
        FORGET_AFTER_SECONDS, PASS_RETRY_MAX, PASS_RETRY_MIN, PASS_SHARE_DIVISOR,
        UNLISTED_REST_SECONDS,
    },
    list::{self, Passed},
    snapshots::Snapshots,
    upstream::Read,
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
            refused,
            unproven,
        } = passed;
        self.budget.spend(calls, now_ms);
        self.metrics.calls.add("list", u64::from(calls));
        self.book.lock().called(Call::List, u64::from(calls));
        self.schedule(refused.is_some(), calls, now_ms);
        if starts == 1 {
            self.learn_clock(listing.t0, asked);
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
        if listing.pages == 0 {
            return Ok(());
        }
        self.remember(&listing);
        let plan = compare_with(&self.snapshots, &self.number, &listing, self.lag);
        self.carry_out(&listing, plan).await
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

    fn remember(&mut self, listing: &Listing) {
        let memory = &mut self.memory;
        if !listing.groups.is_empty() {
            memory.seen_alive = memory.seen_alive.max(listing.t0);
        }
        if listing.is_complete {
            memory.last_complete = memory.last_complete.max(listing.t0);
            self.gauges.last_pass.set(memory.last_complete);
        }
        memory.suspects.listed(listing);
        let held = self.snapshots.held();
        let is_held = |group_id: &GroupId| held.group(group_id).is_some();
        memory.attempts.retain(is_held);
        memory.scanned.retain(|group_id, _| is_held(group_id));
    }

    async fn carry_out(&mut self, listing: &Listing, plan: Plan) -> Result<(), eventlog::Error> {
        let at = listing.t0 - self.lag;
        let mut events = Vec::new();
        let limit = vanish_limit(self.alive()) + 1;
        let is_first = plan.summary.is_first;
        for step in plan.steps {
            match step {
                Step::AssertActive { group_id, listed }
                | Step::AssertSubject { group_id, listed } => {
                    self.metrics.steps.add("assert", 1);
                    let what = GroupEvent::Listed {
                        subject: listed.subject,
                        created: listed.created,
                    };
                    let about = About::Group(group_id.clone(), what);
                    let event = event(&self.number, at, Source::Read, about);
                    let asked = Asked {
                        reason: Reason::Listed,
                        t0: listing.t0,
                        is_first,
                    };
                    self.count_drift(&group_id, std::slice::from_ref(&event), asked);
                    events.push(event);
                }
                Step::Ask { group_id } => {
                    self.metrics.steps.add("ask", 1);
                    // One more than may vanish decides about all of them; the others are asked for when these are settled.
                    if self.memory.suspects.len() < limit && !self.is_resting(&group_id) {
                        self.memory.suspects.missing(&group_id);
                    }
                }
            }
        }
        events.extend(self.forgettable());
        let summary = ListPass {
            asked: self.memory.pass_answered,
            ..plan.summary
        };
        let summary = About::Number(self.number.clone(), NumberEvent::ListPassed(summary));
        events.push(event(&self.number, listing.t0, Source::Rollcall, summary));
        events.push(self.counted(listing.t0));
        self.append(&events).await
    }

    /// Was this group confirmed alive though not listed, lately? Suspended groups may never be listed.
    fn is_resting(&self, group_id: &GroupId) -> bool {
        let since = self.now() - UNLISTED_REST_SECONDS;
        let group = self.snapshots.held().group(group_id);
        group.is_some_and(|group| {
            let unlisted = group.core.unlisted.as_ref();
            unlisted.is_some_and(|unlisted| unlisted.stamp.at > since)
        })
    }

    /// Groups gone for so long that they may be dropped.
    fn forgettable(&self) -> Vec<Event> {
        let now = self.now();
        let groups = self.snapshots.held().groups_of(&self.number);
        let gone = groups.iter().filter_map(|(group_id, group)| {
            let exists = group.core.exists.as_ref();
            let exists = exists.filter(|exists| exists.value == Existence::Gone)?;
            (exists.stamp.at < now - FORGET_AFTER_SECONDS)
                .then(|| (group_id.clone(), exists.stamp.at))
        });
        gone.map(|(group_id, stamp)| {
            let about = About::Group(group_id, GroupEvent::Forgotten { stamp });
            event(&self.number, now, Source::Rollcall, about)
        })
        .collect()
    }
}

/// The plan for a listing, against what is held now.
pub(crate) fn compare_with(
    snapshots: &Snapshots,
    number: &PhoneNumberId,
    listing: &Listing,
    lag: Second,
) -> Plan {
    let held = snapshots.held();
    // A listed group may be held without its number, or under another of ours.
    let listed = listing
        .groups
        .keys()
        .filter_map(|id| Some((id.clone(), held.group(id)?)));
    let all: HashMap<GroupId, Arc<Group>> =
        held.groups_of(number).into_iter().chain(listed).collect();
    // Until a first pass has shown everything, what passes find is not news.
    let last = held.number(number);
    let last = last.as_ref().and_then(|last| last.core.list_pass.as_ref());
    let is_first = last.is_none_or(|last| last.value.is_first && !last.value.is_complete);
    drop(held);
    compare(
        listing,
        all.iter().map(|(id, group)| (id, &**group)),
        lag,
        is_first,
    )
}
