//! Every webhook is lost: what happened is found by reading.

use std::time::Duration;

use domain::{event::GroupEvent, ids::GroupId};
use reqwest::Method;
use serde_json::json;

use crate::world::{LAG, NUMBER, World};

/// A person in none of the groups of the start.
const PERSON: &str = "15550100042";

/// A group that people join as they like, or that they must ask to join.
fn group(world: &World, mode: &str) -> GroupId {
    let state = world.simulator.state();
    let groups = state["numbers"][0]["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| {
        group["join_approval_mode"] == mode && group["participants"].as_array().unwrap().len() < 8
    });
    GroupId::parse(group.unwrap()["group_id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_lost_creation_is_found() {
    let world = World::hydrated(10).await;
    let body = json!({"subject": "Repair 4711", "description": "Café"});
    world
        .business(Method::POST, &format!("/{NUMBER}/groups"), body)
        .await;
    assert_eq!(world.truth().len(), 11);
    world.until_agreement().await;
    assert_eq!(
        world.metric(r#"reconciler_drift_found_total{kind="created",cause="lost"}"#),
        Some(1.0)
    );
}

#[tokio::test]
async fn a_lost_change_of_settings_is_found() {
    let world = World::hydrated(10).await;
    let id = &world.ids()[3];
    let body = json!({"subject": "Renamed", "description": ""});
    world.business(Method::POST, &format!("/{id}"), body).await;
    world.until_agreement().await;
    let view = world.view(id).unwrap();
    assert_eq!(
        (view.subject.as_deref(), view.description.as_deref()),
        (Some("Renamed"), Some(""))
    );
}

#[tokio::test]
async fn a_lost_join_and_a_lost_leave_are_found() {
    let world = World::hydrated(10).await;
    let id = group(&world, "auto_approve");
    world
        .act(PERSON, "join", json!({"group_id": id.as_str()}))
        .await;
    assert!(!world.agrees());
    world.until_agreement().await;
    world
        .act(PERSON, "leave", json!({"group_id": id.as_str()}))
        .await;
    assert!(!world.agrees());
    world.until_agreement().await;
}

#[tokio::test]
async fn a_lost_join_request_and_its_lost_end_are_found() {
    let world = World::hydrated(10).await;
    let id = group(&world, "approval_required");
    let body = json!({"group_id": id.as_str()});
    world.act(PERSON, "request-join", body.clone()).await;
    assert!(!world.agrees());
    world.until_agreement().await;
    world.act(PERSON, "cancel-request", body).await;
    assert!(!world.agrees());
    world.until_agreement().await;
}

#[tokio::test]
async fn a_lost_suspension_and_its_lost_end_are_found() {
    let world = World::hydrated(10).await;
    let id = &world.ids()[3];
    for act in ["suspend", "unsuspend"] {
        let path = format!("/sim/groups/{id}/{act}");
        world.call(Method::POST, &path, json!({})).await;
        assert!(!world.agrees());
        world.until_agreement().await;
    }
}

#[tokio::test]
async fn traffic_of_which_nothing_arrives_is_found() {
    let world = World::hydrated(30).await;
    for _ in 0..5 {
        let step = json!({"acts": 40});
        world.call(Method::POST, "/sim/traffic/step", step).await;
        world.turn().await;
    }
    assert!(!world.agrees());
    world.until_agreement().await;
}

#[tokio::test]
async fn a_group_held_as_gone_by_mistake_is_found_alive() {
    let world = World::hydrated(10).await;
    let id = &world.ids()[3];
    world.webhook(id, world.now(), GroupEvent::Deleted).await;
    assert!(!world.agrees());
    world.until_agreement().await;
}

#[tokio::test]
async fn news_that_webhooks_brought_is_never_overwritten_by_an_api_that_lags() {
    let mut world = World::new(10).await;
    world.args.api_lag = Duration::from_secs(10);
    // Rounding takes a second of L at each end.
    world.api(json!({"lag_seconds": 8})).await;
    world.start().await;
    world.until_agreement().await;
    let id = group(&world, "auto_approve");
    for act in ["join", "leave", "join"] {
        let acted = world
            .act(PERSON, act, json!({"group_id": id.as_str()}))
            .await;
        let user = domain::event::Person {
            wa_id: Some(PERSON.into()),
            user_id: Some(acted["user_id"].as_str().unwrap().into()),
            ..domain::event::Person::default()
        };
        let participants = vec![user];
        let what = if act == "join" {
            GroupEvent::ParticipantsAdded { participants }
        } else {
            GroupEvent::ParticipantsRemoved { participants }
        };
        let at = acted["timestamp"].as_i64().unwrap();
        world.webhook(&id, at, what).await;
        let reads = world.metas.calls().len();
        world
            .throughout(25, "what the webhook said", World::agrees)
            .await;
        assert!(world.metas.calls().len() > reads + 10);
    }
}

#[tokio::test]
async fn a_change_is_read_as_soon_as_a_read_can_settle_it_and_not_before() {
    let mut world = World::hydrated(10).await;
    world.stop().await;
    world.args.list_every = Duration::from_secs(600);
    world.start().await;
    world
        .until("all is read", |world| {
            world.ids().iter().all(|id| world.verified(id) > 0)
        })
        .await;
    for _ in 0..20 {
        world.turn().await;
    }
    let id = &world.ids()[3];
    let happened = world.now();
    let calls = world.metas.calls().len();
    world
        .webhook(id, happened, GroupEvent::Suspended(false))
        .await;
    world
        .until("it is verified", |world| world.verified(id) > happened)
        .await;
    let calls = world.metas.calls().split_off(calls);
    let reads = calls
        .iter()
        .filter(|call| call.group_id.as_ref() == Some(id));
    // Its info once, and once its join requests if it has any.
    assert!(reads.clone().count() <= 2, "{calls:?}");
    let early: Vec<_> = reads.filter(|call| call.t0 - LAG <= happened).collect();
    assert!(early.is_empty(), "at {happened}: {early:?}");
}
