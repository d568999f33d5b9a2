//! Leading an input partition: read, fold, publish, store, and again.
//!
//! Published in this order, each awaited: changes, states, progress; then the store, then the offset for monitors of lag.
//! A crash anywhere loses nothing, and what it repeats is harmless: changes are the same by version, states the same by position.

use std::{collections::BTreeMap, time::Duration};

use chassis::Clock;
use eventlog::{At, Batch, Reader, RecordBatch, Start};
use wire::{
    Progress,
    digest::{RecordHash, record_hash},
    topics::{self, Topic},
};

use crate::{
    error::{End, Error},
    flush,
    fold::{Folded, Folder},
    follow::{Following, now_ms, state_topics},
    limits::{
        BATCH_BYTES, BATCH_EVENTS, BATCH_EVERY, BATCH_WAIT, CATCHING_UP_MAX, COMMIT_EVERY,
        FOLD_MAX, LINGER, PATIENCE_PER_EVENT, READ_BYTES, READ_EVENTS,
    },
    logs::Portion,
    metrics::{Input, InputLabels, Metrics, PartitionLabels, Published, PublishedLabels},
    outbox::Outbox,
    projection::Reached,
    seat::Seat,
    states::{stream_of, topic_of},
    steps::Step,
    store::meta::{Reach, Read, source},
};

/// How a panic while folding ends.
const PANICKED: End = End::Failed(Error::Panicked { task: "fold" });

/// Leads one partition of one input.
#[derive(Debug)]
pub(crate) struct Leader<'a> {
    seat: &'a mut Seat,
    /// Taken out while a batch is folded on a blocking thread.
    folder: Option<Box<Folder>>,
    /// The next offset of each topic that is published to, if nobody else writes there.
    next: BTreeMap<Topic, i64>,
    /// When progress was written last, by the monotonic clock.
    progress_ms: u64,
    /// When a batch was begun last.
    batch_ms: Option<u64>,
    /// When an offset was noted last, and which.
    noted: Option<(u64, i64)>,
}

/// Why leading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Shutdown began.
    Stopped,
    /// The group has given the partition to another instance.
    Revoked,
    /// Somebody else has written to the topics: a former leader, late, or a later one that this instance has not heard of.
    Disturbed,
}

/// What an append made durable: the last record of a partition of a topic, as the store remembers it.
type Last = Option<(i64, RecordHash)>;

impl<'a> Leader<'a> {
    pub(crate) fn new(seat: &'a mut Seat, following: &Following, folder: Folder) -> Self {
        let mut next = BTreeMap::new();
        for topic in state_topics(seat.input) {
            next.insert(*topic, following.next(*topic));
        }
        next.insert(Topic::Changes, following.next(Topic::Changes));
        let progress_ms = seat.logs.clock.monotonic_ms();
        Self {
            seat,
            folder: Some(Box::new(folder)),
            next,
            progress_ms,
            batch_ms: None,
            noted: None,
        }
    }

