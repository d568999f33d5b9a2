//! A POST taken apart into items, each level by itself.

use std::fmt;

use super::{Field, Item, Metadata, Shape, Text, item::Contacts, read, redact};
use crate::json::{Document, Kind, NotJson, Value};

/// `object` of every webhook that WhatsApp sends.
const OBJECT: &str = "whatsapp_business_account";

/// The body of a POST, which is JSON.
#[derive(Debug)]
pub enum Post<'a> {
    /// A WhatsApp webhook.
    Envelope(Envelope<'a>),
    /// Something else.
    Foreign(Foreign),
}

/// What may be said about a body that is JSON and no WhatsApp webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// Length in bytes.
    pub size: usize,
    /// Kind of its outermost value.
    pub kind: Kind,
}

/// The body of a WhatsApp webhook; see [`Envelope::pieces`].
#[derive(Debug)]
pub struct Envelope<'a> {
    document: Document<'a>,
}

/// What a POST is made of, in its order.
#[derive(Debug, Clone)]
pub enum Piece<'a> {
    /// One item, to be read by [`Item::parse`].
    Item(Item<'a>),
    /// A part of the envelope, with all that is in it, that is not as an envelope should be.
    Unintelligible(Unintelligible<'a>),
}

/// Levels of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// The whole body.
    Envelope,
    /// One of `entry[]`.
    Entry,
    /// One of `changes[]`.
    Change,
    /// `value` of a change.
    Value,
    /// `metadata` of a value; the items of the value are still read.
    Metadata,
    /// `groups` of a value.
    Groups,
    /// `messages` of a value.
    Messages,
    /// `statuses` of a value.
    Statuses,
}

impl Level {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Entry => "entry",
            Self::Change => "change",
            Self::Value => "value",
            Self::Metadata => "metadata",
            Self::Groups => "groups",
            Self::Messages => "messages",
            Self::Statuses => "statuses",
        }
    }
}

/// What is wrong with a level of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It should be an object.
    NotAnObject,
    /// It should be an array.
    NotAnArray,
    /// It has a key twice.
    DuplicateKey,
    /// It has no `entry` or `changes`, or a change has no `field` or `value`.
    Incomplete,
    /// Its array has no elements.
    Empty,
}

impl Reason {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::NotAnArray => "not_an_array",
            Self::DuplicateKey => "duplicate_key",
            Self::Incomplete => "incomplete",
            Self::Empty => "empty",
        }
    }
}

/// A part of the envelope that could not be taken apart.
#[derive(Debug, Clone)]
pub struct Unintelligible<'a> {
    /// Which part.
    pub level: Level,
    /// What is wrong with it.
    pub reason: Reason,
    /// WhatsApp Business Account, if it could be read.
    pub waba_id: Option<Text<'a>>,
    /// What the webhook is about, if it could be read.
    pub field: Option<Field<'a>>,
    value: Value<'a>,
}

impl fmt::Display for Unintelligible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.level.as_str(), self.reason.as_str())
    }
}

impl<'a> Unintelligible<'a> {
    /// The part as it stands in the body.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.value.raw()
    }

    /// What may be kept of it, as [`Item::for_quarantine`].
    #[must_use]
    pub fn for_quarantine(&self) -> Text<'a> {
        match &self.field {
            Some(field) if field.is_group() => Text::Borrowed(self.raw()),
            Some(_) | None => Text::Owned(redact::outer(self.value)),
        }
    }
}

/// Takes the body of a POST apart.
///
/// # Errors
///
/// [`NotJson`] if the body is not one JSON value in UTF-8. Nothing else is an error.
pub fn split(body: &[u8]) -> Result<Post<'_>, NotJson> {
    let document = Document::parse(body)?;
    let root = document.root();
    let kind = root.kind();
    let ours = root
        .members()
        .any(|(key, value)| key == "object" && value.text().as_deref() == Some(OBJECT));
    Ok(if ours {
        Post::Envelope(Envelope { document })
    } else {
        Post::Foreign(Foreign {
            size: body.len(),
            kind,
        })
    })
}

impl Envelope<'_> {
    /// Items and unintelligible parts in the order of the body.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let mut splitter = Splitter {
            pieces: Vec::new(),
            waba_id: None,
            field: None,
        };
        splitter.envelope(self.document.root());
        splitter.pieces
    }
}

struct Splitter<'a> {
    pieces: Vec<Piece<'a>>,
    waba_id: Option<Text<'a>>,
    field: Option<Field<'a>>,
}

impl<'a> Splitter<'a> {
    fn refuse(&mut self, level: Level, reason: Reason, value: Value<'a>) {
        self.pieces.push(Piece::Unintelligible(Unintelligible {
            level,
            reason,
            waba_id: self.waba_id.clone(),
            field: self.field.clone(),
            value,
        }));
    }

