//! The bodies of webhooks against sections 2 and 3 of the reference.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::rig::{Rig, START};

const ROSA: &str = "15550100042";
const MO: &str = "15550100077";

/// What `act` tells, which is one item of `field` and equals `expected`.
fn check(told: Vec<(String, Value)>, field: &str, expected: &Value) {
    assert_eq!(told, [(field.to_owned(), expected.clone())]);
}

fn stamp() -> String {
    START.to_string()
}

#[tokio::test]
async fn every_post_is_signed_over_its_exact_bytes_and_some_are_escaped() {
    let rig = Rig::new(20).await;
    rig.post("/sim/traffic/step", json!({"acts": 400})).await;
    rig.flush().await;
    let deliveries = rig.endpoint.deliveries();
    let (mut escaped, mut plain, mut batched, mut aggregated) = (0, 0, 0, 0);
    for delivery in &deliveries {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"sample-app-secret").unwrap();
        mac.update(&delivery.body);
        assert_eq!(
            delivery.signature,
            format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
        );
        assert_eq!(delivery.content_type, "application/json");
        let text = String::from_utf8(delivery.body.to_vec()).unwrap();
        escaped += usize::from(text.contains("\\u00e9"));
        plain += usize::from(text.contains('é'));
        let changes: usize = delivery.json()["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["changes"].as_array().unwrap().len())
            .sum();
        batched += usize::from(changes > 1);
        aggregated += text
            .matches("recipient_participant_user_id")
            .count()
            .saturating_sub(1)
            .min(1);
    }
    assert!(
        escaped > 0 && plain > 0 && batched > 0 && aggregated > 0,
        "{escaped} {plain} {batched} {aggregated}"
    );
}

#[tokio::test]
async fn a_create_completes_by_webhook_with_its_request_id_and_without_description() {
    let rig = Rig::new(0).await;
    let body = json!({"messaging_product": "whatsapp", "subject": "  Repair 4711 ", "description": "Café",
        "join_approval_mode": "approval_required"});
    let (answer, told) = rig
        .told(rig.post("/v25.0/300000000000001/groups", body))
        .await;
    let request_id = answer["request_id"].as_str().unwrap();
    assert!(
        request_id.len() == 32
            && request_id
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    );
    assert_eq!(
        answer,
        json!({"messaging_product": "whatsapp", "request_id": request_id})
    );
    let group = &told[0].1;
    let group_id = group["group_id"].as_str().unwrap();
    let plain = String::from_utf8(STANDARD.decode(group_id.replace("ZD", "=")).unwrap()).unwrap();
    assert!(
        plain.starts_with("capi_group:15550100001:120363") && plain.len() == 41,
        "{plain}"
    );
    assert!(
        group["invite_link"]
            .as_str()
            .unwrap()
            .starts_with("https://chat.whatsapp.com/")
    );
    check(
        told.clone(),
        "group_lifecycle_update",
        &json!({"timestamp": stamp(), "group_id": group_id, "type": "group_create", "request_id": request_id,
            "subject": "Repair 4711", "invite_link": group["invite_link"], "join_approval_mode": "approval_required"}),
    );
    let truth = rig.truth(group_id).await;
    assert_eq!(
        truth,
        json!({"group_id": group_id, "subject": "Repair 4711", "description": "Café", "join_approval_mode": "approval_required",
            "invite_link": group["invite_link"], "suspended": false, "created_at": START, "participants": [], "join_requests": []})
    );
}

#[tokio::test]
async fn joining_and_leaving_are_told_with_the_persons_identifiers() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let person = rig
        .call(
            Method::PUT,
            "/sim/users/15550100042",
            Some(json!({"username": "rosa.k", "name": "Rosa K"})),
        )
        .await
        .body;
    let user_id = person["user_id"].as_str().unwrap();
    assert!(
        user_id.starts_with("US.") && user_id.len() == 23,
        "{user_id}"
    );
    let identity = json!({"wa_id": ROSA, "user_id": user_id, "username": "rosa.k"});
    let (_, told) = rig
        .told(rig.act(ROSA, "join", json!({"group_id": id})))
        .await;
    check(
        told,
        "group_participants_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_participants_add", "reason": "invite_link",
            "added_participants": [identity]}),
    );
    assert_eq!(rig.truth(&id).await["participants"], json!([identity]));
    let (_, told) = rig
        .told(rig.act(ROSA, "leave", json!({"group_id": id})))
        .await;
    check(
        told,
        "group_participants_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_participants_remove", "initiated_by": "participant",
            "removed_participants": [identity]}),
    );
    assert_eq!(rig.truth(&id).await["participants"], json!([]));
}

