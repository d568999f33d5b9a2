//! What holds for any events: larger sets in any order, restarts anywhere, and the view.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};

use super::{catalogue::catalogue, scenario::*};
use crate::{
    event::{Event, GroupEvent},
    group::{Applied, Core, Existence, FieldChange, Group, Links, fold},
    ids::Text,
    position::Envelope,
    testing::*,
};

/// Events of the catalogue, moved by some seconds, perhaps one at a time to a new second.
fn events(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    let catalogue = catalogue();
    let one = (any::<Index>(), -3_i64..4).prop_map(move |(index, seconds)| {
        let mut event = index.get(&catalogue).clone();
        event.at += seconds;
        event.id.0[0] ^= seconds.to_be_bytes()[7];
        event
    });
    prop::collection::vec(one, count)
}

/// The same, and what follows the order of the log.
fn log(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    let own = prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 0..4);
    (events(count), own).prop_map(|(mut events, own)| {
        for (place, other, forgets) in own {
            let stamp = other.get(&events).at;
            let what = if forgets {
                GroupEvent::Forgotten { stamp }
            } else {
                let ids = [N1, U1].map(Text::new).to_vec();
                GroupEvent::Erased { ids }
            };
            events.insert(place.index(events.len() + 1), of_group(stamp, what));
        }
        events
    })
}

fn core(events: &[Event]) -> Core {
    let mut core = Core::default();
    for event in events {
        fold::fold(&mut core, event, group_event(event));
    }
    core
}

fn view_of(core: &Core) -> Option<crate::group::View> {
    Group::restore(core.clone(), Envelope::default()).view()
}

fn replay(group: &mut Group, events: &[Event], from: i64) -> Vec<Applied<FieldChange>> {
    (from..)
        .zip(events)
        .map(|(offset, event)| group.apply(&group_id(), event, position(offset)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn larger_sets_shuffled_and_duplicated_give_the_same_core(
        events in events(1..40),
        seed in any::<u64>(),
    ) {
        let whole = core(&events);
        let mut random = Random(seed);
        let mut shuffled = events.clone();
        for _ in 0..events.len() / 2 {
            shuffled.push(events[random.below(events.len())].clone());
        }
        random.shuffle(&mut shuffled);
        prop_assert_eq!(core(&shuffled), whole);
    }

    #[test]
    fn what_is_shown_after_each_event_is_what_the_core_shows_and_the_changes_are_the_difference(
        events in log(1..40),
    ) {
        let mut group = Group::default();
        for (offset, event) in (1..).zip(&events) {
            let before = view_of(&group.core);
            let applied = group.apply(&group_id(), event, position(offset));
            let after = view_of(&group.core);
            prop_assert_eq!(group.view(), after.clone());
            let told = match applied {
                Applied::View { changes, .. } | Applied::Forgotten { changes, .. } => changes,
                Applied::Core | Applied::Unchanged => Vec::new(),
            };
            prop_assert_eq!(told, super::super::diff(before.as_ref(), after.as_ref()));
        }
    }

    #[test]
    fn a_state_stored_anywhere_and_the_rest_of_the_log_are_the_whole(
        events in log(1..30),
        place in any::<Index>(),
        again in any::<Index>(),
    ) {
        let mut whole = Group::default();
        let told = replay(&mut whole, &events, 1);
        let place = place.index(events.len());
        let mut group = Group::default();
        let mut parts = replay(&mut group, &events[..place], 1);
        let mut restored = Group::restore(group.core, group.envelope);
        parts.extend(replay(&mut restored, &events[place..], 1 + place as i64));
        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(restored.view(), whole.view());
        prop_assert_eq!(parts, told);
        // What was folded before the state's own position is skipped.
        if whole.envelope != Envelope::default() {
            let again = again.index(whole.envelope.position.offset as usize);
            let known = whole.clone();
            let end = whole.envelope.position.offset as usize;
            for applied in replay(&mut whole, &events[again..end], 1 + again as i64) {
                prop_assert_eq!(applied, Applied::Unchanged);
            }
            prop_assert_eq!(whole, known);
        }
    }

    #[test]
    fn what_is_told_is_what_changed(events in log(1..30)) {
        let mut group = Group::default();
        for (offset, event) in (1..).zip(&events) {
            let (core, envelope) = (group.core.clone(), group.envelope);
            let before = group.view();
            let applied = group.apply(&group_id(), event, position(offset));
            let fresh = Group::restore(group.core.clone(), group.envelope);
            prop_assert_eq!(group.view(), fresh.view(), "the kept view is the view");
            match applied {
                Applied::Unchanged => {
                    prop_assert_eq!(&group.core, &core);
                    prop_assert_eq!(group.envelope, envelope);
                }
                Applied::Core => {
                    prop_assert!(group.core != core);
                    prop_assert_eq!(group.view(), before);
                    prop_assert_eq!(group.envelope.position, position(offset));
                    prop_assert_eq!(group.envelope.version, envelope.version);
                }
                Applied::View { previous_version, .. } => {
                    prop_assert!(group.view() != before);
                    prop_assert_eq!(previous_version, envelope.version);
                    prop_assert_eq!(group.envelope.position, position(offset));
                    prop_assert_eq!(group.envelope.version, Some(position(offset)));
                }
                Applied::Forgotten { previous_version, .. } => {
                    prop_assert_eq!(previous_version, envelope.version);
                    prop_assert_eq!(&group, &Group::default());
                }
            }
        }
    }

    #[test]
    fn the_view_shows_everybody_once(events in events(1..30)) {
        let core = core(&events);
        let Some(view) = view_of(&core) else { return Ok(()) };
        prop_assert_eq!(view_of(&core), Some(view.clone()), "it is a function of the core");
        if view.existence == Some(Existence::Gone) {
            prop_assert!(view.participants.is_empty() && view.join_requests.is_empty());
        }
        let links = Links::new(&core.is);
        let mut shown = BTreeSet::new();
        let waiting = view.join_requests.iter().map(|waiting| &waiting.person);
        for person in view.participants.iter().chain(waiting) {
            // All that is shown of one person leads to one identifier that is shown of nobody else.
            let ids: BTreeSet<&str> = [&person.wa_id, &person.user_id].into_iter().flatten().map(|id| links.resolve(id)).collect();
            for id in ids {
                prop_assert!(shown.insert(id), "{} twice in {:?}", id, view);
            }
        }
        for member in &view.participants {
            prop_assert!(member.wa_id.is_some() || member.user_id.is_some());
        }
        let requests: Vec<_> = view.join_requests.iter().filter_map(|one| one.join_request_id.as_ref()).collect();
        let distinct: BTreeSet<_> = requests.iter().collect();
        prop_assert_eq!(distinct.len(), requests.len());
        prop_assert!(view.in_doubt.is_sorted());
    }

    #[test]
    fn floors_hold_and_nothing_lies_under_them(events in events(1..30)) {
        let core = core(&events);
        prop_assert!(core.member.iter().all(|(_, r)| r.stamp.at >= core.roster));
        prop_assert!(core.label.iter().all(|(_, r)| r.stamp.at >= core.roster && !r.doubt));
        prop_assert!(core.parent.iter().all(|(_, r)| r.stamp.at >= core.roster && !r.doubt));
        prop_assert!(core.ask.iter().all(|(_, r)| r.stamp.at >= core.asks));
        prop_assert!(core.ask_detail.iter().all(|(_, r)| r.stamp.at >= core.asks && !r.doubt));
        let links = core.roster - crate::limits::LINK_GRACE_SECONDS;
        prop_assert!(core.is.iter().all(|(_, r)| r.stamp.at >= links));
    }
}
