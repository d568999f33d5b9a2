//! Adversarial lists: short, torn, repeated, empty, stale, or of a token that sees nothing; and what is asserted gone by them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    event::{About, GroupCreated, GroupEvent, ListPass, NumberEvent, Source},
    group::{Existence, Group},
    ids::{GroupId, Second, Text},
    number::Number,
    plan::{
        Budget, Clock, Limits, Listed, Listing, Memory, Outcome, Pages, Plan, Projection, Signals,
        Turn, plan,
    },
    position::Position,
};

use crate::{
    meta::{event, number},
    random::Random,
    world::START,
};

const LIMITS: Limits = Limits {
    lag: 300,
    again_after: 300,
};

/// Seconds between two passes.
const EVERY: Second = 300;

/// Looks at what to read between two passes: further apart than the two sightings that control an answer.
const TICKS: Second = 4;

/// Passes within which a group that is gone must be asserted so once lists are honest again.
const PASSES_MAX: u32 = 3;

/// What many runs came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lists read.
    pub listings: u64,
    /// Of them those that proved complete.
    pub complete: u64,
    /// Runs.
    pub runs: u64,
    /// Groups that truly went.
    pub gone: u64,
    /// Of them asserted gone within three passes after lists were honest again.
    pub asserted: u64,
    /// Living groups asserted gone.
    pub wrongly: u64,
    /// Plans refused.
    pub refused: u64,
    /// The first failure: its seed and a list of steps.
    pub failure: Option<(u64, Vec<String>)>,
}

struct Run {
    random: Random,
    now: Second,
    held: BTreeMap<GroupId, Group>,
    number: Number,
    memory: Memory,
    gone: BTreeSet<GroupId>,
    all: Vec<GroupId>,
    offset: i64,
    holds: Vec<(Text, u32)>,
    tally: Tally,
    steps: Vec<String>,
    is_written: bool,
}

/// Reads lists until so many were read; each run has a seed of its own.
pub fn run(listings: u64, first_seed: u64) -> Tally {
    let mut all = Tally::default();
    let mut seed = first_seed;
    while all.listings < listings {
        let mut one = run_one(seed, false);
        if one.failure.is_some() && all.failure.is_none() {
            // Once more, written down.
            all.failure = run_one(seed, true).failure;
        }
        one.failure = None;
        all.add(&one);
        seed += 1;
    }
    all
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.listings += other.listings;
        self.complete += other.complete;
        self.runs += other.runs;
        self.gone += other.gone;
        self.asserted += other.asserted;
        self.wrongly += other.wrongly;
        self.refused += other.refused;
    }
}

/// One number, some bad lists, then honest ones.
pub fn run_one(seed: u64, is_written: bool) -> Tally {
    let mut run = Run::new(seed, is_written);
    let passes = run.random.within(1, 9);
    for _ in 0..passes {
        if run.random.below(3) == 0 {
            run.delete_some();
        }
        let sees_nothing = run.random.below(8) == 0;
        run.pass(Some(sees_nothing));
    }
    // A person has looked at what was held, and consents to what stands; of what is held then, too.
    run.release();
    let mut left = PASSES_MAX;
    let mut releases_left = 8;
    while left > 0 {
        run.pass(None);
        left -= 1;
        if releases_left > 0 && !run.holds.is_empty() {
            run.release();
            releases_left -= 1;
            left = PASSES_MAX;
        }
    }
    run.finish(seed)
}

impl Run {
    fn new(seed: u64, is_written: bool) -> Self {
        let mut random = Random(seed);
        let groups = random.within(4, 40);
        let mut run = Self {
            random,
            now: START,
            held: BTreeMap::new(),
            number: Number::default(),
            memory: Memory::default(),
            gone: BTreeSet::new(),
            all: Vec::new(),
            offset: 0,
            holds: Vec::new(),
            tally: Tally {
                runs: 1,
                ..Tally::default()
            },
            steps: Vec::new(),
            is_written,
        };
        for place in 0..groups {
            let Ok(group_id) = GroupId::parse(&format!("g{place:03}")) else {
                continue;
            };
            let created = GroupCreated {
                subject: Some("s".into()),
                ..GroupCreated::default()
            };
            let about = GroupEvent::Created(created);
            run.fold(START - 9_000, Source::Webhook, &group_id, about);
            run.all.push(group_id);
        }
        let pass = ListPass {
            is_complete: true,
            ..ListPass::default()
        };
        run.of_number(START - 8_000, NumberEvent::ListPassed(pass));
        run
    }

