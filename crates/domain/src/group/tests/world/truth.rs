//! What happens in a group, who tells of it when, and what Meta's API answers: the truth that the fold has to end at.

use std::collections::{BTreeMap, BTreeSet};

use super::super::scenario::*;
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, JoinRequest, Person},
    group::{Core, Existence, Group, Participant},
    ids::{PersonId, Second, Text},
    plan::carry,
    testing::*,
};

/// Seconds that the API may lag, and that reads are stamped earlier.
pub(super) const LAG: Second = 300;
/// Seconds that a webhook may be late.
pub(super) const LATE: Second = 7 * 86_400;
/// When the world begins.
const START: Second = 1_780_000_000;
const PEOPLE: usize = 6;
/// How often something happens.
const ACTS: usize = 70;

/// How things stand at the end of a second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    pub(super) is_gone: bool,
    pub(super) members: BTreeSet<usize>,
    /// Who waits, since when.
    pub(super) waiting: BTreeMap<usize, Second>,
    pub(super) subject: Text,
    pub(super) suspended: bool,
    /// Told by reads alone.
    pub(super) approval: Text,
    /// How often each person's identity changed.
    pub(super) identities: [usize; PEOPLE],
}

/// A person got other identifiers: what a number learns of it.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) at: Second,
    pub(super) old: Vec<PersonId>,
    pub(super) new: PersonId,
}

/// What Rollcall is told.
#[derive(Debug, Clone)]
pub(super) enum Told {
    Event(Box<Event>),
    Changed(Changed),
}

pub(super) struct World {
    pub(super) random: Random,
    snapshots: Vec<(Second, Snapshot)>,
    /// Second of arrival, and what is told.
    pub(super) arriving: Vec<(Second, Told)>,
    /// What happens before it may be told to nobody; what happens after is told by webhooks, however late.
    trusted: Second,
    /// A read that settles what was before.
    pub(super) last_read: Second,
    /// Counts of what this world had.
    pub(super) had: BTreeMap<&'static str, u64>,
}

fn number(person: usize, identity: usize) -> String {
    format!("155501000{person}{identity:02}")
}

fn user_id(person: usize, identity: usize) -> String {
    format!("US.{person}.{identity:02}")
}

fn join_request_id(person: usize) -> String {
    format!("J{person}")
}

