//! What is shown, held against what is true.

use std::collections::BTreeSet;

use domain::{
    event::{About, Event, GroupEvent},
    group::{Existence, Participant, View},
    ids::Second,
};

use super::Rollcall;
use crate::{
    meta::{Chronicle, Meta, approval, description, phone, subject, user_id},
    world::Drift,
};

impl Rollcall {
    fn view(&self, group: &Chronicle) -> Option<View> {
        self.groups.get(&group.group_id)?.view()
    }

    /// Is what was lost right now?
    pub fn is_right(&self, meta: &Meta, drift: &Drift) -> bool {
        let Some(group) = meta.groups.get(drift.place) else {
            return false;
        };
        let Some(state) = group.last() else {
            return false;
        };
        let view = self.groups.get(&group.group_id).and_then(|g| g.shown());
        let existence = view.as_ref().and_then(|view| view.existence);
        if state.is_gone {
            // Whatever else was wrong, it is right that nothing is shown.
            return existence == Some(Existence::Gone) || view.is_none();
        }
        let Some(view) = view else {
            return false;
        };
        match (drift.kind, drift.person) {
            ("subject", _) => view.subject == Some(subject(drift.place, state.subject)),
            ("settings", _) => {
                view.description.clone().unwrap_or_default() == description(state.description)
            }
            ("suspended", _) => view.suspended.unwrap_or_default() == state.suspended,
            ("member", Some(person)) => {
                let is_in = state.members.contains(&person);
                view.participants.iter().any(|p| is(p, person, meta)) == is_in
            }
            ("join_request", Some(person)) => {
                let waits = state.waiting.contains_key(&person);
                let mut asks = view.join_requests.iter();
                asks.any(|ask| is(&ask.person, person, meta)) == waits
            }
            _ => existence == Some(Existence::Active),
        }
    }

    /// Where what is shown and the truth differ, in words.
    pub fn differences(&self, meta: &Meta) -> Vec<String> {
        let mut differences = Vec::new();
        for (place, group) in meta.groups.iter().enumerate() {
            let view = self.view(group);
            if let Some(difference) = difference(place, group, view.as_ref(), meta) {
                differences.push(format!("{}: {difference}", group.group_id));
            }
        }
        for group_id in self.groups.keys() {
            if !meta.index.contains_key(group_id) {
                differences.push(format!("{group_id}: there never was such a group"));
            }
        }
        differences
    }

    /// Notes a living group that an event asserts gone.
    pub fn note_wrongly_gone(&mut self, at: Second, event: &Event, meta: &Meta) {
        if let About::Group(group_id, GroupEvent::Unknown) = &event.about
            && let Some(place) = meta.index.get(group_id)
            && let Some(state) = meta.groups.get(*place).and_then(Chronicle::last)
            && !state.is_gone
        {
            self.wrongly_gone.push(format!("{at} {group_id}"));
        }
    }
}

fn is(shown: &Participant, person: u32, meta: &Meta) -> bool {
    let identities = meta.identity(person, Second::MAX);
    (0..=identities).any(|identity| {
        shown.user_id.as_deref() == Some(&user_id(person, identity))
            || shown.user_id.is_none() && shown.wa_id.as_deref() == Some(&phone(person, identity))
    })
}

/// By what somebody is known now: of a group that was read no former identifier may be shown.
fn who(shown: &Participant, candidates: &BTreeSet<u32>, meta: &Meta) -> Option<u32> {
    candidates.iter().copied().find(|person| {
        let identity = meta.identity(*person, Second::MAX);
        let is_user = shown.user_id.as_deref() == Some(&user_id(*person, identity));
        let is_phone = shown.wa_id.as_deref() == Some(&phone(*person, identity));
        match (&shown.user_id, &shown.wa_id) {
            (Some(_), Some(_)) => is_user && is_phone,
            (Some(_), None) => is_user,
            (None, Some(_)) => is_phone,
            (None, None) => false,
        }
    })
}

fn difference(place: usize, group: &Chronicle, view: Option<&View>, meta: &Meta) -> Option<String> {
    let state = group.last()?;
    let existence = view.and_then(|view| view.existence);
    if state.is_gone {
        // One that was never heard of, or is forgotten, is gone too.
        let is_right = view.is_none() || existence == Some(Existence::Gone);
        return (!is_right).then(|| format!("is gone and shown as {existence:?}"));
    }
    let Some(view) = view.filter(|_| existence == Some(Existence::Active)) else {
        return Some(format!("lives and is shown as {existence:?}"));
    };
    if view.subject != Some(subject(place, state.subject)) {
        return Some(format!(
            "subject {:?} and not {}",
            view.subject, state.subject
        ));
    }
    if view.suspended.unwrap_or_default() != state.suspended {
        return Some(format!("suspended {:?}", view.suspended));
    }
    if view.description.clone().unwrap_or_default() != description(state.description) {
        return Some(format!("description {:?}", view.description));
    }
    if view.join_approval_mode != Some(approval(state.by_approval)) {
        return Some(format!("approval {:?}", view.join_approval_mode));
    }
    let members: BTreeSet<u32> = view
        .participants
        .iter()
        .filter_map(|shown| who(shown, &state.members, meta))
        .collect();
    if members != state.members || view.participants.len() != members.len() {
        return Some(format!(
            "members {:?} and not {:?}",
            view.participants, state.members
        ));
    }
    let waiting: BTreeSet<u32> = state.waiting.keys().copied().collect();
    let shown: BTreeSet<u32> = view
        .join_requests
        .iter()
        .filter_map(|ask| who(&ask.person, &waiting, meta))
        .collect();
    if shown != waiting || view.join_requests.len() != shown.len() {
        return Some(format!(
            "waiting {:?} and not {:?}",
            view.join_requests, waiting
        ));
    }
    let in_doubt = &view.in_doubt;
    (!in_doubt.is_empty()).then(|| format!("in doubt: {in_doubt:?}"))
}
