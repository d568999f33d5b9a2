//! Meta's API in trouble: back off, come back, never more calls than allowed.

use std::{num::NonZeroU32, time::Duration};

use reconciler::upstream::Refused;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// Calls of so many seconds under a fault, after which it ends, and what happened meanwhile is found.
async fn survives(fault: Value, cured: Value, seconds: usize) -> usize {
    let world = World::hydrated(10).await;
    world.api(fault).await;
    let body = json!({"subject": "Renamed"});
    let path = format!("/{}", world.ids()[3]);
    let before = world.metas.calls().len();
    world
        .throughout(seconds, "all groups are held", |world| {
            world.held().len() == 10
        })
        .await;
    let calls = world.metas.calls().len() - before;
    world.api(cured).await;
    world.business(Method::POST, &path, body).await;
    world.until_agreement().await;
    assert!(world.gone().is_empty());
    calls
}

#[tokio::test]
async fn an_api_that_is_down_is_asked_ever_more_seldom_until_it_is_back() {
    let calls = survives(json!({"down": true}), json!({"down": false}), 300).await;
    assert!((5..40).contains(&calls), "{calls} calls in 300 s");
}

#[tokio::test]
async fn a_throttled_number_backs_off_and_comes_back() {
    let fault = json!({"throttle": 1.0, "regain_minutes": 0});
    let calls = survives(fault, json!({"throttle": 0.0}), 600).await;
    assert!((3..30).contains(&calls), "{calls} calls in 600 s");
}

#[tokio::test]
async fn the_time_that_meta_names_is_waited_for() {
    let fault = json!({"throttle": 1.0, "regain_minutes": 5});
    let calls = survives(fault, json!({"throttle": 0.0}), 290).await;
    // What was under way when the first was refused.
    assert!((1..=8).contains(&calls), "{calls} calls in 290 s");
}

#[tokio::test]
async fn errors_now_and_then_keep_nothing_from_being_found() {
    let world = World::hydrated(10).await;
    world.api(json!({"error_rate": 0.3})).await;
    let body = json!({"subject": "Renamed"});
    let path = format!("/{}", world.ids()[3]);
    world.api(json!({"error_rate": 0.0})).await;
    world.business(Method::POST, &path, body).await;
    world.api(json!({"error_rate": 0.3})).await;
    world.until_agreement().await;
}

#[tokio::test]
async fn an_expired_token_is_one_alarm_and_a_few_calls_and_ends_when_it_works_again() {
    let world = World::hydrated(10).await;
    world.api(json!({"token_expired": true})).await;
    let before = world.metas.calls().len();
    world
        .until("the alarm", |world| {
            world.metric("reconciler_token_refused") == Some(1.0)
        })
        .await;
    world
        .throughout(300, "all groups are held", |world| world.held().len() == 10)
        .await;
    let calls = world.metas.calls().len() - before;
    assert!(calls < 60, "{calls} calls in 300 s");
    world.api(json!({"token_expired": false})).await;
    world
        .until("the alarm ends", |world| {
            world.metric("reconciler_token_refused") == Some(0.0)
        })
        .await;
    world.until_agreement().await;
}

#[tokio::test]
async fn no_more_calls_are_made_than_the_budget_allows() {
    let mut world = World::new(100).await;
    world.args.reads_per_hour = NonZeroU32::new(600).unwrap();
    world.args.list_every = Duration::from_secs(30);
    world.start().await;
    world.throughout(600, "nothing", |_| true).await;
    let calls = world.metas.calls();
    // A sixth of an hour's, the minute's worth of the start, and what the last calls took ahead.
    assert!(
        (90..=100 + 10 + 3).contains(&calls.len()),
        "{} calls",
        calls.len()
    );
    let lists = calls.iter().filter(|call| call.group_id.is_none()).count();
    assert!((12..=23).contains(&lists), "{lists} pages listed");
}

#[tokio::test]
async fn a_list_longer_than_the_budget_leaves_half_of_it_for_reads() {
    let mut world = World::new(1_100).await;
    world.args.reads_per_hour = NonZeroU32::new(360).unwrap();
    world.args.list_every = Duration::from_secs(5);
    world.start().await;
    world.throughout(600, "nothing", |_| true).await;
    let calls = world.metas.calls();
    let lists = calls.iter().filter(|call| call.group_id.is_none()).count();
    assert!(calls.len() <= 60 + 6 + 3, "{} calls", calls.len());
    assert!(
        (20..=36).contains(&lists),
        "{lists} pages of {} calls",
        calls.len()
    );
}

#[tokio::test]
async fn a_group_that_cannot_be_read_keeps_no_other_from_being_read() {
    for refused in [Refused::Failed, Refused::Input] {
        let mut world = World::new(30).await;
        let poisoned = world.ids().swap_remove(3);
        world.metas.refuse(&poisoned, refused);
        world.start().await;
        world
            .until("all others are read", |world| {
                let ids = world.ids();
                ids.iter().filter(|id| world.verified(id) > 0).count() == 29
            })
            .await;
        for _ in 0..240 {
            world.turn().await;
        }
        let calls = world.metas.calls();
        let reads = calls
            .iter()
            .filter(|call| call.group_id.as_ref() == Some(&poisoned));
        assert!(reads.count() < 10);
    }
}
