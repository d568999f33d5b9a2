//! A crash after any event, and a recovery from the records that were published by then, end as if there had been no crash.

use std::fmt::Debug;

use domain::{
    event::{About, Event, GroupEvent, MessageEvent, Person},
    group::{Applied, FieldChange, Group},
    ids::{GroupId, MessageId, PhoneNumberId, RequestId, Text},
    message::Message,
    number::{self, Number},
    position::{Envelope, Position},
    request::{self, Request},
};
use proptest::{collection::vec, prelude::*};

use super::strategies;
use crate::{
    Error, Record, decode_event, decode_group, decode_message, decode_number, decode_request,
    encode_event, encode_group, encode_message, encode_number, encode_request,
};

/// What a test needs to know of an entity.
trait Entity: Clone + Default + PartialEq + Debug {
    type Change: PartialEq + Debug;
    fn fold(&mut self, event: &Event, position: Position) -> Applied<Self::Change>;
    fn encode(&self, into: &mut Vec<u8>);
    fn decode(bytes: &[u8]) -> Option<Self>;
    fn envelope_mut(&mut self) -> &mut Envelope;
}

fn state<I, S>(record: Result<Record<I, S>, Error>) -> Option<S> {
    match record.unwrap() {
        Record::State(stored) => Some(stored.state),
        Record::Progress(_) | Record::Unknown => None,
    }
}

macro_rules! entity {
    ($state:ty, $change:ty, $id:ty, $encode:ident, $decode:ident) => {
        impl Entity for $state {
            type Change = $change;
            fn fold(&mut self, event: &Event, position: Position) -> Applied<$change> {
                self.apply(&<$id>::parse("one").unwrap(), event, position)
            }
            fn encode(&self, into: &mut Vec<u8>) {
                $encode(&<$id>::parse("one").unwrap(), self, into);
            }
            fn decode(bytes: &[u8]) -> Option<Self> {
                state($decode(bytes))
            }
            fn envelope_mut(&mut self) -> &mut Envelope {
                &mut self.envelope
            }
        }
    };
}

entity!(Group, FieldChange, GroupId, encode_group, decode_group);
entity!(Message, (), MessageId, encode_message, decode_message);
entity!(
    Request,
    request::Field,
    RequestId,
    encode_request,
    decode_request
);
entity!(
    Number,
    number::Field,
    PhoneNumberId,
    encode_number,
    decode_number
);

/// Few names, so that events are about the same persons.
fn meet(person: &mut Person) {
    let names = [
        (&mut person.input, ["1555010001", "US.1", "US.ENT.1"]),
        (&mut person.wa_id, ["1555010001", "1555010002", ""]),
        (&mut person.user_id, ["US.1", "US.2", ""]),
    ];
    for (name, pool) in names {
        if let Some(text) = name {
            *text = Text::new(pool[text.len() % pool.len()]);
        }
    }
}

fn meet_group(event: &mut GroupEvent) {
    match event {
        GroupEvent::Created(created) => created.participants.iter_mut().for_each(meet),
        GroupEvent::ParticipantsAdded { participants }
        | GroupEvent::ParticipantsRemoved { participants } => {
            participants.iter_mut().for_each(meet);
        }
        GroupEvent::JoinRequestCreated { person, .. }
        | GroupEvent::JoinRequestClosed { person, .. }
        | GroupEvent::MessageReceived { sender: person } => meet(person),
        GroupEvent::Read(read) => read.participants.iter_mut().for_each(meet),
        GroupEvent::Forgotten { stamp } => *stamp = second(*stamp),
        GroupEvent::Erased { ids } => *ids = ["1555010001", "US.1"].map(Text::new).to_vec(),
        GroupEvent::Deleted
        | GroupEvent::SettingsUpdated { .. }
        | GroupEvent::Suspended(_)
        | GroupEvent::Hinted { .. }
        | GroupEvent::JoinRequestsRead { .. }
        | GroupEvent::Listed { .. }
        | GroupEvent::Unknown
        | GroupEvent::Unlisted
        | GroupEvent::IdentityLinked { .. }
        | GroupEvent::JoinRequestsAnswered { .. }
        | GroupEvent::InviteLinkAnswered { .. } => {}
    }
}

/// Few seconds, so that they share them; one is so late that links lapse.
fn second(any: i64) -> i64 {
    const SECONDS: [i64; 5] = [0, 1, 2, 3, 8 * 86_400 + 2];
    1_780_000_000 + SECONDS[any.rem_euclid(5) as usize]
}