    fn position(&mut self) -> Position {
        self.offset += 1;
        Position {
            generation: 1,
            offset: self.offset,
            ..Position::default()
        }
    }

    fn fold(&mut self, at: Second, source: Source, group_id: &GroupId, what: GroupEvent) {
        let position = self.position();
        let event = event(at, source, About::Group(group_id.clone(), what));
        let group = self.held.entry(group_id.clone()).or_default();
        group.apply(group_id, &event, position);
    }

    fn of_number(&mut self, at: Second, what: NumberEvent) {
        let position = self.position();
        let event = event(at, Source::Rollcall, About::Number(number(), what));
        self.number.apply(&number(), &event, position);
    }

    fn write(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.is_written {
            let line = format!("{} {}", self.now - START, line(self));
            self.steps.push(line);
        }
    }

    /// Some go, and no webhook tells; now and then more than anybody would believe.
    fn delete_some(&mut self) {
        let most = if self.random.below(10) == 0 { 12 } else { 2 };
        for _ in 0..self.random.within(1, most) {
            let place = self.random.below(self.all.len() as u64);
            let place = usize::try_from(place).unwrap_or(0);
            // Of a number with one group left no other can show that the token works: that is for a person to judge.
            if self.gone.len() + 2 >= self.all.len() {
                return;
            }
            if let Some(group_id) = self.all.get(place).cloned() {
                self.write(|_| format!("{group_id} is deleted"));
                self.gone.insert(group_id);
            }
        }
    }

    /// A pass and the ticks until the next; `None` is honest, else whether the token sees nothing.
    fn pass(&mut self, bad: Option<bool>) {
        let listing = self.list(bad);
        self.tally.listings += 1;
        self.tally.complete += u64::from(listing.is_complete);
        self.write(|_| {
            let proof = if listing.is_complete {
                "complete"
            } else {
                "not proven"
            };
            format!("listed {}, {proof}, bad: {bad:?}", listing.groups.len())
        });
        if listing.pages > 0 {
            self.memory.listed(&listing, &self.held);
            let chosen = self.plan(Some(&listing), 0);
            self.carry_out(&chosen);
        }
        let sees_nothing = bad == Some(true);
        for look in 0..2 * TICKS {
            // Two looks near each other, for what one asked the other controls; then a pause.
            self.now += if look % 2 == 0 { EVERY / TICKS - 5 } else { 5 };
            let reads = usize::try_from(self.random.within(1, 12)).unwrap_or(1);
            let chosen = self.plan(None, reads);
            self.carry_out(&chosen);
            let reads: Vec<GroupId> = chosen.reads().map(|(id, _)| id.clone()).collect();
            for group_id in reads {
                self.visit(&group_id, bad.is_some(), sees_nothing);
            }
        }
    }

    fn plan(&self, listing: Option<&Listing>, reads: usize) -> Plan {
        let projection = Projection {
            held: &self.held,
            number: Some(&self.number),
            memory: &self.memory,
            signals: &Signals::default(),
        };
        let clock = Clock {
            now: self.now,
            monotonic_ms: self.now.unsigned_abs() * 1_000,
        };
        plan(
            &projection,
            listing,
            clock,
            Budget {
                reads,
                gathers: false,
            },
            &LIMITS,
        )
    }

    fn carry_out(&mut self, chosen: &Plan) {
        for step in &chosen.steps {
            let group_id = step.group_id().clone();
            for (at, source, what) in step.events() {
                if matches!(what, GroupEvent::Unknown) {
                    let lives = !self.gone.contains(&group_id);
                    self.tally.wrongly += u64::from(lives);
                    self.write(|_| format!("asserted gone: {group_id}, lives: {lives}"));
                }
                self.fold(at, source, &group_id, what);
            }
        }
        if let Some(refused) = &chosen.refused {
            self.tally.refused += 1;
            self.write(|_| refused.to_string());
            let hold_id = Text::from(format!("hold-{}", self.now));
            let groups = u32::try_from(refused.vanishing).unwrap_or(u32::MAX);
            self.holds.push((hold_id.clone(), groups));
            self.memory.held(hold_id.clone());
            let suspects = refused.groups.clone();
            let held = NumberEvent::Held {
                hold_id,
                groups,
                suspects,
            };
            self.of_number(self.now, held);
        }
        self.memory.took(chosen);
    }

