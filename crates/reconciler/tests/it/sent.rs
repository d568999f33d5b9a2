//! Tokens: one that is replaced, and what the app's says of subscriptions.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use chassis::{Clock, Ctx, http};
use reconciler::{Member, Metrics, Reconciler};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::yield_now;

use crate::world::{START, World, args, open_log, specs};

#[tokio::test]
async fn a_token_file_that_is_replaced_is_presented_within_seconds_and_ends_the_alarm() {
    let world = World::hydrated(5).await;
    world.api(json!({"token_expired": true})).await;
    world
        .until("the alarm", |world| {
            world.metric("reconciler_token_refused") == Some(1.0)
        })
        .await;
    assert!(world.alarms()[0].starts_with("access token for "));
    // The simulator takes every token again, but nobody asks before the next minute, unless the file changes.
    world.api(json!({"token_expired": false})).await;
    let before = world.metas.calls().len();
    fs::write(world.token_file(), "another").unwrap();
    for _ in 0..2 * 15 {
        world.turn().await;
        // The file is read on a thread of its own.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(world.metas.calls().len() > before, "asked at once");
    assert_eq!(world.metric("reconciler_token_refused"), Some(0.0));
    assert!(world.alarms().is_empty());
}

/// What the stand-in for Meta answers to questions for subscriptions.
#[derive(Debug, Clone, Default)]
struct Says(Arc<Mutex<Value>>);

async fn says(State(says): State<Says>) -> (StatusCode, String) {
    let answer = says.0.lock().unwrap().clone();
    let status = if answer.get("error").is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    (status, answer.to_string())
}

/// All fields, as names and as objects; one by its other spelling.
fn both_readings() -> [Value; 2] {
    let names = [
        "messages",
        "group_lifecycle_update",
        "group_participant_update",
        "group_settings_update",
        "group_status_update",
    ];
    let objects = names.map(|name| json!({"name": name, "version": "v25.0"}));
    [json!(names), json!(objects)]
}

fn subscribed(fields: &Value) -> Value {
    json!({"data": [{"object": "whatsapp_business_account", "active": true, "fields": fields}]})
}

#[tokio::test]
async fn a_field_that_nobody_subscribed_to_is_an_alarm_until_somebody_does() {
    let heard = Says::default();
    let router = Router::new()
        .route("/v25.0/4711/subscriptions", get(says))
        .with_state(heard.clone());
    let listener = http::bind("--listen", ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let url = format!("http://{}", listener.address());
    let dir = TempDir::new().unwrap();
    let (clock, hand) = Clock::manual(START.unsigned_abs() * 1_000);
    let ctx = Ctx::new(clock.clone());
    tokio::spawn(http::serve(
        listener,
        router,
        http::Limits::STANDARD,
        ctx.shutdown.clone(),
    ));
    let mut args = args(&dir, &url);
    let token = dir.path().join("app-token");
    fs::write(&token, "4711|secret").unwrap();
    args.app_token_file = Some(token.to_str().unwrap().parse().unwrap());
    args.list_every = Duration::ZERO;
    *heard.0.lock().unwrap() = subscribed(&json!(["messages", "group_status_update"]));
    let log = open_log(&dir, &specs(), &clock);
    let metrics = ctx.metrics.register(Metrics::register);
    let opened = Reconciler::open(args, Member::default(), ctx.clone(), log, metrics).unwrap();
    let running = tokio::spawn(opened.run());
    let missing = async |expected: &str| {
        let line = format!("reconciler_subscriptions_missing {expected}\n");
        for turn in 0..2_000 {
            if ctx.metrics.encode().contains(&line) {
                return ctx.health.ready().alarms;
            }
            if turn % 10 == 0 {
                hand.advance(Duration::from_secs(60));
            }
            yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("never {expected}:\n{}", ctx.metrics.encode());
    };
    let alarms = missing("3").await;
    assert_eq!(alarms[0].name, "subscriptions");
    assert_eq!(
        alarms[0].reason.as_deref(),
        Some(
            "the app is not subscribed to group_lifecycle_update, group_participants_update, group_settings_update"
        )
    );
    for fields in both_readings() {
        *heard.0.lock().unwrap() = subscribed(&fields);
        assert_eq!(missing("0").await, [], "both readings");
        *heard.0.lock().unwrap() = json!({"data": []});
        missing("5").await;
    }
    let refused = json!({"error": {"message": "expired", "type": "OAuthException", "code": 190}});
    *heard.0.lock().unwrap() = refused;
    let alarms = missing("-1").await;
    assert!(
        alarms[0]
            .reason
            .as_deref()
            .unwrap()
            .contains("refuses the token")
    );
    ctx.shutdown.cancel();
    running.await.unwrap().unwrap();
}
