//! The benchmark's own hand on the log.

use eventlog::{Batch, KafkaArgs, Log, partition_of};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;
use wire::{
    headers::{self, Origin},
    topics::Topic,
};

use anyhow::{Context as _, Result};
use domain::{
    event::{About, Event},
    ids::Entity,
};

/// Records of one append; several are under way at once.
const BATCH: usize = 10_000;

/// Appends events as ingest does, each to the partition of its entity; how many are in each input.
pub(crate) fn append(
    brokers: &str,
    partitions: u32,
    events: impl Iterator<Item = Event>,
    now_ms: i64,
) -> Result<(u64, u64)> {
    let runtime = Runtime::new().context("start a runtime")?;
    let args = KafkaArgs {
        kafka_brokers: vec![brokers.to_owned()],
        kafka_config: None,
        topic_prefix: "rollcall.".to_owned(),
        allow_unreplicated: true,
    };
    let (mut in_events, mut in_receipts) = (0, 0);
    runtime.block_on(async {
        let log = Log::kafka(&args, "benches", &mut Registry::default()).context("open the log")?;
        log.partitions("events.v1")
            .await
            .context("find the topics")?;
        let (mut batch, mut value, mut events) = (Batch::new(), Vec::new(), events.peekable());
        while let Some(event) = events.next() {
            value.clear();
            wire::encode_event(&event, &mut value);
            let entity = entity(&event);
            let topic = Topic::of_event(&entity);
            match topic {
                Topic::Receipts => in_receipts += 1,
                _ => in_events += 1,
            }
            let key = entity.to_string();
            let cloud = headers::event(Origin::Ingest, &event);
            let cloud = cloud
                .each_ref()
                .map(|(name, value)| (*name, value.as_ref()));
            let partition = partition_of(key.as_bytes(), partitions);
            batch.push(
                topic.name(),
                partition,
                key.as_bytes(),
                Some(&value),
                &cloud,
                now_ms,
            );
            if batch.len() == BATCH || events.peek().is_none() {
                let full = std::mem::take(&mut batch);
                log.append(full).await.context("append")?;
            }
        }
        Ok((in_events, in_receipts))
    })
}

fn entity(event: &Event) -> Entity {
    match &event.about {
        About::Group(id, _) => Entity::Group(id.clone()),
        About::Message(id, _) => Entity::Message(id.clone()),
        About::Number(id, _) => Entity::Number(id.clone()),
        About::Request(id, _) => Entity::Request(id.clone()),
    }
}
