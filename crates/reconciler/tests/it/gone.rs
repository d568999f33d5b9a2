//! A group is asserted gone only of proof, and never too many at once.

use std::num::NonZeroU32;

use domain::{
    event::{About, GroupEvent, NumberEvent},
    group::Existence,
    ids::GroupId,
};
use reconciler::upstream::Refused;
use reqwest::Method;
use serde_json::json;

use crate::world::{LAG, World};

/// Groups held because too many seemed gone.
fn holds(world: &World) -> Vec<u32> {
    let holds = world.events().into_iter().filter_map(|event| {
        let About::Number(_, NumberEvent::Held { groups, .. }) = event.about else {
            return None;
        };
        Some(groups)
    });
    holds.collect()
}

/// Questions for a group that were answered "unknown".
fn unknowns(world: &World, group_id: &GroupId) -> Vec<i64> {
    let calls = world.metas.calls().into_iter();
    calls
        .filter(|call| {
            call.group_id.as_ref() == Some(group_id) && call.refused == Some(Refused::GroupUnknown)
        })
        .map(|call| call.t0)
        .collect()
}

#[tokio::test]
async fn a_lost_deletion_is_asserted_after_two_questions_that_far_apart() {
    let world = World::hydrated(10).await;
    let id = world.ids().swap_remove(3);
    world.delete(&id).await;
    world.until_agreement().await;
    let asked = unknowns(&world, &id);
    assert_eq!(asked.len(), 2);
    assert!(asked[1] > asked[0] + LAG);
    assert_eq!(world.gone(), [(id.clone(), asked[1] - LAG)]);
    // And it is left alone from then on.
    world.throughout(60, "agreement", World::agrees).await;
    assert_eq!(unknowns(&world, &id).len(), 2);
    assert!(holds(&world).is_empty());
}

#[tokio::test]
async fn the_only_group_of_a_number_can_go() {
    let world = World::hydrated(1).await;
    world.delete(&world.ids()[0]).await;
    world.until_agreement().await;
}

#[tokio::test]
async fn all_groups_of_a_number_at_once_are_held_however_few() {
    let world = World::hydrated(3).await;
    for id in world.ids() {
        world.delete(&id).await;
    }
    world
        .until("a hold", |world| !holds(world).is_empty())
        .await;
    assert_eq!((holds(&world), world.gone().len()), (vec![3], 0));
}

#[tokio::test]
async fn more_than_may_vanish_are_held_and_none_is_asserted() {
    let world = World::hydrated(20).await;
    let doomed = world.ids().split_off(12);
    for id in &doomed {
        world.delete(id).await;
    }
    world
        .until("a hold", |world| !holds(world).is_empty())
        .await;
    world
        .until("the hold is measured", |world| {
            world.metric("reconciler_holds") == Some(1.0)
        })
        .await;
    let calls = world.metas.calls().len();
    world
        .throughout(90, "nothing is gone and one hold stands", |world| {
            world.held().len() == 20 && holds(world).len() == 1
        })
        .await;
    assert!(world.gone().is_empty());
    // Those in question take nothing from the budget of the others.
    let asked = world.metas.calls().split_off(calls);
    let asked = asked
        .iter()
        .filter(|call| call.refused == Some(Refused::GroupUnknown));
    assert!(asked.count() <= doomed.len());
    // Late webhooks settle it all the same.
    for id in &doomed {
        world.webhook(id, world.now(), GroupEvent::Deleted).await;
    }
    world.until_agreement().await;
    world
        .until("no suspect is left", |world| {
            world.metric("reconciler_suspects") == Some(0.0)
        })
        .await;
}

#[tokio::test]
async fn none_of_too_many_is_asserted_because_it_was_asked_for_first() {
    let mut world = World::hydrated(20).await;
    world.stop().await;
    // Ten seconds between calls: the first group is confirmed long before the last is asked for.
    world.args.reads_per_hour = NonZeroU32::new(360).unwrap();
    world.args.list_every = std::time::Duration::from_secs(60);
    for id in world.ids().split_off(12) {
        world.delete(&id).await;
    }
    world.start().await;
    world
        .until("a hold", |world| !holds(world).is_empty())
        .await;
    assert!(world.gone().is_empty());
}

