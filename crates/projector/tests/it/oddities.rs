//! What rarely happens: garbage, gaps, other logs, late writes of former leaders, forgotten groups, old stores.

use std::time::Duration;

use chassis::{Clock, auth::Access};
use domain::{
    event::{About, GroupEvent, Source},
    ids::{Entity, GroupId},
    position::{Position, Stream},
};
use eventlog::Batch;
use serde_json::Value;
use wire::{
    Progress,
    topics::{Topic, progress_key},
};

use crate::{
    answers::{all, assert_same},
    order::records,
    traffic::{START, created, escaped, event, group, group_id, joined, mixture, read, renamed},
    world::{LIMIT, World, metric, tick},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_counted_and_skipped() {
    let world = World::new();
    let id = group_id(1);
    world.append(&[created(START, &id, "first")]).await;
    let key = wire::topics::key(&Entity::Group(GroupId::parse(&id).unwrap()));
    let mut other = Vec::new();
    wire::encode_event(
        &created(START, &group_id(2), "under another's key"),
        &mut other,
    );
    let now = world.clock.now_ms() as i64;
    let mut batch = Batch::new();
    for value in [
        Some(&b"\xff\xff\xff"[..]),
        Some(b"garbage"),
        None,
        Some(&other),
    ] {
        batch.push(Topic::Events.name(), 0, &key, value, &[], now);
    }
    world.log.append(batch).await.unwrap();
    let at = world.append(&[renamed(START + 1, &id, "second")]).await;
    let running = world.start().await;
    let page = running.json_at("/v1/groups", &at).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["items"][0]["subject"], "second");
    assert_eq!(page["items"][0]["version"], "1:0:5");
    let metrics = running.stop().await;
    let skipped = metric(
        &metrics,
        "projector_folded_events_total{input=\"events\",outcome=\"undecodable\"}",
    );
    assert_eq!(skipped, 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_the_log_is_recorded_and_what_was_verified_before_it_counts_as_unverified() {
    let world = World::new();
    let id = group_id(1);
    let path = format!("/v1/groups/{}", escaped(&id));
    // Old enough to go in a few seconds, for retention takes what is first in the log first.
    let aging = world.clock.now_ms() as i64 - 30 * 86_400_000 + 5_000;
    let at = world
        .append_at(
            &[
                created(START, &id, "first"),
                read(START + 9, &id, "first", &[]),
            ],
            aging,
        )
        .await;
    let running = world.start().await;
    assert_eq!(
        running.json_at(&path, &at).await["verified_at"],
        "2026-05-28T20:26:49Z"
    );
    running.stop().await;

    let lost = world.clock.now_ms() as i64 - 31 * 86_400_000;
    for n in 0..3 {
        world
            .append_at(&[renamed(START + 10 + n, &id, "lost")], lost)
            .await;
    }
    // Everything older than the retention goes; what is new stays.
    let gone = harness::eventually(LIMIT, "retention removes what is old", async || {
        let bounds = world.log.bounds(Topic::Events.name(), 0).await.unwrap();
        (bounds.start > 2).then_some(bounds)
    });
    let bounds = gone.await.unwrap();
    assert_eq!((bounds.start, bounds.end), (5, 5));
    let at = world.append(&[joined(START + 20, &id, 1)]).await;
    let running = world.start().await;
    let group = running.json_at(&path, &at).await;
    assert_eq!(
        (&group["verified_at"], &group["subject"]),
        (&Value::Null, &Value::from("first"))
    );
    assert_eq!(running.json("/v1/agreement").await["never_verified"], 1);
    let metrics = running.stop().await;
    assert_eq!(metric(&metrics, "projector_gaps_total"), 1.0);

    std::fs::remove_dir_all(world.store_dir()).unwrap();
    let running = world.start().await;
    assert_eq!(
        running.json_at(&path, &at).await,
        group,
        "the gap stands in the progress record"
    );
    assert_eq!(metric(&running.stop().await, "projector_gaps_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_another_log_are_refused() {
    let world = World::new();
    world.append(&mixture(41, 0, 100, 5)).await;
    let progress = Progress {
        position: Position {
            stream: Stream::Events,
            generation: 1,
            partition: 0,
            offset: 5_000,
        },
        event_id: None,
        log_time_ms: 0,
        partitions: 1,
        gap: None,
        digest: None,
        fold: 1,
        written_at_ms: 0,
        changes_next: 0,
    };
    let mut value = Vec::new();
    wire::encode_progress(&progress, &mut value);
    let mut batch = Batch::new();
    batch.push(
        Topic::Groups.name(),
        0,
        &progress_key(0),
        Some(&value),
        &[],
        world.clock.now_ms() as i64,
    );
    world.log.append(batch).await.unwrap();
    let error = world.begin(Access::Open, LIMIT).await.ended().await;
    assert!(error.to_string().contains("generation raise"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_write_of_a_former_leader_is_covered_again() {
    let world = World::new();
    let (id, events) = (group_id(1), mixture(42, 0, 600, 8));
    let at = world.append(&[created(START - 9, &id, "old")]).await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    let old = records(&world, Topic::Groups).await;
    let at = world.append(&events).await;
    let running = world.start().await;
    let before = all(&running, &at, 8).await;
    running.stop().await;

    let (_, key, value) = old
        .into_iter()
        .find(|(_, key, _)| key.starts_with(b"g/"))
        .unwrap();
    let mut batch = Batch::new();
    batch.push(
        Topic::Groups.name(),
        0,
        &key,
        value.as_deref(),
        &[],
        world.clock.now_ms() as i64,
    );
    world.log.append(batch).await.unwrap();
    for is_rebuilt in [false, true] {
        if is_rebuilt {
            std::fs::remove_dir_all(world.store_dir()).unwrap();
        }
        let running = world.start().await;
        assert_same(&before, &all(&running, &at, 8).await, "after a late write");
        running.stop().await;
        let last = records(&world, Topic::Groups)
            .await
            .into_iter()
            .rfind(|(_, found, _)| *found == key);
        assert_ne!(
            last.unwrap().2,
            value,
            "the newest state is not the last of its key"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_group_is_gone_its_history_stays_and_it_may_come_back() {
    let world = World::new();
    let id = group_id(1);
    let forgotten = |stamp| {
        let about = About::Group(
            GroupId::parse(&id).unwrap(),
            GroupEvent::Forgotten { stamp },
        );
        event(START + 100, Source::Rollcall, about)
    };
    let at = world
        .append(&[
            created(START, &id, "first"),
            group(START + 1, &id, GroupEvent::Deleted),
            // Another stamp than that of its going: nothing.
            forgotten(START),
            // Changed in the same batch, so what is before must stand in a progress record before the tombstone does.
            joined(START + 2, &id, 1),
            forgotten(START + 1),
        ])
        .await;
    let running = world.start().await;
    let path = format!("/v1/groups/{}", escaped(&id));
    assert_eq!(running.get_at(&path, &at).await.status(), 404);
    let history = running.json(&format!("{path}/changes")).await;
    let items = history["items"].as_array().unwrap();
    assert_eq!(
        (
            items[0]["forgotten"].as_bool(),
            items[0]["version"].as_str()
        ),
        (Some(true), Some("1:0:4"))
    );
    assert_eq!(items[0]["phone_number_id"], crate::traffic::NUMBER);
    let count = items.len();

    let at = world.append(&[created(START + 200, &id, "again")]).await;
    let group = running.json_at(&path, &at).await;
    assert_eq!(
        (&group["subject"], &group["version"]),
        (&Value::from("again"), &Value::from("1:0:5"))
    );
    let history = running.json(&format!("{path}/changes")).await;
    assert_eq!(history["items"].as_array().unwrap().len(), count + 1);
    let before = all(&running, &at, 3).await;
    running.stop().await;
    std::fs::remove_dir_all(world.store_dir()).unwrap();
    let running = world.start().await;
    assert_same(&before, &all(&running, &at, 3).await, "after a rebuild");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_a_newer_fold_are_served_and_not_folded_on() {
    let world = World::new();
    let id = group_id(1);
    let at = world.append(&[created(START, &id, "first")]).await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    let states = records(&world, Topic::Groups).await;
    let (_, key, value) = states
        .into_iter()
        .find(|(_, key, _)| key.starts_with(b"g/"))
        .unwrap();
    let mut value = value.unwrap();
    // The first field of a state is its fold, which was 1.
    let place = value.windows(2).position(|bytes| bytes == [8, 1]).unwrap();
    value[place + 1] = 99;
    let mut batch = Batch::new();
    batch.push(
        Topic::Groups.name(),
        0,
        &key,
        Some(&value),
        &[],
        world.clock.now_ms() as i64,
    );
    world.log.append(batch).await.unwrap();
    let end = world.log.bounds(Topic::Groups.name(), 0).await.unwrap().end;
    world.append(&[renamed(START + 1, &id, "second")]).await;

    let running = world.begin(Access::Open, Duration::from_millis(100)).await;
    let served = harness::eventually(LIMIT, "what is held is served", async || {
        let response = running.get(&format!("/v1/groups/{}", escaped(&id))).await;
        if response.status() == 200 {
            response.json::<Value>().await.ok()
        } else {
            None
        }
    });
    assert_eq!(served.await.unwrap()["subject"], "first");
    assert!(!running.ctx.health.ready().ok);
    running.stop().await;
    assert_eq!(
        world.log.bounds(Topic::Groups.name(), 0).await.unwrap().end,
        end,
        "something was published"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_thirty_days_history_and_messages_are_gone_and_watchers_are_told() {
    let mut world = World::new();
    let now = world.clock.clone();
    let (clock, hand) = Clock::manual(now.now_ms() - 40 * 86_400_000);
    let ticking = tokio::spawn(tick(hand));
    world.clock = clock;
    // What the log holds is stamped now, so that it stays; what the store holds is stamped by the projector.
    world
        .append_at(&mixture(43, 0, 300, 5), now.now_ms() as i64)
        .await;
    let running = world.start().await;
    let id = escaped(&group_id(1));
    assert_ne!(
        running.json(&format!("/v1/groups/{id}/changes")).await["items"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_ne!(
        running.json("/v1/usage").await["items"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    running.stop().await;
    ticking.abort();

    world.clock = now;
    let running = world.start().await;
    let pruned = harness::eventually(LIMIT, "what is old is pruned", async || {
        let usage = running.json("/v1/usage").await;
        let history = running.json(&format!("/v1/groups/{id}/changes")).await;
        let is_empty = |page: &Value| page["items"].as_array().unwrap().is_empty();
        (is_empty(&usage) && is_empty(&history)).then_some(())
    });
    pruned.await.unwrap();
    assert_eq!(running.get(&format!("/v1/groups/{id}")).await.status(), 200);
    let request = running.client.get(format!("{}/v1/watch", running.url));
    let response = request
        .header("Last-Event-ID", "1:0:3")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 410);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_a_topic_with_its_tombstone_while_nobody_listened_is_swept_from_the_store() {
    let (log_clock, hand) = Clock::manual(Clock::system().now_ms());
    let world = World::with_log_clock(&log_clock);
    let (kept, lost) = (group_id(1), group_id(2));
    let at = world
        .append(&[created(START, &kept, "kept"), created(START, &lost, "lost")])
        .await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    let aside = world.root.join("aside");
    std::fs::rename(world.store_dir(), &aside).unwrap();

    let about = About::Group(
        GroupId::parse(&lost).unwrap(),
        GroupEvent::Forgotten { stamp: START + 1 },
    );
    let at = world
        .append(&[
            group(START + 1, &lost, GroupEvent::Deleted),
            event(START + 100, Source::Rollcall, about),
        ])
        .await;
    let running = world.start().await;
    let expected = running.json_at("/v1/groups", &at).await;
    let digests = running.json("/v1/digests").await;
    running.stop().await;
    // Compaction takes the state, and then the tombstone: no reader that comes now hears of either.
    hand.advance(Duration::from_secs(30 * 3_600));
    let key = format!("g/{lost}").into_bytes();
    let gone = harness::eventually(LIMIT, "the tombstone is compacted away", async || {
        let records = records(&world, Topic::Groups).await;
        (!records.iter().any(|(_, found, _)| *found == key)).then_some(())
    });
    gone.await.unwrap();

    // The store of before still holds it; what the topic holds tells by its digest that it must not.
    std::fs::remove_dir_all(world.store_dir()).unwrap();
    std::fs::rename(&aside, world.store_dir()).unwrap();
    let running = world.start().await;
    assert_eq!(running.json_at("/v1/groups", &at).await, expected);
    let response = running.get(&format!("/v1/groups/{}", escaped(&lost))).await;
    assert_eq!(response.status(), 404);
    assert_eq!(running.json("/v1/digests").await, digests);
    let metrics = running.stop().await;
    assert_eq!(metric(&metrics, "projector_digest_mismatches_total"), 1.0);
    assert_eq!(metric(&metrics, "projector_topics_reread_total"), 1.0);
}
