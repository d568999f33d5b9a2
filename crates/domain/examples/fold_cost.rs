//! What folding one event costs, by kind, for a group with eight members: `cargo run --release -p domain --example fold_cost`.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::{hint::black_box, time::Instant};

use domain::{
    event::{
        About, Event, GroupEvent, GroupRead, JoinRequest, MessageEvent, MessageStatus, Person,
        Source, Status,
    },
    group::Group,
    ids::{EventId, GroupId, Invalid, MessageId, PhoneNumberId, Second, Text},
    message::Message,
    position::Position,
};

/// Makes the event of a kind by its place in the series.
type Make = fn(u64) -> GroupEvent;

/// Members of the group.
const MEMBERS: u64 = 8;
/// Rounds per kind; the fastest counts, for a busy machine only ever adds.
const ROUNDS: u64 = 40;
/// Events folded per round, and a multiple of those of one message.
const EVENTS: u64 = 5_100;
/// Second at which the group was made.
const START: Second = 1_780_000_000;

fn main() -> Result<(), Invalid> {
    println!("{:<34} {:>9}", "kind", "ns/event");
    let kinds: [(&str, Make); 9] = [
        ("message received", |n| GroupEvent::MessageReceived {
            sender: person(n % MEMBERS),
        }),
        ("message received, same second", |n| {
            GroupEvent::MessageReceived {
                sender: person(n % MEMBERS),
            }
        }),
        ("added, then removed", |n| {
            let participants = vec![person(MEMBERS)];
            if n % 2 == 0 {
                GroupEvent::ParticipantsAdded { participants }
            } else {
                GroupEvent::ParticipantsRemoved { participants }
            }
        }),
        ("added, was in", |n| GroupEvent::ParticipantsAdded {
            participants: vec![person(n % MEMBERS)],
        }),
        ("join request, then closed", |n| {
            let person = person(MEMBERS);
            let join_request_id = Some(join_request_id(MEMBERS));
            if n % 2 == 0 {
                GroupEvent::JoinRequestCreated {
                    person,
                    join_request_id,
                }
            } else {
                GroupEvent::JoinRequestClosed {
                    person,
                    join_request_id,
                }
            }
        }),
        ("subject", |n| GroupEvent::SettingsUpdated {
            subject: Some(Text::from(format!("Repair {n}"))),
            description: None,
            picture_sha256: None,
        }),
        ("suspended, then cleared", |n| {
            GroupEvent::Suspended(n % 2 == 0)
        }),
        ("complete read of all", |_| GroupEvent::Read(read())),
        ("join requests read", |n| GroupEvent::JoinRequestsRead {
            join_requests: vec![JoinRequest {
                person: person(MEMBERS + n % 3),
                join_request_id: join_request_id(MEMBERS + n % 3),
                created: None,
            }],
        }),
    ];
    // A first argument chooses the kinds whose names begin so.
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for (name, kind) in kinds
        .into_iter()
        .filter(|(name, _)| name.starts_with(&wanted))
    {
        let step = i64::from(!name.ends_with("same second"));
        println!("{name:<34} {:>9.0}", group_cost(kind, step)?);
    }
    if "message status".starts_with(&wanted) {
        println!("{:<34} {:>9.0}", "message status", message_cost()?);
    }
    Ok(())
}

/// Nanoseconds to fold one event into a warm group of eight.
fn group_cost(kind: Make, step: Second) -> Result<f64, Invalid> {
    let group_id = GroupId::parse("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0MDAwMDAwMDAwMDEZD")?;
    let mut group = Group::default();
    let whole = event(
        0,
        START,
        About::Group(group_id.clone(), GroupEvent::Read(read())),
    )?;
    black_box(group.apply(&group_id, &whole, position(1)));
    let mut events = Vec::new();
    for n in 0..EVENTS * ROUNDS {
        let at = START + 1 + i64::try_from(n).unwrap_or_default() * step;
        events.push(event(n, at, About::Group(group_id.clone(), kind(n)))?);
    }
    let round_len = usize::try_from(EVENTS).unwrap_or_default();
    let mut rounds = (2..).zip(&events);
    Ok(fastest(|| {
        for (offset, event) in rounds.by_ref().take(round_len) {
            black_box(group.apply(&group_id, event, position(offset)));
        }
    }))
}

/// Nanoseconds to fold one status: sent, then delivered and read for each of eight.
fn message_cost() -> Result<f64, Invalid> {
    let message_id =
        MessageId::parse("wamid.HBgLMTU1NTAxMDAwNDIVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA")?;
    let of_one = 1 + 2 * MEMBERS;
    let mut events = Vec::new();
    for n in 0..of_one {
        let (status, recipient) = match n {
            0 => (Status::Sent, None),
            n if n <= MEMBERS => (Status::Delivered, Some(person(n - 1))),
            n => (Status::Read, Some(person(n - 1 - MEMBERS))),
        };
        let status = MessageStatus {
            status,
            group_id: GroupId::parse("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0MDAwMDAwMDAwMDEZD")
                .ok(),
            recipient,
            errors: Vec::new(),
            pricing: None,
        };
        let at = START + i64::try_from(n).unwrap_or_default();
        let about = About::Message(message_id.clone(), MessageEvent::Status(status));
        events.push(event(n, at, about)?);
    }
    Ok(fastest(|| {
        for _ in 0..EVENTS / of_one {
            let mut message = Message::default();
            for (offset, event) in (1..).zip(&events) {
                black_box(message.apply(&message_id, event, position(offset)));
            }
        }
    }))
}

/// Nanoseconds per event of the fastest round.
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn fastest(mut round: impl FnMut()) -> f64 {
    let mut least = u128::MAX;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        round();
        least = least.min(begin.elapsed().as_nanos());
    }
    least as f64 / EVENTS as f64
}

fn event(n: u64, at: Second, about: About) -> Result<Event, Invalid> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let is_read = matches!(
        about,
        About::Group(_, GroupEvent::Read(_) | GroupEvent::JoinRequestsRead { .. })
    );
    let source = if is_read {
        Source::Read
    } else {
        Source::Webhook
    };
    Ok(Event {
        id: EventId(id),
        at,
        source,
        phone_number_id: Some(PhoneNumberId::parse("300000000000001")?),
        waba_id: Some(Text::new("200000000000001")),
        about,
    })
}

fn position(offset: i64) -> Position {
    Position {
        generation: 1,
        offset,
        ..Position::default()
    }
}

fn person(n: u64) -> Person {
    Person {
        input: None,
        wa_id: Some(Text::from(format!("155501000{n:02}"))),
        user_id: Some(Text::from(format!("US.100000000000000000{n:02}"))),
        parent_user_id: None,
        username: Some(Text::from(format!("rosa.k{n}"))),
    }
}

fn join_request_id(n: u64) -> Text {
    Text::from(format!("MTU1NTAxMDAwNDI6MTIwMzYzNDAwMDAwMDAwMDAx{n:02}"))
}

fn read() -> GroupRead {
    GroupRead {
        subject: Some(Text::new("Repair 4711")),
        description: Some(Text::default()),
        join_approval_mode: Some(Text::new("approval_required")),
        suspended: Some(false),
        created: Some(START),
        participants: (0..MEMBERS).map(person).collect(),
        is_complete: true,
    }
}
