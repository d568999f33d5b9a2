//! Every answer has an example in `docs/api`.

use domain::{
    event::{Answer, Operation, Outcome},
    group::Field,
    ids::Text,
    position::Position,
    register::Register,
};
use serde::Serialize;

use super::{golden::check_file, samples};
use crate::{
    digest::{Digest, RecordHash},
    json::{
        Agreement, AgreementAnswer, Change, Digests, EntityDigest, Explain, Group, GroupCounts,
        Message, Number, NumberAgreement, Page, PartitionDigest, Problem, Request, RequestCounts,
        RequestStatus, Time, TopicDigest, Usage, UsageItem,
    },
};

fn check(name: &str, answer: impl Serialize) {
    let text = serde_json::to_string_pretty(&answer).unwrap() + "\n";
    check_file(&format!("../../docs/api/{name}.json"), &text);
}

fn agreement() -> Agreement {
    Agreement {
        groups: 8,
        verified: 6,
        never_verified: 1,
        changed_since: 1,
        in_doubt: 1,
        hinted: 2,
        oldest_verified_at: Some(samples::CREATED),
        verified_within: [5, 6, 7, 7],
        figures: Some(samples::figures()),
        counted_at: Some(samples::CREATED + 2_000),
    }
}

#[test]
fn a_group_is_answered_as_the_example_says() {
    let (group_id, group) = (samples::group_id(), samples::group());
    let view = group.view().unwrap();
    let answer = Group {
        group_id: &group_id,
        view: &view,
        verified: group.core.verified,
        changed: group.core.changed,
        envelope: &group.envelope,
    };
    check("group", answer);
    check(
        "groups",
        Page {
            items: vec![answer],
            next_cursor: Some("eyJhZnRlciI6IlkyRndhIn0".to_owned()),
        },
    );
}

#[test]
fn what_is_not_known_of_a_group_is_null_and_its_lists_are_empty() {
    let (group_id, envelope) = (samples::group_id(), samples::hinted_group().envelope);
    let view = domain::group::View {
        overflow: true,
        ..domain::group::View::default()
    };
    let answer = Group {
        group_id: &group_id,
        view: &view,
        verified: 0,
        changed: 0,
        envelope: &envelope,
    };
    let json = serde_json::to_value(answer).unwrap();
    let nulls: Vec<&str> = json
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, v)| v.is_null())
        .map(|(k, _)| k.as_str())
        .collect();
    let mut unknown = [
        "phone_number_id",
        "waba_id",
        "suspended",
        "subject",
        "description",
        "join_approval_mode",
        "invite_link",
        "picture_sha256",
        "created_at",
        "verified_at",
        "changed_at",
        "version",
    ];
    unknown.sort_unstable();
    assert_eq!(nulls, unknown);
    assert_eq!(json["existence"], "unconfirmed");
    assert_eq!(json["participants"], serde_json::json!([]));
    assert_eq!(json["participant_count"], 0);
    assert_eq!(json["overflow"], true);
}

#[test]
fn the_history_of_a_group_is_answered_as_the_example_says() {
    let change = samples::group_change();
    check(
        "group_changes",
        Page {
            items: vec![Change(&change)],
            next_cursor: None,
        },
    );
}

#[test]
fn changes_of_requests_and_numbers_are_answered_as_the_examples_say() {
    check("change_of_request", Change(&samples::request_change()));
    check("change_of_number", Change(&samples::number_change()));
}

#[test]
fn a_group_is_explained_as_the_example_says() {
    check(
        "group_explain",
        Explain {
            group_id: &samples::group_id(),
            group: &samples::group(),
        },
    );
}

#[test]
fn a_message_is_answered_as_the_example_says() {
    let (message_id, message) = (samples::message_id(), samples::message());
    check(
        "message",
        Message {
            message_id: &message_id,
            view: &message.view(),
            envelope: &message.envelope,
        },
    );
}

#[test]
fn a_request_is_answered_as_the_example_says() {
    let (request_id, request, outcome) = (
        samples::request_id(),
        samples::request(),
        samples::outcome(),
    );
    check(
        "request",
        Request {
            request_id: &request_id,
            request: &request,
            outcome: Some(&outcome),
        },
    );
}

#[test]
fn a_request_that_was_decided_item_by_item_is_answered_as_the_example_says() {
    let (id, request) = (samples::request_id(), samples::told_request());
    let answer = Request {
        request_id: &id,
        request: &request,
        outcome: None,
    };
    check("request_decided", answer);
}

#[test]
fn a_number_is_answered_as_the_example_says() {
    let (phone_number_id, number, agreement) =
        (samples::number_id(), samples::number(), agreement());
    let answer = Number {
        phone_number_id: &phone_number_id,
        number: &number,
        groups: GroupCounts {
            unconfirmed: 1,
            active: 8,
            gone: 2,
        },
        requests: RequestCounts {
            pending: 3,
            failed: 1,
        },
        agreement: &agreement,
    };
    check("number", answer);
    check(
        "numbers",
        Page {
            items: vec![answer],
            next_cursor: None,
        },
    );
}

