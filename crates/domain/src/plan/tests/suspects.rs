use std::collections::BTreeMap;

use crate::{
    group::Group,
    ids::{GroupId, Second},
    limits::{CONFIRMED_REST_SECONDS, SHOWN_REST_SECONDS},
    plan::{Confirmed, Listed, Listing, Memory, Outcome, Plan, Step, Suspects},
};

const LAG: Second = 300;

fn group() -> GroupId {
    GroupId::parse("g1").unwrap()
}

fn due(suspects: &Suspects, now: Second) -> usize {
    suspects.due(now, LAG).count()
}

/// Unknown, while another group is seen before and after.
fn unknown(suspects: &mut Suspects, t0: Second) {
    suspects.unknown(&group(), t0, t0);
    suspects.sighted(t0);
}

fn listing(is_complete: bool, groups: &[&str]) -> Listing {
    let groups = groups
        .iter()
        .map(|id| (GroupId::parse(id).unwrap(), Listed::default()));
    Listing {
        is_complete,
        groups: groups.collect(),
        ..Listing::default()
    }
}

#[test]
fn one_that_is_missing_is_asked_for_at_once_and_unknown_once_confirms_nothing() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    assert_eq!(due(&suspects, 0), 1);
    unknown(&mut suspects, 1_000);
    assert!(suspects.confirmed(LAG).is_empty());
    assert_eq!(due(&suspects, 1_300), 0);
    assert_eq!(due(&suspects, 1_301), 1);
}

#[test]
fn unknown_twice_within_the_lag_confirms_nothing() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    unknown(&mut suspects, 1_000);
    unknown(&mut suspects, 1_300);
    assert!(suspects.confirmed(LAG).is_empty());
    assert_eq!((due(&suspects, 1_300), due(&suspects, 1_301)), (0, 1));
}

#[test]
fn unknown_twice_with_the_lag_between_is_confirmed_and_then_left_alone_for_a_day() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    unknown(&mut suspects, 1_000);
    unknown(&mut suspects, 1_301);
    let confirmed = Confirmed {
        group_id: group(),
        first: 1_000,
        last: 1_301,
        is_controlled: true,
    };
    assert_eq!(suspects.confirmed(LAG), [confirmed]);
    assert_eq!(due(&suspects, 1_301 + CONFIRMED_REST_SECONDS), 0);
    assert_eq!(due(&suspects, 1_302 + CONFIRMED_REST_SECONDS), 1);
}

#[test]
fn unknown_by_id_and_never_missing_from_a_complete_list_confirms_nothing() {
    let mut suspects = Suspects::default();
    unknown(&mut suspects, 1_000);
    unknown(&mut suspects, 1_301);
    assert!(suspects.confirmed(LAG).is_empty());
    suspects.listed(&listing(false, &["other"]));
    assert!(suspects.confirmed(LAG).is_empty());
    suspects.listed(&listing(true, &["other"]));
    assert_eq!(suspects.confirmed(LAG).len(), 1);
}

#[test]
fn one_that_is_listed_again_is_no_suspect_be_the_list_complete_or_not() {
    for is_complete in [false, true] {
        let mut suspects = Suspects::default();
        suspects.missing(&group(), 1_000);
        unknown(&mut suspects, 1_000);
        suspects.listed(&listing(is_complete, &["g1"]));
        assert!(!suspects.contains(&group()));
    }
}

#[test]
fn an_answer_in_between_starts_over() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    unknown(&mut suspects, 1_000);
    assert!(suspects.answered(&group(), 1_301, LAG));
    unknown(&mut suspects, 1_400);
    assert!(!suspects.answered(&group(), 1_500, LAG));
    assert!(suspects.confirmed(LAG).is_empty());
}

#[test]
fn an_answer_counts_that_was_asked_for_later_than_the_lag_after_the_list() {
    for (t0, counts) in [(1_300, false), (1_301, true)] {
        let mut suspects = Suspects::default();
        suspects.missing(&group(), 1_000);
        assert_eq!(suspects.answered(&group(), t0, LAG), counts);
    }
}

#[test]
fn an_answer_that_may_be_older_than_the_list_proves_nothing_and_is_asked_for_again() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    unknown(&mut suspects, 1_001);
    // Gone just before the list, and the API shows what was 300 seconds before.
    assert!(!suspects.answered(&group(), 1_002, LAG));
    let mut rests = SHOWN_REST_SECONDS;
    while 1_003 + rests < 1_300 {
        let again = 1_003 + rests;
        assert_eq!((due(&suspects, again - 1), due(&suspects, again)), (0, 1));
        assert!(!suspects.answered(&group(), again, LAG));
        rests = 2 * (rests + 1);
    }
    assert_eq!(rests, 542);
    // No list says later that it was missing first.
    suspects.missing(&group(), 1_250);
    suspects.listed(&listing(true, &["other"]));
    assert_eq!((due(&suspects, 1_300), due(&suspects, 1_301)), (0, 1));
    unknown(&mut suspects, 1_301);
    assert!(suspects.confirmed(LAG).is_empty());
    unknown(&mut suspects, 1_602);
    let confirmed = suspects.confirmed(LAG);
    assert_eq!((confirmed[0].first, confirmed[0].last), (1_301, 1_602));
}

#[test]
fn an_answer_counts_as_controlled_only_between_two_sightings_of_other_groups() {
    for (seen, sighted, is_controlled) in [
        (940, Some(1_060), true),
        (939, Some(1_000), false),
        (1_000, Some(1_061), false),
        (1_000, None, false),
    ] {
        let mut suspects = Suspects::default();
        suspects.missing(&group(), 1_000);
        suspects.unknown(&group(), 1_000, seen);
        if let Some(t0) = sighted {
            suspects.sighted(t0);
        }
        unknown(&mut suspects, 1_400);
        let confirmed = suspects.confirmed(LAG);
        assert_eq!(
            confirmed[0].is_controlled, is_controlled,
            "{seen} {sighted:?}"
        );
    }
}

#[test]
fn what_was_answered_to_a_token_that_nobody_saw_work_is_asked_again_after_a_minute() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    suspects.unknown(&group(), 1_000, 0);
    assert_eq!((due(&suspects, 1_060), due(&suspects, 1_061)), (0, 1));
}

#[test]
fn one_that_could_not_be_read_is_asked_for_at_once_when_a_whole_list_does_not_show_it() {
    let held = BTreeMap::from([(group(), Group::default())]);
    let mut memory = Memory::default();
    let fail = |memory: &mut Memory| {
        for _ in 0..8 {
            memory.answered(&group(), (1_000, LAG), Outcome::Failed, 0);
        }
    };
    let ask = Plan {
        steps: vec![Step::Suspect {
            group_id: group(),
            ended: 1_000,
        }],
        ..Plan::default()
    };
    fail(&mut memory);
    assert!(memory.attempts.is_resting(&group(), 1_000));
    memory.took(&ask);
    assert!(!memory.attempts.is_resting(&group(), 1_000));
    fail(&mut memory);
    memory.listed(&listing(false, &["g2"]), &held);
    assert!(memory.attempts.is_resting(&group(), 1_000));
    memory.listed(&listing(true, &["g2"]), &held);
    assert!(!memory.attempts.is_resting(&group(), 1_000));
}

#[test]
fn an_answer_that_no_sighting_followed_rests_before_it_is_asked_for_again() {
    let mut suspects = Suspects::default();
    suspects.missing(&group(), 1_000);
    unknown(&mut suspects, 1_000);
    suspects.unknown(&group(), 1_400, 1_400);
    assert_eq!((due(&suspects, 1_460), due(&suspects, 1_461)), (0, 1));
}
