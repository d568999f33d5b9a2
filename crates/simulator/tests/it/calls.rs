//! Answers and refusals of calls against section 4 and 5 of the reference.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Config;

use crate::rig::{Answer, Rig, START};

const ROSA: &str = "15550100042";

/// A refusal has the documented envelope, status and code.
fn refused(answer: &Answer, status: u16, code: u64) {
    assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    let error = &answer.body["error"];
    assert_eq!(error["type"], "OAuthException");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with(&format!("(#{code}) "))
    );
    assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    assert!(
        error["error_data"]["details"].is_string()
            && error["fbtrace_id"].as_str().unwrap().starts_with('A')
    );
}

fn product(fields: Value) -> Option<Value> {
    let mut body = fields;
    body["messaging_product"] = json!("whatsapp");
    Some(body)
}

#[tokio::test]
async fn group_info_gives_the_fields_asked_for_and_nothing_else() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    assert_eq!(
        rig.get(&format!("/v25.0/{id}")).await.body,
        json!({"messaging_product": "whatsapp", "id": id})
    );
    let fields = "id,subject,description,creation_timestamp,suspended,total_participant_count,join_approval_mode,participants";
    let info = json!({"messaging_product": "whatsapp", "id": id, "subject": "Repair 4711", "description": "Café",
        "creation_timestamp": START, "suspended": false, "total_participant_count": 0, "join_approval_mode": "approval_required",
        "participants": []});
    let answer = rig.get(&format!("/{id}?fields={fields}")).await;
    assert_eq!(answer.body, info);
    assert_eq!(
        answer.headers["date"], "Thu, 28 May 2026 20:26:40 GMT",
        "Meta's clock"
    );
    rig.pass(3600);
    assert_eq!(
        rig.get(&format!("/{id}")).await.headers["date"],
        "Thu, 28 May 2026 21:26:40 GMT"
    );
    rig.faults(json!({"api": {"quoted_scalars": true}})).await;
    let quoted = rig
        .get(&format!(
            "/{id}?fields=suspended,total_participant_count,creation_timestamp"
        ))
        .await
        .body;
    assert_eq!(
        quoted,
        json!({"messaging_product": "whatsapp", "id": id, "suspended": "false", "total_participant_count": "0",
            "creation_timestamp": START.to_string()})
    );
    refused(
        &rig.get(&format!("/{id}?fields=invite_link")).await,
        400,
        100,
    );
}

#[tokio::test]
async fn what_is_unknown_is_refused_by_kind() {
    let rig = Rig::new(0).await;
    refused(
        &rig.get("/v25.0/Y2FwaV9ncm91cDo?fields=subject").await,
        400,
        131_041,
    );
    let unknown = rig.get("/v25.0/999/groups").await;
    refused(&unknown, 400, 100);
    assert_eq!(unknown.body["error"]["error_subcode"], 33);
    refused(&rig.get("/v25.0").await, 400, 100);
    let id = rig.group("auto_approve").await;
    rig.call(Method::DELETE, &format!("/{id}"), None).await;
    refused(&rig.get(&format!("/{id}")).await, 400, 131_041);
}

#[tokio::test]
async fn parameters_out_of_bounds_are_refused() {
    let rig = Rig::new(0).await;
    let groups = "/300000000000001/groups";
    for body in [
        json!({"subject": "no product"}),
        json!({"messaging_product": "whatsapp", "subject": "   "}),
        json!({"messaging_product": "whatsapp", "subject": "x".repeat(129)}),
        json!({"messaging_product": "whatsapp", "subject": "x", "description": "x".repeat(2049)}),
        json!({"messaging_product": "whatsapp", "subject": "x", "join_approval_mode": "maybe"}),
        json!([]),
    ] {
        refused(&rig.call(Method::POST, groups, Some(body)).await, 400, 100);
    }
    let id = rig.group("auto_approve").await;
    let path = format!("/{id}/participants");
    let many: Vec<Value> = (0..9)
        .map(|n| json!({"user": format!("1555010{n:04}")}))
        .collect();
    for participants in [
        json!([]),
        json!(many),
        json!([{"user": ROSA, "user_id": "US.1"}]),
        json!([{}]),
    ] {
        refused(
            &rig.call(
                Method::DELETE,
                &path,
                product(json!({"participants": participants})),
            )
            .await,
            400,
            100,
        );
    }
    let twice = product(json!({"participants": [{"user": ROSA}, {"user": ROSA}]}));
    refused(&rig.call(Method::DELETE, &path, twice).await, 400, 131_202);
    refused(
        &rig.call(Method::POST, &format!("/{id}"), product(json!({})))
            .await,
        400,
        100,
    );
}

