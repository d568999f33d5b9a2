//! Which records belong to which input, and states as records.

use domain::{
    ids::Entity,
    limits::FOLD,
    position::{Position, Stream},
};
use wire::{Progress, Record, topics::Topic};

use crate::{cache::State, metrics::Input};

/// The topic of an input.
pub(crate) fn topic_of(input: Input) -> Topic {
    match input {
        Input::Events => Topic::Events,
        Input::Receipts => Topic::Receipts,
    }
}

/// The stream of an input.
pub(crate) fn stream_of(input: Input) -> Stream {
    match input {
        Input::Events => Stream::Events,
        Input::Receipts => Stream::Receipts,
    }
}

/// The state topic that a record's key belongs to.
pub(crate) fn topic_of_key(key: &[u8]) -> Topic {
    match key.first() {
        Some(b'm') => Topic::Messages,
        Some(b'n') => Topic::Numbers,
        Some(b'r') => Topic::Requests,
        Some(_) | None => Topic::Groups,
    }
}

/// A state read back from its record; `None` where it cannot be read, which the checksum makes a fault of ours or of a newer writer.
pub(crate) fn decode_state(key: &[u8], record: &[u8]) -> Option<State> {
    match key.first()? {
        b'g' => match wire::decode_group(record) {
            Ok(Record::State(stored)) => Some(State::Group(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'm' => match wire::decode_message(record) {
            Ok(Record::State(stored)) => Some(State::Message(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'n' => match wire::decode_number(record) {
            Ok(Record::State(stored)) => Some(State::Number(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'r' => match wire::decode_request(record) {
            Ok(Record::State(stored)) => Some(State::Request(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        _ => None,
    }
}

/// Appends the record of a state; its id is in its key.
pub(crate) fn encode_state(key: &[u8], state: &State, into: &mut Vec<u8>) {
    let entity = std::str::from_utf8(key).ok().and_then(Entity::from_key);
    match (entity, state) {
        (Some(Entity::Group(id)), State::Group(state)) => wire::encode_group(&id, state, into),
        (Some(Entity::Message(id)), State::Message(state)) => {
            wire::encode_message(&id, state, into)
        }
        (Some(Entity::Number(id)), State::Number(state)) => wire::encode_number(&id, state, into),
        (Some(Entity::Request(id)), State::Request(state)) => {
            wire::encode_request(&id, state, into)
        }
        // The key was that of the event which made the state.
        (_, State::Group(_) | State::Message(_) | State::Number(_) | State::Request(_)) => {}
    }
}

/// Progress before anything was folded.
pub(crate) fn no_progress(input: Input, partition: u32, partitions: u32) -> Progress {
    Progress {
        position: Position {
            stream: stream_of(input),
            generation: 1,
            partition,
            offset: -1,
        },
        event_id: None,
        log_time_ms: 0,
        partitions,
        gap: None,
        digest: None,
        fold: FOLD,
        written_at_ms: 0,
        changes_next: 0,
    }
}