#[test]
fn agreement_is_answered_as_the_example_says() {
    let number = NumberAgreement {
        phone_number_id: samples::number_id(),
        agreement: agreement(),
    };
    check(
        "agreement",
        AgreementAnswer {
            total: agreement(),
            numbers: vec![number],
        },
    );
}

#[test]
fn the_share_of_no_groups_is_unknown() {
    let json = serde_json::to_value(Agreement::default()).unwrap();
    assert_eq!(json["verified_share"], serde_json::Value::Null);
}

#[test]
fn digests_are_answered_as_the_example_says() {
    let topic = |byte, records| TopicDigest {
        digest: Digest::from_bytes([byte; 32]),
        records,
    };
    let partition = PartitionDigest {
        partition: 3,
        position: Position::parse("1:3:840").unwrap(),
        groups: topic(0x5a, 12_000),
        numbers: topic(0xa5, 1),
    };
    let entity = EntityDigest {
        key: format!("g/{}", samples::group_id()),
        digest: RecordHash([0x11; 32]),
    };
    check(
        "digests",
        Digests {
            partitions: vec![partition],
            entities: Some(vec![entity]),
        },
    );
}

#[test]
fn usage_is_answered_as_the_example_says() {
    let item = UsageItem {
        day: Text::new("2026-05-28"),
        phone_number_id: samples::text("300000000000001"),
        group_id: samples::text(samples::group_id().as_str()),
        category: samples::text("group_utility"),
        kind: samples::text("regular"),
        model: samples::text("PMP"),
        billable: Some(true),
        messages: 12,
        recipients: 80,
    };
    check("usage", Usage { items: vec![item] });
}

#[test]
fn a_problem_is_answered_as_the_example_says() {
    let problem = Problem {
        code: "group-not-found",
        title: "there is no such group",
        status: 404,
        detail: Some("no event about it was seen in the last 30 days".to_owned()),
    };
    check("problem", problem);
}

#[test]
fn names_of_fields_in_doubt_are_fields_of_a_group() {
    let (group_id, group) = (samples::group_id(), samples::group());
    let view = domain::group::View {
        overflow: true,
        ..group.view().unwrap()
    };
    let answer = Group {
        group_id: &group_id,
        view: &view,
        verified: 0,
        changed: 0,
        envelope: &group.envelope,
    };
    let json = serde_json::to_value(answer).unwrap();
    for field in [
        Field::PhoneNumberId,
        Field::WabaId,
        Field::Existence,
        Field::Suspended,
        Field::Subject,
        Field::Description,
        Field::JoinApprovalMode,
        Field::InviteLink,
        Field::PictureSha256,
        Field::CreatedAt,
        Field::Participants,
        Field::JoinRequests,
        Field::InDoubt,
        Field::Overflow,
    ] {
        assert!(json.get(field.name()).is_some(), "{}", field.name());
    }
}

#[test]
fn a_time_that_has_no_text_is_null() {
    assert_eq!(
        serde_json::to_value(Time(0)).unwrap(),
        "1970-01-01T00:00:00Z"
    );
    assert_eq!(
        serde_json::to_value(Time(i64::MAX)).unwrap(),
        serde_json::Value::Null
    );
}

#[test]
fn a_request_stands_as_its_latest_word_says() {
    let mut request = samples::request();
    let status = |request: &domain::request::Request| RequestStatus::of(request, None);
    assert_eq!(status(&request), RequestStatus::Accepted);
    assert_eq!(
        RequestStatus::of(&request, Some(&samples::outcome())),
        RequestStatus::Partly
    );

    let answered = |answer| {
        request.core.answered.clone().map(|register| Register {
            value: answer,
            ..register
        })
    };
    let (refused, unknown) = (
        answered(Answer::Refused(samples::error())),
        answered(Answer::Unknown),
    );
    request.core.operation.as_mut().unwrap().value = Operation::InviteLink;
    assert_eq!(status(&request), RequestStatus::Done);
    request.core.answered = refused;
    assert_eq!(status(&request), RequestStatus::Refused);
    request.core.answered = unknown;
    assert_eq!(status(&request), RequestStatus::Unknown);
    request.core.answered = None;
    assert_eq!(status(&request), RequestStatus::Asked);

    request.core.completed = samples::outcome().core.completed;
    for (outcome, expected) in [
        (Outcome::Done, RequestStatus::Done),
        (Outcome::Failed, RequestStatus::Failed),
        (Outcome::Partly, RequestStatus::Partly),
    ] {
        request.core.completed.as_mut().unwrap().value.outcome = outcome;
        assert_eq!(status(&request), expected);
        assert!(!expected.is_pending());
        assert_eq!(expected.is_failed(), outcome != Outcome::Done);
    }
}
