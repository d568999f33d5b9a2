//! Incoming messages, of which only who, where and when is read.

use super::{
    Person, Status, System, Text,
    item::Contacts,
    read::{self, Refusal},
    system,
};
use crate::json::Value;

/// One item of the `messages` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessagesItem<'a> {
    /// A message to a group.
    Message(Box<Message<'a>>),
    /// A status of a message to a group.
    Status(Box<Status<'a>>),
    /// A person's identity changed.
    System(Box<System<'a>>),
    /// Not about groups: to be counted, and nothing else.
    Dropped(Dropped),
}

/// What is not about groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// A message to the business alone.
    OneToOneMessage,
    /// A status of a message to one person.
    OneToOneStatus,
    /// A system message that changes no identity.
    OtherSystem,
    /// A value without messages or statuses, as `user_actions`.
    Neither,
}

impl Dropped {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneToOneMessage => "one_to_one_message",
            Self::OneToOneStatus => "one_to_one_status",
            Self::OtherSystem => "other_system",
            Self::Neither => "neither",
        }
    }
}

/// A message that a participant wrote to a group. Never what was written.
///
/// Source: Meta "Group messages webhook".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Meta's id of the message, `wamid.…`.
    pub id: Option<Text<'a>>,
    /// The group it was written to.
    pub group_id: Text<'a>,
    /// Second it was written.
    pub timestamp: Option<i64>,
    /// `type`, as `text`, `image`, `unsupported`.
    pub kind: Option<Text<'a>>,
    /// Who wrote it, with what the person's own entry of `contacts[]` adds.
    pub sender: Person<'a>,
    /// Codes of `errors[]`, of a message that cannot be shown; `None` for an error without a number.
    pub error_codes: Vec<Option<i64>>,
}

/// Reads an element of `messages[]`.
pub(super) fn parse<'a>(
    value: Value<'a>,
    contacts: &Contacts<'a>,
) -> Result<MessagesItem<'a>, Refusal> {
    let members = read::object(value)?;
    // What is of a group or a system message has to be known before anything else is judged.
    let (mut group, mut system) = (false, false);
    for (key, value) in members.clone() {
        match &*key {
            "group_id" => group |= !matches!(read::ident(value), Ok(None)),
            "type" => system |= value.text().as_deref() == Some("system"),
            _ => {}
        }
    }
    if system {
        return system::parse(value);
    }
    if !group {
        return Ok(MessagesItem::Dropped(Dropped::OneToOneMessage));
    }
    value.inspect()?;
    let mut message = Message::default();
    for (key, value) in members {
        message
            .set(&key, value)
            .map_err(|refusal| refusal.under(&key))?;
    }
    let own = if message.sender.is_empty() {
        contacts.of_only_message()
    } else {
        contacts.of(&message.sender)
    };
    if let Some(own) = own {
        message.sender.complete(own);
    }
    Ok(MessagesItem::Message(Box::new(message)))
}

impl<'a> Message<'a> {
    fn set(&mut self, key: &str, value: Value<'a>) -> Result<(), Refusal> {
        match key {
            "id" => self.id = read::ident(value)?,
            "group_id" => self.group_id = read::ident(value)?.unwrap_or_default(),
            "timestamp" => self.timestamp = read::seconds(value)?,
            "type" => self.kind = read::ident(value)?,
            "errors" => {
                self.error_codes = read::errors(value)?
                    .iter()
                    .map(|error| error.code)
                    .collect()
            }
            _ => set_from(&mut self.sender, key, value)?,
        }
        Ok(())
    }
}

/// Reads the fields that name a sender.
pub(super) fn set_from<'a>(
    person: &mut Person<'a>,
    key: &str,
    value: Value<'a>,
) -> Result<(), Refusal> {
    match key {
        "from" => person.set_number(value)?,
        "from_user_id" => person.user_id = read::ident(value)?.or_else(|| person.user_id.take()),
        "from_parent_user_id" => person.parent_user_id = read::ident(value)?,
        _ => {}
    }
    Ok(())
}
