//! Leading an input partition: read, fold, publish, store, and again.
//!
//! Published in this order, each awaited: changes, states, progress; then the store, then the offset for monitors of lag.
//! A crash anywhere loses nothing, and what it repeats is harmless: changes are the same by version, states the same by position.

use std::time::Duration;

use chassis::{CancellationToken, Clock, health::Check};
use eventlog::{At, Batch, Reader, RecordBatch, Start};
use wire::{
    Progress,
    digest::{RecordHash, record_hash},
    topics::{self, Topic},
};

use crate::{
    error::{End, Error},
    flush::{self, Haste},
    fold::{Folded, Folder},
    follow::{now_ms, state_topics},
    limits::{
        BATCH_BYTES, BATCH_EVENTS, BATCH_WAIT, CATCHING_UP_EVENTS, CATCHING_UP_MAX, HEARTBEAT,
        LAG_EVERY, LINGER, LINGER_MAX,
    },
    logs::{Logs, Portion},
    metrics::{Input, InputLabels, Metrics, PartitionLabels, Published, PublishedLabels},
    outbox::Outbox,
    projection::{Projection, Reached},
    states::{stream_of, topic_of},
    store::meta::{Read, source},
};

/// Name of the consumer group that offsets are committed for; nothing of ours reads them.
const GROUP: &str = "rollcall-projector";

/// Leads one partition of one input.
#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) logs: Logs,
    pub(crate) projection: Projection,
    pub(crate) metrics: Metrics,
    /// Taken out while a batch is folded on a blocking thread.
    pub(crate) folder: Option<Box<Folder>>,
    /// How often progress is written while nothing comes.
    pub(crate) idle_every: Duration,
    /// Ok once it has caught up to the end seen at start.
    pub(crate) caught_up: Check,
    /// Ends the leader between two batches; the log's own token ends it anywhere.
    pub(crate) stop: CancellationToken,
    /// States of the partition were made by this fold, which is newer than ours.
    pub(crate) higher_fold: Option<u32>,
    /// As the last batch was large or small.
    pub(crate) haste: Haste,
}

/// When what was done last, by the monotonic clock.
#[derive(Debug, Default)]
struct Done {
    progress_ms: u64,
    lag_ms: Option<u64>,
    committed: i64,
}

/// What an append made durable: the last record of a partition of a topic, as the store remembers it.
type Last = Option<(i64, RecordHash)>;

