//! The loop that keeps one business number: list, compare, read, assert, for ever.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chassis::{CancellationToken, Clock, health::Heartbeat};
use domain::{
    event::{About, Event, GroupEvent, HintReason, NumberEvent, Source},
    group::{Existence, Group, Links, named},
    ids::{EventId, GroupId, PersonId, PhoneNumberId, Second, Text},
    number::IdentityChange,
    plan::{
        Candidate, Listing, Plan, Reason, Step, Verdict, candidate, choose, compare, vanish_limit,
        verdict,
    },
    position::Position,
    register::{Doubt, Rank, Registers},
};
use tokio::task::JoinSet;

use crate::{
    append::{Appender, event},
    budget::Budget,
    limits::{
        FORGET_AFTER_SECONDS, READS_IN_FLIGHT_MAX, TICK, UNLISTED_REST_SECONDS,
        VANISH_WINDOW_SECONDS,
    },
    list::{self, Passed},
    metrics::Metrics,
    read::{Visit, visit},
    snapshots::Snapshots,
    suspects::{Suspects, Unknown},
    upstream::{Read, Refused},
};

/// What a number's loop is made of.
pub(crate) struct Keeper<R> {
    pub(crate) number: PhoneNumberId,
    pub(crate) upstream: Arc<R>,
    pub(crate) appender: Appender,
    pub(crate) snapshots: Snapshots,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) lag: Second,
    pub(crate) list_every: Duration,
    pub(crate) budget: Budget,
    pub(crate) beat: Heartbeat,
    pub(crate) memory: Memory,
}

/// What the loop remembers from turn to turn; losing it costs calls, never truth.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// `t0` of the last read tried, by group.
    attempted: HashMap<GroupId, Second>,
    /// Being read now.
    in_flight: HashSet<GroupId>,
    /// To be asked for by id because the list does not show them.
    to_ask: BTreeSet<GroupId>,
    suspects: Suspects,
    /// Identity changes already fanned out.
    fanned: HashSet<EventId>,
    /// Reads chosen so far.
    turn: u64,
    /// When the next list pass is due, on the monotonic clock.
    pass_due_ms: u64,
    /// Meta's clock less ours, in seconds.
    skew: Second,
    /// A complete pass or a read that answered, last, in Meta's clock.
    token_worked: Second,
    is_token_refused: bool,
}

