//! What Meta posts to a webhook, as types.
//!
//! Start at [`split()`]. It believes nothing about the items of a POST: a level of the envelope that is
//! not as expected becomes an [`Unintelligible`] piece and the rest goes on.
//! [`Item::parse`] then reads one item strictly: what is unknown never fails it, what is known and
//! of a wrong type does, with a path and never a value in the reason.
//! Types hold Meta's words, normalised: identifiers given as numbers are text, empty is absent,
//! a phone number is its digits, a username has no `@`, seconds are `i64`.
//! Source: Meta "Webhooks for Groups API", "Status messages webhook", "System messages webhook".

mod canonical;
mod field;
mod group;
mod item;
mod message;
mod person;
pub(crate) mod read;
mod redact;
mod split;
mod status;
mod system;

use std::borrow::Cow;

pub use crate::json::{Kind, NotJson, Problem};
pub use field::{Field, GroupType};
pub use group::{GroupItem, InitiatedBy, Outcome, Part};
pub use item::{Item, Metadata, Parsed, Shape};
pub use message::{Dropped, Message, MessagesItem};
pub use person::{Contact, Input, Participant, Person};
pub use read::{ItemError, Refusal};
pub use redact::redact;
pub use split::{Envelope, Foreign, Level, Piece, Post, Reason, Unintelligible, split};
pub use status::{Pricing, Status, StatusKind};
pub use system::{System, SystemKind};

use crate::json::Document;

/// Text of a body, borrowed wherever the body holds it without escapes.
pub type Text<'a> = Cow<'a, str>;

/// Looks for what JSON allows and we do not trust in one raw value.
///
/// # Errors
///
/// The first [`Problem`] met in the order of the text.
pub fn inspect(raw: &str) -> Result<(), Problem> {
    Document::parse(raw.as_bytes())
        .map_err(|_| Problem::NotJson)?
        .root()
        .inspect()
}
