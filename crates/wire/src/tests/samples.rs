//! One value of everything, fixed for ever: golden bytes and golden answers are made of them.

use domain::{
    event::{
        About, Answer, Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest,
        ListPass, MessageEvent, MessageStatus, MetaError, NumberEvent, Operation, Outcome, Person,
        Pricing, RequestEvent, Source, Status,
    },
    group::{self, Ask, AskDetail, Existence, Field, FieldChange, Group, Presence},
    ids::{EventId, GroupId, Id, MessageId, PhoneNumberId, RequestId, Second, Text},
    message::{self, Message},
    number::{self, Number},
    position::{Envelope, Position, Stream},
    register::{Doubt, Latest, Rank, Register, Registers, Stamp},
    request::{self, Request},
};

use crate::{
    Cause, Change, Changed, Completion, Gap, NumberChange, Progress, RequestAbout, RequestChange,
    digest::Digest,
};

/// 2026-05-28T20:26:40Z
pub(super) const CREATED: Second = 1_780_000_000;

pub(super) fn text(text: &str) -> Option<Text> {
    Some(Text::new(text))
}

fn id<K>(text: &str) -> Id<K> {
    Id::parse(text).unwrap()
}

pub(super) fn group_id() -> GroupId {
    id("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMTox")
}

pub(super) fn message_id() -> MessageId {
    id("wamid.OUT1")
}

pub(super) fn request_id() -> RequestId {
    id("rq-01J0000000000000000000000")
}

pub(super) fn number_id() -> PhoneNumberId {
    id("300000000000001")
}

pub(super) fn rosa() -> Person {
    Person {
        input: text("+1 555 010-0042"),
        wa_id: text("15550100042"),
        user_id: text("US.10000000000000000042"),
        parent_user_id: text("US.ENT.20000000000000000042"),
        username: text("rosa.k"),
    }
}

fn tom() -> Person {
    Person {
        wa_id: text("15550100043"),
        ..Person::default()
    }
}

pub(super) fn error() -> MetaError {
    MetaError {
        code: 131_026,
        title: Text::new("Message undeliverable"),
        details: Text::new("The recipient cannot be reached."),
    }
}

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
pub(super) fn event(event: GroupEvent) -> Event {
    envelope_of(About::Group(group_id(), event), Source::Webhook)
}

pub(super) fn completed() -> Event {
    let completed = RequestEvent::Completed {
        operation: Operation::RemoveParticipants,
        group_id: Some(group_id()),
        outcome: Outcome::Failed,
        errors: vec![error()],
    };
    envelope_of(
        About::Request(id("MetaRequest1"), completed),
        Source::Webhook,
    )
}

/// One event of each kind, by the name of its file.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(super) fn events() -> Vec<(&'static str, Event)> {
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
            }),
        ),
        (
            "number_released",
            number(NumberEvent::Released {
                hold_id: Text::new("hold-1"),
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
    }
}

fn request_answered() -> RequestEvent {
    RequestEvent::Answered {
        answer: Answer::Refused(error()),
        meta_request_id: Some(id("MetaRequest1")),
    }
}

fn list_pass() -> ListPass {
    ListPass {
        started: CREATED + 2_000,
        is_complete: true,
        is_first: false,
        pages: 10,
        listed: 9_990,
        unknown_to_us: 3,
        unlisted: 2,
        subject_differs: 1,
    }
}

/// A register asserted `after` seconds after creation, by the event whose id is all `tie`.
fn register<V>(after: Second, rank: Rank, tie: u8, value: V) -> Register<V> {
    Register {
        stamp: Stamp {
            at: CREATED + after,
            rank,
            tie: EventId([tie; 16]),
        },
        value,
        doubt: false,
    }
}

fn said<V>(after: Second, tie: u8, value: V) -> Option<Register<V>> {
    Some(register(after, Rank::Statement, tie, value))
}

fn position(offset: i64) -> Position {
    Position {
        stream: Stream::Events,
        generation: 1,
        partition: 3,
        offset,
    }
}

fn envelope() -> Envelope {
    Envelope {
        position: position(840),
        version: Some(position(812)),
    }
}

fn one<V: Ord>(id: &str, register: Register<V>) -> Registers<V> {
    Registers::from_unsorted([(Text::new(id), register)], Doubt::Never)
}

/// The group of the example in the interfaces.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(super) fn group() -> Group {
    let core = group::Core {
        exists: said(0, 1, Existence::Active),
        number: said(0, 1, Text::new("300000000000001")),
        waba: said(0, 1, Text::new("200000000000001")),
        subject: said(100, 2, Text::new("Repair 4711")).map(|register| Register {
            doubt: true,
            ..register
        }),
        description: said(0, 1, Text::default()),
        picture: None,
        invite: said(0, 1, Text::new("https://chat.whatsapp.com/X")),
        approval: said(0, 1, Text::new("approval_required")),
        suspended: Some(register(1_700, Rank::Read, 3, false)),
        created: said(0, 1, CREATED),
        member: Registers::from_unsorted(
            [
                (
                    Text::new("US.10000000000000000042"),
                    register(1_700, Rank::Read, 3, Presence::Present),
                ),
                (
                    Text::new("15550100042"),
                    register(50, Rank::Statement, 4, Presence::Present),
                ),
                (
                    Text::new("15550100050"),
                    register(1_800, Rank::Circumstance, 5, Presence::Absent),
                ),
            ],
            Doubt::Kept,
        ),
        ask: one(
            "15550100043",
            register(200, Rank::Circumstance, 6, Ask::Open),
        ),
        ask_detail: one(
            "15550100043",
            register(
                200,
                Rank::Circumstance,
                6,
                AskDetail {
                    join_request_id: Text::new("JR-15550100043"),
                    created: CREATED + 200,
                },
            ),
        ),
        is: one(
            "15550100042",
            register(
                1_700,
                Rank::Statement,
                3,
                Text::new("US.10000000000000000042"),
            ),
        ),
        label: one(
            "US.10000000000000000042",
            register(1_700, Rank::Statement, 3, Text::new("rosa.k")),
        ),
        parent: one(
            "US.10000000000000000042",
            register(
                1_700,
                Rank::Statement,
                3,
                Text::new("US.ENT.20000000000000000042"),
            ),
        ),
        hint: said(60, 7, HintReason::Asked),
        unlisted: Some(register(70, Rank::Read, 8, ())),
        roster: CREATED,
        asks: CREATED,
        verified: CREATED + 2_000,
        changed: CREATED + 2_740,
        overflow: false,
    };
    Group::restore(core, envelope())
}