#[tokio::test]
async fn a_join_request_stands_on_the_group_object_and_is_approved_without_its_id() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    let (asked, told) = rig
        .told(rig.act(ROSA, "request-join", json!({"group_id": id})))
        .await;
    let request = asked["join_request_id"].as_str().unwrap();
    let plain = String::from_utf8(STANDARD.decode(request).unwrap()).unwrap();
    assert!(plain.starts_with("15550100042:120363"), "{plain}");
    let mut expected = json!({"timestamp": stamp(), "group_id": id, "type": "group_join_request_created", "reason": "admin_approval",
        "join_request_id": request, "wa_id": ROSA, "user_id": asked["user_id"]});
    check(told, "group_participants_update", &expected);

    let (_, told) = rig
        .told(rig.act(ROSA, "cancel-request", json!({"group_id": id})))
        .await;
    expected["type"] = json!("group_join_request_revoked");
    check(told, "group_participants_update", &expected);

    let again = rig.act(ROSA, "request-join", json!({"group_id": id})).await;
    assert_eq!(
        again["join_request_id"], request,
        "the same person and group have the same id"
    );
    let approval = json!({"messaging_product": "whatsapp", "join_requests": [request]});
    let (answer, told) = rig
        .told(rig.post(&format!("/{id}/join_requests"), approval))
        .await;
    assert_eq!(
        answer,
        json!({"messaging_product": "whatsapp", "approved_join_requests": [request]})
    );
    check(
        told,
        "group_participants_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_participants_add", "reason": "invite_link",
            "added_participants": [{"input": ROSA, "wa_id": ROSA}]}),
    );
    let truth = rig.truth(&id).await;
    assert_eq!(
        (
            truth["participants"][0]["wa_id"].as_str(),
            &truth["join_requests"]
        ),
        (Some(ROSA), &json!([]))
    );
}

#[tokio::test]
async fn a_rejected_join_request_and_a_reset_link_have_no_webhook() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    let asked = rig.act(ROSA, "request-join", json!({"group_id": id})).await;
    let rejection =
        json!({"messaging_product": "whatsapp", "join_requests": [asked["join_request_id"]]});
    let (answer, told) = rig
        .told(rig.call(
            Method::DELETE,
            &format!("/{id}/join_requests"),
            Some(rejection),
        ))
        .await;
    assert_eq!(
        answer.body,
        json!({"messaging_product": "whatsapp", "rejected_join_requests": [asked["join_request_id"]]})
    );
    assert_eq!(told, []);
    let (_, told) = rig
        .told(rig.post(
            &format!("/{id}/invite_link"),
            json!({"messaging_product": "whatsapp"}),
        ))
        .await;
    assert_eq!(told, []);
    assert_eq!(rig.truth(&id).await["join_requests"], json!([]));
}

#[tokio::test]
async fn a_removal_tells_only_what_the_caller_wrote_and_what_failed() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    for person in [ROSA, MO] {
        rig.act(person, "join", json!({"group_id": id})).await;
    }
    let path = format!("/{id}/participants");
    let removal = json!({"messaging_product": "whatsapp", "participants": [{"user": ROSA}, {"user_id": "US.10000000000000000077"}]});
    let (answer, told) = rig
        .told(rig.call(Method::DELETE, &path, Some(removal)))
        .await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["code"]),
        (206, &json!(131_201))
    );
    let item = &told[0].1;
    assert_eq!(item["failed_participants"][0]["errors"][0]["code"], 131_212);
    assert_eq!(item["errors"][0]["code"], 131_201);
    check(
        told.clone(),
        "group_participants_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_participants_remove", "request_id": answer.body["request_id"],
            "initiated_by": "business", "removed_participants": [{"input": ROSA}],
            "failed_participants": [{"input": "US.10000000000000000077", "errors": item["failed_participants"][0]["errors"]}],
            "errors": item["errors"]}),
    );

    let (answer, told) = rig
        .told(rig.call(
            Method::DELETE,
            &path,
            Some(json!({"messaging_product": "whatsapp", "participants": [{"user": ROSA}]})),
        ))
        .await;
    assert_eq!(
        answer.status, 200,
        "what fails as a whole is told by webhook"
    );
    let item = &told[0].1;
    assert_eq!(item["failed_participants"], json!([{"input": ROSA}]));
    assert_eq!(
        (item.get("removed_participants"), &item["errors"][0]["code"]),
        (None, &json!(131_212))
    );

    let (answer, told) = rig
        .told(rig.call(
            Method::DELETE,
            &path,
            Some(json!({"messaging_product": "whatsapp", "participants": [{"user": MO}]})),
        ))
        .await;
    check(
        told,
        "group_participants_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_participants_remove", "request_id": answer.body["request_id"],
            "initiated_by": "business", "removed_participants": [{"input": MO}]}),
    );
}

