//! The same on a real broker, with several partitions.

use chassis::Clock;
use eventlog::{KafkaArgs, Log};
use harness::Broker;
use projector::LogKind;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

use crate::{
    answers::{all, assert_same},
    traffic::mixture,
    world::{World, recovered, specs},
};

const PARTITIONS: u32 = 3;

async fn world(broker: &Broker) -> World {
    let args = KafkaArgs {
        kafka_brokers: vec![broker.bootstrap()],
        kafka_config: None,
        topic_prefix: "rollcall.".to_owned(),
        allow_unreplicated: true,
    };
    let log = Log::kafka(&args, "rollcall-projector-test", &mut Registry::default()).unwrap();
    let plan = log.plan(&specs(PARTITIONS), 1).await.unwrap();
    log.apply(&plan).await.unwrap();
    let dir = TempDir::new().unwrap();
    World {
        root: dir.path().to_owned(),
        _dir: Some(dir),
        clock: Clock::system(),
        log,
        kind: LogKind::Kafka,
        partitions: PARTITIONS,
        member: projector::Member::default(),
        steps: std::sync::Arc::new(projector::Unobserved),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_broker_with_partitions_restarts_and_rebuilds_give_the_same_answers() {
    let broker = tokio::task::spawn_blocking(Broker::start)
        .await
        .unwrap()
        .unwrap();
    let world = world(&broker).await;
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
