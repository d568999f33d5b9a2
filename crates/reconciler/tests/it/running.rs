//! Start, stop, restart, pause, dry run.

use std::{num::NonZeroU32, time::Duration};

use chassis::{Clock, Ctx};
use domain::event::NumberEvent;
use reconciler::{Member, Metrics};
use serde_json::json;
use tempfile::TempDir;
use wire::topics::Topic;

use crate::world::{START, World, args, open_log, specs};

#[tokio::test]
async fn a_restart_half_way_through_loses_nothing() {
    let mut world = World::new(40).await;
    world.args.reads_per_hour = NonZeroU32::new(3_600).unwrap();
    world.start().await;
    let read = |world: &World| {
        let ids = world.ids();
        ids.iter().filter(|id| world.verified(id) > 0).count()
    };
    for part in [5, 15, 30] {
        world
            .until("a part is read", |world| read(world) >= part)
            .await;
        world.stop().await;
        world.start().await;
    }
    world.until_agreement().await;
}

#[tokio::test]
async fn a_deletion_suspected_before_a_restart_is_found_after_it() {
    let mut world = World::hydrated(10).await;
    world.delete(&world.ids()[3]).await;
    world
        .until("it is suspected", |world| {
            world.metric("reconciler_suspects") == Some(1.0)
        })
        .await;
    world.stop().await;
    assert!(world.gone().is_empty());
    world.start().await;
    world.until_agreement().await;
    assert_eq!(world.gone().len(), 1);
}

#[tokio::test]
async fn shutdown_in_the_middle_of_a_pass_ends_at_once_and_well() {
    let mut world = World::new(10).await;
    world.metas.shut_list(true);
    world.start().await;
    // The first pass waits for its page.
    while world.metas.under_way() == 0 {
        world.hand.advance(Duration::from_millis(500));
        tokio::task::yield_now().await;
    }
    world.stop().await;
    assert!(world.events().is_empty());
    world.metas.shut_list(false);
    world.start().await;
    world.until_agreement().await;
}

#[tokio::test]
async fn a_paused_number_is_not_judged_until_it_is_resumed() {
    let world = World::hydrated(10).await;
    world.of_number(NumberEvent::Paused(true)).await;
    world.turn().await;
    let calls = world.metas.calls().len();
    let body = json!({"subject": "Renamed"});
    let path = format!("/{}", world.ids()[3]);
    world.business(reqwest::Method::POST, &path, body).await;
    world
        .throughout(60, "no call is made", |world| {
            world.metas.calls().len() == calls
        })
        .await;
    world.of_number(NumberEvent::Paused(false)).await;
    world.until_agreement().await;
}

#[tokio::test]
async fn a_dry_run_prints_the_plan_and_appends_nothing() {
    let mut world = World::hydrated(10).await;
    world.stop().await;
    let ids = world.ids();
    world.delete(&ids[3]).await;
    let body = json!({"subject": "Renamed"});
    world
        .business(reqwest::Method::POST, &format!("/{}", ids[4]), body)
        .await;
    for _ in 0..20 {
        world.turn().await;
    }
    let before = world.log.bounds(Topic::Events.name(), 0).await.unwrap();
    let ctx = Ctx::new(world.clock.clone());
    let plan = reconciler::dry_run(&world.args, &ctx, world.log.clone())
        .await
        .unwrap();
    let expected = format!(
        "number 300000000000001\n\
         ask by id      {}: held as alive, not listed\n\
         assert subject {}: listed with another subject\n\
         read ",
        ids[3], ids[4]
    );
    assert!(plan.starts_with(&expected), "{plan}");
    let counted = "1 repairs, 1 ask, 1 assert, 8 read; 9 groups listed on 1 pages, complete\n\
                   10 groups worth a read, 10 longest_unverified\n";
    assert!(plan.ends_with(counted), "{plan}");
    let after = world.log.bounds(Topic::Events.name(), 0).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn list_every_zero_switches_it_off() {
    let mut world = World::new(5).await;
    world.args.list_every = Duration::ZERO;
    let ctx = Ctx::new(world.clock.clone());
    let metrics = ctx.metrics.register(Metrics::register);
    let (args, log, metas) = (world.args.clone(), world.log.clone(), world.metas.clone());
    let running = reconciler::run_with(args, ctx.clone(), log, metrics, metas);
    let running = tokio::spawn(running);
    for _ in 0..100 {
        world.turn().await;
    }
    assert!(world.metas.calls().is_empty() && !running.is_finished());
    ctx.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_log_that_is_away_is_waited_for_and_not_for_ever() {
    let (clock, hand) = Clock::manual(START.unsigned_abs() * 1_000);
    let dir = TempDir::new().unwrap();
    // The topics are not there yet.
    let without_events: Vec<_> = specs()
        .into_iter()
        .filter(|spec| spec.name != Topic::Events.name())
        .collect();
    let log = open_log(&dir, &without_events, &clock);
    let ctx = Ctx::new(clock.clone());
    let metrics = ctx.metrics.register(Metrics::register);
    let args = args(&dir, "http://127.0.0.1:9");
    let running = tokio::spawn(reconciler::run(
        args,
        Member::default(),
        ctx.clone(),
        log,
        metrics,
    ));
    for _ in 0..30 {
        hand.wait_for_sleepers(1).await;
        hand.advance_to_next();
    }
    assert!(!running.is_finished());
    let mut turns = 0;
    while !running.is_finished() {
        turns += 1;
        assert!(turns < 10_000);
        hand.advance_to_next();
        tokio::task::yield_now().await;
    }
    let error = running.await.unwrap().unwrap_err();
    assert!(format!("{error:#}").contains("events.v1"), "{error:#}");
}
