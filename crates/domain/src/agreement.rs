//! How well the projection agrees with Meta: what reads found wrong, why it was wrong and for how long, and what share of
//! webhooks must have been lost for that.
//!
//! A [`Ledger`] is kept for each business number by whoever reads Meta's API; it is told of every state that it follows, every
//! read, every call, and every webhook, however late. [`Ledger::report`] gives an [`Agreement`].
//! Losing a ledger loses history, never truth; its [`Counts`] can be kept and handed back.

mod found;
mod late;
mod ledger;
mod loss;
mod report;
#[cfg(test)]
mod tests;
mod told;

pub use found::{Look, Repair};
pub use ledger::{Counts, Ledger, Misled, Stood};
pub use loss::{LossRate, loss_rate};
pub use report::{AGES, Agreement};

/// Kinds of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Meta has a group that was not held as active.
    Created,
    /// A group was held as alive that Meta has no more.
    Gone,
    /// Another subject.
    Subject,
    /// Somebody is in who was not shown, or the other way round; counted by person.
    Member,
    /// Somebody waits who was not shown, or the other way round; counted by person.
    JoinRequest,
    /// Description, picture, invite link or approval mode.
    Settings,
    /// Suspended or not.
    Suspended,
}

impl Kind {
    /// All, in order.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Gone,
        Self::Subject,
        Self::Member,
        Self::JoinRequest,
        Self::Settings,
        Self::Suspended,
    ];

    /// The kind of the repair that would take one of this kind back.
    fn counterpart(self) -> Self {
        match self {
            Self::Created => Self::Gone,
            Self::Gone => Self::Created,
            Self::Subject | Self::Member | Self::JoinRequest | Self::Settings | Self::Suspended => {
                self
            }
        }
    }

    /// Word for logs, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Gone => "gone",
            Self::Subject => "subject",
            Self::Member => "member",
            Self::JoinRequest => "join_request",
            Self::Settings => "settings",
            Self::Suspended => "suspended",
        }
    }
}

/// Why something was wrong, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A webhook should have told, and none has.
    Lost,
    /// A webhook told, but after the read.
    Late,
    /// Rollcall's own: a webhook lies in quarantine, registers had to be dropped, or the log has a gap.
    Ours,
    /// No webhook tells such a change, or the evidence was in doubt.
    Unknown,
}

impl Cause {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Late, Self::Ours, Self::Unknown];

    /// Word for logs, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Late => "late",
            Self::Ours => "ours",
            Self::Unknown => "unknown",
        }
    }
}

/// What calls to Meta's API are spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// A page of the list of active groups.
    List,
    /// A group's info, for this reason.
    Read(crate::plan::Reason),
    /// A page of a group's join requests.
    JoinRequests,
    /// A management command of somebody's.
    Command,
    /// Anything else: subscriptions, token.
    Other,
}

impl Call {
    /// Word for logs, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read(reason) => reason.as_str(),
            Self::JoinRequests => "join_requests",
            Self::Command => "command",
            Self::Other => "other",
        }
    }
}
