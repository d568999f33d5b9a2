//! What is made of a management request.

use super::*;
use crate::{
    event::{Answer, Event, MetaError, Operation, Outcome, Particulars, RequestEvent},
    ids::{GroupId, Second},
    testing::*,
};

fn intended(at: Second, nonce: u64, operation: Operation) -> Event {
    of_request(
        at,
        RequestEvent::Intended {
            operation,
            group_id: Some(GroupId::parse("g").unwrap()),
            nonce,
            body_hash: [1; 32],
            subject: None,
        },
    )
}

fn answered(at: Second, answer: Answer, id: Option<&str>) -> Event {
    let meta_request_id = id.map(|id| RequestId::parse(id).unwrap());
    of_request(
        at,
        RequestEvent::Answered {
            answer,
            meta_request_id,
            particulars: None,
        },
    )
}

fn with_particulars(mut event: Event, message_id: &str) -> Event {
    if let About::Request(_, RequestEvent::Answered { particulars, .. }) = &mut event.about {
        *particulars = Some(Box::new(Particulars {
            message_id: Some(Text::new(message_id)),
            ..Particulars::default()
        }));
    }
    event
}

fn completed(at: Second, outcome: Outcome, codes: &[i64]) -> Event {
    let errors = codes.iter().map(|code| MetaError {
        code: *code,
        ..MetaError::default()
    });
    of_request(
        at,
        RequestEvent::Completed {
            operation: Operation::RemoveParticipants,
            group_id: None,
            outcome,
            errors: errors.collect(),
            failed: Vec::new(),
        },
    )
}

fn given(events: impl IntoIterator<Item = Event>) -> (Request, Vec<Applied<Field>>) {
    let mut request = Request::default();
    let applied = (1..)
        .zip(events)
        .map(|(offset, event)| request.apply(&request_id(), &event, position(offset)))
        .collect();
    (request, applied)
}

#[test]
fn a_request_is_asked_answered_and_ended() {
    let (request, applied) = given([
        with_metadata(intended(10, 7, Operation::DeleteGroup)),
        answered(11, Answer::Accepted, Some("0F1E")),
        completed(12, Outcome::Partly, &[131_201]),
    ]);
    let Core {
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        particulars: _,
        first_intent,
    } = request.core;
    assert_eq!(operation.unwrap().value, Operation::RemoveParticipants);
    assert_eq!(number.unwrap().value, "300000000000001");
    assert_eq!(group.unwrap().value, "g");
    let asked = asked.unwrap();
    assert_eq!((asked.stamp.at, asked.value.nonce), (10, 7));
    assert_eq!(answered.unwrap().value, Answer::Accepted);
    assert_eq!(meta_request_id.unwrap().value, "0F1E");
    assert_eq!(completed.unwrap().value.outcome, Outcome::Partly);
    assert_eq!(first_intent.unwrap().nonce, 7);
    let seen = |previous: Option<i64>, changes: &[Field]| Applied::View {
        previous_version: previous.map(position),
        changes: changes.to_vec(),
    };
    assert_eq!(
        applied,
        [
            seen(None, &[Field::About, Field::Asked]),
            seen(Some(1), &[Field::Answered]),
            seen(Some(2), &[Field::About, Field::Completed]),
        ]
    );
}

#[test]
fn the_first_intent_of_the_log_may_call_whatever_its_second() {
    let (request, applied) = given([
        intended(11, 7, Operation::CreateGroup),
        intended(10, 8, Operation::CreateGroup),
    ]);
    assert_eq!(request.core.first_intent.unwrap().nonce, 7);
    assert_eq!(applied[1], Applied::Unchanged);
    let (request, _) = given([
        intended(10, 8, Operation::CreateGroup),
        intended(11, 7, Operation::CreateGroup),
    ]);
    assert_eq!(request.core.first_intent.unwrap().nonce, 8);
}

