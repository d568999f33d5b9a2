//! What counts as lost, for as long as the webhook that tells it may yet come.
//!
//! A webhook tells what waits if it says the same of the same person, and is of a second between the group's last known
//! rightness and the evidence: that bound keeps a second delivery of an older webhook from explaining a younger loss.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Repair};
use crate::{
    event::{About, Event, GroupEvent, Person, Source},
    group::named,
    ids::{GroupId, PersonId, Second, digits, is_number},
    limits::{LATE_SECONDS_MAX, OPEN_REPAIRS_MAX, TAKEN_BACK_SECONDS_MAX},
    position::Position,
};

/// Repairs whose webhook may yet come.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Open {
    by_group: BTreeMap<GroupId, Vec<Waiting>>,
    /// When each was found, oldest first, so that forgetting costs nothing.
    found: std::collections::VecDeque<(Second, GroupId)>,
}

/// A change that no webhook has told yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) kind: Kind,
    pub(super) ids: BTreeSet<PersonId>,
    /// Did somebody come, was it suspended? `None` where there is no contrary, or it is not known.
    pub(super) comes: Option<bool>,
    /// When the group was last known to be right: the webhook is of no earlier second.
    pub(super) after: Second,
    /// When the change was seen: the webhook is of no later second.
    pub(super) until: Second,
    /// When it was found.
    pub(super) found: Second,
    pub(super) undoes: Option<Second>,
    /// What the group had folded when it was found.
    pub(super) position: Position,
    /// Was it seen by another webhook, and not by a read? Then it was no drift that a read found.
    pub(super) is_implied: bool,
}

impl Waiting {
    fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.comes == other.comes
            && (self.ids.is_empty() || !self.ids.is_disjoint(&other.ids))
    }
}

impl Open {
    pub(super) fn add(&mut self, group_id: &GroupId, waiting: Waiting) {
        if self.found.len() >= OPEN_REPAIRS_MAX
            && let Some((found, group_id)) = self.found.pop_front()
        {
            self.drop_found(found, &group_id);
        }
        self.found.push_back((waiting.found, group_id.clone()));
        self.by_group
            .entry(group_id.clone())
            .or_default()
            .push(waiting);
    }

    /// Was this found before, and is not folded yet?
    pub(super) fn is_on_its_way(&self, group_id: &GroupId, waiting: &Waiting) -> bool {
        let earlier = self.by_group.get(group_id).into_iter().flatten();
        earlier
            .filter(|earlier| earlier.position == waiting.position)
            .any(|earlier| earlier.is_same(waiting))
    }

    /// Do two answers of Meta's that lag differently contradict each other about what changed once?
    /// Both speak of seconds before they were asked by `lag`: until that is over one may show what was, and another what is.
    pub(super) fn is_echo(&self, group_id: &GroupId, waiting: &Waiting, lag: Second) -> bool {
        let earlier = self.by_group.get(group_id).into_iter().flatten();
        earlier
            .filter(|earlier| !earlier.is_implied && earlier.kind == waiting.kind)
            .filter(|earlier| earlier.ids.is_empty() || !earlier.ids.is_disjoint(&waiting.ids))
            .any(|earlier| waiting.found - earlier.found <= lag)
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

    /// What waited for this webhook: one for each change that it tells.
    pub(super) fn heard(&mut self, event: &Event) -> Vec<Waiting> {
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
        for told in tellings(what) {
            let place = waiting.iter().position(|waiting| {
                (waiting.after..=waiting.until).contains(&event.at) && told.tells(waiting)
            });
            late.extend(place.map(|place| waiting.remove(place)));
        }
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

/// One change that a webhook tells.
struct Telling<'a> {
    kind: Kind,
    person: Option<&'a Person>,
    comes: Option<bool>,
}

/// The changes that a webhook tells.
fn tellings<'a>(what: &'a GroupEvent) -> Vec<Telling<'a>> {
    let one = |kind, person, comes| Telling {
        kind,
        person,
        comes,
    };
    let all = |people: &'a [Person], comes| -> Vec<Telling<'a>> {
        let people = people.iter();
        people
            .map(|person| one(Kind::Member, Some(person), Some(comes)))
            .collect()
    };
    match what {
        GroupEvent::Created(_) => vec![one(Kind::Created, None, None)],
        GroupEvent::Deleted => vec![one(Kind::Gone, None, None)],
        GroupEvent::Suspended(suspended) => vec![one(Kind::Suspended, None, Some(*suspended))],
        GroupEvent::SettingsUpdated {
            subject,
            description,
            picture_sha256,
        } => {
            let others = [description, picture_sha256];
            let subject = subject.iter().map(|_| one(Kind::Subject, None, None));
            let others = others.into_iter().flatten();
            let others = others.map(|_| one(Kind::Settings, None, None));
            subject.chain(others).collect()
        }
        GroupEvent::ParticipantsAdded { participants } => all(participants, true),
        GroupEvent::ParticipantsRemoved { participants } => all(participants, false),
        GroupEvent::JoinRequestCreated { person, .. } => {
            vec![one(Kind::JoinRequest, Some(person), Some(true))]
        }
        GroupEvent::JoinRequestClosed { person, .. } => {
            vec![one(Kind::JoinRequest, Some(person), Some(false))]
        }
        GroupEvent::MessageReceived { .. }
        | GroupEvent::Hinted { .. }
        | GroupEvent::Read(_)
        | GroupEvent::JoinRequestsRead { .. }
        | GroupEvent::Listed { .. }
        | GroupEvent::Unknown
        | GroupEvent::Unlisted
        | GroupEvent::IdentityLinked { .. }
        | GroupEvent::JoinRequestsAnswered { .. }
        | GroupEvent::InviteLinkAnswered { .. }
        | GroupEvent::Forgotten { .. }
        | GroupEvent::Erased { .. } => Vec::new(),
    }
}

