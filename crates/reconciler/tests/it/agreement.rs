//! How well the number agrees is shown by the metrics, and what is behind a gap of the log is read again.

use domain::position::Position;
use eventlog::Batch;
use reqwest::Method;
use serde_json::json;
use wire::{Gap, Progress, topics::Topic};

use crate::world::{NUMBER, World};

const GROUPS: u32 = 10;

/// The fold says that the log had lost events when it came to this second.
async fn gap(world: &World) {
    let progress = Progress {
        position: Position {
            generation: 1,
            ..Position::default()
        },
        event_id: None,
        log_time_ms: 0,
        partitions: 1,
        gap: Some(Gap {
            from: 0,
            to: 1,
            at: world.now(),
        }),
        digest: None,
        fold: 1,
        written_at_ms: 0,
        changes_next: 0,
    };
    let (mut batch, mut value) = (Batch::new(), Vec::new());
    wire::encode_progress(&progress, &mut value);
    let key = wire::topics::progress_key(0);
    batch.push(Topic::Numbers.name(), 0, &key, Some(&value), &[], 0);
    world.log.append(batch).await.unwrap();
}

#[tokio::test]
async fn how_many_groups_were_verified_and_how_long_drift_stood_is_shown() {
    let world = World::hydrated(GROUPS).await;
    let of = |name: &str, label: &str| {
        let number = r#"phone_number_id="300000000000001""#;
        world.metric(&format!("reconciler_{name}{{{number}{label}}}"))
    };
    world
        .until("all are verified", |_| {
            of("groups_verified", r#",within="1h""#) == Some(f64::from(GROUPS))
        })
        .await;
    assert_eq!(of("groups", ""), Some(f64::from(GROUPS)));
    assert_eq!(of("groups_never_verified", ""), Some(0.0));
    assert!(of("oldest_verified_seconds", "").unwrap() < 3_600.0);
    let id = &world.ids()[3];
    let body = json!({"subject": "Renamed"});
    world.business(Method::POST, &format!("/{id}"), body).await;
    world.until_agreement().await;
    let stood = |suffix| {
        world.metric(&format!(
            r#"reconciler_drift_stood_seconds_{suffix}{{kind="subject"}}"#
        ))
    };
    assert_eq!(stood("count"), Some(1.0));
    assert!(stood("sum").unwrap() > 0.0);
}

#[tokio::test]
async fn after_a_gap_of_the_log_all_groups_are_read_again_and_what_is_found_is_ours() {
    let world = World::hydrated(GROUPS).await;
    world.until_agreement().await;
    let of_gap = r#"reconciler_reads_total{kind="after_gap"}"#;
    assert_eq!(world.metric(of_gap), None);
    let id = &world.ids()[3];
    let body = json!({"description": "Lost with the log"});
    world.business(Method::POST, &format!("/{id}"), body).await;
    let at = world.now();
    gap(&world).await;
    world
        .until("all are read again", |world| {
            world.ids().iter().all(|id| world.verified(id) >= at)
        })
        .await;
    assert!(world.metric(of_gap) > Some(f64::from(GROUPS) / 2.0));
    world.until_agreement().await;
    let ours = r#"reconciler_drift_found_total{kind="settings",cause="ours"}"#;
    assert_eq!(world.metric(ours), Some(1.0));
    // What is lost later is not the gap's.
    let body = json!({"subject": "Later"});
    let path = format!("/{NUMBER}/groups");
    world.business(Method::POST, &path, body).await;
    world.until_agreement().await;
    let lost = r#"reconciler_drift_found_total{kind="created",cause="lost"}"#;
    assert_eq!(world.metric(lost), Some(1.0));
}
