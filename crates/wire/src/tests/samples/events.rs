//! Events.

use domain::{
    event::{
        About, Answer, Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest,
        MessageEvent, MessageStatus, NumberEvent, Operation, Outcome, Person, Pricing,
        RequestEvent, Source, Status,
    },
    ids::{EventId, Text},
};

use super::{
    CREATED, error, figures, group_id, id, list_pass, message_id, number_id, request_id, rosa,
    text, tom,
};

fn envelope_of(about: About, source: Source) -> Event {
    Event {
        id: EventId(*b"0123456789abcdef"),
        at: CREATED,
        source,
        phone_number_id: Some(number_id()),
        waba_id: text("200000000000001"),
        about,
    }
}

/// An event about the group.
pub(in crate::tests) fn event(event: GroupEvent) -> Event {
    envelope_of(About::Group(group_id(), event), Source::Webhook)
}

pub(in crate::tests) fn completed() -> Event {
    let completed = RequestEvent::Completed {
        operation: Operation::RemoveParticipants,
        group_id: Some(group_id()),
        outcome: Outcome::Failed,
        errors: vec![error()],
        failed: Vec::new(),
    };
    envelope_of(
        About::Request(id("MetaRequest1"), completed),
        Source::Webhook,
    )
}

/// One event of each kind, by the name of its file.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(in crate::tests) fn events() -> Vec<(&'static str, Event)> {
    let group = |about| event(about);
    let request = |about, source| envelope_of(About::Request(request_id(), about), source);
    let number = |about| envelope_of(About::Number(number_id(), about), Source::Rollcall);
    vec![
        ("group_created", group(group_created())),
        ("group_deleted", group(GroupEvent::Deleted)),
        (
            "participants_added",
            group(GroupEvent::ParticipantsAdded {
                participants: vec![rosa(), tom()],
            }),
        ),
        (
            "participants_removed",
            group(GroupEvent::ParticipantsRemoved {
                participants: vec![tom()],
            }),
        ),
        (
            "join_request_created",
            group(GroupEvent::JoinRequestCreated {
                person: tom(),
                join_request_id: text("JR-15550100043"),
            }),
        ),
        (
            "join_request_closed",
            group(GroupEvent::JoinRequestClosed {
                person: Person::default(),
                join_request_id: text("JR-15550100043"),
            }),
        ),
        (
            "settings_updated",
            group(GroupEvent::SettingsUpdated {
                subject: text("Repair 4711"),
                description: text(""),
                picture_sha256: text("b64="),
            }),
        ),
        ("suspension_changed", group(GroupEvent::Suspended(true))),
        (
            "message_received",
            group(GroupEvent::MessageReceived { sender: rosa() }),
        ),
        (
            "group_hinted",
            group(GroupEvent::Hinted {
                reason: HintReason::RemovedByInput,
            }),
        ),
        ("group_read", group(group_read())),
        (
            "join_requests_read",
            group(GroupEvent::JoinRequestsRead {
                join_requests: join_requests(),
            }),
        ),
        (
            "group_listed",
            group(GroupEvent::Listed {
                subject: text("Repair 4711"),
                created: Some(CREATED),
            }),
        ),
        ("group_unknown", group(GroupEvent::Unknown)),
        ("group_unlisted", group(GroupEvent::Unlisted)),
        (
            "identity_linked",
            group(GroupEvent::IdentityLinked {
                old: vec![Text::new("15550100042")],
                new: Text::new("15550100099"),
            }),
        ),
        (
            "join_requests_answered",
            group(GroupEvent::JoinRequestsAnswered {
                join_request_ids: vec![Text::new("JR-15550100043")],
            }),
        ),
        (
            "invite_link_answered",
            group(GroupEvent::InviteLinkAnswered {
                invite_link: Text::new("https://chat.whatsapp.com/X"),
            }),
        ),
        (
            "group_forgotten",
            group(GroupEvent::Forgotten { stamp: CREATED - 1 }),
        ),
        (
            "person_erased",
            group(GroupEvent::Erased {
                ids: vec![Text::new("15550100042")],
            }),
        ),
        ("message_status", message_status()),
        (
            "request_intended",
            request(request_intended(), Source::Rollcall),
        ),
        (
            "request_answered",
            request(request_answered(), Source::Command),
        ),
        (
            "request_intended_with_subject",
            request(intended_with_subject(), Source::Rollcall),
        ),
        (
            "request_answered_with_particulars",
            request(answered_with_particulars(), Source::Command),
        ),
        ("request_completed", completed()),
        (
            "identity_changed",
            number(NumberEvent::IdentityChanged {
                old: vec![Text::new("15550100042")],
                new: rosa(),
            }),
        ),
        ("list_passed", number(NumberEvent::ListPassed(list_pass()))),
        (
            "number_held",
            number(NumberEvent::Held {
                hold_id: Text::new("hold-1"),
                groups: 7,
                suspects: Vec::new(),
            }),
        ),
        (
            "number_held_with_suspects",
            number(NumberEvent::Held {
                hold_id: Text::new("hold-1"),
                groups: 7,
                suspects: vec![group_id()],
            }),
        ),
        (
            "number_released",
            number(NumberEvent::Released {
                hold_id: Text::new("hold-1"),
                groups: 0,
                by: None,
            }),
        ),
        (
            "number_released_by_a_role",
            number(NumberEvent::Released {
                hold_id: Text::new("hold-1"),
                groups: 7,
                by: text("operate"),
            }),
        ),
        ("number_counted", number(NumberEvent::Counted(figures()))),
        (
            "number_pass_asked",
            number(NumberEvent::PassAsked {
                by: text("operate"),
            }),
        ),
        ("number_paused", number(NumberEvent::Paused(true))),
    ]
}

