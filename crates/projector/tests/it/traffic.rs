//! Events as ingest and the reconciler append them, seeded.

use domain::{
    event::{
        About, Answer, Event, GroupCreated, GroupEvent, GroupRead, ListPass, MessageEvent,
        MessageStatus, NumberEvent, Operation, Outcome, Person, Pricing, RequestEvent, Source,
        Status,
    },
    ids::{Entity, EventId, GroupId, MessageId, PhoneNumberId, RequestId, Text},
};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

pub(crate) const NUMBER: &str = "300000000000001";
pub(crate) const START: i64 = 1_780_000_000;

pub(crate) fn entity(event: &Event) -> Entity {
    match &event.about {
        About::Group(id, _) => Entity::Group(id.clone()),
        About::Message(id, _) => Entity::Message(id.clone()),
        About::Number(id, _) => Entity::Number(id.clone()),
        About::Request(id, _) => Entity::Request(id.clone()),
    }
}

/// An event with the id of what it says.
pub(crate) fn event(at: i64, source: Source, about: About) -> Event {
    let mut event = Event {
        id: EventId::default(),
        at,
        source,
        phone_number_id: Some(PhoneNumberId::parse(NUMBER).unwrap()),
        waba_id: Some(Text::new("200000000000001")),
        about,
    };
    wire::id::identify(&mut event);
    event
}

pub(crate) fn group(at: i64, id: &str, what: GroupEvent) -> Event {
    event(
        at,
        Source::Webhook,
        About::Group(GroupId::parse(id).unwrap(), what),
    )
}

pub(crate) fn created(at: i64, id: &str, subject: &str) -> Event {
    let created = GroupCreated {
        subject: Some(Text::new(subject)),
        invite_link: Some(Text::new("https://chat.whatsapp.com/x")),
        join_approval_mode: Some(Text::new("auto_approve")),
        ..GroupCreated::default()
    };
    group(at, id, GroupEvent::Created(created))
}

pub(crate) fn renamed(at: i64, id: &str, subject: &str) -> Event {
    let what = GroupEvent::SettingsUpdated {
        subject: Some(Text::new(subject)),
        description: None,
        picture_sha256: None,
    };
    group(at, id, what)
}

pub(crate) fn person(number: u64) -> Person {
    Person {
        wa_id: Some(Text::new(format!("1555{number:07}"))),
        user_id: number
            .is_multiple_of(2)
            .then(|| Text::new(format!("US.{:020}", number + 1))),
        username: number
            .is_multiple_of(3)
            .then(|| Text::new(format!("user{number}"))),
        ..Person::default()
    }
}

pub(crate) fn joined(at: i64, id: &str, number: u64) -> Event {
    let participants = vec![person(number)];
    group(at, id, GroupEvent::ParticipantsAdded { participants })
}

pub(crate) fn left(at: i64, id: &str, number: u64) -> Event {
    let participants = vec![person(number)];
    group(at, id, GroupEvent::ParticipantsRemoved { participants })
}

pub(crate) fn read(at: i64, id: &str, subject: &str, members: &[u64]) -> Event {
    let read = GroupRead {
        subject: Some(Text::new(subject)),
        description: Some(Text::default()),
        participants: members.iter().map(|number| person(*number)).collect(),
        is_complete: true,
        ..GroupRead::default()
    };
    let about = About::Group(GroupId::parse(id).unwrap(), GroupEvent::Read(read));
    event(at, Source::Read, about)
}

pub(crate) fn status(
    at: i64,
    message: &str,
    group: &str,
    number: Option<u64>,
    status: Status,
) -> Event {
    let pricing = Pricing {
        category: Some(Text::new("group_utility")),
        kind: Some(Text::new("regular")),
        model: Some(Text::new("PMP")),
        billable: Some(true),
        origin: None,
    };
    let what = MessageStatus {
        status,
        group_id: Some(GroupId::parse(group).unwrap()),
        recipient: number.map(person),
        errors: Vec::new(),
        pricing: (status == Status::Delivered).then_some(pricing),
    };
    event(
        at,
        Source::Webhook,
        About::Message(
            MessageId::parse(message).unwrap(),
            MessageEvent::Status(what),
        ),
    )
}

pub(crate) fn request(at: i64, id: &str, what: RequestEvent) -> Event {
    event(
        at,
        Source::Command,
        About::Request(RequestId::parse(id).unwrap(), what),
    )
}

pub(crate) fn listed(at: i64, listed: u32) -> Event {
    let pass = ListPass {
        started: at,
        is_complete: true,
        pages: 1,
        listed,
        ..ListPass::default()
    };
    let about = About::Number(
        PhoneNumberId::parse(NUMBER).unwrap(),
        NumberEvent::ListPassed(pass),
    );
    event(at, Source::Read, about)
}

/// The id of a group as Meta's look, with characters that a URL must escape.
pub(crate) fn group_id(number: u64) -> String {
    format!("Y2FwaV9ncm91cDox+{number:04}/==")
}

/// An id within a path.
pub(crate) fn escaped(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A mixture of everything over some groups; the same seed and place give the same events.
pub(crate) fn mixture(seed: u64, from: u64, count: u64, groups: u64) -> Vec<Event> {
    let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003) + from);
    (from..from + count)
        .map(|n| any(&mut random, n, groups))
        .collect()
}

fn any(random: &mut StdRng, n: u64, groups: u64) -> Event {
    let at = START + (n / 3) as i64;
    let number = random.random_range(0..groups);
    let (id, who) = (group_id(number), random.random_range(0..12_u64));
    match random.random_range(0..100) {
        0..8 => created(at, &id, &format!("Repair {number}")),
        8..38 => joined(at, &id, who),
        38..50 => left(at, &id, who),
        50..55 => renamed(at, &id, &format!("Repair {number} no {n}")),
        55..60 => group(
            at,
            &id,
            GroupEvent::JoinRequestCreated {
                person: person(who),
                join_request_id: Some(Text::new(format!("jr-{who}"))),
            },
        ),
        60..62 => group(at, &id, GroupEvent::Suspended(random.random_bool(0.5))),
        62..64 => group(at, &id, GroupEvent::Deleted),
        64..68 => read(at - 300, &id, &format!("Repair {number}"), &[who, who + 20]),
        68..70 => listed(at, number as u32),
        70..74 => requests(random, at, n),
        _ => {
            let which = random.random_range(0..4);
            let what = [
                Status::Sent,
                Status::Delivered,
                Status::Read,
                Status::Played,
            ][which];
            let to = (what != Status::Sent).then_some(who);
            status(
                at,
                &format!("wamid.{}", random.random_range(0..groups * 2)),
                &id,
                to,
                what,
            )
        }
    }
}

fn requests(random: &mut impl Rng, at: i64, n: u64) -> Event {
    let id = random.random_range(0..20_u64);
    match n % 3 {
        0 => request(
            at,
            &format!("rq-{id}"),
            RequestEvent::Intended {
                operation: Operation::CreateGroup,
                group_id: None,
                nonce: n,
                body_hash: [7; 32],
                subject: None,
            },
        ),
        1 => request(
            at,
            &format!("rq-{id}"),
            RequestEvent::Answered {
                answer: Answer::Accepted,
                meta_request_id: Some(RequestId::parse(&format!("meta-{id}")).unwrap()),
                particulars: None,
            },
        ),
        _ => request(
            at,
            &format!("meta-{id}"),
            RequestEvent::Completed {
                operation: Operation::CreateGroup,
                group_id: None,
                outcome: Outcome::Done,
                errors: Vec::new(),
                failed: Vec::new(),
            },
        ),
    }
}