#[tokio::test]
async fn as_many_as_may_vanish_within_a_day_do_and_the_next_is_held() {
    let world = World::hydrated(20).await;
    let doomed = world.ids().split_off(14);
    for id in &doomed[..5] {
        world.delete(id).await;
        world.until_agreement().await;
    }
    world.delete(&doomed[5]).await;
    world
        .until("a hold", |world| !holds(world).is_empty())
        .await;
    assert_eq!(world.gone().len(), 5);
}

#[tokio::test]
async fn groups_that_a_webhook_told_of_do_not_count_as_vanished() {
    let world = World::hydrated(20).await;
    let doomed = world.ids().split_off(8);
    for id in &doomed {
        let at = world.now();
        world.delete(id).await;
        world.webhook(id, at, GroupEvent::Deleted).await;
    }
    world.throughout(30, "agreement", World::agrees).await;
    assert!(holds(&world).is_empty() && world.gone().is_empty());
}

#[tokio::test]
async fn a_truncated_list_makes_nothing_gone_and_asks_for_each_group_once() {
    let world = World::hydrated(30).await;
    world.api(json!({"truncate_list": true})).await;
    world
        .throughout(60, "all are active", |world| world.held().len() == 30)
        .await;
    assert!(world.gone().is_empty() && holds(&world).is_empty());
    let mut alive: Vec<GroupId> = world
        .said(|what| matches!(what, GroupEvent::Unlisted))
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let all = alive.len();
    alive.sort();
    alive.dedup();
    assert_eq!((all, alive.len()), (15, 15));
}

#[tokio::test]
async fn a_group_that_is_gone_is_found_though_the_list_is_truncated() {
    let world = World::hydrated(20).await;
    world.api(json!({"truncate_list": true})).await;
    let id = world.ids().swap_remove(3);
    world.delete(&id).await;
    // A page of join requests is cut as well, so they are not compared.
    world
        .until("it is gone", |world| !world.held().contains_key(&id))
        .await;
    assert_eq!(world.held().len(), 19);
}

#[tokio::test]
async fn suspended_groups_that_are_neither_listed_nor_read_stay_active() {
    let world = World::hydrated(10).await;
    world
        .api(json!({"unlist_suspended": true, "refuse_suspended": true}))
        .await;
    let suspended = world.ids().split_off(7);
    for id in &suspended {
        let path = format!("/sim/groups/{id}/suspend");
        world.call(Method::POST, &path, json!({})).await;
    }
    world.until_agreement().await;
    world.throughout(60, "agreement", World::agrees).await;
    for id in &suspended {
        let view = world.view(id).unwrap();
        assert_eq!(
            (view.existence, view.suspended),
            (Some(Existence::Active), Some(true))
        );
    }
    let unlisted = world.said(|what| matches!(what, GroupEvent::Unlisted));
    assert_eq!(unlisted.len(), 3);
}

#[tokio::test]
async fn unknown_by_id_proves_nothing_of_a_group_that_is_listed() {
    let world = World::hydrated(10).await;
    let id = world.ids().swap_remove(3);
    world.metas.refuse(&id, Refused::GroupUnknown);
    world
        .throughout(60, "it is active", |world| world.held().contains_key(&id))
        .await;
    assert!(unknowns(&world, &id).len() > 2 && world.gone().is_empty());
}

#[tokio::test]
async fn a_token_that_lost_sight_of_everything_makes_nothing_gone() {
    let world = World::hydrated(5).await;
    for id in world.ids() {
        world.metas.refuse(&id, Refused::GroupUnknown);
    }
    world.metas.hide_list(true);
    world
        .until("a hold", |world| !holds(world).is_empty())
        .await;
    assert!(world.gone().is_empty());
}

#[tokio::test]
async fn a_group_gone_for_a_month_is_forgotten() {
    let world = World::hydrated(5).await;
    let id = GroupId::parse("long-gone").unwrap();
    let month = 30 * 86_400;
    world
        .webhook(&id, world.now() - month - 10, GroupEvent::Deleted)
        .await;
    assert!(world.view(&id).is_some());
    world
        .until("it is forgotten", |world| world.view(&id).is_none())
        .await;
    let recent = GroupId::parse("just-gone").unwrap();
    world
        .webhook(&recent, world.now() - month + 3_600, GroupEvent::Deleted)
        .await;
    world
        .throughout(30, "it is held", |world| world.view(&recent).is_some())
        .await;
}