#[tokio::test]
async fn settings_suspension_and_deletion_are_told() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let update = json!({"messaging_product": "whatsapp", "subject": "Repair 4711 (done)"});
    let (answer, told) = rig.told(rig.post(&format!("/v24.0/{id}"), update)).await;
    check(
        told,
        "group_settings_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_settings_update", "request_id": answer["request_id"],
            "group_subject": {"text": "Repair 4711 (done)", "update_successful": true}}),
    );
    for (act, kind) in [
        ("suspend", "group_suspend"),
        ("unsuspend", "group_suspend_cleared"),
    ] {
        let (_, told) = rig
            .told(rig.post(&format!("/sim/groups/{id}/{act}"), json!({})))
            .await;
        check(
            told,
            "group_status_update",
            &json!({"timestamp": stamp(), "group_id": id, "type": kind}),
        );
    }
    let (answer, told) = rig
        .told(rig.call(Method::DELETE, &format!("/{id}"), None))
        .await;
    assert_eq!(answer.body["success"], true);
    check(
        told,
        "group_lifecycle_update",
        &json!({"timestamp": stamp(), "group_id": id, "type": "group_delete", "request_id": answer.body["request_id"]}),
    );
    assert_eq!(rig.truth(&id).await, Value::Null);
}

#[tokio::test]
async fn a_picture_that_is_too_small_fails_alone_and_comes_as_multipart() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    // The start of a JPEG whose frame says 100 by 100.
    let jpeg = [
        &[0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 100, 0, 100][..],
        &[0; 10],
    ]
    .concat();
    let form = "--B\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
         --B\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\nCafé\r\n\
         --B\r\nContent-Disposition: form-data; name=\"profile_picture_file\"; filename=\"p.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
    let body = [form.as_bytes(), &jpeg, b"\r\n--B--\r\n"].concat();
    let request = rig
        .client
        .post(format!("{}/{id}", rig.simulator.url()))
        .bearer_auth("token")
        .header("content-type", "multipart/form-data; boundary=B")
        .body(body);
    let (answer, told) = rig.told(async { request.send().await.unwrap() }).await;
    assert_eq!(answer.status(), 200);
    let item = &told[0].1;
    assert_eq!(
        item["group_subject"],
        json!({"text": "Café", "update_successful": true})
    );
    assert_eq!(
        (
            &item["profile_picture"]["update_successful"],
            &item["profile_picture"]["errors"][0]["code"]
        ),
        (&json!(false), &json!(131_210))
    );
    assert_eq!(rig.truth(&id).await["subject"], "Café");
}

