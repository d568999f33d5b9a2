//! What goes wrong when it is asked for by name, and what takes its time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{Answer, Rig};

const NUMBER: &str = "/v25.0/300000000000001";
const ROSA: &str = "15550100042";
const MO: &str = "15550100043";

impl Rig {
    async fn create(&self) -> Answer {
        let body = json!({"messaging_product": "whatsapp", "subject": "x"});
        self.call(Method::POST, &format!("{NUMBER}/groups"), Some(body))
            .await
    }

    async fn groups(&self) -> usize {
        let state = self.get("/sim/state").await.body;
        state["numbers"][0]["groups"].as_array().unwrap().len()
    }

    async fn api(&self, api: Value) {
        self.faults(json!({ "api": api })).await;
    }

    async fn message(&self, mut body: Value) -> Answer {
        body["messaging_product"] = json!("whatsapp");
        self.call(Method::POST, &format!("{NUMBER}/messages"), Some(body))
            .await
    }

    /// A text to a group; its id.
    async fn text(&self, group_id: &str) -> String {
        let sent = self
            .message(json!({"recipient_type": "group", "to": group_id, "type": "text", "text": {"body": "x"}}))
            .await;
        sent.body["messages"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{sent:?}"))
            .to_owned()
    }

    /// Every status that was delivered: status, participant, codes.
    fn statuses(&self) -> Vec<(String, String, Vec<u64>)> {
        let items = self.endpoint.items();
        let all = items
            .iter()
            .filter_map(|(_, value)| value["statuses"].as_array())
            .flatten();
        all.map(|status| {
            let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
            let errors = status["errors"].as_array().cloned().unwrap_or_default();
            let codes = errors.iter().map(|error| error["code"].as_u64().unwrap());
            (
                text("status"),
                text("recipient_participant_id"),
                codes.collect(),
            )
        })
        .collect()
    }
}

#[tokio::test]
async fn the_next_calls_of_a_name_are_refused_and_no_others() {
    let rig = Rig::new(0).await;
    let fault = json!({"call": "create", "code": 131_208, "times": 2, "retry_after_seconds": 9});
    rig.api(json!({"fail_next": [fault], "regain_minutes": 4}))
        .await;
    assert_eq!(rig.get(&format!("{NUMBER}/groups")).await.status, 200);
    for _ in 0..2 {
        let refused = rig.create().await;
        assert_eq!((refused.status, refused.code()), (429, 131_208));
        assert_eq!(refused.headers["retry-after"], "9");
        let usage = refused.headers["x-business-use-case-usage"]
            .to_str()
            .unwrap();
        assert!(
            usage.contains("\"estimated_time_to_regain_access\":4"),
            "{usage}"
        );
    }
    assert_eq!(rig.create().await.status, 200);
    assert_eq!(
        rig.get("/sim/faults").await.body["api"]["fail_next"],
        json!([])
    );
    // Refused all the same, though it was done.
    rig.api(json!({"fail_next": [{"call": "*", "code": 131_000, "done": true}]}))
        .await;
    assert_eq!(rig.create().await.code(), 131_000);
    assert_eq!(rig.groups().await, 2);
    for wrong in [
        json!([{"call": "creat", "code": 1}]),
        json!([{"call": "create"}]),
        json!([{"call": "create", "code": 1, "x": 1}]),
    ] {
        let refused = rig
            .call(
                Method::PUT,
                "/sim/faults",
                Some(json!({"api": {"fail_next": wrong}})),
            )
            .await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_after_or_before_the_call_is_done() {
    let rig = Rig::new(0).await;
    let mut expected = 0;
    for done in [true, false] {
        rig.api(json!({"lose_next": [{"call": "create", "done": done}]}))
            .await;
        let lost = rig
            .client
            .post(format!("{}{NUMBER}/groups", rig.simulator.url()))
            .bearer_auth("token")
            .json(&json!({"messaging_product": "whatsapp", "subject": "x"}))
            .send()
            .await;
        // The head may have come; a body never does.
        if let Ok(answer) = lost {
            answer.text().await.unwrap_err();
        }
        expected += usize::from(done);
        assert_eq!(rig.groups().await, expected);
    }
    rig.api(json!({"lose_answers": 1.0})).await;
    let lost = rig
        .client
        .get(format!("{}{NUMBER}/groups", rig.simulator.url()))
        .bearer_auth("token")
        .send()
        .await;
    if let Ok(answer) = lost {
        answer.text().await.unwrap_err();
    }
}

#[tokio::test]
async fn requests_complete_when_they_are_due_and_find_what_is_there_then() {
    let rig = Rig::new(0).await;
    rig.api(json!({"complete_seconds": 30})).await;
    let request_id = rig.create().await.body["request_id"].clone();
    assert_eq!(rig.groups().await, 0, "only accepted");
    rig.pass(31);
    rig.get(&format!("{NUMBER}/groups")).await;
    assert_eq!(rig.groups().await, 1);
    rig.flush().await;
    let (_, item) = rig.endpoint.items().pop().unwrap();
    assert_eq!(
        (&item["type"], &item["request_id"]),
        (&json!("group_create"), &request_id)
    );
    let id = item["group_id"].as_str().unwrap().to_owned();
    // Two deletions are accepted; the second finds nothing to delete.
    let ((), told) = rig
        .told(async {
            for _ in 0..2 {
                assert_eq!(
                    rig.call(Method::DELETE, &format!("/{id}"), None)
                        .await
                        .status,
                    200
                );
            }
            // A flush completes what is accepted.
        })
        .await;
    let codes: Vec<_> = told
        .iter()
        .map(|(_, item)| item["errors"][0]["code"].clone())
        .collect();
    assert_eq!(codes, [Value::Null, json!(131_041)]);
}

#[tokio::test]
async fn accepted_requests_and_their_parts_fail_by_webhook_with_the_code_asked_for() {
    let rig = Rig::new(0).await;
    rig.api(json!({"fail_later": [{"call": "create", "code": 131_211}]}))
        .await;
    let (answer, told) = rig.told(rig.create()).await;
    assert_eq!(
        (answer.status, &told[0].1["errors"][0]["code"]),
        (200, &json!(131_211))
    );
    assert_eq!(rig.groups().await, 0);
    let id = rig.group("auto_approve").await;
    rig.api(
        json!({"fail_later": [{"call": "update", "code": 131_000, "only": ["group_subject"]}]}),
    )
    .await;
    let body = json!({"messaging_product": "whatsapp", "subject": "y", "description": "z"});
    let (_, told) = rig
        .told(rig.call(Method::POST, &format!("/{id}"), Some(body)))
        .await;
    let item = &told[0].1;
    assert_eq!(item["group_subject"]["update_successful"], false);
    assert_eq!(item["group_description"]["update_successful"], true);
    let truth = rig.truth(&id).await;
    assert_eq!(
        (&truth["subject"], &truth["description"]),
        (&json!("Repair 4711"), &json!("z"))
    );
    // One of two participants.
    for wa_id in [ROSA, MO] {
        rig.act(wa_id, "join", json!({"group_id": id})).await;
    }
    rig.api(json!({"fail_items": [{"call": "participants_remove", "code": 131_000}]}))
        .await;
    let body =
        json!({"messaging_product": "whatsapp", "participants": [{"user": ROSA}, {"user": MO}]});
    let (answer, told) = rig
        .told(rig.call(Method::DELETE, &format!("/{id}/participants"), Some(body)))
        .await;
    assert_eq!(answer.status, 200);
    let item = &told[0].1;
    assert_eq!(item["removed_participants"], json!([{"input": MO}]));
    assert_eq!(item["failed_participants"][0]["errors"][0]["code"], 131_000);
    assert_eq!(item["errors"][0]["code"], 131_201);
}

#[tokio::test]
async fn a_message_to_eight_can_be_delivered_read_played_and_fail_for_one() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    let people: Vec<String> = (0..8).map(|n| format!("1555010010{n}")).collect();
    for wa_id in &people {
        rig.act(wa_id, "join", json!({"group_id": id})).await;
    }
    rig.api(json!({"hold_delivery": true})).await;
    let message = rig.text(&id).await;
    let body = json!({"message_id": message});
    rig.act(&people[0], "deliver", body.clone()).await;
    rig.act(&people[0], "read", body.clone()).await;
    rig.act(&people[1], "read", body.clone()).await;
    rig.act(&people[2], "play", body.clone()).await;
    rig.act(
        &people[3],
        "fail",
        json!({"message_id": message, "code": 131_026}),
    )
    .await;
    assert_eq!(
        rig.refused(&people[3], "read", body.clone()).await,
        "already_told"
    );
    assert_eq!(
        rig.refused(&people[0], "deliver", body).await,
        "already_told"
    );
    rig.flush().await;
    let mut seen = rig.statuses();
    seen.sort();
    let row = |status: &str, person: usize, codes: &[u64]| {
        (status.to_owned(), people[person].clone(), codes.to_vec())
    };
    let whole = ("sent".to_owned(), String::new(), Vec::new());
    assert_eq!(
        seen,
        [
            row("delivered", 0, &[]),
            row("failed", 3, &[131_026]),
            row("played", 2, &[]),
            row("read", 0, &[]),
            row("read", 1, &[]),
            whole
        ]
    );
}

#[tokio::test]
async fn a_message_can_fail_as_a_whole_and_for_the_next_recipient() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    for wa_id in [ROSA, MO] {
        rig.act(wa_id, "join", json!({"group_id": id})).await;
    }
    rig.api(json!({"fail_later": [{"call": "message", "code": 131_048}]}))
        .await;
    rig.text(&id).await;
    rig.flush().await;
    assert_eq!(
        rig.statuses(),
        [("failed".to_owned(), String::new(), vec![131_048])]
    );
    rig.api(json!({"fail_items": [{"call": "message", "code": 131_026}]}))
        .await;
    rig.text(&id).await;
    rig.flush().await;
    let after: Vec<_> = rig.statuses().split_off(1);
    assert!(
        after.contains(&("failed".to_owned(), ROSA.to_owned(), vec![131_026])),
        "{after:?}"
    );
    assert!(
        after.contains(&("delivered".to_owned(), MO.to_owned(), vec![])),
        "{after:?}"
    );
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
async fn one_person_gets_a_template_that_is_approved_by_number_or_by_user_id() {
    let rig = Rig::new(0).await;
    let group_id = rig.group("auto_approve").await;
    let rosa = rig
        .call(
            Method::PUT,
            &format!("/sim/users/{ROSA}"),
            Some(json!({"parent_user_id": "US.ENT.1"})),
        )
        .await;
    let library = rig
        .get("/message_template_library?topic=group_invite_link&language=en")
        .await
        .body;
    assert_eq!(library["data"].as_array().unwrap().len(), 2);
    rig.api(json!({"known_templates_only": true, "approval_seconds": 3600}))
        .await;
    let components =
        json!([{"type": "body", "parameters": [{"type": "group_id", "group_id": group_id}]}]);
    let template = json!({"name": "mine", "language": {"code": "en"}, "components": components});
    let to = |key: &str, who: &Value| {
        let mut body = json!({"type": "template", "template": template});
        body[key] = who.clone();
        body
    };
    let number = json!(ROSA);
    assert_eq!(
        rig.message(to("to", &number)).await.code(),
        132_001,
        "nobody made it"
    );
    let made = json!({"name": "mine", "language": "en", "category": "UTILITY", "library_template_name": "group_invite_link_1"});
    let made = rig
        .call(
            Method::POST,
            "/v25.0/200000000000001/message_templates",
            Some(made),
        )
        .await;
    assert_eq!(made.body["status"], "PENDING");
    assert_eq!(
        rig.message(to("to", &number)).await.code(),
        132_001,
        "it waits"
    );
    rig.pass(3601);
    let list = rig
        .get("/v25.0/200000000000001/message_templates?name=mine")
        .await
        .body;
    assert_eq!(list["data"][0]["status"], "APPROVED");
    assert_eq!(rig.message(to("to", &number)).await.status, 200);
    let sent = rig.message(to("recipient", &rosa.body["user_id"])).await;
    assert_eq!(sent.body["contacts"][0]["wa_id"], ROSA);
    rig.flush().await;
    let before = rig.statuses().len();
    assert_eq!(before, 4, "sent and delivered, twice");
    let (_, item) = rig.endpoint.items().pop().unwrap();
    let status = &item["statuses"][0];
    assert_eq!(
        (
            &status["recipient_id"],
            &status["recipient_parent_user_id"],
            &status["pricing"]["category"]
        ),
        (&number, &json!("US.ENT.1"), &json!("utility"))
    );
    // A user id in `to` is taken and dropped.
    assert_eq!(
        rig.message(to("to", &rosa.body["user_id"])).await.status,
        200
    );
    rig.flush().await;
    assert_eq!(rig.statuses().len(), before);
    for (state, code) in [
        ("PAUSED", 132_015),
        ("DISABLED", 132_016),
        ("REJECTED", 132_001),
    ] {
        rig.call(
            Method::PUT,
            "/sim/templates/mine",
            Some(json!({"status": state})),
        )
        .await;
        assert_eq!(rig.message(to("to", &number)).await.code(), code);
    }
    rig.call(
        Method::PUT,
        "/sim/templates/mine",
        Some(json!({"parameters": 2})),
    )
    .await;
    assert_eq!(rig.message(to("to", &number)).await.code(), 132_000);
}

#[tokio::test]
async fn rates_of_pairs_numbers_and_operations_are_kept() {
    let rig = Rig::new(0).await;
    let id = rig.group("auto_approve").await;
    rig.act(ROSA, "join", json!({"group_id": id})).await;
    let direct = json!({"to": ROSA, "type": "text", "text": {"body": "x"}});
    for _ in 0..45 {
        assert_eq!(rig.message(direct.clone()).await.status, 200);
    }
    let refused = rig.message(direct.clone()).await;
    assert_eq!((refused.status, refused.code()), (400, 131_056));
    rig.pass(6);
    assert_eq!(rig.message(direct.clone()).await.status, 200);
    assert_eq!(rig.message(direct).await.code(), 131_056);
    rig.pass(1);
    for _ in 0..80 {
        rig.text(&id).await;
    }
    let group = json!({"recipient_type": "group", "to": id, "type": "text", "text": {"body": "x"}});
    assert_eq!(rig.message(group.clone()).await.code(), 130_429);
    rig.pass(1);
    assert_eq!(rig.message(group).await.status, 200);
    rig.api(json!({"operations_per_hour": 3})).await;
    rig.create().await;
    assert_eq!(rig.create().await.status, 200, "the group above was one");
    let refused = rig.create().await;
    assert_eq!((refused.status, refused.code()), (429, 131_208));
    assert!(refused.headers.contains_key("x-app-usage"));
    rig.pass(3600);
    assert_eq!(rig.create().await.status, 200);
}

#[tokio::test]
async fn versions_limits_and_readings_of_the_reference_can_be_chosen() {
    let rig = Rig::new(0).await;
    let status = async |version: &str| {
        rig.get(&format!("/{version}/300000000000001/groups"))
            .await
            .status
    };
    for (version, expected) in [
        ("v22.0", 400),
        ("v23.0", 200),
        ("v24.0", 200),
        ("v25.0", 200),
        ("v26.0", 400),
    ] {
        assert_eq!(status(version).await, expected, "{version}");
    }
    rig.api(json!({"groups_max": 1, "no_request_id": true}))
        .await;
    assert_eq!(
        rig.create().await.body,
        json!({"messaging_product": "whatsapp"})
    );
    assert_eq!(rig.create().await.code(), 131_211);
    let state = rig.get("/sim/state").await.body;
    let id = state["numbers"][0]["groups"][0]["group_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let add = json!({"messaging_product": "whatsapp", "participants": [{"user": ROSA}]});
    let path = format!("/{id}/participants");
    assert_eq!(
        rig.call(Method::POST, &path, Some(add.clone()))
            .await
            .code(),
        100,
        "nobody can be added"
    );
    rig.api(json!({"allow_add": true, "participants_max": 1}))
        .await;
    assert_eq!(
        rig.call(Method::POST, &path, Some(add.clone()))
            .await
            .status,
        200
    );
    assert_eq!(
        rig.call(Method::POST, &path, Some(add)).await.code(),
        131_204
    );
    rig.faults(json!({"webhooks": {"conversations": true}}))
        .await;
    rig.text(&id).await;
    rig.flush().await;
    let (_, item) = rig.endpoint.items().pop().unwrap();
    assert_eq!(
        item["statuses"][0]["conversation"]["origin"]["type"],
        "service"
    );
}

#[tokio::test]
async fn a_parent_id_is_told_wherever_a_person_is() {
    let rig = Rig::new(0).await;
    let id = rig.group("approval_required").await;
    rig.call(
        Method::PUT,
        &format!("/sim/users/{ROSA}"),
        Some(json!({"parent_user_id": "US.ENT.7"})),
    )
    .await;
    let (_, told) = rig
        .told(rig.act(ROSA, "request-join", json!({"group_id": id})))
        .await;
    assert_eq!(told[0].1["parent_user_id"], "US.ENT.7");
    let asked = rig.get(&format!("/{id}/join_requests")).await.body;
    assert_eq!(asked["data"][0]["parent_user_id"], "US.ENT.7");
    let body = json!({"messaging_product": "whatsapp", "join_requests": [asked["data"][0]["join_request_id"]]});
    rig.post(&format!("/{id}/join_requests"), body).await;
    let info = rig.get(&format!("/{id}?fields=participants")).await.body;
    assert_eq!(info["participants"][0]["parent_user_id"], "US.ENT.7");
    assert_eq!(
        rig.truth(&id).await["participants"][0]["parent_user_id"],
        "US.ENT.7"
    );
    let (_, told) = rig
        .told(rig.act(ROSA, "change-number", json!({"wa_id": MO})))
        .await;
    let system = &told[0].1["messages"][0]["system"];
    assert!(
        system["parent_user_id"]
            .as_str()
            .unwrap()
            .starts_with("US.ENT."),
        "{system}"
    );
    let body = json!({"messaging_product": "whatsapp", "participants": [{"user_id": system["parent_user_id"]}]});
    rig.call(Method::DELETE, &format!("/{id}/participants"), Some(body))
        .await;
    assert_eq!(rig.truth(&id).await["participants"], json!([]));
}
