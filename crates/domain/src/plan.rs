//! The reconciler's judgement, as pure functions.
//!
//! What a list of active groups says against what is held, which groups are worth a read, what is proven gone,
//! and when too many would vanish to believe it.
//!
//! [`plan`] takes what is held, a list if one was just read, two clocks, a budget and limits, and gives a [`Plan`]: a value in a
//! fixed order that can be counted, printed and thrown away (`--dry-run`). Whoever executes it makes no choices:
//! appends what [`Step::events`] says, makes the reads, and tells [`Memory`] what came of it.
//! Equal sides give an empty plan, and so does planning again after a plan was carried out.

mod attempts;
mod carry;
mod compare;
mod complete;
mod identity;
mod interlock;
mod memory;
mod pages;
mod read;
mod step;
mod suspects;
#[cfg(test)]
mod tests;
mod vanish;

pub use attempts::{Attempts, Tried, doubled};
pub use carry::carry;
pub use compare::{Listed, Listing};
pub use complete::complete;
pub use memory::{Memory, Outcome};
pub use pages::{Pages, Turn};
pub use read::{Candidate, Known, Reason, candidate, choose};
pub use step::{Difference, Plan, Refusal, Step};
pub use suspects::{Confirmed, Suspects};
pub use vanish::{Verdict, vanish_limit, verdict};

use std::{borrow::Borrow, collections::BTreeMap};

use crate::{
    group::{Existence, Group},
    ids::{GroupId, Second},
    number::Number,
};

/// The two clocks of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// Now, by Meta's clock.
    pub now: Second,
    /// Milliseconds of a clock that never goes back.
    pub monotonic_ms: u64,
}

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Reads that may begin now.
    pub reads: usize,
    /// Will there be more of them at once for whoever makes none for a while?
    pub gathers: bool,
}

/// What a plan keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `L`: how far Meta's API may lag behind what happened, clocks included.
    pub lag: Second,
    /// Seconds that a group rests that gives no reason to be read.
    pub again_after: Second,
}

/// What is held of the groups of one number.
pub trait Held {
    /// The group of this id.
    fn group(&self, group_id: &GroupId) -> Option<&Group>;
    /// All, in order of id.
    fn groups(&self) -> impl Iterator<Item = (&GroupId, &Group)>;
}

impl<G: Borrow<Group>> Held for BTreeMap<GroupId, G> {
    fn group(&self, group_id: &GroupId) -> Option<&Group> {
        self.get(group_id).map(Borrow::borrow)
    }

    fn groups(&self) -> impl Iterator<Item = (&GroupId, &Group)> {
        self.iter().map(|(id, group)| (id, group.borrow()))
    }
}

/// Sorted by id.
impl<G: Borrow<Group>> Held for Vec<(GroupId, G)> {
    fn group(&self, group_id: &GroupId) -> Option<&Group> {
        let place = self.binary_search_by(|(id, _)| id.cmp(group_id)).ok()?;
        self.get(place).map(|(_, group)| group.borrow())
    }

    fn groups(&self) -> impl Iterator<Item = (&GroupId, &Group)> {
        self.iter().map(|(id, group)| (id, group.borrow()))
    }
}

/// What is known beside the groups' own states of which deserve a look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signals {
    /// Groups about which a command has had no outcome for too long, and when it was asked for.
    pub overdue: BTreeMap<GroupId, Second>,
    /// The log has a gap: what was verified before this second counts as unverified.
    pub gap: Option<Second>,
}

/// What is known of one number when a plan is made.
#[derive(Debug, Clone, Copy)]
pub struct Projection<'a, H> {
    /// Its groups.
    pub held: &'a H,
    /// The number itself.
    pub number: Option<&'a Number>,
    /// What became of earlier plans.
    pub memory: &'a Memory,
    /// What else deserves a look.
    pub signals: &'a Signals,
}

/// Held as alive: active, or shown and never confirmed.
pub fn is_alive(group: &Group) -> bool {
    match group.core.exists.as_ref().map(|exists| exists.value) {
        Some(Existence::Active) => true,
        Some(Existence::Gone) => false,
        None => group.shown().is_some(),
    }
}

/// Says what is to be done about a number now.
///
/// `listing` is a pass over the list that just ended; between two passes there is none.
pub fn plan<H: Held>(
    projection: &Projection<'_, H>,
    listing: Option<&Listing>,
    clock: Clock,
    budget: Budget,
    limits: &Limits,
) -> Plan {
    let mut plan = Plan::default();
    if let Some(listing) = listing {
        compare::compare(projection, listing, clock.now, limits, &mut plan);
    }
    identity::fan_out(projection, &mut plan);
    interlock::settle(projection, clock.now, limits, &mut plan);
    read::reads(projection, clock, budget, limits, &mut plan);
    plan
}
