//! Position, version, and what is told to have changed.

use super::scenario::*;
use crate::{
    event::{About, GroupEvent},
    group::{Applied, Core, Existence, Field, FieldChange, Group, Participant, View, diff},
    ids::GroupId,
    position::{Envelope, Position},
    testing::*,
};

#[test]
fn an_event_that_is_seen_moves_position_and_version() {
    let scenario = given([]).when(settings(10, "one"));
    let here = Some(position(1));
    assert_eq!(scenario.group.envelope.position, position(1));
    assert_eq!(scenario.group.envelope.version, here);
    assert_eq!(
        scenario.applied,
        Applied::View {
            previous_version: None,
            changes: vec![FieldChange::Text {
                field: Field::Subject,
                before: None,
                after: some("one"),
            }],
        }
    );
}

#[test]
fn an_event_that_only_moves_a_stamp_moves_the_position_and_not_the_version() {
    let scenario = given([settings(10, "one")]).when(settings(11, "one"));
    assert_eq!(scenario.applied, Applied::Core);
    assert_eq!(scenario.group.envelope.position, position(2));
    assert_eq!(scenario.group.envelope.version, Some(position(1)));
}

#[test]
fn an_event_that_changes_no_byte_moves_nothing() {
    let scenario = given([settings(10, "one"), settings(11, "two")]).when(settings(10, "one"));
    assert_eq!(scenario.applied, Applied::Unchanged);
    assert_eq!(scenario.group.envelope.position, position(2));
    // The same event once more, too.
    assert_eq!(
        scenario.when(settings(11, "two")).applied,
        Applied::Unchanged
    );
}

#[test]
fn versions_chain_without_a_gap() {
    let mut group = Group::default();
    let mut last = None;
    for (offset, event) in (1..).zip(super::catalogue::catalogue()) {
        let applied = group.apply(&group_id(), &event, position(offset));
        let (Applied::View {
            previous_version, ..
        }
        | Applied::Forgotten {
            previous_version, ..
        }) = applied
        else {
            assert_eq!(group.envelope.version, last);
            continue;
        };
        assert_eq!(previous_version, last);
        last = group.envelope.version;
        assert_eq!(last, Some(position(offset)));
    }
    assert!(last.is_some());
}

#[test]
fn an_event_at_or_below_the_own_position_was_folded_before_and_is_skipped() {
    let mut group = Group::default();
    let mut apply = |event, position| group.apply(&group_id(), &event, position);
    assert!(matches!(
        apply(settings(10, "one"), position(5)),
        Applied::View { .. }
    ));
    assert_eq!(apply(settings(11, "two"), position(5)), Applied::Unchanged);
    assert_eq!(apply(settings(11, "two"), position(4)), Applied::Unchanged);
    let raised = Position {
        generation: 2,
        ..position(1)
    };
    assert!(matches!(
        apply(settings(11, "two"), raised),
        Applied::View { .. }
    ));
    assert_eq!(apply(settings(12, "six"), position(9)), Applied::Unchanged);
    assert_eq!(group.envelope.position, raised);
}

#[test]
fn the_first_event_of_a_group_may_have_offset_zero() {
    let mut group = Group::default();
    let applied = group.apply(&group_id(), &settings(10, "one"), position(0));
    assert!(matches!(applied, Applied::View { .. }));
    let again = group.apply(&group_id(), &settings(11, "two"), position(0));
    assert_eq!(again, Applied::Unchanged);
}

#[test]
fn an_event_about_something_else_changes_nothing() {
    let mut group = Group::default();
    let other = GroupId::parse("other").unwrap();
    let event = settings(10, "one");
    assert_eq!(group.apply(&other, &event, position(1)), Applied::Unchanged);
    let event = crate::testing::event(
        10,
        crate::event::Source::Rollcall,
        About::Number(number_id(), crate::event::NumberEvent::Paused(true)),
    );
    assert_eq!(
        group.apply(&group_id(), &event, position(1)),
        Applied::Unchanged
    );
    assert_eq!(group, Group::default());
}

