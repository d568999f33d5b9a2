//! Events: the envelope here, each kind by what it is about below.

mod group;
mod message;
mod number;
mod request;

use domain::{
    event::{About, Event, GroupEvent, MessageEvent, NumberEvent, RequestEvent},
    ids::Entity,
};
use prost::Message as _;

pub(crate) use number::{list_pass, write_list_pass};
pub(crate) use request::{
    answer, failure, particulars, write_answer, write_failure, write_particulars,
};

use crate::{
    enums::Word,
    error::{Decoded, Error, Stop, decoded, invalid},
    person::{event_id, id_opt, text_opt},
    proto,
    writer::Writer,
};

/// Appends an event as a `rollcall.v1.Event`.
pub fn encode_event(event: &Event, into: &mut Vec<u8>) {
    let Event {
        id,
        at,
        source,
        phone_number_id,
        waba_id,
        about,
    } = event;
    let w = &mut Writer::new(into);
    w.bytes(1, &id.0);
    let (kind, id) = match about {
        About::Group(id, _) => ("g/", id.as_str()),
        About::Message(id, _) => ("m/", id.as_str()),
        About::Number(id, _) => ("n/", id.as_str()),
        About::Request(id, _) => ("r/", id.as_str()),
    };
    w.joined(2, kind, id);
    w.int(3, *at);
    w.uint(4, source.number());
    w.text_opt(5, phone_number_id.as_ref().map(|id| id.as_str()));
    w.text_opt(6, waba_id.as_deref());
    match about {
        About::Group(_, event) => group::write(w, event),
        About::Message(_, event) => message::write(w, event),
        About::Number(_, event) => number::write(w, event),
        About::Request(_, event) => request::write(w, event),
    }
}

/// Reads a `rollcall.v1.Event`.
pub fn decode_event(bytes: &[u8]) -> Result<Decoded<Event>, Error> {
    decoded(read(proto::Event::decode(bytes)?))
}

fn read(event: proto::Event) -> Result<Event, Stop> {
    let proto::Event {
        event_id: id,
        entity,
        occurred_at,
        source,
        phone_number_id,
        waba_id,
        kind,
    } = event;
    let kind = kind.ok_or(Stop::Unknown {
        field: "Event.kind",
    })?;
    if entity.is_empty() {
        return Err(Error::Missing {
            field: "Event.entity",
        }
        .into());
    }
    let entity = Entity::from_key(&entity).ok_or(invalid("Event.entity"))?;
    let about = match entity {
        Entity::Group(id) => About::Group(id, group::read(kind)?),
        Entity::Message(id) => About::Message(id, message::read(kind)?),
        Entity::Number(id) => About::Number(id, number::read(kind)?),
        Entity::Request(id) => About::Request(id, request::read(kind)?),
    };
    Ok(Event {
        id: event_id(&id, "Event.event_id")?,
        at: occurred_at,
        source: Word::read(source, "Event.source")?,
        phone_number_id: id_opt(phone_number_id, "Event.phone_number_id")?,
        waba_id: text_opt(waba_id),
        about,
    })
}

/// Name of an event's kind, as its message in `proto/` is called: a closed set, fit for a label of a metric.
pub fn event_kind(event: &Event) -> &'static str {
    let full = ce_type(event);
    full.rsplit_once('.').map_or(full, |(_, name)| name)
}

/// Full name of the message of an event's kind.
pub(crate) fn ce_type(event: &Event) -> &'static str {
    match &event.about {
        About::Group(_, event) => match event {
            GroupEvent::Created(_) => "rollcall.v1.GroupCreated",
            GroupEvent::Deleted => "rollcall.v1.GroupDeleted",
            GroupEvent::ParticipantsAdded { .. } => "rollcall.v1.ParticipantsAdded",
            GroupEvent::ParticipantsRemoved { .. } => "rollcall.v1.ParticipantsRemoved",
            GroupEvent::JoinRequestCreated { .. } => "rollcall.v1.JoinRequestCreated",
            GroupEvent::JoinRequestClosed { .. } => "rollcall.v1.JoinRequestClosed",
            GroupEvent::SettingsUpdated { .. } => "rollcall.v1.SettingsUpdated",
            GroupEvent::Suspended(_) => "rollcall.v1.SuspensionChanged",
            GroupEvent::MessageReceived { .. } => "rollcall.v1.MessageReceived",
            GroupEvent::Hinted { .. } => "rollcall.v1.GroupHinted",
            GroupEvent::Read(_) => "rollcall.v1.GroupRead",
            GroupEvent::JoinRequestsRead { .. } => "rollcall.v1.JoinRequestsRead",
            GroupEvent::Listed { .. } => "rollcall.v1.GroupListed",
            GroupEvent::Unknown => "rollcall.v1.GroupUnknown",
            GroupEvent::Unlisted => "rollcall.v1.GroupUnlisted",
            GroupEvent::IdentityLinked { .. } => "rollcall.v1.IdentityLinked",
            GroupEvent::JoinRequestsAnswered { .. } => "rollcall.v1.JoinRequestsAnswered",
            GroupEvent::InviteLinkAnswered { .. } => "rollcall.v1.InviteLinkAnswered",
            GroupEvent::Forgotten { .. } => "rollcall.v1.GroupForgotten",
            GroupEvent::Erased { .. } => "rollcall.v1.PersonErased",
        },
        About::Message(_, MessageEvent::Status(_)) => "rollcall.v1.MessageStatus",
        About::Request(_, event) => match event {
            RequestEvent::Intended { .. } => "rollcall.v1.RequestIntended",
            RequestEvent::Answered { .. } => "rollcall.v1.RequestAnswered",
            RequestEvent::Completed { .. } => "rollcall.v1.RequestCompleted",
        },
        About::Number(_, event) => match event {
            NumberEvent::IdentityChanged { .. } => "rollcall.v1.IdentityChanged",
            NumberEvent::ListPassed(_) => "rollcall.v1.ListPassed",
            NumberEvent::Held { .. } => "rollcall.v1.NumberHeld",
            NumberEvent::Released { .. } => "rollcall.v1.NumberReleased",
            NumberEvent::Paused(_) => "rollcall.v1.NumberPaused",
            NumberEvent::Counted(_) => "rollcall.v1.NumberCounted",
            NumberEvent::PassAsked { .. } => "rollcall.v1.NumberPassAsked",
        },
    }
}
