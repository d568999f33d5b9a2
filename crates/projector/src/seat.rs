//! One input partition on this instance: followed, led while the consumer group says so, and followed again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chassis::{CancellationToken, health::Check};
use eventlog::{Assignment, At, Bounds, Membership, RecordBatch, Start};
use tokio::sync::watch;
use wire::{Decoded, Gap, Progress, topics::Topic};

use crate::{
    cache::Cache,
    error::{End, Error},
    fold::Folder,
    follow::{Following, Until, now_ms},
    intake::Intake,
    lead::{Leader, Left},
    limits::{BATCH_WAIT, DISTURBED_PAUSE, RECOVER_BYTES},
    logs::{Logs, Portion},
    metrics::{Input, Metrics, PartitionLabels},
    outbox::{Outbox, Outgoing},
    projection::Projection,
    states::{stream_of, topic_of, topic_of_key},
    steps::{Observe, Step},
};

/// Who leads the partition, as far as this instance is told.
#[derive(Debug)]
pub(crate) struct Mandate {
    topic: Topic,
    partition: u32,
    membership: Option<(Membership, watch::Receiver<Assignment>)>,
}

impl Mandate {
    /// Before the group is joined: somebody else.
    pub(crate) fn none(topic: Topic, partition: u32) -> Self {
        Self {
            topic,
            partition,
            membership: None,
        }
    }

    pub(crate) fn join(&mut self, membership: &Membership) {
        self.membership = Some((membership.clone(), membership.assignment()));
    }

    /// Is it this instance?
    pub(crate) fn is_held(&self) -> bool {
        self.membership.as_ref().is_some_and(|(_, assignment)| {
            assignment.borrow().holds(self.topic.name(), self.partition)
        })
    }

    /// Resolves when there may be news.
    pub(crate) async fn changed(&mut self) {
        if let Some((_, assignment)) = &mut self.membership
            && assignment.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// Notes the offset of the next event for monitors of lag.
    pub(crate) fn commit(&self, offset: i64) {
        if let Some((membership, _)) = &self.membership {
            membership.commit(self.topic.name(), self.partition, offset);
        }
    }
}

/// One input partition.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) logs: Logs,
    pub(crate) projection: Projection,
    pub(crate) metrics: Metrics,
    pub(crate) input: Input,
    /// Taken out while it works on a blocking thread.
    pub(crate) intake: Option<Box<Intake>>,
    pub(crate) mandate: Mandate,
    /// Ends the work between two batches; the log's own token ends it anywhere.
    pub(crate) stop: CancellationToken,
    /// Ok once this instance has caught up as a leader, or hears of one; failing again if it should lead and cannot.
    pub(crate) caught_up: Check,
    pub(crate) is_caught_up: bool,
    /// Is everything read that was there at start?
    pub(crate) is_recovered: bool,
    pub(crate) steps: Arc<dyn Observe>,
    /// How often progress is written while nothing comes.
    pub(crate) idle_every: Duration,
    /// Decoded states to keep while leading.
    pub(crate) cache_entities: usize,
    /// When anything was read last, by the monotonic clock.
    pub(crate) heard_ms: u64,
    /// When each topic was read anew last, by the monotonic clock.
    pub(crate) reread_ms: BTreeMap<Topic, u64>,
    /// Not to be led before this, by the monotonic clock.
    pub(crate) pause_until_ms: u64,
}

impl Seat {
    /// Reads what the store lacks, up to the ends that the topics have now; says whether it got there.
    pub(crate) async fn recover(&mut self) -> Result<bool, End> {
        self.tell_stored()?;
        let mut following = self.open().await?;
        let is_there = self.follow(&mut following, Until::EndsAtOpen).await?;
        let (topic, partition) = (topic_of(self.input).name(), self.logs.partition);
        let intake = self.intake()?;
        let records = intake.findings.records;
        self.metrics
            .count_recovered(crate::metrics::From::StateTopic, records);
        if let Some(progress) = intake.furthest() {
            tracing::info!(
                kafka.topic = topic,
                kafka.partition = partition,
                "{topic}/{partition}: {records} states read, folded up to {}",
                progress.position
            );
        }
        Ok(is_there)
    }

