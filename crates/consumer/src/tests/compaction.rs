//! Whatever the broker compacts, a reader from the beginning ends with what a reader of all ends with,
//! and never takes an honest log for a damaged one.

use std::collections::BTreeMap;

use domain::group::Group;
use proptest::{collection::vec, prelude::*};

use super::{Lying, digest_of, progress, state, tombstone};
use crate::{Check, Outcome, Table};

/// What a projector does, in miniature.
#[derive(Debug, Clone)]
enum Act {
    /// An event changes a group.
    Change(u8),
    /// A group is forgotten.
    Forget(u8),
    /// Progress is written.
    Progress,
    /// A former leader's write comes late: what stood so many records before is written again, if it was a state.
    Late(usize),
    /// The leader repairs what a late write has covered, and writes its progress.
    Repair,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..5_u8).prop_map(Act::Change),
        1 => (0..5_u8).prop_map(Act::Forget),
        3 => Just(Act::Progress),
        1 => (1..6_usize).prop_map(Act::Late),
        1 => Just(Act::Repair),
    ];
    vec(act, 1..60)
}

/// The log, and what is live at its end.
fn written(acts: &[Act]) -> (Vec<Lying>, BTreeMap<Vec<u8>, Lying>) {
    let (mut log, mut live): (Vec<Lying>, BTreeMap<Vec<u8>, Lying>) = Default::default();
    let mut covered: Vec<Vec<u8>> = Vec::new();
    let mut at = -1;
    let repair = |log: &mut Vec<Lying>, live: &BTreeMap<_, Lying>, covered: &mut Vec<Vec<u8>>| {
        log.extend(covered.drain(..).filter_map(|key| live.get(&key).cloned()));
    };
    for act in acts {
        match act {
            Act::Change(group) => {
                at += 1;
                let record = state(&group.to_string(), at);
                live.insert(record.key.clone(), record.clone());
                log.push(record);
            }
            Act::Forget(group) => {
                at += 1;
                let record = tombstone(&group.to_string());
                if live.remove(&record.key).is_some() {
                    log.push(record);
                    log.push(progress(at, live.values()));
                }
            }
            Act::Progress => log.push(progress(at, live.values())),
            Act::Late(back) => {
                let late = log.len().checked_sub(*back).map(|place| log[place].clone());
                // A late tombstone, and a late state of what was forgotten, are told from timely ones by nothing but the digest.
                let is_told = |late: &Lying| late.value.is_some() && live.contains_key(&late.key);
                if let Some(late) = late.filter(is_told) {
                    covered.push(late.key.clone());
                    log.push(late);
                }
            }
            Act::Repair => repair(&mut log, &live, &mut covered),
        }
    }
    repair(&mut log, &live, &mut covered);
    log.push(progress(at, live.values()));
    (log, live)
}

/// Drops, among the first `cleaned` records, all but the last of each key; tombstones too, if they are old enough.
fn compacted(log: &[Lying], cleaned: usize, drops_tombstones: bool) -> Vec<(i64, Lying)> {
    let mut last = BTreeMap::new();
    for (place, record) in log[..cleaned].iter().enumerate() {
        last.insert(&record.key, place);
    }
    let is_kept = |place: usize, record: &Lying| {
        place >= cleaned
            || (last[&record.key] == place && !(drops_tombstones && record.value.is_none()))
    };
    log.iter()
        .enumerate()
        .filter(|(place, record)| is_kept(*place, record))
        .map(|(place, record)| (i64::try_from(place).unwrap(), record.clone()))
        .collect()
}

fn read(table: &mut Table<Group>, log: &[(i64, Lying)]) {
    for (offset, record) in log {
        let outcome = table.take(record.at(0, *offset));
        let is_fault = matches!(
            outcome,
            Outcome::Progress(Check::Differs { .. }) | Outcome::Skipped(_)
        );
        assert!(!is_fault, "offset {offset}: {outcome:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_compacted_log_gives_the_same_states_and_no_false_alarm(
        acts in acts(), cleaned in any::<prop::sample::Index>(), drops_tombstones in any::<bool>(),
    ) {
        let (log, live) = written(&acts);
        let cleaned = cleaned.index(log.len() + 1);
        let mut table = Table::default();
        read(&mut table, &compacted(&log, cleaned, drops_tombstones));
        table.at_end(0);
        prop_assert_eq!(table.digest(0), digest_of(live.values()));
        prop_assert_eq!(table.records(0), live.len() as u64);
        prop_assert_eq!(table.check(0), Some(Check::Agrees));
    }

    #[test]
    fn a_reader_of_everything_is_never_alarmed(acts in acts(), open in any::<prop::sample::Index>()) {
        let (log, live) = written(&acts);
        let log = compacted(&log, 0, false);
        let (first, second) = log.split_at(open.index(log.len() + 1));
        let mut table = Table::default();
        read(&mut table, first);
        table.at_end(0);
        read(&mut table, second);
        prop_assert_eq!(table.digest(0), digest_of(live.values()));
        prop_assert_eq!(table.check(0), Some(Check::Agrees));
    }

    #[test]
    fn who_was_away_too_long_reads_again_and_lets_go_of_what_is_gone(
        acts in acts(), seen in any::<prop::sample::Index>(),
    ) {
        let (log, live) = written(&acts);
        let seen = seen.index(log.len() + 1);
        let mut table = Table::default();
        read(&mut table, &compacted(&log[..seen], 0, false));
        table.at_end(0);
        // Meanwhile all is compacted, and no tombstone is left.
        table.begin_again(0);
        prop_assert_eq!(table.next_offset(0), 0);
        read(&mut table, &compacted(&log, log.len(), true));
        table.at_end(0);
        prop_assert_eq!(table.digest(0), digest_of(live.values()));
        let is_alarmed = matches!(table.check(0), Some(Check::Differs { .. }));
        prop_assert!(!is_alarmed);
        read(&mut table, &compacted(&log, log.len(), true)[..]);
        let last = compacted(&log, log.len(), true);
        read(&mut table, &last[last.len() - 1..]);
        prop_assert_eq!(table.check(0), Some(Check::Agrees));
    }
}
