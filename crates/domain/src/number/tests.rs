//! What is made of a business number.

use super::*;
use crate::{
    event::{Event, NumberEvent},
    limits::{IDENTITY_CHANGE_SECONDS, NUMBER_ENTRIES_MAX},
    testing::*,
};

fn identity(at: Second, old: &[&str], new: Person) -> Event {
    let old = old.iter().map(|id| PersonId::new(id)).collect();
    of_number(at, NumberEvent::IdentityChanged { old, new })
}

fn passed(at: Second, listed: u32) -> Event {
    of_number(
        at,
        NumberEvent::ListPassed(ListPass {
            started: at,
            listed,
            is_complete: true,
            ..ListPass::default()
        }),
    )
}

fn held(at: Second, id: &str, groups: u32) -> Event {
    let hold_id = Text::new(id);
    let suspects = vec![GroupId::parse("b").unwrap(), GroupId::parse("a").unwrap()];
    of_number(
        at,
        NumberEvent::Held {
            hold_id,
            groups,
            suspects,
        },
    )
}

fn released(at: Second, id: &str) -> Event {
    let hold_id = Text::new(id);
    of_number(
        at,
        NumberEvent::Released {
            hold_id,
            groups: 9,
            by: Some(Text::new("operate")),
        },
    )
}

fn counted(at: Second, repaired: u64) -> Event {
    let counts = crate::agreement::Counts {
        repaired,
        ..Default::default()
    };
    let figures = crate::event::Figures {
        counts,
        budget_left: 7,
    };
    of_number(at, NumberEvent::Counted(figures))
}

fn pass_asked(at: Second) -> Event {
    of_number(at, NumberEvent::PassAsked { by: None })
}

fn paused(at: Second, is: bool) -> Event {
    of_number(at, NumberEvent::Paused(is))
}

fn given(events: impl IntoIterator<Item = Event>) -> (Number, Vec<Applied<Field>>) {
    let mut number = Number::default();
    let applied = (1..)
        .zip(events)
        .map(|(offset, event)| number.apply(&number_id(), &event, position(offset)))
        .collect();
    (number, applied)
}

fn seen(previous: Option<i64>, field: Field) -> Applied<Field> {
    Applied::View {
        previous_version: previous.map(position),
        changes: vec![field],
    }
}

#[test]
fn identity_changes_are_kept_in_order_and_once() {
    let (number, applied) = given([
        identity(20, &[U1, N1, U1], u(U2)),
        identity(10, &[N2], n(N3)),
        identity(10, &[N2], n(N3)),
    ]);
    let seconds: Vec<Second> = number.core.identity_changes.iter().map(|c| c.at).collect();
    assert_eq!(seconds, [10, 20]);
    assert_eq!(number.core.identity_changes[1].old, [N1, U1]);
    assert_eq!(applied[2], Applied::Unchanged);
}

#[test]
fn identity_changes_are_kept_for_eight_days_of_the_number() {
    let count = |events: [Event; 2]| given(events).0.core.identity_changes.len();
    let change = || identity(10, &[N1], u(U1));
    let in_time = 10 + IDENTITY_CHANGE_SECONDS;
    assert_eq!(count([change(), passed(in_time, 1)]), 1);
    assert_eq!(count([change(), passed(in_time + 1, 1)]), 0);
    assert_eq!(
        count([passed(in_time + 1, 1), change()]),
        0,
        "nor taken up late"
    );
    assert_eq!(count([passed(in_time, 1), change()]), 1);
}

#[test]
fn the_youngest_list_pass_stands() {
    let (number, applied) = given([passed(20, 7), passed(10, 5)]);
    assert_eq!(number.core.list_pass.unwrap().value.listed, 7);
    assert_eq!(applied, [seen(None, Field::ListPass), Applied::Unchanged]);
}

#[test]
fn a_hold_stands_until_it_is_released_and_releasing_has_the_last_word() {
    let is_released = |events: Vec<Event>| {
        let (number, _) = given(events);
        number.core.holds.get("h1").unwrap().value.is_released
    };
    assert!(!is_released(vec![held(10, "h1", 9), released(11, "h2")]));
    assert!(is_released(vec![held(10, "h1", 9), released(11, "h1")]));
    assert!(is_released(vec![released(10, "h1"), held(10, "h1", 9)]));
    assert!(!is_released(vec![released(10, "h1"), held(11, "h1", 9)]));
}

#[test]
fn a_hold_names_its_groups_in_order_and_a_release_says_of_how_many_and_by_whom() {
    let (number, _) = given([held(10, "h1", 9)]);
    let hold = &number.core.holds.get("h1").unwrap().value;
    let named: Vec<&str> = hold.suspects.iter().map(GroupId::as_str).collect();
    assert_eq!((named, hold.groups, &hold.by), (vec!["a", "b"], 9, &None));
    let (number, _) = given([held(10, "h1", 9), released(11, "h1")]);
    let hold = &number.core.holds.get("h1").unwrap().value;
    assert_eq!((hold.suspects.len(), hold.groups), (0, 9));
    assert_eq!(hold.by.as_deref(), Some("operate"));
}

