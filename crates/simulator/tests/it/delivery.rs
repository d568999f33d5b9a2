//! Delivery: exact counts of faults, retries until 200, and the record of what was sent.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::Rig;

const JOIN: &str = "group_participants_add";

/// Makes `n` people join groups of their own making, one event each, and gives the group ids in that order.
async fn joins(rig: &Rig, n: usize) -> Vec<String> {
    let state = rig.get("/sim/state").await.body;
    let open: Vec<String> = state["numbers"][0]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|group| {
            group["join_approval_mode"] == "auto_approve"
                && group["participants"].as_array().unwrap().len() < 6
        })
        .map(|group| group["group_id"].as_str().unwrap().to_owned())
        .collect();
    let mut ids = Vec::new();
    for (n, id) in (0..n).zip(open.iter().cycle()) {
        let who = format!("15550{:06}", 200_000 + n / open.len());
        rig.act(&who, "join", json!({"group_id": id})).await;
        ids.push(id.clone());
    }
    ids
}

#[tokio::test]
async fn what_is_lost_and_doubled_is_counted_exactly() {
    let rig = Rig::new(200).await;
    rig.faults(
        json!({"webhooks": {"lose": 0.2, "duplicate": 0.3, "reorder": 0.2, "delay_seconds": 30}}),
    )
    .await;
    joins(&rig, 200).await;
    let counts = rig.flush().await;
    let items = rig.endpoint.items();
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert_eq!(
        (
            count("events"),
            count("queued"),
            count("overflowed"),
            count("retried")
        ),
        (200, 0, 0, 0)
    );
    assert_eq!(count("sent"), items.len() as u64);
    assert_eq!(count("sent"), 200 - count("lost") + count("duplicated"));
    assert_eq!(count("posts"), rig.endpoint.deliveries().len() as u64);
    let mut times: BTreeMap<String, u64> = BTreeMap::new();
    for (_, item) in &items {
        *times.entry(item.to_string()).or_default() += 1;
    }
    assert_eq!(
        times.len() as u64,
        200 - count("lost"),
        "a copy is the same item"
    );
    assert_eq!(
        times.values().filter(|times| **times == 2).count() as u64,
        count("duplicated")
    );
    assert!(
        (20..=60).contains(&count("lost")) && (30..=70).contains(&count("duplicated")),
        "{counts}"
    );
}

#[tokio::test]
async fn without_faults_everything_arrives_once() {
    let rig = Rig::new(50).await;
    joins(&rig, 50).await;
    let counts = rig.flush().await;
    assert_eq!(
        (&counts["sent"], &counts["lost"], &counts["duplicated"]),
        (&json!(50), &json!(0), &json!(0))
    );
    assert_eq!(
        rig.endpoint
            .items()
            .iter()
            .filter(|(_, item)| item["type"] == JOIN)
            .count(),
        50
    );
}