fn group_created() -> GroupEvent {
    GroupEvent::Created(GroupCreated {
        subject: text("Repair 4711"),
        description: text(""),
        invite_link: text("https://chat.whatsapp.com/X"),
        join_approval_mode: text("approval_required"),
        participants: vec![rosa()],
    })
}

fn group_read() -> GroupEvent {
    GroupEvent::Read(GroupRead {
        subject: text("Repair 4711"),
        description: text(""),
        join_approval_mode: text("auto_approve"),
        suspended: Some(false),
        created: Some(CREATED),
        participants: vec![rosa(), tom()],
        is_complete: true,
    })
}

fn join_requests() -> Vec<JoinRequest> {
    vec![JoinRequest {
        person: tom(),
        join_request_id: Text::new("JR-15550100043"),
        created: Some(CREATED + 200),
    }]
}

fn message_status() -> Event {
    let status = MessageEvent::Status(MessageStatus {
        status: Status::Failed,
        group_id: Some(group_id()),
        recipient: Some(rosa()),
        errors: vec![error()],
        pricing: Some(Pricing {
            category: text("group_utility"),
            kind: text("regular"),
            model: text("PMP"),
            billable: Some(true),
            origin: text("utility"),
        }),
    });
    envelope_of(About::Message(message_id(), status), Source::Webhook)
}

fn request_intended() -> RequestEvent {
    RequestEvent::Intended {
        operation: Operation::CreateGroup,
        group_id: None,
        nonce: 0x0102_0304_0506_0708,
        body_hash: [0xab; 32],
        subject: None,
    }
}

fn intended_with_subject() -> RequestEvent {
    RequestEvent::Intended {
        operation: Operation::CreateGroup,
        group_id: None,
        nonce: 7,
        body_hash: [0xab; 32],
        subject: text("Repair 4711"),
    }
}

fn answered_with_particulars() -> RequestEvent {
    RequestEvent::Answered {
        answer: Answer::Accepted,
        meta_request_id: None,
        particulars: Some(Box::new(super::particulars())),
    }
}

fn request_answered() -> RequestEvent {
    RequestEvent::Answered {
        answer: Answer::Refused(error()),
        meta_request_id: Some(id("MetaRequest1")),
        particulars: None,
    }
}
