//! The benchmark's own hand on the log.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use domain::{
    event::{About, Event},
    ids::Entity,
};
use eventlog::{Batch, KafkaArgs, Log, partition_of};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;
use wire::{
    headers::{self, Origin},
    topics::{self, Topic},
};

/// Records of one append; several are under way at once.
pub(crate) const BATCH: usize = 10_000;

/// An open log, and a runtime to work on it.
#[derive(Debug)]
pub(crate) struct Hand {
    pub(crate) log: Log,
    pub(crate) runtime: Runtime,
    pub(crate) partitions: u32,
}

impl Hand {
    /// Opens the log of a broker whose topics are there.
    pub(crate) fn open(brokers: &str, partitions: u32) -> Result<Self> {
        let runtime = Runtime::new().context("start a runtime")?;
        let args = KafkaArgs {
            kafka_brokers: vec![brokers.to_owned()],
            kafka_config: None,
            topic_prefix: "rollcall.".to_owned(),
            allow_unreplicated: true,
        };
        let log = Log::kafka(&args, "benches", &mut Registry::default()).context("open the log")?;
        runtime
            .block_on(log.partitions("events.v1"))
            .context("find the topics")?;
        Ok(Self {
            log,
            runtime,
            partitions,
        })
    }

    /// Appends events as ingest does, each to the partition of its entity; how many are in each input.
    pub(crate) fn append(&self, events: impl Iterator<Item = Event>) -> Result<(u64, u64)> {
        let (mut in_events, mut in_receipts) = (0, 0);
        let now_ms = now_ms()?;
        self.runtime.block_on(async {
            let (mut batch, mut value, mut events) = (Batch::new(), Vec::new(), events.peekable());
            while let Some(event) = events.next() {
                match push(&mut batch, &event, &mut value, self.partitions, now_ms).0 {
                    Topic::Receipts => in_receipts += 1,
                    _ => in_events += 1,
                }
                if batch.len() == BATCH || events.peek().is_none() {
                    let full = std::mem::take(&mut batch);
                    self.log.append(full).await.context("append")?;
                }
            }
            Ok((in_events, in_receipts))
        })
    }
}

/// Adds an event as ingest would; where it goes.
pub(crate) fn push(
    batch: &mut Batch,
    event: &Event,
    value: &mut Vec<u8>,
    partitions: u32,
    now_ms: i64,
) -> (Topic, u32) {
    value.clear();
    wire::encode_event(event, value);
    let entity = entity(event);
    let topic = Topic::of_event(&entity);
    let key = topics::key(&entity);
    let cloud = headers::event(Origin::Ingest, event);
    let cloud = cloud
        .each_ref()
        .map(|(name, value)| (*name, value.as_ref()));
    let partition = partition_of(&key, partitions);
    batch.push(topic.name(), partition, &key, Some(value), &cloud, now_ms);
    (topic, partition)
}

/// The machine's clock, in milliseconds of Unix time.
pub(crate) fn now_ms() -> Result<i64> {
    let now = SystemTime::UNIX_EPOCH.elapsed().context("the clock")?;
    Ok(now.as_millis() as i64)
}

fn entity(event: &Event) -> Entity {
    match &event.about {
        About::Group(id, _) => Entity::Group(id.clone()),
        About::Message(id, _) => Entity::Message(id.clone()),
        About::Number(id, _) => Entity::Number(id.clone()),
        About::Request(id, _) => Entity::Request(id.clone()),
    }
}
