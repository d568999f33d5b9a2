//! The client against the simulator: every code of Meta's, every quirk, every command.

use std::time::Duration;

use graph::api::{
    Cause, Client, ClientConfig, Code, Command, Content, Error, Executed, LibraryQuery, Picture,
    Recipient, Reply,
};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Config, Simulator};

use super::commands::jpeg;

const NUMBER: &str = "300000000000001";
const ROSA: &str = "15550100042";

/// A simulator, and a client of it.
struct World {
    simulator: Simulator,
    client: Client,
    http: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let url = simulator.url().parse().unwrap();
        let config = ClientConfig {
            request_timeout: Duration::from_secs(20),
            ..ClientConfig::new(url, "v25.0".to_owned(), SecretString::from("token"))
        };
        Self {
            simulator,
            client: Client::new(config).unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}/sim/{path}", self.simulator.url());
        let answer = self
            .http
            .request(method, url)
            .json(&body)
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn faults(&self, api: Value) {
        self.control(Method::PUT, "faults", json!({ "api": api }))
            .await;
    }

    async fn act(&self, wa_id: &str, act: &str, body: Value) -> Value {
        self.control(Method::POST, &format!("users/{wa_id}/{act}"), body)
            .await
    }

    async fn execute(&self, command: Command) -> Result<Reply, Error> {
        self.client
            .execute(&command)
            .await
            .map(|answer| answer.value)
    }

    /// A new group; its id.
    async fn group(&self, mode: &str) -> String {
        let command = Command::Create {
            phone_number_id: NUMBER.to_owned(),
            subject: "Repair 4711".to_owned(),
            description: None,
            join_approval_mode: Some(graph::api::JoinApprovalMode::parse(mode).unwrap()),
        };
        let Reply::Accepted(accepted) = self.execute(command).await.unwrap() else {
            panic!("accepted");
        };
        assert_eq!(accepted.request_id.map(|id| id.len()), Some(32));
        let page = self.client.list_groups(NUMBER, 1024, None).await.unwrap();
        page.value.items[0].id.clone()
    }

    /// The truth about the only group.
    fn truth(&self) -> Value {
        self.simulator.state()["numbers"][0]["groups"][0].clone()
    }
}

/// Every code of reference §5.3 and §5.4 with its HTTP status and what it means for us.
#[rustfmt::skip]
const CODES: &[(u32, u16, Cause, Executed)] = {
    use Cause::{Auth, BadInput, Policy, Throttled, Transient};
    use Executed::{No, Unknown};
    &[
        // §5.3; 131201 is an answer of commands, and has tests of its own.
        (130_501, 400, BadInput, No), (131_020, 400, BadInput, No), (131_041, 400, BadInput, No),
        (131_059, 400, BadInput, No), (131_202, 400, BadInput, No), (131_203, 400, BadInput, No),
        (131_204, 400, BadInput, No), (131_207, 403, Policy, No), (131_208, 429, Throttled, No),
        (131_209, 400, BadInput, No), (131_210, 400, BadInput, No), (131_211, 400, Policy, No),
        (131_212, 400, BadInput, No), (131_213, 400, BadInput, No), (131_214, 400, Policy, No),
        (131_215, 400, Policy, No),
        // §5.4
        (0, 401, Auth, No), (190, 401, Auth, No), (3, 500, Auth, No), (10, 403, Auth, No),
        (200, 403, Auth, No), (250, 403, Auth, No), (299, 403, Auth, No), (131_005, 403, Auth, No),
        (368, 403, Policy, No), (130_497, 403, Policy, No), (131_031, 403, Policy, No),
        (100, 400, BadInput, No), (33, 400, BadInput, No), (131_008, 400, BadInput, No),
        (131_009, 400, BadInput, No),
        (4, 400, Throttled, No), (80_007, 400, Throttled, No), (80_008, 400, Throttled, No),
        (130_429, 400, Throttled, No), (131_048, 400, Throttled, No), (131_056, 400, Throttled, No),
        (133_016, 400, Throttled, No),
        (1, 400, Transient, Unknown), (2, 503, Transient, No), (131_000, 500, Transient, Unknown),
        (131_016, 500, Transient, No), (131_057, 500, Transient, No), (133_004, 503, Transient, No),
        // Of messages and templates.
        (132_000, 400, BadInput, No), (132_001, 404, BadInput, No), (132_015, 400, Policy, No),
        (132_016, 400, Policy, No), (131_026, 400, BadInput, No), (131_047, 400, Policy, No),
        // Not documented.
        (999_999, 400, Cause::Unknown, No),
    ]
};

