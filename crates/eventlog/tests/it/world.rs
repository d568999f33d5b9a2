//! A log of either engine to test on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use eventlog::{Batch, Change, Cleanup, KafkaArgs, Log, Reader, RecordBatch, TopicPlan, TopicSpec};
use harness::Broker;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

pub(crate) const TOPIC: &str = "events.v1";
pub(crate) const OTHER: &str = "changes.v1";
pub(crate) const COMPACTED: &str = "groups.v1";
/// Any second of our time; records in the future are refused by Kafka, and old ones are removed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Where the log lies; it is there as long as this is.
pub(crate) enum World {
    Local { dir: TempDir, now: Arc<AtomicI64> },
    Kafka { broker: Arc<Broker>, prefix: String },
}

pub(crate) fn now_ms() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "Kafka judges timestamps by the real time"
    )]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

impl World {
    pub(crate) fn local() -> Self {
        Self::Local {
            dir: tempfile::tempdir().unwrap(),
            now: Arc::new(AtomicI64::new(now_ms())),
        }
    }

    pub(crate) fn kafka() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self::Kafka {
            broker: Broker::shared().unwrap(),
            prefix: format!("t{}.", NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Opens the log without caring for its topics (on the local log they are created).
    pub(crate) fn open(&self, topics: &[TopicSpec]) -> Log {
        match self {
            Self::Local { dir, now } => {
                let now = Arc::clone(now);
                let clock = move || now.load(Ordering::SeqCst);
                Log::local(dir.path(), topics, clock, &mut Registry::default()).unwrap()
            }
            Self::Kafka { broker, prefix } => kafka_log(&broker.bootstrap(), prefix),
        }
    }

    /// Opens the log with topics as asked.
    pub(crate) async fn with(&self, topics: &[TopicSpec]) -> Log {
        let log = self.open(topics);
        if let Self::Kafka { .. } = self {
            let plan = log.plan(topics, 1).await.unwrap();
            log.apply(&plan).await.unwrap();
        }
        log
    }
}

pub(crate) fn kafka_args(bootstrap: &str, prefix: &str) -> KafkaArgs {
    KafkaArgs {
        kafka_brokers: bootstrap.split(',').map(str::to_owned).collect(),
        kafka_config: None,
        topic_prefix: prefix.to_owned(),
        allow_unreplicated: true,
    }
}

pub(crate) fn kafka_log(bootstrap: &str, prefix: &str) -> Log {
    let args = kafka_args(bootstrap, prefix);
    Log::kafka(&args, "eventlog-test", &mut Registry::default()).unwrap()
}

/// A topic made with settings that no specification asks for.
pub(crate) async fn create_with(log: &Log, spec: &TopicSpec, extra: &[(&str, &str)]) {
    let mut plan: TopicPlan = log.plan(std::slice::from_ref(spec), 1).await.unwrap();
    let Some(Change::Create { settings, .. }) = plan.changes.first_mut() else {
        panic!("the topic is new: {plan}");
    };
    let more: BTreeMap<String, String> = extra
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    settings.extend(more);
    log.apply(&plan).await.unwrap();
}

const DAY_MS: u64 = 24 * 3600 * 1000;

pub(crate) fn topic(name: &str, partitions: u32, cleanup: Cleanup) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        cleanup,
        segment_ms: DAY_MS,
        delete_retention_ms: DAY_MS,
        min_compaction_lag_ms: DAY_MS / 4,
    }
}

/// Events with some partitions, changes with as many, groups compacted.
pub(crate) fn topics(partitions: u32) -> Vec<TopicSpec> {
    let retention_ms = 30 * DAY_MS;
    vec![
        topic(TOPIC, partitions, Cleanup::Delete { retention_ms }),
        topic(OTHER, partitions, Cleanup::Delete { retention_ms }),
        topic(COMPACTED, partitions, Cleanup::Compact),
    ]
}

/// A batch of records for one partition, whose keys and values are their numbers.
pub(crate) fn numbered(topic: &str, partition: u32, numbers: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::new();
    let now = now_ms();
    for number in numbers {
        let text = number.to_string();
        let (key, value) = (text.as_bytes(), Some(text.as_bytes()));
        batch.push(topic, partition, key, value, &[], now);
    }
    batch
}

/// One record, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) source: usize,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

pub(crate) fn seen(batch: &RecordBatch) -> Vec<Seen> {
    batch
        .iter()
        .map(|record| Seen {
            source: record.source,
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.to_vec(),
            value: record.value.map(<[u8]>::to_vec),
            headers: record
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
        })
        .collect()
}

/// The next `count` records.
pub(crate) async fn take(reader: &mut Reader, count: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    while all.len() < count {
        let batch = reader.next(count - all.len(), 1 << 20, LONG).await.unwrap();
        assert!(!batch.is_empty(), "{} of {count} records came", all.len());
        all.extend(seen(&batch));
    }
    all
}

/// Everything up to the ends that the reader saw when it was opened.
pub(crate) async fn rest(reader: &mut Reader) -> Vec<Seen> {
    let mut all = Vec::new();
    while !reader.reached_all_ends() {
        let batch = reader.next(1000, 1 << 20, Duration::from_millis(200)).await;
        all.extend(seen(&batch.unwrap()));
    }
    all
}