#[test]
fn the_youngest_figures_stand_and_are_no_change() {
    let (number, applied) = given([counted(20, 5), counted(10, 9)]);
    assert_eq!(number.core.figures.unwrap().value.counts.repaired, 5);
    assert_eq!(applied, [Applied::Core, Applied::Unchanged]);
}

#[test]
fn the_last_second_at_which_a_pass_was_asked_for_stays_and_is_not_shown() {
    let (number, applied) = given([pass_asked(20), pass_asked(10)]);
    assert_eq!(number.core.pass_asked, 20);
    assert_eq!(applied, [Applied::Core, Applied::Unchanged]);
}

#[test]
fn paused_and_resumed_in_one_second_is_paused_in_doubt() {
    for events in [
        [paused(10, true), paused(10, false)],
        [paused(10, false), paused(10, true)],
    ] {
        let pause = given(events).0.core.paused.unwrap();
        assert_eq!((pause.value, pause.doubt), (true, true));
    }
}

#[test]
fn what_is_not_seen_moves_the_position_and_not_the_version() {
    let (number, applied) = given([paused(10, true), paused(11, true), held(12, "h1", 9)]);
    assert_eq!(
        applied,
        [
            seen(None, Field::Paused),
            Applied::Core,
            seen(Some(1), Field::Holds)
        ]
    );
    assert_eq!(number.envelope.position, position(3));
    let (mut number, _) = given([with_metadata(paused(10, true))]);
    assert_eq!(number.core.waba.as_ref().unwrap().value, "200000000000001");
    let event = paused(11, false);
    assert_eq!(
        number.apply(&number_id(), &event, position(1)),
        Applied::Unchanged
    );
    let other = PhoneNumberId::parse("300000000000002").unwrap();
    assert_eq!(
        number.apply(&other, &event, position(2)),
        Applied::Unchanged
    );
}

#[test]
fn a_hold_that_stays_as_it_is_is_not_told_of_again() {
    let (_, applied) = given([held(10, "h1", 9), paused(11, true), released(12, "h1")]);
    assert_eq!(
        applied,
        [
            seen(None, Field::Holds),
            seen(Some(1), Field::Paused),
            seen(Some(2), Field::Holds)
        ]
    );
}

#[test]
fn entries_are_bounded_and_the_youngest_stay() {
    let count = NUMBER_ENTRIES_MAX + 3;
    let second = |n: usize| 10 + Second::try_from(n).unwrap();
    let holds = (0..count).map(|n| held(second(n), &format!("h{n}"), 1));
    let (number, _) = given(holds);
    assert_eq!(number.core.holds.len(), NUMBER_ENTRIES_MAX);
    assert!(number.core.holds.get("h2").is_none() && number.core.holds.get("h3").is_some());
    let (mut number, mut core) = (Number::default(), Core::default());
    for n in 0..count {
        let event = identity(second(n), &[N1], u(U1));
        let About::Number(_, what) = &event.about else {
            panic!("a number's event")
        };
        fold::fold(&mut core, &event, what);
    }
    number.core = core;
    assert_eq!(number.core.identity_changes.len(), NUMBER_ENTRIES_MAX);
    assert_eq!(number.core.identity_changes[0].at, second(3));
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the number of orders tried is part of the proof"
)]
fn any_order_of_a_numbers_events_gives_the_same_core() {
    let late = 10 + IDENTITY_CHANGE_SECONDS;
    let mut catalogue = Vec::new();
    for at in [10, 11] {
        catalogue.extend([
            identity(at, &[N1], u(U1)),
            identity(at, &[U1, N1], nu(N2, U2)),
            passed(at, 1),
            with_metadata(passed(at, 2)),
            held(at, "h1", 9),
            held(at, "h1", 8),
            released(at, "h1"),
            paused(at, true),
            with_metadata(paused(at, false)),
            pass_asked(at),
            counted(at, 3),
        ]);
    }
    catalogue.extend([
        passed(late, 1),
        passed(late + 1, 1),
        identity(late + 1, &[N1], u(U1)),
        paused(late + 2, false),
    ]);
    let mut campaign = Campaign::new(|core: &mut Core, event| {
        let About::Number(_, what) = &event.about else {
            panic!("no number's event")
        };
        fold::fold(core, event, what).is_change()
    });
    let Covered { sets, orders, .. } = campaign.all(&catalogue, 6);
    println!(
        "numbers: every set of up to 6 of {} events: {sets} sets, {orders} orders",
        catalogue.len()
    );
    assert!(sets >= 110_000, "{sets}");
    campaign.drawn(&catalogue, Rounds::new(10, 300));
    campaign.larger(&catalogue, Rounds::new(100, 200));
}
