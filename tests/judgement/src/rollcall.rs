//! Rollcall, as far as it is pure: the fold, and an executor of plans that makes no choices.

mod api;
mod truth;

use std::collections::{BTreeMap, VecDeque};

use domain::{
    agreement::{Call, Ledger, Look},
    event::{About, Event, GroupCreated, GroupEvent, ListPass, NumberEvent, Source},
    group::{Applied, Core, Group, Presence},
    ids::{EventId, GroupId, Second, Text},
    number::Number,
    plan::{
        Budget, Clock, Limits, Listed, Listing, Memory, Outcome, Plan, Projection, Reason, Signals,
        Step, complete, plan,
    },
    position::Position,
    register::{Rank, Register},
};

use self::api::{Answered, Passed};
use crate::{
    meta::{Meta, State, approval, event, number, subject},
    random::Random,
    reconciler::budget::Budget as Calls,
    upstream::{Load, Refused},
    world::{START, Settings},
};

/// How reads are chosen within the same calls. Lists are read and compared alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// One group after another.
    Uniform,
    /// By `domain::plan`.
    Ours,
    /// By who knows what is wrong, as soon as a read can settle it.
    Oracle,
}

/// How Meta's API behaves; each share is of calls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Faults {
    /// Seconds by which answers lag at the most.
    pub lag_max: Second,
    /// Seconds by which Meta's clock is off at the most.
    pub skew_max: Second,
    /// Too many calls.
    pub throttled: f64,
    /// Nothing, or a page in HTML.
    pub failed: f64,
    /// The cursor expired.
    pub expired: f64,
    /// A list that ends early and does not say so.
    pub truncated: f64,
    /// An empty page with a next.
    pub empty: f64,
    /// A cursor that came before.
    pub repeated: f64,
    /// An item that cannot be read, or participants that are not named.
    pub partial: f64,
    /// Are suspended groups left out of the list?
    pub hides_suspended: bool,
    /// Do all calls fail from, and until?
    pub down: Option<(Second, Second)>,
    /// Is every second call throttled?
    pub every_second: bool,
    /// Skip the pages of lists and the delay of appends, for worlds with ten thousand groups.
    pub is_fast: bool,
}

impl Faults {
    /// The same without what fails.
    pub fn in_peace(&self) -> Self {
        Self {
            lag_max: self.lag_max,
            skew_max: self.skew_max,
            hides_suspended: self.hides_suspended,
            is_fast: self.is_fast,
            ..Self::default()
        }
    }
}

/// One process that owns the number.
#[derive(Debug)]
struct Owner {
    memory: Memory,
    /// The reconciler's own.
    calls: Calls,
    pass_due: Second,
    passes_failed: u32,
}

impl Owner {
    fn new(per_hour: u32, now: Second) -> Self {
        Self {
            memory: Memory::default(),
            calls: Calls::new(per_hour, ms(now)),
            pass_due: 0,
            passes_failed: 0,
        }
    }
}

/// No answer says anything of Meta's limits.
const NO_LOAD: Load = Load {
    usage_percent: None,
    retry_after: None,
};

fn ms(now: Second) -> u64 {
    now.unsigned_abs() * 1_000
}

/// What a tick did.
#[derive(Debug, Default)]
pub struct Done {
    /// Events to append, and the second that Meta's answer was of.
    pub appended: Vec<(Vec<Event>, Second)>,
    /// What happened, for people.
    pub lines: Vec<String>,
}

