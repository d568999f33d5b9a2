//! What lies in the log, read by the same engine and decoded by the same contract as everybody's.

use std::{path::Path, time::Duration};

use domain::event::Event;
use eventlog::{At, Cleanup, KafkaArgs, Log, Start, TopicSpec};
use prometheus_client::registry::Registry;
use wire::{Decoded, topics::Topic};

use crate::http::block_on;

/// A record, in the order of its partition.
#[derive(Debug, Clone)]
pub struct Record {
    pub key: String,
    pub value: Option<Vec<u8>>,
}

/// The log of a broker.
pub fn kafka(bootstrap: &str) -> Log {
    kafka_with(bootstrap, "rollcall.")
}

/// The same, of topics with another prefix.
pub fn kafka_with(bootstrap: &str, prefix: &str) -> Log {
    let args = KafkaArgs {
        kafka_brokers: bootstrap.split(',').map(str::to_owned).collect(),
        kafka_config: None,
        topic_prefix: prefix.to_owned(),
        allow_unreplicated: true,
    };
    block_on(async { Log::kafka(&args, "e2e", &mut Registry::default()).unwrap() })
}

/// The log of a data directory that no process has open.
pub fn local(data_dir: &Path) -> Log {
    let dir = data_dir.join("log");
    let specs = Topic::ALL.map(spec);
    block_on(async { Log::local(&dir, &specs, || 0, &mut Registry::default()).unwrap() })
}

/// Topics as they are there already, but that at second 0 of the clock nothing is too old.
fn spec(topic: Topic) -> TopicSpec {
    TopicSpec {
        name: topic.name().to_owned(),
        partitions: 1,
        cleanup: Cleanup::Delete {
            retention_ms: u64::from(u32::MAX),
        },
        segment_ms: 1,
        delete_retention_ms: 1,
        min_compaction_lag_ms: 1,
    }
}

/// The positions of the last events of all partitions of both inputs, for `Rollcall-At-Least`.
pub fn ends(log: &Log, generation: u32) -> String {
    let mut ends = Vec::new();
    for (topic, mark) in [("events.v1", ""), ("receipts.v1", "r")] {
        for partition in 0..block_on(log.partitions(topic)).unwrap() {
            let bounds = block_on(log.bounds(topic, partition)).unwrap();
            if bounds.end > bounds.start {
                ends.push(format!("{mark}{generation}:{partition}:{}", bounds.end - 1));
            }
        }
    }
    assert!(!ends.is_empty(), "nothing is in the inputs");
    ends.join(",")
}

/// All records of a topic, partition by partition.
pub fn read(log: &Log, topic: &str) -> Vec<Record> {
    block_on(async {
        let mut records = Vec::new();
        for partition in 0..log.partitions(topic).await.unwrap() {
            let start = Start::new(topic, partition, At::Beginning);
            let mut reader = log.reader(vec![start]).await.unwrap();
            while !reader.reached_all_ends() {
                let wait = Duration::from_secs(10);
                let batch = reader.next(10_000, 16 << 20, wait).await.unwrap();
                assert!(
                    !batch.is_empty(),
                    "the end of {topic} {partition} did not come"
                );
                records.extend(batch.iter().map(|record| Record {
                    key: String::from_utf8(record.key.to_vec()).unwrap(),
                    value: record.value.map(<[u8]>::to_vec),
                }));
            }
        }
        records
    })
}

/// All events of both inputs.
pub fn events(log: &Log) -> Vec<Event> {
    let records = ["events.v1", "receipts.v1"].map(|topic| read(log, topic));
    let decode = |record: &Record| match wire::decode_event(record.value.as_ref().unwrap()) {
        Ok(Decoded::Known(event)) => event,
        other => panic!("{}: {other:?}", record.key),
    };
    records.iter().flatten().map(decode).collect()
}

/// All changes, partition by partition, in log order.
pub fn changes(log: &Log) -> Vec<wire::Change> {
    let decode = |record: &Record| match wire::decode_change(record.value.as_ref().unwrap()) {
        Ok(Decoded::Known(change)) => change,
        other => panic!("{}: {other:?}", record.key),
    };
    read(log, "changes.v1").iter().map(decode).collect()
}
