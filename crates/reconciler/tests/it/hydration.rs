//! An account that nobody knows yet, in all shapes that Meta answers in.

use domain::event::{About, NumberEvent};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_unknown_account_is_read_in_full_and_its_first_pass_says_that_it_is_the_first() {
    let world = World::hydrated(50).await;
    assert_eq!(world.held().len(), 50);
    assert!(world.ids().iter().all(|id| world.verified(id) > 0));
    world
        .until("a second pass", |world| passes(world).len() > 1)
        .await;
    let passes = passes(&world);
    assert_eq!((passes[0].is_first, passes[0].unknown_to_us), (true, 50));
    assert_eq!((passes[1].is_first, passes[1].unknown_to_us), (false, 0));
    assert!(
        passes
            .iter()
            .all(|pass| pass.is_complete && pass.listed == 50)
    );
}

#[tokio::test]
async fn what_was_read_once_is_not_told_as_a_difference() {
    let world = World::hydrated(20).await;
    assert_eq!(world.metric("reconciler_repairs_total"), Some(0.0));
}

#[tokio::test]
async fn both_shapes_of_the_list_and_quoted_scalars_are_read() {
    for shape in ["array", "object"] {
        let mut world = World::new(20).await;
        world
            .api(json!({"list_shape": shape, "quoted_scalars": true}))
            .await;
        world.start().await;
        world.until_agreement().await;
    }
}

#[tokio::test]
async fn cursors_that_expire_start_the_list_over_and_what_was_seen_before_is_kept() {
    let mut world = World::new(1_100).await;
    world.api(json!({"expire_cursors": true})).await;
    world.start().await;
    world
        .until("the first page", |world| world.held().len() == 1_024)
        .await;
    world.api(json!({"expire_cursors": false})).await;
    world
        .until("all pages", |world| world.held().len() == 1_100)
        .await;
    // Until a complete pass, what passes find is not news.
    let passes = passes(&world);
    let complete = passes.iter().position(|pass| pass.is_complete).unwrap();
    assert!(complete > 0 && passes[..=complete].iter().all(|pass| pass.is_first));
    assert!(world.gone().is_empty());
}

fn passes(world: &World) -> Vec<domain::event::ListPass> {
    let passes = world.events().into_iter().filter_map(|event| {
        let About::Number(_, NumberEvent::ListPassed(pass)) = event.about else {
            return None;
        };
        Some(pass)
    });
    passes.collect()
}
