//! The merge rule.

use super::*;

fn stamp(at: Second, rank: Rank, tie: u8) -> Stamp {
    Stamp {
        at,
        rank,
        tie: EventId([tie; 16]),
    }
}

fn said(at: Second, rank: Rank, tie: u8, value: &'static str) -> Register<&'static str> {
    Register::new(stamp(at, rank, tie), value)
}

fn merged(
    mut one: Register<&'static str>,
    other: Register<&'static str>,
    doubt: Doubt,
) -> (Register<&'static str>, Effect) {
    let effect = one.merge(other, doubt);
    (one, effect)
}

fn doubted(register: Register<&'static str>) -> Register<&'static str> {
    Register {
        doubt: true,
        ..register
    }
}

#[test]
fn the_later_second_stays_whatever_the_rank() {
    let (old, new) = (
        said(10, Rank::Statement, 9, "z"),
        said(11, Rank::Read, 1, "a"),
    );
    for doubt in [Doubt::Kept, Doubt::Never] {
        assert_eq!(
            merged(old.clone(), new.clone(), doubt),
            (new.clone(), Effect::Value)
        );
        assert_eq!(
            merged(new.clone(), old.clone(), doubt),
            (new.clone(), Effect::Nothing)
        );
    }
}

#[test]
fn the_higher_rank_of_a_second_stays_without_doubt() {
    let ranks = [Rank::Read, Rank::Circumstance, Rank::Statement];
    assert!(ranks.is_sorted());
    for pair in ranks.windows(2) {
        let (low, high) = (said(10, pair[0], 9, "z"), said(10, pair[1], 1, "a"));
        assert_eq!(merged(low.clone(), high.clone(), Doubt::Kept).0, high);
        assert_eq!(
            merged(high.clone(), low, Doubt::Kept),
            (high, Effect::Nothing)
        );
    }
}

#[test]
fn of_equal_age_the_greater_value_stays_in_doubt_whatever_the_tie() {
    let (low, high) = (said(10, Rank::Read, 9, "a"), said(10, Rank::Read, 1, "b"));
    let stays = doubted(high.clone());
    assert_eq!(
        merged(low.clone(), high.clone(), Doubt::Kept),
        (stays.clone(), Effect::Value)
    );
    assert_eq!(merged(high, low, Doubt::Kept), (stays, Effect::Value));
}

#[test]
fn of_equal_age_and_value_the_greater_tie_stays_without_doubt() {
    let (low, high) = (said(10, Rank::Read, 1, "a"), said(10, Rank::Read, 9, "a"));
    assert_eq!(
        merged(low.clone(), high.clone(), Doubt::Kept),
        (high.clone(), Effect::Stamp)
    );
    assert_eq!(
        merged(high.clone(), low, Doubt::Kept),
        (high.clone(), Effect::Nothing)
    );
    assert_eq!(
        merged(high.clone(), high.clone(), Doubt::Kept),
        (high, Effect::Nothing)
    );
}

#[test]
fn doubt_is_inherited_from_either_side_of_one_age() {
    let plain = said(10, Rank::Read, 1, "a");
    let doubtful = doubted(said(10, Rank::Read, 1, "a"));
    assert_eq!(
        merged(plain.clone(), doubtful.clone(), Doubt::Kept),
        (doubtful.clone(), Effect::Value)
    );
    assert_eq!(
        merged(doubtful.clone(), plain, Doubt::Kept),
        (doubtful, Effect::Nothing)
    );
}

#[test]
fn only_newer_evidence_clears_doubt() {
    let doubtful = || doubted(said(10, Rank::Circumstance, 1, "a"));
    for older in [
        said(9, Rank::Statement, 9, "a"),
        said(10, Rank::Read, 9, "a"),
    ] {
        assert_eq!(
            merged(doubtful(), older, Doubt::Kept),
            (doubtful(), Effect::Nothing)
        );
    }
    for newer in [
        said(11, Rank::Read, 1, "a"),
        said(10, Rank::Statement, 1, "a"),
    ] {
        assert_eq!(
            merged(doubtful(), newer.clone(), Doubt::Kept),
            (newer, Effect::Value),
            "that it is no longer in doubt is seen"
        );
    }
}

#[test]
fn what_is_never_in_doubt_keeps_the_greater_value_alone() {
    let (low, high) = (said(10, Rank::Read, 9, "a"), said(10, Rank::Read, 1, "b"));
    assert_eq!(merged(low.clone(), high.clone(), Doubt::Never).0, high);
    assert_eq!(
        merged(high.clone(), low, Doubt::Never),
        (high, Effect::Nothing)
    );
}

#[test]
fn the_same_said_later_is_a_younger_stamp_and_no_more() {
    let (old, new) = (said(10, Rank::Read, 1, "a"), said(11, Rank::Read, 1, "a"));
    assert_eq!(merged(old, new.clone(), Doubt::Kept), (new, Effect::Stamp));
}

#[test]
fn a_register_that_does_not_exist_takes_what_is_said() {
    let mut held = None;
    let effect = assert(&mut held, stamp(10, Rank::Read, 1), "a", Doubt::Kept);
    assert_eq!(
        (effect, held),
        (Effect::Value, Some(said(10, Rank::Read, 1, "a")))
    );
}

fn registers(entries: &[(&str, Second)]) -> Registers<u8> {
    let entries = entries
        .iter()
        .map(|(id, at)| (Text::new(id), Register::new(stamp(*at, Rank::Read, 1), 0)));
    Registers::from_unsorted(entries, Doubt::Kept)
}

#[test]
fn registers_are_in_order_of_identifier_and_one_of_each() {
    let all = registers(&[("b", 1), ("a", 2), ("c", 3), ("a", 1)]);
    let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(all.get("a").map(|r| r.stamp.at), Some(2));
    assert_eq!(all.get("d"), None);
    assert_eq!(all.get(""), None);
    assert_eq!((all.len(), all.is_empty()), (3, false));
}

#[test]
fn those_before_a_floor_are_dropped_and_those_at_it_stay() {
    let mut all = registers(&[("a", 1), ("b", 2), ("c", 3)]);
    assert!(all.drop_before(2));
    assert_eq!(all, registers(&[("b", 2), ("c", 3)]));
    assert!(!all.drop_before(2));
}

#[test]
fn the_greatest_stamps_are_kept_and_of_equal_ones_the_greatest_identifiers() {
    let mut all = registers(&[("a", 1), ("b", 3), ("c", 1), ("d", 2)]);
    assert!(!all.keep_greatest(4));
    assert!(all.keep_greatest(3));
    assert_eq!(all, registers(&[("b", 3), ("c", 1), ("d", 2)]));
    assert!(all.keep_greatest(1));
    assert_eq!(all, registers(&[("b", 3)]));
    assert!(all.keep_greatest(0));
    assert!(all.is_empty());
}

#[test]
fn registers_are_disjoint_when_no_identifier_is_in_both() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&[], &[]),
        (&["a"], &[]),
        (&["a", "b"], &["c"]),
        (&["a", "c"], &["b", "d"]),
        (&["a"], &["a"]),
        (&["a", "c"], &["b", "c"]),
        (&["a", "b", "c"], &["b"]),
    ];
    for (one, other) in cases {
        let expected = !one.iter().any(|id| other.contains(id));
        let of = |ids: &[&str]| registers(&ids.iter().map(|id| (*id, 1)).collect::<Vec<_>>());
        assert_eq!(
            of(one).is_disjoint(&of(other)),
            expected,
            "{one:?} {other:?}"
        );
        assert_eq!(
            of(other).is_disjoint(&of(one)),
            expected,
            "{other:?} {one:?}"
        );
    }
}

#[test]
fn the_latest_is_the_greatest_second_and_then_the_greatest_value() {
    let mut held = None;
    assert_eq!(latest(&mut held, 10, "a"), Effect::Value);
    assert_eq!(latest(&mut held, 10, "a"), Effect::Nothing);
    assert_eq!(latest(&mut held, 9, "z"), Effect::Nothing);
    assert_eq!(latest(&mut held, 11, "a"), Effect::Stamp);
    assert_eq!(latest(&mut held, 11, "b"), Effect::Value);
    assert_eq!(held, Some(Latest { at: 11, value: "b" }));
}

#[test]
fn registers_differ_in_what_is_seen_by_value_doubt_and_being_there() {
    let one = || Some(said(10, Rank::Read, 1, "a"));
    assert!(!differ::<&str>(&None, &None));
    assert!(!differ(&one(), &one()));
    assert!(!differ(&one(), &Some(said(11, Rank::Statement, 2, "a"))));
    assert!(differ(&one(), &Some(said(10, Rank::Read, 1, "b"))));
    assert!(differ(&one(), &one().map(doubted)));
    assert!(differ(&None, &one()) && differ(&one(), &None));
}
