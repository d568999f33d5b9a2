//! What readers are promised: room for watchers, pages that are stable, waiting for a position, and explanations.

use std::{collections::BTreeSet, time::Duration};

use chassis::auth::Access;
use domain::{event::GroupEvent, ids::Text};
use projector::limits::WATCHERS_MAX;
use serde_json::Value;

use crate::{
    traffic::{START, created, escaped, group, group_id, joined, person},
    world::{LIMIT, World, metric},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_too_many_is_told_to_come_again_and_finds_room_once_another_left() {
    let world = World::new();
    let running = world.start().await;
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS_MAX {
        let response = running.get("/v1/watch").await;
        assert_eq!(response.status(), 200);
        watchers.push(response);
    }
    let refused = running.get("/v1/watch").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(refused);
    drop(watchers.pop());
    let room = harness::eventually(LIMIT, "there is room again", async || {
        let response = running.get("/v1/watch").await;
        (response.status() == 200).then_some(response)
    });
    watchers.push(room.await.unwrap());
    let encoded = running.ctx.metrics.encode();
    assert_eq!(
        metric(&encoded, "projector_watchers_disconnected_total"),
        0.0
    );
    drop(watchers);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_skip_and_double_nothing_while_groups_are_created_and_deleted_between_them() {
    let world = World::new();
    let events: Vec<_> = (0..40)
        .map(|n| created(START, &group_id(n * 10), "lives"))
        .collect();
    let mut at = world.append(&events).await;
    let running = world.start().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for page in 0..100_u64 {
        let found = running
            .json_at(&format!("/v1/groups?limit=3{cursor}"), &at)
            .await;
        for item in found["items"].as_array().unwrap() {
            seen.push(item["group_id"].as_str().unwrap().to_owned());
        }
        let Some(next) = found["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={}", escaped(next));
        // One before and one after the place, and every other page the last one seen is deleted.
        let mut events = vec![
            created(START + 1, &group_id(page * 10 + 1), "new"),
            created(START + 1, &group_id(390 - page * 10 + 5), "new"),
        ];
        if page % 2 == 0 {
            let gone = GroupEvent::Deleted;
            events.push(group(START + 2, &seen[seen.len() - 1], gone));
        }
        at = world.append(&events).await;
    }
    let once: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(once.len(), seen.len(), "nothing doubled");
    assert!(seen.is_sorted());
    for n in 0..40 {
        assert!(once.contains(&group_id(n * 10)), "{n} was there throughout");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_comes_is_waited_for_and_one_that_never_comes_is_a_timeout() {
    let world = World::new();
    let running = world
        .start_with(Access::Open, Duration::from_millis(500))
        .await;
    let never = running.get_at("/v1/groups", &["1:0:1000".to_owned()]).await;
    assert_eq!(never.status(), 504);
    assert!(never.headers().contains_key("retry-after"));
    running.stop().await;

    let running = world.start().await;
    let wanted = ["1:0:0".to_owned()];
    let events = [created(START, &group_id(1), "comes")];
    let (found, _) = tokio::join!(
        running.json_at("/v1/groups", &wanted),
        world.append(&events)
    );
    assert_eq!(found["items"][0]["subject"], "comes");
    running.stop().await;
}

/// Fields of a group's view that come from no register of their own: names, counts and the envelope.
const NOT_EXPLAINED: [&str; 8] = [
    "group_id",
    "participant_count",
    "in_doubt",
    "verified_at",
    "changed_at",
    "version",
    "position",
    // In the floors and people instead, as told below.
    "participants",
];

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn every_field_and_person_of_a_group_is_explained_with_the_value_that_is_shown() {
    let world = World::new();
    let id = group_id(1);
    let settings = GroupEvent::SettingsUpdated {
        subject: None,
        description: Some(Text::new("what it is for")),
        picture_sha256: Some(Text::new("aGFzaA==")),
    };
    let asks = GroupEvent::JoinRequestCreated {
        person: person(9),
        join_request_id: Some(Text::new("a-request")),
    };
    let events = [
        created(START, &id, "rich"),
        joined(START + 1, &id, 6),
        joined(START + 2, &id, 1),
        group(START + 3, &id, settings),
        group(START + 4, &id, GroupEvent::Suspended(true)),
        group(START + 5, &id, asks),
    ];
    let at = world.append(&events).await;
    let running = world.start().await;
    let path = format!("/v1/groups/{}", escaped(&id));
    let view = running.json_at(&path, &at).await;
    let explained = running.json_at(&format!("{path}/explain"), &at).await;
    let lines = |name: &str| explained[name].as_array().unwrap().clone();
    let (fields, people) = (lines("fields"), lines("people"));
    for (name, shown) in view.as_object().unwrap() {
        if NOT_EXPLAINED.contains(&name.as_str()) || name == "join_requests" {
            continue;
        }
        assert!(
            !shown.is_null(),
            "{name} is not set: the test tests nothing of it"
        );
        let line = fields.iter().find(|line| line["field"] == name.as_str());
        let line = line.unwrap_or_else(|| panic!("{name} is not explained: {fields:?}"));
        assert_eq!(line["value"], *shown, "{name}");
    }
    let told = |register: &str, value: &str| {
        let is_it = |line: &&Value| line["register"] == register && line["id"] == value;
        people.iter().find(is_it).map(|line| line["value"].clone())
    };
    let participants = view["participants"].as_array().unwrap();
    assert_eq!(participants.len(), 2);
    for participant in participants {
        let ids = ["wa_id", "user_id"].map(|name| participant[name].as_str());
        let members = ids
            .iter()
            .flatten()
            .filter(|id| told("member", id).is_some());
        assert_ne!(members.count(), 0, "{participant}");
        if let [Some(wa_id), Some(user_id)] = ids {
            assert_eq!(told("is", wa_id).unwrap(), user_id);
        }
    }
    let requests = view["join_requests"].as_array().unwrap();
    assert_eq!(requests.len(), 1);
    let details = people
        .iter()
        .filter(|line| line["register"] == "ask_detail");
    let details: Vec<_> = details.collect();
    assert_eq!(details.len(), 1);
    for name in ["join_request_id", "requested_at"] {
        assert_eq!(details[0]["value"][name], requests[0][name], "{name}");
    }
    assert_eq!(explained["floors"]["changed_at"], view["changed_at"]);
    for line in fields.iter().chain(&people) {
        for name in ["value", "at", "rank", "event_id", "in_doubt"] {
            assert!(line.get(name).is_some(), "{name} in {line}");
        }
    }
    running.stop().await;
}
