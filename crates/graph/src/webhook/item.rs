//! One item of a POST, not yet believed.

use std::sync::{Arc, OnceLock};

use super::{
    Contact, Field, GroupItem, MessagesItem, Text, message, person,
    read::{self, Refusal},
    redact, status,
};
use crate::json::{Problem, Value};

/// `metadata` of a webhook: the business number that it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Meta's id of the business number.
    pub phone_number_id: Option<Text<'a>>,
    /// The business number itself.
    pub display_phone_number: Option<Text<'a>>,
}

/// Where in the envelope an item stood, which says what it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// An element of `groups[]`.
    Group,
    /// The whole `value` of a group field without `groups[]`.
    DirectGroup,
    /// An element of `messages[]`.
    Message,
    /// An element of `statuses[]`.
    Status,
    /// The whole `value` of a `messages` field that has neither messages nor statuses.
    Neither,
    /// The whole `value` of an unknown field.
    Value,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// Something happened to a group. The field may be any: see [`GroupItem::agrees`].
    Group(Box<GroupItem<'a>>),
    /// Something of the `messages` field.
    Messages(MessagesItem<'a>),
    /// The field is unknown, and there is no `groups[]` in its value.
    UnknownField,
}

/// One item of a POST with what surrounds it.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// What the webhook is about.
    pub field: Field<'a>,
    /// WhatsApp Business Account: `entry[].id`.
    pub waba_id: Option<Text<'a>>,
    /// The business number.
    pub metadata: Metadata<'a>,
    /// Where it stood.
    pub shape: Shape,
    pub(super) value: Value<'a>,
    pub(super) contacts: Contacts<'a>,
}

impl<'a> Item<'a> {
    /// The item as it stands in the body.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.value.raw()
    }

    /// What may be kept of it where it was not understood: all of an item of the four group fields, so
    /// that it can be read again; of any other its shape and the allow-listed fields (see [`redact()`]),
    /// for it may hold what somebody wrote.
    #[must_use]
    pub fn for_quarantine(&self) -> Text<'a> {
        if self.field.is_group() {
            Text::Borrowed(self.raw())
        } else {
            Text::Owned(redact::item(self.value))
        }
    }

    /// The group that an item names, for one that [`Item::parse`] refuses; `None` if it names two.
    #[must_use]
    pub fn group_id(&self) -> Option<Text<'a>> {
        self.sole("group_id")
    }

    /// The message that an item of the `messages` field names, for one that [`Item::parse`] refuses;
    /// `None` if it names two.
    #[must_use]
    pub fn message_id(&self) -> Option<Text<'a>> {
        match self.shape {
            Shape::Message | Shape::Status => self.sole("id"),
            Shape::Group | Shape::DirectGroup | Shape::Neither | Shape::Value => None,
        }
    }

    fn sole(&self, name: &str) -> Option<Text<'a>> {
        let mut ids = self
            .value
            .members()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| read::ident(value));
        let first = ids.next()?.ok()??;
        ids.all(|id| id.is_ok_and(|id| id.as_ref() == Some(&first)))
            .then_some(first)
    }

    /// The entries of `contacts[]` beside it that can be read.
    #[must_use]
    pub fn contacts(&self) -> &[Contact<'a>] {
        self.contacts.all()
    }

    /// Looks for what JSON allows and we do not trust. [`Item::parse`] does it too.
    ///
    /// # Errors
    ///
    /// The first [`Problem`] met in the order of the text.
    pub fn inspect(&self) -> Result<(), Problem> {
        self.value.inspect()
    }

    /// Reads the item.
    ///
    /// What is one-to-one is recognised before anything else is looked at, so that what people write
    /// to each other never ends in quarantine.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it cannot be trusted or read; other items are not affected.
    pub fn parse(&self) -> Result<Parsed<'a>, Refusal> {
        match self.shape {
            Shape::Group | Shape::DirectGroup => {
                self.value.inspect()?;
                let item = GroupItem::parse(self.value, self.shape == Shape::DirectGroup)?;
                Ok(Parsed::Group(Box::new(item)))
            }
            Shape::Message => message::parse(self.value, &self.contacts).map(Parsed::Messages),
            Shape::Status => status::parse(self.value, &self.contacts).map(Parsed::Messages),
            Shape::Neither => Ok(Parsed::Messages(MessagesItem::Dropped(
                super::Dropped::Neither,
            ))),
            Shape::Value => Ok(Parsed::UnknownField),
        }
    }
}