    /// Follows, and leads whenever the group says so, until shutdown.
    pub(crate) async fn run(mut self) -> Result<(), End> {
        self.show_led(false);
        self.is_recovered = true;
        loop {
            let mut following = self.open().await?;
            let progress = loop {
                if !self.follow(&mut following, Until::Led).await? {
                    return Ok(());
                }
                if let Some(progress) = self.take_over().await? {
                    break progress;
                }
            };
            match self.lead(following, progress).await? {
                Left::Stopped => return Ok(()),
                Left::Revoked => {}
                Left::Disturbed => {
                    self.metrics.disturbed.inc();
                    let pause = u64::try_from(DISTURBED_PAUSE.as_millis()).unwrap_or(u64::MAX);
                    self.pause_until_ms = self.logs.clock.monotonic_ms().saturating_add(pause);
                }
            }
            self.steps.taken(Step::Released);
        }
    }

    /// Leads from `progress` on.
    async fn lead(&mut self, following: Following, progress: Progress) -> Result<Left, End> {
        let (topic, partition) = (topic_of(self.input).name(), self.logs.partition);
        tracing::info!(
            kafka.topic = topic,
            kafka.partition = partition,
            "leading {topic}/{partition} after {}",
            progress.position
        );
        let digests = self.intake()?.digests;
        let folder = Folder::new(
            self.input,
            progress,
            digests,
            Cache::new(self.cache_entities),
            &self.projection,
            self.metrics.clone(),
        );
        self.show_led(true);
        let leader = Leader::new(self, &following, folder);
        drop(following);
        let (left, folder) = leader.run().await?;
        self.show_led(false);
        self.intake_mut()?.led(folder.progress, folder.digests);
        tracing::info!(
            kafka.topic = topic,
            kafka.partition = partition,
            "leading {topic}/{partition} no more: {left:?}"
        );
        Ok(left)
    }

    /// Notes that answers are as fresh as they can be.
    pub(crate) fn caught_up(&mut self) {
        if !self.is_caught_up {
            self.is_caught_up = true;
            self.caught_up.ok();
        }
    }

    fn show_led(&self, is_led: bool) {
        let labels = PartitionLabels {
            input: self.input,
            partition: self.logs.partition,
        };
        self.metrics
            .led
            .get_or_create(&labels)
            .set(i64::from(is_led));
    }

    /// Is this instance to lead, and able to?
    pub(crate) fn may_lead(&mut self) -> Result<bool, End> {
        if !self.mandate.is_held() || self.logs.clock.monotonic_ms() < self.pause_until_ms {
            return Ok(false);
        }
        let Some(fold) = self.intake()?.findings.higher_fold else {
            return Ok(true);
        };
        // Folding is left to the newer program that made the states; queries are answered from them.
        self.is_caught_up = false;
        self.caught_up.failing(format!(
            "states are of fold {fold}, which this version does not know: run the one that made them"
        ));
        Ok(false)
    }

    /// Makes ready to lead, everything being read: where to go on; nothing if something was published that is to be read first.
    async fn take_over(&mut self) -> Result<Option<Progress>, End> {
        let mut progress = self
            .intake()?
            .furthest()
            .unwrap_or_else(|| self.stored_progress());
        let stored = self.stored_progress();
        if stored.position.is_after(&progress.position) {
            progress = stored;
        }
        let progress = self.check_input(progress).await?;
        self.steps.taken(Step::InputChecked);
        let stale: Vec<_> = self.intake()?.findings.stale.iter().cloned().collect();
        if stale.is_empty() {
            return Ok(Some(progress));
        }
        tracing::warn!(
            kafka.partition = self.logs.partition,
            "{} states were covered by a former leader's late writes and are published again",
            stale.len()
        );
        self.publish_again(&stale).await?;
        self.steps.taken(Step::PublishedAgain);
        Ok(None)
    }

