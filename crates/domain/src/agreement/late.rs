//! What counts as lost, for as long as the webhook that tells it may yet come.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Repair};
use crate::{
    event::{About, Event, GroupEvent, Person, Source},
    group::named,
    ids::{GroupId, PersonId, Second, digits},
    limits::{LATE_SECONDS_MAX, OPEN_REPAIRS_MAX, TAKEN_BACK_SECONDS_MAX},
};

/// Repairs whose webhook may yet come.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Open {
    by_group: BTreeMap<GroupId, Vec<Waiting>>,
    /// When each was found, oldest first, so that forgetting costs nothing.
    found: std::collections::VecDeque<(Second, GroupId)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    kind: Kind,
    /// The second that the read spoke of: the webhook must be of no later one.
    read_at: Second,
    found: Second,
    ids: BTreeSet<PersonId>,
    undoes: Option<Second>,
}

impl Open {
    pub(super) fn add(&mut self, repair: &Repair) {
        if self.found.len() >= OPEN_REPAIRS_MAX
            && let Some((found, group_id)) = self.found.pop_front()
        {
            self.drop_found(found, &group_id);
        }
        let waiting = Waiting {
            kind: repair.kind,
            read_at: repair.found,
            found: repair.found,
            ids: repair.ids.clone(),
            undoes: repair.undoes,
        };
        self.found
            .push_back((waiting.found, repair.group_id.clone()));
        self.by_group
            .entry(repair.group_id.clone())
            .or_default()
            .push(waiting);
    }

    /// Does this repair take back an earlier one, that had taken back a webhook's word?
    /// Then Meta's API had lagged by more than was allowed; gives by how much at least.
    pub(super) fn takes_back(&mut self, repair: &Repair) -> Option<Second> {
        let waiting = self.by_group.get_mut(&repair.group_id)?;
        let place = waiting.iter().position(|earlier| {
            earlier.kind == repair.kind.counterpart()
                && earlier.undoes.is_some()
                && (earlier.ids.is_empty() || !earlier.ids.is_disjoint(&repair.ids))
                && earlier.found < repair.found
                && repair.found - earlier.found <= TAKEN_BACK_SECONDS_MAX
        })?;
        let earlier = waiting.remove(place);
        Some(earlier.found - earlier.undoes?)
    }

    /// The kinds of what waited for this webhook.
    pub(super) fn heard(&mut self, event: &Event) -> Vec<Kind> {
        let About::Group(group_id, what) = &event.about else {
            return Vec::new();
        };
        if event.source != Source::Webhook {
            return Vec::new();
        }
        let Some(waiting) = self.by_group.get_mut(group_id) else {
            return Vec::new();
        };
        let mut late = Vec::new();
        waiting.retain(|waiting| {
            let is_it = event.at <= waiting.read_at && tells(what, waiting);
            if is_it {
                late.push(waiting.kind);
            }
            !is_it
        });
        if waiting.is_empty() {
            self.by_group.remove(group_id);
        }
        late
    }

    /// Meta tries for seven days: what has not come by then is lost.
    pub(super) fn forget_before(&mut self, now: Second) {
        while let Some((found, _)) = self.found.front()
            && *found < now - LATE_SECONDS_MAX
            && let Some((found, group_id)) = self.found.pop_front()
        {
            self.drop_found(found, &group_id);
        }
    }

    pub(super) fn forget(&mut self, group_id: &GroupId) {
        self.by_group.remove(group_id);
    }

    fn drop_found(&mut self, found: Second, group_id: &GroupId) {
        if let Some(waiting) = self.by_group.get_mut(group_id) {
            waiting.retain(|waiting| waiting.found > found);
            if waiting.is_empty() {
                self.by_group.remove(group_id);
            }
        }
    }
}

fn tells(what: &GroupEvent, waiting: &Waiting) -> bool {
    let names = |people: &[Person]| people.iter().any(|person| is_one_of(person, &waiting.ids));
    match (waiting.kind, what) {
        (Kind::Created, GroupEvent::Created(_)) | (Kind::Gone, GroupEvent::Deleted) => true,
        (Kind::Subject, GroupEvent::SettingsUpdated { subject, .. }) => subject.is_some(),
        (
            Kind::Settings,
            GroupEvent::SettingsUpdated {
                description,
                picture_sha256,
                ..
            },
        ) => description.is_some() || picture_sha256.is_some(),
        (Kind::Suspended, GroupEvent::Suspended(_)) => true,
        (
            Kind::Member,
            GroupEvent::ParticipantsAdded { participants }
            | GroupEvent::ParticipantsRemoved { participants },
        ) => names(participants),
        (
            Kind::JoinRequest,
            GroupEvent::JoinRequestCreated { person, .. }
            | GroupEvent::JoinRequestClosed { person, .. },
        ) => is_one_of(person, &waiting.ids),
        (
            Kind::Created
            | Kind::Gone
            | Kind::Subject
            | Kind::Settings
            | Kind::Suspended
            | Kind::Member
            | Kind::JoinRequest,
            _,
        ) => false,
    }
}

fn is_one_of(person: &Person, ids: &BTreeSet<PersonId>) -> bool {
    let number = person.wa_id.as_deref().map(digits);
    named(person).id.is_some_and(|id| ids.contains(&id))
        || number.is_some_and(|number| ids.contains(&number))
}