/// Whoever has an odd place hides their phone number from everybody, always.
fn hides(person: usize) -> bool {
    person % 2 == 1
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut seconds = vec![START];
        for _ in 1..ACTS {
            let gap = match random.below(12) {
                0 => random.below(4 * 86_400),
                1..=3 => random.below(3_600),
                _ => random.below(90),
            };
            seconds.push(seconds[seconds.len() - 1] + 1 + gap as Second);
        }
        let last_read = seconds[ACTS - 1 - random.below(16)] + random.below(LAG as usize) as Second;
        let first = Snapshot {
            is_gone: false,
            members: BTreeSet::new(),
            waiting: BTreeMap::new(),
            subject: Text::new("subject 0"),
            suspended: false,
            approval: Text::new("auto_approve"),
            identities: [0; PEOPLE],
        };
        let mut world = Self {
            random,
            snapshots: vec![(START, first)],
            arriving: Vec::new(),
            trusted: last_read - LAG,
            last_read,
            had: BTreeMap::new(),
        };
        let created = GroupCreated {
            subject: some("subject 0"),
            ..GroupCreated::default()
        };
        world.tell(of_group(START, GroupEvent::Created(created)));
        for second in &seconds[1..] {
            world.act(*second);
        }
        world
    }

    /// How things stood at a second.
    pub(super) fn at(&self, second: Second) -> &Snapshot {
        let after = self.snapshots.partition_point(|(at, _)| *at <= second);
        &self.snapshots[after.max(1) - 1].1
    }

    pub(super) fn end(&self) -> Second {
        self.snapshots[self.snapshots.len() - 1].0
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.had.entry(what).or_default() += 1;
    }

    /// One thing happens in a second, so that the truth of that second is one.
    fn act(&mut self, at: Second) {
        let mut now = self.at(at).clone();
        if now.is_gone {
            return;
        }
        let person = self.random.below(PEOPLE);
        match self.random.below(40) {
            0..=2 => self.settings(at, &mut now),
            3..=5 => self.change_number(at, person, &mut now),
            6 if self.random.below(8) == 0 => {
                now.is_gone = true;
                (now.members, now.waiting) = Default::default();
                self.count("deletion");
                self.tell(of_group(at, GroupEvent::Deleted));
            }
            _ if now.members.contains(&person) => self.of_member(at, person, &mut now),
            _ if now.waiting.contains_key(&person) => self.of_waiting(at, person, &mut now),
            _ => self.of_stranger(at, person, &mut now),
        }
        self.snapshots.push((at, now));
    }

    fn settings(&mut self, at: Second, now: &mut Snapshot) {
        match self.random.below(3) {
            0 => {
                now.subject = Text::from(format!("subject {at}"));
                self.tell(settings(at, &now.subject));
            }
            1 => {
                now.suspended = !now.suspended;
                self.count("suspension");
                self.tell(of_group(at, GroupEvent::Suspended(now.suspended)));
            }
            _ => now.approval = Text::from(format!("mode {at}")),
        }
    }

    /// New number, and with it a new user id; the webhook names the old ones or one of them.
    fn change_number(&mut self, at: Second, person: usize, now: &mut Snapshot) {
        let before = now.identities[person];
        now.identities[person] += 1;
        let (old_number, old_user) = (number(person, before), user_id(person, before));
        let old = match self.random.below(3) {
            0 if !hides(person) => vec![old_number],
            1 if !hides(person) => vec![old_number, old_user],
            _ => vec![old_user],
        };
        let changed = Changed {
            at,
            old: old.iter().map(|id| PersonId::new(id)).collect(),
            new: PersonId::new(user_id(person, before + 1)),
        };
        self.count("number change");
        self.arrive(at, Told::Changed(changed));
    }

    fn of_member(&mut self, at: Second, person: usize, now: &mut Snapshot) {
        let named = self.naming(person, now);
        if self.random.below(3) > 0 {
            return self.tell(wrote(at, named));
        }
        now.members.remove(&person);
        // Removed by us: the webhook echoes the number that was dialled.
        let named = match named.wa_id {
            Some(dialled) if self.random.below(3) == 0 => {
                self.count("removal by input");
                Person {
                    input: Some(dialled),
                    wa_id: None,
                    ..named
                }
            }
            _ => named,
        };
        self.count("removal or leave");
        self.tell(removed(at, [named]));
    }

    fn of_waiting(&mut self, at: Second, person: usize, now: &mut Snapshot) {
        let (named, id) = (self.naming(person, now), join_request_id(person));
        now.waiting.remove(&person);
        match self.random.below(4) {
            0 => self.tell(ask_closed(at, named, &id)),
            // Rejected by us: no webhook tells, and the answer is in the log at once.
            1 => {
                self.count("rejection");
                let answered = answered(at, &[&id]);
                self.arriving.push((at, Told::Event(Box::new(answered))));
            }
            _ => {
                now.members.insert(person);
                self.count("approval");
                self.tell(added(at, [named]));
            }
        }
    }

    fn of_stranger(&mut self, at: Second, person: usize, now: &mut Snapshot) {
        let named = self.naming(person, now);
        if self.random.below(2) == 0 {
            now.waiting.insert(person, at);
            self.count("join request");
            return self.tell(asked(at, named, &join_request_id(person)));
        }
        now.members.insert(person);
        self.count("join");
        self.tell(added(at, [named]));
    }

    /// A webhook may name either identifier or both.
    fn naming(&mut self, person: usize, now: &Snapshot) -> Person {
        let identity = now.identities[person];
        let (number, user_id) = (number(person, identity), user_id(person, identity));
        match self.random.below(5) {
            _ if hides(person) => u(&user_id),
            0 => n(&number),
            1 => u(&user_id),
            _ => nu(&number, &user_id),
        }
    }

    fn tell(&mut self, event: Event) {
        self.arrive(event.at, Told::Event(Box::new(with_metadata(event))));
    }

    /// Lost, or told once or twice, mostly at once and at times days later.
    fn arrive(&mut self, at: Second, told: Told) {
        if at < self.trusted && self.random.below(5) == 0 {
            return self.count("lost webhook");
        }
        for _ in 0..1 + self.random.below(2) {
            let late = match self.random.below(10) {
                0 => self.random.below(LATE as usize + 1),
                1..=3 => self.random.below(900),
                _ => self.random.below(5),
            } as Second;
            if late > 86_400 {
                self.count("webhook a day late or more");
            }
            self.arriving.push((at + late, told.clone()));
        }
    }

    /// What the API answers at `sent`, with what Rollcall holds carried along; it speaks of `stamp`.
    pub(super) fn read(&mut self, core: &Core, sent: Second, stamp: Second) -> Vec<Event> {
        let seen = sent - self.random.below(LAG as usize) as Second;
        let now = self.at(seen).clone();
        if now.is_gone {
            // Asked for twice, the lag apart: what the first answer showed stands before the second one is stamped.
            let event = of_group(stamp.max(sent), GroupEvent::Unknown);
            return vec![event];
        }
        let mut participants: Vec<Person> = Vec::new();
        for person in &now.members {
            participants.push(self.api(*person, &now));
        }
        let is_complete = sent >= self.last_read || self.random.below(4) > 0;
        if !is_complete {
            participants.truncate(self.random.below(participants.len() + 1));
        }
        participants.iter_mut().for_each(|one| carry(core, one));
        let read = GroupRead {
            subject: Some(now.subject.clone()),
            description: None,
            join_approval_mode: Some(now.approval.clone()),
            suspended: Some(now.suspended),
            created: Some(START),
            participants,
            is_complete,
        };
        let mut requests = Vec::new();
        for (person, since) in &now.waiting {
            requests.push(JoinRequest {
                person: self.api(*person, &now),
                join_request_id: Text::from(join_request_id(*person)),
                created: Some(*since),
            });
        }
        vec![
            of_group(stamp, GroupEvent::Read(read)),
            join_requests(stamp, requests),
        ]
    }

    /// The API gives the user id, and the number of whoever does not hide it every other time.
    fn api(&mut self, person: usize, now: &Snapshot) -> Person {
        let identity = now.identities[person];
        let user_id = user_id(person, identity);
        if hides(person) || self.random.below(2) == 0 {
            u(&user_id)
        } else {
            nu(&number(person, identity), &user_id)
        }
    }

    /// What is shown, in the world's terms, and which persons are shown twice or by identifiers that they no longer have.
    pub(super) fn shown(&self, group: &Group) -> Option<(Snapshot, BTreeSet<usize>)> {
        let view = group.view()?;
        let now = self.at(self.end());
        let mut twice_or_stale = BTreeSet::new();
        let mut who = |shown: &Participant, held: bool| {
            let names = |identity: usize| {
                (0..PEOPLE).find(|person| match (&shown.user_id, &shown.wa_id) {
                    (Some(shown), _) => *shown == user_id(*person, identity),
                    (None, Some(shown)) => *shown == number(*person, identity),
                    (None, None) => false,
                })
            };
            let (person, identity) = (0..ACTS).find_map(|i| Some((names(i)?, i)))?;
            if held || identity != now.identities[person] {
                twice_or_stale.insert(person);
            }
            Some(person)
        };
        let (mut members, mut waiting) = (BTreeSet::new(), BTreeMap::new());
        for member in &view.participants {
            let person = who(member, false)?;
            if !members.insert(person) {
                who(member, true)?;
            }
        }
        for waits in &view.join_requests {
            let person = who(&waits.person, false)?;
            if waiting.insert(person, waits.requested_at?).is_some() {
                who(&waits.person, true)?;
            }
        }
        let snapshot = Snapshot {
            is_gone: view.existence == Some(Existence::Gone),
            members,
            waiting,
            subject: view.subject.unwrap_or_default(),
            suspended: view.suspended.unwrap_or_default(),
            approval: view.join_approval_mode.unwrap_or_default(),
            identities: now.identities,
        };
        Some((snapshot, twice_or_stale))
    }
}
