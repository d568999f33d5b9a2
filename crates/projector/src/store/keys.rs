//! Keys of the one tree in which everything lies, so that states and positions are written in one order.
//!
//! A key begins with a [`Kind`]; numbers are never reused.

use bytes::{BufMut, Bytes, BytesMut};
use domain::position::{Position, Stream};

/// What a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The description of the store, and what is being written to it. Lives as long as it.
    Meta = 0,
    /// `kind | entity key`: the state of an entity. Lives as long as its record in the state topic.
    State = 1,
    /// `kind | generation (u32) | partition (u32) | offset of its first change (u64)`, all big endian, so that keys are in the order
    /// of the log: some change records one after another. Lives 30 days.
    History = 2,
    /// `kind | entity key`: where the history of an entity ends that was forgotten. Lives 30 days.
    Ended = 3,
    /// `kind | entity key`: the last record of the entity in its topic is older than its state, a former leader's late write;
    /// whoever leads publishes the state again. Lives until then.
    Stale = 4,
}

/// Key of the description of the store.
pub(crate) const META: &[u8] = &[Kind::Meta as u8];

/// Key of what is being written: beside the description, where nothing else is read often.
pub(crate) const WRITING: &[u8] = &[Kind::Meta as u8, 1];

/// Key of a state, by its record's key.
pub(crate) fn state(record_key: &[u8]) -> Bytes {
    prefixed(Kind::State, record_key)
}

/// Key of the end of an entity's history.
pub(crate) fn ended(record_key: &[u8]) -> Bytes {
    prefixed(Kind::Ended, record_key)
}

/// Key of the note that a state is to be published again.
pub(crate) fn stale(record_key: &[u8]) -> Bytes {
    prefixed(Kind::Stale, record_key)
}

fn prefixed(kind: Kind, rest: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + rest.len());
    key.put_u8(kind as u8);
    key.put_slice(rest);
    key.freeze()
}

/// Key of the chunk of history that begins with the change at `position`.
pub(crate) fn history(position: &Position) -> Bytes {
    let mut key = BytesMut::with_capacity(17);
    key.put_u8(Kind::History as u8);
    key.put_u32(position.generation);
    key.put_u32(position.partition);
    // Offsets of changes are those of events, which are never negative.
    key.put_u64(u64::try_from(position.offset).unwrap_or(0));
    key.freeze()
}

/// The position that a key of history names; `None` where it is none.
pub(crate) fn parse_history(key: &[u8]) -> Option<Position> {
    let (kind, rest) = key.split_first()?;
    if *kind != Kind::History as u8 || rest.len() != 16 {
        return None;
    }
    let (generation, rest) = rest.split_first_chunk::<4>()?;
    let (partition, rest) = rest.split_first_chunk::<4>()?;
    let (offset, _) = rest.split_first_chunk::<8>()?;
    Some(Position {
        stream: Stream::Events,
        generation: u32::from_be_bytes(*generation),
        partition: u32::from_be_bytes(*partition),
        offset: i64::try_from(u64::from_be_bytes(*offset)).ok()?,
    })
}

/// The record's key within the key of a state; `None` where it is another kind.
pub(crate) fn parse_state(key: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = key.split_first()?;
    (*kind == Kind::State as u8).then_some(rest)
}

/// Kinds of entity, as the first bytes of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entities {
    Groups,
    Messages,
    Numbers,
    Requests,
}

impl Entities {
    /// What the keys of their records begin with.
    pub(crate) fn prefix(self) -> &'static [u8] {
        match self {
            Self::Groups => b"g/",
            Self::Messages => b"m/",
            Self::Numbers => b"n/",
            Self::Requests => b"r/",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_history_come_back_and_sort_in_the_order_of_the_log() {
        let at = |generation, partition, offset| Position {
            stream: Stream::Events,
            generation,
            partition,
            offset,
        };
        let ordered = [
            at(1, 0, 0),
            at(1, 0, 255),
            at(1, 0, 256),
            at(1, 1, 0),
            at(2, 0, 3),
        ];
        let keys: Vec<Bytes> = ordered.iter().map(history).collect();
        assert!(keys.is_sorted());
        for (position, key) in ordered.iter().zip(&keys) {
            assert_eq!(parse_history(key), Some(*position));
        }
    }

    #[test]
    fn what_is_no_key_of_history_is_refused() {
        for key in [&b""[..], &[2], &[2, 0, 0], &[1; 17], &[2; 18]] {
            assert_eq!(parse_history(key), None);
        }
        assert_eq!(parse_history(&[255; 17]), None);
    }
}