#[tokio::test]
async fn every_code_of_metas_gives_its_cause_its_status_and_its_back_off() {
    let world = World::new().await;
    for &(code, status, cause, executed) in CODES {
        world
            .faults(json!({"fail_next": [{"call": "create", "code": code}], "regain_minutes": 7}))
            .await;
        let command = Command::Create {
            phone_number_id: NUMBER.to_owned(),
            subject: "s".to_owned(),
            description: None,
            join_approval_mode: None,
        };
        let error = world.execute(command.clone()).await.unwrap_err();
        let refused = error.refused().unwrap();
        assert_eq!(
            (
                refused.code,
                refused.status,
                error.cause(),
                error.executed()
            ),
            (i64::from(code), status, cause, executed)
        );
        assert!(refused.fbtrace_id.is_some() && !refused.title().unwrap().starts_with("(#"));
        assert_eq!(refused.details.reveal(), Some("Refused on demand"));
        assert!(refused.advice().ends_with('.'), "{code}");
        let wait = error.back_off(1);
        match cause {
            // Not less than Meta says in the usage headers.
            Cause::Throttled => assert_eq!(wait, Some(Duration::from_secs(7 * 60)), "{code}"),
            Cause::Transient => assert_eq!(wait, Some(Duration::from_secs(1)), "{code}"),
            Cause::BadInput | Cause::Auth | Cause::Policy | Cause::Unknown => {
                assert_eq!(wait, None, "{code}");
            }
        }
        let later = matches!(cause, Cause::Throttled | Cause::Transient);
        assert_eq!(
            command.may_repeat(&error),
            later && executed == Executed::No,
            "{code}"
        );
        assert_eq!(Code::of(i64::from(code)).is_none(), cause == Cause::Unknown);
    }
    assert_eq!(world.truth(), Value::Null, "no refused create made a group");
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
async fn every_command_does_at_meta_what_it_says() {
    let world = World::new().await;
    let group_id = world.group("auto_approve").await;
    let id = || group_id.clone();
    world.act(ROSA, "join", json!({"group_id": group_id})).await;
    let update = Command::Update {
        group_id: id(),
        subject: Some(" Done ".to_owned()),
        description: Some("Café".to_owned()),
        picture: Some(Picture::new(jpeg(192, 192)).unwrap()),
    };
    world.execute(update).await.unwrap();
    assert_eq!(
        (&world.truth()["subject"], &world.truth()["description"]),
        (&json!("Done"), &json!("Café"))
    );

    let Reply::InviteLink(link) = world
        .execute(Command::ResetInviteLink { group_id: id() })
        .await
        .unwrap()
    else {
        panic!("link");
    };
    assert_eq!(
        world.client.invite_link(&group_id).await.unwrap().value,
        Some(link.0)
    );
    let revoked = world
        .execute(Command::RevokeInviteLink { group_id: id() })
        .await
        .unwrap();
    assert_eq!(
        (revoked, &world.truth()["invite_link"]),
        (Reply::Done, &Value::Null)
    );

    let text = Command::SendMessage {
        phone_number_id: NUMBER.to_owned(),
        group_id: id(),
        content: Content::Text {
            body: "hello".to_owned(),
            preview_url: false,
        },
        reply_to: None,
    };
    let Reply::Sent(sent) = world.execute(text).await.unwrap() else {
        panic!("sent");
    };
    let pin = Command::Pin {
        phone_number_id: NUMBER.to_owned(),
        group_id: id(),
        message_id: sent.message_id.clone(),
        expiration_days: 30,
    };
    assert!(matches!(world.execute(pin).await.unwrap(), Reply::Sent(_)));
    let unpin = Command::Unpin {
        phone_number_id: NUMBER.to_owned(),
        group_id: id(),
        message_id: sent.message_id,
    };
    assert!(matches!(
        world.execute(unpin).await.unwrap(),
        Reply::Sent(_)
    ));

    let library = world
        .client
        .template_library(&LibraryQuery::group_invite_link("en"), None)
        .await
        .unwrap();
    let names: Vec<_> = library
        .value
        .items
        .iter()
        .map(|template| template.name.as_str())
        .collect();
    assert_eq!(names, ["group_invite_link_1", "group_invite_link_2"]);
    let rosa = Recipient::parse(
        world.truth()["participants"][0]["user_id"]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    let invite = Command::SendInvite {
        phone_number_id: NUMBER.to_owned(),
        to: rosa.clone(),
        group_id: id(),
        template: names[0].to_owned(),
        language: "en".to_owned(),
        parameters: Vec::new(),
    };
    let Reply::Sent(sent) = world.execute(invite).await.unwrap() else {
        panic!("sent");
    };
    assert_eq!(sent.recipient.wa_id.as_deref(), Some(ROSA));

    let remove = Command::RemoveParticipants {
        group_id: id(),
        participants: vec![rosa],
    };
    world.execute(remove).await.unwrap();
    assert_eq!(world.truth()["participants"], json!([]));
    world
        .execute(Command::Delete { group_id: id() })
        .await
        .unwrap();
    assert_eq!(world.truth(), Value::Null);
    let again = world
        .execute(Command::Delete { group_id: id() })
        .await
        .unwrap_err();
    assert_eq!(again.refused().unwrap().known(), Some(Code::GroupUnknown));
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
async fn fifty_join_requests_of_which_seven_fail_are_told_apart_exactly() {
    let world = World::new().await;
    let group_id = world.group("approval_required").await;
    world.faults(json!({"participants_max": 100})).await;
    for approve in [true, false] {
        for n in 0..50 {
            let wa_id = format!("1555{}{n:06}", u8::from(approve));
            world
                .act(&wa_id, "request-join", json!({"group_id": group_id}))
                .await;
        }
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let page = world
                .client
                .join_requests(&group_id, after.as_deref())
                .await
                .unwrap()
                .value;
            ids.extend(
                page.items
                    .into_iter()
                    .filter_map(|request| request.join_request_id),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Those who failed to be approved still wait.
        let waiting = if approve { 50 } else { 57 };
        assert_eq!(ids.len(), waiting);
        let asked = ids[ids.len() - 50..].to_vec();
        let call = if approve {
            "join_requests_approve"
        } else {
            "join_requests_reject"
        };
        world
            .faults(json!({"fail_items": [{"call": call, "code": 131_203, "times": 7}], "partial_envelope": !approve}))
            .await;
        let (group_id, join_requests) = (group_id.clone(), asked.clone());
        let command = if approve {
            Command::ApproveJoinRequests {
                group_id,
                join_requests,
            }
        } else {
            Command::RejectJoinRequests {
                group_id,
                join_requests,
            }
        };
        let Reply::Decided(decided) = world.execute(command).await.unwrap() else {
            panic!("decided");
        };
        assert_eq!(
            (
                decided.done.len(),
                decided.failed.len(),
                decided.untold.len()
            ),
            (43, 7, 0)
        );
        let failed: Vec<_> = decided
            .failed
            .iter()
            .map(|failed| failed.join_request_id.clone())
            .collect();
        assert_eq!(failed, asked[..7]);
        for failed in &decided.failed {
            let error = &failed.errors[0];
            assert_eq!(
                (error.code, error.title.as_deref(), error.details.as_deref()),
                (
                    Some(131_203),
                    Some("Unable to add participant to group"),
                    Some("The item failed")
                )
            );
        }
        assert_eq!(decided.errors[0].code, Some(131_201));
    }
}

#[tokio::test]
async fn a_removal_that_can_be_done_in_part_says_so_in_either_form() {
    let world = World::new().await;
    let group_id = world.group("auto_approve").await;
    for (envelope, wa_id) in [(false, ROSA), (true, "15550100043")] {
        world.faults(json!({"partial_envelope": envelope})).await;
        world
            .act(wa_id, "join", json!({"group_id": group_id}))
            .await;
        let command = Command::RemoveParticipants {
            group_id: group_id.clone(),
            participants: vec![
                Recipient::parse(wa_id).unwrap(),
                Recipient::parse("15550109999").unwrap(),
            ],
        };
        let Reply::Accepted(accepted) = world.execute(command).await.unwrap() else {
            panic!("accepted");
        };
        assert!(accepted.is_partial && accepted.request_id.is_some());
        assert_eq!(accepted.errors[0].code, Some(131_201));
        assert_eq!(world.truth()["participants"], json!([]));
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_call_was_done_is_not_taken_for_a_failure() {
    let world = World::new().await;
    for (done, groups) in [(true, 1), (false, 1)] {
        world
            .faults(json!({"lose_next": [{"call": "create", "done": done}]}))
            .await;
        let command = Command::Create {
            phone_number_id: NUMBER.to_owned(),
            subject: "s".to_owned(),
            description: None,
            join_approval_mode: None,
        };
        let error = world.execute(command.clone()).await.unwrap_err();
        assert_eq!(error.executed(), Executed::Unknown);
        assert!(!command.may_repeat(&error), "it would make a second group");
        let listed = world
            .client
            .list_groups(NUMBER, 25, None)
            .await
            .unwrap()
            .value;
        assert_eq!(listed.items.len(), groups);
    }
}

#[tokio::test]
async fn quirks_of_answers_are_read_through() {
    let world = World::new().await;
    world
        .faults(json!({"quoted_scalars": true, "list_shape": "object"}))
        .await;
    let group_id = world.group("approval_required").await;
    let info = world.client.group(&group_id).await.unwrap().value;
    assert_eq!(
        (info.suspended, info.total_participant_count),
        (Some(false), Some(0))
    );
    world.faults(json!({"no_request_id": true})).await;
    let Reply::Accepted(accepted) = world.execute(Command::Delete { group_id }).await.unwrap()
    else {
        panic!("accepted");
    };
    assert_eq!(accepted.request_id, None);
}