/// The projection and whoever keeps it true.
#[derive(Debug)]
pub struct Rollcall {
    /// What is held.
    pub groups: BTreeMap<GroupId, Group>,
    /// The number.
    pub number: Number,
    /// What was found.
    pub ledger: Ledger,
    /// What replaced newer truth by older, in words.
    pub reversed: Vec<String>,
    /// Living groups that were asserted gone.
    pub wrongly_gone: Vec<String>,
    /// Calls by hour.
    pub calls: BTreeMap<Second, u32>,
    /// When plans were refused.
    pub refusals: Vec<Second>,
    /// Seconds at which passes proved nothing: an alarm.
    pub alarms: Vec<Second>,
    /// Is the list believed to be whole, shown by a pass that proved complete?
    pub last_complete: Second,
    owners: Vec<Owner>,
    limits: Limits,
    list_every: Second,
    per_hour: u32,
    strategy: Strategy,
    rotation: VecDeque<GroupId>,
    listing: Listing,
    list_changes: VecDeque<(Second, GroupId, Option<Listed>)>,
    asked: u64,
    offset: i64,
}

impl Rollcall {
    /// Holds nothing.
    pub fn new(settings: &Settings) -> Self {
        let per_hour = settings.calls_per_hour;
        Self {
            groups: BTreeMap::new(),
            number: Number::default(),
            ledger: Ledger::default(),
            reversed: Vec::new(),
            wrongly_gone: Vec::new(),
            calls: BTreeMap::new(),
            refusals: Vec::new(),
            alarms: Vec::new(),
            last_complete: 0,
            owners: (0..settings.owners)
                .map(|_| Owner::new(per_hour, START))
                .collect(),
            limits: Limits {
                lag: settings.lag,
                again_after: settings.list_every.max(settings.lag),
            },
            list_every: settings.list_every,
            per_hour,
            strategy: settings.strategy,
            rotation: VecDeque::new(),
            listing: Listing::default(),
            list_changes: VecDeque::new(),
            asked: 0,
            offset: 0,
        }
    }

    /// Knows everything that there is, and has read all of it.
    pub fn hydrate(&mut self, meta: &Meta, at: Second, lag: Second, random: &mut Random) {
        for (place, group) in meta.groups.iter().enumerate() {
            let state = group.now();
            let created = GroupCreated {
                subject: Some(subject(place, 0)),
                join_approval_mode: Some(approval(state.by_approval)),
                ..GroupCreated::default()
            };
            let about = |what| About::Group(group.group_id.clone(), what);
            let created = about(GroupEvent::Created(created));
            self.fold(&event(group.created, Source::Webhook, created));
            if let Some((read, counted)) = meta.info(place, at, random) {
                let read = complete(&Core::default(), read, Some(counted), 0, None);
                // Not all at once, so that the order of reading is no accident of the start.
                let when = at - lag - i64::try_from(place % 3_600).unwrap_or(0);
                self.fold(&event(when, Source::Read, about(GroupEvent::Read(read))));
            }
            self.rotation.push_back(group.group_id.clone());
            self.listing
                .groups
                .insert(group.group_id.clone(), meta.listed(place, &state));
        }
        let pass = ListPass {
            started: at,
            is_complete: true,
            is_first: true,
            ..ListPass::default()
        };
        let about = About::Number(number(), NumberEvent::ListPassed(pass));
        self.fold(&event(at, Source::Rollcall, about));
    }

    /// A change of the list that shows a little later.
    pub fn list_later(&mut self, at: Second, place: usize, state: &State, meta: &Meta) {
        let Some(group) = meta.groups.get(place) else {
            return;
        };
        let listed = (!state.is_gone).then(|| meta.listed(place, state));
        self.list_changes
            .push_back((at + 20, group.group_id.clone(), listed));
    }

    fn position(&mut self) -> Position {
        self.offset += 1;
        Position {
            generation: 1,
            offset: self.offset,
            ..Position::default()
        }
    }

    fn fold(&mut self, event: &Event) {
        let position = self.position();
        match &event.about {
            About::Group(group_id, _) => {
                let group = self.groups.entry(group_id.clone()).or_default();
                if let Applied::Forgotten { .. } = group.apply(group_id, event, position) {
                    self.groups.remove(group_id);
                    self.ledger.forget(group_id);
                }
            }
            About::Number(about, _) => {
                self.number.apply(about, event, position);
            }
            About::Message(..) | About::Request(..) => {}
        }
    }

