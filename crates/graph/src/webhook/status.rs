//! Statuses of messages that were sent to groups.

use super::{
    Dropped, ItemError, MessagesItem, Person, Text,
    item::Contacts,
    person::Input,
    read::{self, Refusal},
};
use crate::json::Value;

/// `status`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StatusKind<'a> {
    /// Meta has it; about the message, or about one participant.
    Sent,
    /// On a participant's device; skipped when read at once.
    Delivered,
    /// Read by a participant.
    Read,
    /// A voice message was played.
    Played,
    /// Not sent.
    Failed,
    /// Any other.
    Unknown(Text<'a>),
}

impl StatusKind<'_> {
    /// Meta's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
            Self::Unknown(word) => word,
        }
    }
}

/// What a delivery costs, in Meta's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pricing<'a> {
    /// Whether it is charged; to be dropped by Meta.
    pub billable: Option<bool>,
    /// `PMP` (per message), once `CBP`.
    pub pricing_model: Option<Text<'a>>,
    /// `type`: `regular`, `free_group_customer_service`, …
    pub kind: Option<Text<'a>>,
    /// `group_utility`, …; may come without the prefix.
    pub category: Option<Text<'a>>,
    /// As `paid_exempt`.
    pub subtype: Option<Text<'a>>,
}

/// One status of one message to a group, for one participant or for the message.
///
/// Several in one webhook are several of these. Source: Meta "Status messages webhook", "Webhooks for Groups API".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status<'a> {
    /// Meta's id of the message, `wamid.…`.
    pub id: Text<'a>,
    /// What happened.
    pub status: StatusKind<'a>,
    /// Second it happened.
    pub timestamp: Option<i64>,
    /// The group: `group_id`, or `recipient_id` where that names a group.
    pub group_id: Option<Text<'a>>,
    /// The participant, with what the person's own entry of `contacts[]` adds; empty for a status of the message.
    pub recipient: Person<'a>,
    /// Why it failed.
    pub errors: Vec<ItemError<'a>>,
    /// What it costs; stands on the status or in its `conversation`.
    pub pricing: Option<Pricing<'a>>,
    /// `conversation.origin.type`: may have the `group_` prefix that the category lacks.
    pub origin: Option<Text<'a>>,
}

/// What stands in an element of `statuses[]`, before it is settled who `recipient_id` is.
#[derive(Default)]
struct Given<'a> {
    id: Option<Text<'a>>,
    status: Option<Text<'a>>,
    timestamp: Option<i64>,
    group_id: Option<Text<'a>>,
    recipient_type: Option<Text<'a>>,
    recipient_id: Option<Text<'a>>,
    recipient: Person<'a>,
    participant: Person<'a>,
    errors: Vec<ItemError<'a>>,
    pricing: Option<Pricing<'a>>,
    nested_pricing: Option<Pricing<'a>>,
    origin: Option<Text<'a>>,
}

/// Reads an element of `statuses[]`.
pub(super) fn parse<'a>(
    value: Value<'a>,
    contacts: &Contacts<'a>,
) -> Result<MessagesItem<'a>, Refusal> {
    let members = read::object(value)?;
    let group = members.clone().any(|(key, value)| match &*key {
        "recipient_type" => value.text().as_deref() == Some("group"),
        "group_id" => !matches!(read::ident(value), Ok(None)),
        key => key.contains("participant") && !matches!(read::ident(value), Ok(None)),
    });
    if !group {
        return Ok(MessagesItem::Dropped(Dropped::OneToOneStatus));
    }
    value.inspect()?;
    let mut given = Given::default();
    for (key, value) in members {
        given
            .set(&key, value)
            .map_err(|refusal| refusal.under(&key))?;
    }
    let mut status = given.settle()?;
    if let Some(own) = contacts.of(&status.recipient) {
        status.recipient.complete(own);
    }
    Ok(MessagesItem::Status(Box::new(status)))
}

