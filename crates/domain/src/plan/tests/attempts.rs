use crate::{
    ids::GroupId,
    plan::{Attempts, Clock},
};

fn group(id: &str) -> GroupId {
    GroupId::parse(id).unwrap()
}

#[test]
fn a_group_that_cannot_be_read_rests_longer_each_time_and_the_others_do_not() {
    let mut attempts = Attempts::default();
    attempts.failed(&group("a"), 0);
    assert!(attempts.is_resting(&group("a"), 4_999) && !attempts.is_resting(&group("a"), 5_000));
    attempts.failed(&group("a"), 5_000);
    assert!(attempts.is_resting(&group("a"), 14_999) && !attempts.is_resting(&group("a"), 15_000));
    assert!(!attempts.is_resting(&group("b"), 5_000));
    for _ in 0..40 {
        attempts.failed(&group("a"), 0);
    }
    assert!(
        attempts.is_resting(&group("a"), 599_999) && !attempts.is_resting(&group("a"), 600_000)
    );
}

#[test]
fn one_that_is_woken_is_read_at_once_and_rests_for_longer_if_that_fails_too() {
    let mut attempts = Attempts::default();
    attempts.failed(&group("a"), 0);
    attempts.failed(&group("a"), 5_000);
    attempts.wake(&group("a"));
    attempts.wake(&group("b"));
    assert!(!attempts.is_resting(&group("a"), 5_001));
    attempts.failed(&group("a"), 6_000);
    assert!(attempts.is_resting(&group("a"), 25_999) && !attempts.is_resting(&group("a"), 26_000));
}

#[test]
fn a_full_answer_settles_what_was_owed_and_ends_the_rest() {
    let mut attempts = Attempts::default();
    attempts.owe(&group("a"));
    attempts.failed(&group("a"), 0);
    assert!(attempts.is_owed(&group("a")) && attempts.last(&group("a")).is_none());
    attempts.answered(&group("a"), 7);
    assert!(!attempts.is_owed(&group("a")) && !attempts.is_resting(&group("a"), 1));
    assert_eq!(attempts.last(&group("a")), Some(7));
}

#[test]
fn groups_no_longer_held_are_forgotten() {
    let mut attempts = Attempts::default();
    attempts.answered(&group("a"), 7);
    attempts.answered(&group("b"), 7);
    attempts.retain(|id| *id == group("b"));
    assert_eq!(
        (attempts.last(&group("a")), attempts.last(&group("b"))),
        (None, Some(7))
    );
}

#[test]
fn what_is_known_of_a_group_says_whether_it_rests() {
    let mut attempts = Attempts::default();
    attempts.failed(&group("a"), 0);
    for (monotonic_ms, is_resting) in [(4_999, true), (5_000, false)] {
        let clock = Clock {
            monotonic_ms,
            now: 1_000,
        };
        assert_eq!(attempts.of(&group("a"), clock, 300).is_resting, is_resting);
        assert!(!attempts.of(&group("b"), clock, 300).is_resting);
    }
}
