//! Who changed their identifiers is told to every group that holds an old one.

use super::*;
use crate::{
    event::Person,
    group::Group,
    ids::{PersonId, Second, Text},
    number::IdentityChange,
    plan::identity::unlinked,
};

const CHANGED: Second = 1_000;

fn person(wa_id: Option<&str>, user_id: Option<&str>) -> Person {
    super::person(wa_id, user_id, None)
}

fn change(old: &[&str], new: Person) -> IdentityChange {
    IdentityChange {
        at: CHANGED,
        event_id: EventId([9; 16]),
        old: old.iter().map(|id| Text::new(id)).collect(),
        new,
    }
}

fn held(events: impl IntoIterator<Item = (Second, GroupEvent)>) -> Group {
    let events = events.into_iter();
    group("g", events.map(|(at, what)| (at, Source::Webhook, what)))
}

fn joined(wa_id: Option<&str>, user_id: Option<&str>) -> GroupEvent {
    GroupEvent::ParticipantsAdded {
        participants: vec![person(wa_id, user_id)],
    }
}

type Links<'a> = Vec<(Vec<&'a str>, &'a str)>;

fn check(group: &Group, old: &[&str], new: Person, expected: Links<'_>) {
    let links = unlinked(group, &change(old, new));
    let links: Links<'_> = links
        .iter()
        .map(|(old, new)| (old.iter().map(PersonId::as_str).collect(), new.as_str()))
        .collect();
    assert_eq!(links, expected);
}

/// Everybody in these tests becomes 156, US.2.
fn both() -> Person {
    person(Some("156"), Some("US.2"))
}

#[test]
fn an_old_number_leads_to_the_new_one_and_all_else_to_the_new_user_id() {
    let held = held([(900, joined(Some("155"), Some("US.1")))]);
    check(
        &held,
        &["155"],
        both(),
        vec![(vec!["155"], "156"), (vec!["156", "US.1"], "US.2")],
    );
    // Without a new number the old one still leads to the person.
    let user = person(None, Some("US.2"));
    check(&held, &["155"], user, vec![(vec!["155", "US.1"], "US.2")]);
}

#[test]
fn after_a_change_of_number_the_new_number_is_shown_though_the_old_one_is_greater() {
    let mut held = held([(900, joined(Some("199"), Some("US.1")))]);
    for (offset, (old, new)) in (10..).zip(unlinked(&held, &change(&["199"], both()))) {
        let event = Event {
            id: EventId([offset as u8; 16]),
            at: CHANGED,
            source: Source::Rollcall,
            phone_number_id: None,
            waba_id: None,
            about: About::Group(id("g"), GroupEvent::IdentityLinked { old, new }),
        };
        let position = Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        held.apply(&id("g"), &event, position);
    }
    let shown = held.view().unwrap().participants;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].wa_id.as_deref(), Some("156"));
    assert_eq!(shown[0].user_id.as_deref(), Some("US.2"));
    // What was told is not told again.
    check(&held, &["199"], both(), vec![]);
}

#[test]
fn a_group_that_never_held_the_person_is_told_nothing() {
    let held = held([(900, joined(Some("157"), Some("US.7")))]);
    check(&held, &["155", "US.1"], both(), vec![]);
}

#[test]
fn a_webhook_of_before_that_comes_late_is_linked_and_the_next_owner_of_a_number_is_not() {
    let late = held([(990, joined(Some("155"), None))]);
    check(
        &late,
        &["155"],
        both(),
        vec![(vec!["155"], "156"), (vec!["156"], "US.2")],
    );
    let next_owner = held([(1_010, joined(Some("155"), None))]);
    check(&next_owner, &["155"], both(), vec![]);
    // A user id is nobody else's ever.
    let named_late = held([(1_010, joined(None, Some("US.1")))]);
    check(
        &named_late,
        &["US.1"],
        both(),
        vec![(vec!["156", "US.1"], "US.2")],
    );
}