    /// A webhook, or an answer to a command of ours, stands in the log.
    pub fn hear(&mut self, event: &Event) {
        let before = match &event.about {
            About::Group(group_id, _) => self
                .groups
                .get(group_id)
                .map(|group| (group_id, group.clone())),
            About::Message(..) | About::Number(..) | About::Request(..) => None,
        };
        self.fold(event);
        self.ledger.heard(event);
        if let Some((group_id, before)) = before
            && let Some(after) = self.groups.get(group_id)
        {
            self.ledger.followed(group_id, Some(&before), after);
        } else if let About::Group(group_id, _) = &event.about
            && !self.rotation.contains(group_id)
        {
            self.rotation.push_back(group_id.clone());
        }
    }

    /// What a reconciler appended stands in the log; says what newer truth it replaced by older, of an answer of `seen`.
    pub fn fold_read(&mut self, event: &Event, seen: Second) -> Option<String> {
        let About::Group(group_id, _) = &event.about else {
            self.fold(event);
            return None;
        };
        if event.source != Source::Read {
            self.fold(event);
            return None;
        }
        let before = self.groups.get(group_id).map(|group| group.core.clone());
        self.fold(event);
        if before.is_none() {
            self.rotation.push_back(group_id.clone());
        }
        let after = self.groups.get(group_id).map(|group| &group.core);
        let wrong = older(&before?, after?, seen)
            .map(|what| format!("{group_id}: {what} by an answer of {seen}"));
        self.reversed.extend(wrong.clone());
        wrong
    }

