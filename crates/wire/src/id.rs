//! How an event is named: by what it says, so that a repeated delivery is the same event.

use domain::{
    event::Event,
    ids::{Entity, EventId},
};

use crate::{encode_event, limits::EVENT_ID_BYTES, topics};

/// Tells this use of the hash from any other, and from a later way of naming.
const PURPOSE: &[u8] = b"rollcall.v1.Event";

/// Id of an event of Meta's: the first 16 bytes of BLAKE3 over purpose, content, field, account, number and entity.
///
/// `content` is the item's canonical form, `field` the field of the webhook, `entity` what the event is about: an item that is about
/// two entities makes two events with two ids.
/// Each part is preceded by its length (4 bytes, big-endian), an absent one by `ffffffff` alone, so that no two different lists of
/// parts give the same bytes.
pub fn event_id(
    content: &[u8],
    field: &str,
    waba_id: Option<&str>,
    phone_number_id: Option<&str>,
    entity: &Entity,
) -> EventId {
    let mut framed = Vec::with_capacity(content.len() + 256);
    frame(&mut framed, Some(PURPOSE));
    frame(&mut framed, Some(content));
    frame(&mut framed, Some(field.as_bytes()));
    frame(&mut framed, waba_id.map(str::as_bytes));
    frame(&mut framed, phone_number_id.map(str::as_bytes));
    let (kind, id) = topics::parts(entity);
    frame(&mut framed, Some(kind.as_bytes()));
    frame(&mut framed, Some(id.as_bytes()));
    first_bytes(&framed)
}

/// Names an event of our own: by its encoding without an id, so that the same read made twice is two events only if it says
/// something else or at another second.
pub fn identify(event: &mut Event) {
    event.id = EventId::default();
    let mut encoded = Vec::with_capacity(256);
    encode_event(event, &mut encoded);
    let mut framed = Vec::with_capacity(encoded.len() + 32);
    frame(&mut framed, Some(PURPOSE));
    frame(&mut framed, Some(&encoded));
    event.id = first_bytes(&framed);
}

fn frame(into: &mut Vec<u8>, part: Option<&[u8]>) {
    match part {
        Some(part) => {
            // A part is part of a POST of a few MiB at most.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            into.extend_from_slice(&length.to_be_bytes());
            into.extend_from_slice(part);
        }
        None => into.extend_from_slice(&u32::MAX.to_be_bytes()),
    }
}

fn first_bytes(framed: &[u8]) -> EventId {
    let mut id = [0; EVENT_ID_BYTES];
    for (byte, from) in id.iter_mut().zip(blake3::hash(framed).as_bytes()) {
        *byte = *from;
    }
    EventId(id)
}
