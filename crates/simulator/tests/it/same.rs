//! Same seed and same calls: same ids, same events, same bytes.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Config;

use crate::rig::Rig;

/// A life of a simulator: its truth, its answers and the bytes of its webhooks.
async fn life(seed: u64, running_traffic: bool) -> (Value, Vec<Value>, Vec<Vec<u8>>) {
    let rig = Rig::with(Config {
        seed,
        groups: 30,
        webhook_concurrency: 1,
        ..Config::default()
    })
    .await;
    // Held back until the flush, so that what shares a POST does not hang on time.
    rig.call(Method::PUT, "/sim/webhook", Some(json!({"url": null})))
        .await;
    let faults = json!({"lose": 0.1, "duplicate": 0.2, "reorder": 0.2, "delay_seconds": 20, "same_second": 0.2, "variants": 0.2});
    rig.faults(json!({"webhooks": faults})).await;
    if running_traffic {
        rig.post("/sim/traffic", json!({"events_per_second": 500}))
            .await;
        while rig.simulator.counts().events < 50 {
            tokio::task::yield_now().await;
        }
    }
    let mut answers = Vec::new();
    for n in 0..10 {
        let body = json!({"messaging_product": "whatsapp", "subject": format!("Repair {n}")});
        answers.push(rig.post("/300000000000001/groups", body).await);
        if !running_traffic {
            rig.post("/sim/traffic/step", json!({"acts": 30})).await;
            answers.push(rig.get("/300000000000001/groups").await.body["data"].clone());
        }
        rig.pass(1);
    }
    rig.post("/sim/traffic", json!({"events_per_second": 0}))
        .await;
    rig.call(
        Method::PUT,
        "/sim/webhook",
        Some(json!({"url": rig.endpoint.url()})),
    )
    .await;
    rig.flush().await;
    let bodies = rig
        .endpoint
        .deliveries()
        .into_iter()
        .map(|delivery| delivery.body.to_vec())
        .collect();
    (rig.get("/sim/state").await.body, answers, bodies)
}

#[tokio::test]
async fn a_seed_lives_the_same_life_twice_to_the_byte() {
    let (once, twice) = (life(7, false).await, life(7, false).await);
    assert!(once.2.len() > 100, "{}", once.2.len());
    assert_eq!(once, twice);
    assert_ne!(once.0, life(8, false).await.0);
}

#[tokio::test]
async fn running_traffic_does_not_change_what_a_caller_gets() {
    let (once, twice) = (life(7, true).await.1, life(7, true).await.1);
    assert_eq!(once, twice);
    let quiet: Vec<Value> = life(7, false).await.1.into_iter().step_by(2).collect();
    assert_eq!(once, quiet);
}
