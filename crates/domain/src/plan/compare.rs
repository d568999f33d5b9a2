//! A proven list of active groups, held against the projection.

use std::{collections::BTreeMap, fmt};

use crate::{
    event::ListPass,
    group::{Existence, Group},
    ids::{GroupId, Second, Text},
};

/// One group as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Subject; `None` if the list gave none.
    pub subject: Option<Text>,
    /// Creation second.
    pub created: Option<Second>,
}

/// A pass over the list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// Second in Meta's clock at which its first page was asked for.
    pub t0: Second,
    /// Was every page answered, without a repeated cursor, to the end? Only then absence is worth a question.
    pub is_complete: bool,
    /// Pages answered.
    pub pages: u32,
    /// What it shows.
    pub groups: BTreeMap<GroupId, Listed>,
}

/// What to do about one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Listed, and not held as active: assert what the list says.
    AssertActive {
        /// Which.
        group_id: GroupId,
        /// As listed.
        listed: Listed,
    },
    /// Listed with another subject: assert what the list says.
    AssertSubject {
        /// Which.
        group_id: GroupId,
        /// As listed.
        listed: Listed,
    },
    /// Held as alive and not listed: ask for it by id, for absence proves nothing.
    Ask {
        /// Which.
        group_id: GroupId,
    },
}

/// Steps in order of group, and what was counted on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What to do.
    pub steps: Vec<Step>,
    /// The pass, for the number.
    pub summary: ListPass,
}

impl Plan {
    /// Nothing to do?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::AssertActive { group_id, .. } => {
                    writeln!(f, "assert active  {group_id}: listed, not held as active")?
                }
                Step::AssertSubject { group_id, .. } => {
                    writeln!(f, "assert subject {group_id}: listed with another subject")?
                }
                Step::Ask { group_id } => {
                    writeln!(f, "ask by id      {group_id}: held as alive, not listed")?
                }
            }
        }
        let ListPass {
            listed,
            pages,
            is_complete,
            ..
        } = self.summary;
        let proof = if is_complete {
            "complete"
        } else {
            "not proven complete, so absence asks nothing"
        };
        write!(
            f,
            "{} steps; {listed} groups listed on {pages} pages, {proof}",
            self.steps.len()
        )
    }
}

/// Compares a listing with the groups held of the same number.
///
/// `lag` is `L`: what is held with a stamp not before `t0 − L` is newer than the list may be, and is left alone.
/// `held` may come in any order.
pub fn compare<'a>(
    listing: &Listing,
    held: impl IntoIterator<Item = (&'a GroupId, &'a Group)>,
    lag: Second,
    is_first: bool,
) -> Plan {
    let says = listing.t0 - lag;
    let held: BTreeMap<&GroupId, &Group> = held.into_iter().collect();
    let mut steps: BTreeMap<&GroupId, Step> = BTreeMap::new();
    let mut summary = ListPass {
        started: listing.t0,
        is_complete: listing.is_complete,
        is_first,
        pages: listing.pages,
        listed: u32::try_from(listing.groups.len()).unwrap_or(u32::MAX),
        ..ListPass::default()
    };
    for (group_id, listed) in &listing.groups {
        let group = held.get(group_id).copied();
        let existence = group.and_then(|group| group.core.exists.as_ref());
        if existence.is_some_and(|exists| exists.stamp.at >= says) {
            continue;
        }
        let listed_step = || listed.clone();
        if existence.is_none_or(|exists| exists.value != Existence::Active) {
            summary.unknown_to_us += 1;
            steps.insert(
                group_id,
                Step::AssertActive {
                    group_id: group_id.clone(),
                    listed: listed_step(),
                },
            );
        } else if group.is_some_and(|group| subject_differs(group, listed, says)) {
            summary.subject_differs += 1;
            steps.insert(
                group_id,
                Step::AssertSubject {
                    group_id: group_id.clone(),
                    listed: listed_step(),
                },
            );
        }
    }
    for (group_id, group) in held
        .iter()
        .filter(|(group_id, _)| !listing.groups.contains_key(**group_id))
    {
        if !is_alive_before(group, says) {
            continue;
        }
        summary.unlisted += 1;
        if listing.is_complete {
            steps.insert(
                group_id,
                Step::Ask {
                    group_id: (*group_id).clone(),
                },
            );
        }
    }
    Plan {
        steps: steps.into_values().collect(),
        summary,
    }
}

fn subject_differs(group: &Group, listed: &Listed, says: Second) -> bool {
    let Some(subject) = &listed.subject else {
        return false;
    };
    match &group.core.subject {
        Some(held) => held.value != *subject && held.stamp.at < says,
        None => true,
    }
}

/// Held as alive, and without any news that the list may not have seen yet.
fn is_alive_before(group: &Group, says: Second) -> bool {
    let core = &group.core;
    let is_gone = core
        .exists
        .as_ref()
        .is_some_and(|exists| exists.value == Existence::Gone);
    let created = core.created.as_ref().map_or(0, |created| created.value);
    let confirmed = core.exists.as_ref().map_or(0, |exists| {
        if exists.stamp.rank > crate::register::Rank::Read {
            exists.stamp.at
        } else {
            0
        }
    });
    !is_gone && group.view().is_some() && created.max(confirmed) < says
}
