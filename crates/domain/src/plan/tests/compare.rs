//! A list held against the projection: what is counted, and how many are asked for.

use super::*;
use crate::{
    event::{ListPass, NumberEvent},
    plan::vanish_limit,
    testing::number_id,
};

fn many(count: usize) -> Given {
    let held = (0..count).map(|n| {
        let name = format!("g{n:04}");
        let group = group(&name, [(1_000, Source::Webhook, created("s"))]);
        (id(&name), group)
    });
    Given {
        held: held.collect(),
        ..Given::default()
    }
}

#[test]
fn one_more_is_asked_for_than_may_vanish_of_all_that_are_held_as_alive() {
    let mut given = many(500);
    assert_eq!(vanish_limit(500), 10);
    for n in 0..100 {
        let name = format!("h{n:04}");
        let gone = group(&name, [(1_000, Source::Webhook, GroupEvent::Deleted)]);
        given.held.insert(id(&name), gone);
    }
    let plan = given.plan(Some(&listing(9_000, &[])), 9_000, 0);
    assert_eq!(plan.counts()["ask"], 11);
    assert_eq!(plan.summary.unwrap().unlisted, 500);
    // Those in question already are of that number.
    let plan = given.plan(Some(&listing(9_000, &[])), 9_000, 0);
    given.carry_out(&plan);
    let plan = given.plan(Some(&listing(9_001, &[])), 9_001, 0);
    assert!(plan.is_empty(), "{plan}");
}

#[test]
fn passes_are_first_until_one_was_complete() {
    let is_first = |last: Option<(bool, bool)>| {
        let mut given = many(1);
        if let Some((is_first, is_complete)) = last {
            let pass = ListPass {
                started: 8_000,
                is_first,
                is_complete,
                ..ListPass::default()
            };
            let event = Event {
                id: EventId([1; 16]),
                at: 8_000,
                source: Source::Rollcall,
                phone_number_id: None,
                waba_id: None,
                about: About::Number(number_id(), NumberEvent::ListPassed(pass)),
            };
            let position = Position {
                generation: 1,
                ..Position::default()
            };
            given.number.apply(&number_id(), &event, position);
        }
        let plan = given.plan(Some(&listing(9_000, &[])), 9_000, 0);
        plan.summary.unwrap().is_first
    };
    assert!(is_first(None));
    assert!(is_first(Some((true, false))));
    assert!(!is_first(Some((true, true))));
    assert!(!is_first(Some((false, false))));
    assert!(!is_first(Some((false, true))));
}

#[test]
fn what_webhooks_told_of_it_since_the_lists_second_keeps_a_group_from_being_missed_and_reads_do_not()
 {
    let listed = GroupEvent::Listed {
        subject: Some("s".into()),
        created: Some(1),
    };
    let missed = |at, source, what: GroupEvent| {
        let held = group(
            "a",
            [(1_000, Source::Read, listed.clone()), (at, source, what)],
        );
        let plan = Given::new(&[("a", held)]).plan(Some(&listing(9_000, &[])), 9_000, 0);
        plan.counts().get("ask").copied()
    };
    let created_again = || GroupEvent::Created(GroupCreated::default());
    assert_eq!(missed(8_699, Source::Webhook, created_again()), Some(1));
    assert_eq!(missed(8_700, Source::Webhook, created_again()), None);
    assert_eq!(missed(8_900, Source::Read, read_complete()), Some(1));
}

#[test]
fn groups_in_a_sorted_list_are_judged_as_those_in_a_map() {
    let mut given = many(30);
    for n in 0..10 {
        let read = (8_000 + n, Source::Read, read_complete());
        let name = format!("g{n:04}");
        given.held.insert(id(&name), group(&name, [read]));
    }
    let shown: Vec<(String, &str)> = (5..29).map(|n| (format!("g{n:04}"), "s")).collect();
    let shown: Vec<(&str, &str)> = shown.iter().map(|(id, s)| (id.as_str(), *s)).collect();
    let shown = listing(9_000, &shown);
    let plan = given.plan(Some(&shown), 9_000, 7);
    assert_eq!((plan.counts()["ask"], plan.counts()["read"]), (6, 7));
    given.memory.took(&plan);
    let sorted: Vec<(GroupId, Group)> = given.held.clone().into_iter().collect();
    let projection = Projection {
        held: &sorted,
        number: Some(&given.number),
        memory: &given.memory,
        signals: &given.signals,
    };
    let clock = Clock {
        now: 9_400,
        monotonic_ms: 9_400_000,
    };
    let budget = Budget {
        reads: 9,
        gathers: false,
    };
    let of_sorted = plan_of(&projection, &shown, clock, budget);
    assert_eq!(of_sorted, given.plan(Some(&shown), 9_400, 9));
    assert!(!of_sorted.is_empty());
}

fn plan_of<H: Held>(
    projection: &Projection<'_, H>,
    listing: &Listing,
    clock: Clock,
    budget: Budget,
) -> Plan {
    crate::plan::plan(projection, Some(listing), clock, budget, &LIMITS)
}
