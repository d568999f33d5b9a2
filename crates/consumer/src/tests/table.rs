use domain::{
    group::Group,
    ids::Entity,
    position::{Position, Stream},
};

use super::{
    Lying, digest_of, feed, position, progress, progress_at, short, state, state_at, tombstone,
};
use crate::{Check, Outcome, Table, Unproven, View};

fn check(log: &[Lying], expected: &[&str]) -> Table<Group> {
    let mut table = Table::default();
    table.at_end(0);
    let outcomes = feed(&mut table, log);
    let outcomes: Vec<String> = outcomes.iter().map(short).collect();
    assert_eq!(outcomes, expected);
    table
}

#[test]
fn the_greatest_position_of_a_key_counts_and_a_late_write_is_left() {
    let (old, new) = (state("1", 5), state("1", 9));
    let log = [
        old.clone(),
        new.clone(),
        old,
        new.clone(),
        progress(9, [&new]),
    ];
    let table = check(
        &log,
        &[
            "put, news: true",
            "put, news: true",
            "stale g/1",
            "known g/1",
            "Agrees",
        ],
    );
    let held = table.held(&Entity::from_key("g/1").unwrap()).unwrap();
    assert_eq!(held.position, position(9));
    assert_eq!((table.len(), table.records(0)), (1, 1));
    assert_eq!(table.digest(0), digest_of([&new]));
    assert_eq!(table.next_offset(0), 5);
}

#[test]
fn a_generation_counts_before_an_offset() {
    let raised = Position {
        generation: 2,
        ..position(1)
    };
    let log = [state("1", 9), state_at("1", raised, raised), state("1", 10)];
    check(&log, &["put, news: true", "put, news: true", "stale g/1"]);
}

#[test]
fn a_state_that_shows_the_same_is_no_news() {
    let log = [
        state("1", 5),
        state_at("1", position(6), position(5)),
        state_at("1", position(7), position(7)),
    ];
    check(
        &log,
        &["put, news: true", "put, news: false", "put, news: true"],
    );
}

#[test]
fn a_tombstone_takes_a_state_out_of_the_digest_and_one_of_nothing_does_nothing() {
    let (one, two) = (state("1", 5), state("2", 6));
    let log = [
        one,
        two.clone(),
        tombstone("1"),
        tombstone("1"),
        progress(7, [&two]),
    ];
    let table = check(
        &log,
        &[
            "put, news: true",
            "put, news: true",
            "removed g/1",
            "known g/1",
            "Agrees",
        ],
    );
    assert_eq!(table.records(0), 1);
}

#[test]
fn a_lost_state_makes_the_digest_differ() {
    let (one, two) = (state("1", 5), state("2", 6));
    let mut table = Table::<Group>::default();
    table.at_end(0);
    let outcomes = feed(&mut table, &[one.clone(), progress(6, [&one, &two])]);
    let differs = Check::Differs {
        ours: digest_of([&one]),
        theirs: digest_of([&one, &two]),
    };
    assert_eq!(outcomes.last(), Some(&Outcome::Progress(differs)));
    assert_eq!(table.check(0), Some(differs));
}

#[test]
fn a_former_leaders_late_progress_proves_nothing() {
    let (one, two) = (state("1", 5), state("2", 9));
    // Before the new leader's first progress: its state stands already, of which the old digest does not know.
    let log = [
        one.clone(),
        two.clone(),
        progress(5, [&one]),
        progress(9, [&one, &two]),
        progress(5, [&one]),
    ];
    let table = check(
        &log,
        &[
            "put, news: true",
            "put, news: true",
            "Unproven(Ahead)",
            "Agrees",
            "Unproven(Late)",
        ],
    );
    assert_eq!(table.freshness(0).unwrap().position, position(9));
    assert_eq!(table.check(0), Some(Check::Agrees));
}

#[test]
fn after_a_tombstone_one_differing_digest_proves_nothing_and_the_second_does() {
    let (one, two) = (state("1", 5), state("2", 6));
    let late = progress(6, [&one, &two]);
    let log = [
        one.clone(),
        two.clone(),
        tombstone("1"),
        late.clone(),
        progress(8, [&two]),
    ];
    check(
        &log,
        &[
            "put, news: true",
            "put, news: true",
            "removed g/1",
            "Unproven(Removed)",
            "Agrees",
        ],
    );
    let mut table = Table::<Group>::default();
    table.at_end(0);
    feed(&mut table, &[one, two, tombstone("1"), late.clone(), late]);
    assert!(matches!(table.check(0), Some(Check::Differs { .. })));
}

