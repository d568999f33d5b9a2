//! A crash right after each step that a projector takes, by name: nothing is lost, and nothing is doubled for who keeps to versions.
//!
//! A child process is this test binary again, with an observer that ends it at the n-th time of one step.

#![expect(clippy::print_stdout, reason = "the figures are asked for")]

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use chassis::auth::Access;
use domain::position::Position;
use eventlog::Batch;
use projector::{Observe, Step};
use tempfile::TempDir;
use wire::{Decoded, topics::Topic};

use crate::{
    answers::{Answers, all, assert_same},
    order::records,
    traffic::{START, created, group_id, mixture},
    world::{LIMIT, World},
};

const DIR: &str = "ROLLCALL_TEST_CRASH_DIR";
const STEP: &str = "ROLLCALL_TEST_CRASH_STEP";
const TIME: &str = "ROLLCALL_TEST_CRASH_TIME";

/// Events are appended in parts, so that a crash finds some of them folded and others not.
const PARTS: u64 = 6;
const EVENTS: u64 = 150;
const GROUPS: u64 = 8;

/// At which times of a step to crash.
const TIMES: [u32; 3] = [1, 2, 5];

/// Steps that this script does not take so often: once when it starts, or once in its life.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a new step is expected to be taken like most"
)]
fn is_taken(step: Step, time: u32) -> bool {
    match step {
        Step::TopicReread | Step::PublishedAgain => time == 1,
        // Twice for each input, for what was published again is read before leading.
        Step::PositionFollowed | Step::EndsReached | Step::InputChecked => time <= 2,
        // The offset is noted at most once a second.
        Step::Released | Step::OffsetNoted => time == 1,
        _ => true,
    }
}

/// Ends the process at one step.
#[derive(Debug)]
struct CrashAt {
    step: Step,
    left: AtomicU32,
}

impl Observe for CrashAt {
    fn taken(&self, step: Step) {
        if step == self.step && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // As a `kill -9` would: nothing is flushed, closed or told.
            std::process::abort();
        }
    }
}

/// The first part, folded; a former leader's late write over it, and a record that its digest does not count.
async fn prepare(dir: &Path) {
    let world = World::at(dir);
    let first = created(START - 9, &group_id(1), "old");
    let at = world
        .append(&[first, created(START - 8, &group_id(2), "old")])
        .await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    let old = records(&world, Topic::Groups).await;
    let at = world.append(&mixture(71, 0, EVENTS, GROUPS)).await;
    let running = world.start().await;
    all(&running, &at, GROUPS).await;
    running.stop().await;
    let (_, key, value) = old
        .into_iter()
        .find(|(_, key, _)| key.starts_with(b"g/"))
        .unwrap();
    let mut batch = Batch::new();
    let now_ms = world.clock.now_ms() as i64;
    batch.push(Topic::Groups.name(), 0, &key, value.as_deref(), &[], now_ms);
    let ghost = format!("g/{}ghost", group_id(0));
    batch.push(
        Topic::Groups.name(),
        0,
        ghost.as_bytes(),
        value.as_deref(),
        &[],
        now_ms,
    );
    let progress = records(&world, Topic::Groups)
        .await
        .into_iter()
        .rfind(|(_, key, _)| key.starts_with(b"p/"));
    let (_, key, value) = progress.unwrap();
    batch.push(Topic::Groups.name(), 0, &key, value.as_deref(), &[], now_ms);
    world.log.append(batch).await.unwrap();
    std::fs::remove_dir_all(world.store_dir()).unwrap();
}

/// Appends the parts up to `until` that are not in the log yet; each is there whole or not at all.
async fn append_until(world: &World, until: u64) {
    let mut end = world
        .log
        .bounds(Topic::Events.name(), 0)
        .await
        .unwrap()
        .start;
    // What `prepare` begins with.
    end += 2;
    for part in 0..until {
        let events = mixture(71, part * EVENTS, EVENTS, GROUPS);
        let is_event = |event: &&domain::event::Event| {
            Topic::of_event(&crate::traffic::entity(event)) == Topic::Events
        };
        end += i64::try_from(events.iter().filter(is_event).count()).unwrap();
        let found = world.log.bounds(Topic::Events.name(), 0).await.unwrap().end;
        if found < end {
            world.append(&events).await;
        }
    }
}

/// What the child does: starts, folds all there is, is disturbed by another late write, and ends in order if it is not ended before.
#[test]
fn child_that_crashes() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the parent's word to the child, and no setting"
    )]
    let word = |name: &str| std::env::var(name).ok();
    let (Some(dir), Some(step), Some(time)) = (word(DIR), word(STEP), word(TIME)) else {
        // The ordinary run of the tests, in which there is nothing to do.
        return;
    };
    let step = Step::ALL.into_iter().find(|known| known.name() == step);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let dir = Path::new(&dir);
        let mut world = World::at(dir);
        world.steps = Arc::new(CrashAt {
            step: step.unwrap(),
            left: AtomicU32::new(time.parse().unwrap()),
        });
        let running = world.begin(Access::Open, LIMIT).await;
        running.await_ready().await;
        append_until(&world, PARTS - 1).await;
        running.json_at("/v1/groups", &ends(&world).await).await;
        late_write(&world).await;
        running.stop().await;
    });
}

