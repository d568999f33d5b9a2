//! The same on a real broker, with several partitions.

use crate::{
    answers::{all, assert_same},
    traffic::mixture,
    world::{World, recovered, shared_broker},
};

const PARTITIONS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_broker_with_partitions_restarts_and_rebuilds_give_the_same_answers() {
    let broker = shared_broker().await;
    let world = World::with_topics(&broker, "restarts.", PARTITIONS).await;
    let at = world.append(&mixture(31, 0, 3_000, 40)).await;
    let running = world.start().await;
    let before = all(&running, &at, 40).await;
    running.stop().await;

    let running = world.start().await;
    let after = all(&running, &at, 40).await;
    assert_same(&before, &after, "after a restart");
    let (read_again, found) = recovered(&running.stop().await);
    assert_eq!(read_again, 0.0);
    assert!(found > 50.0, "{found} states in the store");

    std::fs::remove_dir_all(world.store_dir()).unwrap();
    let running = world.start().await;
    let rebuilt = all(&running, &at, 40).await;
    assert_same(&before, &rebuilt, "after the store was deleted");
    let (read_again, found) = recovered(&running.stop().await);
    assert_eq!(found, 0.0);
    assert!(read_again > 50.0, "{read_again} states read again");
}
