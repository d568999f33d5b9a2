//! Records of the state topics: a state, or progress.

mod group;
mod message;
mod number;
mod request;

use domain::position::Envelope;
use prost::Message as _;

pub use group::{decode_group, encode_group};
pub use message::{decode_message, encode_message};
pub use number::{decode_number, encode_number};
pub use request::{decode_request, encode_request};

use crate::{error::Error, position::envelope, progress::Progress, proto, writer::Writer};

#[cfg(test)]
pub(crate) use group::{decode_any, read_ours};
pub(crate) use number::{identity_change, write_identity_change};

/// A value of a state topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<I, S> {
    /// A state.
    State(Stored<I, S>),
    /// Progress of the partition.
    Progress(Progress),
    /// Something newer than this reader: count it and go on.
    Unknown,
}

/// A state as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<I, S> {
    /// Number of the fold that made it.
    /// Above [`domain::limits::FOLD`] the state holds what this reader understood: serve it, and do not fold on.
    pub fold: u32,
    /// What it is the state of.
    pub id: I,
    /// The state.
    pub state: S,
}

/// What can be told of a state without reading all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the fold that made it.
    pub fold: u32,
    /// How it stands to the log.
    pub envelope: Envelope,
}

/// Reads the head of a record of whichever state topic; `None` if it is progress, or newer than this reader.
pub fn peek(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let RecordHead { state } = RecordHead::decode(bytes)?;
    let Some(StateHead {
        fold,
        position,
        version,
    }) = state
    else {
        return Ok(None);
    };
    Ok(Some(Head {
        fold,
        envelope: envelope(position, version)?,
    }))
}

/// What all records of state topics have in common: the number of the field that a state stands in.
#[derive(Clone, PartialEq, prost::Message)]
struct RecordHead {
    #[prost(message, optional, tag = "1")]
    state: Option<StateHead>,
}

/// What all states have in common.
#[derive(Clone, PartialEq, prost::Message)]
struct StateHead {
    #[prost(uint32, tag = "1")]
    fold: u32,
    #[prost(message, optional, tag = "3")]
    position: Option<proto::Position>,
    #[prost(message, optional, tag = "4")]
    version: Option<proto::Position>,
}

/// Appends a record with a state: what all states begin with, then what `write` adds.
fn write_state(
    into: &mut Vec<u8>,
    id: &str,
    envelope: &Envelope,
    write: impl FnOnce(&mut Writer<'_>),
) {
    Writer::new(into).message(1, |w| {
        w.uint(1, domain::limits::FOLD.into());
        w.text(2, id);
        crate::position::write_envelope(w, envelope);
        write(w);
    });
}