/// A log of one entity, as it is read from Kafka.
fn log(of: fn(&About) -> bool) -> impl Strategy<Value = Vec<Event>> {
    let one = strategies::event()
        .prop_filter("of this entity", move |event| of(&event.about))
        .prop_map(|mut event| {
            event.at = second(event.at);
            match &mut event.about {
                About::Group(id, what) => {
                    *id = GroupId::parse("one").unwrap();
                    meet_group(what);
                }
                About::Message(id, MessageEvent::Status(status)) => {
                    *id = MessageId::parse("one").unwrap();
                    status.recipient.iter_mut().for_each(meet);
                }
                About::Number(id, _) => *id = PhoneNumberId::parse("one").unwrap(),
                About::Request(id, _) => *id = RequestId::parse("one").unwrap(),
            }
            let mut bytes = Vec::new();
            encode_event(&event, &mut bytes);
            decode_event(&bytes).unwrap().known().unwrap()
        });
    vec(one, 1..14)
}

fn position(place: usize) -> Position {
    Position {
        generation: 1,
        offset: 100 + place as i64,
        ..Position::default()
    }
}

fn fold<S: Entity>(state: &mut S, events: &[Event], from: usize) -> Vec<Applied<S::Change>> {
    (from..)
        .zip(events)
        .map(|(place, event)| state.fold(event, position(place)))
        .collect()
}

fn bytes<S: Entity>(state: &S) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes
}

/// Stops after every event, recovers from the record, reads some of the log again and goes on.
fn check<S: Entity>(events: &[Event], again: usize) -> Result<(), TestCaseError> {
    let mut whole = S::default();
    let told = fold(&mut whole, events, 0);
    let (mut stopped, mut forgotten) = (S::default(), 0);
    for (place, event) in events.iter().enumerate() {
        let before = stopped.clone();
        let applied = stopped.fold(event, position(place));
        if matches!(applied, Applied::Forgotten { .. }) {
            forgotten = place + 1;
        }
        same_bytes_where_same_core(&before, &stopped)?;
        // Nothing is published of what is not known, or no more.
        let recovered = if stopped == S::default() {
            Some(S::default())
        } else {
            S::decode(&bytes(&stopped))
        };
        let Some(mut recovered) = recovered else {
            return Err(TestCaseError::fail("no state"));
        };
        prop_assert_eq!(&recovered, &stopped);
        // What comes again was folded before; never what came before a tombstone, for that is progress by itself.
        let next = place + 1;
        let from = next - again % (next - forgotten + 1);
        for applied in fold(&mut recovered, &events[from..next], from) {
            prop_assert_eq!(applied, Applied::Unchanged);
        }
        prop_assert_eq!(&recovered, &stopped);
        let rest = fold(&mut recovered, &events[next..], next);
        prop_assert_eq!(&rest[..], &told[next..]);
        prop_assert_eq!(bytes(&recovered), bytes(&whole));
    }
    Ok(())
}

/// Two cores are the same if and only if their records are: what is proven of cores in `domain` is so of bytes.
fn same_bytes_where_same_core<S: Entity>(one: &S, two: &S) -> Result<(), TestCaseError> {
    let (mut one, mut two) = (one.clone(), two.clone());
    let envelope = Envelope {
        position: position(0),
        version: None,
    };
    (*one.envelope_mut(), *two.envelope_mut()) = (envelope, envelope);
    prop_assert_eq!(one == two, bytes(&one) == bytes(&two));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_recovered_after_any_event_ends_as_if_nothing_had_happened(
        events in log(|about| matches!(about, About::Group(..))),
        again in any::<usize>(),
    ) {
        check::<Group>(&events, again)?;
    }

    #[test]
    fn a_message_recovered_after_any_event_ends_as_if_nothing_had_happened(
        events in log(|about| matches!(about, About::Message(..))),
        again in any::<usize>(),
    ) {
        check::<Message>(&events, again)?;
    }

    #[test]
    fn a_request_recovered_after_any_event_ends_as_if_nothing_had_happened(
        events in log(|about| matches!(about, About::Request(..))),
        again in any::<usize>(),
    ) {
        check::<Request>(&events, again)?;
    }

    #[test]
    fn a_number_recovered_after_any_event_ends_as_if_nothing_had_happened(
        events in log(|about| matches!(about, About::Number(..))),
        again in any::<usize>(),
    ) {
        check::<Number>(&events, again)?;
    }
}