#[test]
fn progress_without_a_digest_still_tells_how_fresh_a_partition_is() {
    let log = [
        progress_at(position(3), None),
        progress_at(position(3), None),
    ];
    let table = check(&log, &["Unproven(NoDigest)", "Unproven(NoDigest)"]);
    let freshness = table.freshness(0).unwrap();
    assert_eq!(freshness.age_ms(freshness.written_at_ms + 700), 700);
    assert_eq!(freshness.age_ms(0), 0);
    assert!(table.has_reached(&position(3)) && !table.has_reached(&position(4)));
    let elsewhere = Position {
        partition: 1,
        ..position(3)
    };
    let receipt = Position {
        stream: Stream::Receipts,
        ..position(3)
    };
    assert!(!table.has_reached(&elsewhere) && !table.has_reached(&receipt));
}

#[test]
fn what_is_no_record_of_the_topic_is_skipped() {
    let mut mismatched = state("1", 5);
    mismatched.key = b"g/2".to_vec();
    let with = |key: &[u8], value: &[u8]| Lying {
        key: key.to_vec(),
        value: Some(value.to_vec()),
    };
    let elsewhere = Position {
        partition: 1,
        ..position(3)
    };
    let mut wrong_place = progress_at(elsewhere, None);
    let foreign = wrong_place.clone();
    wrong_place.key = b"p/0".to_vec();
    let gone = Lying {
        key: b"p/0".to_vec(),
        value: None,
    };
    let log = [
        mismatched,
        with(b"n/1", b""),
        with(b"nonsense", b""),
        with(b"g/1", b"\xff"),
        with(b"g/1", b""),
        with(b"p/0", &state("1", 5).value.unwrap()),
        wrong_place,
        foreign,
        gone,
    ];
    let table = check(
        &log,
        &[
            "skipped: value does not belong to its key",
            "skipped: key is not of this topic",
            "skipped: key is not of this topic",
            "skipped: record cannot be read",
            "skipped: record is of a kind that this reader does not know",
            "skipped: value does not belong to its key",
            "skipped: value does not belong to its key",
            "skipped: key is not of this topic",
            "skipped: value does not belong to its key",
        ],
    );
    assert!(table.is_empty() && table.next_offset(0) == 9);
}

/// What a raised generation writes: the same bytes to the new partition, then a tombstone to the old one, then progress.
fn raised() -> (Lying, [Lying; 4], [Lying; 2]) {
    let at = |partition| Position {
        generation: 2,
        partition,
        ..position(20)
    };
    let moved = state("1", 9);
    let old = [
        moved.clone(),
        progress(9, [&moved]),
        tombstone("1"),
        progress_at(at(0), Some(digest_of([]))),
    ];
    let new = [moved.clone(), progress_at(at(1), Some(digest_of([&moved])))];
    (moved, old, new)
}

fn read_view(view: &mut View<Group>, partition: u32, records: &[Lying]) -> Vec<(String, usize)> {
    let next = view.table().next_offset(partition);
    let mut outcomes = Vec::new();
    for (record, offset) in records.iter().zip(next..) {
        let outcome = view.take(record.at(partition, offset));
        outcomes.push((short(&outcome), view.len()));
        assert_eq!(view.len(), view.table().len());
    }
    outcomes
}

