//! Every kind of event, as a series that goes on for ever or as one that is told once.

use domain::{
    event::{
        About, Answer, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, ListPass,
        MessageEvent, MessageStatus, NumberEvent, Operation, Outcome, Person, RequestEvent, Status,
    },
    ids::{GroupId, Invalid, MessageId, PhoneNumberId, RequestId, Second, Text},
};

/// A row of the table.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Events of the series; what changes a state only once is told once to each copy.
    pub(crate) series: Option<u64>,
    /// Seconds from one to the next.
    pub(crate) step: Second,
    make: Make,
}

/// Makes an event by its place in the series and the group's members.
enum Make {
    Group(fn(u64, u64) -> GroupEvent),
    Message(fn(u64, u64) -> MessageEvent),
    Number(fn(u64) -> NumberEvent),
    Request(fn(u64) -> RequestEvent),
}

impl Kind {
    /// The event at place `n` of the series, about a group of so many members.
    pub(crate) fn make(&self, n: u64, members: u64) -> Result<About, Invalid> {
        Ok(match self.make {
            Make::Group(make) => About::Group(group_id()?, make(n, members)),
            Make::Message(make) => About::Message(message_id()?, make(n, members)),
            Make::Number(make) => About::Number(number_id()?, make(n)),
            Make::Request(make) => About::Request(request_id()?, make(n)),
        })
    }

    fn again_and_again(name: &'static str, make: Make) -> Self {
        Self {
            name,
            series: None,
            step: 1,
            make,
        }
    }

    fn once(name: &'static str, make: Make) -> Self {
        Self {
            series: Some(1),
            ..Self::again_and_again(name, make)
        }
    }

    fn in_one_second(name: &'static str, make: Make) -> Self {
        Self {
            step: 0,
            ..Self::again_and_again(name, make)
        }
    }
}

/// Of groups: all kinds of `GroupEvent`, in its order.
pub(crate) fn of_groups() -> Vec<Kind> {
    let mut kinds = webhooks();
    kinds.extend(reads());
    kinds.extend(answers());
    kinds
}

fn webhooks() -> Vec<Kind> {
    use GroupEvent as E;
    let again = |name, make| Kind::again_and_again(name, Make::Group(make));
    vec![
        Kind::once("created", Make::Group(|_, members| created(members))),
        Kind::once("deleted", Make::Group(|_, _| E::Deleted)),
        again("added, was in", |n, members| E::ParticipantsAdded {
            participants: vec![person(n % members)],
        }),
        again("added, then removed", |n, members| {
            let participants = vec![person(members)];
            if n % 2 == 0 {
                E::ParticipantsAdded { participants }
            } else {
                E::ParticipantsRemoved { participants }
            }
        }),
        again("removed, was not in", |n, members| E::ParticipantsRemoved {
            participants: vec![person(members + n % 4)],
        }),
        again("join request, then closed", |n, members| {
            let (person, join_request_id) = (person(members), Some(join_request_id(members)));
            if n % 2 == 0 {
                E::JoinRequestCreated {
                    person,
                    join_request_id,
                }
            } else {
                E::JoinRequestClosed {
                    person,
                    join_request_id,
                }
            }
        }),
        again("settings: another subject", |n, _| E::SettingsUpdated {
            subject: Some(Text::from(format!("Repair {n}"))),
            description: None,
            picture_sha256: None,
        }),
        again("suspended, then cleared", |n, _| E::Suspended(n % 2 == 0)),
        again("message received", |n, members| E::MessageReceived {
            sender: person(n % members),
        }),
        Kind::in_one_second(
            "message received, same second",
            Make::Group(|n, members| E::MessageReceived {
                sender: person(n % members),
            }),
        ),
        again("hinted", |_, _| E::Hinted {
            reason: HintReason::Asked,
        }),
    ]
}

fn created(members: u64) -> GroupEvent {
    GroupEvent::Created(GroupCreated {
        subject: Some(Text::new("Repair 4712")),
        description: Some(Text::new("what for")),
        invite_link: Some(Text::new(
            "https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv",
        )),
        join_approval_mode: Some(Text::new("auto_approve")),
        participants: (0..members).map(person).collect(),
    })
}

fn reads() -> Vec<Kind> {
    use GroupEvent as E;
    let again = |name, make| Kind::again_and_again(name, Make::Group(make));
    vec![
        Kind::once(
            "read, complete: registers pruned",
            Make::Group(|_, members| E::Read(read(members, true))),
        ),
        again("read, complete: nothing new", |_, members| {
            E::Read(read(members, true))
        }),
        again("read, not complete", |_, members| {
            E::Read(read(members / 2, false))
        }),
        again("join requests read", |n, members| E::JoinRequestsRead {
            join_requests: vec![JoinRequest {
                person: person(members + n % 3),
                join_request_id: join_request_id(members + n % 3),
                created: None,
            }],
        }),
        again("listed", |_, _| E::Listed {
            subject: Some(Text::new("Repair 4711")),
            created: None,
        }),
        Kind::once("unknown", Make::Group(|_, _| E::Unknown)),
        again("unlisted", |_, _| E::Unlisted),
    ]
}

