//! Persons who changed their identifiers: every group that holds an old one is told of the new.

use std::collections::BTreeSet;

use super::{Held, Plan, Projection, Step};
use crate::{
    event::Person,
    group::{Group, Links, named},
    ids::{EventId, PersonId, Second, Text, digits, is_number},
    limits::LINK_GRACE_SECONDS,
    number::IdentityChange,
    register::{Doubt, Rank, Registers},
};

/// Every old identifier of a person whose identity changed leads to the new one, in every group that holds it.
///
/// A change is kept for days because a webhook that late may still name the old identifier:
/// so a group is looked at again whenever it has changed, and all groups for a change that is new.
pub(super) fn fan_out<H: Held>(projection: &Projection<'_, H>, plan: &mut Plan) {
    let Some(number) = projection.number else {
        return;
    };
    let changes = &number.core.identity_changes;
    let memory = projection.memory;
    if changes.is_empty() && memory.fanned.is_empty() {
        return;
    }
    let is_new = |change: &IdentityChange| !memory.fanned.contains(&change.event_id);
    if !changes.is_empty() {
        let any_new = changes.iter().any(is_new);
        // Both are in order: side by side they cost no search, which would be most of what a plan for many groups costs.
        let mut scanned = memory.scanned.iter().peekable();
        for (group_id, group) in projection.held.groups() {
            let position = group.envelope.position;
            while scanned.next_if(|(id, _)| *id < group_id).is_some() {}
            let before = scanned.next_if(|(id, _)| *id == group_id);
            let has_changed = before.is_none_or(|(_, before)| *before != position);
            if !has_changed && !any_new {
                continue;
            }
            for change in changes.iter().filter(|c| has_changed || is_new(c)) {
                let links = unlinked(group, change);
                if !links.is_empty() {
                    plan.steps.push(Step::Link {
                        group_id: group_id.clone(),
                        at: change.at,
                        links,
                    });
                }
            }
            if has_changed {
                plan.scanned.push((group_id.clone(), position));
            }
        }
    }
    let fanned: Vec<EventId> = changes.iter().map(|change| change.event_id).collect();
    plan.fanned = Some(fanned);
}

/// The identifiers of the changed person that a group holds, each set with what it is to lead to, where the fold would take it.
///
/// A former number leads to the new number, and that to the user id: only so the new number is shown, and not the greater.
/// All else leads to the new user id, or to the new number where no user id is given.
pub(super) fn unlinked(group: &Group, change: &IdentityChange) -> Vec<(Vec<PersonId>, PersonId)> {
    let core = &group.core;
    let Some(new) = named(&change.new).id else {
        return Vec::new();
    };
    // What the fold would not take must not be said again and again.
    if change.at < core.roster.saturating_sub(LINK_GRACE_SECONDS) {
        return Vec::new();
    }
    let old = leads_to(group, change, &new);
    if old.is_empty() {
        return Vec::new();
    }
    let is_said = |old: &PersonId, new: &PersonId| {
        core.is.get(old).is_some_and(|link| {
            let (held, said) = (
                (link.stamp.at, link.stamp.rank),
                (change.at, Rank::Statement),
            );
            held > said || held == said && (link.value == *new || link.doubt)
        })
    };
    let number = new_number(&change.new).filter(|number| *number != new);
    let (numbers, mut others): (BTreeSet<Text>, BTreeSet<Text>) =
        old.into_iter().partition(|id| is_number(id));
    let mut links = Vec::new();
    let mut say = |old: BTreeSet<Text>, new: &PersonId| {
        let old: Vec<PersonId> = old
            .into_iter()
            .filter(|old| old != new && (is_number(old) || !is_number(new)) && !is_said(old, new))
            .collect();
        if !old.is_empty() {
            links.push((old, new.clone()));
        }
    };
    match number {
        Some(number) => {
            others.insert(number.clone());
            say(numbers, &number);
            say(others, &new);
        }
        None => say(numbers.into_iter().chain(others).collect(), &new),
    }
    links
}

/// The number that somebody has now, if it was given.
fn new_number(new: &Person) -> Option<Text> {
    let number = digits(new.wa_id.as_deref()?);
    (!number.is_empty()).then_some(number)
}

/// The identifiers of the changed person that a group holds, but for `new` itself:
/// those given, and what each resolves to by links stamped at or before the change.
fn leads_to(group: &Group, change: &IdentityChange, new: &PersonId) -> BTreeSet<PersonId> {
    let core = &group.core;
    let links = core
        .is
        .iter()
        .filter(|(_, link)| link.stamp.at <= change.at);
    let links = Registers::from_unsorted(
        links.map(|(id, link)| (id.clone(), link.clone())),
        Doubt::Kept,
    );
    let links = Links::new(&links);
    // A number may be somebody else's after its owner left it; a user id is nobody else's ever.
    let is_theirs = |id: &str, at: Second| at <= change.at || !is_number(id);
    let holds = |id: &str| {
        let stamps = [
            core.member.get(id).map(|member| member.stamp.at),
            core.ask.get(id).map(|ask| ask.stamp.at),
            core.is.get(id).map(|link| link.stamp.at),
        ];
        let mut to_it = core.is.iter().filter(|(_, link)| link.value == id);
        stamps.into_iter().flatten().any(|at| is_theirs(id, at))
            || to_it.any(|(_, link)| is_theirs(id, link.stamp.at))
    };
    let mut old = BTreeSet::new();
    for id in change.old.iter().filter(|id| holds(id)) {
        old.insert(id.clone());
        old.insert(Text::new(links.resolve(id)));
    }
    old.remove(new);
    old
}