#[test]
fn a_state_that_moves_to_another_partition_counts_once_whichever_is_read_first() {
    let (moved, old, new) = raised();
    let said = |all: &[(&str, usize)]| -> Vec<(String, usize)> {
        all.iter()
            .map(|(word, len)| ((*word).to_owned(), *len))
            .collect()
    };
    let settled = |view: &View<Group>| {
        assert_eq!(view.table().digest(0), digest_of([]));
        assert_eq!(view.table().digest(1), digest_of([&moved]));
        assert_eq!(view.table().check(0), Some(Check::Agrees));
        assert_eq!(view.table().check(1), Some(Check::Agrees));
    };
    let ended = || {
        let mut view = View::<Group>::default();
        view.at_end(0);
        view.at_end(1);
        view
    };

    // The new partition after the old one's state.
    let mut view = ended();
    let before = read_view(&mut view, 0, &old[..2]);
    assert_eq!(before, said(&[("put, news: true", 1), ("Agrees", 1)]));
    let there = read_view(&mut view, 1, &new);
    assert_eq!(there, said(&[("known g/1", 1), ("Agrees", 1)]));
    let after = read_view(&mut view, 0, &old[2..]);
    assert_eq!(after, said(&[("known g/1", 1), ("Agrees", 1)]));
    settled(&view);

    // The new partition before anything of the old one.
    let mut view = ended();
    let there = read_view(&mut view, 1, &new);
    assert_eq!(there, said(&[("put, news: true", 1), ("Agrees", 1)]));
    let expected = [
        ("known g/1", 1),
        ("Agrees", 1),
        ("known g/1", 1),
        ("Agrees", 1),
    ];
    assert_eq!(read_view(&mut view, 0, &old), said(&expected));
    settled(&view);

    // The new partition after all of the old one: gone for a moment.
    let mut view = ended();
    read_view(&mut view, 0, &old);
    assert!(view.is_empty());
    read_view(&mut view, 1, &new);
    assert_eq!(view.len(), 1);
    settled(&view);
}

#[test]
fn what_was_remembered_goes_on_where_it_ended() {
    let (one, two) = (state("1", 5), state("2", 6));
    let mut first = Table::<Group>::default();
    feed(&mut first, &[one.clone(), two.clone()]);
    let mut second = Table::<Group>::default();
    for key in ["g/1", "g/2"] {
        let entity = Entity::from_key(key).unwrap();
        let held = first.held(&entity).unwrap();
        second.restore(&entity, 0, held.position, held.version, held.hash);
    }
    second.at_end(0);
    let newer = state("2", 8);
    let log = [two, newer.clone(), progress(8, [&one, &newer])];
    let outcomes: Vec<String> = feed(&mut second, &log).iter().map(short).collect();
    assert_eq!(outcomes, ["known g/2", "put, news: true", "Agrees"]);
}

#[test]
fn a_state_that_was_let_go_is_neither_held_nor_counted() {
    let mut view = View::<Group>::default();
    let record = state("1", 5);
    view.take(record.at(0, 0));
    view.release(&Entity::from_key("g/1").unwrap());
    assert!(view.is_empty() && view.table().is_empty());
    assert_eq!(view.table().digest(0), digest_of([]));
}

#[test]
fn until_the_end_is_reached_a_differing_digest_proves_nothing() {
    let (one, two) = (state("1", 5), state("2", 6));
    let mut table = Table::<Group>::default();
    let outcomes = feed(&mut table, &[one.clone(), progress(6, [&one, &two])]);
    assert_eq!(
        outcomes.last(),
        Some(&Outcome::Progress(Check::Unproven(Unproven::CatchingUp)))
    );
    table.at_end(0);
    assert!(matches!(table.check(0), Some(Check::Differs { .. })));
}

#[test]
fn reading_again_heals_what_was_lost_or_damaged_on_the_way() {
    let (one, two) = (state("1", 5), state("2", 6));
    let log = [one.clone(), two.clone(), progress(6, [&one, &two])];
    let mut table = Table::<Group>::default();
    table.at_end(0);
    // The first came with another text, the second not at all.
    let damaged = Lying {
        key: b"g/1".to_vec(),
        value: state_at("1", position(5), position(4)).value,
    };
    feed(&mut table, &[damaged, log[2].clone()]);
    assert!(matches!(table.check(0), Some(Check::Differs { .. })));
    table.begin_again(0);
    assert_eq!(table.check(0), None);
    let outcomes: Vec<String> = feed(&mut table, &log).iter().map(short).collect();
    assert_eq!(outcomes, ["put, news: true", "put, news: true", "Agrees"]);
    assert_eq!(table.at_end(0), []);
    assert_eq!(table.check(0), Some(Check::Agrees));
}

#[test]
fn what_does_not_come_again_is_gone_and_named() {
    let (one, two) = (state("1", 5), state("2", 6));
    let mut view = View::<Group>::default();
    view.take(one.at(0, 0));
    view.take(two.at(0, 1));
    view.at_end(0);
    view.begin_again(0);
    view.take(two.at(0, 1));
    let gone = Entity::from_key("g/1").unwrap();
    assert_eq!(view.at_end(0), [gone]);
    assert_eq!((view.len(), view.table().records(0)), (1, 1));
    assert_eq!(view.table().digest(0), digest_of([&two]));
}