#[test]
fn a_hint_alone_has_a_position_and_no_version() {
    let hint = GroupEvent::Hinted {
        reason: crate::event::HintReason::Asked,
    };
    let scenario = given([]).when(of_group(10, hint));
    assert_eq!(scenario.applied, Applied::Core);
    assert_eq!(
        scenario.group.envelope,
        Envelope {
            position: position(1),
            version: None
        }
    );
}

#[test]
fn a_restored_state_goes_on_as_if_never_stored() {
    let kept = given([added(10, [n(N1)])]).group;
    let restored = Group::restore(kept.core.clone(), kept.envelope);
    assert_eq!(kept, restored);
    let go_on = |mut group: Group| {
        let applied = group.apply(&group_id(), &removed(11, [n(N1)]), position(7));
        (applied, group)
    };
    assert_eq!(go_on(kept), go_on(restored));
}

#[test]
fn each_field_that_changed_is_told_before_and_after_in_order_of_fields() {
    let one = |wa_id: &str| Participant {
        wa_id: some(wa_id),
        ..Participant::default()
    };
    let before = View {
        existence: Some(Existence::Active),
        subject: some("one"),
        participants: vec![one("1"), one("2"), one("3")],
        in_doubt: vec![Field::Subject],
        ..View::default()
    };
    let after = View {
        phone_number_id: some("7"),
        existence: None,
        suspended: Some(true),
        created_at: Some(5),
        participants: vec![one("1"), one("3"), one("4")],
        overflow: true,
        ..before.clone()
    };
    let flag = |field, before, after| FieldChange::Flag {
        field,
        before,
        after,
    };
    assert_eq!(
        diff(Some(&before), Some(&after)),
        vec![
            FieldChange::Text {
                field: Field::PhoneNumberId,
                before: None,
                after: some("7"),
            },
            FieldChange::Existence {
                before: Some(Existence::Active),
                after: None,
            },
            flag(Field::Suspended, None, Some(true)),
            FieldChange::Time {
                field: Field::CreatedAt,
                before: None,
                after: Some(5),
            },
            FieldChange::Participants {
                before: vec![one("2")],
                after: vec![one("4")],
            },
            flag(Field::Overflow, Some(false), Some(true)),
        ]
    );
    assert_eq!(diff(Some(&before), Some(&before)), vec![]);
    assert_eq!(diff(None, None), vec![]);
    assert_eq!(
        diff(Some(&before), None).len(),
        4,
        "existence, subject, participants, doubt"
    );
}

#[test]
fn groups_are_equal_by_core_and_envelope_and_by_nothing_else() {
    let one = given([added(10, [n(N1)])]).group;
    let other_core = Group::restore(Core::default(), one.envelope);
    let other_envelope = Group::restore(one.core.clone(), Envelope::default());
    assert_ne!(one, other_core);
    assert_ne!(one, other_envelope);
    assert_eq!(one, Group::restore(one.core.clone(), one.envelope));
}

#[test]
fn the_constants_are_those_of_the_folds_number() {
    use crate::limits::*;
    // Whoever changes one of these changes what the same log gives: that is another fold, with another number.
    assert_eq!(FOLD, 1);
    assert_eq!(ID_BYTES_MAX, 512);
    assert_eq!(LINK_GRACE_SECONDS, 691_200);
    assert_eq!(ASKED_AHEAD_SECONDS_MAX, 86_400);
    assert_eq!(IDENTITY_CHANGE_SECONDS, 691_200);
    assert_eq!(LINK_STEPS_MAX, 8);
    assert_eq!(MEMBER_REGISTERS_SOON, 64);
    assert_eq!(REGISTERS_MAX, 4_096);
    assert_eq!(RECIPIENTS_MAX, 1_024);
    assert_eq!(NUMBER_ENTRIES_MAX, 4_096);
}