fn answers() -> Vec<Kind> {
    use GroupEvent as E;
    let again = |name, make| Kind::again_and_again(name, Make::Group(make));
    vec![
        Kind::once(
            "identity linked",
            Make::Group(|_, _| E::IdentityLinked {
                old: named(0).collect(),
                new: Text::new("US.20000000000000000000"),
            }),
        ),
        again("join requests answered", |_, members| {
            E::JoinRequestsAnswered {
                join_request_ids: vec![join_request_id(members)],
            }
        }),
        again("invite link answered", |n, _| E::InviteLinkAnswered {
            invite_link: Text::from(format!("https://chat.whatsapp.com/{n:022}")),
        }),
        again("forgotten, is there", |n, _| E::Forgotten {
            stamp: Second::try_from(n).unwrap_or_default(),
        }),
        again("erased, is in", |_, _| E::Erased {
            ids: named(0).collect(),
        }),
        Kind::once(
            "erased, was in",
            Make::Group(|_, _| E::Erased {
                ids: named(40).collect(),
            }),
        ),
    ]
}

/// Of messages, numbers and requests: all kinds.
pub(crate) fn of_others() -> Vec<Kind> {
    let mut kinds = vec![Kind {
        // Sent, then delivered and read for each.
        series: Some(13),
        ..Kind::again_and_again("message status, of thirteen", Make::Message(status))
    }];
    let number = |name, make| Kind::again_and_again(name, Make::Number(make));
    kinds.extend([
        Kind {
            series: Some(64),
            ..number("identity changed, of 64", |n| {
                NumberEvent::IdentityChanged {
                    old: named(n).collect(),
                    new: person(n + 64),
                }
            })
        },
        number("list passed", |n| {
            NumberEvent::ListPassed(ListPass {
                started: Second::try_from(n).unwrap_or_default(),
                is_complete: true,
                listed: 10_000,
                ..ListPass::default()
            })
        }),
        number("held, then released", |n| {
            let hold_id = Text::new("hold");
            if n % 2 == 0 {
                NumberEvent::Held {
                    hold_id,
                    groups: 9,
                    suspects: Vec::new(),
                }
            } else {
                NumberEvent::Released {
                    hold_id,
                    groups: 9,
                    by: None,
                }
            }
        }),
        number("paused, then resumed", |n| NumberEvent::Paused(n % 2 == 0)),
        Kind {
            series: Some(3),
            ..Kind::again_and_again(
                "request intended, answered, completed",
                Make::Request(request),
            )
        },
    ]);
    kinds
}

fn status(n: u64, members: u64) -> MessageEvent {
    let (status, recipient) = match n {
        0 => (Status::Sent, None),
        n if n <= members => (Status::Delivered, Some(person(n - 1))),
        n => (Status::Read, Some(person((n - 1) % members))),
    };
    MessageEvent::Status(MessageStatus {
        status,
        group_id: group_id().ok(),
        recipient,
        errors: Vec::new(),
        pricing: None,
    })
}

fn request(n: u64) -> RequestEvent {
    let operation = Operation::RemoveParticipants;
    match n {
        0 => RequestEvent::Intended {
            operation,
            group_id: group_id().ok(),
            nonce: 7,
            body_hash: [7; 32],
            subject: None,
        },
        1 => RequestEvent::Answered {
            answer: Answer::Accepted,
            meta_request_id: RequestId::parse("0F1E2D3C4B5A").ok(),
            particulars: None,
        },
        _ => RequestEvent::Completed {
            failed: Vec::new(),
            operation,
            group_id: group_id().ok(),
            outcome: Outcome::Done,
            errors: Vec::new(),
        },
    }
}

/// What a read of so many members says.
pub(crate) fn read(members: u64, is_complete: bool) -> GroupRead {
    GroupRead {
        subject: Some(Text::new("Repair 4711")),
        description: Some(Text::default()),
        join_approval_mode: Some(Text::new("approval_required")),
        suspended: Some(false),
        created: Some(1_780_000_000),
        participants: (0..members).map(person).collect(),
        is_complete,
    }
}

pub(crate) fn person(n: u64) -> Person {
    Person {
        input: None,
        wa_id: Some(Text::from(format!("15550100{n:03}"))),
        user_id: Some(Text::from(format!("US.10000000000000000{n:03}"))),
        parent_user_id: None,
        username: Some(Text::from(format!("rosa.k{n}"))),
    }
}

/// All identifiers of a person.
fn named(n: u64) -> impl Iterator<Item = Text> {
    let Person { wa_id, user_id, .. } = person(n);
    wa_id.into_iter().chain(user_id)
}

fn join_request_id(n: u64) -> Text {
    Text::from(format!("MTU1NTAxMDAwNDI6MTIwMzYzNDAwMDAwMDAwMDAx{n:02}"))
}

pub(crate) fn group_id() -> Result<GroupId, Invalid> {
    GroupId::parse("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0MDAwMDAwMDAwMDEZD")
}

fn message_id() -> Result<MessageId, Invalid> {
    MessageId::parse("wamid.HBgLMTU1NTAxMDAwNDIVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA")
}

pub(crate) fn number_id() -> Result<PhoneNumberId, Invalid> {
    PhoneNumberId::parse("300000000000001")
}

fn request_id() -> Result<RequestId, Invalid> {
    RequestId::parse("rq-1f0e2d3c4b5a69788796a5b4c3d2e1f0")
}
