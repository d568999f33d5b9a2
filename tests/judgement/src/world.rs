//! A number with its groups and people, what is told of them, and who reads it back.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use domain::{
    event::{About, Event},
    ids::Second,
};

use crate::{
    meta::{Act, Meta, State, Telling},
    random::Random,
    rollcall::{Faults, Rollcall, Strategy},
};

/// When every world begins.
pub const START: Second = 1_780_000_000;

/// How things happen in a world, and how they are told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Everything random comes from it.
    pub seed: u64,
    /// Groups at the start, all known and verified.
    pub groups: usize,
    /// People a group, of whom at most eight are in it.
    pub people: u32,
    /// Do all groups share the same people?
    pub shares_people: bool,
    /// Do some hide their numbers?
    pub hides: bool,
    /// Seconds for which things happen.
    pub span: Second,
    /// Share of webhooks lost.
    pub loss: f64,
    /// Share of webhooks told twice.
    pub twice: f64,
    /// Share of webhooks that come up to seven days late; twice as many come up to a quarter of an hour late.
    pub late: f64,
    /// What happens how often.
    pub churn: Churn,
    /// `L`.
    pub lag: Second,
    /// How Meta's API behaves.
    pub faults: Faults,
    /// Seconds between two passes over the list.
    pub list_every: Second,
    /// Seconds between two looks at what to read.
    pub tick: Second,
    /// Calls an hour.
    pub calls_per_hour: u32,
    /// How reads are chosen.
    pub strategy: Strategy,
    /// Share of ticks at which a reconciler dies.
    pub crash: f64,
    /// Reconcilers that own the number at once; two for some of the time.
    pub owners: usize,
    /// Write a list of steps?
    pub is_written: bool,
}

/// How often things happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Churn {
    /// One thing after another, at seconds or days.
    Acts {
        /// How many.
        count: usize,
    },
    /// As a business with many groups has it: sessions of chat and comings and goings in some, silence in most.
    Business {
        /// Creations a day, and as many deletions.
        creations: f64,
        /// Renames a day.
        renames: f64,
        /// Sessions a day of each group, by the group's place: of ten groups one, three and six.
        sessions: [f64; 3],
        /// Comings and goings outside of sessions, a day and group.
        lone: f64,
        /// Number changes a day.
        moves: f64,
    },
}

/// What happens when.
#[derive(Debug, Clone)]
enum Item {
    Act(Act),
    /// Then the next act is drawn.
    Next,
    Session(usize),
    Lone,
    Creation,
    Deletion,
    Rename,
    Move,
    Arrive(Box<Event>),
    Append(Vec<Event>, Second),
    Tick(usize),
    /// Another look soon after: what one look asked the next one controls.
    Look(usize),
}

/// A drift that nobody told of: what is shown is wrong until somebody finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What was lost.
    pub kind: &'static str,
    /// In which group.
    pub place: usize,
    /// When.
    pub at: Second,
    /// Who, for a coming or going.
    pub person: Option<u32>,
    /// Was a webhook about the group delivered after it, before it was found?
    pub hinted: Option<Second>,
    /// When it was right again.
    pub found: Option<Second>,
    /// Was it found by a read or a list, and not healed by a later webhook?
    pub by_read: bool,
}

/// A world under way.
#[derive(Debug)]
pub struct World {
    /// How.
    pub settings: Settings,
    /// What is true.
    pub meta: Meta,
    /// What Rollcall holds.
    pub rollcall: Rollcall,
    /// Drift that arose, found or not.
    pub drifts: Vec<Drift>,
    /// Webhooks that were told or lost.
    pub webhooks: u64,
    /// Of them lost.
    pub lost: u64,
    /// Of those that count for the loss rate, how many were told, and how many lost.
    pub trials: (u64, u64),
    /// Groups wrong, every hour.
    pub wrong: Vec<(Second, u64)>,
    /// What happened, if it is written.
    pub steps: Vec<String>,
    open: BTreeMap<usize, Vec<usize>>,
    queue: BinaryHeap<Reverse<(Second, u64, Entry)>>,
    turn: u64,
    random: Random,
    /// Of the reading alone, so that what happens is the same however it is read.
    reader: Random,
    acts_left: usize,
    /// Second after which nothing happens and nothing fails.
    peace: Second,
    sampled: Second,
    run: Second,
}