#[tokio::test]
async fn a_message_to_a_group_is_sent_once_and_delivered_and_read_per_participant() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let mut user_ids = Vec::new();
    for person in [ROSA, MO] {
        user_ids.push(rig.act(person, "join", json!({"group_id": id})).await["user_id"].clone());
    }
    let send = json!({"messaging_product": "whatsapp", "recipient_type": "group", "to": id, "type": "text", "text": {"body": "hello"}});
    let (answer, told) = rig
        .told(rig.post("/v25.0/300000000000001/messages", send))
        .await;
    let message = answer["messages"][0]["id"].as_str().unwrap();
    assert!(message.starts_with("wamid."));
    assert_eq!(answer["contacts"], json!([{"input": id, "wa_id": id}]));
    let statuses: Vec<Value> = told
        .iter()
        .flat_map(|(_, value)| value["statuses"].as_array().unwrap().clone())
        .collect();
    let sent: Vec<&Value> = statuses
        .iter()
        .filter(|status| status["status"] == "sent")
        .collect();
    assert_eq!(
        sent,
        [
            &json!({"id": message, "status": "sent", "timestamp": stamp(), "recipient_id": id, "recipient_type": "group"})
        ]
    );
    let mut delivered: Vec<&Value> = statuses
        .iter()
        .filter(|status| status["status"] == "delivered")
        .collect();
    delivered.sort_by_key(|status| status["recipient_participant_id"].to_string());
    assert_eq!(
        delivered[0],
        &json!({"id": message, "status": "delivered", "timestamp": stamp(), "recipient_id": id, "recipient_type": "group",
            "recipient_participant_id": ROSA, "recipient_participant_user_id": user_ids[0],
            "pricing": {"billable": false, "pricing_model": "PMP", "type": "free_group_customer_service", "category": "group_service"}})
    );
    assert_eq!((delivered.len(), statuses.len()), (2, 3));
    let (_, told) = rig
        .told(rig.act(MO, "read", json!({"message_id": message})))
        .await;
    let value = &told[0].1;
    assert_eq!(value["contacts"][0]["wa_id"], MO);
    assert_eq!(
        value["statuses"],
        json!([{"id": message, "status": "read", "timestamp": stamp(), "recipient_id": id, "recipient_type": "group",
            "recipient_participant_id": MO, "recipient_participant_user_id": user_ids[1]}])
    );
    assert_eq!(
        rig.refused(MO, "read", json!({"message_id": message}))
            .await,
        "already_read"
    );
}

#[tokio::test]
async fn a_message_from_a_participant_carries_the_group_and_its_sender() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.call(
        Method::PUT,
        "/sim/users/15550100042",
        Some(json!({"username": "rosa.k", "name": "Rosa K"})),
    )
    .await;
    let user_id = rig.act(ROSA, "join", json!({"group_id": id})).await["user_id"].clone();
    let (answer, told) = rig
        .told(rig.act(
            ROSA,
            "message",
            json!({"group_id": id, "text": "hello all"}),
        ))
        .await;
    assert_eq!(
        told[0].1,
        json!({"messaging_product": "whatsapp", "metadata": {"display_phone_number": "15550100001", "phone_number_id": "300000000000001"},
            "contacts": [{"profile": {"name": "Rosa K", "username": "rosa.k"}, "wa_id": ROSA, "user_id": user_id}],
            "messages": [{"from": ROSA, "from_user_id": user_id, "group_id": id, "id": answer["message_id"], "timestamp": stamp(),
                "type": "text", "text": {"body": "hello all"}}]})
    );
}

#[tokio::test]
async fn a_hidden_number_is_left_out_everywhere_and_the_bsuid_stays() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    rig.call(
        Method::PUT,
        "/sim/users/15550100042",
        Some(json!({"username": "rosa.k", "name": "Rosa K"})),
    )
    .await;
    rig.faults(json!({"webhooks": {"hide_wa_id": true}, "api": {"hide_wa_id": true}}))
        .await;
    let (asked, told) = rig
        .told(rig.act(ROSA, "request-join", json!({"group_id": id})))
        .await;
    assert!(!told[0].1.to_string().contains(ROSA), "{told:?}");
    let pending = rig.get(&format!("/{id}/join_requests")).await.body;
    assert!(!pending.to_string().contains(ROSA), "{pending}");
    let approval =
        json!({"messaging_product": "whatsapp", "join_requests": [asked["join_request_id"]]});
    let (_, told) = rig
        .told(rig.post(&format!("/{id}/join_requests"), approval))
        .await;
    assert_eq!(
        told[0].1["added_participants"],
        json!([{"input": asked["user_id"], "user_id": asked["user_id"]}])
    );
    let info = rig.get(&format!("/{id}?fields=participants")).await.body;
    assert_eq!(
        info["participants"],
        json!([{"user_id": asked["user_id"], "username": "rosa.k"}])
    );
    rig.act(MO, "request-join", json!({"group_id": id})).await;
    let pending = rig.get(&format!("/{id}/join_requests")).await.body;
    assert_eq!(
        pending["data"][0]["wa_id"], MO,
        "who has no username is never hidden"
    );
}

