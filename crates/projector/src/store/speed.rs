//! How long a store takes to be written and to be opened again after it was killed; `ROLLCALL_STORE_SPEED` says with how many groups.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::{
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use tempfile::TempDir;
use wire::digest::{Digest, RecordHash, record_hash};

use super::{values::State, *};
use crate::index::{Brief, GroupEntry, Index};

/// Bytes of a group's record.
const RECORD: usize = 1_024;

/// Groups of one commit.
const COMMIT: u64 = 10_000;

const DIR: &str = "ROLLCALL_TEST_SPEED_DIR";

#[expect(
    clippy::disallowed_methods,
    reason = "how large a test is, and no setting"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn groups() -> u64 {
    variable("ROLLCALL_STORE_SPEED").map_or(3_000, |groups| groups.parse().unwrap())
}

/// Spread over the space of keys, as ids of Meta are.
fn spread(n: u64) -> u64 {
    let mixed = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn key(n: u64) -> Bytes {
    Bytes::from(format!("g/Y2FwaV9ncm91cDox{:020x}", spread(n)))
}

fn state(n: u64) -> State {
    let record: Bytes = (0..RECORD as u64 / 8)
        .flat_map(|word| spread(n * 1_000 + word).to_le_bytes())
        .collect();
    let brief = Brief::Group(GroupEntry {
        partition: 0,
        number: Some("300000000000001".into()),
        existence: None,
        subject: Some(format!("repair {n}").into()),
        is_in_doubt: false,
        hinted: 0,
        verified: 1_780_000_000,
        changed: 1_780_000_000,
    });
    State {
        generation: 1,
        offset: n as i64,
        at_ms: 0,
        hash: Some(record_hash(&key(n), &record)),
        brief: Brief::encode(Some(&brief)).into(),
        record,
    }
}

/// Processor seconds of this process so far, and the most memory that it held, in MiB.
fn used() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|n| n.parse::<f64>().unwrap())
        .sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().split_whitespace().next().unwrap();
    (ticks / 100.0, peak.parse::<u64>().unwrap() / 1_024)
}

fn say(what: &str, started: Instant, cpu: f64) {
    let (now, peak) = used();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{what}: {seconds:.2} s, {:.2} CPU-s, peak {peak} MiB",
        now - cpu
    );
}

/// What the child does: writes a store, and is gone without closing it.
#[test]
fn child() {
    let Some(dir) = variable(DIR) else {
        // The ordinary run of the tests, in which there is nothing to do.
        return;
    };
    let directory = Directory::new(dir.into(), 64 << 20);
    let store = directory.open(Arc::new(|_| Ok(()))).unwrap();
    let (count, started, cpu) = (groups(), Instant::now(), used().0);
    for first in (0..count).step_by(COMMIT as usize) {
        let some = (first..count.min(first + COMMIT)).map(|n| {
            let entry = state(n).encode();
            (keys::state(&key(n)), Some(entry))
        });
        store.commit(some.collect(), |_| {});
    }
    say(&format!("{count} groups made and held"), started, cpu);
    let (started, cpu) = (Instant::now(), used().0);
    store.flush_telling(1, || {}).unwrap();
    say("written back", started, cpu);
    let (started, cpu) = (Instant::now(), used().0);
    let again = (0..20_000.min(count)).map(|n| {
        let n = spread(n + 7) % count;
        (keys::state(&key(n)), Some(state(n).encode()))
    });
    store.commit(again.collect(), |_| {});
    store.flush_telling(2, || {}).unwrap();
    say("20000 of them at random written again", started, cpu);
    std::process::abort();
}

#[test]
fn a_large_store_opens_after_a_kill_and_holds_everything() {
    let (dir, count) = (TempDir::new().unwrap(), groups());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::speed::child", "--nocapture"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in said.lines().filter(|line| line.contains("CPU-s")) {
        println!("{line}");
    }
    let (started, cpu) = (Instant::now(), used().0);
    let (index, seen) = (Index::default(), Arc::new(AtomicU64::new(0)));
    let digest = Arc::new(Mutex::new(Digest::default()));
    let (filling, counting, summing) = (index.clone(), Arc::clone(&seen), Arc::clone(&digest));
    let visit = Arc::new(move |states: Vec<Visited>| {
        counting.fetch_add(states.len() as u64, Ordering::Relaxed);
        let mut listed = Vec::with_capacity(states.len());
        let mut digest = summing.lock().unwrap();
        for state in states {
            let partition = eventlog::partition_of(&state.key, 3);
            digest.add(state.hash.unwrap_or(RecordHash([0; 32])));
            listed.push((state.key, Brief::decode(&state.brief)?, partition));
        }
        drop(digest);
        filling.extend(listed);
        Ok(())
    });
    let directory = Directory::new(dir.path().to_owned(), 64 << 20);
    let store = directory.open(visit).unwrap();
    let first = store.state(&key(count / 2)).unwrap();
    say(
        "opened after the kill, checked, indexed, first answer",
        started,
        cpu,
    );
    assert_eq!(first, Some(state(count / 2)));
    assert_eq!(seen.load(Ordering::Relaxed), count);
    assert_eq!(index.read().groups.len() as u64, count);
    let mut expected = Digest::default();
    for n in 0..count {
        expected.add(record_hash(&key(n), &state(n).record));
    }
    assert!(*digest.lock().unwrap() == expected);
}