    /// One turn of an owner. `wrong` are groups of which an oracle knows that they are wrong.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a turn of the world consists of"
    )]
    pub fn tick(
        &mut self,
        owner: usize,
        now: Second,
        meta: &Meta,
        faults: &Faults,
        wrong: &[usize],
        died: bool,
        random: &mut Random,
    ) -> Done {
        let mut done = Done::default();
        // Dies before anything, between two pages, between read and append, or after the append.
        let dies_at = if died { random.below(4) } else { u64::MAX };
        if dies_at == 0 {
            self.die(owner, now);
            return done;
        }
        if self.is_pass_due(owner, now) {
            self.pass(owner, now, meta, faults, random, &mut done);
        }
        if dies_at == 1 {
            self.die(owner, now);
            return done;
        }
        let chosen = self.decide(owner, now, meta, wrong);
        self.carry_out(owner, &chosen, now, &mut done);
        let reads: Vec<(GroupId, Reason)> = chosen
            .reads()
            .map(|(group_id, reason)| (group_id.clone(), reason))
            .collect();
        for (group_id, reason) in reads {
            let answered = self.visit(&group_id, now, meta, faults, random);
            self.visited(owner, &group_id, reason, now, answered, &mut done);
        }
        if dies_at == 2 {
            done.appended.clear();
        }
        if died {
            self.die(owner, now);
        }
        done
    }

    /// Is any group in question?
    pub fn has_suspects(&self, owner: usize) -> bool {
        let owner = self.owners.get(owner);
        owner.is_some_and(|owner| !owner.memory.suspects().is_empty())
    }

    /// Another process begins, and remembers nothing.
    fn die(&mut self, owner: usize, now: Second) {
        let per_hour = self.per_hour;
        if let Some(owner) = self.owners.get_mut(owner) {
            *owner = Owner::new(per_hour, now);
        }
    }

    fn available(&self, owner: usize, now: Second) -> usize {
        let owner = self.owners.get(owner);
        owner.map_or(0, |owner| owner.calls.available(ms(now)))
    }

    fn is_pass_due(&self, owner: usize, now: Second) -> bool {
        self.available(owner, now) > 0
            && self
                .owners
                .get(owner)
                .is_some_and(|owner| now >= owner.pass_due)
    }

    fn spend(&mut self, owner: usize, now: Second, call: Call, calls: u32) {
        if let Some(owner) = self.owners.get(owner) {
            owner.calls.spend(calls, ms(now));
        }
        *self.calls.entry(now.div_euclid(3_600)).or_default() += calls;
        self.ledger.called(call, u64::from(calls));
    }

    /// Tells the budget what became of a call.
    fn ended(&self, owner: usize, now: Second, refused: Option<Refused>) {
        let Some(Owner { calls, .. }) = self.owners.get(owner) else {
            return;
        };
        match refused {
            Some(refused) => calls.refused(&refused, &NO_LOAD, ms(now)),
            None => calls.answered(&NO_LOAD, ms(now)),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one story, told in its order")]
    fn pass(
        &mut self,
        owner: usize,
        now: Second,
        meta: &Meta,
        faults: &Faults,
        random: &mut Random,
        done: &mut Done,
    ) {
        let Passed {
            calls,
            is_throttled,
            is_refused,
            seen,
            listing,
        } = self.list(now, meta, faults, random);
        self.spend(owner, now, Call::List, calls);
        let refused = match (is_throttled, is_refused) {
            (true, _) => Some(Refused::Throttled),
            (false, true) => Some(Refused::Failed),
            (false, false) => None,
        };
        self.ended(owner, now, refused);
        let per_hour = f64::from(self.per_hour);
        let list_every = self.list_every;
        let Some(kept) = self.owners.get_mut(owner) else {
            return;
        };
        kept.passes_failed = if is_refused {
            kept.passes_failed + 1
        } else {
            0
        };
        let pause = match kept.passes_failed.checked_sub(1) {
            None => list_every,
            Some(times) => (5_i64 << times.min(6)).min(300).min(list_every),
        };
        let share = (f64::from(calls) * 2.0 * 3_600.0 / per_hour) as Second;
        kept.pass_due = now + pause.max(share);
        let memory = &mut kept.memory;
        if listing.pages == 0 {
            memory.refused();
            self.alarms.push(now);
            return;
        }
        memory.learn_clock(listing.t0, now);
        memory.listed(&listing, &self.groups);
        if memory.unproven() > 0 {
            self.alarms.push(now);
        }
        self.last_complete = self.last_complete.max(memory.last_complete());
        let clock = Clock {
            now: memory.now(now),
            monotonic_ms: ms(now),
        };
        let projection = Projection {
            held: &self.groups,
            number: Some(&self.number),
            memory,
            signals: &Signals::default(),
        };
        let nothing = Budget::default();
        let chosen = plan(&projection, Some(&listing), clock, nothing, &self.limits);
        done.lines.push(format!(
            "listed {} of {}, {}",
            listing.groups.len(),
            seen,
            if listing.is_complete {
                "complete"
            } else {
                "not proven"
            }
        ));
        if let Some(summary) = &chosen.summary {
            let about = About::Number(number(), NumberEvent::ListPassed(summary.clone()));
            let passed = event(listing.t0, Source::Rollcall, about);
            done.appended.push((vec![passed], seen));
        }
        let is_first = chosen.summary.as_ref().is_some_and(|pass| pass.is_first);
        self.apply(owner, &chosen, listing.t0, is_first, seen, meta, done);
        if faults.is_fast {
            self.listing = listing;
        }
    }

    /// What is to be done now: by the plan, or by another strategy in its place.
    fn decide(&mut self, owner: usize, now: Second, meta: &Meta, wrong: &[usize]) -> Plan {
        let available = self.available(owner, now);
        // An answer costs one call or two.
        let reads = if self.strategy == Strategy::Ours {
            available
        } else {
            0
        };
        let Some(kept) = self.owners.get(owner) else {
            return Plan::default();
        };
        let clock = Clock {
            now: kept.memory.now(now),
            monotonic_ms: ms(now),
        };
        let projection = Projection {
            held: &self.groups,
            number: Some(&self.number),
            memory: &kept.memory,
            signals: &Signals::default(),
        };
        let budget = Budget {
            reads,
            gathers: kept.calls.gathers(),
        };
        let mut chosen = plan(&projection, None, clock, budget, &self.limits);
        if self.strategy == Strategy::Ours {
            return chosen;
        }
        let due = kept.memory.suspects().due(clock.now, self.limits.lag);
        let suspects: Vec<GroupId> = due.take(available).cloned().collect();
        let mut left = available - suspects.len();
        let mut read = |group_id: GroupId, reason| {
            chosen.steps.push(Step::Read { group_id, reason });
        };
        for group_id in suspects {
            read(group_id, Reason::Unlisted);
        }
        for place in wrong.iter().take(left) {
            if let Some(group) = meta.groups.get(*place) {
                read(group.group_id.clone(), Reason::Hinted);
                left -= 1;
            }
        }
        // An answer "unknown" counts only between two that show that the token works: an oracle asks somebody else for that alone.
        let others = match self.strategy {
            Strategy::Uniform => left,
            Strategy::Oracle => usize::from(kept.memory.suspects().awaits_sight()).min(left),
            Strategy::Ours => 0,
        };
        left = others;
        if left > 0 {
            for _ in 0..self.rotation.len() {
                if left == 0 {
                    break;
                }
                let Some(group_id) = self.rotation.pop_front() else {
                    break;
                };
                let Some(group) = self.groups.get(&group_id) else {
                    continue;
                };
                self.rotation.push_back(group_id.clone());
                if domain::plan::is_alive(group) {
                    read(group_id, Reason::LongestUnverified);
                    left -= 1;
                }
            }
        }
        chosen
    }

    /// What a plan says without an answer of Meta's.
    fn carry_out(&mut self, owner: usize, chosen: &Plan, now: Second, done: &mut Done) {
        let t0 = self.owners.get(owner).map_or(now, |o| o.memory.now(now));
        if let Some(refused) = &chosen.refused {
            done.lines.push(refused.to_string());
            self.refusals.push(now);
            let hold_id = Text::from(format!("hold-{now}"));
            let groups = u32::try_from(refused.vanishing).unwrap_or(u32::MAX);
            let what = NumberEvent::Held {
                hold_id: hold_id.clone(),
                groups,
                suspects: refused.groups.clone(),
            };
            let held = event(t0, Source::Rollcall, About::Number(number(), what));
            done.appended.push((vec![held], now));
            if let Some(owner) = self.owners.get_mut(owner) {
                owner.memory.held(hold_id);
            }
        }
        let nobody = Meta::new(false);
        self.apply(owner, chosen, t0, false, now, &nobody, done);
    }

    #[expect(clippy::too_many_arguments, reason = "what a plan is applied with")]
    fn apply(
        &mut self,
        owner: usize,
        chosen: &Plan,
        t0: Second,
        is_first: bool,
        seen: Second,
        _meta: &Meta,
        done: &mut Done,
    ) {
        for step in &chosen.steps {
            let group_id = step.group_id();
            let events: Vec<Event> = step
                .events()
                .into_iter()
                .map(|(at, source, what)| event(at, source, About::Group(group_id.clone(), what)))
                .collect();
            if events.is_empty() {
                continue;
            }
            if step.is_repair() {
                let reason = match step {
                    Step::Gone { .. } => Reason::Unlisted,
                    Step::Assert { .. }
                    | Step::Suspect { .. }
                    | Step::Forget { .. }
                    | Step::Link { .. }
                    | Step::Read { .. } => Reason::Listed,
                };
                self.look(group_id, &events, reason, t0, is_first);
            }
            // An answer "unknown" was of a second that the plan no longer knows; whether it was right is asked of the truth.
            let seen = if matches!(step, Step::Gone { .. }) {
                Second::MAX
            } else {
                seen
            };
            done.lines.push(step.to_string());
            done.appended.push((events, seen));
        }
        if let Some(owner) = self.owners.get_mut(owner) {
            owner.memory.took(chosen);
        }
    }

    fn look(
        &mut self,
        group_id: &GroupId,
        events: &[Event],
        reason: Reason,
        t0: Second,
        is_first: bool,
    ) {
        self.ledger.looked(&Look {
            group_id,
            held: self.groups.get(group_id),
            events,
            reason,
            t0,
            is_first,
            is_behind_gap: false,
        });
    }

    fn visited(
        &mut self,
        owner: usize,
        group_id: &GroupId,
        reason: Reason,
        now: Second,
        answered: Answered,
        done: &mut Done,
    ) {
        let Answered {
            t0,
            seen,
            calls,
            outcome,
            mut events,
        } = answered;
        self.spend(owner, now, Call::Read(reason), calls);
        let refused = match outcome {
            Outcome::Throttled | Outcome::Part { is_throttled: true } => Some(Refused::Throttled),
            Outcome::Failed | Outcome::Part { .. } => Some(Refused::Failed),
            Outcome::Unknown => Some(Refused::GroupUnknown),
            Outcome::Suspended => Some(Refused::GroupSuspended),
            Outcome::Full { .. } => None,
        };
        self.ended(owner, now, refused);
        let Some(kept) = self.owners.get_mut(owner) else {
            return;
        };
        kept.memory.learn_clock(t0, now);
        let now_ms = ms(now);
        if kept
            .memory
            .answered(group_id, (t0, self.limits.lag), outcome, now_ms)
        {
            let what = About::Group(group_id.clone(), GroupEvent::Unlisted);
            events.push(event(t0 - self.limits.lag, Source::Read, what));
        }
        done.lines.push(format!(
            "read {group_id} of {seen}, {}: {outcome:?}",
            reason.as_str()
        ));
        if !events.is_empty() {
            self.look(group_id, &events, reason, t0, false);
            done.appended.push((events, seen));
        }
    }

    /// A person has looked at every hold, and releases them.
    pub fn release(&mut self, at: Second) {
        let holds = self.number.core.holds.iter();
        let standing: Vec<(Text, u32)> = holds
            .filter(|(_, hold)| !hold.value.is_released)
            .map(|(id, hold)| (id.clone(), hold.value.groups))
            .collect();
        for (hold_id, groups) in standing {
            let what = NumberEvent::Released {
                hold_id,
                groups,
                by: None,
            };
            let mut released = event(at, Source::Rollcall, About::Number(number(), what));
            released.id = EventId([1; 16]);
            self.fold(&released);
        }
    }
}

/// Evidence newer than `seen` that is held no more, though an answer of `seen` is all that came.
fn older(before: &Core, after: &Core, seen: Second) -> Option<&'static str> {
    fn is<V: PartialEq>(
        before: &Option<Register<V>>,
        after: &Option<Register<V>>,
        seen: Second,
    ) -> bool {
        before.as_ref().is_some_and(|before| {
            let is_newer = before.stamp.rank > Rank::Read && before.stamp.at > seen;
            is_newer
                && after
                    .as_ref()
                    .is_none_or(|after| after.value != before.value)
        })
    }
    if is(&before.exists, &after.exists, seen) {
        return Some("existence");
    }
    if is(&before.subject, &after.subject, seen) {
        return Some("subject");
    }
    if is(&before.suspended, &after.suspended, seen) {
        return Some("suspension");
    }
    if is(&before.description, &after.description, seen) {
        return Some("description");
    }
    let mut members = before.member.iter();
    let is_replaced = members.any(|(id, register)| {
        let now = after.member.get(id).map(|register| register.value);
        register.stamp.rank > Rank::Read
            && register.stamp.at > seen
            && now.unwrap_or(Presence::Absent) != register.value
    });
    is_replaced.then_some("a member")
}
