use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;

use super::{Engine, directory};
use crate::{
    batch::Batch,
    error::{Class, Error},
    health::{Health, Trouble},
    topic::{Cleanup, TopicSpec},
};

fn spec() -> TopicSpec {
    TopicSpec {
        name: "events.v1".into(),
        partitions: 1,
        cleanup: Cleanup::Delete { retention_ms: 1000 },
        segment_ms: 1000,
        delete_retention_ms: 1000,
        min_compaction_lag_ms: 0,
    }
}

/// A log on a disk of that many pages.
fn on_small_disk(dir: &Path, pages: u32, now: &Arc<AtomicI64>) -> Engine {
    let opened = directory::open(dir).unwrap();
    let limit = format!("PRAGMA max_page_count = {pages}");
    opened.conn.execute_batch(&limit).unwrap();
    let now = Arc::clone(now);
    let clock = Arc::new(move || now.load(Ordering::SeqCst));
    Engine::start(opened, &[spec()], clock, &mut Registry::default()).unwrap()
}

fn batch(bytes: usize) -> Batch {
    let mut batch = Batch::new();
    batch.push("events.v1", 0, b"key", Some(&vec![7; bytes]), &[], 0);
    batch
}

#[tokio::test]
async fn a_full_disk_is_transient_and_over_when_there_is_space_again() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let log = on_small_disk(dir.path(), 40, &now);
    let mut appended = 0;
    let error = loop {
        match log.append(batch(50_000)).await {
            Ok(offsets) => {
                assert_eq!(offsets, [appended]);
                appended += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(appended > 0);
    assert_eq!(error.class(), Class::Transient, "{error}");
    assert!(matches!(error, Error::Storage { .. }), "{error:?}");
    let Health::InTrouble { trouble, .. } = log.health() else {
        panic!("a log that takes nothing is in trouble");
    };
    assert_eq!(trouble, Trouble::Storage);

    // Retention makes room, by the writer itself, and nobody has to append for that to be seen.
    now.store(10_000, Ordering::SeqCst);
    let ready = async {
        while !log.health().is_ready() || log.bounds("events.v1", 0).unwrap().start < appended {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ready)
        .await
        .expect("ready again");
    // What was refused has taken no offset.
    assert_eq!(log.append(batch(50_000)).await.unwrap(), [appended]);
}
