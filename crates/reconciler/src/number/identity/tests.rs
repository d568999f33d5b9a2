use domain::{
    event::Person,
    ids::{EventId, PhoneNumberId},
    position::Position,
};

use super::*;

const CHANGED: Second = 1_000;

fn person(wa_id: Option<&str>, user_id: Option<&str>) -> Person {
    Person {
        wa_id: wa_id.map(Into::into),
        user_id: user_id.map(Into::into),
        ..Person::default()
    }
}

fn change(old: &[&str], new: Person) -> IdentityChange {
    IdentityChange {
        at: CHANGED,
        event_id: EventId([9; 16]),
        old: old.iter().map(|id| Text::new(id)).collect(),
        new,
    }
}

/// A group to which these happened.
fn group(events: impl IntoIterator<Item = (Second, GroupEvent)>) -> Group {
    let group_id = GroupId::parse("g").unwrap();
    let mut group = Group::default();
    for (offset, (at, what)) in (0..).zip(events) {
        let number = PhoneNumberId::parse("1").unwrap();
        let event = event(
            &number,
            at,
            Source::Webhook,
            About::Group(group_id.clone(), what),
        );
        let position = Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        group.apply(&group_id, &event, position);
    }
    group
}

fn joined(wa_id: Option<&str>, user_id: Option<&str>) -> GroupEvent {
    GroupEvent::ParticipantsAdded {
        participants: vec![person(wa_id, user_id)],
    }
}

fn owed(group: &Group, old: &[&str]) -> Vec<PersonId> {
    let new = person(Some("156"), Some("US.2"));
    let id = named(&new).id.unwrap();
    unlinked(group, &change(old, new), &id)
}

#[test]
fn an_old_number_leads_to_the_new_identity_and_so_does_what_it_stood_for() {
    let held = group([(900, joined(Some("155"), Some("US.1")))]);
    assert_eq!(owed(&held, &["155"]), ["155", "US.1"]);
}

#[test]
fn a_group_that_never_held_the_person_is_told_nothing() {
    let held = group([(900, joined(Some("157"), Some("US.7")))]);
    assert!(owed(&held, &["155", "US.1"]).is_empty());
}

#[test]
fn what_was_told_is_not_told_again() {
    let linked = GroupEvent::IdentityLinked {
        old: vec!["155".into(), "US.1".into()],
        new: "US.2".into(),
    };
    let held = group([(900, joined(Some("155"), Some("US.1"))), (CHANGED, linked)]);
    assert!(owed(&held, &["155", "US.1"]).is_empty());
}

#[test]
fn a_webhook_of_before_that_comes_late_is_linked_and_the_next_owner_of_a_number_is_not() {
    let late = group([(990, joined(Some("155"), None))]);
    assert_eq!(owed(&late, &["155"]), ["155"]);
    let next_owner = group([(1_010, joined(Some("155"), None))]);
    assert!(owed(&next_owner, &["155"]).is_empty());
    // A user id is nobody else's ever.
    let named_late = group([(1_010, joined(None, Some("US.1")))]);
    assert_eq!(owed(&named_late, &["US.1"]), ["US.1"]);
}

#[test]
fn newer_evidence_of_a_number_stands() {
    let held = group([
        (900, joined(Some("155"), None)),
        (1_010, joined(Some("155"), Some("US.9"))),
    ]);
    assert!(owed(&held, &["155"]).is_empty());
}

#[test]
fn a_user_id_never_leads_to_a_number() {
    let held = group([(900, joined(None, Some("US.1")))]);
    let new = person(Some("156"), None);
    let id = named(&new).id.unwrap();
    assert!(unlinked(&held, &change(&["US.1"], new), &id).is_empty());
}
