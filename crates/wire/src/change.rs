//! Changes: what is newly shown of an entity, and why.

mod group;
mod number;
mod request;

use domain::{
    event::{Event, Source},
    group::FieldChange,
    ids::{Entity, EventId, GroupId, PhoneNumberId, RequestId, Second},
    position::Position,
};
use prost::Message as _;

pub use number::{NumberChange, number_changes};
pub use request::{Completion, RequestAbout, RequestChange, request_changes};

use crate::{
    enums::Word,
    error::{Decoded, Error, Stop, decoded, missing},
    person::{event_id, id, id_opt},
    position::{position, position_opt, write_position},
    proto,
    writer::Writer,
};

/// One change of what is shown of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Position of the event that caused it, and the entity's version from now on.
    pub version: Position,
    /// Version before; `None` where nothing was shown.
    pub previous_version: Option<Position>,
    /// Business number of the entity, if known; after the change, or before it where the entity was dropped.
    pub phone_number_id: Option<PhoneNumberId>,
    /// What caused it.
    pub cause: Cause,
    /// The entity was dropped: its record is a tombstone from now on.
    pub is_forgotten: bool,
    /// The entity, and its fields that changed.
    pub what: Changed,
}

/// The event that caused a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its id.
    pub event_id: EventId,
    /// Who says so.
    pub source: Source,
    /// The second at which it asserts.
    pub occurred_at: Second,
}

impl Cause {
    /// What a change must tell of the event that caused it.
    pub fn of(event: &Event) -> Self {
        Self {
            event_id: event.id,
            source: event.source,
            occurred_at: event.at,
        }
    }
}

/// The entity, and its fields that changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// A group.
    Group {
        /// Which.
        group_id: GroupId,
        /// Its fields.
        fields: Vec<FieldChange>,
    },
    /// A management request.
    Request {
        /// Which.
        request_id: RequestId,
        /// Its parts.
        fields: Vec<RequestChange>,
    },
    /// A business number.
    Number {
        /// Which.
        phone_number_id: PhoneNumberId,
        /// Its parts.
        fields: Vec<NumberChange>,
    },
}

impl Change {
    /// What changed, and the key of the record.
    pub fn entity(&self) -> Entity {
        match &self.what {
            Changed::Group {
                group_id,
                fields: _,
            } => Entity::Group(group_id.clone()),
            Changed::Request {
                request_id,
                fields: _,
            } => Entity::Request(request_id.clone()),
            Changed::Number {
                phone_number_id,
                fields: _,
            } => Entity::Number(phone_number_id.clone()),
        }
    }
}

/// Appends a change as a `rollcall.v1.Change`.
pub fn encode_change(change: &Change, into: &mut Vec<u8>) {
    let Change {
        version,
        previous_version,
        phone_number_id,
        cause,
        is_forgotten,
        what,
    } = change;
    let Cause {
        event_id,
        source,
        occurred_at,
    } = cause;
    let w = &mut Writer::new(into);
    w.message(1, |w| write_position(w, version));
    w.message_opt(2, previous_version.as_ref(), write_position);
    w.text_opt(3, phone_number_id.as_ref().map(|id| id.as_str()));
    w.message(4, |w| {
        w.bytes(1, &event_id.0);
        w.uint(2, source.number());
        w.int(3, *occurred_at);
    });
    w.flag(5, *is_forgotten);
    match what {
        Changed::Group { group_id, fields } => w.message(6, |w| {
            w.text(1, group_id.as_str());
            w.message_each(2, fields, group::write);
        }),
        Changed::Request { request_id, fields } => w.message(7, |w| {
            w.text(1, request_id.as_str());
            w.message_each(2, fields, request::write);
        }),
        Changed::Number {
            phone_number_id,
            fields,
        } => w.message(8, |w| {
            w.text(1, phone_number_id.as_str());
            w.message_each(2, fields, number::write);
        }),
    }
}

/// Reads a `rollcall.v1.Change`.
///
/// Of an entity newer than this reader nothing is told; of a known one, the fields that this reader knows.
pub fn decode_change(bytes: &[u8]) -> Result<Decoded<Change>, Error> {
    decoded(read(proto::Change::decode(bytes)?))
}

fn read(change: proto::Change) -> Result<Change, Stop> {
    let proto::Change {
        version,
        previous_version,
        phone_number_id,
        cause,
        is_forgotten,
        what,
    } = change;
    let proto::Cause {
        event_id: event,
        source,
        occurred_at,
    } = cause.ok_or(missing("Change.cause"))?;
    let what = match what.ok_or(Stop::Unknown {
        field: "Change.what",
    })? {
        proto::change::What::Group(proto::GroupChange { group_id, fields }) => Changed::Group {
            group_id: id(&group_id, "GroupChange.group_id")?,
            fields: known(fields, group::read)?,
        },
        proto::change::What::Request(proto::RequestChange { request_id, parts }) => {
            Changed::Request {
                request_id: id(&request_id, "RequestChange.request_id")?,
                fields: known(parts, request::read)?,
            }
        }
        proto::change::What::Number(proto::NumberChange {
            phone_number_id,
            parts,
        }) => Changed::Number {
            phone_number_id: id(&phone_number_id, "NumberChange.phone_number_id")?,
            fields: known(parts, number::read)?,
        },
    };
    Ok(Change {
        version: position(version, "Change.version")?,
        previous_version: position_opt(previous_version, "Change.previous_version")?,
        phone_number_id: id_opt(phone_number_id, "Change.phone_number_id")?,
        cause: Cause {
            event_id: event_id(&event, "Cause.event_id")?,
            source: Word::read(source, "Cause.source")?,
            occurred_at,
        },
        is_forgotten,
        what,
    })
}

/// Those that this reader knows: what changed of the others it could not show anyway.
fn known<P, T>(fields: Vec<P>, read: impl Fn(P) -> Result<T, Stop>) -> Result<Vec<T>, Error> {
    let mut kept = Vec::with_capacity(fields.len());
    for field in fields {
        match read(field) {
            Ok(field) => kept.push(field),
            Err(Stop::Unknown { field: _ }) => {}
            Err(Stop::Bad(error)) => return Err(error),
        }
    }
    Ok(kept)
}
