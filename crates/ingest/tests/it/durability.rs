use std::{fs, path::Path};

use crate::service::{Service, groups, joined, open, seen};

#[tokio::test]
async fn what_was_answered_200_is_on_the_disk_at_that_moment() {
    let service = Service::start().await;
    for n in 0..20 {
        let body = groups(
            "group_participants_update",
            &[&joined(n), &joined(n + 1000)],
        );
        assert_eq!(service.post(body.as_bytes()).await.status, 200);
    }
    // What a crash now would leave: the files as they are, with the service still running.
    let crashed = tempfile::tempdir().unwrap();
    copy(service.dir.path(), crashed.path());
    let held = service.seen().await;
    assert_eq!(held.len(), 40);
    assert_eq!(seen(&open(crashed.path()), 1).await, held);
}

#[tokio::test]
async fn what_was_answered_200_is_there_after_a_restart() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    let held = service.take(&body).await;
    let dir = service.stop().await;
    let again = Service::on(open(dir.path()), &[crate::service::SECRET], dir, 1).await;
    assert_eq!(again.seen().await, held);
    assert_eq!(again.take(&body).await, held);
}

#[tokio::test]
async fn retention_counts_from_our_clock_and_not_from_the_stamp() {
    let service = Service::start().await;
    let seen = service
        .take(&groups("group_participants_update", &[&joined(1)]))
        .await;
    assert_eq!(seen[0].timestamp_ms, crate::service::NOW * 1000);
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