#[test]
fn newer_evidence_of_a_number_stands() {
    let held = held([
        (900, joined(Some("155"), None)),
        (1_010, joined(Some("155"), Some("US.9"))),
    ]);
    check(&held, &["155"], both(), vec![(vec!["156"], "US.2")]);
}

#[test]
fn a_user_id_never_leads_to_a_number() {
    let held = held([(900, joined(None, Some("US.1")))]);
    check(&held, &["US.1"], person(Some("156"), None), vec![]);
}

#[test]
fn nothing_is_said_that_a_group_read_since_would_not_take() {
    let read_at = |at| {
        let read = GroupRead {
            subject: Some("s".into()),
            participants: vec![person(None, Some("US.1"))],
            is_complete: true,
            ..GroupRead::default()
        };
        group("g", [(at, Source::Read, GroupEvent::Read(read))])
    };
    let latest = CHANGED + crate::limits::LINK_GRACE_SECONDS;
    let said = vec![(vec!["156", "US.1"], "US.2")];
    check(&read_at(latest), &["US.1"], both(), said);
    check(&read_at(latest + 1), &["US.1"], both(), vec![]);
    check(&read_at(latest + 1_000), &["US.1"], both(), vec![]);
}

#[test]
fn groups_are_looked_at_for_each_new_change_and_again_when_they_have_changed() {
    let event = |offset: i64, at, about| Event {
        id: EventId([offset as u8; 16]),
        at,
        source: Source::Webhook,
        phone_number_id: None,
        waba_id: None,
        about,
    };
    let place = |offset| Position {
        generation: 1,
        offset,
        ..Position::default()
    };
    let mut given = Given::new(&[
        ("one", held([(900, joined(Some("155"), Some("US.1")))])),
        ("other", held([(900, joined(Some("188"), Some("US.8")))])),
    ]);
    let changes = |given: &mut Given, offset: i64, old: &str, new: Person| {
        let number = crate::testing::number_id();
        let old = vec![Text::new(old)];
        let what = crate::event::NumberEvent::IdentityChanged { old, new };
        let changed = event(offset, CHANGED, About::Number(number.clone(), what));
        given.number.apply(&number, &changed, place(offset));
    };
    let linked = |given: &mut Given| -> Vec<String> {
        let plan = given.plan(None, 2_000, 0);
        given.carry_out(&plan);
        let links = plan.steps.iter();
        links.map(|step| step.group_id().to_string()).collect()
    };
    changes(&mut given, 1, "155", both());
    assert_eq!(linked(&mut given), ["one"]);
    // The group was changed by what it was told; there is nothing more to say to it.
    assert!(linked(&mut given).is_empty());
    assert!(linked(&mut given).is_empty());
    // Another change, which no group was looked at for.
    changes(&mut given, 2, "188", person(Some("189"), Some("US.9")));
    assert_eq!(linked(&mut given), ["other"]);
    assert!(linked(&mut given).is_empty());
    // A webhook of before that comes late: of a change that is not new.
    let late = About::Group(id("other"), joined(Some("155"), None));
    let other = given.held.get_mut(&id("other")).unwrap();
    let offset = other.envelope.position.offset + 1;
    other.apply(&id("other"), &event(offset, 990, late), place(offset));
    assert_eq!(linked(&mut given), ["other"]);
    assert!(linked(&mut given).is_empty());
    assert!(
        given.plan(None, 2_000, 0).scanned.is_empty(),
        "nothing to look at"
    );
}

#[test]
fn evidence_of_the_same_second_stands_too_for_nobody_knows_which_came_last() {
    let held = held([
        (900, joined(Some("155"), None)),
        (CHANGED, joined(Some("155"), Some("US.9"))),
    ]);
    let said = vec![(vec!["155"], "156"), (vec!["156", "US.9"], "US.2")];
    check(&held, &["155"], both(), said);
}
