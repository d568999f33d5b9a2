use std::{sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use crate::{
    args::KafkaArgs,
    batch::Batch,
    error::{Class, Error, Overload},
    health::{Health, Trouble},
    log::Log,
};

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn log_on(cluster: &Cluster) -> Log {
    let args = KafkaArgs {
        kafka_brokers: vec![cluster.bootstrap_servers()],
        kafka_config: None,
        topic_prefix: "mock.".into(),
        allow_unreplicated: true,
    };
    Log::kafka(&args, "test", &mut Registry::default()).unwrap()
}

fn batch() -> Batch {
    let mut batch = Batch::new();
    for value in [b"a", b"b"] {
        batch.push("events.v1", 0, b"key", Some(value), &[("n", b"v")], 1);
    }
    batch
}

async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let looking = async {
        while !look() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let within = Duration::from_secs(30);
    tokio::time::timeout(within, looking).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_error_fails_what_is_in_flight_and_the_next_append_succeeds() {
    let cluster = Cluster::new(1).unwrap();
    cluster.create_topic("mock.events.v1", 1, 1).unwrap();
    // An idempotent producer that is refused its id cannot go on.
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &[refusal]);
    let log = log_on(&cluster);

    let error = log.append(batch()).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error:?}");

    let mut tries = 0;
    let offsets = loop {
        match log.append(batch()).await {
            Ok(offsets) => break offsets,
            Err(error) => assert_eq!(error.class(), Class::Transient, "{error:?}"),
        }
        tries += 1;
        assert!(tries < 100, "the producer is replaced");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(offsets, [0, 1]);
    until("ready", || log.health().is_ready()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_go_away_are_trouble_and_coming_back_is_seen_without_an_append() {
    let cluster = Cluster::new(1).unwrap();
    cluster.create_topic("mock.events.v1", 1, 1).unwrap();
    let log = log_on(&cluster);
    log.append(batch()).await.unwrap();
    assert!(log.health().is_ready());

    cluster.broker_down(-1).unwrap();
    until("trouble", || !log.health().is_ready()).await;
    cluster.broker_up(-1).unwrap();
    until("ready", || log.health().is_ready()).await;
    assert_eq!(log.append(batch()).await.unwrap(), [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_acknowledges_nothing_is_stalled_and_what_does_not_fit_is_refused_at_once() {
    let cluster = Cluster::new(1).unwrap();
    cluster.create_topic("mock.events.v1", 1, 1).unwrap();
    let log = Arc::new(log_on(&cluster));
    log.append(batch()).await.unwrap();

    cluster
        .broker_round_trip_time(-1, Duration::from_secs(15))
        .unwrap();
    let mut large = Batch::new();
    for _ in 0..crate::limits::BATCH_RECORDS_MAX {
        large.push("events.v1", 0, b"key", Some(b"value"), &[], 1);
    }
    let pending: Vec<_> = (0..2)
        .map(|_| {
            let (log, batch) = (Arc::clone(&log), large.clone());
            tokio::spawn(async move { log.append(batch).await })
        })
        .collect();
    let stalled = |health| {
        matches!(
            health,
            Health::InTrouble {
                trouble: Trouble::Stalled,
                ..
            }
        )
    };
    until("stalled", || stalled(log.health())).await;
    let error = log.append(batch()).await.unwrap_err();
    assert!(
        matches!(error, Error::Overloaded(Overload::Full)),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Transient);
    for task in pending {
        task.abort();
    }
}
