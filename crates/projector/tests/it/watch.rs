//! Watching, resuming, and being too late.

use std::time::Duration;

use chassis::Clock;
use futures::StreamExt;
use projector::limits::WATCH_STALL;
use serde_json::Value;

use crate::{
    raise::raised_whole,
    traffic::{START, created, escaped, group_id, joined, renamed},
    world::{LIMIT, Leaps, Running, World, metric, tick},
};

/// One message of a stream.
#[derive(Debug, Default, Clone)]
struct Message {
    id: Option<String>,
    data: Option<Value>,
}

/// A stream of messages that is read as it comes.
pub(crate) struct Watch {
    stream: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
}

impl Watch {
    pub(crate) async fn open(running: &Running, query: &str, from: Option<&str>) -> Self {
        let mut request = running
            .client
            .get(format!("{}/v1/watch{query}", running.url));
        if let Some(from) = from {
            request = request.header("Last-Event-ID", from);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            stream: Box::pin(response.bytes_stream()),
            text: String::new(),
        }
    }

    /// The next message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let mut parsed = Message::default();
                for line in message.lines() {
                    if let Some(id) = line.strip_prefix("id: ") {
                        parsed.id = Some(id.to_owned());
                    } else if let Some(data) = line.strip_prefix("data: ") {
                        parsed.data = Some(serde_json::from_str(data).unwrap());
                    }
                }
                self.text = rest.to_owned();
                return Some(parsed);
            }
            let piece = tokio::time::timeout(LIMIT, self.stream.next())
                .await
                .unwrap()?;
            self.text
                .push_str(std::str::from_utf8(&piece.ok()?).unwrap());
        }
    }

    /// The next change, with the id to resume after it.
    pub(crate) async fn change(&mut self) -> (String, Value) {
        loop {
            let message = self.next().await.unwrap();
            if let Some(data) = message.data {
                return (message.id.unwrap(), data);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_what_happens_from_now_on() {
    let world = World::new();
    let at = world
        .append(&[created(START, &group_id(1), "before")])
        .await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    let mut watch = Watch::open(&running, "", None).await;
    let first = watch.next().await.unwrap();
    assert_eq!(
        (first.id.as_deref(), first.data.is_none()),
        (Some("1:0:0"), true)
    );
    world
        .append(&[renamed(START + 1, &group_id(1), "after")])
        .await;
    let (id, change) = watch.change().await;
    assert_eq!(id, "1:0:1");
    assert_eq!(change["changes"][0]["after"], "after");
    assert_eq!(change["previous_version"], "1:0:0");
    running.stop().await;
    assert!(
        watch.next().await.is_none(),
        "the stream ends with the projector"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_from_any_id_skips_nothing_and_gives_nothing_twice_also_after_restarts() {
    let world = World::new();
    let mut events = Vec::new();
    for n in 0..30 {
        events.push(created(START + n, &group_id(n as u64), "a group"));
        events.push(joined(START + n, &group_id(n as u64), 1));
        // Changes nothing: the same once more.
        events.push(joined(START + n, &group_id(n as u64), 1));
    }
    let at = world.append(&events).await;
    let mut running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    let mut whole = Watch::open(&running, "", Some("1:0:-1")).await;
    let mut expected = Vec::new();
    for _ in 0..60 {
        expected.push(whole.change().await);
    }
    for cut in (0..60).step_by(7) {
        if cut % 2 == 1 {
            running.stop().await;
            if cut % 3 == 0 {
                std::fs::remove_dir_all(world.store_dir()).unwrap();
            }
            running = world.start().await;
        }
        let mut watch = Watch::open(&running, "", Some(&expected[cut].0)).await;
        for expected in expected.iter().skip(cut + 1) {
            assert_eq!(watch.change().await, *expected, "resumed after {cut}");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_of_one_group_sees_that_group_only() {
    let world = World::new();
    let running = world.start().await;
    let mut watch = Watch::open(
        &running,
        &format!("?group_id={}", escaped(&group_id(2))),
        None,
    )
    .await;
    let mut none = Watch::open(&running, "?phone_number_id=1", None).await;
    let events: Vec<_> = (0..4)
        .map(|n| created(START, &group_id(n), "a group"))
        .collect();
    world.append(&events).await;
    let (id, change) = watch.change().await;
    assert_eq!(
        (id.as_str(), change["group_id"].as_str()),
        ("1:0:2", Some(group_id(2).as_str()))
    );
    assert_eq!(none.next().await.unwrap().data, None);
    running.stop().await;
    assert!(none.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_or_of_another_number_of_partitions_are_refused() {
    let world = World::new();
    let running = world.start().await;
    for (id, status) in [
        ("x", 400),
        ("", 400),
        ("r1:0:3", 400),
        ("1:0:3,1:1:4", 410),
        ("1:1:4", 410),
    ] {
        let request = running
            .client
            .get(format!("{}/v1/watch", running.url))
            .header("Last-Event-ID", id);
        let response = request
            .timeout(Duration::from_secs(10))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{id}");
    }
    running.stop().await;
}

/// Changes of one group, each of which is so long that they fill every buffer on the way to a watcher.
async fn many_long_changes(world: &World, count: i64) -> Vec<String> {
    let mut at = Vec::new();
    for from in (0..count).step_by(100) {
        let events: Vec<_> = (from..count.min(from + 100))
            .map(|n| renamed(START + n, &group_id(1), &format!("{n:<16384}.")))
            .collect();
        at = world.append(&events).await;
    }
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_takes_nothing_is_let_go_and_resumes_without_a_gap() {
    const CHANGES: i64 = 1_500;
    let mut world = World::new();
    let (clock, hand) = Clock::manual(world.clock.now_ms());
    let ticking = tokio::spawn(tick(hand.clone()));
    world.clock = clock;
    let leaps = Leaps::new(hand, WATCH_STALL / 4);
    world.steps = std::sync::Arc::<Leaps>::clone(&leaps);
    let running = world.start().await;
    let mut slow = Watch::open(&running, "", Some("1:0:-1")).await;
    let at = many_long_changes(&world, CHANGES).await;
    running.json_at("/v1/groups?limit=1", &at).await;
    leaps.allow(6);
    let let_go = harness::eventually(LIMIT, "the watcher is let go", async || {
        let metrics = running.ctx.metrics.encode();
        (metric(&metrics, "projector_watchers_disconnected_total") == 1.0).then_some(())
    });
    let_go.await.unwrap();
    // It finds what was on its way, then the end, and goes on from there.
    let (mut seen, mut last) = (Vec::new(), "1:0:-1".to_owned());
    while let Some(message) = slow.next().await {
        if let (Some(id), Some(change)) = (message.id, message.data) {
            seen.push(change["version"].as_str().unwrap().to_owned());
            last = id;
        }
    }
    assert!(
        !seen.is_empty() && seen.len() < CHANGES as usize,
        "{}",
        seen.len()
    );
    let mut again = Watch::open(&running, "", Some(&last)).await;
    while seen.len() < CHANGES as usize {
        let (_, change) = again.change().await;
        seen.push(change["version"].as_str().unwrap().to_owned());
    }
    let expected: Vec<_> = (0..CHANGES).map(|n| format!("1:0:{n}")).collect();
    assert_eq!(seen, expected);
    ticking.abort();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_from_an_older_generation_gives_the_rest_of_it_and_then_all_of_the_newer() {
    let world = World::new();
    let id = group_id(1);
    let change = |n: i64| renamed(START + n, &id, &format!("subject {n}"));
    let mut events = vec![created(START, &id, "subject 0")];
    events.extend((1..6).map(change));
    let at = world.append(&events).await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    raised_whole(&world).await.unwrap();
    let running = world.start().await;
    let at = world.append(&[change(6), change(7)]).await;
    let at: Vec<String> = at.iter().map(|at| at.replacen("1:", "2:", 1)).collect();
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    // A generation in which nothing happens, and one after it.
    raised_whole(&world).await.unwrap();
    raised_whole(&world).await.unwrap();
    let mut running = world.start().await;
    let at = world.append(&[change(8)]).await;
    let at: Vec<String> = at.iter().map(|at| at.replacen("1:", "4:", 1)).collect();
    running.json_at("/v1/groups", &at).await;
    for is_rebuilt in [false, true] {
        for (from, first) in [("1:0:2", 3), ("1:0:5", 6), ("2:0:6", 7), ("3:0:7", 8)] {
            let mut watch = Watch::open(&running, "", Some(from)).await;
            for number in first..=8 {
                let (_, change) = watch.change().await;
                let found = change["changes"][0]["after"].as_str().map(str::to_owned);
                assert_eq!(found, Some(format!("subject {number}")), "from {from}");
            }
        }
        if !is_rebuilt {
            running.stop().await;
            std::fs::remove_dir_all(world.store_dir()).unwrap();
            running = world.start().await;
        }
    }
    running.stop().await;
}
