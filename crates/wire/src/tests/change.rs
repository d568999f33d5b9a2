//! What a change of a request or a number tells.

use domain::{
    event::Operation,
    ids::{EventId, Text},
    number::Hold,
    register::{Doubt, Register, Registers},
    request,
};

use super::samples;
use crate::{
    Completion, NumberChange, RequestAbout, RequestChange, number_changes, request_changes,
};

#[test]
fn a_request_that_says_the_same_by_younger_evidence_has_not_changed() {
    let before = samples::request().core;
    let mut after = before.clone();
    for register in [
        &mut after.number,
        &mut after.group,
        &mut after.meta_request_id,
    ] {
        register.as_mut().unwrap().stamp.tie = EventId([0xff; 16]);
    }
    assert_eq!(request_changes(&before, &after), []);
}

#[test]
fn a_new_request_tells_each_part_before_and_after() {
    let after = samples::outcome().core;
    let about = RequestAbout {
        operation: Some(Operation::RemoveParticipants),
        phone_number_id: samples::text("300000000000001"),
        group_id: samples::text(samples::group_id().as_str()),
    };
    let completed = after.completed.clone().unwrap().value;
    let expected = [
        RequestChange::About {
            before: RequestAbout::default(),
            after: about,
        },
        RequestChange::Completed {
            before: None,
            after: Some(Completion {
                outcome: completed.outcome,
                errors: completed.errors,
            }),
        },
    ];
    assert_eq!(request_changes(&request::Core::default(), &after), expected);
}

#[test]
fn a_number_tells_only_the_hold_that_changed_and_the_identities_that_are_new() {
    let before = samples::number().core;
    let mut after = before.clone();
    let released = Hold {
        is_released: true,
        groups: 7,
        by: Some(Text::new("operate")),
        ..Hold::default()
    };
    let held = before.holds.get("hold-1").unwrap().clone();
    after.holds = Registers::from_unsorted(
        [
            (
                Text::new("hold-1"),
                Register {
                    value: released.clone(),
                    ..held.clone()
                },
            ),
            (Text::new("hold-2"), held.clone()),
        ],
        Doubt::Never,
    );
    let mut newer = before.identity_changes[0].clone();
    newer.at += 1;
    after.identity_changes.push(newer.clone());
    let expected = [
        NumberChange::Identities { after: vec![newer] },
        NumberChange::Hold {
            hold_id: Text::new("hold-1"),
            before: Some(held.value.clone()),
            after: Some(released.clone()),
        },
        NumberChange::Hold {
            hold_id: Text::new("hold-2"),
            before: None,
            after: Some(held.value.clone()),
        },
    ];
    assert_eq!(number_changes(&before, &after), expected);
    assert_eq!(number_changes(&after, &after), []);

    let lapsed = [
        NumberChange::Identities { after: Vec::new() },
        NumberChange::Hold {
            hold_id: Text::new("hold-1"),
            before: Some(released),
            after: Some(held.value.clone()),
        },
        NumberChange::Hold {
            hold_id: Text::new("hold-2"),
            before: Some(held.value),
            after: None,
        },
    ];
    assert_eq!(number_changes(&after, &before), lapsed);
}