impl<R: Read> Keeper<R> {
    /// Runs until shutdown; ends with an error only if the log does.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), eventlog::Error> {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = self.snapshots.caught_up() => {}
        }
        let mut visits: JoinSet<(Reason, Visit)> = JoinSet::new();
        loop {
            self.beat.turn();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(visited) = visits.join_next(), if !visits.is_empty() => {
                    // A visit that panicked is a bug of ours: its group is simply read again.
                    if let Ok((reason, visit)) = visited {
                        self.visited(reason, visit).await?;
                    }
                    continue;
                }
                () = self.clock.sleep(TICK) => {}
            }
            if self.is_paused() {
                continue;
            }
            let now_ms = self.clock.monotonic_ms();
            if now_ms >= self.memory.pass_due_ms && !self.budget.is_paused(now_ms) {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    passed = self.pass() => passed?,
                }
            }
            self.fan_out().await?;
            self.settle();
            self.send_out(&mut visits);
        }
        // Reads under way change nothing yet: dropping them loses nothing.
        visits.shutdown().await;
        Ok(())
    }

    /// Now, by Meta's clock.
    fn now(&self) -> Second {
        i64::try_from(self.clock.now_seconds())
            .unwrap_or(i64::MAX)
            .saturating_add(self.memory.skew)
    }

    fn learn_clock(&mut self, t0: Second, asked: Second) {
        if t0 > 0 {
            self.memory.skew = t0 - asked;
        }
    }

    fn is_paused(&self) -> bool {
        let held = self.snapshots.held().number(&self.number);
        held.is_some_and(|number| {
            number
                .core
                .paused
                .as_ref()
                .is_some_and(|paused| paused.value)
        })
    }

    async fn pass(&mut self) -> Result<(), eventlog::Error> {
        let asked = i64::try_from(self.clock.now_seconds()).unwrap_or(i64::MAX);
        let passed = list::pass(&*self.upstream, &self.number).await;
        let now_ms = self.clock.monotonic_ms();
        // A tenth earlier or later, so that many numbers and instances do not ask in step.
        let jitter = rand::random_range(0.9..1.1);
        self.memory.pass_due_ms = now_ms.saturating_add(to_ms(self.list_every.mul_f64(jitter)));
        let Passed {
            listing,
            calls,
            load,
            refused,
            unproven,
        } = passed;
        self.budget.spend(calls);
        self.metrics.calls.add("list", u64::from(calls));
        self.learn_clock(listing.t0, asked);
        if let Some(refused) = refused {
            self.budget.refused(&refused, &load, now_ms);
            self.refused(refused);
            self.metrics.passes.add("refused", 1);
            return Ok(());
        }
        self.budget.answered(&load, now_ms);
        self.accepted(listing.t0);
        if let Some(unproven) = unproven {
            self.metrics.passes.add("unproven", 1);
            tracing::warn!(phone_number_id = %self.number, reason = unproven, "list pass proves nothing of groups it does not show");
        } else {
            self.metrics.passes.add("complete", 1);
            self.metrics.last_pass.set(self.now());
        }
        let plan = compare_with(&self.snapshots, &self.number, &listing, self.lag);
        self.carry_out(&listing, plan).await
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
                    let event = event(
                        &self.number,
                        at,
                        Source::Read,
                        About::Group(group_id.clone(), what),
                    );
                    if !is_first {
                        self.count_drift(&group_id, std::slice::from_ref(&event));
                    }
                    events.push(event);
                }
                Step::Ask { group_id } => {
                    self.metrics.steps.add("ask", 1);
                    if self.memory.to_ask.len() + self.memory.suspects.len() < limit
                        && !self.is_resting(&group_id)
                    {
                        self.memory.to_ask.insert(group_id);
                    }
                }
            }
        }
        events.extend(self.forgettable());
        let summary = About::Number(self.number.clone(), NumberEvent::ListPassed(plan.summary));
        events.push(event(&self.number, listing.t0, Source::Rollcall, summary));
        self.append(&events).await
    }

    /// Was this group confirmed alive though not listed, lately? Suspended groups may never be listed.
    fn is_resting(&self, group_id: &GroupId) -> bool {
        let since = self.now() - UNLISTED_REST_SECONDS;
        let group = self.snapshots.held().group(group_id);
        group.is_some_and(|group| {
            group
                .core
                .unlisted
                .as_ref()
                .is_some_and(|unlisted| unlisted.stamp.at > since)
        })
    }

    /// Groups gone for so long that they may be dropped.
    fn forgettable(&self) -> Vec<Event> {
        let now = self.now();
        let groups = self.snapshots.held().groups_of(&self.number);
        let gone = groups.iter().filter_map(|(group_id, group)| {
            let exists = group
                .core
                .exists
                .as_ref()
                .filter(|exists| exists.value == Existence::Gone)?;
            (exists.stamp.at < now - FORGET_AFTER_SECONDS)
                .then(|| (group_id.clone(), exists.stamp.at))
        });
        gone.map(|(group_id, stamp)| {
            event(
                &self.number,
                now,
                Source::Rollcall,
                About::Group(group_id, GroupEvent::Forgotten { stamp }),
            )
        })
        .collect()
    }

    /// A webhook may tell meanwhile that a group is gone: it is then in question no more, and no suspect of the interlock.
    fn settle(&mut self) {
        let held = self.snapshots.held();
        let is_open = |group_id: &GroupId| {
            let group = held.group(group_id);
            let exists = group.as_ref().and_then(|group| group.core.exists.as_ref());
            exists.is_none_or(|exists| exists.value != Existence::Gone)
        };
        self.memory.to_ask.retain(is_open);
        self.memory.suspects.retain(is_open);
    }

    fn send_out(&mut self, visits: &mut JoinSet<(Reason, Visit)>) {
        let now_ms = self.clock.monotonic_ms();
        let available = self.budget.available(now_ms);
        self.metrics
            .budget
            .set(i64::try_from(available).unwrap_or(i64::MAX));
        let slots = READS_IN_FLIGHT_MAX
            .saturating_sub(visits.len())
            .min(available);
        if slots == 0 {
            return;
        }
        for (reason, group_id) in self.choose(slots) {
            let held = self.snapshots.held().group(&group_id);
            let (upstream, number, lag) =
                (Arc::clone(&self.upstream), self.number.clone(), self.lag);
            // The info; what join requests cost more is counted when it is known.
            self.budget.spend(1);
            self.metrics.reads.add(reason.as_str(), 1);
            self.memory.in_flight.insert(group_id.clone());
            visits.spawn(async move {
                (
                    reason,
                    visit(&*upstream, &number, group_id, held.as_deref(), lag).await,
                )
            });
        }
    }

    /// The next groups to read: first those whose life is in question, then as the domain chooses.
    fn choose(&mut self, count: usize) -> Vec<(Reason, GroupId)> {
        let now = self.now();
        let again_after = i64::try_from(self.list_every.as_secs())
            .unwrap_or(i64::MAX)
            .max(self.lag);
        let asks = self
            .memory
            .to_ask
            .iter()
            .filter(|id| self.memory.suspects.since(id).is_none());
        let asks: Vec<GroupId> = asks
            .chain(self.memory.suspects.due(now, self.lag))
            .filter(|id| !self.memory.in_flight.contains(*id))
            // Many groups in question at once must not keep all others from being read.
            .take(count.div_ceil(2))
            .cloned()
            .collect();
        let groups = self.snapshots.held().groups_of(&self.number);
        let candidates: Vec<Candidate> = groups
            .iter()
            .filter(|(id, _)| {
                !self.memory.in_flight.contains(id) && self.memory.suspects.since(id).is_none()
            })
            .filter_map(|(id, group)| {
                let attempted = self.memory.attempted.get(id).copied();
                candidate(id, group, now, self.lag, attempted, again_after)
            })
            .collect();
        let chosen = choose(candidates, count - asks.len(), self.memory.turn);
        self.memory.turn += chosen.len() as u64;
        let asks = asks.into_iter().map(|id| (Reason::Hinted, id));
        asks.chain(chosen.into_iter().map(
            |Candidate {
                 reason, group_id, ..
             }| (reason, group_id),
        ))
        .collect()
    }

    async fn visited(&mut self, reason: Reason, visit: Visit) -> Result<(), eventlog::Error> {
        let Visit {
            group_id,
            t0,
            calls,
            load,
            mut events,
            refused,
            is_alive,
        } = visit;
        let now_ms = self.clock.monotonic_ms();
        self.memory.in_flight.remove(&group_id);
        self.metrics.calls.add("read", u64::from(calls));
        self.budget.spend(calls.saturating_sub(1));
        match refused {
            Some(refused) => {
                self.budget.refused(&refused, &load, now_ms);
                self.refused(refused);
            }
            None => self.budget.answered(&load, now_ms),
        }
        if is_alive {
            self.accepted(t0);
            if self.memory.to_ask.remove(&group_id)
                || self.memory.suspects.since(&group_id).is_some()
            {
                let what = About::Group(group_id.clone(), GroupEvent::Unlisted);
                events.push(event(&self.number, t0 - self.lag, Source::Read, what));
            }
            self.memory.suspects.clear(&group_id);
        }
        if refused == Some(Refused::GroupUnknown) {
            events.extend(self.unknown(&group_id, t0));
        }
        // What was throttled or failed is tried again when its turn comes; all else was answered.
        if is_alive || refused == Some(Refused::GroupUnknown) || refused == Some(Refused::Input) {
            self.memory.attempted.insert(group_id.clone(), t0);
        }
        self.metrics
            .suspects
            .set(i64::try_from(self.memory.suspects.len()).unwrap_or(i64::MAX));
        let found = self.count_drift(&group_id, &events);
        if found > 0 {
            tracing::info!(
                reason = reason.as_str(),
                differences = found,
                "a read differs from what was held; appended what it shows"
            );
        }
        self.append(&events).await
    }

    /// Meta says that there is no such group. Says what that asserts: mostly nothing yet.
    fn unknown(&mut self, group_id: &GroupId, t0: Second) -> Vec<Event> {
        self.memory.to_ask.remove(group_id);
        let since = self.memory.suspects.since(group_id);
        if self.memory.suspects.unknown(group_id, t0, self.lag) != Unknown::Confirmed {
            return Vec::new();
        }
        // Only a token that worked for something else meanwhile makes "unknown" mean unknown.
        if since.is_none_or(|since| self.memory.token_worked <= since) {
            return Vec::new();
        }
        match verdict(self.alive(), self.vanished(), self.memory.suspects.len()) {
            Verdict::Assert => {
                self.memory.suspects.clear(group_id);
                let what = About::Group(group_id.clone(), GroupEvent::Unknown);
                vec![event(&self.number, t0 - self.lag, Source::Read, what)]
            }
            Verdict::Hold => self.hold(),
        }
    }

    /// A hold, unless one stands already.
    fn hold(&self) -> Vec<Event> {
        let held = self.snapshots.held().number(&self.number);
        if held.is_some_and(|number| {
            number
                .core
                .holds
                .iter()
                .any(|(_, hold)| !hold.value.is_released)
        }) {
            return Vec::new();
        }
        let groups = u32::try_from(self.memory.suspects.len()).unwrap_or(u32::MAX);
        tracing::error!(
            phone_number_id = %self.number, groups,
            "too many groups seem gone at once: none is asserted gone until somebody looks at the number and its token"
        );
        self.metrics.steps.add("hold", 1);
        let now = self.now();
        let hold_id = Text::from(format!("hold-{now}"));
        let what = NumberEvent::Held { hold_id, groups };
        vec![event(
            &self.number,
            now,
            Source::Rollcall,
            About::Number(self.number.clone(), what),
        )]
    }

    /// Groups of the number that are held as alive.
    fn alive(&self) -> usize {
        let groups = self.snapshots.held().groups_of(&self.number);
        groups
            .iter()
            .filter(|(_, group)| {
                group
                    .core
                    .exists
                    .as_ref()
                    .is_none_or(|e| e.value == Existence::Active)
            })
            .count()
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

    /// Every old identifier of a person whose identity changed leads to the new one, in every group that holds it.
    async fn fan_out(&mut self) -> Result<(), eventlog::Error> {
        let Some(number) = self.snapshots.held().number(&self.number) else {
            return Ok(());
        };
        let news: Vec<&IdentityChange> = number
            .core
            .identity_changes
            .iter()
            .filter(|change| !self.memory.fanned.contains(&change.event_id))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let groups = self.snapshots.held().groups_of(&self.number);
        let mut events = Vec::new();
        for change in &news {
            let Some(new) = named(&change.new).id else {
                continue;
            };
            for (group_id, group) in &groups {
                let old = leads_to(group, change, &new);
                if !old.is_empty() {
                    let what = GroupEvent::IdentityLinked {
                        old,
                        new: new.clone(),
                    };
                    events.push(event(
                        &self.number,
                        change.at,
                        Source::Rollcall,
                        About::Group(group_id.clone(), what),
                    ));
                    let what = GroupEvent::Hinted {
                        reason: HintReason::IdentityChanged,
                    };
                    events.push(event(
                        &self.number,
                        change.at,
                        Source::Rollcall,
                        About::Group(group_id.clone(), what),
                    ));
                }
            }
        }
        self.append(&events).await?;
        self.memory
            .fanned
            .extend(news.iter().map(|change| change.event_id));
        self.memory.fanned.retain(|id| {
            number
                .core
                .identity_changes
                .iter()
                .any(|change| change.event_id == *id)
        });
        Ok(())
    }

    /// Counts what `events` will change in what is held now.
    fn count_drift(&self, group_id: &GroupId, events: &[Event]) -> u64 {
        let held = self.snapshots.held().group(group_id);
        let mut group = held.as_deref().cloned().unwrap_or_default();
        let is_known = group.core.verified > 0
            || group
                .core
                .exists
                .as_ref()
                .is_some_and(|exists| exists.stamp.rank == Rank::Statement);
        let mut found = 0;
        for (offset, event) in (0..).zip(events) {
            let position = Position {
                generation: u32::MAX,
                offset,
                ..group.envelope.position
            };
            found += self
                .metrics
                .drifted(&group.apply(group_id, event, position), is_known);
        }
        if found > 0 {
            self.metrics.repairs.inc();
        }
        found
    }

    fn accepted(&mut self, t0: Second) {
        self.memory.token_worked = self.memory.token_worked.max(t0);
        if std::mem::take(&mut self.memory.is_token_refused) {
            tracing::info!(phone_number_id = %self.number, "the access token works again");
        }
    }

    fn refused(&mut self, refused: Refused) {
        self.metrics.refusals.add(refused.as_str(), 1);
        if refused == Refused::Token && !std::mem::replace(&mut self.memory.is_token_refused, true)
        {
            tracing::error!(
                phone_number_id = %self.number,
                "Meta refuses the access token: nothing can be verified until --access-token-file names one that works"
            );
        }
    }

    async fn append(&self, events: &[Event]) -> Result<(), eventlog::Error> {
        if events.is_empty() {
            return Ok(());
        }
        self.appender.append(events).await
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
    let is_first = held
        .number(number)
        .is_none_or(|number| number.core.list_pass.is_none());
    drop(held);
    compare(
        listing,
        all.iter().map(|(id, group)| (id, &**group)),
        lag,
        is_first,
    )
}

/// The identifiers of the changed person that a group holds, but for `new` itself:
/// those given, and what each resolves to by links stamped at or before the change.
fn leads_to(group: &Group, change: &IdentityChange, new: &PersonId) -> Vec<PersonId> {
    let core = &group.core;
    let links = core
        .is
        .iter()
        .filter(|(_, link)| link.stamp.at <= change.at);
    let links = Registers::from_unsorted(
        links.map(|(id, link)| (id.clone(), link.clone())),
        Doubt::Kept,
    );
    let links = Links::new(&links);
    let holds = |id: &str| {
        core.member.get(id).is_some()
            || core.ask.get(id).is_some()
            || core.is.get(id).is_some()
            || core.is.iter().any(|(_, link)| link.value == id)
    };
    let mut old = BTreeSet::new();
    for id in change.old.iter().filter(|id| holds(id)) {
        old.insert(id.clone());
        old.insert(Text::new(links.resolve(id)));
    }
    old.remove(new);
    old.into_iter().collect()
}

fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
