//! `kill -9`, for real: a child process is this test binary again.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use chassis::auth::Access;
use domain::position::Position;
use tempfile::TempDir;
use wire::{Decoded, topics::Topic};

use crate::{
    answers::{all, assert_same},
    order::records,
    traffic::mixture,
    world::{LIMIT, World, recovered},
};

const DIR: &str = "ROLLCALL_TEST_KILLED_DIR";
const GROUPS: u64 = 1_000;

/// What the child does: folds a log to its end, then more of it a little at a time, until it is killed.
#[test]
fn child_that_is_killed() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the parent's word to the child, and no setting"
    )]
    let Ok(dir) = std::env::var(DIR) else {
        // The ordinary run of the tests, in which there is nothing to do.
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let world = World::at(Path::new(&dir));
        let running = world.begin(Access::Open, LIMIT).await;
        running.await_ready().await;
        std::fs::write(Path::new(&dir).join("ready"), "").unwrap();
        for part in 0.. {
            world
                .append(&mixture(22, 20_000 + part * 5, 5, GROUPS))
                .await;
            world.clock.sleep(Duration::from_millis(50)).await;
        }
    });
}

fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_is_killed", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a child until some time after it is ready, and kills it.
fn run_and_kill(dir: &Path, after: Duration) {
    let mut child = spawn(dir);
    let ready = dir.join("ready");
    harness::await_until(LIMIT, "the child is ready", || {
        assert!(child.try_wait().unwrap().is_none(), "the child ended");
        ready.exists().then_some(())
    })
    .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(ready).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_less_than_one_percent_is_read_again_and_the_answers_are_those_of_a_rebuild() {
    let dir = TempDir::new().unwrap();
    let world = World::at(dir.path());
    for part in 0..10 {
        world
            .append(&mixture(21, part * 2_000, 2_000, GROUPS))
            .await;
    }
    drop(world);
    for round in 0..5 {
        let path = dir.path().to_owned();
        let after = Duration::from_millis(100 + 137 * round);
        tokio::task::spawn_blocking(move || run_and_kill(&path, after))
            .await
            .unwrap();

        let world = World::at(dir.path());
        let running = world.start().await;
        let after = all(&running, &[], 40).await;
        let (read_again, found) = recovered(&running.stop().await);
        assert!(found > 1_000.0, "{found} states in the store");
        assert!(
            read_again < found / 100.0,
            "{read_again} of {found} read again"
        );

        std::fs::remove_dir_all(world.store_dir()).unwrap();
        let running = world.start().await;
        let rebuilt = all(&running, &[], 40).await;
        running.stop().await;
        assert_same(&rebuilt, &after, &format!("after kill {round}"));
        check_chains(&world, round).await;
    }
}

/// A change may stand there twice after a crash, but none is missing.
async fn check_chains(world: &World, round: u64) {
    let mut last: BTreeMap<Vec<u8>, Position> = BTreeMap::new();
    for (_, key, value) in records(world, Topic::Changes).await {
        let Ok(Decoded::Known(change)) = wire::decode_change(&value.unwrap()) else {
            unreachable!("an unknown change");
        };
        let seen = last.get(&key).copied();
        if seen.is_some_and(|seen| !change.version.is_after(&seen)) {
            continue;
        }
        assert_eq!(
            change.previous_version, seen,
            "at {} after kill {round}",
            change.version
        );
        last.insert(key, change.version);
    }
}