    fn release(&mut self) {
        for (hold_id, groups) in std::mem::take(&mut self.holds) {
            // A list of the same second says nothing of what came after the release.
            self.now += 1;
            self.write(|_| format!("released: {groups}"));
            let what = NumberEvent::Released {
                hold_id,
                groups,
                by: None,
            };
            self.of_number(self.now, what);
            self.now += 1;
        }
    }

    fn visit(&mut self, group_id: &GroupId, is_bad: bool, sees_nothing: bool) {
        let fails = is_bad && self.random.below(5) == 0;
        let outcome = if fails {
            Outcome::Failed
        } else if sees_nothing || self.gone.contains(group_id) {
            Outcome::Unknown
        } else {
            Outcome::Full { is_complete: true }
        };
        self.write(|_| format!("read {group_id}: {outcome:?}"));
        let now_ms = self.now.unsigned_abs() * 1_000;
        let is_alive_unlisted =
            self.memory
                .answered(group_id, (self.now, LIMITS.lag), outcome, now_ms);
        let at = self.now - LIMITS.lag;
        if matches!(outcome, Outcome::Full { .. }) {
            let read = domain::event::GroupRead {
                subject: Some("s".into()),
                is_complete: true,
                ..domain::event::GroupRead::default()
            };
            self.fold(at, Source::Read, group_id, GroupEvent::Read(read));
        }
        if is_alive_unlisted {
            self.fold(at, Source::Read, group_id, GroupEvent::Unlisted);
        }
    }

    /// Pages as a good or a bad Meta gives them.
    #[expect(clippy::too_many_lines, reason = "one story, told in its order")]
    fn list(&mut self, bad: Option<bool>) -> Listing {
        let sees_nothing = bad == Some(true);
        let mut shown: Vec<GroupId> = self
            .all
            .iter()
            .filter(|id| !sees_nothing && !self.gone.contains(*id))
            .cloned()
            .collect();
        let fault = if bad.is_some() {
            self.random.below(11)
        } else {
            0
        };
        match fault {
            1 => shown.truncate(shown.len() / 2),
            2 => {
                let random = &mut self.random;
                shown.retain(|_| random.below(3) > 0);
            }
            3 => shown.clear(),
            4 => shown = self.all.clone(),
            _ => {}
        }
        let size = usize::try_from(self.random.within(1, 15)).unwrap_or(1);
        let tears_at = self.random.below(4);
        let mut pages = Pages::begin();
        let (mut from, mut asked) = (0, 0);
        loop {
            asked += 1;
            if fault == 5 && asked > tears_at {
                // An error page in HTML, a truncated answer, too many calls: all the same here.
                pages.refused();
                break;
            }
            if fault == 6 && asked > tears_at {
                from = 0;
                if pages.expired() == Turn::End {
                    break;
                }
                continue;
            }
            let page: Vec<(GroupId, Listed)> = shown
                .iter()
                .skip(from)
                .take(size)
                .map(|id| {
                    let listed = Listed {
                        subject: Some("s".into()),
                        created: Some(START - 9_000),
                    };
                    (id.clone(), listed)
                })
                .collect();
            from += size;
            let mut next = (from < shown.len()).then(|| from.to_string());
            let mut page = page;
            match fault {
                7 if asked > tears_at => {
                    page.clear();
                    next = Some("empty".to_owned());
                }
                8 if next.is_some() => next = Some(size.to_string()),
                9 if asked > tears_at => {
                    // Ends early and does not say so.
                    page.truncate(page.len() / 2);
                    next = None;
                }
                _ => {}
            }
            let unreadable = u32::from(fault == 10 && asked > tears_at);
            match pages.page(self.now, page, unreadable, next, false) {
                Turn::Ask(next) => {
                    from = next.and_then(|next| next.parse().ok()).unwrap_or(from);
                }
                Turn::End => break,
            }
        }
        pages.finish().0
    }

    fn finish(mut self, seed: u64) -> Tally {
        for group_id in &self.gone {
            let exists = self.held.get(group_id).and_then(|g| g.core.exists.as_ref());
            let is_asserted = exists.is_some_and(|exists| exists.value == Existence::Gone);
            self.tally.gone += 1;
            self.tally.asserted += u64::from(is_asserted);
            if !is_asserted && self.is_written {
                self.steps.push(format!("not asserted gone: {group_id}"));
            }
        }
        if self.tally.wrongly > 0 || self.tally.asserted < self.tally.gone {
            self.tally.failure = Some((seed, self.steps));
        }
        self.tally
    }
}