#[tokio::test]
async fn a_move_to_another_number_is_a_system_message_with_a_new_bsuid() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let old = rig.act(ROSA, "join", json!({"group_id": id})).await["user_id"].clone();
    let (answer, told) = rig
        .told(rig.act(ROSA, "change-number", json!({"wa_id": "15550100099"})))
        .await;
    assert_eq!(
        (&answer["previous_user_id"], answer["user_id"] == old),
        (&old, false)
    );
    let (field, value) = &told[0];
    let message = &value["messages"][0];
    assert_eq!(
        (
            field.as_str(),
            value.get("contacts"),
            &message["type"],
            &message["from"]
        ),
        ("messages", None, &json!("system"), &json!(ROSA))
    );
    assert_eq!(
        (
            &message["system"]["type"],
            &message["system"]["wa_id"],
            &message["system"]["user_id"]
        ),
        (
            &json!("user_changed_number"),
            &json!("15550100099"),
            &answer["user_id"]
        )
    );
    let participants = rig.truth(&id).await["participants"].clone();
    assert_eq!(
        participants,
        json!([{"wa_id": "15550100099", "user_id": answer["user_id"], "username": null}])
    );
    let newcomer = rig.act(ROSA, "join", json!({"group_id": id})).await;
    assert_ne!(
        newcomer["user_id"], old,
        "a number given to somebody else is another person"
    );
}

#[tokio::test]
async fn accepted_requests_can_fail_by_webhook_and_change_nothing() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.act(ROSA, "join", json!({"group_id": id})).await;
    let before = rig.get("/sim/state").await.body;
    rig.faults(json!({"api": {"fail_requests": 1.0}})).await;
    let (_, told) = rig
        .told(async {
            let product = json!({"messaging_product": "whatsapp", "subject": "New"});
            rig.post("/300000000000001/groups", product.clone()).await;
            rig.post(&format!("/{id}"), product).await;
            rig.call(Method::DELETE, &format!("/{id}"), None).await;
            let removal =
                json!({"messaging_product": "whatsapp", "participants": [{"user": ROSA}]});
            rig.call(
                Method::DELETE,
                &format!("/{id}/participants"),
                Some(removal),
            )
            .await;
        })
        .await;
    assert_eq!(told.len(), 4);
    for (_, item) in &told {
        assert_eq!(
            (
                &item["errors"][0]["code"],
                item["request_id"].as_str().map(str::len)
            ),
            (&json!(131_000), Some(32))
        );
    }
    assert_eq!(rig.get("/sim/state").await.body, before);
}

#[tokio::test]
async fn variants_are_the_other_documented_spellings() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.faults(json!({"webhooks": {"variants": 1.0}})).await;
    let (_, told) = rig
        .told(rig.act(ROSA, "join", json!({"group_id": id})))
        .await;
    let (field, item) = &told[0];
    assert_eq!(
        (field.as_str(), &item["type"], &item["timestamp"]),
        (
            "group_participant_update",
            &json!("group_add_participants"),
            &json!(START)
        )
    );
}

#[tokio::test]
async fn what_the_app_is_not_subscribed_to_is_not_sent_and_meta_says_so() {
    let rig = Rig::new(3).await;
    let path = "/v25.0/100000000000001/subscriptions";
    let listed = async |token: &str| rig.call_as(token, Method::GET, path, None).await;
    let fields = |body: &Value| {
        let fields = body["data"][0]["fields"].as_array().unwrap();
        let names = fields
            .iter()
            .map(|field| field["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let app = "100000000000001|sample-app-secret";
    let all = listed(app).await;
    assert_eq!(fields(&all.body).len(), 5);
    assert_eq!(listed("100000000000001|another-secret").await.code(), 190);
    rig.faults(json!({"webhooks": {"unsubscribed": ["group_status_update"]}}))
        .await;
    assert!(!fields(&listed(app).await.body).contains(&"group_status_update".to_owned()));

    let group = rig.get("/sim/state").await.body["numbers"][0]["groups"][0]["group_id"].clone();
    let suspend = format!("/sim/groups/{}/suspend", group.as_str().unwrap());
    assert_eq!(rig.call(Method::POST, &suspend, None).await.status, 200);
    let counts = rig.call(Method::POST, "/sim/flush", None).await.body;
    assert_eq!(counts["lost"], 1, "{counts}");
    assert!(rig.endpoint.items().is_empty());
    let wrong = json!({"webhooks": {"unsubscribed": ["no such field"]}});
    assert_eq!(
        rig.call(Method::PUT, "/sim/faults", Some(wrong))
            .await
            .status,
        400
    );
}
