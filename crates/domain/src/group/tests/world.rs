//! A small world whose webhooks are late, repeated or lost, and whose API lags and hides numbers: the fold ends at its truth.

use std::collections::BTreeSet;

use super::scenario::*;
use crate::{
    event::{Event, Person},
    group::{Field, Group, Participant},
    ids::Second,
    plan::carry,
    testing::*,
};

/// Seconds that the API may lag.
const LAG: Second = 30;
/// When people stop.
const END: Second = 1_400;
/// When the world begins.
const START: Second = 1_000;
const PEOPLE: usize = 5;

/// What is known of a run's truth: who was in, and who waited, at each second.
struct World {
    random: Random,
    members: Vec<BTreeSet<usize>>,
    waiting: Vec<BTreeSet<usize>>,
    /// Second of arrival, and the event.
    arriving: Vec<(Second, Event)>,
}

fn number(person: usize) -> String {
    format!("1555010000{person}")
}

fn user_id(person: usize) -> String {
    format!("US.{person}")
}

impl World {
    /// People come and go, ask and cancel, each at most once a second; what is told before `trusted` may be lost.
    fn new(seed: u64, trusted: Second) -> Self {
        let mut world = Self {
            random: Random(seed),
            members: vec![BTreeSet::new()],
            waiting: vec![BTreeSet::new()],
            arriving: Vec::new(),
        };
        for second in START + 1..=END {
            let (mut members, mut waiting) = (
                world.members.last().unwrap().clone(),
                world.waiting.last().unwrap().clone(),
            );
            if world.random.below(3) == 0 {
                let person = world.random.below(PEOPLE);
                let named = world.naming(person);
                let id = format!("J{person}");
                let is_in = members.contains(&person);
                let event = match (is_in, world.random.below(3)) {
                    (true, 0) => wrote(second, named),
                    (true, _) => {
                        members.remove(&person);
                        removed(second, [named])
                    }
                    (false, 0) => {
                        members.insert(person);
                        waiting.remove(&person);
                        added(second, [named])
                    }
                    (false, _) if waiting.remove(&person) => ask_closed(second, named, &id),
                    (false, _) => {
                        waiting.insert(person);
                        asked(second, named, &id)
                    }
                };
                world.tell(second, event, second < trusted);
            }
            world.members.push(members);
            world.waiting.push(waiting);
        }
        world
    }

    /// A webhook may name either identifier or both. Whoever has an odd number hides their phone number.
    fn naming(&mut self, person: usize) -> Person {
        let (number, user_id) = (number(person), user_id(person));
        match self.random.below(4) {
            _ if person % 2 == 1 => u(&user_id),
            0 => n(&number),
            1 => u(&user_id),
            _ => nu(&number, &user_id),
        }
    }

    fn tell(&mut self, second: Second, event: Event, may_be_lost: bool) {
        if may_be_lost && self.random.below(4) == 0 {
            return;
        }
        for _ in 0..1 + self.random.below(2) {
            let late = self.random.below(120) as Second;
            self.arriving.push((second + late, event.clone()));
        }
    }

    fn at(&self, second: Second) -> (&BTreeSet<usize>, &BTreeSet<usize>) {
        let place = (second - START).clamp(0, END - START) as usize;
        (&self.members[place], &self.waiting[place])
    }

    /// What the API answers at `sent`, with what Rollcall holds carried along; it speaks of `stamp`.
    fn read(&mut self, group: &Group, sent: Second, stamp: Second) -> [Event; 2] {
        let lag = self.random.below(LAG as usize + 1) as Second;
        let (members, waiting_now) = self.at(sent - lag);
        let mut persons: Vec<Person> = members.iter().map(|p| u(&user_id(*p))).collect();
        for person in &mut persons {
            carry(&group.core, person);
        }
        let read = crate::event::GroupRead {
            participants: persons,
            is_complete: true,
            ..crate::event::GroupRead::default()
        };
        // Asked when it was: the last second since which they wait.
        let since = |person: usize| {
            let open = (START..=sent - lag).rev();
            open.take_while(|at| self.at(*at).1.contains(&person))
                .last()
        };
        let requests = waiting_now
            .iter()
            .map(|p| waiting(u(&user_id(*p)), &format!("J{p}"), since(*p)))
            .collect();
        [
            of_group(stamp, crate::event::GroupEvent::Read(read)),
            join_requests(stamp, requests),
        ]
    }
}

