//! Identifiers: parsed once at the edge, never again.

use std::{fmt, marker::PhantomData};

use compact_str::CompactString;

use crate::limits::ID_BYTES_MAX;

#[cfg(test)]
mod tests;

/// Short text: up to 24 bytes are stored inline.
pub type Text = CompactString;

/// A second of Unix time, as Meta stamps events.
pub type Second = i64;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Nothing there.
    #[error("identifier is empty")]
    Empty,
    /// Longer than [`ID_BYTES_MAX`].
    #[error("identifier is longer than {ID_BYTES_MAX} bytes")]
    TooLong,
    /// A control character or white space inside.
    #[error("identifier contains white space or a control character")]
    Character,
}

/// An opaque identifier of one kind of thing.
pub struct Id<K> {
    text: Text,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Checks and takes an identifier as it was given.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::Empty);
        }
        if text.len() > ID_BYTES_MAX {
            return Err(Invalid::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Invalid::Character);
        }
        Ok(Self {
            text: Text::new(text),
            kind: PhantomData,
        })
    }

    /// The identifier as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            kind: PhantomData,
        }
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Marks identifiers of groups.
#[derive(Debug)]
pub enum OfGroup {}
/// Marks identifiers of messages.
#[derive(Debug)]
pub enum OfMessage {}
/// Marks identifiers of requests.
#[derive(Debug)]
pub enum OfRequest {}
/// Marks identifiers of business phone numbers.
#[derive(Debug)]
pub enum OfNumber {}

/// A group, as Meta names it; opaque, though it embeds the business number (reference §6.1).
pub type GroupId = Id<OfGroup>;
/// A message, as Meta names it (`wamid.…`).
pub type MessageId = Id<OfMessage>;
/// A management request: ours (`rq-…`) or Meta's.
pub type RequestId = Id<OfRequest>;
/// A business phone number, as Meta names it (not its digits).
pub type PhoneNumberId = Id<OfNumber>;

/// What an event is about, and with it the key of every record about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// `g/<group_id>`
    Group(GroupId),
    /// `m/<wamid>`
    Message(MessageId),
    /// `n/<phone_number_id>`
    Number(PhoneNumberId),
    /// `r/<request_id>`
    Request(RequestId),
}

impl Entity {
    /// Reads a record key; `None` where it is no entity's (progress is `p/<partition>`).
    pub fn from_key(key: &str) -> Option<Self> {
        let (kind, id) = key.split_once('/')?;
        Some(match kind {
            "g" => Self::Group(GroupId::parse(id).ok()?),
            "m" => Self::Message(MessageId::parse(id).ok()?),
            "n" => Self::Number(PhoneNumberId::parse(id).ok()?),
            "r" => Self::Request(RequestId::parse(id).ok()?),
            _ => return None,
        })
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(f, "g/{id}"),
            Self::Message(id) => write!(f, "m/{id}"),
            Self::Number(id) => write!(f, "n/{id}"),
            Self::Request(id) => write!(f, "r/{id}"),
        }
    }
}

/// Identity of an event: a hash of what it says, so that a repeated delivery is the same event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(pub [u8; 16]);

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An identifier of a person as the fold keys it: a business-scoped user id, else the digits of a phone number.
///
/// The form tells which: digits alone are a number.
pub type PersonId = Text;

/// Is this the digits of a phone number, rather than a business-scoped user id?
pub fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())
}

/// Has this text the form of a business-scoped user id, `CC.…`, and not of a parent's, `CC.ENT.…` (reference §6)?
pub fn is_user_id(text: &str) -> bool {
    country_rest(text).is_some_and(|rest| !rest.starts_with("ENT.") && alphanumeric(rest))
}

/// Has this text the form of a parent's business-scoped user id, `CC.ENT.…`?
pub fn is_parent_user_id(text: &str) -> bool {
    country_rest(text)
        .and_then(|rest| rest.strip_prefix("ENT."))
        .is_some_and(alphanumeric)
}

/// The digits of a text, for numbers written with `+`, spaces or dashes.
pub fn digits(text: &str) -> Text {
    if is_number(text) {
        return Text::new(text);
    }
    text.chars().filter(char::is_ascii_digit).collect()
}

fn country_rest(text: &str) -> Option<&str> {
    let (country, rest) = text.split_once('.')?;
    (country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase())).then_some(rest)
}

fn alphanumeric(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
