//! What the tests of all entities share: events by short names, and campaigns over all orders of small sets.

mod campaign;

pub(crate) use campaign::{Campaign, Covered, Rounds, draw, with_duplicates};

use crate::{
    event::{About, Event, GroupEvent, MessageEvent, NumberEvent, Person, RequestEvent, Source},
    ids::{EventId, GroupId, MessageId, PhoneNumberId, RequestId, Second, Text},
    position::Position,
};

pub(crate) const N1: &str = "15550100001";
pub(crate) const N2: &str = "15550100002";
pub(crate) const N3: &str = "15550100003";
pub(crate) const U1: &str = "US.1";
pub(crate) const U2: &str = "US.2";
pub(crate) const J1: &str = "MTU1NTAxMDAwMDE6MQ==";
pub(crate) const J2: &str = "MTU1NTAxMDAwMDI6MQ==";

pub(crate) fn group_id() -> GroupId {
    GroupId::parse("Y2FwaV9ncm91cDox").unwrap()
}

pub(crate) fn message_id() -> MessageId {
    MessageId::parse("wamid.OUT1").unwrap()
}

pub(crate) fn request_id() -> RequestId {
    RequestId::parse("rq-1").unwrap()
}

pub(crate) fn number_id() -> PhoneNumberId {
    PhoneNumberId::parse("300000000000001").unwrap()
}

pub(crate) fn position(offset: i64) -> Position {
    Position {
        generation: 1,
        offset,
        ..Position::default()
    }
}

/// An event whose id is a hash of what it says, without metadata.
pub(crate) fn event(at: Second, source: Source, about: About) -> Event {
    let mut event = Event {
        id: EventId::default(),
        at,
        source,
        phone_number_id: None,
        waba_id: None,
        about,
    };
    event.id = hash(&event);
    event
}

/// The event with the metadata of the business number.
pub(crate) fn with_metadata(mut event: Event) -> Event {
    event.phone_number_id = Some(number_id());
    event.waba_id = Some("200000000000001".into());
    event.id = hash(&event);
    event
}

/// FNV-1a over the debug text, for tests need no more than that different contents differ.
fn hash(event: &Event) -> EventId {
    let text = format!("{event:?}");
    let fnv = |basis: u64| {
        text.bytes().fold(basis, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&fnv(0xcbf2_9ce4_8422_2325).to_be_bytes());
    id[8..].copy_from_slice(&fnv(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    EventId(id)
}

/// A group event from the source that such events come from.
pub(crate) fn of_group(at: Second, what: GroupEvent) -> Event {
    let source = match &what {
        GroupEvent::Read(_)
        | GroupEvent::JoinRequestsRead { .. }
        | GroupEvent::Listed { .. }
        | GroupEvent::Unknown => Source::Read,
        GroupEvent::JoinRequestsAnswered { .. } | GroupEvent::InviteLinkAnswered { .. } => {
            Source::Command
        }
        GroupEvent::Hinted { .. }
        | GroupEvent::Unlisted
        | GroupEvent::IdentityLinked { .. }
        | GroupEvent::Forgotten { .. }
        | GroupEvent::Erased { .. } => Source::Rollcall,
        GroupEvent::Created(_)
        | GroupEvent::Deleted
        | GroupEvent::ParticipantsAdded { .. }
        | GroupEvent::ParticipantsRemoved { .. }
        | GroupEvent::JoinRequestCreated { .. }
        | GroupEvent::JoinRequestClosed { .. }
        | GroupEvent::SettingsUpdated { .. }
        | GroupEvent::Suspended(_)
        | GroupEvent::MessageReceived { .. } => Source::Webhook,
    };
    event(at, source, About::Group(group_id(), what))
}

pub(crate) fn of_message(at: Second, what: MessageEvent) -> Event {
    event(at, Source::Webhook, About::Message(message_id(), what))
}

pub(crate) fn of_request(at: Second, what: RequestEvent) -> Event {
    event(at, Source::Rollcall, About::Request(request_id(), what))
}

pub(crate) fn of_number(at: Second, what: NumberEvent) -> Event {
    event(at, Source::Rollcall, About::Number(number_id(), what))
}

pub(crate) fn some(text: &str) -> Option<Text> {
    Some(Text::new(text))
}

/// A person named by a number alone.
pub(crate) fn n(wa_id: &str) -> Person {
    Person {
        wa_id: some(wa_id),
        ..Person::default()
    }
}

/// A person named by a user id alone.
pub(crate) fn u(user_id: &str) -> Person {
    Person {
        user_id: some(user_id),
        ..Person::default()
    }
}

/// A person named by both.
pub(crate) fn nu(wa_id: &str, user_id: &str) -> Person {
    Person {
        user_id: some(user_id),
        ..n(wa_id)
    }
}

/// A person named by what the caller had sent.
pub(crate) fn input(input: &str) -> Person {
    Person {
        input: some(input),
        ..Person::default()
    }
}

pub(crate) fn nobody() -> Person {
    Person::default()
}

/// Random numbers of a seed: splitmix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