/// Compared by time and turn alone.
#[derive(Debug, Clone)]
struct Entry(Item);

impl PartialEq for Entry {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// Seven days: no webhook comes later.
const LATE_MAX: i64 = 7 * 86_400;

impl World {
    /// A world in which everything that there is at the start was told and verified.
    pub fn new(settings: Settings) -> Self {
        let mut random = Random(settings.seed);
        let mut meta = Meta::new(settings.hides);
        let mut rollcall = Rollcall::new(&settings);
        for place in 0..settings.groups {
            let mut state = State {
                at: START - 86_400,
                by_approval: random.below(5) == 0,
                ..State::default()
            };
            let first = Self::first_person(&settings, place);
            for person in 0..settings.people {
                if state.members.len() < 6 && random.below(3) > 0 {
                    state.members.insert(first + person);
                }
            }
            meta.create(START - 86_400, state);
        }
        rollcall.hydrate(&meta, START - 7_200, settings.lag, &mut random);
        let mut world = Self {
            acts_left: match settings.churn {
                Churn::Acts { count } => count,
                Churn::Business { .. } => 0,
            },
            peace: START + settings.span,
            settings,
            meta,
            rollcall,
            drifts: Vec::new(),
            webhooks: 0,
            lost: 0,
            trials: (0, 0),
            wrong: Vec::new(),
            steps: Vec::new(),
            open: BTreeMap::new(),
            queue: BinaryHeap::new(),
            turn: 0,
            reader: Random(random.bits()),
            random,
            sampled: START,
            run: START,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for owner in 0..self.settings.owners {
            let first = self.random.within(1, self.settings.tick);
            self.push(START + first, Item::Tick(owner));
        }
        match self.settings.churn.clone() {
            Churn::Acts { .. } => self.push(START + 1, Item::Next),
            Churn::Business {
                creations,
                renames,
                lone,
                moves,
                ..
            } => {
                let groups = self.settings.groups as f64;
                for (item, a_day) in [
                    (Item::Creation, creations),
                    (Item::Deletion, creations),
                    (Item::Rename, renames),
                    (Item::Lone, lone * groups),
                    (Item::Move, moves),
                ] {
                    let wait = self.random.wait(a_day);
                    self.push(START + wait, item);
                }
                for place in 0..self.settings.groups {
                    self.next_session(START, place);
                }
            }
        }
    }

    fn push(&mut self, at: Second, item: Item) {
        self.turn += 1;
        self.queue.push(Reverse((at, self.turn, Entry(item))));
    }

    fn first_person(settings: &Settings, place: usize) -> u32 {
        if settings.shares_people {
            0
        } else {
            u32::try_from(place).unwrap_or(0) * settings.people
        }
    }

    fn somebody(&mut self, place: usize) -> u32 {
        let person = self.random.below(u64::from(self.settings.people));
        Self::first_person(&self.settings, place) + u32::try_from(person).unwrap_or(0)
    }

    fn some_group(&mut self) -> usize {
        let groups = self.meta.groups.len() as u64;
        usize::try_from(self.random.below(groups)).unwrap_or(0)
    }

    /// A line of the written list.
    pub fn write(&mut self, line: impl FnOnce() -> String) {
        if self.settings.is_written {
            self.steps.push(line());
        }
    }

    /// What was told late still comes until a second, and nobody reads any more.
    pub fn drain_until(&mut self, end: Second) {
        let queue = std::mem::take(&mut self.queue);
        let is_told = |Reverse((_, _, Entry(item))): &Reverse<(Second, u64, Entry)>| {
            matches!(item, Item::Arrive(_))
        };
        self.queue = queue.into_iter().filter(is_told).collect();
        self.run_until(end);
    }

    /// Runs until a second.
    pub fn run_until(&mut self, end: Second) {
        while let Some(Reverse((at, _, _))) = self.queue.peek()
            && *at <= end
        {
            let Some(Reverse((at, _, Entry(item)))) = self.queue.pop() else {
                break;
            };
            while self.sampled + 3_600 <= at {
                self.sampled += 3_600;
                let wrong = self.open.len() as u64;
                self.wrong.push((self.sampled, wrong));
            }
            self.happen(at, item);
        }
        self.run = self.run.max(end);
    }

    fn happen(&mut self, at: Second, item: Item) {
        match item {
            Item::Act(act) => self.act(at, act),
            Item::Next => self.next_act(at),
            Item::Session(place) => self.session(at, place),
            Item::Lone => {
                let Churn::Business { lone, .. } = self.settings.churn else {
                    return;
                };
                let place = self.some_group();
                let person = self.somebody(place);
                let act = self.come_or_go(place, person);
                self.act(at, act);
                self.again(at, lone * self.settings.groups as f64, Item::Lone);
            }
            Item::Creation | Item::Deletion | Item::Rename | Item::Move => self.rare(at, item),
            Item::Arrive(event) => self.arrive(at, &event),
            Item::Append(events, seen) => self.append(at, &events, seen),
            Item::Tick(owner) => {
                self.push(at + self.settings.tick, Item::Tick(owner));
                self.tick(at, owner);
                if !self.settings.faults.is_fast || self.rollcall.has_suspects(owner) {
                    // A call comes every half minute where there are few, and what it controls must be no older than a minute.
                    for later in [7, 20, 35, 50] {
                        self.push(at + later, Item::Look(owner));
                    }
                }
            }
            Item::Look(owner) => {
                if self.rollcall.has_suspects(owner) {
                    self.tick(at, owner);
                }
            }
        }
    }

    fn rare(&mut self, at: Second, item: Item) {
        let Churn::Business {
            creations,
            renames,
            moves,
            ..
        } = self.settings.churn
        else {
            return;
        };
        let place = self.some_group();
        let (act, a_day) = match item {
            Item::Creation => (Act::Create, creations),
            Item::Deletion => (Act::Delete(place), creations),
            Item::Move => (Act::Move(self.somebody(place)), moves),
            Item::Rename
            | Item::Act(_)
            | Item::Next
            | Item::Session(_)
            | Item::Lone
            | Item::Arrive(_)
            | Item::Append(..)
            | Item::Tick(_)
            | Item::Look(_) => (Act::Rename(place), renames),
        };
        self.act(at, act);
        self.again(at, a_day, item);
    }

    fn again(&mut self, at: Second, a_day: f64, item: Item) {
        let next = at + self.random.wait(a_day);
        if next < self.peace {
            self.push(next, item);
        }
    }

    fn come_or_go(&self, place: usize, person: u32) -> Act {
        let state = self.meta.groups.get(place).and_then(|group| group.last());
        if state.is_some_and(|state| state.members.contains(&person)) {
            Act::Go(place, person)
        } else {
            Act::Come(place, person)
        }
    }

    fn next_session(&mut self, at: Second, place: usize) {
        let Churn::Business { sessions, .. } = self.settings.churn else {
            return;
        };
        let a_day = match place % 10 {
            0 => sessions[0],
            1..=3 => sessions[1],
            _ => sessions[2],
        };
        self.again(at, a_day, Item::Session(place));
    }

    /// For half an hour to three there is chat, people come and go, and now and then a setting changes.
    fn session(&mut self, at: Second, place: usize) {
        let length = self.random.within(1_800, 10_800);
        for _ in 0..self.random.within(3, 15) {
            let person = self.somebody(place);
            let when = at + self.random.within(0, length);
            self.push(when, Item::Act(Act::Write(place, person)));
        }
        for _ in 0..self.random.below(4) {
            let person = self.somebody(place);
            let act = self.come_or_go(place, person);
            let when = at + self.random.within(0, length);
            self.push(when, Item::Act(act));
        }
        match self.random.below(20) {
            0 => self.push(at + length / 2, Item::Act(Act::Describe(place))),
            1 => self.push(at + length / 2, Item::Act(Act::Suspend(place))),
            _ => {}
        }
        self.next_session(at, place);
    }

    /// The next of one thing after another, sometimes within the same second.
    fn next_act(&mut self, at: Second) {
        if self.acts_left == 0 {
            return;
        }
        self.acts_left -= 1;
        let place = self.some_group();
        let person = self.somebody(place);
        let act = match self.random.below(40) {
            0 => Act::Create,
            1 if self.random.below(3) == 0 => Act::Delete(place),
            2 | 3 => Act::Rename(place),
            4 => Act::Describe(place),
            5 => Act::Suspend(place),
            6 => Act::Approval(place),
            7 | 8 => Act::Move(person),
            9..=15 => Act::Write(place, person),
            16..=20 => Act::Come(place, person),
            _ => self.come_or_go(place, person),
        };
        self.act(at, act);
        let gap = match self.random.below(24) {
            0 => self.random.within(3_600, 2 * 86_400),
            1..=4 => self.random.within(60, 3_600),
            5 => 0,
            _ => self.random.within(1, 90),
        };
        self.peace = self.peace.max(at + gap + 1);
        if self.acts_left > 0 {
            self.push(at + gap, Item::Next);
        } else {
            self.peace = at + 1;
        }
    }

    fn act(&mut self, at: Second, act: Act) {
        let Some(Telling { webhooks, answers }) = self.meta.act(at, act, &mut self.random) else {
            return;
        };
        self.write(|| format!("{at} {act:?}"));
        if let Some(place) = place_of(act, &self.meta) {
            let is_listed = self.meta.groups.get(place).and_then(|group| group.last());
            let is_listed = is_listed.cloned();
            if let (Some(state), true) = (is_listed, self.settings.faults.is_fast) {
                self.rollcall.list_later(at, place, &state, &self.meta);
            }
        }
        for answer in answers {
            self.push(at, Item::Arrive(Box::new(answer)));
        }
        for webhook in webhooks {
            self.told(at, act, webhook);
        }
    }

    /// Lost, or told once or twice, mostly at once and at times days later.
    fn told(&mut self, at: Second, act: Act, webhook: Event) {
        self.webhooks += 1;
        let settings = &self.settings;
        let (loss, twice, late) = (settings.loss, settings.twice, settings.late);
        let is_lost = self.random.chance(loss);
        if let Some(("member" | "subject" | "suspended" | "gone", ..)) = drift_of(act, &self.meta) {
            let (told, lost) = &mut self.trials;
            *(if is_lost { lost } else { told }) += 1;
        }
        if is_lost {
            self.lost += 1;
            self.write(|| format!("{at} lost: {act:?}"));
            if let Some((kind, place, person)) = drift_of(act, &self.meta) {
                self.open.entry(place).or_default().push(self.drifts.len());
                self.drifts.push(Drift {
                    kind,
                    place,
                    at,
                    person,
                    hinted: None,
                    found: None,
                    by_read: false,
                });
            }
            return;
        }
        let times = 1 + i32::from(self.random.chance(twice));
        for _ in 0..times {
            let delay = if self.random.chance(late) {
                self.random.within(0, LATE_MAX)
            } else if self.random.chance(2.0 * late) {
                self.random.within(0, 900)
            } else {
                self.random.within(0, 4)
            };
            self.push(at + delay, Item::Arrive(Box::new(webhook.clone())));
        }
    }

    fn arrive(&mut self, at: Second, event: &Event) {
        self.write(|| format!("{at} arrives: {:?} {:?}", event.at, event.about));
        self.rollcall.hear(event);
        if let About::Group(group_id, _) = &event.about
            && let Some(place) = self.meta.index.get(group_id).copied()
        {
            for drift in self.open.get(&place).into_iter().flatten() {
                if let Some(drift) = self.drifts.get_mut(*drift)
                    && event.at >= drift.at
                {
                    drift.hinted.get_or_insert(at);
                }
            }
            self.check(at, place, false);
        }
    }

    /// What a reconciler appended stands in the log.
    fn append(&mut self, at: Second, events: &[Event], seen: Second) {
        for event in events {
            self.rollcall.note_wrongly_gone(at, event, &self.meta);
            if let Some(wrong) = self.rollcall.fold_read(event, seen) {
                self.write(|| format!("{at} newer replaced by older: {wrong}"));
            }
        }
        for event in events {
            if let About::Group(group_id, _) = &event.about
                && let Some(place) = self.meta.index.get(group_id).copied()
            {
                self.check(at, place, true);
            }
        }
    }

    /// Closes the drifts of a group that are right now.
    fn check(&mut self, at: Second, place: usize, by_read: bool) {
        let Some(open) = self.open.remove(&place) else {
            return;
        };
        let mut left = Vec::new();
        for index in open {
            let Some(drift) = self.drifts.get_mut(index) else {
                continue;
            };
            if self.rollcall.is_right(&self.meta, drift) {
                drift.found = Some(at);
                drift.by_read = by_read;
            } else {
                left.push(index);
            }
        }
        if !left.is_empty() {
            self.open.insert(place, left);
        }
    }

    fn tick(&mut self, at: Second, owner: usize) {
        // Two at once for half of each six hours.
        if owner > 0 && at.rem_euclid(21_600) < 10_800 {
            return;
        }
        let is_peace = at > self.peace + LATE_MAX;
        let crash = if is_peace { 0.0 } else { self.settings.crash };
        let died = self.reader.chance(crash);
        let wrong: Vec<usize> = match self.settings.strategy {
            Strategy::Oracle => self.knows(at),
            Strategy::Ours | Strategy::Uniform => Vec::new(),
        };
        let faults = if is_peace {
            self.settings.faults.in_peace()
        } else {
            self.settings.faults.clone()
        };
        let done = self.rollcall.tick(
            owner,
            at,
            &self.meta,
            &faults,
            &wrong,
            died,
            &mut self.reader,
        );
        for line in done.lines {
            self.write(|| format!("{at} owner {owner}: {line}"));
        }
        if died {
            self.write(|| format!("{at} owner {owner} dies"));
        }
        for (events, seen) in done.appended {
            let delay = if self.settings.faults.is_fast {
                0
            } else {
                self.reader.within(0, 3)
            };
            if delay == 0 {
                self.append(at, &events, seen);
            } else {
                self.push(at + delay, Item::Append(events, seen));
            }
        }
    }

    /// The groups that are wrong, and that a read now would settle.
    fn knows(&self, at: Second) -> Vec<usize> {
        let is_settled_by_read = |index: &usize| {
            let drift = self.drifts.get(*index);
            drift.is_some_and(|drift| {
                !matches!(drift.kind, "created" | "gone" | "subject")
                    && drift.at + self.settings.lag + self.settings.faults.skew_max < at
            })
        };
        let open = self.open.iter();
        open.filter(|(_, drifts)| drifts.iter().any(is_settled_by_read))
            .map(|(place, _)| *place)
            .collect()
    }

    /// The second after which nothing happens any more and every webhook that comes has come.
    pub fn quiet(&self) -> Second {
        self.peace + LATE_MAX + 1
    }

    /// Until when it was run.
    pub fn now(&self) -> Second {
        self.run
    }

    /// The second after which nothing happens any more.
    pub fn peace(&self) -> Second {
        self.peace
    }

    /// Where Rollcall and the truth differ, in words; nothing if they agree.
    pub fn differences(&self) -> Vec<String> {
        self.rollcall.differences(&self.meta)
    }
}

fn place_of(act: Act, meta: &Meta) -> Option<usize> {
    match act {
        Act::Create => meta.groups.len().checked_sub(1),
        Act::Delete(place)
        | Act::Rename(place)
        | Act::Describe(place)
        | Act::Suspend(place)
        | Act::Approval(place)
        | Act::Come(place, _)
        | Act::Go(place, _)
        | Act::Write(place, _) => Some(place),
        Act::Move(_) => None,
    }
}

fn drift_of(act: Act, meta: &Meta) -> Option<(&'static str, usize, Option<u32>)> {
    let place = place_of(act, meta)?;
    let by_approval = |person: &u32| {
        let state = meta.groups.get(place).and_then(|group| group.last());
        state.is_some_and(|state| state.waiting.contains_key(person))
    };
    match act {
        Act::Create => Some(("created", place, None)),
        Act::Delete(_) => Some(("gone", place, None)),
        Act::Rename(_) => Some(("subject", place, None)),
        Act::Describe(_) => Some(("settings", place, None)),
        Act::Suspend(_) => Some(("suspended", place, None)),
        Act::Come(_, person) if by_approval(&person) => Some(("join_request", place, Some(person))),
        Act::Come(_, person) | Act::Go(_, person) => Some(("member", place, Some(person))),
        Act::Approval(_) | Act::Write(..) | Act::Move(_) => None,
    }
}
