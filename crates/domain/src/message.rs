//! A message to a group: per recipient when it was delivered, read, played or failed, and what it cost.
//!
//! The least second of a status wins, so the order of statuses does not matter.

mod fold;
#[cfg(test)]
mod tests;
mod view;

pub use view::{PricingView, Recipient as RecipientView, View};

use crate::{
    event::{About, Event, MetaError},
    group::Applied,
    ids::{MessageId, PersonId, Second, Text},
    position::{Envelope, Position},
    register::{Effect, Latest, Register, Registers},
};

/// All that is known of a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Core {
    /// Group it was sent to.
    pub group: Option<Register<Text>>,
    /// Business number that sent it.
    pub number: Option<Register<Text>>,
    /// When WhatsApp accepted it.
    pub sent: Option<Second>,
    /// When it failed as a whole, and why.
    pub failed: Option<Failure>,
    /// Price said of the message as a whole.
    pub pricing: Pricing,
    /// Recipients, in order of identifier.
    pub recipients: Vec<(PersonId, Recipient)>,
    /// Which identifier leads to which.
    pub is: Registers<PersonId>,
}

/// The first failure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// When.
    pub at: Second,
    /// Why.
    pub errors: Vec<MetaError>,
}

/// How a message fared with one recipient: the first second of each status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// Sent, where that was said of this recipient by itself.
    pub sent: Option<Second>,
    /// Delivered.
    pub delivered: Option<Second>,
    /// Read.
    pub read: Option<Second>,
    /// Played.
    pub played: Option<Second>,
    /// Failed, and why.
    pub failed: Option<Failure>,
    /// Price said with any of its statuses.
    pub pricing: Pricing,
}

/// A price, each field by itself: the value of the greatest `(second, value)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pricing {
    /// Category as given.
    pub category: Option<Latest<Text>>,
    /// `regular`, free, …
    pub kind: Option<Latest<Text>>,
    /// `PMP`.
    pub model: Option<Latest<Text>>,
    /// Billable?
    pub billable: Option<Latest<bool>>,
    /// Origin's type as given.
    pub origin: Option<Latest<Text>>,
}

/// A message's state. Its record is its own change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message {
    /// What is known.
    pub core: Core,
    /// How it stands to the log.
    pub envelope: Envelope,
}

impl Message {
    /// What is shown.
    pub fn view(&self) -> View {
        view::view(&self.core)
    }

    /// Folds an event at `position` in.
    ///
    /// A message's record is its own change, so `changes` is always empty.
    pub fn apply(
        &mut self,
        message_id: &MessageId,
        event: &Event,
        position: Position,
    ) -> Applied<()> {
        let About::Message(about, what) = &event.about else {
            return Applied::Unchanged;
        };
        let is_new = self.envelope == Envelope::default();
        if about != message_id || !(is_new || position.is_after(&self.envelope.position)) {
            return Applied::Unchanged;
        }
        // While every recipient has one identifier, what changed in the core mostly tells what changed in the view.
        let compares = !self.core.is.is_empty() || fold::is_shown_joined(what);
        let before = compares.then(|| self.view());
        let effect = fold::fold(&mut self.core, event, what);
        if !effect.is_change() {
            return Applied::Unchanged;
        }
        self.envelope.position = position;
        let is_seen = before.map_or(effect == Effect::Value, |before| before != self.view());
        if !is_seen {
            return Applied::Core;
        }
        let previous_version = self.envelope.version.replace(position);
        Applied::View {
            previous_version,
            changes: Vec::new(),
        }
    }
}
