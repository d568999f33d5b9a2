//! A business number: what concerns all its groups. Identity changes, list passes, holds, pause.

mod fold;
#[cfg(test)]
mod tests;

use crate::{
    event::{About, Event, Figures, ListPass, Person},
    group::Applied,
    ids::{EventId, GroupId, PersonId, PhoneNumberId, Second, Text},
    position::{Envelope, Position},
    register::{Register, Registers},
};

/// All that is known of a number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Core {
    /// WhatsApp Business Account. Never in doubt.
    pub waba: Option<Register<Text>>,
    /// Identity changes of the last days, in order of second and event.
    pub identity_changes: Vec<IdentityChange>,
    /// The last pass over the list.
    pub list_pass: Option<Register<ListPass>>,
    /// Holds by id: of how many groups, and whether still held.
    pub holds: Registers<Hold>,
    /// Judging stopped?
    pub paused: Option<Register<bool>>,
    /// What reads found and calls cost. Never in doubt, and no change to who watches.
    pub figures: Option<Register<Figures>>,
    /// Greatest second at which a person asked for a pass over the list.
    pub pass_asked: Second,
    /// Greatest second of any event; identity changes long before it are dropped.
    pub seen: Second,
}

/// A person's identity changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentityChange {
    /// When.
    pub at: Second,
    /// The event.
    pub event_id: EventId,
    /// Former identifiers.
    pub old: Vec<PersonId>,
    /// New identifiers.
    pub new: Person,
}

/// A hold of the interlock. Releasing has the last word within a second.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Hold {
    /// Released by a person?
    pub is_released: bool,
    /// Groups that would have been asserted gone.
    pub groups: u32,
    /// Which they are, in order, at most [`HOLD_SUSPECTS_MAX`](crate::limits::HOLD_SUSPECTS_MAX); none in a release.
    pub suspects: Vec<GroupId>,
    /// By what right it was released.
    pub by: Option<Text>,
}

/// A number's state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Number {
    /// What is known.
    pub core: Core,
    /// How it stands to the log.
    pub envelope: Envelope,
}

/// A part of a number that a change record can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The account became known.
    Waba,
    /// An identity change.
    IdentityChanges,
    /// A list pass.
    ListPass,
    /// A hold or its release.
    Holds,
    /// Paused or resumed.
    Paused,
}

impl Number {
    /// Folds an event at `position` in.
    pub fn apply(
        &mut self,
        number: &PhoneNumberId,
        event: &Event,
        position: Position,
    ) -> Applied<Field> {
        let About::Number(about, what) = &event.about else {
            return Applied::Unchanged;
        };
        let is_new = self.envelope == Envelope::default();
        if about != number || !(is_new || position.is_after(&self.envelope.position)) {
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
