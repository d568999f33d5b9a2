//! The command API: what people ask of the reconciler.

use std::{fs, time::Duration};

use chassis::{
    auth::{Access, AccessArgs},
    tls::TlsArgs,
};
use domain::event::{About, NumberEvent};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{NUMBER, World};

/// Two tokens, one of each role.
fn access(dir: &TempDir) -> Access {
    let file = dir.path().join("tokens");
    fs::write(&file, "read look\noperate act\n").unwrap();
    let tokens = AccessArgs {
        accept_tokens_file: Some(file.to_str().unwrap().parse().unwrap()),
        insecure_open: false,
        tls: TlsArgs::default(),
    };
    tokens.access()
}

fn pause() -> String {
    format!("/v1/numbers/{NUMBER}/pause")
}

/// Asks, while time passes.
async fn ask_while_time_passes(world: &World, path: &str) -> (u16, Value) {
    let asked = world.ask(Method::POST, path, None, None);
    let mut asked = std::pin::pin!(asked);
    loop {
        tokio::select! {
            biased;
            (status, _, body) = &mut asked => return (status, body),
            () = world.turn() => {
                // An append is durable in real time, whatever the clock of the test says.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test]
async fn reading_needs_a_token_and_changing_one_of_the_role_operate() {
    let dir = TempDir::new().unwrap();
    let mut world = World::new(1).await;
    world.access = access(&dir);
    world.start().await;
    let path = pause();
    let routes = [
        (Method::GET, "/v1/holds", 200),
        (Method::GET, path.as_str(), 200),
        (Method::POST, "/v1/holds/none/release", 404),
        (Method::POST, "/v1/reconcile?dry_run=true", 200),
    ];
    for (method, path, status) in routes {
        for _ in 0..4 {
            world.turn().await;
        }
        let ask = |token| world.ask(method.clone(), path, token, None);
        assert_eq!(ask(None).await.0, 401, "{path}");
        let reads = if method == Method::GET { status } else { 403 };
        assert_eq!(ask(Some("look")).await.0, reads, "{path}");
        assert_eq!(ask(Some("act")).await.0, status, "{path}");
    }
    let put = |token| world.ask(Method::PUT, &path, token, Some(json!({"paused": true})));
    assert_eq!(put(Some("look")).await.0, 403);
    let (status, _, body) = put(Some("act")).await;
    assert_eq!((status, &body["paused"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_number_is_paused_and_resumed_by_events_and_once_a_second_is_no_doubt() {
    let world = World::hydrated(4).await;
    let put = async |paused: bool| {
        let body = json!({"paused": paused});
        world.ask(Method::PUT, &pause(), None, Some(body)).await
    };
    let shown = async || world.ask(Method::GET, &pause(), None, None).await.2;
    assert_eq!(shown().await["paused"], false);
    // All within one second: the last word counts.
    for paused in [true, false, true] {
        let (status, _, body) = put(paused).await;
        assert_eq!((status, &body["paused"]), (200, &json!(paused)));
        assert!(body["since"].is_string(), "{body}");
    }
    assert_eq!(shown().await["paused"], true);
    let calls = world.metas.calls().len();
    world
        .throughout(30, "no call is made", |world| {
            world.metas.calls().len() == calls
        })
        .await;
    let (status, _, body) = world.ask(Method::POST, "/v1/reconcile", None, None).await;
    assert_eq!(status, 409, "{body}");
    put(false).await;
    world
        .until("it is judged again", |world| {
            world.metas.calls().len() > calls
        })
        .await;
    let events = world
        .events()
        .into_iter()
        .filter(|event| matches!(event.about, About::Number(_, NumberEvent::Paused(_))));
    assert_eq!(events.count(), 4, "each is an event on the number");
}

#[tokio::test]
async fn what_is_not_known_or_not_understood_is_refused() {
    let world = World::hydrated(1).await;
    let put = async |path: &str, body: Value| world.ask(Method::PUT, path, None, Some(body)).await;
    assert_eq!(
        put("/v1/numbers/7/pause", json!({"paused": true})).await.0,
        404
    );
    assert_eq!(put(&pause(), json!({"paused": "yes"})).await.0, 400);
    assert_eq!(
        put(&pause(), json!({"paused": true, "for": "ever"}))
            .await
            .0,
        400
    );
    for (path, status) in [
        ("/v1/holds/none/release", 404),
        ("/v1/reconcile?phone_number_id=7", 404),
        ("/v1/reconcile?dry_run=perhaps", 400),
    ] {
        let (found, _, body) = world.ask(Method::POST, path, None, None).await;
        assert_eq!((found, &body["status"]), (status, &json!(status)), "{path}");
    }
    let (status, _, _) = world
        .ask(Method::GET, "/v1/holds?limit=0", None, None)
        .await;
    assert_eq!(status, 400);
    let (status, _, _) = world
        .ask(Method::GET, "/v1/holds?cursor=x", None, None)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_pass_that_is_asked_for_is_made_at_once_and_its_summary_answered() {
    let mut world = World::new(7).await;
    world.args.list_every = Duration::from_secs(3_600);
    world.start().await;
    world.until_agreement().await;
    let lists = |world: &World| {
        let calls = world.metas.calls();
        calls.iter().filter(|call| call.group_id.is_none()).count()
    };
    assert_eq!(lists(&world), 1, "the next is due in an hour");
    world.delete(&world.ids()[2]).await;
    for _ in 0..10 {
        world.turn().await;
    }
    let (status, body) = ask_while_time_passes(&world, "/v1/reconcile").await;
    assert_eq!(status, 200, "{body}");
    let number = &body["numbers"][0];
    assert_eq!(
        (
            &number["status"],
            &number["complete"],
            &number["listed"],
            &number["unlisted"]
        ),
        (&json!("passed"), &json!(true), &json!(6), &json!(1)),
        "{body}"
    );
    assert_eq!(lists(&world), 2);
    let (status, body) = ask_while_time_passes(&world, "/v1/reconcile").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(lists(&world), 3, "asked again, made again");
    world.until_agreement().await;
}

#[tokio::test]
async fn a_dry_run_says_for_each_group_what_would_be_done_and_changes_nothing() {
    let mut world = World::new(6).await;
    world.args.list_every = Duration::from_secs(3_600);
    world.start().await;
    world.until_agreement().await;
    let ids = world.ids();
    world.delete(&ids[1]).await;
    let body = json!({"subject": "Renamed"});
    world
        .business(Method::POST, &format!("/{}", ids[2]), body)
        .await;
    for _ in 0..10 {
        world.turn().await;
    }
    let events = world.events().len();
    let (status, body) = ask_while_time_passes(&world, "/v1/reconcile?dry_run=true").await;
    assert_eq!(status, 200, "{body}");
    let plan = &body["numbers"][0];
    let text = plan["text"].as_str().unwrap();
    assert!(
        text.contains(ids[1].as_str()) && text.contains(ids[2].as_str()),
        "{text}"
    );
    assert_eq!(plan["complete"], true);
    let steps: Vec<(&str, &str)> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["step"].as_str().unwrap(),
                step["group_id"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        steps.iter().any(|(_, id)| *id == ids[1].as_str()),
        "{steps:?}"
    );
    assert!(
        steps.iter().any(|(_, id)| *id == ids[2].as_str()),
        "{steps:?}"
    );
    assert_eq!(world.events().len(), events, "nothing is appended");
}

#[tokio::test]
async fn a_hold_is_listed_with_its_groups_and_released_by_whoever_may() {
    let world = World::hydrated(20).await;
    let ids = world.ids();
    for id in &ids[..8] {
        world.delete(id).await;
    }
    world
        .until("a hold", |world| {
            world.metric("reconciler_holds") == Some(1.0)
        })
        .await;
    assert_eq!(world.alarms(), [format!("hold of {NUMBER}")]);
    let (status, _, body) = world
        .ask(Method::GET, "/v1/holds?released=false", None, None)
        .await;
    assert_eq!(status, 200);
    let [hold] = body["items"].as_array().unwrap().as_slice() else {
        panic!("one hold: {body}")
    };
    let suspects: Vec<&str> = hold["suspects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    assert!(suspects.len() >= 6, "{hold}");
    assert!(
        suspects
            .iter()
            .all(|id| ids[..8].iter().any(|gone| gone.as_str() == *id))
    );
    assert_eq!(hold["phone_number_id"], NUMBER);
    assert!(world.gone().is_empty());
    let release = format!("/v1/holds/{}/release", hold["hold_id"].as_str().unwrap());
    let (status, _, body) = world.ask(Method::POST, &release, None, None).await;
    assert_eq!(
        (
            status,
            &body["released"],
            &body["released_by"],
            &body["groups"]
        ),
        (200, &json!(true), &json!("open"), &hold["groups"]),
    );
    // Releasing what is released changes nothing.
    let events = world.events().len();
    assert_eq!(world.ask(Method::POST, &release, None, None).await.0, 200);
    assert_eq!(world.events().len(), events);
    let (_, _, body) = world
        .ask(Method::GET, "/v1/holds?released=true&limit=1", None, None)
        .await;
    assert_eq!(body["items"].as_array().unwrap().len(), 1, "{body}");
}
