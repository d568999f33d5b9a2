//! What people can and cannot do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::Rig;

const ROSA: &str = "15550100042";

#[tokio::test]
async fn who_left_can_come_back_and_who_was_removed_cannot() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let door = json!({"group_id": id});
    rig.act(ROSA, "join", door.clone()).await;
    rig.act(ROSA, "leave", door.clone()).await;
    rig.act(ROSA, "join", door.clone()).await;
    let removal =
        json!({"messaging_product": "whatsapp", "participants": [{"user": format!("+{ROSA}")}]});
    rig.call(
        Method::DELETE,
        &format!("/{id}/participants"),
        Some(removal),
    )
    .await;
    assert_eq!(rig.truth(&id).await["participants"], json!([]));
    assert_eq!(rig.refused(ROSA, "join", door).await, "removed_by_business");
}

#[tokio::test]
async fn a_ninth_participant_does_not_fit_by_link_or_by_approval() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    for n in 0..8 {
        rig.act(&format!("1555010010{n}"), "join", json!({"group_id": id}))
            .await;
    }
    assert_eq!(
        rig.refused(ROSA, "join", json!({"group_id": id})).await,
        "group_full"
    );

    let id = rig.group("approval_required").await;
    let mut asked = Vec::new();
    for n in 0..9 {
        asked.push(
            rig.act(
                &format!("1555010010{n}"),
                "request-join",
                json!({"group_id": id}),
            )
            .await["join_request_id"]
                .clone(),
        );
    }
    let approval = json!({"messaging_product": "whatsapp", "join_requests": asked});
    let answer = rig
        .call(
            Method::POST,
            &format!("/{id}/join_requests"),
            Some(approval),
        )
        .await;
    assert_eq!(
        answer.body["approved_join_requests"]
            .as_array()
            .unwrap()
            .len(),
        8
    );
    assert_eq!(
        answer.body["failed_join_requests"][0]["errors"][0]["code"],
        131_204
    );
    let truth = rig.truth(&id).await;
    assert_eq!(
        (
            truth["participants"].as_array().unwrap().len(),
            truth["join_requests"].as_array().unwrap().len()
        ),
        (8, 1)
    );
}

#[tokio::test]
async fn acts_that_make_no_sense_are_refused_with_a_reason() {
    let rig = Rig::new(0).await;
    let open = rig.group("auto_approve").await;
    let closed = rig.group("approval_required").await;
    let check = async |act: &str, body: Value, reason: &str| {
        assert_eq!(rig.refused(ROSA, act, body).await, reason)
    };
    check("join", json!({"group_id": "none"}), "unknown_group").await;
    check("join", json!({"group_id": closed}), "approval_required").await;
    check(
        "request-join",
        json!({"group_id": open}),
        "no_approval_needed",
    )
    .await;
    check("leave", json!({"group_id": open}), "not_member").await;
    check("cancel-request", json!({"group_id": closed}), "not_asked").await;
    check(
        "message",
        json!({"group_id": open, "text": "x"}),
        "not_member",
    )
    .await;
    check(
        "read",
        json!({"message_id": "wamid.none"}),
        "unknown_message",
    )
    .await;
    check("join", json!({}), "group_id or invite_link is missing").await;
    rig.act(ROSA, "join", json!({"group_id": open})).await;
    check("join", json!({"group_id": open}), "already_member").await;
    rig.act(ROSA, "request-join", json!({"group_id": closed}))
        .await;
    check("request-join", json!({"group_id": closed}), "already_asked").await;
    rig.act("15550100043", "join", json!({"group_id": open}))
        .await;
    check(
        "change-number",
        json!({"wa_id": "15550100043"}),
        "number_taken",
    )
    .await;
    assert_eq!(
        rig.refused("12", "join", json!({"group_id": open})).await,
        "bad_number"
    );
}

#[tokio::test]
async fn traffic_is_a_mix_of_everything_and_stops_at_zero() {
    let rig = Rig::new(50).await;
    rig.post("/sim/traffic/step", json!({"acts": 3000})).await;
    rig.flush().await;
    let mut kinds: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for (field, item) in rig.endpoint.items() {
        let kind = if field == "messages" {
            let status = item["statuses"][0]["status"].as_str().map(str::to_owned);
            status.unwrap_or_else(|| {
                if item["messages"][0]["type"] == "system" {
                    "system"
                } else {
                    "message"
                }
                .to_owned()
            })
        } else {
            item["type"].as_str().unwrap().to_owned()
        };
        *kinds.entry(kind).or_default() += 1;
    }
    let expected = [
        "delivered",
        "group_create",
        "group_delete",
        "group_join_request_created",
        "group_join_request_revoked",
        "group_participants_add",
        "group_participants_remove",
        "group_settings_update",
        "group_suspend",
        "group_suspend_cleared",
        "message",
        "read",
        "sent",
        "system",
    ];
    assert_eq!(
        kinds.keys().map(String::as_str).collect::<Vec<_>>(),
        expected,
        "{kinds:?}"
    );

    rig.post("/sim/traffic", json!({"events_per_second": 2000}))
        .await;
    let begun = rig.simulator.counts().events;
    while rig.simulator.counts().events < begun + 100 {
        tokio::task::yield_now().await;
    }
    rig.post("/sim/traffic", json!({"events_per_second": 0}))
        .await;
    let counts = rig.flush().await;
    assert_eq!(
        (&counts["queued"], counts["sent"] == counts["events"]),
        (&json!(0), true),
        "{counts}"
    );
}