#[tokio::test]
async fn a_suspended_group_can_be_read_but_not_changed_or_written_to() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.act(ROSA, "join", json!({"group_id": id})).await;
    rig.post(&format!("/sim/groups/{id}/suspend"), json!({}))
        .await;
    assert_eq!(
        rig.get(&format!("/{id}?fields=suspended")).await.body["suspended"],
        true
    );
    refused(
        &rig.call(
            Method::POST,
            &format!("/{id}"),
            product(json!({"subject": "x"})),
        )
        .await,
        403,
        131_207,
    );
    let send = product(
        json!({"recipient_type": "group", "to": id, "type": "text", "text": {"body": "x"}}),
    );
    refused(
        &rig.call(Method::POST, "/300000000000001/messages", send)
            .await,
        403,
        131_207,
    );
    assert_eq!(
        rig.refused("15550100043", "join", json!({"group_id": id}))
            .await,
        "group_suspended"
    );
    assert_eq!(
        rig.refused(ROSA, "message", json!({"group_id": id, "text": "x"}))
            .await,
        "group_suspended"
    );
    assert_eq!(
        rig.get("/300000000000001/groups").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    rig.faults(json!({"api": {"unlist_suspended": true, "refuse_suspended": true}}))
        .await;
    assert_eq!(
        rig.get("/300000000000001/groups").await.body["data"],
        json!([])
    );
    refused(&rig.get(&format!("/{id}")).await, 403, 131_207);
}

#[tokio::test]
async fn invite_links_are_got_reset_and_revoked() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let path = format!("/{id}/invite_link");
    let first = rig.get(&path).await.body["invite_link"].clone();
    let second = rig
        .post(&path, json!({"messaging_product": "whatsapp"}))
        .await;
    assert_ne!(second["invite_link"], first);
    assert_eq!(rig.get(&path).await.body, second);
    assert_eq!(
        rig.refused(ROSA, "join", json!({"invite_link": first}))
            .await,
        "unknown_link"
    );
    rig.act(ROSA, "join", json!({"invite_link": second["invite_link"]}))
        .await;
    let revoked = rig.call(Method::DELETE, &path, product(json!({}))).await;
    assert_eq!(
        revoked.body,
        json!({"messaging_product": "whatsapp", "success": "true"})
    );
    assert_eq!(rig.truth(&id).await["invite_link"], Value::Null);
    assert_eq!(
        rig.refused("15550100043", "join", json!({"group_id": id}))
            .await,
        "unknown_link"
    );
}

#[tokio::test]
async fn approvals_and_rejections_fail_each_by_itself() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    let path = format!("/{id}/join_requests");
    let asked =
        rig.act(ROSA, "request-join", json!({"group_id": id})).await["join_request_id"].clone();
    let listed = rig.get(&path).await.body;
    let row = &listed["data"][0];
    assert_eq!(
        (
            &row["join_request_id"],
            &row["wa_id"],
            &row["creation_timestamp"]
        ),
        (&asked, &json!(ROSA), &json!(START))
    );
    let partly = rig
        .call(
            Method::POST,
            &path,
            product(json!({"join_requests": [asked, "nobody"]})),
        )
        .await;
    assert_eq!(
        (partly.status, &partly.body["approved_join_requests"]),
        (206, &json!([asked]))
    );
    let failed = &partly.body["failed_join_requests"][0];
    assert_eq!(
        (&failed["join_request_id"], &failed["errors"][0]["code"]),
        (&json!("nobody"), &json!(131_213))
    );
    let none = rig
        .call(
            Method::DELETE,
            &path,
            product(json!({"join_requests": [asked]})),
        )
        .await;
    assert_eq!(
        (
            &none.body["rejected_join_requests"],
            &none.body["errors"][0]["code"]
        ),
        (&json!([]), &json!(131_213))
    );
}

#[tokio::test]
async fn a_group_without_participants_cannot_be_written_to_and_pins_need_a_message() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let messages = "/300000000000001/messages";
    let send = |kind: &str, content: Value| {
        product(json!({"recipient_type": "group", "to": id, "type": kind, kind: content}))
    };
    refused(
        &rig.call(Method::POST, messages, send("text", json!({"body": "x"})))
            .await,
        400,
        131_020,
    );
    rig.act(ROSA, "join", json!({"group_id": id})).await;
    refused(
        &rig.call(Method::POST, messages, send("interactive", json!({})))
            .await,
        400,
        100,
    );
    let sent = rig
        .call(Method::POST, messages, send("text", json!({"body": "x"})))
        .await;
    let pin = |days: u64| {
        send(
            "pin",
            json!({"type": "pin", "message_id": sent.body["messages"][0]["id"], "expiration_days": days}),
        )
    };
    assert_eq!(rig.call(Method::POST, messages, pin(7)).await.status, 200);
    refused(&rig.call(Method::POST, messages, pin(31)).await, 400, 100);
    let template = send(
        "template",
        json!({"name": "marketing_spring", "language": {"code": "fr"}}),
    );
    let (_, told) = rig.told(rig.call(Method::POST, messages, template)).await;
    let pricing = told
        .iter()
        .find_map(|(_, value)| value["statuses"][0].get("pricing").cloned())
        .unwrap();
    assert_eq!(
        pricing,
        json!({"billable": true, "pricing_model": "PMP", "type": "regular", "category": "group_marketing"})
    );
}

#[tokio::test]
async fn tokens_are_needed_and_only_the_named_one_counts() {
    let rig = Rig::new(0).await;
    let url = format!("{}/300000000000001/groups", rig.simulator.url());
    assert_eq!(rig.client.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(
        rig.client
            .get(format!("{url}?access_token=any"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let config = Config {
        access_token: Some("right".into()),
        ..Config::default()
    };
    let rig = Rig::with(config).await;
    refused(&rig.get("/300000000000001/groups").await, 401, 190);
    let url = format!("{}/300000000000001/groups", rig.simulator.url());
    assert_eq!(
        rig.client
            .get(&url)
            .bearer_auth("right")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}
