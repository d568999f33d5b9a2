//! A list of active groups, held against the projection.

use std::collections::BTreeMap;

use super::{Difference, Held, Limits, Memory, Plan, Projection, Step, is_alive, vanish_limit};
use crate::{
    event::ListPass,
    group::{Existence, Group},
    ids::{GroupId, Second, Text},
    limits::FORGET_AFTER_SECONDS,
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
    /// The same of its last page: what was gone by then may not be shown.
    pub ended: Second,
    /// Was every page answered, without a repeated cursor, to the end? Only then absence is worth a question.
    pub is_complete: bool,
    /// Pages answered.
    pub pages: u32,
    /// What it shows.
    pub groups: BTreeMap<GroupId, Listed>,
}

/// What is seen on the way through both sides, which are in order.
struct Comparison<'a> {
    memory: &'a Memory,
    says: Second,
    now: Second,
    summary: ListPass,
    steps: Vec<Step>,
    missing: Vec<&'a GroupId>,
    is_healed: bool,
    alive: usize,
}

/// Adds what a listing asks for.
///
/// What is held with a stamp not before `t0 − L` is newer than the list may be, and is left alone.
pub(super) fn compare<H: Held>(
    projection: &Projection<'_, H>,
    listing: &Listing,
    now: Second,
    limits: &Limits,
    plan: &mut Plan,
) {
    let says = listing.t0 - limits.lag;
    let mut comparison = Comparison {
        memory: projection.memory,
        says,
        now,
        summary: ListPass {
            started: listing.t0,
            is_complete: listing.is_complete,
            is_first: is_first(projection),
            pages: listing.pages,
            listed: u32::try_from(listing.groups.len()).unwrap_or(u32::MAX),
            ..ListPass::default()
        },
        steps: Vec::new(),
        missing: Vec::new(),
        is_healed: false,
        alive: 0,
    };
    let mut listed = listing.groups.iter().peekable();
    for (group_id, group) in projection.held.groups() {
        while let Some((id, listed)) = listed.next_if(|(id, _)| *id < group_id) {
            comparison.unknown(id, listed, Difference::UnknownToUs);
        }
        comparison.alive += usize::from(is_alive(group));
        match listed.next_if(|(id, _)| *id == group_id) {
            Some((_, listed)) => comparison.listed(group_id, group, listed),
            None => comparison.unlisted(group_id, group),
        }
    }
    for (id, listed) in listed {
        comparison.unknown(id, listed, Difference::UnknownToUs);
    }
    comparison.finish(projection, listing, plan);
}

/// Until a first pass has shown everything, what passes find is not news.
fn is_first<H>(projection: &Projection<'_, H>) -> bool {
    let last = projection.number;
    let last = last.and_then(|number| number.core.list_pass.as_ref());
    last.is_none_or(|last| last.value.is_first && !last.value.is_complete)
}

impl<'a> Comparison<'a> {
    fn assert(&mut self, group_id: &GroupId, listed: &Listed, why: Difference) {
        self.steps.push(Step::Assert {
            group_id: group_id.clone(),
            at: self.says,
            listed: listed.clone(),
            why,
        });
    }

    fn unknown(&mut self, group_id: &GroupId, listed: &Listed, why: Difference) {
        self.summary.unknown_to_us += 1;
        self.assert(group_id, listed, why);
    }

    fn listed(&mut self, group_id: &GroupId, group: &Group, listed: &Listed) {
        let core = &group.core;
        self.is_healed |= self.memory.is_resting_unlisted(group, self.now);
        let exists = core.exists.as_ref();
        if exists.is_some_and(|exists| exists.stamp.at >= self.says) {
            return;
        }
        match exists.map(|exists| exists.value) {
            None => self.unknown(group_id, listed, Difference::UnknownToUs),
            Some(Existence::Gone) => self.unknown(group_id, listed, Difference::HeldAsGone),
            Some(Existence::Active) if subject_differs(group, listed, self.says) => {
                self.summary.subject_differs += 1;
                self.assert(group_id, listed, Difference::Subject);
            }
            Some(Existence::Active) => {}
        }
    }

    fn unlisted(&mut self, group_id: &'a GroupId, group: &Group) {
        if is_alive_before(group, self.says) {
            self.summary.unlisted += 1;
            self.missing.push(group_id);
        }
        let exists = group.core.exists.as_ref();
        if let Some(gone) = exists.filter(|exists| exists.value == Existence::Gone)
            && gone.stamp.at < self.now - FORGET_AFTER_SECONDS
        {
            self.steps.push(Step::Forget {
                group_id: group_id.clone(),
                at: self.now,
                stamp: gone.stamp.at,
            });
        }
    }

    fn finish<H: Held>(
        mut self,
        projection: &Projection<'_, H>,
        listing: &Listing,
        plan: &mut Plan,
    ) {
        if listing.is_complete {
            let memory = projection.memory;
            // One more than may vanish decides about all of them; the others are asked for when these are settled.
            let most = vanish_limit(self.alive)
                + super::interlock::allowance(projection.number, self.now)
                + 1;
            let room = most.saturating_sub(memory.suspects.len());
            let missing = self.missing.into_iter();
            let asked = missing
                .filter(|id| !memory.suspects.contains(id))
                .filter(|id| {
                    let group = projection.held.group(id);
                    let is_resting =
                        |group| !self.is_healed && memory.is_resting_unlisted(group, self.now);
                    !group.is_some_and(is_resting)
                })
                .take(room);
            self.steps.extend(asked.map(|id| Step::Suspect {
                group_id: id.clone(),
                ended: listing.ended,
            }));
            self.steps.sort_by(|a, b| a.group_id().cmp(b.group_id()));
        }
        plan.steps.append(&mut self.steps);
        plan.is_healed = self.is_healed;
        plan.summary = Some(self.summary);
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

/// Held as alive, and created before what the list may not have seen yet; who is told of a creation knows of no earlier one.
fn is_alive_before(group: &Group, says: Second) -> bool {
    let created = group.core.created.as_ref();
    is_alive(group) && created.is_none_or(|created| created.value < says)
}
