//! Events about messages.

use domain::event::{MessageEvent, MessageStatus};

use crate::{
    enums::Word,
    error::{Stop, invalid},
    person::{id_opt, meta_errors, person, pricing, write_meta_error, write_person, write_pricing},
    proto::{self, event::Kind},
    writer::Writer,
};

/// Writes the kind of the envelope.
pub(super) fn write(w: &mut Writer<'_>, event: &MessageEvent) {
    let MessageEvent::Status(MessageStatus {
        status,
        group_id,
        recipient,
        errors,
        pricing,
    }) = event;
    w.message(48, |w| {
        w.uint(1, status.number());
        w.text_opt(2, group_id.as_ref().map(|id| id.as_str()));
        w.message_opt(3, recipient.as_ref(), write_person);
        w.message_each(4, errors, write_meta_error);
        w.message_opt(5, pricing.as_ref(), write_pricing);
    });
}

/// Reads the kind of an envelope that is about a message.
pub(super) fn read(kind: Kind) -> Result<MessageEvent, Stop> {
    let Kind::MessageStatus(proto::MessageStatus {
        status,
        group_id,
        recipient,
        errors,
        pricing: price,
    }) = kind
    else {
        return Err(invalid("Event.entity").into());
    };
    Ok(MessageEvent::Status(MessageStatus {
        status: Word::read(status, "MessageStatus.status")?,
        group_id: id_opt(group_id, "MessageStatus.group_id")?,
        recipient: recipient.map(|recipient| person(Some(recipient))),
        errors: meta_errors(errors),
        pricing: price.map(pricing),
    }))
}
