//! What stands beside a record: CloudEvents 1.0 in binary mode.
//!
//! Names and most values are static and the rest shares one allocation, for every record carries them.

use bytes::Bytes;
use domain::{event::Event, ids::Second, position::Position};

use crate::{
    change::Change,
    event::ce_type,
    progress::Progress,
    time::rfc3339,
    topics::{self, Topic},
};

/// Names and values: `ce_specversion`, `ce_type`, `ce_source`, `ce_id`, `ce_time`, `content-type`.
pub type Headers = [(&'static str, Bytes); 6];

/// Which service writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// ingest
    Ingest,
    /// projector
    Projector,
    /// reconciler
    Reconciler,
    /// A command that an operator types.
    Operator,
}

impl Origin {
    /// A URI reference, as CloudEvents asks.
    const fn source(self) -> &'static str {
        match self {
            Self::Ingest => "/rollcall/ingest",
            Self::Projector => "/rollcall/projector",
            Self::Reconciler => "/rollcall/reconciler",
            Self::Operator => "/rollcall/operator",
        }
    }
}

/// Of a record of `events.v1` or `receipts.v1`: the id is the event's, the type tells its kind.
pub fn event(origin: Origin, event: &Event) -> Headers {
    let mut varying = Vec::with_capacity(32 + 20);
    hex_into(&event.id.0, &mut varying);
    headers(ce_type(event), origin, varying, event.at)
}

/// Of a state: the id is the record's key and position, `at` the second of the event that changed it.
pub fn state(topic: Topic, key: &[u8], position: &Position, at: Second) -> Headers {
    headers(
        topic.spec().value,
        Origin::Projector,
        versioned(key, position),
        at,
    )
}

/// Of a record of `changes.v1`: the id is the entity's key and version.
pub fn change(change: &Change) -> Headers {
    let key = topics::key(&change.entity());
    headers(
        Topic::Changes.spec().value,
        Origin::Projector,
        versioned(&key, &change.version),
        change.cause.occurred_at,
    )
}

/// Of progress: the id is the record's key, position and time of writing, for idle progress repeats its position.
pub fn progress(topic: Topic, progress: &Progress) -> Headers {
    let mut varying = versioned(
        &topics::progress_key(progress.position.partition),
        &progress.position,
    );
    varying.extend_from_slice(format!("@{}", progress.written_at_ms).as_bytes());
    headers(
        topic.spec().value,
        Origin::Projector,
        varying,
        progress.written_at_ms.div_euclid(1_000),
    )
}

fn versioned(key: &[u8], position: &Position) -> Vec<u8> {
    let mut varying = Vec::with_capacity(key.len() + 64);
    varying.extend_from_slice(key);
    varying.push(b'@');
    varying.extend_from_slice(position.to_string().as_bytes());
    varying
}

/// `varying` is the id; the time is put behind it, and both are slices of the one allocation.
fn headers(kind: &'static str, origin: Origin, mut varying: Vec<u8>, at: Second) -> Headers {
    let length = varying.len();
    // A second that RFC 3339 cannot write is a lie of somebody's clock; the event itself keeps it.
    varying.extend_from_slice(&rfc3339(at).unwrap_or(*b"1970-01-01T00:00:00Z"));
    let varying = Bytes::from(varying);
    [
        ("ce_specversion", Bytes::from_static(b"1.0")),
        ("ce_type", Bytes::from_static(kind.as_bytes())),
        ("ce_source", Bytes::from_static(origin.source().as_bytes())),
        ("ce_id", varying.slice(..length)),
        ("ce_time", varying.slice(length..)),
        ("content-type", Bytes::from_static(b"application/protobuf")),
    ]
}

fn hex_into(bytes: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        into.push(DIGITS[usize::from(byte >> 4)]);
        into.push(DIGITS[usize::from(byte & 15)]);
    }
}