/// A group of which nothing but a hint is known.
pub(super) fn hinted_group() -> Group {
    let core = group::Core {
        hint: said(60, 7, HintReason::Quarantined),
        ..group::Core::default()
    };
    Group::restore(
        core,
        Envelope {
            position: position(0),
            version: None,
        },
    )
}

/// The message of the example in the interfaces, and a failure.
pub(super) fn message() -> Message {
    let latest = |value: &str| {
        Some(Latest {
            at: CREATED + 2_002,
            value: Text::new(value),
        })
    };
    let rosa = message::Recipient {
        sent: None,
        delivered: Some(CREATED + 2_002),
        read: Some(CREATED + 2_060),
        played: None,
        failed: None,
        pricing: message::Pricing {
            category: latest("group_utility"),
            kind: latest("regular"),
            model: latest("PMP"),
            billable: Some(Latest {
                at: CREATED + 2_002,
                value: true,
            }),
            origin: None,
        },
    };
    let tom = message::Recipient {
        sent: Some(CREATED + 2_001),
        played: Some(CREATED + 2_100),
        failed: Some(message::Failure {
            at: CREATED + 2_090,
            errors: vec![error()],
        }),
        ..message::Recipient::default()
    };
    let link = (
        Text::new("15550100042"),
        register(
            2_002,
            Rank::Statement,
            9,
            Text::new("US.10000000000000000042"),
        ),
    );
    let core = message::Core {
        group: said(2_000, 8, Text::new(group_id().as_str())),
        number: said(2_000, 8, Text::new("300000000000001")),
        sent: Some(CREATED + 2_000),
        failed: None,
        pricing: message::Pricing::default(),
        recipients: vec![
            (Text::new("15550100043"), tom),
            (Text::new("US.10000000000000000042"), rosa),
        ],
        is: Registers::from_unsorted([link], Doubt::Kept),
    };
    let position = Position {
        stream: Stream::Receipts,
        generation: 1,
        partition: 3,
        offset: 99,
    };
    Message {
        core,
        envelope: Envelope {
            position,
            version: Some(position),
        },
    }
}

/// A request of ours that Meta accepted.
pub(super) fn request() -> Request {
    let core = request::Core {
        operation: said(10, 1, Operation::RemoveParticipants),
        number: said(10, 1, Text::new("300000000000001")),
        group: said(10, 1, Text::new(group_id().as_str())),
        asked: said(
            10,
            1,
            request::Asked {
                nonce: 7,
                body_hash: [0xab; 32],
            },
        ),
        answered: said(12, 2, Answer::Accepted),
        meta_request_id: said(12, 2, Text::new("MetaRequest1")),
        completed: None,
        first_intent: Some(7),
    };
    Request {
        core,
        envelope: envelope(),
    }
}

