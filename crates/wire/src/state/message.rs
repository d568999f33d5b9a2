//! Records of `messages.v1`.

use domain::{
    ids::{MessageId, PersonId, Text},
    message::{Core, Failure, Message, Pricing, Recipient},
    register::{Doubt, Latest},
};
use prost::Message as _;

use super::{Record, Stored, write_state};
use crate::{
    error::Error,
    person::{id, meta_errors, write_meta_error},
    position::envelope,
    progress::progress,
    proto::{self, message_record::Content},
    register::{Leniency, text, text_entry, write_text, write_text_entry},
    writer::Writer,
};

/// Appends a record with the state of a message.
pub fn encode_message(id: &MessageId, message: &Message, into: &mut Vec<u8>) {
    let Message { core, envelope } = message;
    let Core {
        group,
        number,
        sent,
        failed,
        pricing,
        recipients,
        is,
    } = core;
    write_state(into, id.as_str(), envelope, |w| {
        w.message_opt(5, group.as_ref(), write_text);
        w.message_opt(6, number.as_ref(), write_text);
        w.int_opt(7, *sent);
        w.message_opt(8, failed.as_ref(), write_failure);
        w.message_opt(9, priced(pricing), write_pricing);
        w.message_each(10, recipients, write_recipient);
        w.message_each(11, is.iter(), write_text_entry);
    });
}

fn write_recipient(w: &mut Writer<'_>, (id, recipient): &(PersonId, Recipient)) {
    let Recipient {
        sent,
        delivered,
        read,
        played,
        failed,
        pricing,
    } = recipient;
    w.text(1, id);
    w.int_opt(2, *sent);
    w.int_opt(3, *delivered);
    w.int_opt(4, *read);
    w.int_opt(5, *played);
    w.message_opt(6, failed.as_ref(), write_failure);
    w.message_opt(7, priced(pricing), write_pricing);
}

fn write_failure(w: &mut Writer<'_>, failure: &Failure) {
    let Failure { at, errors } = failure;
    w.int(1, *at);
    w.message_each(2, errors, write_meta_error);
}

/// A price of which nothing was said is left out.
fn priced(pricing: &Pricing) -> Option<&Pricing> {
    (*pricing != Pricing::default()).then_some(pricing)
}

fn write_pricing(w: &mut Writer<'_>, pricing: &Pricing) {
    let Pricing {
        category,
        kind,
        model,
        billable,
        origin,
    } = pricing;
    w.message_opt(1, category.as_ref(), write_latest_text);
    w.message_opt(2, kind.as_ref(), write_latest_text);
    w.message_opt(3, model.as_ref(), write_latest_text);
    w.message_opt(4, billable.as_ref(), |w, Latest { at, value }| {
        w.int(1, *at);
        w.flag(2, *value);
    });
    w.message_opt(5, origin.as_ref(), write_latest_text);
}

fn write_latest_text(w: &mut Writer<'_>, latest: &Latest<Text>) {
    let Latest { at, value } = latest;
    w.int(1, *at);
    w.text(2, value);
}

/// Reads a record of `messages.v1`.
pub fn decode_message(bytes: &[u8]) -> Result<Record<MessageId, Message>, Error> {
    let proto::MessageRecord { content } = proto::MessageRecord::decode(bytes)?;
    Ok(match content {
        Some(Content::State(content)) => Record::State(state(content)?),
        Some(Content::Progress(content)) => Record::Progress(progress(content)?),
        None => Record::Unknown,
    })
}

fn state(state: proto::MessageState) -> Result<Stored<MessageId, Message>, Error> {
    let proto::MessageState {
        fold,
        message_id,
        position,
        version,
        group,
        number,
        sent,
        failed,
        pricing,
        recipients,
        is,
    } = state;
    let read = Leniency { fold };
    let mut recipients: Vec<_> = recipients.into_iter().map(read_recipient).collect();
    // The fold searches by order, so order is not left to whoever wrote.
    if !recipients.is_sorted_by(|a, b| a.0 < b.0) {
        recipients.sort_by(|a, b| a.0.cmp(&b.0));
        recipients.dedup_by(|a, b| a.0 == b.0);
    }
    let core = Core {
        group: read.register(group, text)?,
        number: read.register(number, text)?,
        sent,
        failed: failed.map(read_failure),
        pricing: read_pricing(pricing),
        recipients,
        is: read.registers(is, Doubt::Kept, text_entry)?,
    };
    let id = id(&message_id, "MessageState.message_id")?;
    Ok(Stored {
        fold,
        id,
        state: Message {
            core,
            envelope: envelope(position, version)?,
        },
    })
}

fn read_recipient(recipient: proto::RecipientEntry) -> (PersonId, Recipient) {
    let proto::RecipientEntry {
        id,
        sent,
        delivered,
        read,
        played,
        failed,
        pricing,
    } = recipient;
    let failed = failed.map(read_failure);
    (
        id.into(),
        Recipient {
            sent,
            delivered,
            read,
            played,
            failed,
            pricing: read_pricing(pricing),
        },
    )
}

fn read_failure(failure: proto::Failure) -> Failure {
    let proto::Failure { at, errors } = failure;
    Failure {
        at,
        errors: meta_errors(errors),
    }
}

fn read_pricing(pricing: Option<proto::PricingState>) -> Pricing {
    let proto::PricingState {
        category,
        kind,
        model,
        billable,
        origin,
    } = pricing.unwrap_or_default();
    let latest = |latest: Option<proto::LatestText>| {
        latest.map(|proto::LatestText { at, value }| Latest {
            at,
            value: Text::from(value),
        })
    };
    Pricing {
        category: latest(category),
        kind: latest(kind),
        model: latest(model),
        billable: billable.map(|proto::LatestFlag { at, value }| Latest { at, value }),
        origin: latest(origin),
    }
}