/// How a run ended.
#[derive(Debug, PartialEq)]
enum End {
    Truth,
    /// Somebody is known by a number alone and somebody else by a user id alone: Rollcall says so, and reads again.
    Doubt,
    Wrong(String),
}

/// Runs a world to its end, reading now and then; what the last read cannot know is told by webhooks that are not lost.
fn run(seed: u64, lag_allowed: Second) -> End {
    let last_read = END - 10;
    let mut world = World::new(seed, last_read - LAG);
    world.arriving.sort_by_key(|(arrival, _)| *arrival);
    let (mut group, mut offset) = (Group::default(), 0);
    let mut fold = |group: &mut Group, event: &Event| {
        offset += 1;
        group.apply(&group_id(), event, position(offset));
    };
    let mut reads: Vec<Second> = (0..3)
        .map(|_| START + world.random.below((last_read - START) as usize) as Second)
        .collect();
    reads.push(last_read);
    reads.sort_unstable();
    let mut reads = reads.into_iter().peekable();
    for (arrival, event) in world.arriving.clone() {
        while let Some(sent) = reads.next_if(|sent| *sent <= arrival) {
            for event in world.read(&group, sent, sent - lag_allowed) {
                fold(&mut group, &event);
            }
        }
        fold(&mut group, &event);
    }
    let view = group.view().unwrap();
    if view.in_doubt.contains(&Field::Participants) {
        return End::Doubt;
    }
    let who = |shown: &Participant| {
        (0..PEOPLE)
            .find(|p| {
                shown.user_id.as_deref() == Some(&user_id(*p))
                    || shown.wa_id.as_deref() == Some(&number(*p))
            })
            .unwrap()
    };
    let mut members: Vec<usize> = view.participants.iter().map(who).collect();
    members.sort_unstable();
    let mut waiting: Vec<usize> = view.join_requests.iter().map(|w| who(&w.person)).collect();
    waiting.sort_unstable();
    let (true_members, true_waiting) = world.at(END);
    let truth = (
        true_members.iter().copied().collect::<Vec<_>>(),
        true_waiting.iter().copied().collect::<Vec<_>>(),
    );
    if (&members, &waiting) == (&truth.0, &truth.1) {
        End::Truth
    } else {
        End::Wrong(format!(
            "seed {seed}: {members:?} {waiting:?} and not {truth:?}"
        ))
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many were in doubt is part of the proof"
)]
fn a_world_of_late_webhooks_and_lagging_reads_ends_at_the_truth() {
    let ends: Vec<End> = (0..1_000).map(|seed| run(seed, LAG)).collect();
    let wrong: Vec<&End> = ends
        .iter()
        .filter(|end| matches!(end, End::Wrong(_)))
        .collect();
    assert_eq!(wrong, Vec::<&End>::new());
    let doubts = ends.iter().filter(|end| **end == End::Doubt).count();
    println!(
        "worlds: {} at the truth, {doubts} in doubt",
        ends.len() - doubts
    );
    assert!(
        doubts < ends.len() / 5,
        "{doubts} say that they do not know"
    );
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how wrong it would be is the reason for the rule"
)]
fn reads_stamped_when_they_were_sent_would_end_wrong() {
    let ends = (0..1_000).map(|seed| run(seed, 0));
    let wrong = ends.filter(|end| matches!(end, End::Wrong(_))).count();
    println!("worlds with reads stamped when sent: {wrong} of 1000 wrong");
    assert!(
        wrong > 100,
        "{wrong} of 1000: the world above proves nothing"
    );
}