/// Writes an older state of a group over its newer one, and waits until that is covered again.
async fn late_write(world: &World) {
    let all = records(world, Topic::Groups).await;
    let (_, key, value) = all
        .iter()
        .find(|(_, key, _)| key.starts_with(b"g/"))
        .unwrap();
    let mut batch = Batch::new();
    let now_ms = world.clock.now_ms() as i64;
    batch.push(Topic::Groups.name(), 0, key, value.as_deref(), &[], now_ms);
    let offset = world.log.append(batch).await.unwrap()[0];
    append_until(world, PARTS).await;
    let covered = harness::eventually(LIMIT, "the late write is covered", async || {
        let all = records(world, Topic::Groups).await;
        all.iter()
            .any(|(at, found, _)| *at > offset && found == key)
            .then_some(())
    });
    covered.await.unwrap();
}

/// Runs the child; says whether it crashed.
fn run_child(dir: &Path, step: Step, time: u32) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_crashes", "--nocapture"])
        .env(DIR, dir)
        .env(STEP, step.name())
        .env(TIME, time.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    use std::os::unix::process::ExitStatusExt as _;
    if status.signal().is_some() {
        return true;
    }
    assert!(status.success(), "the child failed at {step}, time {time}");
    false
}

/// What came of it: all answers, the states' last records, and the changes as a reader who remembers versions takes them.
#[derive(Debug, PartialEq)]
struct Outcome {
    answers: Answers,
    states: BTreeMap<Vec<u8>, Vec<u8>>,
    changes: Vec<(Position, Vec<u8>)>,
}

/// Positions of the last records of both inputs.
async fn ends(world: &World) -> Vec<String> {
    let mut ends = Vec::new();
    for (topic, mark) in [(Topic::Events, ""), (Topic::Receipts, "r")] {
        let end = world.log.bounds(topic.name(), 0).await.unwrap().end;
        ends.push(format!("{mark}1:0:{}", end - 1));
    }
    ends
}

async fn outcome(dir: &Path) -> Outcome {
    let world = World::at(dir);
    let running = world.start().await;
    append_until(&world, PARTS).await;
    let at = ends(&world).await;
    let answers = all(&running, &at, GROUPS).await;
    running.stop().await;
    let mut states = BTreeMap::new();
    for topic in [
        Topic::Groups,
        Topic::Requests,
        Topic::Numbers,
        Topic::Messages,
    ] {
        for (_, key, value) in records(&world, topic).await {
            if let Some(value) = value
                && !key.starts_with(b"p/")
            {
                states.insert(key, value);
            }
        }
    }
    let (mut last, mut changes) = (BTreeMap::new(), Vec::new());
    for (_, key, value) in records(&world, Topic::Changes).await {
        let value = value.unwrap();
        let Ok(Decoded::Known(change)) = wire::decode_change(&value) else {
            unreachable!("an unknown change");
        };
        let seen: Option<Position> = last.get(&key).copied();
        if seen.is_none_or(|seen| change.version.is_after(&seen)) {
            assert_eq!(change.previous_version, seen, "a change is lost");
            last.insert(key, change.version);
            changes.push((change.version, value));
        }
    }
    changes.sort_by_key(|(version, _)| version.offset);
    Outcome {
        answers,
        states,
        changes,
    }
}

/// A copy of a prepared directory.
fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    let status = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to.path())
        .status()
        .unwrap();
    assert!(status.success());
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_loses_nothing_and_doubles_nothing() {
    let prepared = TempDir::new().unwrap();
    prepare(prepared.path()).await;
    let control = copy(prepared.path());
    let expected = outcome(control.path()).await;
    assert!(expected.changes.len() > 200, "{}", expected.changes.len());
    let mut crashes = 0;
    for step in Step::ALL {
        let mut done = Vec::new();
        for time in TIMES.into_iter().filter(|time| is_taken(step, *time)) {
            let dir = copy(prepared.path());
            let path = dir.path().to_owned();
            let crashed = tokio::task::spawn_blocking(move || run_child(&path, step, time))
                .await
                .unwrap();
            assert!(crashed, "{step} was not taken {time} times");
            let found = outcome(dir.path()).await;
            assert_same(&expected.answers, &found.answers, &format!("after {step}"));
            assert_eq!(found.states, expected.states, "after {step}");
            assert_eq!(found.changes, expected.changes, "after {step}");
            done.push(time);
            crashes += 1;
        }
        println!("crash after {step}: at times {done:?}, same outcome");
    }
    println!("{crashes} crashes at {} steps", Step::ALL.len());
}
