//! What the local log promises beyond the contract.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use eventlog::{At, Batch, Bounds, Class, Cleanup, Error, Log, Start, TopicSpec};
use harness::{Process, await_until, eventually};
use prometheus_client::registry::Registry;

use crate::world::{COMPACTED, LONG, TOPIC, World, numbered, rest, topic, topics};

fn open(dir: &Path, topics: &[TopicSpec]) -> Result<Log, Error> {
    Log::local(dir, topics, || 0, &mut Registry::default())
}

fn opened_at(dir: &Path, topics: &[TopicSpec], now: &Arc<AtomicI64>) -> Log {
    let now = Arc::clone(now);
    let clock = move || now.load(Ordering::SeqCst);
    Log::local(dir, topics, clock, &mut Registry::default()).unwrap()
}

fn one(topic: &str, key: &str, value: Option<&str>, timestamp_ms: i64) -> Batch {
    let mut batch = Batch::new();
    let value = value.map(str::as_bytes);
    batch.push(topic, 0, key.as_bytes(), value, &[], timestamp_ms);
    batch
}

async fn pairs(log: &Log, topic: &str) -> Vec<(i64, String)> {
    let start = Start::new(topic, 0, At::Beginning);
    let mut reader = log.reader(vec![start]).await.unwrap();
    let pair = |key: Vec<u8>, value: Option<Vec<u8>>| {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        format!("{}={}", text(key), value.map_or("-".into(), text))
    };
    let records = rest(&mut reader).await.into_iter();
    records
        .map(|record| (record.offset, pair(record.key, record.value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_opened_again_holds_what_it_held_and_goes_on() {
    let world = World::local();
    let log = world.open(&topics(2));
    log.append(numbered(TOPIC, 1, 0..5)).await.unwrap();
    drop(log);
    let log = world.open(&topics(2));
    assert_eq!(
        log.bounds(TOPIC, 1).await.unwrap(),
        Bounds { start: 0, end: 5 }
    );
    assert_eq!(log.append(numbered(TOPIC, 1, 5..6)).await.unwrap(), [5]);
    let start = vec![Start::new(TOPIC, 1, At::Beginning)];
    assert_eq!(rest(&mut log.reader(start).await.unwrap()).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opener_is_refused_and_the_directory_is_given_back_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &topics(1)).unwrap();
    let error = open(dir.path(), &topics(1)).unwrap_err();
    let Error::InUse { path } = &error else {
        panic!("{error:?}");
    };
    assert!(path.starts_with(dir.path()));
    // A reader keeps it open too.
    let start = vec![Start::new(TOPIC, 0, At::End)];
    let reader = log.reader(start).await.unwrap();
    drop(log);
    assert!(open(dir.path(), &topics(1)).is_err());
    drop(reader);
    open(dir.path(), &topics(1)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_keeps_the_last_of_each_key_and_tombstones_for_their_time_and_no_offset_twice() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let mut spec = topic(COMPACTED, 1, Cleanup::Compact);
    spec.min_compaction_lag_ms = 100;
    spec.delete_retention_ms = 1000;
    let log = opened_at(dir.path(), std::slice::from_ref(&spec), &now);
    for (key, value) in [
        ("a", Some("1")),
        ("b", Some("1")),
        ("a", Some("2")),
        ("b", None),
    ] {
        log.append(one(COMPACTED, key, value, 0)).await.unwrap();
    }
    let all = [(0, "a=1"), (1, "b=1"), (2, "a=2"), (3, "b=-")];
    let text = |pairs: &[(i64, &str)]| -> Vec<(i64, String)> {
        pairs
            .iter()
            .map(|(offset, pair)| (*offset, (*pair).to_owned()))
            .collect()
    };
    assert_eq!(pairs(&log, COMPACTED).await, text(&all));

    now.store(100, Ordering::SeqCst);
    let compacted = text(&all[2..]);
    eventually(LONG, "compaction", async || {
        (pairs(&log, COMPACTED).await == compacted).then_some(())
    })
    .await
    .unwrap();

    now.store(1000, Ordering::SeqCst);
    eventually(LONG, "the tombstone to go", async || {
        (pairs(&log, COMPACTED).await == text(&all[2..3])).then_some(())
    })
    .await
    .unwrap();
    // Compaction moves no start, and the offset of the tombstone is not given again, not even after a restart.
    let bounds = Bounds { start: 0, end: 4 };
    assert_eq!(log.bounds(COMPACTED, 0).await.unwrap(), bounds);
    drop(log);
    let log = opened_at(dir.path(), &[spec], &now);
    assert_eq!(
        log.append(one(COMPACTED, "b", Some("3"), 0)).await.unwrap(),
        [4]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_moves_the_start_and_a_reader_below_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let specs = [
        topic(TOPIC, 1, Cleanup::Delete { retention_ms: 1000 }),
        topic(
            COMPACTED,
            1,
            Cleanup::CompactAndDelete { retention_ms: 1000 },
        ),
    ];
    let log = opened_at(dir.path(), &specs, &now);
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut late = log.reader(start).await.unwrap();
    for topic in [TOPIC, COMPACTED] {
        for at in [0, 10, 2000] {
            log.append(one(topic, "k", Some("v"), at)).await.unwrap();
        }
    }
    now.store(1500, Ordering::SeqCst);
    for topic in [TOPIC, COMPACTED] {
        eventually(LONG, "retention", async || {
            let bounds = log.bounds(topic, 0).await.unwrap();
            (bounds == Bounds { start: 2, end: 3 }).then_some(())
        })
        .await
        .unwrap();
    }
    let error = late.next(10, 1000, LONG).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                offset: 0,
                start: 2,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(pairs(&log, TOPIC).await, [(2, "k=v".to_owned())]);

    // All of it: the end stays where it was.
    now.store(9000, Ordering::SeqCst);
    eventually(LONG, "retention of all", async || {
        let bounds = log.bounds(TOPIC, 0).await.unwrap();
        (bounds == Bounds { start: 3, end: 3 }).then_some(())
    })
    .await
    .unwrap();
    drop(late);
    drop(log);
    let log = opened_at(dir.path(), &specs, &now);
    assert_eq!(
        log.append(one(TOPIC, "k", Some("v"), 9000)).await.unwrap(),
        [3]
    );
}

/// Set for the child process of the test below, to its directory.
const CHILD_DIR: &str = "EVENTLOG_TEST_CHILD_DIR";

/// Not a test by itself: the process that the next test kills.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let log = open(Path::new(&dir), &topics(1)).unwrap();
    let first = log.bounds(TOPIC, 0).await.unwrap().end;
    let mut tasks = Vec::new();
    for task in 0..4 {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..u64::MAX {
                let mut batch = Batch::new();
                let key = format!("{first}-{task}-{number}");
                batch.push(TOPIC, 0, key.as_bytes(), Some(b"value"), &[], 0);
                let offset = log.append(batch).await.unwrap()[0];
                // What is acknowledged is said, and what is said must be there.
                println!("acknowledged {offset} {key}");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_before_kill_9_is_there_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _round in 0..5 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "local::child_that_appends_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD_DIR, dir.path())
            .stdin(Stdio::null());
        let mut child = Process::run(command).unwrap();
        let said = |child: &Process| child.stdout().matches("acknowledged").count();
        await_until(LONG, "acknowledgements", || {
            (said(&child) > 200).then_some(())
        })
        .unwrap();
        child.kill9().unwrap();
        child.wait(LONG).unwrap();
        for line in child.stdout().lines() {
            // The last line may be cut off.
            let mut words = line
                .split(' ')
                .skip_while(|word| *word != "acknowledged")
                .skip(1);
            if let (Some(offset), Some(key), true) = (words.next(), words.next(), line.len() > 20) {
                acknowledged.push((offset.parse::<i64>().unwrap(), key.to_owned()));
            }
        }
    }
    let log = open(dir.path(), &topics(1)).unwrap();
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let records = rest(&mut log.reader(start).await.unwrap()).await;
    assert!(acknowledged.len() > 1000);
    for (offset, key) in acknowledged {
        let record = &records[usize::try_from(offset).unwrap()];
        assert_eq!(record.offset, offset);
        assert!(
            String::from_utf8_lossy(&record.key).starts_with(&key),
            "offset {offset}"
        );
    }
}

/// A log with some records, closed.
async fn closed_log() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), &topics(1)).unwrap();
    log.append(numbered(TOPIC, 0, 0..2000)).await.unwrap();
    dir
}

/// Damage is an error that names the file, says what to do, and is the same the next time: nothing was made anew.
fn refused(dir: &Path, file: &str) -> Error {
    for _ in 0..2 {
        let error = open(dir, &topics(1)).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(file) && said.contains("move its directory aside"),
            "{said}"
        );
        assert_eq!(error.class(), Class::Permanent);
    }
    open(dir, &topics(1)).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_database_is_damage_while_the_directory_says_there_was_one() {
    let dir = closed_log().await;
    fs::remove_file(dir.path().join("log.sqlite")).unwrap();
    let error = refused(dir.path(), "log.sqlite");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_or_overwritten_database_is_damage() {
    for bytes in [Vec::new(), b"not a database at all".repeat(1000)] {
        let dir = closed_log().await;
        fs::write(dir.path().join("log.sqlite"), bytes).unwrap();
        refused(dir.path(), "log.sqlite");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_not_what_was_written_are_damage() {
    let dir = closed_log().await;
    let path = dir.path().join("log.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let from = bytes.len() / 2;
    for byte in &mut bytes[from..from + 20_000] {
        *byte = 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    refused(dir.path(), "log.sqlite");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_version_or_program_is_refused() {
    let dir = closed_log().await;
    fs::write(dir.path().join("FORMAT"), "rollcall-log 2\n").unwrap();
    let error = refused(dir.path(), "FORMAT");
    assert!(matches!(error, Error::ForeignFormat { .. }), "{error:?}");

    for pragma in ["PRAGMA user_version = 2", "PRAGMA application_id = 77"] {
        let dir = closed_log().await;
        let path = dir.path().join("log.sqlite");
        let conn = rusqlite::Connection::open(path).unwrap();
        conn.execute_batch(pragma).unwrap();
        drop(conn);
        let error = refused(dir.path(), "log.sqlite");
        assert!(matches!(error, Error::ForeignFormat { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_what_was_written_is_found_when_it_is_read() {
    for change in [
        "value = x'00'",
        "key = x'00'",
        "timestamp = 7",
        "headers = x'00'",
        "value = NULL",
    ] {
        let dir = closed_log().await;
        let conn = rusqlite::Connection::open(dir.path().join("log.sqlite")).unwrap();
        conn.execute(
            &format!("UPDATE records SET {change} WHERE offset = 1500"),
            [],
        )
        .unwrap();
        drop(conn);
        let log = open(dir.path(), &topics(1)).unwrap();
        let start = vec![Start::new(TOPIC, 0, At::Offset(1400))];
        let mut reader = log.reader(start).await.unwrap();
        let batch = reader.next(100, 1 << 20, LONG).await.unwrap();
        assert_eq!(batch.len(), 100, "up to the damage all is well");
        let error = reader.next(100, 1 << 20, LONG).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
        assert!(
            said.contains("offset 1500") && said.contains("log.sqlite"),
            "{said}"
        );
        assert_eq!(reader.position(0), 1500);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_cut_off_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.sqlite"), b"").unwrap();
    let log = open(dir.path(), &topics(1)).unwrap();
    log.append(numbered(TOPIC, 0, 0..1)).await.unwrap();
    drop(log);
    // All but the marker was done.
    fs::remove_file(dir.path().join("FORMAT")).unwrap();
    let log = open(dir.path(), &topics(1)).unwrap();
    assert_eq!(log.bounds(TOPIC, 0).await.unwrap().end, 1);
    assert!(dir.path().join("FORMAT").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_may_come_and_their_partitions_may_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let specs = topics(1);
    drop(open(dir.path(), &specs[..1]).unwrap());
    let log = open(dir.path(), &specs).unwrap();
    assert_eq!(log.check(&specs).await.unwrap(), []);
    assert!(log.plan(&specs, 1).await.unwrap().is_empty());
    drop(log);
    let error = open(dir.path(), &topics(2)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::PartitionsDiffer {
                found: 1,
                asked: 2,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_woken_by_an_append_and_not_by_the_clock() {
    let world = World::local();
    let log = world.open(&topics(1));
    let start = vec![Start::new(TOPIC, 0, At::End)];
    let mut reader = log.reader(start).await.unwrap();
    let reading = tokio::spawn(async move { reader.next(1, 1, LONG).await.unwrap().len() });
    log.append(numbered(TOPIC, 0, 0..1)).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
    assert_eq!(read.unwrap().unwrap(), 1);
}