    /// Folds until shutdown, or until another leads; gives the folder back.
    pub(crate) async fn run(mut self) -> Result<(Left, Box<Folder>), End> {
        let topic = self.topic();
        let bounds = self.seat.logs.bounds(topic).await?;
        let target = bounds.end;
        let stream = stream_of(self.seat.input);
        let partition = self.seat.logs.partition;
        self.seat.projection.set_end(stream, partition, bounds.end);
        let next = self.folder()?.progress.position.offset + 1;
        let start = Start::new(topic.name(), partition, At::Offset(next));
        let mut reader = self.seat.logs.reader(topic, vec![start]).await?;
        // A gap is told, and followers hear of the new leader, before anything comes.
        let mut is_alone = self.publish().await?;
        let left = loop {
            self.seat.logs.heartbeat.turn();
            if !is_alone {
                break Left::Disturbed;
            }
            if !self.seat.mandate.is_held() {
                break Left::Revoked;
            }
            let next = self.folder()?.progress.position.offset + 1;
            // Control records of Kafka take offsets and are never given, so the reader may be further.
            if reader.position(0).max(next) >= target {
                self.seat.caught_up();
            } else if !self.seat.is_caught_up {
                self.seat
                    .caught_up
                    .failing(format!("{} events behind the start", target - next));
            }
            self.note_offset(next);
            let portion = Portion {
                records: READ_EVENTS,
                bytes: READ_BYTES,
                wait: BATCH_WAIT,
            };
            let rest = self.rest()?;
            let batch = tokio::select! {
                biased;
                () = self.seat.stop.cancelled() => break Left::Stopped,
                () = self.seat.mandate.changed() => continue,
                batch = async {
                    if !rest.is_zero() {
                        self.seat.logs.clock.sleep(rest).await;
                    }
                    self.seat.logs.next(&mut reader, topic, portion).await
                } => batch?,
            };
            is_alone = if batch.is_empty() {
                self.idle().await?
            } else {
                self.take(batch, &mut reader).await?
            };
        };
        let folder = self.folder.take().ok_or(PANICKED)?;
        Ok((left, folder))
    }

    fn clock(&self) -> &Clock {
        &self.seat.logs.clock
    }

    fn folder(&self) -> Result<&Folder, End> {
        // Only a panic while folding takes it for good.
        self.folder.as_deref().ok_or(PANICKED)
    }

    fn topic(&self) -> Topic {
        topic_of(self.seat.input)
    }

    /// Folds what was read and what comes at once after it, and publishes it; says whether nobody else does.
    async fn take(&mut self, first: RecordBatch, reader: &mut Reader) -> Result<bool, End> {
        let (started_ms, topic) = (self.clock().monotonic_ms(), self.topic());
        self.batch_ms = Some(started_ms);
        let (mut batch, mut events, mut bytes) = (first, 0, 0);
        let patience = self.patience()?;
        let linger = if patience > FOLD_MAX {
            LINGER
        } else {
            Duration::ZERO
        };
        loop {
            events += batch.len();
            bytes += batch.bytes();
            self.seat.metrics.event_bytes.inc_by(batch.bytes() as u64);
            self.seat.steps.taken(Step::EventsRead);
            if !self.fold(batch).await? {
                return Ok(false);
            }
            self.seat.steps.taken(Step::EventsFolded);
            let age = Duration::from_millis(self.clock().monotonic_ms().saturating_sub(started_ms));
            if events >= BATCH_EVENTS
                || bytes >= BATCH_BYTES
                || age >= patience
                || self.folder()?.is_full()
                || self.seat.stop.is_cancelled()
            {
                break;
            }
            let portion = Portion {
                records: READ_EVENTS.min(BATCH_EVENTS - events),
                bytes: READ_BYTES.min(BATCH_BYTES - bytes),
                wait: linger,
            };
            batch = self.seat.logs.next(reader, topic, portion).await?;
            if batch.is_empty() {
                break;
            }
        }
        self.seat.metrics.batch_events.observe(events as f64);
        let is_alone = self.publish().await?;
        self.show_cache()?;
        Ok(is_alone)
    }

    /// How long to go on folding before publishing: the longer, the more there is to fold.
    fn patience(&self) -> Result<Duration, End> {
        let lag = self.seat.projection.lag(&self.folder()?.progress.position);
        let lag = u32::try_from(lag).unwrap_or(u32::MAX);
        Ok(PATIENCE_PER_EVENT
            .saturating_mul(lag)
            .clamp(FOLD_MAX, CATCHING_UP_MAX))
    }

    /// How long to let events gather before the next batch.
    fn rest(&self) -> Result<Duration, End> {
        let Some(began_ms) = self.batch_ms else {
            return Ok(Duration::ZERO);
        };
        if self.patience()? > FOLD_MAX {
            return Ok(Duration::ZERO);
        }
        let since = self.clock().monotonic_ms().saturating_sub(began_ms);
        Ok(BATCH_EVERY.saturating_sub(Duration::from_millis(since)))
    }