impl Telling<'_> {
    fn tells(&self, waiting: &Waiting) -> bool {
        self.kind == waiting.kind
            && (waiting.comes.is_none() || self.comes == waiting.comes)
            && self
                .person
                .is_none_or(|person| may_be_one_of(person, &waiting.ids))
    }
}

/// Names it one of these, or could it, for the one names only a number and the others only a user id?
fn may_be_one_of(person: &Person, ids: &BTreeSet<PersonId>) -> bool {
    let number = person.wa_id.as_deref().map(digits);
    let Some(id) = named(person).id else {
        return false;
    };
    let is_named = ids.contains(&id) || number.as_ref().is_some_and(|n| ids.contains(n));
    let names_user = !is_number(&id);
    let (user_ids, numbers): (Vec<_>, Vec<_>) = ids.iter().partition(|id| !is_number(id));
    let is_unlike =
        !names_user && numbers.is_empty() || number.is_none() && names_user && user_ids.is_empty();
    is_named || is_unlike
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const T: Second = 1_780_000_000;

    fn waiting(kind: Kind, id: &str, comes: Option<bool>, found: Second) -> Waiting {
        Waiting {
            kind,
            ids: BTreeSet::from([PersonId::from(id)]),
            comes,
            after: T,
            until: found,
            found,
            undoes: None,
            position: position(1),
            is_implied: false,
        }
    }

    #[test]
    fn only_the_same_of_the_same_person_is_on_its_way() {
        let mut open = Open::default();
        let came = waiting(Kind::Member, U1, Some(true), T + 10);
        open.add(&group_id(), came.clone());
        assert!(open.is_on_its_way(&group_id(), &came));
        for other in [
            waiting(Kind::JoinRequest, U1, Some(true), T + 10),
            waiting(Kind::Member, U1, Some(false), T + 10),
            waiting(Kind::Member, U2, Some(true), T + 10),
            Waiting {
                position: position(2),
                ..came
            },
        ] {
            assert!(!open.is_on_its_way(&group_id(), &other), "{other:?}");
        }
    }

    #[test]
    fn what_has_not_come_within_what_meta_tries_is_forgotten_and_nothing_else() {
        let (early, late) = (T + 10, T + 20);
        let mut open = Open::default();
        open.add(&group_id(), waiting(Kind::Member, U1, None, early));
        open.add(&group_id(), waiting(Kind::Member, U2, None, late));
        let before = open.clone();
        open.forget_before(early + LATE_SECONDS_MAX);
        assert_eq!(open, before, "on the last second");
        open.forget_before(late + LATE_SECONDS_MAX);
        let mut expected = Open::default();
        expected.add(&group_id(), waiting(Kind::Member, U2, None, late));
        assert_eq!(open, expected, "after the first");
        open.forget_before(late + LATE_SECONDS_MAX + 1);
        assert_eq!(open, Open::default(), "after both");
    }
}
