//! What the log on Kafka promises beyond the contract, on the real broker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventlog::{
    At, Batch, Bounds, Class, Cleanup, Error, Health, Log, Problem, Start, Trouble, limits,
};
use harness::{Broker, Cluster, eventually};
use prometheus_client::{encoding::text::encode, registry::Registry};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, ResourceSpecifier},
    client::DefaultClientContext,
};

use crate::world::{
    COMPACTED, LONG, TOPIC, World, create_with, kafka_args, kafka_log, now_ms, numbered, rest,
    seen, topic, topics,
};

fn parts(world: &World) -> (Arc<Broker>, String) {
    let World::Kafka { broker, prefix } = world else {
        panic!("a world on Kafka");
    };
    (Arc::clone(broker), prefix.clone())
}

async fn await_ready(log: &Log) {
    eventually(LONG, "the log to be ready", async || {
        log.health().is_ready().then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_record_is_lost_when_the_broker_is_killed_in_the_middle() {
    let mut broker = Broker::start().unwrap();
    let log = kafka_log(&broker.bootstrap(), "kill.");
    let plan = log.plan(&topics(1), 1).await.unwrap();
    log.apply(&plan).await.unwrap();

    let mut tasks = Vec::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    for task in 0..8u64 {
        let (log, stopped) = (log.clone(), stopped.clone());
        tasks.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let mut number = task << 32;
            while !*stopped.borrow() {
                let began = Instant::now();
                match log.append(numbered(TOPIC, 0, number..number + 5)).await {
                    Ok(offsets) => acknowledged.extend(offsets.into_iter().zip(number..)),
                    Err(error) => assert_eq!(error.class(), Class::Transient, "{error}"),
                }
                assert!(began.elapsed() < limits::DELIVERY_TIMEOUT + Duration::from_secs(10));
                number += 5;
            }
            acknowledged
        }));
    }
    for _ in 0..2 {
        let end = log.bounds(TOPIC, 0).await.unwrap().end;
        eventually(LONG, "appends", async || {
            let now = log.bounds(TOPIC, 0).await.ok()?.end;
            (now > end + 1000).then_some(())
        })
        .await
        .unwrap();
        broker.kill().unwrap();
        eventually(LONG, "trouble", async || {
            (!log.health().is_ready()).then_some(())
        })
        .await
        .unwrap();
        broker.restart().unwrap();
        let back = Instant::now();
        await_ready(&log).await;
        assert!(
            back.elapsed() < Duration::from_secs(10),
            "ready after {:?}",
            back.elapsed()
        );
    }
    stop.send(true).unwrap();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let records = rest(&mut log.reader(start).await.unwrap()).await;
    assert!(acknowledged.len() > 2000);
    for (offset, number) in acknowledged {
        let record = &records[usize::try_from(offset).unwrap()];
        assert_eq!(record.key, number.to_string().as_bytes(), "offset {offset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_to_a_broker_that_hangs_is_trouble_soon_and_transient_in_time() {
    let broker = Broker::start().unwrap();
    let log = kafka_log(&broker.bootstrap(), "hang.");
    let plan = log.plan(&topics(1), 1).await.unwrap();
    log.apply(&plan).await.unwrap();
    log.append(numbered(TOPIC, 0, 0..1)).await.unwrap();
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();
    assert_eq!(rest(&mut reader).await.len(), 1);

    broker.pause().unwrap();
    let began = Instant::now();
    let appender = log.clone();
    let pending = tokio::spawn(async move { appender.append(numbered(TOPIC, 0, 1..2)).await });
    eventually(LONG, "trouble", async || {
        let Health::InTrouble { since, trouble } = log.health() else {
            return None;
        };
        assert_eq!(trouble, Trouble::Stalled);
        assert!(since.duration_since(began) < Duration::from_secs(10));
        Some(())
    })
    .await
    .unwrap();
    let error = pending.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Undelivered {
                failed: 1,
                records: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Transient);
    assert!(began.elapsed() < limits::DELIVERY_TIMEOUT + Duration::from_secs(10));

    // By now the broker is fenced, and the first that it says after its return is that there are no brokers at all:
    // every client of ours must get over that, though librdkafka may not.
    broker.resume().unwrap();
    await_ready(&log).await;
    let last = eventually(LONG, "an append", async || {
        let offsets = log.append(numbered(TOPIC, 0, 2..3)).await.ok()?;
        Some(offsets[0])
    })
    .await
    .unwrap();
    eventually(LONG, "bounds", async || {
        log.bounds(TOPIC, 0)
            .await
            .ok()
            .filter(|bounds| bounds.end == last + 1)
    })
    .await
    .unwrap();
    eventually(LONG, "the reader", async || {
        let read = reader.next(10, 1000, Duration::from_millis(100)).await;
        read.unwrap();
        (reader.position(0) == last + 1).then_some(())
    })
    .await
    .unwrap();
}

/// As an operator would, with another tool: one setting more on a topic, the rest as it is.
async fn set_on_topic(world: &World, topic: &str, name: &str, value: &str) {
    let (broker, prefix) = parts(world);
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .create()
        .unwrap();
    let full = format!("{prefix}{topic}");
    let resource = ResourceSpecifier::Topic(&full);
    let options = AdminOptions::new();
    let described = admin.describe_configs([&resource], &options).await;
    let described = described.unwrap().remove(0).unwrap();
    let mut alter = AlterConfig::new(resource).set(name, value);
    for entry in &described.entries {
        if entry.source == ConfigSource::DynamicTopic && entry.name != name {
            alter = alter.set(&entry.name, entry.value.as_deref().unwrap_or_default());
        }
    }
    let altered = admin.alter_configs([&alter], &options).await;
    altered.unwrap().remove(0).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_planned_made_and_checked() {
    let world = World::kafka();
    let specs = topics(3);
    let log = world.open(&specs);
    assert_eq!(
        log.check(&specs).await.unwrap().len(),
        specs.len(),
        "all are missing"
    );
    let plan = log.plan(&specs, 1).await.unwrap();
    assert_eq!((plan.changes.len(), plan.problems.len()), (3, 0), "{plan}");
    log.apply(&plan).await.unwrap();
    assert!(log.plan(&specs, 1).await.unwrap().is_empty());
    assert_eq!(log.check(&specs).await.unwrap(), []);

    // What differs is found, changed, and nothing else is.
    let mut changed = specs.clone();
    changed[0].cleanup = Cleanup::Delete { retention_ms: 1000 };
    changed[2].cleanup = Cleanup::CompactAndDelete { retention_ms: 2000 };
    let problems = log.check(&changed).await.unwrap();
    let about: Vec<&str> = problems
        .iter()
        .map(|problem| {
            let Problem::Setting { setting, .. } = problem else {
                panic!("{problem}");
            };
            setting.name
        })
        .collect();
    assert_eq!(about, ["retention.ms", "cleanup.policy", "retention.ms"]);
    let plan = log.plan(&changed, 1).await.unwrap();
    assert_eq!(plan.changes.len(), 2, "{plan}");
    log.apply(&plan).await.unwrap();
    eventually(LONG, "the change to be seen", async || {
        log.check(&changed).await.unwrap().is_empty().then_some(())
    })
    .await
    .unwrap();
    let state = log.describe(&[COMPACTED]).await.unwrap().remove(0).unwrap();
    assert_eq!((state.partitions, state.replication), (3, 1));
    assert_eq!(state.settings["min.compaction.lag.ms"], "21600000");

    // Numbers of partitions are not ours to change.
    changed[0].partitions = 4;
    let plan = log.plan(&changed, 1).await.unwrap();
    assert!(plan.is_empty());
    assert!(
        matches!(
            plan.problems[..],
            [Problem::Partitions {
                found: 3,
                asked: 4,
                ..
            }]
        ),
        "{plan}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_set_on_a_topic_is_told_in_one_line_and_mended() {
    let world = World::kafka();
    let retention_ms = 2_000_000;
    let spec = topic(COMPACTED, 1, Cleanup::CompactAndDelete { retention_ms });
    let specs = [spec];
    let log = world.with(&specs).await;
    for (name, value) in [
        ("cleanup.policy", "delete"),
        ("delete.retention.ms", "1000"),
        ("max.message.bytes", "2000"),
        ("message.timestamp.type", "LogAppendTime"),
        ("min.compaction.lag.ms", "1000"),
        ("min.insync.replicas", "2"),
        ("retention.bytes", "100000000"),
        ("retention.ms", "3000000"),
        ("segment.ms", "172800000"),
        ("unclean.leader.election.enable", "true"),
    ] {
        set_on_topic(&world, COMPACTED, name, value).await;
        let problem = eventually(LONG, name, async || {
            let problems = log.check(&specs).await.unwrap();
            assert!(problems.len() <= 1, "{problems:?}");
            problems.first().map(ToString::to_string)
        })
        .await
        .unwrap();
        assert!(
            problem.starts_with(&format!("{COMPACTED} has {name} {value} ")),
            "{problem}"
        );
        let plan = log.plan(&specs, 1).await.unwrap();
        log.apply(&plan).await.unwrap();
        eventually(LONG, name, async || {
            log.check(&specs).await.unwrap().is_empty().then_some(())
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_not_replicated_are_a_problem_and_those_that_are_survive_a_broker() {
    let mut cluster = Cluster::start(3).unwrap();
    let mut args = kafka_args(&cluster.bootstrap(), "three.");
    args.allow_unreplicated = false;
    let log = Log::kafka(&args, "test", &mut Registry::default()).unwrap();
    let specs = topics(2);
    let plan = log.plan(&specs[..1], 3).await.unwrap();
    log.apply(&plan).await.unwrap();
    assert_eq!(log.check(&specs[..1]).await.unwrap(), []);
    assert_eq!(
        log.append(numbered(TOPIC, 1, 0..10)).await.unwrap().len(),
        10
    );

    let plan = log.plan(&specs[1..], 1).await.unwrap();
    log.apply(&plan).await.unwrap();
    let problems = log.check(&specs).await.unwrap();
    assert!(
        matches!(
            problems[..],
            [
                Problem::Replication { found: 1, .. },
                Problem::InSync { found: 1, .. },
                Problem::Replication { found: 1, .. },
                Problem::InSync { found: 1, .. }
            ]
        ),
        "{problems:?}"
    );

    // With all replicated, one broker of three may be lost: appends go on, and nothing that was acknowledged is missing.
    let mut appended = log.append(numbered(TOPIC, 0, 0..1000)).await.unwrap();
    cluster.kill(0).unwrap();
    for number in 1000..1100 {
        // While the partition finds another leader an append may fail for a time, and is then made again as every caller does.
        let offsets = eventually(LONG, "an append with one broker away", async || {
            match log.append(numbered(TOPIC, 0, number..number + 1)).await {
                Ok(offsets) => Some(offsets),
                Err(error) => {
                    assert_eq!(error.class(), Class::Transient, "{error}");
                    None
                }
            }
        });
        appended.extend(offsets.await.unwrap());
    }
    assert_eq!(appended.len(), 1100);
    assert!(
        appended.is_sorted_by(|earlier, later| earlier < later),
        "{appended:?}"
    );
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let records = rest(&mut log.reader(start).await.unwrap()).await;
    assert!(records.len() >= 1100, "{}", records.len());
    let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
    assert!(
        appended
            .iter()
            .all(|offset| offsets.binary_search(offset).is_ok())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_only_the_broker_finds_too_large_is_permanent_and_named() {
    let world = World::kafka();
    let log = world.open(&[]);
    let spec = topic(
        TOPIC,
        1,
        Cleanup::Delete {
            retention_ms: 1 << 40,
        },
    );
    create_with(&log, &spec, &[("max.message.bytes", "1000")]).await;
    let mut batch = Batch::new();
    // Nothing that compresses.
    let noise: Vec<u8> = (0..5000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    batch.push(TOPIC, 0, b"k", Some(&noise), &[], now_ms());
    let error = log.append(batch).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent, "{error:?}");
    let Error::RecordTooLarge { topic, bytes } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((topic.as_str(), *bytes), (TOPIC, 5001));
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_keeps_the_last_of_each_key_and_a_reader_still_reaches_the_end() {
    let world = World::kafka();
    let log = world.open(&[]);
    let mut spec = topic(COMPACTED, 1, Cleanup::Compact);
    (spec.segment_ms, spec.min_compaction_lag_ms) = (100, 0);
    create_with(&log, &spec, &[("min.cleanable.dirty.ratio", "0.001")]).await;
    for _ in 0..5 {
        log.append(numbered(COMPACTED, 0, 0..100)).await.unwrap();
    }
    let start = || vec![Start::new(COMPACTED, 0, At::Beginning)];
    eventually(LONG, "the broker to compact", async || {
        // A segment is closed by the next append.
        log.append(numbered(COMPACTED, 0, 7..8)).await.unwrap();
        let records = rest(&mut log.reader(start()).await.unwrap()).await;
        let of = |key: &[u8]| records.iter().filter(|record| record.key == key).count();
        (of(b"3") == 1 && of(b"99") == 1).then_some(())
    })
    .await
    .unwrap();
    let bounds = log.bounds(COMPACTED, 0).await.unwrap();
    assert_eq!(bounds.start, 0);
    let mut reader = log.reader(start()).await.unwrap();
    rest(&mut reader).await;
    assert_eq!(reader.position(0), bounds.end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_whose_position_is_deleted_is_told_where_the_log_starts() {
    let world = World::kafka();
    let log = world.with(&topics(1)).await;
    let (broker, prefix) = parts(&world);
    log.append(numbered(TOPIC, 0, 0..100)).await.unwrap();
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();

    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .create()
        .unwrap();
    let mut before = TopicPartitionList::new();
    let full = format!("{prefix}{TOPIC}");
    before
        .add_partition_offset(&full, 0, Offset::Offset(50))
        .unwrap();
    admin
        .delete_records(&before, &AdminOptions::new())
        .await
        .unwrap();
    assert_eq!(
        log.bounds(TOPIC, 0).await.unwrap(),
        Bounds {
            start: 50,
            end: 100
        }
    );

    // What was fetched ahead may still come; a reader that begins there now is told at once.
    let start = vec![Start::new(TOPIC, 0, At::Offset(10))];
    let error = log.reader(start).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                offset: 10,
                start: 50,
                end: 100,
                ..
            }
        ),
        "{error:?}"
    );
    let mut read = 0;
    let outcome = loop {
        match reader.next(10, 1000, LONG).await {
            Ok(batch) if reader.reached_end(0) => break Ok(read + batch.len()),
            Ok(batch) => read += batch.len(),
            Err(error) => break Err(error),
        }
    };
    assert!(
        matches!(
            outcome,
            Ok(100)
                | Err(Error::OutOfRange {
                    start: 50,
                    end: 100,
                    ..
                })
        ),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_nobody_asked_for_a_while_goes_on_where_it_was() {
    let world = World::kafka();
    let log = world.with(&topics(1)).await;
    log.append(numbered(TOPIC, 0, 0..500)).await.unwrap();
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();
    let mut read = seen(&reader.next(10, 1 << 20, LONG).await.unwrap());
    // What is waited for is that nothing happens: long enough for the reader to give its partitions up.
    tokio::time::sleep(2 * limits::READER_IDLE_AFTER + Duration::from_secs(1)).await;
    log.append(numbered(TOPIC, 0, 500..600)).await.unwrap();
    while reader.position(0) < 600 {
        read.extend(seen(&reader.next(70, 1 << 20, LONG).await.unwrap()));
    }
    let offsets: Vec<i64> = read.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (0..600).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_librdkafka_become_metrics() {
    let world = World::kafka();
    drop(world.with(&topics(1)).await);
    let (broker, prefix) = parts(&world);
    let mut registry = Registry::default();
    let args = kafka_args(&broker.bootstrap(), &prefix);
    let log = Log::kafka(&args, "test", &mut registry).unwrap();
    log.append(numbered(TOPIC, 0, 0..10)).await.unwrap();
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();
    assert_eq!(rest(&mut reader).await.len(), 10);
    let wanted = [
        "eventlog_appends_total{outcome=\"durable\"} 1",
        "eventlog_appended_records_total 10",
        "eventlog_read_records_total 10",
        "eventlog_pending_records 0",
        "eventlog_ready 1",
        "eventlog_kafka_round_trip_seconds{client=\"producer\"}",
        "eventlog_kafka_lag_records{topic=\"events.v1\",partition=\"0\"} 0",
    ];
    let mut text = String::new();
    let seen = eventually(LONG, "the metrics", async || {
        // Served while somebody asks.
        reader.next(1, 1, Duration::from_millis(100)).await.unwrap();
        text.clear();
        encode(&mut text, &registry).unwrap();
        wanted.iter().all(|line| text.contains(line)).then_some(())
    })
    .await;
    assert!(seen.is_ok(), "{text}");
}

#[test]
fn options_that_cannot_be_are_told_at_once() {
    let mut args = kafka_args("", "no spaces");
    args.kafka_config = Some("/nowhere/kafka.properties".into());
    let error = Log::kafka(&args, "test", &mut Registry::default()).unwrap_err();
    let Error::Config { problems } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(problems.len(), 3, "{error}");
}