#[tokio::test]
async fn delayed_events_wait_for_metas_clock_and_reordered_ones_are_passed() {
    let rig = Rig::new(100).await;
    rig.faults(json!({"webhooks": {"delay_seconds": 10}})).await;
    let ids = joins(&rig, 60).await;
    assert!(rig.simulator.counts().queued > 50, "an hour has not passed");
    rig.pass(11);
    while rig.simulator.counts().queued > 0 {
        tokio::task::yield_now().await;
    }
    let arrived: Vec<String> = rig
        .endpoint
        .items()
        .iter()
        .map(|(_, item)| item["group_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(arrived.len(), 60);
    assert_ne!(arrived, ids, "each has a delay of its own");

    let rig = Rig::with(simulator::Config {
        groups: 100,
        webhook_concurrency: 1,
        ..simulator::Config::default()
    })
    .await;
    rig.call(Method::PUT, "/sim/webhook", Some(json!({"url": null})))
        .await;
    rig.faults(json!({"webhooks": {"reorder": 0.3}})).await;
    let ids = joins(&rig, 60).await;
    rig.call(
        Method::PUT,
        "/sim/webhook",
        Some(json!({"url": rig.endpoint.url()})),
    )
    .await;
    rig.flush().await;
    let arrived: Vec<String> = rig
        .endpoint
        .items()
        .iter()
        .map(|(_, item)| item["group_id"].as_str().unwrap().to_owned())
        .collect();
    let displaced = arrived
        .iter()
        .zip(&ids)
        .filter(|(arrived, happened)| arrived != happened)
        .count();
    assert!(displaced > 10, "{displaced}");
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(arrived), sorted(ids));
}

#[tokio::test]
async fn anything_but_200_is_tried_again_with_the_same_bytes_until_200() {
    let rig = Rig::new(0).await;
    rig.endpoint.answer(&[500, 503, 204, 302, 401]);
    let body = json!({"messaging_product": "whatsapp", "subject": "x"});
    rig.post("/300000000000001/groups", body).await;
    let counts = rig.flush().await;
    assert_eq!(
        (&counts["sent"], &counts["posts"], &counts["retried"]),
        (&json!(1), &json!(1), &json!(5))
    );
    let deliveries = rig.endpoint.deliveries();
    assert_eq!(deliveries.len(), 6);
    for delivery in &deliveries {
        assert_eq!(
            (&delivery.body, &delivery.signature),
            (&deliveries[0].body, &deliveries[0].signature)
        );
    }
}

#[tokio::test]
async fn a_flush_that_cannot_end_says_so_and_nothing_is_lost_meanwhile() {
    let rig = Rig::new(0).await;
    // A port where nobody listens.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    rig.call(Method::PUT, "/sim/webhook", Some(json!({"url": dead})))
        .await;
    let body = json!({"messaging_product": "whatsapp", "subject": "x"});
    rig.post("/300000000000001/groups", body).await;
    let answer = rig
        .call(Method::POST, "/sim/flush?timeout_seconds=1", None)
        .await;
    assert_eq!(
        (
            answer.status,
            &answer.body["counts"]["queued"],
            &answer.body["counts"]["sent"]
        ),
        (504, &json!(1), &json!(0))
    );
    assert!(answer.body["counts"]["retried"].as_u64().unwrap() > 0);
    rig.call(
        Method::PUT,
        "/sim/webhook",
        Some(json!({"url": rig.endpoint.url()})),
    )
    .await;
    assert_eq!(rig.flush().await["sent"], 1);
}

#[tokio::test]
async fn the_record_of_what_was_sent_holds_the_delivered_bodies() {
    let rig = Rig::new(30).await;
    rig.post("/sim/traffic/step", json!({"acts": 100})).await;
    rig.flush().await;
    let url = format!("{}/sim/sent?after=", rig.simulator.url());
    let lines = rig
        .client
        .get(format!("{url}0"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut arrived: Vec<String> = rig
        .endpoint
        .deliveries()
        .iter()
        .map(|delivery| delivery.json().to_string())
        .collect();
    let mut recorded: Vec<String> = lines.iter().map(|line| line["body"].to_string()).collect();
    arrived.sort();
    recorded.sort();
    assert_eq!(recorded, arrived);
    for (n, line) in (1..).zip(&lines) {
        assert_eq!((&line["seq"], &line["status"]), (&json!(n), &json!(200)));
    }
    let rest = rig
        .client
        .get(format!("{url}{}", lines.len() - 2))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(rest.lines().count(), 2);
}

#[tokio::test]
async fn the_handshake_comes_before_the_first_webhook() {
    let rig = Rig::new(0).await;
    let set = async |token: &str| {
        let body = json!({"url": rig.endpoint.url(), "verify_token": token});
        rig.call(Method::PUT, "/sim/webhook", Some(body))
            .await
            .status
    };
    assert_eq!(set("wrong").await, 502);
    assert_eq!(set("right").await, 200);
}

#[tokio::test]
async fn same_second_gives_events_of_a_group_one_stamp() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.faults(json!({"webhooks": {"same_second": 1.0}})).await;
    let mut stamps = Vec::new();
    for (n, seconds) in [(0, 5), (1, 1), (2, 1), (3, 3)] {
        rig.pass(seconds);
        let (_, told) = rig
            .told(rig.act(&format!("1555010010{n}"), "join", json!({"group_id": id})))
            .await;
        stamps.push(
            told[0].1["timestamp"]
                .as_str()
                .unwrap()
                .parse::<i64>()
                .unwrap()
                - crate::rig::START,
        );
    }
    assert_eq!(stamps, [5, 5, 7, 10], "at most one second back");
}