impl<'a> Given<'a> {
    fn set(&mut self, key: &str, value: Value<'a>) -> Result<(), Refusal> {
        match key {
            "id" => self.id = read::ident(value)?,
            "status" => self.status = read::ident(value)?,
            "timestamp" => self.timestamp = read::seconds(value)?,
            "group_id" => self.group_id = read::ident(value)?,
            "recipient_type" => self.recipient_type = read::ident(value)?,
            "recipient_id" => self.recipient_id = read::ident(value)?,
            "recipient_user_id" => self.recipient.user_id = read::ident(value)?,
            "recipient_parent_user_id" | "parent_recipient_user_id" => {
                self.recipient.parent_user_id = read::ident(value)?;
            }
            "recipient_participant_id" | "participant_recipient_id" => {
                self.participant.set_number(value)?
            }
            "recipient_participant_user_id" | "participant_recipient_user_id" => {
                self.participant.user_id =
                    read::ident(value)?.or_else(|| self.participant.user_id.take());
            }
            "recipient_participant_parent_user_id" | "participant_recipient_parent_user_id" => {
                self.participant.parent_user_id = read::ident(value)?;
            }
            "errors" => self.errors = read::errors(value)?,
            "pricing" => self.pricing = pricing(value)?,
            "conversation" => {
                for (key, value) in read::object_or_null(value)? {
                    self.set_conversation(&key, value)
                        .map_err(|refusal| refusal.under(&key))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn set_conversation(&mut self, key: &str, value: Value<'a>) -> Result<(), Refusal> {
        match key {
            "pricing" => self.nested_pricing = pricing(value)?,
            "origin" => {
                for (key, value) in read::object_or_null(value)? {
                    if key == "type" {
                        self.origin = read::ident(value).map_err(|refusal| refusal.under(&key))?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Decides which of group and person `recipient_id` names.
    fn settle(self) -> Result<Status<'a>, Refusal> {
        let is_group = self.recipient_type.as_deref() == Some("group");
        let mut recipient = self.participant;
        let mut group_id = self.group_id;
        match (self.recipient_id, &group_id) {
            (Some(id), None) if is_group => group_id = Some(id),
            (Some(id), Some(group)) if is_group || id == *group => {}
            // Without a type it is the person where the group is named apart, and for the rest what it looks like.
            (Some(id), _) => match Input::read(id.clone()) {
                Input::Phone(number)
                    if recipient.wa_id.is_none() && recipient.user_id.is_none() =>
                {
                    recipient.wa_id = Some(number);
                }
                Input::UserId(user) if recipient.user_id.is_none() => {
                    recipient.user_id = Some(user)
                }
                Input::Unreadable if group_id.is_none() => group_id = Some(id),
                Input::Phone(_) | Input::UserId(_) | Input::ParentUserId(_) | Input::Unreadable => {
                }
            },
            (None, _) => {}
        }
        if !is_group {
            recipient.complete(&self.recipient);
        }
        let status = match self.status.ok_or(Refusal::Missing { path: "status" })? {
            word if word == "sent" => StatusKind::Sent,
            word if word == "delivered" => StatusKind::Delivered,
            word if word == "read" => StatusKind::Read,
            word if word == "played" => StatusKind::Played,
            word if word == "failed" => StatusKind::Failed,
            word => StatusKind::Unknown(word),
        };
        Ok(Status {
            id: self.id.ok_or(Refusal::Missing { path: "id" })?,
            status,
            timestamp: self.timestamp,
            group_id,
            recipient,
            errors: self.errors,
            pricing: self.pricing.or(self.nested_pricing),
            origin: self.origin,
        })
    }
}

fn pricing(value: Value<'_>) -> Result<Option<Pricing<'_>>, Refusal> {
    let mut pricing = Pricing::default();
    for (key, value) in read::object_or_null(value)? {
        set_pricing(&mut pricing, &key, value).map_err(|refusal| refusal.under(&key))?;
    }
    Ok(Some(pricing).filter(|pricing| *pricing != Pricing::default()))
}

fn set_pricing<'a>(pricing: &mut Pricing<'a>, key: &str, value: Value<'a>) -> Result<(), Refusal> {
    match key {
        "billable" => pricing.billable = read::flag(value)?,
        "pricing_model" => pricing.pricing_model = read::ident(value)?,
        "type" => pricing.kind = read::ident(value)?,
        "category" => pricing.category = read::ident(value)?,
        "subtype" => pricing.subtype = read::ident(value)?,
        _ => {}
    }
    Ok(())
}
