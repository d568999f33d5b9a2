//! A management request: asked, answered, and how it ended.

mod fold;
#[cfg(test)]
mod tests;

use crate::{
    event::{About, Answer, Event, ItemFailure, MetaError, Operation, Outcome, Particulars},
    group::Applied,
    ids::{RequestId, Second, Text},
    position::{Envelope, Position},
    register::Register,
};

/// All that is known of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Core {
    /// What was asked for, by an intent of ours or as its outcome names it.
    pub operation: Option<Register<Operation>>,
    /// Business number.
    pub number: Option<Register<Text>>,
    /// Group it is about.
    pub group: Option<Register<Text>>,
    /// When it was asked.
    pub asked: Option<Register<Asked>>,
    /// What Meta answered.
    pub answered: Option<Register<Answer>>,
    /// Meta's id of it (on a request of ours).
    pub meta_request_id: Option<Register<Text>>,
    /// How it ended, by webhook.
    pub completed: Option<Register<Completed>>,
    /// What else the answer said.
    pub particulars: Option<Register<Particulars>>,
    /// The first intent in the log: its nonce may call. Follows the order of the log.
    pub first_intent: Option<FirstIntent>,
}

/// The intent that came first in the log. Those after it change nothing of what is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstIntent {
    /// Nonce of the instance that may call.
    pub nonce: u64,
    /// Hash of the body that counts.
    pub body_hash: [u8; 32],
    /// When it was; an idempotency key lives for a day from here.
    pub at: Second,
    /// Subject of the group that it creates.
    pub subject: Option<Text>,
}

/// An intent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// Nonce of the instance that intends.
    pub nonce: u64,
    /// Hash of the call's body.
    pub body_hash: [u8; 32],
}

/// An ending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completed {
    /// How.
    pub outcome: Outcome,
    /// Why, where it failed or failed in part.
    pub errors: Vec<MetaError>,
    /// Those of several for whom it failed.
    pub failed: Vec<ItemFailure>,
}

/// A request's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// What is known.
    pub core: Core,
    /// How it stands to the log.
    pub envelope: Envelope,
}

/// A part of a request that a change record can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Operation, number or group became known.
    About,
    /// It was asked.
    Asked,
    /// It was answered.
    Answered,
    /// It ended.
    Completed,
}

impl Request {
    /// Folds an event at `position` in.
    pub fn apply(
        &mut self,
        request_id: &RequestId,
        event: &Event,
        position: Position,
    ) -> Applied<Field> {
        let About::Request(about, what) = &event.about else {
            return Applied::Unchanged;
        };
        let is_new = self.envelope == Envelope::default();
        if about != request_id || !(is_new || position.is_after(&self.envelope.position)) {
            return Applied::Unchanged;
        }
        let before = self.core.clone();
        if !fold::fold(&mut self.core, event, what).is_change() {
            return Applied::Unchanged;
        }
        self.envelope.position = position;
        let changes = fold::changes(&before, &self.core);
        if changes.is_empty() {
            return Applied::Core;
        }
        Applied::View {
            previous_version: self.envelope.version.replace(position),
            changes,
        }
    }
}
