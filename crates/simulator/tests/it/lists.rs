//! The list of groups: shapes, cursors, and what the API shows when it lags.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Config;

use crate::rig::{Rig, START};

const GROUPS: &str = "/v25.0/300000000000001/groups";

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn both_documented_shapes_are_served_newest_first() {
    let rig = Rig::with(Config {
        groups: 3,
        api_past_seconds: 100,
        ..Config::default()
    })
    .await;
    let array = rig.get(GROUPS).await.body;
    let rows = array["data"].as_array().unwrap();
    let created: Vec<i64> = rows
        .iter()
        .map(|row| row["creation_timestamp"].as_i64().unwrap())
        .collect();
    assert_eq!(created, [START - 101, START - 102, START - 103]);
    rig.faults(json!({"api": {"list_shape": "object"}})).await;
    let object = rig.get(GROUPS).await.body;
    let expected: Vec<Value> = rows
        .iter()
        .map(|row| json!({"id": row["id"], "subject": row["subject"], "created_at": row["creation_timestamp"].to_string()}))
        .collect();
    assert_eq!(object["data"], json!({ "groups": expected }));
    let truth = rig.get("/sim/state").await.body;
    assert_eq!(truth["numbers"][0]["groups"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&truth["now"], &truth["numbers"][0]["waba_id"]),
        (&json!(START), &json!("200000000000001"))
    );
}

#[tokio::test]
async fn following_next_gives_every_group_once_even_while_groups_change() {
    let rig = Rig::new(60).await;
    let mut url = format!("{}{GROUPS}", rig.simulator.url());
    let (mut seen, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page: Value = rig
            .client
            .get(&url)
            .bearer_auth("token")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        seen.extend(ids(&page));
        pages.push(page["data"].as_array().unwrap().len());
        assert_eq!(page["paging"].get("previous").is_some(), pages.len() > 1);
        // A deletion in between shifts nothing: cursors lead into one version of the list.
        rig.call(Method::DELETE, &format!("/{}", seen[0]), None)
            .await;
        match page["paging"]["next"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => {
                assert!(
                    page["paging"]["cursors"]["after"].is_string(),
                    "an `after` alone does not mean more"
                );
                break;
            }
        }
        assert!(
            url.starts_with(&rig.simulator.url()),
            "next points at the simulator itself: {url}"
        );
    }
    assert_eq!(pages, [25, 25, 10]);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn a_cursor_is_base64_json_with_offset_and_version_and_goes_back_too() {
    let rig = Rig::new(5).await;
    let first = rig.get(&format!("{GROUPS}?limit=2")).await.body;
    let after = first["paging"]["cursors"]["after"].as_str().unwrap();
    let plain: Value = serde_json::from_slice(
        &STANDARD
            .decode(after.replace("ZD", "=").replace("ZA", "Z"))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(plain["offset"], 2);
    assert!(
        plain["versionId"]
            .as_str()
            .unwrap()
            .starts_with("178000000000")
    );
    let second = rig
        .get(&format!("{GROUPS}?limit=2&after={after}"))
        .await
        .body;
    let before = second["paging"]["cursors"]["before"].as_str().unwrap();
    let back = rig
        .get(&format!("{GROUPS}?limit=2&before={before}"))
        .await
        .body;
    assert_eq!(ids(&back), ids(&first));
    assert_eq!(
        rig.get(&format!("{GROUPS}?limit=1024")).await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    for limit in ["0", "1025", "x"] {
        assert_eq!(
            rig.get(&format!("{GROUPS}?limit={limit}")).await.code(),
            100
        );
    }
}

#[tokio::test]
async fn cursors_expire_on_demand_with_time_and_when_corrupted() {
    let rig = Rig::new(5).await;
    let first = rig.get(&format!("{GROUPS}?limit=2")).await.body;
    let after = first["paging"]["cursors"]["after"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!("{GROUPS}?limit=2&after={after}");
    rig.faults(json!({"api": {"expire_cursors": true}})).await;
    assert_eq!(rig.get(&next).await.code(), 131_059);
    rig.faults(json!({"api": {"expire_cursors": false}})).await;
    assert_eq!(rig.get(&next).await.status, 200);
    assert_eq!(
        rig.get(&format!("{GROUPS}?after=nonsense")).await.code(),
        131_059
    );
    rig.pass(3600);
    assert_eq!(rig.get(&next).await.code(), 131_059);
}

#[tokio::test]
async fn a_truncated_list_is_short_and_has_no_next() {
    let rig = Rig::new(40).await;
    rig.faults(json!({"api": {"truncate_list": true}})).await;
    let page = rig.get(GROUPS).await.body;
    assert_eq!(
        (
            page["data"].as_array().unwrap().len(),
            page["paging"].get("next")
        ),
        (12, None)
    );
}

#[tokio::test]
async fn the_api_shows_the_model_as_of_the_lag() {
    let rig = Rig::new(0).await;
    let old = rig.group("auto_approve").await;
    rig.pass(100);
    rig.faults(json!({"api": {"lag_seconds": 60}})).await;
    rig.act("15550100042", "join", json!({"group_id": old}))
        .await;
    let new = rig.group("approval_required").await;
    rig.act("15550100043", "request-join", json!({"group_id": new}))
        .await;
    let count = async || {
        rig.get(&format!("/{old}?fields=total_participant_count"))
            .await
            .body["total_participant_count"]
            .clone()
    };

    rig.pass(59);
    assert_eq!(count().await, 0);
    assert_eq!(ids(&rig.get(GROUPS).await.body), [old.as_str()]);
    assert_eq!(rig.get(&format!("/{new}")).await.code(), 131_041);

    rig.pass(1);
    assert_eq!(count().await, 1);
    assert_eq!(
        ids(&rig.get(GROUPS).await.body),
        [new.as_str(), old.as_str()]
    );
    assert_eq!(
        rig.get(&format!("/{new}/join_requests")).await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    rig.call(Method::DELETE, &format!("/{old}"), None).await;
    assert_eq!(count().await, 1, "a deleted group is still shown");
    rig.pass(60);
    assert_eq!(rig.get(&format!("/{old}")).await.code(), 131_041);
    assert_eq!(ids(&rig.get(GROUPS).await.body), [new.as_str()]);
}
