//! One value of everything, fixed for ever: golden bytes and golden answers are made of them.

mod changes;
mod events;

use domain::{
    agreement::{Call, Cause, Counts, Kind, Stood},
    event::{Answer, Figures, HintReason, ListPass, MetaError, Operation, Outcome, Person},
    group::{self, Ask, AskDetail, Existence, Group, Presence},
    ids::{EventId, GroupId, Id, MessageId, PhoneNumberId, RequestId, Second, Text},
    message::{self, Message},
    number::{self, Number},
    plan::Reason,
    position::{Envelope, Position, Stream},
    register::{Doubt, Latest, Rank, Register, Registers, Stamp},
    request::{self, Request},
};

pub(super) use changes::{group_change, number_change, request_change};
pub(super) use events::{completed, event, events};

use crate::{Gap, Progress, digest::Digest};

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
        asked: 0,
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
                    username: None,
                    parent_user_id: None,
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
        deleted: None,
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

/// A group that was deleted, and what was known of one who asked to join it.
pub(super) fn deleted_group() -> Group {
    let detail = AskDetail {
        join_request_id: Text::new("JR-15550100043"),
        created: CREATED + 200,
        username: text("tom"),
        parent_user_id: text("US.ENT.20000000000000000043"),
    };
    let core = group::Core {
        exists: said(300, 9, Existence::Gone),
        deleted: said(300, 9, ()),
        ask_detail: one("15550100043", register(200, Rank::Circumstance, 6, detail)),
        roster: CREATED + 300,
        asks: CREATED + 300,
        overflow: true,
        ..group::Core::default()
    };
    Group::restore(core, envelope())
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

/// Everything that an answer can say.
pub(super) fn particulars() -> domain::event::Particulars {
    domain::event::Particulars {
        fbtrace_id: Some(Text::new("AbCdEf")),
        message_id: Some(Text::new("wamid.OUT1")),
        invite_link: Some(Text::new("https://chat.whatsapp.com/LINK")),
        done: vec![Text::new("join-1")],
        failed: vec![domain::event::ItemFailure {
            input: Text::new("join-2"),
            errors: vec![error()],
        }],
        untold: vec![Text::new("join-3")],
        errors: vec![error()],
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
        particulars: None,
        // From before more was kept of it.
        first_intent: Some(request::FirstIntent {
            nonce: 7,
            body_hash: [0; 32],
            at: 0,
            subject: None,
        }),
    };
    Request {
        core,
        envelope: envelope(),
    }
}

/// A request of ours whose answer says everything that an answer can say.
pub(super) fn told_request() -> Request {
    let mut request = request();
    request.core.operation = said(10, 1, Operation::ApproveJoinRequests);
    request.core.meta_request_id = None;
    request.core.particulars = said(12, 2, particulars());
    request.core.first_intent = Some(request::FirstIntent {
        nonce: 7,
        body_hash: [0xab; 32],
        at: 1_780_000_010,
        subject: Some(Text::new("Repair 4711")),
    });
    request
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
                failed: Vec::new(),
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
        ..number::Hold::default()
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
        figures: None,
        pass_asked: 0,
        seen: CREATED + 2_001,
    };
    Number {
        core,
        envelope: envelope(),
    }
}

pub(super) fn figures() -> Figures {
    let stood = Stood {
        count: 3,
        exact: 1,
        seconds: 540,
        seconds_max: 420,
        within: [1, 2, 0, 0, 0, 0],
    };
    let calls = [
        (Call::List, 120),
        (Call::Read(Reason::Changed), 40),
        (Call::Read(Reason::LongestUnverified), 60),
        (Call::JoinRequests, 12),
    ];
    let counts = Counts {
        drift: [
            ((Kind::Subject, Cause::Lost), 1),
            ((Kind::Member, Cause::Lost), 2),
            ((Kind::Member, Cause::Late), 1),
        ]
        .into(),
        stood: [(Kind::Member, stood)].into(),
        repaired: 3,
        looked: 101,
        contradicted: 2,
        calls: calls.into(),
        lost: 3,
        told: 297,
    };
    Figures {
        counts,
        budget_left: 9,
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
        changes_next: 77,
    }
}
