//! The reconciler is killed at every call that it makes, before the answer and right after: nothing is lost, nothing doubled.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

/// A world in which each kind of thing has happened that only reads can tell.
async fn drifted(groups: u32) -> World {
    let mut world = World::hydrated(groups).await;
    world.stop().await;
    let ids = world.ids();
    world.delete(&ids[1]).await;
    let body = json!({"subject": "Renamed", "description": "otherwise"});
    world
        .business(Method::POST, &format!("/{}", ids[2]), body)
        .await;
    let suspend = format!("/sim/groups/{}/suspend", ids[3]);
    world.call(Method::POST, &suspend, json!({})).await;
    world
}

#[tokio::test]
async fn killed_at_any_call_before_its_answer_or_before_the_append_nothing_is_lost() {
    for is_answered in [false, true] {
        for call in [1, 2, 3, 4, 6, 9, 13] {
            let mut world = drifted(6).await;
            world.metas.kill_at(call, is_answered);
            world.start().await;
            world.until_killed().await;
            world.start().await;
            world.until_agreement().await;
            assert_eq!(world.gone().len(), 1, "killed at call {call}");
        }
    }
}

#[tokio::test]
async fn killed_again_and_again_it_ends_at_the_truth_and_loses_no_figures() {
    let mut world = drifted(8).await;
    for call in [3, 1, 5, 2, 4] {
        world.metas.kill_at(call, call % 2 == 0);
        world.start().await;
        world.until_killed().await;
    }
    world.start().await;
    world.until_agreement().await;
    assert_eq!(world.gone().len(), 1);
    world
        .until("everything is counted", |world| {
            let figures = world.figures();
            figures.is_some_and(|figures| figures.counts.repaired >= 3)
        })
        .await;
}

#[tokio::test]
async fn killed_between_two_pages_nothing_is_asserted_of_half_a_list() {
    for is_answered in [false, true] {
        let mut world = World::new(1_100).await;
        world.metas.kill_at(2, is_answered);
        world.start().await;
        world.until_killed().await;
        assert!(world.events().is_empty(), "half a list says nothing");
        world.start().await;
        world
            .until("all are held", |world| world.held().len() == 1_100)
            .await;
        assert!(world.gone().is_empty());
    }
}