impl Leader {
    /// Folds until shutdown.
    pub(crate) async fn run(mut self) -> Result<(), End> {
        let (topic, mut done) = (self.topic()?, Done::default());
        let bounds = self.logs.bounds(topic).await?;
        let target = bounds.end;
        self.projection.set_end(
            stream_of(self.folder()?.input),
            self.logs.partition,
            bounds.end,
        );
        self.tell_reached()?;
        if let Some(fold) = self.higher_fold {
            return self.only_serve(topic, fold).await;
        }
        let next = self.folder()?.progress.position.offset + 1;
        let start = Start::new(topic.name(), self.logs.partition, At::Offset(next));
        let mut reader = self.logs.reader(topic, &start).await?;
        done.progress_ms = self.clock().monotonic_ms();
        loop {
            self.logs.heartbeat.turn();
            let next = self.folder()?.progress.position.offset + 1;
            // Control records of Kafka take offsets and are never given, so the reader may be further.
            if reader.position(0).max(next) >= target {
                self.caught_up.ok();
            } else {
                self.caught_up
                    .failing(format!("{} events behind the start", target - next));
            }
            self.watch_lag(topic, &mut done).await?;
            let portion = Portion {
                records: BATCH_EVENTS,
                bytes: BATCH_BYTES,
                wait: BATCH_WAIT,
            };
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                batch = self.logs.next(&mut reader, topic, portion) => batch?,
            };
            if batch.is_empty() {
                self.idle(&mut done).await?;
            } else {
                self.take(batch, &mut reader).await?;
                done.progress_ms = self.clock().monotonic_ms();
            }
        }
    }

    /// Leaves folding to the newer program that made the states, and goes on answering from them.
    async fn only_serve(&self, topic: Topic, fold: u32) -> Result<(), End> {
        let (topic, partition) = (topic.name(), self.logs.partition);
        tracing::error!(
            kafka.topic = topic,
            kafka.partition = partition,
            "{topic}/{partition} is not folded: its states are of fold {fold}, which this version does not know; run the one that made them"
        );
        self.caught_up.failing(format!(
            "states are of fold {fold}, which this version does not know"
        ));
        loop {
            self.logs.heartbeat.turn();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = self.clock().sleep(HEARTBEAT / 4) => {}
            }
        }
    }

    fn clock(&self) -> &Clock {
        &self.logs.clock
    }

    fn folder(&self) -> Result<&Folder, End> {
        // Only a panic while folding takes it for good.
        self.folder
            .as_deref()
            .ok_or(End::Failed(Error::Panicked { task: "fold" }))
    }

    fn topic(&self) -> Result<Topic, End> {
        Ok(topic_of(self.folder()?.input))
    }

    /// Folds what was read and what comes at once after it, and publishes it.
    async fn take(&mut self, first: RecordBatch, reader: &mut Reader) -> Result<(), End> {
        let (started_ms, topic) = (self.clock().monotonic_ms(), self.topic()?);
        let (mut batch, mut events, mut bytes) = (first, 0, 0);
        loop {
            events += batch.len();
            bytes += batch.bytes();
            self.metrics.event_bytes.inc_by(batch.bytes() as u64);
            self.fold(batch).await?;
            let patience = if events < CATCHING_UP_EVENTS {
                LINGER_MAX
            } else {
                CATCHING_UP_MAX
            };
            let age = Duration::from_millis(self.clock().monotonic_ms().saturating_sub(started_ms));
            if events >= BATCH_EVENTS
                || bytes >= BATCH_BYTES
                || age >= patience
                || self.stop.is_cancelled()
            {
                break;
            }
            let portion = Portion {
                records: BATCH_EVENTS - events,
                bytes: BATCH_BYTES - bytes,
                wait: LINGER,
            };
            batch = self.logs.next(reader, topic, portion).await?;
            if batch.is_empty() {
                break;
            }
        }
        self.haste = if events < CATCHING_UP_EVENTS {
            Haste::KeepingUp
        } else {
            Haste::CatchingUp
        };
        self.metrics.batch_events.observe(events as f64);
        self.publish().await?;
        self.show_cache()
    }

    /// Folds one batch of records; publishes in between only where it must.
    async fn fold(&mut self, batch: RecordBatch) -> Result<(), End> {
        let (mut batch, mut from) = (batch, 0);
        while from < batch.len() {
            let now_ms = now_ms(self.clock());
            let (folded, read) = self
                .with_folder(move |folder| (folder.fold(&batch, from, now_ms), batch))
                .await?;
            batch = read;
            from += folded?;
            if from < batch.len() {
                self.publish().await?;
            }
        }
        Ok(())
    }

    /// Works with the folder on a thread that may block.
    async fn with_folder<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Folder) -> T + Send + 'static,
    ) -> Result<T, End> {
        let panicked = || End::Failed(Error::Panicked { task: "fold" });
        let mut folder = self.folder.take().ok_or_else(panicked)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&mut folder);
            (folder, done)
        });
        let (folder, done) = working.await.map_err(|_| panicked())?;
        self.folder = Some(folder);
        Ok(done)
    }

    fn show_cache(&self) -> Result<(), End> {
        let folder = self.folder()?;
        let labels = PartitionLabels {
            input: folder.input,
            partition: folder.partition,
        };
        let entities = i64::try_from(folder.cache.len()).unwrap_or(i64::MAX);
        self.metrics
            .cache_entities
            .get_or_create(&labels)
            .set(entities);
        Ok(())
    }

    /// Publishes what was folded, and progress; then the store takes it.
    async fn publish(&mut self) -> Result<(), End> {
        let now_ms = now_ms(self.clock());
        let folded = self
            .with_folder(move |folder| folder.finish(now_ms))
            .await?;
        let Folded {
            changes,
            last_change,
            states,
            entries,
            state_bytes,
        } = folded;
        let offset = self
            .append(Topic::Changes, &changes, Published::Changes)
            .await?;
        let last_change: Last = offset.zip(last_change);
        self.append(Topic::Groups, &states, Published::States)
            .await?;
        self.metrics.state_bytes.inc_by(state_bytes);
        let (progress, lasts) = self.publish_progress(now_ms).await?;
        let (input, partition) = (self.topic()?, self.logs.partition);
        self.projection.store().commit(entries, |meta| {
            let mut read = |topic: Topic, last: Last| {
                if let Some((offset, hash)) = last {
                    let read = Read {
                        next: offset + 1,
                        last: Some((offset, hash.to_string())),
                    };
                    meta.read.insert(source(topic.name(), partition), read);
                }
            };
            read(Topic::Changes, last_change);
            for (topic, last) in lasts {
                read(topic, last);
            }
            meta.progress
                .insert(source(input.name(), partition), hex::encode(progress));
        });
        self.tell_reached()?;
        flush::make_room(&self.projection, self.haste).await?;
        Ok(())
    }

    /// Appends all of it, one append after another; gives the offset of its last record.
    async fn append(
        &self,
        topic: Topic,
        outbox: &Outbox,
        kind: Published,
    ) -> Result<Option<i64>, End> {
        let labels = PublishedLabels { kind };
        let mut last = None;
        for batch in &outbox.batches {
            let started_ms = self.clock().monotonic_ms();
            last = self.logs.append(topic, batch).await?.last().copied();
            let took =
                Duration::from_millis(self.clock().monotonic_ms().saturating_sub(started_ms));
            self.metrics
                .append_seconds
                .get_or_create(&labels)
                .observe(took.as_secs_f64());
        }
        self.metrics
            .published
            .get_or_create(&labels)
            .inc_by(outbox.len() as u64);
        Ok(last)
    }

    /// Writes progress into every state topic; gives its bytes for the store, and where it stands.
    async fn publish_progress(&self, now_ms: i64) -> Result<(Vec<u8>, Vec<(Topic, Last)>), End> {
        let folder = self.folder()?;
        let topics = state_topics(folder.input);
        let key = topics::progress_key(self.logs.partition);
        let (mut batch, mut hashes, mut bytes) = (Batch::new(), Vec::new(), Vec::new());
        for topic in topics {
            let digest = folder.digests.of_topic(*topic);
            let progress = Progress {
                digest,
                written_at_ms: now_ms,
                ..folder.progress.clone()
            };
            bytes.clear();
            wire::encode_progress(&progress, &mut bytes);
            let headers = wire::headers::progress(*topic, &progress);
            let headers = headers.each_ref().map(|(name, value)| (*name, &value[..]));
            batch.push(
                topic.name(),
                self.logs.partition,
                &key,
                Some(&bytes),
                &headers,
                now_ms,
            );
            hashes.push(record_hash(&key, &bytes));
        }
        let offsets = self.logs.append(topic_of(folder.input), &batch).await?;
        let labels = PublishedLabels {
            kind: Published::Progress,
        };
        self.metrics
            .published
            .get_or_create(&labels)
            .inc_by(hashes.len() as u64);
        let lasts = offsets.into_iter().zip(hashes).map(Some);
        Ok((bytes, topics.iter().copied().zip(lasts).collect()))
    }

    /// Tells those who wait for a position, and watchers.
    fn tell_reached(&self) -> Result<(), End> {
        let folder = self.folder()?;
        self.projection.reach(Reached {
            position: folder.progress.position,
            gap: folder.progress.gap,
            digests: folder.digests,
        });
        Ok(())
    }

    /// What is done when nothing comes.
    async fn idle(&mut self, done: &mut Done) -> Result<(), End> {
        let now = self.clock().monotonic_ms();
        let since = Duration::from_millis(now.saturating_sub(done.progress_ms));
        if since >= self.idle_every {
            self.publish().await?;
            done.progress_ms = now;
        }
        Ok(())
    }

    /// Once in a while: asks for the end of the input, and commits the offset.
    async fn watch_lag(&mut self, topic: Topic, done: &mut Done) -> Result<(), End> {
        let now = self.clock().monotonic_ms();
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        if done.lag_ms.is_some_and(|then| since(then) < LAG_EVERY) {
            return Ok(());
        }
        done.lag_ms = Some(now);
        let folder = self.folder()?;
        let (input, position) = (folder.input, folder.progress.position);
        let bounds = self.logs.bounds(topic).await?;
        self.projection
            .set_end(stream_of(input), self.logs.partition, bounds.end);
        let labels = PartitionLabels {
            input,
            partition: self.logs.partition,
        };
        let lag = i64::try_from(self.projection.lag(&position)).unwrap_or(i64::MAX);
        self.metrics.lag.get_or_create(&labels).set(lag);
        let next = position.offset + 1;
        if next > done.committed {
            let commit = self
                .logs
                .log
                .commit(GROUP, topic.name(), self.logs.partition, next);
            match commit.await {
                Ok(()) => done.committed = next,
                // The next one repairs it, and only monitors look at it.
                Err(error) => tracing::debug!("commit: {}", chassis::supervise::chain(&error)),
            }
        }
        Ok(())
    }
}

/// Shows how many decoded states an input may keep.
pub(crate) fn show_limit(metrics: &Metrics, input: Input, entities: usize) {
    let limit = i64::try_from(entities).unwrap_or(i64::MAX);
    metrics
        .cache_limit
        .get_or_create(&InputLabels { input })
        .set(limit);
}
