//! What is appended: states to where they belong, tombstones where they were, and progress.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::position::Position;
use eventlog::Batch;
use wire::{
    Gap, Progress,
    topics::{self, Topic},
};

use super::{
    Digests, Each, RaiseError, RaiseStep, RaisedTopic, Raising, read::Pages, standing::Standing,
    step,
};
use crate::{
    follow::{now_ms, state_topics},
    limits::{PUBLISH_BYTES, PUBLISH_RECORDS},
    metrics::Input,
    states::{stream_of, topic_of},
};

impl Raising {
    /// Puts every state of a topic where it belongs.
    pub(super) async fn rekey(
        &self,
        topic: Topic,
        generation: u32,
        digests: &mut Digests,
        each: Each<'_>,
    ) -> Result<RaisedTopic, RaiseError> {
        // Read once more, for the keys of only one topic are held at a time.
        let found = self.read(topic).await?;
        let mut moves: BTreeMap<u32, BTreeSet<i64>> = BTreeMap::new();
        let mut leftovers = found.extra;
        for (key, held) in &found.states {
            let target = self.target(key);
            if held.partition != target {
                moves.entry(held.partition).or_default().insert(held.offset);
                leftovers.push((key.clone(), held.partition));
            }
            if let Some(hash) = held.hash {
                digests.entry((topic, target)).or_default().add(hash);
            }
        }
        // An older copy that lies right is covered by the one that is moved there.
        leftovers.retain(|(key, partition)| *partition != self.target(key));
        let done = RaisedTopic {
            topic: topic.name(),
            states: found.states.len() as u64,
            moved: moves.values().map(|offsets| offsets.len() as u64).sum(),
            tombstones: leftovers.len() as u64,
        };
        drop(found.states);
        if self.options.is_dry_run {
            return Ok(done);
        }
        for (partition, offsets) in moves {
            self.publish(topic, partition, &offsets, each).await?;
        }
        self.remove(topic, generation, &leftovers, each).await?;
        Ok(done)
    }

    /// Publishes the states at these offsets of a partition to where they belong.
    async fn publish(
        &self,
        topic: Topic,
        partition: u32,
        offsets: &BTreeSet<i64>,
        each: Each<'_>,
    ) -> Result<(), RaiseError> {
        let Some(first) = offsets.first() else {
            return Ok(());
        };
        let mut pages = Pages::open(self, topic, partition, Some(*first)).await?;
        let (mut batch, mut found) = (Batch::new(), 0);
        while let Some(page) = pages.next().await? {
            for record in page.iter().filter(|one| offsets.contains(&one.offset)) {
                let (key, headers) = (record.key, record.headers().collect::<Vec<_>>());
                let (target, at_ms) = (self.target(key), record.timestamp_ms);
                batch.push(topic.name(), target, key, record.value, &headers, at_ms);
                found += 1;
                if batch.len() >= PUBLISH_RECORDS || batch.bytes() >= PUBLISH_BYTES {
                    let full = std::mem::take(&mut batch);
                    self.move_states(topic, partition, &full, each).await?;
                }
            }
        }
        self.move_states(topic, partition, &batch, each).await?;
        if found == offsets.len() {
            return Ok(());
        }
        let topic = topic.name();
        Err(RaiseError::Changed { topic, partition })
    }

    async fn move_states(
        &self,
        topic: Topic,
        partition: u32,
        batch: &Batch,
        each: Each<'_>,
    ) -> Result<(), RaiseError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.append(topic, partition, batch).await?;
        let (topic, states) = (topic.name(), batch.len());
        step(each, RaiseStep::Moved { topic, states })
    }

    /// Puts tombstones where states lie that belong elsewhere.
    async fn remove(
        &self,
        topic: Topic,
        generation: u32,
        leftovers: &[(Bytes, u32)],
        each: Each<'_>,
    ) -> Result<(), RaiseError> {
        let now_ms = now_ms(&self.clock);
        for leftovers in leftovers.chunks(PUBLISH_RECORDS) {
            let mut batch = Batch::new();
            for (key, partition) in leftovers {
                let position = Position {
                    generation,
                    partition: *partition,
                    offset: -1,
                    ..Position::default()
                };
                let headers = wire::headers::state(topic, key, &position, now_ms / 1_000);
                let headers = headers.each_ref().map(|(name, value)| (*name, &value[..]));
                batch.push(topic.name(), *partition, key, None, &headers, now_ms);
            }
            self.append(topic, 0, &batch).await?;
            let (topic, states) = (topic.name(), leftovers.len());
            step(each, RaiseStep::Removed { topic, states })?;
        }
        Ok(())
    }

    /// Writes progress of the new generation into the state topics of an input's partition.
    pub(super) async fn write_progress(
        &self,
        standing: &Standing,
        (generation, fold): (u32, u32),
        gap: Option<Gap>,
        digests: &Digests,
        each: Each<'_>,
    ) -> Result<(), RaiseError> {
        if self.options.is_dry_run {
            return Ok(());
        }
        let (input, partition) = (standing.input, standing.partition);
        let changes_next = match input {
            Input::Events => self.bounds(Topic::Changes, partition).await?.end,
            Input::Receipts => 0,
        };
        let (now_ms, key) = (now_ms(&self.clock), topics::progress_key(partition));
        let mut batch = Batch::new();
        for topic in state_topics(input) {
            let has_digest = matches!(topic, Topic::Groups | Topic::Numbers);
            let digest = || digests.get(&(*topic, partition)).copied();
            let progress = Progress {
                position: Position {
                    stream: stream_of(input),
                    generation,
                    partition,
                    offset: standing.bounds.end - 1,
                },
                event_id: standing.last_event,
                log_time_ms: standing.last_at_ms,
                partitions: self.partitions,
                gap,
                digest: has_digest.then(|| digest().unwrap_or_default()),
                fold,
                written_at_ms: now_ms,
                changes_next,
            };
            let mut bytes = Vec::new();
            wire::encode_progress(&progress, &mut bytes);
            let headers = wire::headers::progress(*topic, &progress);
            let headers = headers.each_ref().map(|(name, value)| (*name, &value[..]));
            let value = Some(&bytes[..]);
            batch.push(topic.name(), partition, &key, value, &headers, now_ms);
        }
        let topic = topic_of(input);
        self.append(topic, partition, &batch).await?;
        let topic = topic.name();
        step(each, RaiseStep::Written { topic, partition })
    }

    /// Appends until all is durable; what a try that failed may have left there twice is harmless.
    async fn append(&self, topic: Topic, partition: u32, batch: &Batch) -> Result<(), RaiseError> {
        let append = || self.log.append(batch.clone());
        let appended = self.tried("append to", topic, partition, append);
        appended.await.map(drop)
    }
}
