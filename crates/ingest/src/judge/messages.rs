//! Items of the `messages` field that concern groups: messages, statuses, identity changes.

use domain::{
    event::{About, GroupEvent, MessageEvent, MessageStatus, NumberEvent, Pricing, Status},
    ids::{Entity, GroupId, MessageId, PersonId, Text, is_parent_user_id},
};
use graph::webhook::{self, Message, MessagesItem, StatusKind, System};

use super::{
    Refused, Scribe, Verdict,
    naming::{self, is_identified},
};
use crate::reason::Reason;

/// What it is, as a word of a closed set.
pub(super) fn kind(item: &MessagesItem<'_>) -> &'static str {
    match item {
        MessagesItem::Message(_) => "message",
        MessagesItem::Status(status) => match &status.status {
            StatusKind::Sent => "status_sent",
            StatusKind::Delivered => "status_delivered",
            StatusKind::Read => "status_read",
            StatusKind::Played => "status_played",
            StatusKind::Failed => "status_failed",
            StatusKind::Unknown(_) => "status_unknown",
        },
        MessagesItem::System(_) => "identity_change",
        MessagesItem::Dropped(dropped) => dropped.as_str(),
    }
}

pub(super) fn judge(scribe: &mut Scribe<'_>, item: &MessagesItem<'_>) -> Result<Verdict, Refused> {
    match item {
        MessagesItem::Message(message) => received(scribe, message)?,
        MessagesItem::Status(item) => status(scribe, item)?,
        MessagesItem::System(system) => identity_changed(scribe, system)?,
        MessagesItem::Dropped(dropped) => return Ok(Verdict::Dropped(*dropped)),
    }
    Ok(Verdict::Asserted)
}

/// Who writes to a group is in it. Nothing else of the message is kept.
fn received(scribe: &mut Scribe<'_>, message: &Message<'_>) -> Result<(), Refused> {
    message.canonical(scribe.canonical);
    let group_id = GroupId::parse(&message.group_id).map_err(|_| Reason::InvalidId)?;
    let at = scribe.second(message.timestamp)?;
    let sender = naming::person(&message.sender);
    if !is_identified(&sender) {
        return Err(Reason::NobodyNamed.into());
    }
    let event = GroupEvent::MessageReceived { sender };
    scribe.add(at, About::Group(group_id, event));
    Ok(())
}

fn status(scribe: &mut Scribe<'_>, item: &webhook::Status<'_>) -> Result<(), Refused> {
    item.canonical(scribe.canonical);
    let id = MessageId::parse(&item.id).map_err(|_| Reason::InvalidId)?;
    let status = match &item.status {
        StatusKind::Sent => Status::Sent,
        StatusKind::Delivered => Status::Delivered,
        StatusKind::Read => Status::Read,
        StatusKind::Played => Status::Played,
        StatusKind::Failed => Status::Failed,
        StatusKind::Unknown(_) => return Err(Reason::UnknownType.into()),
    };
    let at = scribe.second(item.timestamp)?;
    let parse = |id: &webhook::Text<'_>| GroupId::parse(id).map_err(|_| Reason::InvalidId);
    let group_id = item.group_id.as_ref().map(parse).transpose()?;
    let recipient = Some(&item.recipient).filter(|person| !person.is_empty());
    let event = MessageEvent::Status(MessageStatus {
        status,
        group_id,
        recipient: recipient.map(naming::person),
        errors: naming::errors(&item.errors),
        pricing: pricing(item),
    });
    scribe.add(at, About::Message(id, event));
    Ok(())
}

fn pricing(item: &webhook::Status<'_>) -> Option<Pricing> {
    let origin = naming::text(item.origin.as_ref());
    let Some(pricing) = &item.pricing else {
        // An origin alone is no price.
        return None;
    };
    let webhook::Pricing {
        billable,
        pricing_model,
        kind,
        category,
        // Seen once in the wild and in none of Meta's pages; the record has no place for it.
        subtype: _,
    } = pricing;
    Some(Pricing {
        category: naming::text(category.as_ref()),
        kind: naming::text(kind.as_ref()),
        model: naming::text(pricing_model.as_ref()),
        billable: *billable,
        origin,
    })
}

/// A person has other identifiers from now on. It is said of no group, so it is the number's.
fn identity_changed(scribe: &mut Scribe<'_>, system: &System<'_>) -> Result<(), Refused> {
    system.canonical(scribe.canonical);
    let Some(number) = scribe.number.clone() else {
        return Err(Reason::NoNumber.into());
    };
    let refuse = |reason: Reason| Refused {
        entity: Some(Entity::Number(number.clone())),
        ..reason.into()
    };
    let at = scribe.second(system.timestamp).map_err(refuse)?;
    let new = naming::person(&system.new);
    let old = old_ids(system);
    if old.is_empty() || !is_identified(&new) {
        return Err(refuse(Reason::NobodyNamed));
    }
    let event = NumberEvent::IdentityChanged { old, new };
    scribe.add(at, About::Number(number, event));
    Ok(())
}

/// Every former identifier given; a parent's identifies nobody by itself, and what is also new is not former.
fn old_ids(system: &System<'_>) -> Vec<PersonId> {
    let given = [
        system.previous_user_id.as_deref(),
        system.from.user_id.as_deref(),
        system.from.wa_id.as_deref(),
    ];
    let new = [system.new.user_id.as_deref(), system.new.wa_id.as_deref()];
    let mut old: Vec<PersonId> = given
        .into_iter()
        .flatten()
        .filter(|id| !is_parent_user_id(id) && !new.contains(&Some(id)))
        .map(Text::new)
        .collect();
    old.sort_unstable();
    old.dedup();
    old
}
