use domain::{
    event::Source,
    ids::{Entity, EventId, GroupId},
    position::Position,
};
use wire::{Cause, Change, Changed};

use super::{Lying, position, progress_value};
use crate::{ChangeOutcome, Changes, Link, Remembered};

fn change(id: &str, version: i64, previous: Option<i64>, is_forgotten: bool) -> Lying {
    let change = Change {
        version: position(version),
        previous_version: previous.map(position),
        phone_number_id: None,
        cause: Cause {
            event_id: EventId::default(),
            source: Source::Webhook,
            occurred_at: version,
        },
        is_forgotten,
        what: Changed::Group {
            group_id: GroupId::parse(id).unwrap(),
            fields: Vec::new(),
        },
    };
    let mut value = Vec::new();
    wire::encode_change(&change, &mut value);
    Lying {
        key: format!("g/{id}").into_bytes(),
        value: Some(value),
    }
}

fn told(changes: &mut Changes, log: &[Lying]) -> Vec<String> {
    let next = changes.next_offset(0);
    let tell = |(record, offset): (&Lying, i64)| match changes.take(record.at(0, offset)) {
        ChangeOutcome::Act { change, link } => format!("{}: {link:?}", change.version.offset),
        ChangeOutcome::Repeated(entity) => format!("repeated {entity}"),
        ChangeOutcome::Skipped(why) => format!("skipped: {why}"),
    };
    log.iter().zip(next..).map(tell).collect()
}

#[test]
fn each_change_is_told_once_however_often_it_comes() {
    let log = [
        change("1", 3, None, false),
        change("2", 4, None, false),
        change("1", 5, Some(3), false),
        // The leader crashed before its progress, and wrote them again.
        change("1", 3, None, false),
        change("2", 4, None, false),
        change("1", 5, Some(3), false),
        change("1", 9, Some(5), true),
        change("1", 9, Some(5), true),
        change("1", 12, None, false),
    ];
    let mut changes = Changes::default();
    assert_eq!(
        told(&mut changes, &log),
        [
            "3: Follows",
            "4: Follows",
            "5: Follows",
            "repeated g/1",
            "repeated g/2",
            "repeated g/1",
            "9: Follows",
            "repeated g/1",
            "12: Follows",
        ]
    );
}

fn link_of(log: &[Lying]) -> Link {
    let mut changes = Changes::default();
    let mut last = None;
    for (record, offset) in log.iter().zip(0..) {
        if let ChangeOutcome::Act { link, .. } = changes.take(record.at(0, offset)) {
            last = Some(link);
        }
    }
    last.unwrap()
}

#[test]
fn a_missing_change_is_told_and_a_late_beginning_is_none() {
    assert_eq!(
        link_of(&[change("1", 9, Some(5), false)]),
        Link::Begins {
            previous: position(5)
        }
    );
    assert_eq!(
        link_of(&[change("1", 3, None, false), change("1", 9, Some(5), false)]),
        Link::Gap {
            remembered: Some(position(3)),
            previous: Some(position(5)),
        }
    );
    // It was dropped and began anew in between.
    assert_eq!(
        link_of(&[change("1", 3, None, false), change("1", 9, None, false)]),
        Link::Gap {
            remembered: Some(position(3)),
            previous: None,
        }
    );
    assert_eq!(
        link_of(&[change("1", 3, None, true), change("1", 9, Some(5), false)]),
        Link::Gap {
            remembered: None,
            previous: Some(position(5)),
        }
    );
}

#[test]
fn what_was_acted_on_before_a_restart_is_not_told_again() {
    let log = [change("1", 3, None, false), change("1", 5, Some(3), false)];
    let mut first = Changes::default();
    told(&mut first, &log[..1]);
    let mut second = Changes::default();
    let kept: Vec<(Entity, Remembered)> = first
        .remembered()
        .map(|(entity, remembered)| (entity.clone(), *remembered))
        .collect();
    for (entity, remembered) in kept {
        second.restore(entity, remembered);
    }
    assert_eq!(told(&mut second, &log), ["repeated g/1", "5: Follows"]);
    second.release(&Entity::from_key("g/1").unwrap());
    assert_eq!(second.remembered().count(), 0);
}

#[test]
fn what_is_no_change_is_skipped() {
    let mut elsewhere = change("1", 3, None, false);
    elsewhere.key = b"g/2".to_vec();
    let nothing = Lying {
        key: b"g/1".to_vec(),
        value: None,
    };
    let damaged = Lying {
        key: b"g/1".to_vec(),
        value: Some(vec![0xff]),
    };
    assert_eq!(
        told(&mut Changes::default(), &[elsewhere, nothing, damaged]),
        [
            "skipped: value does not belong to its key",
            "skipped: value does not belong to its key",
            "skipped: record cannot be read",
        ]
    );
}

#[test]
fn whether_the_changes_have_come_as_far_as_the_states_is_told_by_progress() {
    let mut changes = Changes::default();
    let at = |offset| progress_value(position(offset), None);
    assert!(!changes.has_reached(&at(0)));
    told(&mut changes, &[change("1", 3, None, false)]);
    assert!(changes.has_reached(&at(0)) && !changes.has_reached(&at(1)));
    let elsewhere = Position {
        partition: 1,
        ..position(0)
    };
    assert!(!changes.has_reached(&progress_value(elsewhere, None)));
}
