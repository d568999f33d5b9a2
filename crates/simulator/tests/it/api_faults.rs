//! Errors, throttling and outages of the API, and how faults are set.

use reqwest::Method;
use serde_json::json;

use crate::rig::Rig;

const GROUPS: &str = "/v25.0/300000000000001/groups";

#[tokio::test]
async fn transient_errors_are_the_documented_ones_and_nothing_happens() {
    let rig = Rig::new(0).await;
    rig.faults(json!({"api": {"error_rate": 1.0}})).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let body = json!({"messaging_product": "whatsapp", "subject": "x"});
        let answer = rig.call(Method::POST, GROUPS, Some(body)).await;
        seen.insert((answer.code(), answer.status));
        assert_eq!(answer.headers.get("x-app-usage"), None);
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [(1, 400), (2, 503), (131_000, 500)]
    );
    assert_eq!(
        rig.get("/sim/state").await.body["numbers"][0]["groups"],
        json!([])
    );
}

#[tokio::test]
async fn throttling_is_told_by_code_and_usage_headers() {
    let rig = Rig::new(0).await;
    rig.faults(json!({"api": {"throttle": 0.5, "regain_minutes": 3}}))
        .await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let answer = rig.get(GROUPS).await;
        let app: serde_json::Value =
            serde_json::from_str(answer.headers["x-app-usage"].to_str().unwrap()).unwrap();
        let business: serde_json::Value = serde_json::from_str(
            answer.headers["x-business-use-case-usage"]
                .to_str()
                .unwrap(),
        )
        .unwrap();
        let business = &business["200000000000001"][0];
        if answer.status == 200 {
            assert_eq!(
                (
                    &app["call_count"],
                    &business["estimated_time_to_regain_access"]
                ),
                (&json!(50), &json!(0))
            );
        } else {
            assert_eq!(
                (
                    &app["call_count"],
                    &business["estimated_time_to_regain_access"]
                ),
                (&json!(100), &json!(3))
            );
            seen.insert((answer.code(), answer.status));
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [
            (4, 400),
            (80_007, 400),
            (80_008, 400),
            (130_429, 400),
            (131_208, 429)
        ]
    );
}

#[tokio::test]
async fn a_budget_of_calls_is_counted_and_regained_with_the_hour() {
    let rig = Rig::new(0).await;
    rig.pass(3600 - 1_780_000_000 % 3600);
    rig.faults(json!({"api": {"calls_per_hour": 4}})).await;
    let usage = async || {
        let answer = rig.get(GROUPS).await;
        let app: serde_json::Value =
            serde_json::from_str(answer.headers["x-app-usage"].to_str().unwrap()).unwrap();
        (answer.status == 200, app["call_count"].as_u64().unwrap())
    };
    assert_eq!(
        [usage().await, usage().await, usage().await, usage().await],
        [(true, 25), (true, 50), (true, 75), (true, 99)]
    );
    assert_eq!(usage().await, (false, 100));
    rig.pass(3600);
    assert_eq!(usage().await, (true, 25));
}

#[tokio::test]
async fn an_api_that_is_down_answers_503_or_breaks_off() {
    let rig = Rig::new(0).await;
    rig.faults(json!({"api": {"down": true}})).await;
    let (mut pages, mut broken) = (0, 0);
    for _ in 0..40 {
        match rig
            .client
            .get(format!("{}{GROUPS}", rig.simulator.url()))
            .bearer_auth("token")
            .send()
            .await
        {
            Ok(answer) => {
                assert_eq!(answer.status(), 503);
                if answer.text().await.is_ok() {
                    pages += 1
                } else {
                    broken += 1
                }
            }
            Err(_) => broken += 1,
        }
    }
    assert!(pages > 5 && broken > 5, "{pages} {broken}");
    assert_eq!(
        rig.get("/sim/state").await.status,
        200,
        "the control API is always there"
    );
    rig.faults(json!({"api": {"down": false}})).await;
    assert_eq!(rig.get(GROUPS).await.status, 200);
    rig.faults(json!({"api": {"token_expired": true}})).await;
    assert_eq!(rig.get(GROUPS).await.code(), 190);
}

#[tokio::test]
async fn faults_keep_what_is_not_named_and_refuse_what_is_wrong() {
    let rig = Rig::new(0).await;
    rig.faults(json!({"webhooks": {"lose": 0.05}})).await;
    rig.faults(json!({"api": {"lag_seconds": 60}})).await;
    let faults = rig.get("/sim/faults").await.body;
    assert_eq!(
        (&faults["webhooks"]["lose"], &faults["api"]["lag_seconds"]),
        (&json!(0.05), &json!(60.0))
    );
    for wrong in [
        json!({"webhooks": {"lose": 1.5}}),
        json!({"webhooks": {"loose": 0.5}}),
        json!({"api": {"lag_seconds": 601}}),
        json!({"api": {"list_shape": "tree"}}),
        json!({"web": {}}),
    ] {
        assert_eq!(
            rig.call(Method::PUT, "/sim/faults", Some(wrong))
                .await
                .status,
            400
        );
    }
    assert_eq!(rig.get("/sim/faults").await.body, faults);
}
