//! One person under several identifiers.

use std::time::Duration;

use domain::{
    event::{GroupEvent, NumberEvent, Person},
    ids::GroupId,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const OLD: &str = "15550100042";
const NEW: &str = "15550100043";

fn text(value: &Value) -> Option<domain::ids::Text> {
    value.as_str().map(Into::into)
}

/// Groups that a person can join by link.
fn open_groups(world: &World, count: usize) -> Vec<GroupId> {
    let state = world.simulator.state();
    let groups = state["numbers"][0]["groups"].as_array().unwrap();
    let open = groups.iter().filter(|group| {
        group["join_approval_mode"] == "auto_approve"
            && group["participants"].as_array().unwrap().len() < 8
    });
    let ids = open.map(|group| GroupId::parse(group["group_id"].as_str().unwrap()).unwrap());
    ids.take(count).collect()
}

#[tokio::test]
async fn numbers_that_the_api_hides_are_kept_from_what_is_held() {
    let world = World::hydrated(10).await;
    for facts in world.truth().values() {
        for [wa_id, _] in facts.participants.iter().chain(&facts.join_requests) {
            let body = json!({"username": format!("user.{wa_id}")});
            let path = format!("/sim/users/{wa_id}");
            world.call(Method::PUT, &path, body).await;
        }
    }
    world.api(json!({"hide_wa_id": true})).await;
    // Links between identifiers live for eight days unless they are said again.
    world.pass(Duration::from_secs(9 * 86_400)).await;
    let hidden = world.now();
    world
        .until("all were read again", |world| {
            world.ids().iter().all(|id| world.verified(id) > hidden)
        })
        .await;
    world
        .throughout(15, "all numbers are shown", World::agrees)
        .await;
}

#[tokio::test]
async fn a_person_who_moves_is_one_person_in_every_group_that_held_the_old_number() {
    let mut world = World::new(20).await;
    let groups = open_groups(&world, 3);
    for id in &groups[..2] {
        world
            .act(OLD, "join", json!({"group_id": id.as_str()}))
            .await;
    }
    world.start().await;
    world.until_agreement().await;
    // No read helps: what is shown comes of the identity change alone.
    world.api(json!({"token_expired": true})).await;
    let moved = world.act(OLD, "change-number", json!({"wa_id": NEW})).await;
    let new = Person {
        wa_id: text(&moved["wa_id"]),
        user_id: text(&moved["user_id"]),
        ..Person::default()
    };
    let old = vec![OLD.into(), text(&moved["previous_user_id"]).unwrap()];
    world
        .of_number(NumberEvent::IdentityChanged { old, new })
        .await;
    let linked =
        |world: &World| world.said(|what| matches!(what, GroupEvent::IdentityLinked { .. }));
    world
        // Each of the number, and of the user id.
        .until("both groups are told", |world| linked(world).len() == 4)
        .await;
    let user_id = text(&moved["user_id"]);
    let is_one_person = |world: &World, id: &GroupId| {
        let view = world.view(id).unwrap();
        let is_new = |person: &domain::group::Participant| {
            person.user_id == user_id && person.wa_id.as_deref() == Some(NEW)
        };
        view.participants.iter().filter(|p| is_new(p)).count() == 1
            && view.participants.len() == world.truth()[id].participants.len()
    };
    assert!(groups[..2].iter().all(|id| is_one_person(&world, id)));
    world
        .throughout(10, "no group is told twice", |world| {
            linked(world).len() == 4
        })
        .await;

    // A webhook of before the move comes late, and names the old number alone.
    let late = Person {
        wa_id: Some(OLD.into()),
        ..Person::default()
    };
    let joined = GroupEvent::ParticipantsAdded {
        participants: vec![late],
    };
    let at = moved["timestamp"].as_i64().unwrap() - 1;
    world.webhook(&groups[2], at, joined).await;
    world
        .until("the third group is told", |world| linked(world).len() == 6)
        .await;

    world.api(json!({"token_expired": false})).await;
    world.until_agreement().await;
}