    /// Folds one batch of records; publishes in between only where it must. Says whether nobody else does.
    async fn fold(&mut self, batch: RecordBatch) -> Result<bool, End> {
        let (mut batch, mut from) = (batch, 0);
        while from < batch.len() {
            let now_ms = now_ms(self.clock());
            let (folded, read) = self
                .with_folder(move |folder| (folder.fold(&batch, from, now_ms), batch))
                .await?;
            batch = read;
            from += folded?;
            if from < batch.len() && !self.publish().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Works with the folder on a thread that may block.
    async fn with_folder<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Folder) -> T + Send + 'static,
    ) -> Result<T, End> {
        let mut folder = self.folder.take().ok_or(PANICKED)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&mut folder);
            (folder, done)
        });
        let (folder, done) = working.await.map_err(|_| PANICKED)?;
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
        self.seat
            .metrics
            .cache_entities
            .get_or_create(&labels)
            .set(entities);
        Ok(())
    }

    /// Publishes what was folded, and progress; then the store takes it. Says whether nobody else has written to these topics.
    async fn publish(&mut self) -> Result<bool, End> {
        let now_ms = now_ms(self.clock());
        let folded = self
            .with_folder(move |folder| folder.finish(now_ms))
            .await?;
        self.seat.steps.taken(Step::StatesEncoded);
        let Folded {
            changes,
            last_change,
            states,
            entries,
            state_bytes,
            spans,
        } = folded;
        let changes_next = self.next.get(&Topic::Changes).copied().unwrap_or(0);
        let last = self
            .append(Topic::Changes, &changes, Published::Changes)
            .await?;
        let mut is_alone = true;
        if let Some(last) = last {
            is_alone = last + 1 == changes_next + changes.count(Topic::Changes);
            self.next.insert(Topic::Changes, last + 1);
        }
        self.seat.steps.taken(Step::ChangesPublished);
        let last_change: Last = last.zip(last_change);
        self.append(Topic::Groups, &states, Published::States)
            .await?;
        self.seat.steps.taken(Step::StatesPublished);
        self.seat.metrics.state_bytes.inc_by(state_bytes);
        let (progress, lasts) = self.publish_progress(now_ms).await?;
        for (topic, last) in &lasts {
            let Some((offset, _)) = last else { continue };
            if let Some(next) = self.next.insert(*topic, offset + 1) {
                is_alone &= *offset == next + states.count(*topic);
            }
        }
        self.seat.steps.taken(Step::ProgressPublished);
        let (input, partition) = (self.topic(), self.seat.logs.partition);
        self.seat.projection.store().commit(entries, |meta| {
            let mut read = |topic: Topic, last: Last| {
                if let Some((offset, hash)) = last {
                    let read = Read {
                        next: offset + 1,
                        last: Some((offset, hash.to_string())),
                    };
                    meta.read.insert(source(topic.name(), partition), read);
                }
            };
            // What somebody else wrote in between is to be read: from where this leader knew all of it.
            if is_alone {
                read(Topic::Changes, last_change);
                for (topic, last) in lasts {
                    read(topic, last);
                }
            }
            meta.progress
                .insert(source(input.name(), partition), hex::encode(progress));
        });
        self.seat.steps.taken(Step::BatchKept);
        self.tell_reached(now_ms)?;
        drop(spans);
        self.progress_ms = self.clock().monotonic_ms();
        flush::make_room(&self.seat.projection).await?;
        Ok(is_alone)
    }

    /// Appends all of it, one append after another; gives the offset of its last record.
    async fn append(
        &self,
        topic: Topic,
        outbox: &Outbox,
        kind: Published,
    ) -> Result<Option<i64>, End> {
        let (labels, metrics) = (PublishedLabels { kind }, &self.seat.metrics);
        let mut last = None;
        for batch in &outbox.batches {
            let started_ms = self.clock().monotonic_ms();
            last = self.seat.logs.append(topic, batch).await?.last().copied();
            let took =
                Duration::from_millis(self.clock().monotonic_ms().saturating_sub(started_ms));
            metrics
                .append_seconds
                .get_or_create(&labels)
                .observe(took.as_secs_f64());
        }
        metrics
            .published
            .get_or_create(&labels)
            .inc_by(outbox.len() as u64);
        Ok(last)
    }

    /// Writes progress into every state topic; gives its bytes for the store, and where it stands.
    async fn publish_progress(&self, now_ms: i64) -> Result<(Vec<u8>, Vec<(Topic, Last)>), End> {
        let (folder, logs) = (self.folder()?, &self.seat.logs);
        let topics = state_topics(folder.input);
        let key = topics::progress_key(logs.partition);
        let changes_next = match folder.input {
            Input::Events => self.next.get(&Topic::Changes).copied().unwrap_or(0),
            Input::Receipts => 0,
        };
        let (mut batch, mut hashes, mut bytes) = (Batch::new(), Vec::new(), Vec::new());
        for topic in topics {
            // A former leader may have published states and died before their progress: until they are folded again,
            // what is held is not what was held at this position.
            let counted = folder.digests.counted(*topic);
            let at = Reach::from(&folder.progress.position);
            let counted = counted.filter(|counted| counted.newest <= at);
            let progress = Progress {
                digest: counted.map(|counted| counted.digest),
                written_at_ms: now_ms,
                changes_next,
                ..folder.progress.clone()
            };
            bytes.clear();
            wire::encode_progress(&progress, &mut bytes);
            let headers = wire::headers::progress(*topic, &progress);
            let headers = headers.each_ref().map(|(name, value)| (*name, &value[..]));
            batch.push(
                topic.name(),
                logs.partition,
                &key,
                Some(&bytes),
                &headers,
                now_ms,
            );
            hashes.push(record_hash(&key, &bytes));
        }
        let offsets = logs.append(topic_of(folder.input), &batch).await?;
        let labels = PublishedLabels {
            kind: Published::Progress,
        };
        self.seat
            .metrics
            .published
            .get_or_create(&labels)
            .inc_by(hashes.len() as u64);
        let lasts = offsets.into_iter().zip(hashes).map(Some);
        Ok((bytes, topics.iter().copied().zip(lasts).collect()))
    }

    /// Tells those who wait for a position, and watchers.
    fn tell_reached(&self, now_ms: i64) -> Result<(), End> {
        let folder = self.folder()?;
        let position = folder.progress.position;
        let (mut digests, mut digests_at) = (folder.digests, position);
        let newest = digests.groups.newest.max(digests.numbers.newest);
        if newest > Reach::from(&position)
            && let Some(held) = self
                .seat
                .projection
                .reached(position.stream, position.partition)
        {
            (digests, digests_at) = (held.digests, held.digests_at);
        }
        self.seat.projection.reach(Reached {
            position,
            gap: folder.progress.gap,
            digests,
            digests_at,
            written_at_ms: now_ms,
        });
        self.seat.steps.taken(Step::PositionLed);
        Ok(())
    }

    /// What is done when nothing comes; says whether nobody else publishes.
    async fn idle(&mut self) -> Result<bool, End> {
        let now = self.clock().monotonic_ms();
        let since = Duration::from_millis(now.saturating_sub(self.progress_ms));
        if since < self.seat.idle_every {
            return Ok(true);
        }
        self.publish().await
    }

    /// Once in a while: notes the offset for monitors of lag.
    fn note_offset(&mut self, next: i64) {
        let now = self.clock().monotonic_ms();
        let is_due = self.noted.is_none_or(|(then, noted)| {
            next > noted && Duration::from_millis(now.saturating_sub(then)) >= COMMIT_EVERY
        });
        if is_due {
            self.seat.mandate.commit(next);
            self.noted = Some((now, next));
            self.seat.steps.taken(Step::OffsetNoted);
        }
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