/// `contacts[]` of a value, shared by its items.
#[derive(Debug, Clone)]
pub(super) struct Contacts<'a>(Option<Arc<Shared<'a>>>);

/// Read when the first item asks for it: one-to-one traffic never does.
#[derive(Debug)]
struct Shared<'a> {
    array: Value<'a>,
    /// How many messages share these contacts.
    messages: usize,
    read: OnceLock<Read<'a>>,
}

#[derive(Debug, Default)]
struct Read<'a> {
    all: Vec<Contact<'a>>,
    /// Places in `all`, in the order of their identifier: a batch may have a thousand.
    by_number: Vec<usize>,
    by_user: Vec<usize>,
}

impl<'a> Read<'a> {
    fn new(array: Value<'a>) -> Self {
        let all: Vec<_> = array.elements().filter_map(person::contact).collect();
        let order = |id: Id| {
            let id = |place: usize| all.get(place).and_then(id);
            let mut places: Vec<usize> = (0..all.len())
                .filter(|place| id(*place).is_some())
                .collect();
            places.sort_by_key(|place| id(*place));
            places
        };
        let (by_number, by_user) = (order(number), order(user));
        Self {
            all,
            by_number,
            by_user,
        }
    }

    fn find(&self, places: &[usize], id: Id, wanted: Option<&str>) -> Option<&Contact<'a>> {
        let wanted = wanted?;
        let at = places.partition_point(|place| self.all.get(*place).and_then(id) < Some(wanted));
        places
            .get(at)
            .and_then(|place| self.all.get(*place))
            .filter(|contact| id(contact) == Some(wanted))
    }
}

impl<'a> Contacts<'a> {
    pub(super) fn new(array: Option<Value<'a>>, messages: usize) -> Self {
        Self(array.map(|array| {
            Arc::new(Shared {
                array,
                messages,
                read: OnceLock::new(),
            })
        }))
    }

    fn read(&self) -> Option<(&Read<'a>, usize)> {
        let shared = self.0.as_ref()?;
        Some((
            shared.read.get_or_init(|| Read::new(shared.array)),
            shared.messages,
        ))
    }

    fn all(&self) -> &[Contact<'a>] {
        self.read().map_or(&[], |(read, _)| &read.all)
    }

    /// The entry that names the same person. Matched by identifier, never by place: Meta may batch a retry differently.
    pub(super) fn of(&self, person: &super::Person<'a>) -> Option<&Contact<'a>> {
        if person.is_empty() {
            return None;
        }
        let (read, _) = self.read()?;
        read.find(&read.by_user, user, person.user_id.as_deref())
            .or_else(|| read.find(&read.by_number, number, person.wa_id.as_deref()))
            .filter(|contact| person.is_same(contact))
    }

    /// The only entry beside the only message: `contacts[0]` is the sender, says Meta.
    pub(super) fn of_only_message(&self) -> Option<&Contact<'a>> {
        match self.read()? {
            (Read { all, .. }, 1) => all.first().filter(|_| all.len() == 1),
            _ => None,
        }
    }
}

/// Reads one identifier of a contact.
type Id = for<'c, 'b> fn(&'c Contact<'b>) -> Option<&'c str>;

fn number<'c>(contact: &'c Contact<'_>) -> Option<&'c str> {
    contact.wa_id.as_deref()
}

fn user<'c>(contact: &'c Contact<'_>) -> Option<&'c str> {
    contact.user_id.as_deref()
}
