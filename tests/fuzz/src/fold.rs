//! A state of any bytes, and events of any bytes folded into it.

use domain::{
    event::{About, Event},
    group::Group,
    message::Message,
    number::Number,
    position::Position,
    request::Request,
};
use wire::{
    Decoded, Error, Record, decode_event, decode_group, decode_message, decode_number,
    decode_request, encode_group, encode_message, encode_number, encode_request,
};

/// Lengths of the parts come before them, as two bytes, big endian.
fn parts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let at = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, rest) = rest.split_at(at);
        bytes = rest;
        Some(part)
    })
}

/// Reads the first part as a state, and folds the others into it as events, each twice: once as it comes,
/// and once more at the next offset.
///
/// # Panics
///
/// Where the fold does, or where the state that came of it does not read as what it was written as, and shows another view.
pub fn fold(bytes: &[u8]) {
    let mut parts = parts(bytes);
    let state = parts.next().unwrap_or_default();
    let events = parts.filter_map(|part| match decode_event(part) {
        Ok(Decoded::Known(event)) => Some(event),
        Ok(_) | Err(_) => None,
    });
    let events: Vec<Event> = events.take(8).collect();
    let Some(first) = events.first() else {
        return;
    };
    match &first.about {
        About::Group(id, _) => {
            let mut group: Group = read(decode_group, state).unwrap_or_default();
            for (event, position) in twice(&events) {
                group.apply(id, event, position);
            }
            let again = again(id, &group, encode_group, decode_group);
            assert_eq!(again.core, group.core);
            assert_eq!(again.view(), group.view(), "the view is of the core alone");
        }
        About::Message(id, _) => {
            let mut message: Message = read(decode_message, state).unwrap_or_default();
            for (event, position) in twice(&events) {
                message.apply(id, event, position);
            }
            let again = again(id, &message, encode_message, decode_message);
            assert_eq!(again.core, message.core);
        }
        About::Number(id, _) => {
            let mut number: Number = read(decode_number, state).unwrap_or_default();
            for (event, position) in twice(&events) {
                number.apply(id, event, position);
            }
            let again = again(id, &number, encode_number, decode_number);
            assert_eq!(again.core, number.core);
        }
        About::Request(id, _) => {
            let mut request: Request = read(decode_request, state).unwrap_or_default();
            for (event, position) in twice(&events) {
                request.apply(id, event, position);
            }
            let again = again(id, &request, encode_request, decode_request);
            assert_eq!(again.core, request.core);
        }
    }
}

type Decode<I, S> = fn(&[u8]) -> Result<Record<I, S>, Error>;

fn read<I, S>(decode: Decode<I, S>, bytes: &[u8]) -> Option<S> {
    match decode(bytes) {
        Ok(Record::State(stored)) => Some(stored.state),
        Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
    }
}

/// What a state reads as once it is written.
fn again<I, S>(id: &I, state: &S, encode: fn(&I, &S, &mut Vec<u8>), decode: Decode<I, S>) -> S {
    let mut bytes = Vec::new();
    encode(id, state, &mut bytes);
    let Some(state) = read(decode, &bytes) else {
        panic!("a folded state does not read");
    };
    state
}

/// Each event and its duplicate, at positions after any state's.
fn twice(events: &[Event]) -> impl Iterator<Item = (&Event, Position)> {
    let each = events.iter().flat_map(|event| [event, event]);
    each.zip(0..).map(|(event, offset)| {
        let position = Position {
            generation: u32::MAX,
            offset,
            ..Position::default()
        };
        (event, position)
    })
}
