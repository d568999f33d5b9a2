//! What the reconciler may be trusted with, in worlds that are the same each time.
//!
//! `ROLLCALL_WORLDS` and `ROLLCALL_LISTINGS` say how many; a failing world prints its seed and a list of steps.

#![expect(
    clippy::disallowed_methods,
    reason = "how many worlds is for whoever runs the tests to say"
)]

use std::io::Write as _;

use judgement::{
    campaign::{Size, Table},
    listings, million,
    outage::{self, LIST_EVERY, Trouble},
    worlds,
};

/// How many there were is part of the proof: said also where a test's output is kept back.
macro_rules! say {
    ($($what:tt)*) => {
        let _unseen = writeln!(std::io::stderr(), $($what)*);
    };
}

fn count(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given
        .and_then(|count| count.parse().ok())
        .unwrap_or(otherwise)
}

#[test]
fn no_living_group_is_asserted_gone_by_any_list_and_every_gone_one_is_within_three_honest_passes() {
    let tally = listings::run(count("ROLLCALL_LISTINGS", 100_000), 0);
    say!(
        "{} adversarial lists, {} proved complete, {} plans refused: {} living groups asserted gone, {} of {} gone ones asserted",
        tally.listings,
        tally.complete,
        tally.refused,
        tally.wrongly,
        tally.asserted,
        tally.gone
    );
    if let Some((seed, steps)) = &tally.failure {
        panic!("seed {seed}:\n  {}", steps.join("\n  "));
    }
    assert!(tally.gone > tally.runs && tally.refused > 0);
}

#[test]
fn every_world_ends_at_the_truth_and_no_repair_replaces_newer_truth_by_older() {
    let (mut lost, mut repaired) = (0, 0);
    let worlds = count("ROLLCALL_WORLDS", 30);
    // Those beyond have been wrong before.
    for seed in (0..worlds).chain([973, 1_015]) {
        let end = worlds::run(seed, 0, false);
        lost += end.webhooks.1;
        repaired += end.repaired;
        if !end.is_right() {
            let written = worlds::run(seed, 0, true);
            panic!(
                "seed {seed}: {:?} {:?} {:?}\n  {}",
                end.differences,
                end.reversed,
                end.wrongly_gone,
                written.steps.join("\n  ")
            );
        }
    }
    say!("{worlds} worlds, {lost} webhooks lost, {repaired} groups repaired");
    assert!(lost > worlds && repaired > worlds);
}

#[test]
fn a_world_run_twice_gives_the_same_bytes() {
    for seed in [3, 17] {
        assert_eq!(worlds::run(seed, 0, true), worlds::run(seed, 0, true));
    }
}

#[test]
fn with_lag_beyond_what_is_allowed_the_report_names_it_and_a_later_pass_heals() {
    let (mut misled, mut named) = (0, 0);
    for seed in 0..8 {
        let end = worlds::run(seed, 900, false);
        assert_eq!(end.differences, Vec::<String>::new(), "seed {seed}");
        misled += u64::from(!end.reversed.is_empty());
        named += u64::from(!end.reversed.is_empty() && end.lag_named > 0);
    }
    say!("{misled} of 8 worlds were misled, the report names {named}");
    assert!(misled > 1 && named * 2 > misled);
}

#[test]
fn a_day_without_meta_makes_nothing_wrong_and_is_over_two_passes_after_its_end() {
    for trouble in [Trouble::Down, Trouble::Repeats, Trouble::Throttles] {
        for seed in 0..2 {
            let outage = outage::run(seed, trouble);
            say!("{trouble:?}: {outage:?}");
            assert_eq!(outage.wrong, Vec::<String>::new());
            assert!(
                outage
                    .alarm_after
                    .is_some_and(|after| after <= LIST_EVERY + 30)
            );
            assert!(outage.calls_max <= outage::CALLS_PER_HOUR);
            assert!(outage.passes <= 2, "{outage:?}");
        }
    }
}

#[test]
fn no_strategy_repairs_what_is_right_and_all_spend_no_more_than_they_have() {
    let days = 8;
    let table = Table::run(Size {
        groups: 400,
        days,
        reads: 500,
        seed: 1,
    });
    say!("{table}");
    assert_eq!(table.outcomes.len(), 3);
    let hours = u64::try_from(days * 24).unwrap();
    for outcome in &table.outcomes {
        assert_eq!(outcome.false_repairs, 0);
        assert!(outcome.calls() <= 501 * hours, "{}", outcome.calls());
    }
}

#[test]
fn the_plan_of_many_groups_is_made_beside_what_is_held_in_little_memory() {
    let million = million::compare(2_000, |_| {});
    let counts = million.plan.counts();
    assert_eq!((counts["assert"], counts["ask"]), (2, 2));
}