    /// Publishes what a former leader's late write has covered; reading it again ends its being stale.
    async fn publish_again(&self, stale: &[bytes::Bytes]) -> Result<(), End> {
        let mut outbox = Outbox::default();
        let at_ms = now_ms(&self.logs.clock);
        for key in stale {
            let state = self.projection.store().state(key)?;
            let topic = topic_of_key(key);
            let mut position = self.stored_progress().position;
            if let Some(state) = &state {
                (position.generation, position.offset) = (state.generation, state.offset);
            }
            position.stream = stream_of(self.input);
            let record = Outgoing {
                key,
                value: state.as_ref().map(|state| &state.record[..]),
                headers: wire::headers::state(topic, key, &position, at_ms / 1_000),
                trace: None,
                at_ms,
            };
            outbox.push(topic, self.logs.partition, record);
        }
        for batch in outbox.batches {
            self.logs.append(topic_of(self.input), &batch).await?;
        }
        Ok(())
    }

    /// Holds the progress against the input: the same log, and how much of it is lost.
    async fn check_input(&self, mut progress: Progress) -> Result<Progress, End> {
        let topic = topic_of(self.input);
        let partitions = self.projection.partitions();
        if progress.partitions != partitions {
            return Err(End::Failed(Error::Partitions {
                topic: topic.name(),
                found: partitions,
                folded: progress.partitions,
            }));
        }
        let position = progress.position;
        let bounds = self.logs.bounds(topic).await?;
        if position.offset >= bounds.end {
            return Err(End::Failed(Error::AnotherLog { position }));
        }
        if position.offset >= bounds.start {
            self.check_event(&progress).await?;
        } else if position.offset + 1 < bounds.start {
            progress.gap = Some(self.gap(position.offset + 1, bounds).await?);
            progress.position.offset = bounds.start - 1;
            progress.event_id = None;
            self.metrics.gaps.inc();
            tracing::error!(
                kafka.topic = topic.name(),
                kafka.partition = self.logs.partition,
                "{}/{}: events {} up to {} were lost before they were folded; what was verified before counts as unverified",
                topic.name(),
                self.logs.partition,
                position.offset + 1,
                bounds.start - 1
            );
        }
        Ok(progress)
    }

    /// The record at the progress must be the event that was folded there.
    async fn check_event(&self, progress: &Progress) -> Result<(), End> {
        let (topic, offset) = (topic_of(self.input), progress.position.offset);
        let Some(expected) = progress.event_id else {
            return Ok(());
        };
        let record = self.one(topic, offset).await?;
        let found = record
            .iter()
            .next()
            .filter(|record| record.offset == offset);
        let event = found.and_then(|record| wire::decode_event(record.value?).ok());
        match event {
            Some(Decoded::Known(event)) if event.id == expected => Ok(()),
            Some(_) | None => Err(End::Failed(Error::AnotherLog {
                position: progress.position,
            })),
        }
    }

    async fn gap(&self, from: i64, bounds: Bounds) -> Result<Gap, End> {
        let to = bounds.start;
        let mut at = now_ms(&self.logs.clock) / 1_000;
        if bounds.end > to {
            let record = self.one(topic_of(self.input), to).await?;
            at = record
                .iter()
                .next()
                .map_or(at, |record| record.timestamp_ms.div_euclid(1_000));
        }
        Ok(Gap { from, to, at })
    }

    /// The record at an offset, or the first after it.
    async fn one(&self, topic: Topic, offset: i64) -> Result<RecordBatch, End> {
        let start = Start::new(topic.name(), self.logs.partition, At::Offset(offset));
        let mut reader = self.logs.reader(topic, vec![start]).await?;
        let portion = Portion {
            records: 1,
            bytes: RECOVER_BYTES,
            wait: BATCH_WAIT,
        };
        // The record is there, as the bounds say; it may only be slow to come.
        loop {
            let batch = self.logs.next(&mut reader, topic, portion).await?;
            if !batch.is_empty() || reader.reached_all_ends() {
                return Ok(batch);
            }
        }
    }
}
