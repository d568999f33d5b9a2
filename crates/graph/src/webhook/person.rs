//! People, as the many places of a webhook name them.

use super::{
    ItemError, Text,
    read::{self, Refusal},
};
use crate::json::Value;

/// Longest second part of a BSUID, in characters (Meta "Business-scoped user IDs").
const BSUID_CHARS_MAX: usize = 128;

/// Identifiers and label of one person; what is absent was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Person<'a> {
    /// Phone number as WhatsApp knows it, digits only.
    pub wa_id: Option<Text<'a>>,
    /// Business-scoped user id (BSUID), as `US.10000000000000000042`.
    pub user_id: Option<Text<'a>>,
    /// BSUID of the parent business, as `US.ENT.1`; no identifier by itself.
    pub parent_user_id: Option<Text<'a>>,
    /// Name chosen by the person, without `@`; changes freely.
    pub username: Option<Text<'a>>,
}

/// An entry of `contacts[]`, without the name in it.
pub type Contact<'a> = Person<'a>;

impl<'a> Person<'a> {
    /// Whether nothing was given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.wa_id.is_none()
            && self.user_id.is_none()
            && self.parent_user_id.is_none()
            && self.username.is_none()
    }

    /// The same, no longer borrowed from a body.
    #[must_use]
    pub fn into_owned(self) -> Person<'static> {
        let own = |text: Option<Text<'a>>| text.map(|text| Text::Owned(text.into_owned()));
        Person {
            wa_id: own(self.wa_id),
            user_id: own(self.user_id),
            parent_user_id: own(self.parent_user_id),
            username: own(self.username),
        }
    }

    /// Reads a member of an object if it is one of a person's.
    pub(crate) fn set(&mut self, key: &str, value: Value<'a>) -> Result<bool, Refusal> {
        match key {
            "wa_id" => self.set_number(value)?,
            "user_id" => self.user_id = read::ident(value)?.or_else(|| self.user_id.take()),
            "parent_user_id" => self.parent_user_id = read::ident(value)?,
            "username" => self.username = username(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads a value that is documented as a phone number. One that has the form of a BSUID is taken
    /// as that: its digits are nobody's phone number.
    pub(super) fn set_number(&mut self, value: Value<'a>) -> Result<(), Refusal> {
        let Some(text) = read::ident(value)? else {
            return Ok(());
        };
        match Input::read(text) {
            Input::Phone(number) => self.wa_id = Some(number),
            Input::UserId(id) => self.user_id = self.user_id.take().or(Some(id)),
            Input::ParentUserId(id) => {
                self.parent_user_id = self.parent_user_id.take().or(Some(id))
            }
            Input::Unreadable => return Err(Refusal::wrong("a phone number")),
        }
        Ok(())
    }

    /// Takes what is missing from another mention of the same person.
    pub(super) fn complete(&mut self, other: &Self) {
        let fill = |mine: &mut Option<Text<'a>>, theirs: &Option<Text<'a>>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut self.wa_id, &other.wa_id);
        fill(&mut self.user_id, &other.user_id);
        fill(&mut self.parent_user_id, &other.parent_user_id);
        fill(&mut self.username, &other.username);
    }

    /// Whether both name the same person: they share an identifier and contradict each other in none.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let compare = |a: &Option<Text<'a>>, b: &Option<Text<'a>>| match (a, b) {
            (Some(a), Some(b)) => Some(a == b),
            (None, _) | (_, None) => None,
        };
        match (
            compare(&self.wa_id, &other.wa_id),
            compare(&self.user_id, &other.user_id),
        ) {
            (Some(number), Some(user)) => number && user,
            (Some(same), None) | (None, Some(same)) => same,
            (None, None) => false,
        }
    }
}

fn username(value: Value<'_>) -> Result<Option<Text<'_>>, Refusal> {
    let Some(text) = read::ident(value)? else {
        return Ok(None);
    };
    let text = match text {
        Text::Borrowed(text) => Text::Borrowed(text.strip_prefix('@').unwrap_or(text)),
        Text::Owned(text) => Text::Owned(text.strip_prefix('@').map(str::to_owned).unwrap_or(text)),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// `input` of a participant: what the caller of the API had sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input<'a> {
    /// A phone number, reduced to its digits; need not be the person's `wa_id`.
    Phone(Text<'a>),
    /// A BSUID.
    UserId(Text<'a>),
    /// A parent BSUID.
    ParentUserId(Text<'a>),
    /// Something else.
    Unreadable,
}

impl<'a> Input<'a> {
    pub(crate) fn read(text: Text<'a>) -> Self {
        match bsuid(&text) {
            Some(Bsuid::User) => Self::UserId(text),
            Some(Bsuid::Parent) => Self::ParentUserId(text),
            None => digits(text).map_or(Self::Unreadable, Self::Phone),
        }
    }
}

pub(super) enum Bsuid {
    User,
    Parent,
}

/// Whether a text has the form of a BSUID: `CC.<up to 128 alphanumerics>`, or `CC.ENT.<…>` of a parent.
pub(super) fn bsuid(text: &str) -> Option<Bsuid> {
    let (country, id) = text.split_once('.')?;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let (kind, id) = id
        .strip_prefix("ENT.")
        .map_or((Bsuid::User, id), |id| (Bsuid::Parent, id));
    let fits = (1..=BSUID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(kind)
}

/// A phone number's digits; `None` if there are none or the text holds more than people write around a number.
fn digits(text: Text<'_>) -> Option<Text<'_>> {
    if read::is_digits(&text) {
        return Some(text);
    }
    // Some clients write a number as an address: `15550100042@c.us`.
    let number = text.split_once('@').map_or(&*text, |(number, _)| number);
    let plain = number
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-().".contains(c));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (plain && !digits.is_empty()).then_some(Text::Owned(digits))
}

/// One entry of `added_participants[]`, `removed_participants[]` or `failed_participants[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Participant<'a> {
    /// What the caller of the API had sent, echoed.
    pub input: Option<Input<'a>>,
    /// Who it is, as WhatsApp says.
    pub person: Person<'a>,
    /// Why it failed for this participant.
    pub errors: Vec<ItemError<'a>>,
}

impl<'a> Participant<'a> {
    pub(super) fn read(value: Value<'a>) -> Result<Self, Refusal> {
        let mut participant = Self::default();
        for (key, value) in read::object(value)? {
            participant
                .set(&key, value)
                .map_err(|refusal| refusal.under(&key))?;
        }
        Ok(participant)
    }

    fn set(&mut self, key: &str, value: Value<'a>) -> Result<(), Refusal> {
        match key {
            "input" => self.input = read::ident(value)?.map(Input::read),
            "errors" => self.errors = read::errors(value)?,
            _ => {
                self.person.set(key, value)?;
            }
        }
        Ok(())
    }
}

/// Reads an entry of `contacts[]`; `None` if it is not one to trust.
pub(super) fn contact(value: Value<'_>) -> Option<Contact<'_>> {
    value.inspect().ok()?;
    let mut contact = Contact::default();
    for (key, value) in value.members() {
        contact.set(&key, value).ok()?;
        if key == "profile"
            && let Some(name) = value.get("username")
        {
            contact.username = username(name).ok()?.or(contact.username);
        }
    }
    (!contact.is_empty()).then_some(contact)
}
