//! What readers are promised: room for watchers, pages that are stable, waiting for a position, and explanations.

use std::{collections::BTreeSet, time::Duration};

use chassis::auth::Access;
use projector::limits::WATCHERS_MAX;

use crate::{
    traffic::{START, created, escaped, group, group_id, joined, read},
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
            let gone = domain::event::GroupEvent::Deleted;
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

#[tokio::test(flavor = "multi_thread")]
async fn every_field_and_participant_explained_has_a_value_a_stamp_and_an_event() {
    let world = World::new();
    let id = group_id(1);
    let events = [
        created(START, &id, "rich"),
        joined(START + 1, &id, 6),
        joined(START + 2, &id, 1),
        read(START + 400, &id, "rich", &[6, 1]),
    ];
    let at = world.append(&events).await;
    let running = world.start().await;
    let path = format!("/v1/groups/{}", escaped(&id));
    let view = running.json_at(&path, &at).await;
    let explained = running.json_at(&format!("{path}/explain"), &at).await;
    let text = explained["fields"].to_string();
    for name in [
        "existence",
        "subject",
        "description",
        "join_approval_mode",
        "invite_link",
    ] {
        assert!(!view[name].is_null(), "{name} is shown");
        assert!(text.contains(&format!("\"{name}\"")), "{name} in {text}");
    }
    let people = explained["people"].to_string();
    let participants = view["participants"].as_array().unwrap();
    assert_eq!(participants.len(), 2);
    for participant in participants {
        for name in ["wa_id", "user_id"] {
            if let Some(value) = participant[name].as_str() {
                assert!(people.contains(value), "a {name} is explained");
            }
        }
    }
    let lines = [&explained["fields"], &explained["people"]];
    for line in lines
        .into_iter()
        .flat_map(|lines| lines.as_array().unwrap())
    {
        for name in ["value", "at", "rank", "event_id"] {
            assert!(line.get(name).is_some(), "{name} in {line}");
        }
    }
    running.stop().await;
}