    /// Whether it is an object whose keys can be trusted.
    fn is_object(&mut self, level: Level, value: Value<'a>) -> bool {
        let reason = if value.kind() != Kind::Object {
            Reason::NotAnObject
        } else if value.has_duplicate_keys() {
            Reason::DuplicateKey
        } else {
            return true;
        };
        self.refuse(level, reason, value);
        false
    }

    /// The elements of a member that should be an array.
    fn array(&mut self, level: Level, outer: Value<'a>, name: &str) -> Option<Value<'a>> {
        match outer.get(name) {
            None => self.refuse(level, Reason::Incomplete, outer),
            Some(array) if array.kind() == Kind::Array => return Some(array),
            Some(_) => self.refuse(level, Reason::NotAnArray, outer),
        }
        None
    }

    fn envelope(&mut self, root: Value<'a>) {
        if !self.is_object(Level::Envelope, root) {
            return;
        }
        let Some(entries) = self.array(Level::Envelope, root, "entry") else {
            return;
        };
        for entry in entries.elements() {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: Value<'a>) {
        self.waba_id = None;
        self.field = None;
        if !self.is_object(Level::Entry, entry) {
            return;
        }
        // An id of another type is one not given: what happened is still worth knowing.
        self.waba_id = entry
            .get("id")
            .and_then(|id| read::ident(id).ok())
            .flatten();
        let Some(changes) = self.array(Level::Entry, entry, "changes") else {
            return;
        };
        for change in changes.elements() {
            self.field = None;
            self.change(change);
        }
    }

    fn change(&mut self, change: Value<'a>) {
        if !self.is_object(Level::Change, change) {
            return;
        }
        self.field = change.get("field").and_then(Value::text).map(Field::read);
        let (Some(field), Some(value)) = (self.field.clone(), change.get("value")) else {
            return self.refuse(Level::Change, Reason::Incomplete, change);
        };
        if self.is_object(Level::Value, value) {
            self.value(field, value);
        }
    }

    fn value(&mut self, field: Field<'a>, value: Value<'a>) {
        let mut inside = Inside::default();
        for (key, member) in value.members() {
            match &*key {
                "metadata" => inside.metadata = Some(member),
                "contacts" => inside.contacts = Some(member),
                "groups" => inside.groups = Some(member),
                "messages" if field == Field::Messages => inside.messages = Some(member),
                "statuses" if field == Field::Messages => inside.statuses = Some(member),
                _ => {}
            }
        }
        let metadata = self.metadata(inside.metadata);
        let messages = inside
            .messages
            .map_or(0, |messages| messages.elements().count());
        let template = |shape| Item {
            field: field.clone(),
            waba_id: self.waba_id.clone(),
            metadata: metadata.clone(),
            shape,
            value,
            contacts: Contacts::new(inside.contacts, messages),
        };
        let whole = match (&inside, &field) {
            (
                Inside {
                    groups: None,
                    messages: None,
                    statuses: None,
                    ..
                },
                Field::Messages,
            ) => Some(Shape::Neither),
            (Inside { groups: None, .. }, Field::Unknown(_)) => Some(Shape::Value),
            (Inside { groups: None, .. }, field) if field.is_group() => Some(Shape::DirectGroup),
            _ => None,
        };
        if let Some(shape) = whole {
            let item = template(shape);
            self.pieces.push(Piece::Item(item));
            return;
        }
        let template = template(Shape::Group);
        self.items(Level::Groups, inside.groups, &template, Shape::Group);
        self.items(Level::Messages, inside.messages, &template, Shape::Message);
        self.items(Level::Statuses, inside.statuses, &template, Shape::Status);
    }

    fn items(&mut self, level: Level, array: Option<Value<'a>>, template: &Item<'a>, shape: Shape) {
        let Some(array) = array else { return };
        if array.kind() != Kind::Array {
            return self.refuse(level, Reason::NotAnArray, array);
        }
        if level == Level::Groups && array.elements().next().is_none() {
            return self.refuse(level, Reason::Empty, array);
        }
        self.pieces.extend(array.elements().map(|value| {
            Piece::Item(Item {
                shape,
                value,
                ..template.clone()
            })
        }));
    }

    fn metadata(&mut self, metadata: Option<Value<'a>>) -> Metadata<'a> {
        let Some(metadata) = metadata else {
            return Metadata::default();
        };
        if !self.is_object(Level::Metadata, metadata) {
            return Metadata::default();
        }
        let ident = |name| {
            metadata
                .get(name)
                .and_then(|value| read::ident(value).ok())
                .flatten()
        };
        Metadata {
            phone_number_id: ident("phone_number_id"),
            display_phone_number: ident("display_phone_number"),
        }
    }
}

/// The members of a `value` that are taken apart.
#[derive(Default)]
struct Inside<'a> {
    metadata: Option<Value<'a>>,
    contacts: Option<Value<'a>>,
    groups: Option<Value<'a>>,
    messages: Option<Value<'a>>,
    statuses: Option<Value<'a>>,
}
