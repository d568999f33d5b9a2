//! Persons who changed their identifiers: every group that holds an old one is told of the new.

use std::collections::BTreeSet;

use domain::{
    event::{About, Event, GroupEvent, HintReason, Source},
    group::{Group, Links, named},
    ids::{GroupId, PersonId, Second, Text, is_number},
    limits::LINK_GRACE_SECONDS,
    number::IdentityChange,
    register::{Doubt, Rank, Registers},
};

use super::Keeper;
use crate::{append::event, upstream::Read};

impl<R: Read> Keeper<R> {
    /// Every old identifier of a person whose identity changed leads to the new one, in every group that holds it.
    ///
    /// A change is kept for days because a webhook that late may still name the old identifier:
    /// so a group is looked at again whenever it has changed, and all groups for a change that is new.
    pub(super) async fn fan_out(&mut self) -> Result<(), eventlog::Error> {
        let Some(number) = self.snapshots.held().number(&self.number) else {
            return Ok(());
        };
        let all: Vec<(&IdentityChange, PersonId)> = number
            .core
            .identity_changes
            .iter()
            .filter_map(|change| Some((change, named(&change.new).id?)))
            .collect();
        if all.is_empty() {
            self.memory.scanned.clear();
            self.memory.fanned.clear();
            return Ok(());
        }
        let is_new = |change: &IdentityChange| !self.memory.fanned.contains(&change.event_id);
        let mut events = Vec::new();
        let mut looked_at = Vec::new();
        for (group_id, group) in self.snapshots.held().groups_of(&self.number) {
            let position = group.envelope.position;
            let has_changed = self.memory.scanned.get(&group_id) != Some(&position);
            for (change, new) in all.iter().filter(|(c, _)| has_changed || is_new(c)) {
                let old = unlinked(&group, change, new);
                if !old.is_empty() {
                    events.extend(self.linked(&group_id, change, old, new));
                }
            }
            if has_changed {
                looked_at.push((group_id, position));
            }
        }
        let fanned = all.iter().map(|(change, _)| change.event_id).collect();
        self.append(&events).await?;
        self.memory.scanned.extend(looked_at);
        self.memory.fanned = fanned;
        Ok(())
    }

    fn linked(
        &self,
        group_id: &GroupId,
        change: &IdentityChange,
        old: Vec<PersonId>,
        new: &PersonId,
    ) -> [Event; 2] {
        let new = new.clone();
        let hint = GroupEvent::Hinted {
            reason: HintReason::IdentityChanged,
        };
        [GroupEvent::IdentityLinked { old, new }, hint].map(|what| {
            let about = About::Group(group_id.clone(), what);
            event(&self.number, change.at, Source::Rollcall, about)
        })
    }
}

/// The identifiers of the changed person that a group holds and that the fold would lead to `new`, if it were told.
fn unlinked(group: &Group, change: &IdentityChange, new: &PersonId) -> Vec<PersonId> {
    let core = &group.core;
    // What the fold would not take must not be said again and again.
    if change.at < core.roster.saturating_sub(LINK_GRACE_SECONDS) {
        return Vec::new();
    }
    let is_said = |old: &PersonId| {
        core.is.get(old).is_some_and(|link| {
            let (held, said) = (
                (link.stamp.at, link.stamp.rank),
                (change.at, Rank::Statement),
            );
            held > said || held == said && (link.value == *new || link.doubt)
        })
    };
    let mut old = leads_to(group, change, new);
    old.retain(|old| (is_number(old) || !is_number(new)) && !is_said(old));
    old
}

/// The identifiers of the changed person that a group holds, but for `new` itself:
/// those given, and what each resolves to by links stamped at or before the change.
fn leads_to(group: &Group, change: &IdentityChange, new: &PersonId) -> Vec<PersonId> {
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
    old.into_iter().collect()
}

#[cfg(test)]
mod tests;
