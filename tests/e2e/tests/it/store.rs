//! The projector's store is a cache: without it, or with a damaged one, the same bytes are served.

use std::{
    fs,
    path::{Path, PathBuf},
};

use harness::await_until;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::{
    http, records,
    services::{READY_WITHIN, Secrets, Standalone},
    sim::Sim,
    truth,
};

/// Stores that are damaged here; the projector's own tests damage a hundred small ones.
const DAMAGES: u64 = 5;

/// Bytes flipped in each.
const FLIPS: usize = 40;

/// A standalone whose state no longer changes: traffic is over, and nobody compares.
struct Still {
    secrets: Secrets,
    sim: Sim,
    dir: TempDir,
}

impl Still {
    fn new(seed: u64) -> Self {
        let secrets = Secrets::new();
        let still = Self {
            sim: Sim::start(seed, 60, &secrets),
            secrets,
            dir: tempfile::tempdir().unwrap(),
        };
        let standalone = still.start("5s");
        still.sim.step(3000);
        still.sim.flush();
        truth::await_agreement(&still.sim, &standalone.queries, READY_WITHIN);
        assert_eq!(standalone.service.stop(), Some(0));
        still
    }

    fn start(&self, list_every: &str) -> Standalone {
        Standalone::start(self.dir.path(), &self.sim, &self.secrets, list_every)
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Starts, takes all answers, and ends.
    fn answers(&self) -> Vec<(String, String)> {
        let ends = self.ends();
        let standalone = self.start("0s");
        truth::await_folded(&standalone.queries, &ends, READY_WITHIN);
        let answers = answers(&standalone);
        assert_eq!(standalone.service.stop(), Some(0));
        answers
    }

    /// The ends of the projector's inputs, while no process has the log open.
    fn ends(&self) -> String {
        records::ends(&records::local(self.dir.path()), 1)
    }
}

/// Every answer about groups, to the byte.
fn answers(standalone: &Standalone) -> Vec<(String, String)> {
    let queries = &standalone.queries;
    let groups = truth::held(queries);
    assert!(groups.len() >= 50, "only {} groups", groups.len());
    let mut paths = vec![
        "/v1/groups?limit=1000".to_owned(),
        "/v1/digests".to_owned(),
        "/v1/numbers".to_owned(),
    ];
    for group in groups {
        let id = group["group_id"].as_str().unwrap();
        paths.push(format!("/v1/groups/{id}"));
        paths.push(format!("/v1/groups/{id}/changes?limit=1000"));
        paths.push(format!("/v1/groups/{id}/explain"));
    }
    let answer = |path: String| {
        let answer = http::get(queries.join(&path).unwrap());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        (path, answer.text())
    };
    paths.into_iter().map(answer).collect()
}

fn check_same(before: &[(String, String)], after: &[(String, String)], what: &str) {
    assert_eq!(before.len(), after.len(), "{what}");
    for ((path, before), (other, after)) in before.iter().zip(after) {
        assert_eq!(path, other, "{what}");
        assert_eq!(before, after, "{what}: {path}");
    }
}

#[test]
fn a_deleted_store_and_damaged_ones_give_the_same_bytes_again() {
    let still = Still::new(21);
    let before = still.answers();
    fs::remove_dir_all(still.store()).unwrap();
    check_same(&before, &still.answers(), "after the store was deleted");
    for seed in 0..DAMAGES {
        let flipped = flip(&still.store(), seed);
        check_same(
            &before,
            &still.answers(),
            &format!("seed {seed}, flipped {flipped:?}"),
        );
    }
}

/// Flips bytes anywhere in the files of a directory, larger files more often; where.
fn flip(dir: &Path, seed: u64) -> Vec<(PathBuf, usize)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut files = files(dir);
    files.sort();
    let total: usize = files.iter().map(|(_, size)| size).sum();
    assert!(total > 0, "nothing in {}", dir.display());
    let mut flipped = Vec::new();
    for _ in 0..FLIPS {
        let mut place = random.random_range(0..total);
        for (path, size) in &files {
            if place < *size {
                let mut bytes = fs::read(path).unwrap();
                bytes[place] ^= random.random_range(1..=255_u8);
                fs::write(path, bytes).unwrap();
                flipped.push((path.clone(), place));
                break;
            }
            place -= size;
        }
    }
    flipped
}

fn files(dir: &Path) -> Vec<(PathBuf, usize)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            let size = usize::try_from(entry.metadata().unwrap().len()).unwrap();
            files.push((entry.path(), size));
        }
    }
    files
}

#[test]
fn an_undamaged_store_is_used_again_after_a_clean_stop_and_after_kill_9() {
    let still = Still::new(22);
    let before = still.answers();
    check_reused(&still, "after a clean stop");
    let mut standalone = still.start("0s");
    standalone.service.process.kill9().unwrap();
    check_reused(&still, "after kill -9 at rest");

    // And amid work, of which the store trails by no more than it says.
    let mut standalone = still.start("0s");
    still.sim.step(300);
    still.sim.flush();
    standalone.service.process.kill9().unwrap();
    drop(standalone);
    let ends = still.ends();
    let standalone = still.start("0s");
    truth::await_folded(&standalone.queries, &ends, READY_WITHIN);
    await_until(READY_WITHIN, "the store to hold all", || {
        let pending = standalone.service.metric("projector_store_pending_entries");
        (pending == 0.0).then_some(())
    })
    .unwrap();
    let after = answers(&standalone);
    assert_ne!(before, after);
    drop(standalone);
    check_reused(&still, "after kill -9 once the store holds all");
    check_same(
        &after,
        &still.answers(),
        "after kill -9 once the store holds all",
    );
}

/// Fewer than 1 % of the entities are read again from the state topics.
fn check_reused(still: &Still, what: &str) {
    let standalone = still.start("0s");
    let [again, kept] = ["state_topic", "store"].map(|source| {
        let sample = format!("projector_recovered_records_total{{source=\"{source}\"}}");
        standalone.service.metric(&sample)
    });
    println!("{what}: {kept} entities from the store, {again} from the state topics");
    assert!(kept >= 600.0, "{what}: only {kept} entities");
    assert!(
        again < kept / 100.0,
        "{what}: {again} of {kept} were read again"
    );
    let rebuilds = ["damaged", "foreign", "too_old"].map(|reason| {
        let sample = format!("projector_store_rebuilds_total{{reason=\"{reason}\"}}");
        standalone.service.metric(&sample)
    });
    assert_eq!(rebuilds, [0.0; 3], "{what}");
    assert_eq!(standalone.service.stop(), Some(0));
}