#[test]
fn the_first_intent_keeps_its_body_and_subject_whatever_comes_after() {
    let with = |mut event: Event, hash: u8, named: &str| {
        if let About::Request(
            _,
            RequestEvent::Intended {
                body_hash, subject, ..
            },
        ) = &mut event.about
        {
            (*body_hash, *subject) = ([hash; 32], Some(Text::new(named)));
        }
        event
    };
    let (request, _) = given([
        with(intended(10, 7, Operation::CreateGroup), 1, "one"),
        with(intended(99, 8, Operation::CreateGroup), 2, "two"),
        with_particulars(answered(100, Answer::Accepted, None), "wamid.1"),
    ]);
    let first = FirstIntent {
        nonce: 7,
        body_hash: [1; 32],
        at: 10,
        subject: Some(Text::new("one")),
    };
    assert_eq!(request.core.first_intent, Some(first));
    let particulars = request.core.particulars.unwrap().value;
    assert_eq!(particulars.message_id.as_deref(), Some("wamid.1"));
}

#[test]
fn an_outcome_without_a_request_of_ours_is_kept() {
    let (request, _) = given([completed(12, Outcome::Failed, &[131_200])]);
    assert_eq!(request.core.asked, None);
    assert_eq!(
        request.core.completed.unwrap().value.outcome,
        Outcome::Failed
    );
}

#[test]
fn two_outcomes_of_one_second_are_in_doubt() {
    let (request, _) = given([
        completed(12, Outcome::Done, &[]),
        completed(12, Outcome::Failed, &[]),
    ]);
    let outcome = request.core.completed.unwrap();
    assert!(outcome.doubt);
}

#[test]
fn an_event_folded_before_or_about_another_request_changes_nothing() {
    let (mut request, _) = given([intended(10, 7, Operation::CreateGroup)]);
    let before = request.clone();
    let event = completed(12, Outcome::Done, &[]);
    assert_eq!(
        request.apply(&request_id(), &event, position(1)),
        Applied::Unchanged
    );
    let other = RequestId::parse("rq-2").unwrap();
    assert_eq!(
        request.apply(&other, &event, position(2)),
        Applied::Unchanged
    );
    assert_eq!(request, before);
    // Told once more, with a younger second: the state stands elsewhere, and nothing is seen.
    let event = intended(11, 7, Operation::CreateGroup);
    assert_eq!(
        request.apply(&request_id(), &event, position(2)),
        Applied::Core
    );
    assert_eq!(request.envelope.position, position(2));
    assert_eq!(request.envelope.version, Some(position(1)));
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the number of orders tried is part of the proof"
)]
fn any_order_of_request_events_gives_the_same_core_but_for_the_first_intent() {
    let refused = |code| {
        Answer::Refused(MetaError {
            code,
            ..MetaError::default()
        })
    };
    let mut catalogue = Vec::new();
    for at in [10, 11] {
        catalogue.extend([
            intended(at, 7, Operation::CreateGroup),
            with_metadata(intended(at, 8, Operation::DeleteGroup)),
            answered(at, Answer::Accepted, Some("0F1E")),
            answered(at, Answer::Accepted, None),
            answered(at, Answer::Unknown, Some("1F1E")),
            with_particulars(answered(at, Answer::Accepted, None), "wamid.1"),
            with_particulars(answered(at, Answer::Accepted, None), "wamid.2"),
            answered(at, refused(1), None),
            answered(at, refused(2), None),
            completed(at, Outcome::Done, &[]),
            with_metadata(completed(at, Outcome::Partly, &[1, 2])),
            completed(at, Outcome::Failed, &[2]),
        ]);
    }
    let mut campaign = Campaign::new(|core: &mut Core, event| {
        let About::Request(_, what) = &event.about else {
            panic!("no request's event")
        };
        let before = core.clone();
        fold::fold(core, event, what);
        core.first_intent = None;
        *core != before
    });
    let Covered { sets, orders, .. } = campaign.all(&catalogue, 6);
    println!(
        "requests: every set of up to 6 of {} events: {sets} sets, {orders} orders",
        catalogue.len()
    );
    assert!(sets >= 60_000, "{sets}");
}
