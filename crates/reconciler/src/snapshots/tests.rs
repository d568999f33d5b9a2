use domain::{
    group::Core,
    ids::Text,
    position::Position,
    register::{Rank, Register, Stamp},
};

use super::*;

fn group(number: &str, offset: i64) -> Group {
    let stamp = Stamp {
        at: 1,
        rank: Rank::Statement,
        tie: domain::ids::EventId::default(),
    };
    let core = Core {
        number: Some(Register::new(stamp, Text::new(number))),
        ..Core::default()
    };
    let position = Position {
        generation: 1,
        offset,
        ..Position::default()
    };
    Group::restore(
        core,
        Envelope {
            position,
            ..Envelope::default()
        },
    )
}

fn id(text: &str) -> GroupId {
    GroupId::parse(text).unwrap()
}

fn groups_of(held: &Held, number: &str) -> Vec<GroupId> {
    let number = PhoneNumberId::parse(number).unwrap();
    held.groups_of(&number)
        .into_iter()
        .map(|(id, _)| id)
        .collect()
}

#[test]
fn the_greatest_position_stays_and_an_older_one_changes_nothing() {
    let mut held = Held::default();
    held.put_group(id("a"), group("1", 7));
    held.put_group(id("a"), group("2", 6));
    assert_eq!(groups_of(&held, "1"), [id("a")]);
    held.put_group(id("a"), group("2", 8));
    assert_eq!(
        (groups_of(&held, "1"), groups_of(&held, "2")),
        (vec![], vec![id("a")])
    );
}

#[test]
fn a_reading_from_the_beginning_forgets_what_it_did_not_show() {
    let mut held = Held {
        reading: 1,
        ..Held::default()
    };
    held.put_group(id("a"), group("1", 1));
    held.put_group(id("b"), group("1", 9));
    held.reading = 2;
    // Also one that was held at a greater position was shown.
    held.put_group(id("b"), group("1", 2));
    held.sweep();
    assert_eq!(groups_of(&held, "1"), [id("b")]);
    assert!(held.group(&id("a")).is_none());
}
