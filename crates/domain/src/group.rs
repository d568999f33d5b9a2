//! A group: what is known of it ([`Core`]), how events change that ([`Group::apply`]), and what is shown ([`View`]).

mod change;
mod fold;
mod links;
mod person;
mod persons;
#[cfg(test)]
mod tests;
mod view;
mod writer;

use std::borrow::Cow;

pub use change::{FieldChange, diff};
pub use links::Links;
pub(crate) use links::Number;
pub use person::{Named, named};
pub use view::{Field, JoinRequest, Participant, View};

use crate::{
    event::{About, Event, HintReason},
    ids::{GroupId, PersonId, Second, Text},
    position::{Envelope, Position},
    register::{Effect, Register, Registers},
};
use view::is_shown_alike;
use writer::Touched;

/// Is there such a group? By bytes of the name the greater is `gone`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Existence {
    /// Meta has it.
    Active,
    /// Meta has it no more.
    Gone,
}

/// Is a person in a group? By bytes of the name the greater is `present`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// Not in it.
    Absent,
    /// In it.
    Present,
}

/// Does a person wait to join? By bytes of the name the greater is `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Not any more.
    Closed,
    /// Waits.
    Open,
}

/// What is known of a join request beside that it is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskDetail {
    /// Meta's id.
    pub join_request_id: Text,
    /// When it was made.
    pub created: Second,
    /// Username without `@`: labels live as long as the roster's evidence, and who waits is not on it.
    pub username: Option<Text>,
    /// Parent user id, for the same reason.
    pub parent_user_id: Option<Text>,
}

/// All that is known of a group: registers, each a join by itself, and floors, each the greatest seen.
///
/// Keys of `member`, `ask`, `is`, `label` and `parent` are [`PersonId`]s; an ask that names nobody is keyed by its join request id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Core {
    /// Active or gone; without it the group is unconfirmed.
    pub exists: Option<Register<Existence>>,
    /// Business number that runs it. Never in doubt.
    pub number: Option<Register<Text>>,
    /// WhatsApp Business Account. Never in doubt.
    pub waba: Option<Register<Text>>,
    /// Subject.
    pub subject: Option<Register<Text>>,
    /// Description; `""` is none.
    pub description: Option<Register<Text>>,
    /// Hash of the picture as Meta wrote it.
    pub picture: Option<Register<Text>>,
    /// Invite link; `""` is revoked.
    pub invite: Option<Register<Text>>,
    /// Join approval mode as Meta wrote it.
    pub approval: Option<Register<Text>>,
    /// Suspended by Meta?
    pub suspended: Option<Register<bool>>,
    /// Creation second. Never in doubt.
    pub created: Option<Register<Second>>,
    /// Who is in it.
    pub member: Registers<Presence>,
    /// Who waits to join.
    pub ask: Registers<Ask>,
    /// Join requests of those who wait. Never in doubt.
    pub ask_detail: Registers<AskDetail>,
    /// Which identifier leads to which, for one person has several.
    pub is: Registers<PersonId>,
    /// Usernames, without `@`. Never in doubt.
    pub label: Registers<Text>,
    /// Parent user ids. Never in doubt.
    pub parent: Registers<Text>,
    /// Somebody should read this group. Never in doubt.
    pub hint: Option<Register<HintReason>>,
    /// Alive though not listed. Never in doubt.
    pub unlisted: Option<Register<()>>,
    /// A webhook or the answer to a command of ours told that it was deleted, though a read may have told so since.
    /// Never in doubt.
    pub deleted: Option<Register<()>>,
    /// Member registers stamped before this second are dropped.
    pub roster: Second,
    /// Ask registers stamped before this second are dropped.
    pub asks: Second,
    /// Second of the last complete read; 0 is never.
    pub verified: Second,
    /// Second of the last event that was more than a read; 0 is never.
    pub changed: Second,
    /// Registers had to be dropped because there were too many.
    pub overflow: bool,
}

/// A group's state.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// What is known.
    pub core: Core,
    /// How it stands to the log.
    pub envelope: Envelope,
    /// The view of `core`, kept so that an event costs one view and not two; never stored.
    view: Option<Option<Box<View>>>,
}

/// What an event did to an entity.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied<C> {
    /// No byte changed.
    Unchanged,
    /// The core changed, what is shown did not.
    Core,
    /// What is shown changed: publish this.
    View {
        /// Version before; `None` where nothing was shown.
        previous_version: Option<Position>,
        /// What changed.
        changes: Vec<C>,
    },
    /// The entity is dropped: publish a tombstone, and this change if anything was shown.
    Forgotten {
        /// Version before.
        previous_version: Option<Position>,
        /// What changed.
        changes: Vec<C>,
    },
}

impl PartialEq for Group {
    /// Whether the view was computed yet makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.core == other.core && self.envelope == other.envelope
    }
}

impl Group {
    /// A state read back from its record.
    pub fn restore(core: Core, envelope: Envelope) -> Self {
        Self {
            core,
            envelope,
            view: None,
        }
    }

    /// What is shown, or `None` where all that is known is that somebody should look.
    pub fn view(&self) -> Option<View> {
        self.shown().map(Cow::into_owned)
    }

    /// As [`Group::view`], without a copy where folding has computed it.
    pub fn shown(&self) -> Option<Cow<'_, View>> {
        match &self.view {
            Some(view) => view.as_deref().map(Cow::Borrowed),
            None => view::view(&self.core).map(Cow::Owned),
        }
    }

    /// Folds an event at `position` in. Never fails: an event that means nothing here changes nothing.
    ///
    /// An event at or below the state's own position was folded before, and is skipped.
    pub fn apply(
        &mut self,
        group_id: &GroupId,
        event: &Event,
        position: Position,
    ) -> Applied<FieldChange> {
        let About::Group(about, what) = &event.about else {
            return Applied::Unchanged;
        };
        let is_new = self.envelope == Envelope::default();
        if about != group_id || !(is_new || position.is_after(&self.envelope.position)) {
            return Applied::Unchanged;
        }
        let before = self
            .view
            .take()
            .unwrap_or_else(|| view::view(&self.core).map(Box::new));
        if fold::is_forgotten(&self.core, what) {
            let previous_version = self.envelope.version;
            *self = Self::default();
            return Applied::Forgotten {
                previous_version,
                changes: diff(before.as_deref(), None),
            };
        }
        let (effect, touched) = fold::fold(&mut self.core, event, what);
        if effect.is_change() {
            self.envelope.position = position;
        }
        if effect < Effect::Value {
            self.view = Some(before);
            return if effect.is_change() {
                Applied::Core
            } else {
                Applied::Unchanged
            };
        }
        let (is_seen, changes);
        (self.view, is_seen, changes) = match before {
            Some(mut view) if is_shown_alike(&view, &self.core) && touched != Touched::All => {
                let changes = match touched {
                    Touched::Persons => view.renew_persons(&self.core),
                    Touched::Group | Touched::All => view.renew_group(&self.core),
                };
                (Some(Some(view)), !changes.is_empty(), changes)
            }
            before => {
                let after = view::view(&self.core).map(Box::new);
                let changes = diff(before.as_deref(), after.as_deref());
                let is_seen = !changes.is_empty() || before.is_some() != after.is_some();
                (Some(after), is_seen, changes)
            }
        };
        if is_seen {
            Applied::View {
                previous_version: self.envelope.version.replace(position),
                changes,
            }
        } else {
            Applied::Core
        }
    }
}
