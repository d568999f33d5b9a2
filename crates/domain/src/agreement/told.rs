//! Changes that webhooks told, and changes that they show to have been lost, seen in the states before and after.
//!
//! What counts are single changes: a person came or went, a subject, a suspension, the end of a group. Each is told by one webhook.
//! A webhook that tells what was so already shows that another was lost, for between two goings there is a coming;
//! and so does a message from somebody who was not in.

use std::collections::BTreeSet;

use super::Kind;
use crate::{
    group::{Core, Existence, Links, Presence},
    ids::{PersonId, Second, is_number},
    register::{Rank, Register, Stamp},
};

/// What lies between two states of a group.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Changes told that only a read can prove to be all: persons, and being suspended.
    pub(super) of_reads: u64,
    /// Changes told that every list proves to be all: the subject, and the end.
    pub(super) of_lists: u64,
    /// Did a webhook tell the group's end? Then nobody will ever know what was lost before.
    pub(super) is_gone: bool,
    /// Changes that must have happened, and that no webhook has told yet.
    pub(super) implied: Vec<Implied>,
}

/// A change that later evidence shows to have happened.
#[derive(Debug)]
pub(super) struct Implied {
    pub(super) kind: Kind,
    pub(super) ids: BTreeSet<PersonId>,
    /// Did the person come, was it suspended? Otherwise the contrary.
    pub(super) comes: bool,
    /// When the contrary was known last.
    pub(super) after: Second,
    /// Of which second the evidence is.
    pub(super) until: Second,
}

/// Were the members of a group that is known as of `core` all told of or read, from its creation on?
pub(super) fn is_known(core: &Core) -> bool {
    let exists = core.exists.as_ref();
    core.verified > 0 || exists.is_some_and(|exists| exists.stamp.rank == Rank::Statement)
}

/// Compares two states of a group; a read speaks of a second that lies `lag` before it was asked, if any was seen yet.
pub(super) fn told(before: &Core, after: &Core, lag: Option<Second>) -> Told {
    let mut told = Told {
        of_lists: u64::from(is_told(&before.subject, &after.subject)),
        ..Told::default()
    };
    if is_gone(after) {
        // Being taken out with the whole group is one change.
        told.is_gone = is_told(&before.exists, &after.exists);
        told.of_lists += u64::from(told.is_gone);
        return told;
    }
    if is_known(before) {
        suspension(before, after, lag, &mut told);
        members(before, after, lag, &mut told);
    }
    told
}

fn suspension(before: &Core, after: &Core, lag: Option<Second>, told: &mut Told) {
    let Some(new) = &after.suspended else { return };
    if before.suspended.as_ref().map(|held| held.stamp) == Some(new.stamp) {
        return;
    }
    let held = before.suspended.as_ref();
    let held = held.map_or(Held::nothing(before), |held| Held::new(held, held.value));
    match judge(&held, new.stamp, new.value, lag) {
        Evidence::Told => told.of_reads += 1,
        Evidence::ToldTwice => {
            told.of_reads += 1;
            told.implied.push(Implied {
                kind: Kind::Suspended,
                ids: BTreeSet::new(),
                comes: !new.value,
                after: held.at,
                until: new.stamp.at,
            });
        }
        Evidence::Unexplained | Evidence::Nothing => {}
    }
}

fn members(before: &Core, after: &Core, lag: Option<Second>, told: &mut Told) {
    let links = Links::new(&after.is);
    for (id, new) in after.member.iter() {
        let same = before.member.get(id).map(|held| held.stamp);
        if same == Some(new.stamp) || new.stamp.rank == Rank::Read {
            continue;
        }
        let person = links.resolve(id);
        let theirs = before.member.iter();
        let theirs = theirs.filter(|(other, _)| links.resolve(other) == person);
        let held = theirs
            .map(|(_, held)| Held::new(held, held.value == Presence::Present))
            .max_by_key(|held| (held.at, held.rank));
        // Of one who was never named nothing is implied while somebody in the group may be the same person by another identifier.
        let is_certain = held.is_some() || !may_be_another(before, &links, person);
        let held = held.unwrap_or(Held::nothing(before));
        let value = new.value == Presence::Present;
        let comes = match judge(&held, new.stamp, value, lag) {
            Evidence::Told => {
                told.of_reads += 1;
                continue;
            }
            Evidence::ToldTwice if is_certain => {
                told.of_reads += 1;
                !value
            }
            Evidence::Unexplained if is_certain => value,
            Evidence::ToldTwice | Evidence::Unexplained | Evidence::Nothing => continue,
        };
        told.implied.push(Implied {
            kind: Kind::Member,
            ids: BTreeSet::from([id.clone(), person.into()]),
            comes,
            after: held.at,
            until: new.stamp.at,
        });
    }
}

/// What was held before: is somebody in, is it suspended?
struct Held {
    at: Second,
    rank: Rank,
    value: bool,
}

impl Held {
    fn new<V>(held: &Register<V>, value: bool) -> Self {
        Self {
            at: held.stamp.at,
            rank: held.stamp.rank,
            value,
        }
    }

    /// Not in, not suspended: as the last complete read showed by saying nothing.
    fn nothing(core: &Core) -> Self {
        Self {
            at: core.verified,
            rank: Rank::Read,
            value: false,
        }
    }
}

/// What new evidence says of changes.
enum Evidence {
    /// It tells one.
    Told,
    /// It tells one, and shows that the contrary one before it was not told.
    ToldTwice,
    /// It shows that one was not told.
    Unexplained,
    Nothing,
}

fn judge(held: &Held, new: Stamp, value: bool, lag: Option<Second>) -> Evidence {
    if (new.at, new.rank) < (held.at, held.rank) {
        return Evidence::Nothing;
    }
    let is_other = held.value != value;
    match new.rank {
        Rank::Read => Evidence::Nothing,
        Rank::Circumstance if is_other => Evidence::Unexplained,
        Rank::Circumstance => Evidence::Nothing,
        Rank::Statement if is_other => Evidence::Told,
        // A read may have seen what was told only after it.
        Rank::Statement if held.rank == Rank::Read => {
            if lag.is_some_and(|lag| new.at > held.at + lag) {
                Evidence::ToldTwice
            } else {
                Evidence::Nothing
            }
        }
        Rank::Statement if new.at > held.at => Evidence::ToldTwice,
        Rank::Statement => Evidence::Nothing,
    }
}

/// May somebody who is in be this person, whom nothing names yet: a number where somebody's number is not known, or a user id where only the number is?
fn may_be_another(core: &Core, links: &Links<'_>, person: &str) -> bool {
    let present = core.member.iter();
    let mut present = present.filter(|(_, held)| held.value == Presence::Present);
    present.any(|(id, _)| {
        let other = links.resolve(id);
        if is_number(person) {
            links.number_of(other).is_none()
        } else {
            is_number(other)
        }
    })
}

fn is_told<V: PartialEq>(before: &Option<Register<V>>, after: &Option<Register<V>>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    before.value != after.value && after.stamp.rank > Rank::Read
}

fn is_gone(core: &Core) -> bool {
    core.exists
        .as_ref()
        .is_some_and(|exists| exists.value == Existence::Gone)
}