/// What is known of it under Meta's id.
pub(super) fn outcome() -> Request {
    let core = request::Core {
        operation: said(20, 3, Operation::RemoveParticipants),
        number: said(20, 3, Text::new("300000000000001")),
        group: said(20, 3, Text::new(group_id().as_str())),
        completed: said(
            20,
            3,
            request::Completed {
                outcome: Outcome::Partly,
                errors: vec![error()],
            },
        ),
        ..request::Core::default()
    };
    Request {
        core,
        envelope: envelope(),
    }
}

pub(super) fn number() -> Number {
    let hold = number::Hold {
        is_released: false,
        groups: 7,
    };
    let core = number::Core {
        waba: said(0, 1, Text::new("200000000000001")),
        identity_changes: vec![identity_change()],
        list_pass: said(2_000, 2, list_pass()),
        holds: Registers::from_unsorted(
            [(
                Text::new("hold-1"),
                register(2_001, Rank::Statement, 3, hold),
            )],
            Doubt::Never,
        ),
        paused: said(5, 4, false),
        seen: CREATED + 2_001,
    };
    Number {
        core,
        envelope: envelope(),
    }
}

fn identity_change() -> number::IdentityChange {
    number::IdentityChange {
        at: CREATED + 300,
        event_id: EventId([5; 16]),
        old: vec![Text::new("15550100042")],
        new: rosa(),
    }
}

pub(super) fn progress() -> Progress {
    Progress {
        position: position(840),
        event_id: Some(EventId([9; 16])),
        log_time_ms: CREATED * 1_000 + 123,
        partitions: 12,
        gap: Some(Gap {
            from: 10,
            to: 20,
            at: CREATED,
        }),
        digest: Some(Digest::from_bytes([0x5a; 32])),
        fold: 1,
        written_at_ms: CREATED * 1_000 + 456,
    }
}

fn cause() -> Cause {
    Cause {
        event_id: EventId([2; 16]),
        source: Source::Webhook,
        occurred_at: CREATED + 100,
    }
}

fn participant(person: Person) -> group::Participant {
    let Person {
        input: _,
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    group::Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    }
}

/// A change of every field of a group, each in its way.
pub(super) fn group_change() -> Change {
    let asked = group::JoinRequest {
        join_request_id: text("JR-15550100043"),
        person: participant(tom()),
        requested_at: Some(CREATED + 200),
    };
    let fields = vec![
        FieldChange::Existence {
            before: None,
            after: Some(Existence::Active),
        },
        FieldChange::Flag {
            field: Field::Suspended,
            before: None,
            after: Some(false),
        },
        FieldChange::Text {
            field: Field::Subject,
            before: text(""),
            after: text("Repair 4711"),
        },
        FieldChange::Time {
            field: Field::CreatedAt,
            before: None,
            after: Some(CREATED),
        },
        FieldChange::Participants {
            before: vec![participant(tom())],
            after: vec![participant(rosa())],
        },
        FieldChange::JoinRequests {
            before: Vec::new(),
            after: vec![asked],
        },
        FieldChange::InDoubt {
            before: Vec::new(),
            after: vec![Field::Subject, Field::Participants],
        },
    ];
    Change {
        version: position(812),
        previous_version: Some(position(700)),
        phone_number_id: Some(number_id()),
        cause: cause(),
        is_forgotten: false,
        what: Changed::Group {
            group_id: group_id(),
            fields,
        },
    }
}

pub(super) fn request_change() -> Change {
    let about = RequestAbout {
        operation: Some(Operation::RemoveParticipants),
        phone_number_id: text("300000000000001"),
        group_id: text(group_id().as_str()),
    };
    let fields = vec![
        RequestChange::About {
            before: RequestAbout::default(),
            after: about,
        },
        RequestChange::Asked {
            before: None,
            after: Some(CREATED + 10),
        },
        RequestChange::Answered {
            before: None,
            after: Some(Answer::Refused(error())),
            meta_request_id: text("MetaRequest1"),
        },
        RequestChange::Completed {
            before: None,
            after: Some(Completion {
                outcome: Outcome::Partly,
                errors: vec![error()],
            }),
        },
    ];
    Change {
        what: Changed::Request {
            request_id: request_id(),
            fields,
        },
        previous_version: None,
        ..group_change()
    }
}

pub(super) fn number_change() -> Change {
    let hold = number::Hold {
        is_released: false,
        groups: 7,
    };
    let fields = vec![
        NumberChange::Waba {
            before: None,
            after: text("200000000000001"),
        },
        NumberChange::Identities {
            after: vec![identity_change()],
        },
        NumberChange::ListPass {
            before: None,
            after: Some(list_pass()),
        },
        NumberChange::Hold {
            hold_id: Text::new("hold-1"),
            before: None,
            after: Some(hold),
        },
        NumberChange::Paused {
            before: None,
            after: Some(true),
        },
    ];
    Change {
        what: Changed::Number {
            phone_number_id: number_id(),
            fields,
        },
        is_forgotten: true,
        phone_number_id: None,
        ..group_change()
    }
}
