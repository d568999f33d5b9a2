//! System messages: a person's identity changed.

use super::{
    Dropped, MessagesItem, Person, Text,
    message::set_from,
    person::{Bsuid, bsuid},
    read::{self, Refusal},
};
use crate::json::Value;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemKind {
    /// `user_changed_number`: the person has another phone number, and with it another BSUID.
    UserChangedNumber,
    /// `user_changed_user_id`: the person has another BSUID.
    UserChangedUserId,
}

impl SystemKind {
    /// Meta's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserChangedNumber => "user_changed_number",
            Self::UserChangedUserId => "user_changed_user_id",
        }
    }
}

/// An identity change.
///
/// Source: Meta "System messages webhook" and "Business-scoped user IDs"; the old identity stands in
/// different places in different samples, and all that are given are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System<'a> {
    /// Meta's id of the message.
    pub id: Option<Text<'a>>,
    /// What changed.
    pub kind: SystemKind,
    /// Second of the change.
    pub timestamp: Option<i64>,
    /// Who it is now.
    pub new: Person<'a>,
    /// BSUID before the change. From the message's text, of which nothing else is read, where neither
    /// `previous_user_id` nor a `from` that differs from the new identity was given.
    pub previous_user_id: Option<Text<'a>>,
    /// Parent BSUID before the change.
    pub previous_parent_user_id: Option<Text<'a>>,
    /// Sender of the system message: who it was, by most samples. What equals the new identity is left out.
    pub from: Person<'a>,
}

/// Reads an element of `messages[]` whose type is `system`.
pub(super) fn parse(value: Value<'_>) -> Result<MessagesItem<'_>, Refusal> {
    let kind = value
        .get("system")
        .and_then(|system| system.get("type"))
        .and_then(Value::text);
    let kind = match kind.as_deref() {
        Some("user_changed_number") => SystemKind::UserChangedNumber,
        Some("user_changed_user_id") => SystemKind::UserChangedUserId,
        _ => return Ok(MessagesItem::Dropped(Dropped::OtherSystem)),
    };
    value.inspect()?;
    let mut system = System {
        id: None,
        kind,
        timestamp: None,
        new: Person::default(),
        previous_user_id: None,
        previous_parent_user_id: None,
        from: Person::default(),
    };
    let mut body = None;
    for (key, value) in value.members() {
        system
            .set(&key, value, &mut body)
            .map_err(|refusal| refusal.under(&key))?;
    }
    system.settle(body);
    Ok(MessagesItem::System(Box::new(system)))
}

impl<'a> System<'a> {
    fn set(
        &mut self,
        key: &str,
        value: Value<'a>,
        body: &mut Option<Text<'a>>,
    ) -> Result<(), Refusal> {
        match key {
            "id" => self.id = read::ident(value)?,
            "timestamp" => self.timestamp = read::seconds(value)?,
            "system" => {
                for (key, value) in read::object(value)? {
                    self.set_inner(&key, value, body)
                        .map_err(|refusal| refusal.under(&key))?;
                }
            }
            _ => set_from(&mut self.from, key, value)?,
        }
        Ok(())
    }

    fn set_inner(
        &mut self,
        key: &str,
        value: Value<'a>,
        body: &mut Option<Text<'a>>,
    ) -> Result<(), Refusal> {
        match key {
            "previous_user_id" => self.previous_user_id = read::ident(value)?,
            "previous_parent_user_id" => self.previous_parent_user_id = read::ident(value)?,
            "body" => *body = value.text(),
            _ => {
                self.new.set(key, value)?;
            }
        }
        Ok(())
    }

    /// Leaves out of `from` what is not old, and looks into the text only where nothing else tells.
    fn settle(&mut self, body: Option<Text<'a>>) {
        if self.from.wa_id == self.new.wa_id {
            self.from.wa_id = None;
        }
        if self.from.user_id == self.new.user_id {
            self.from.user_id = None;
        }
        if self.from.parent_user_id == self.new.parent_user_id {
            self.from.parent_user_id = None;
        }
        if self.previous_user_id.is_none()
            && self.from.wa_id.is_none()
            && self.from.user_id.is_none()
        {
            self.previous_user_id = body
                .and_then(old_user_id)
                .filter(|old| Some(old) != self.new.user_id.as_ref());
        }
    }
}

/// The BSUID after the last "changed from" of a text ("User NAME changed from OLD to NEW"): a name may
/// say "changed from" too, but it stands before.
fn old_user_id(body: Text<'_>) -> Option<Text<'_>> {
    const BEFORE: &str = "changed from ";
    let start = body.rfind(BEFORE)? + BEFORE.len();
    let rest = body.get(start..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .unwrap_or(rest.len());
    let word = rest.get(..end)?.trim_end_matches('.');
    let Some(Bsuid::User) = bsuid(word) else {
        return None;
    };
    let word = start..start + word.len();
    match body {
        Text::Borrowed(body) => body.get(word).map(Text::Borrowed),
        Text::Owned(body) => body.get(word).map(|word| Text::Owned(word.to_owned())),
    }
}
