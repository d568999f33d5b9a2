//! Reading the state topics and the changes into the store: from where it ends, or from the beginning.
//!
//! Needed before leading a partition; following partitions that others lead is the same, without an end.

use chassis::Clock;
use domain::{limits::FOLD, position::Position};
use eventlog::{At, Bounds, RecordBatch, Start};
use wire::{Decoded, Gap, Progress, digest::record_hash, topics::Topic};

use crate::{
    error::{End, Error, Misfit},
    flush::{self, Haste},
    intake::{Findings, Intake, later},
    limits::{RECOVER_BYTES, RECOVER_RECORDS, RECOVER_WAIT, STORE_AGE_MAX},
    logs::{Logs, Portion},
    metrics::{From, Input, Metrics},
    outbox::{Digests, Outbox, Outgoing},
    projection::Projection,
    states::{no_progress, stream_of, topic_of},
    store::{
        Entry,
        meta::{Reach, Read, source},
    },
};

/// How a panic while records are taken in ends.
const PANICKED: End = End::Failed(Error::Panicked { task: "follow" });

/// What a leader starts from.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) progress: Progress,
    pub(crate) digests: Digests,
    /// States were made by this fold, which this program does not know: it may serve them, and not fold on.
    pub(crate) higher_fold: Option<u32>,
}

/// Reads one partition's topics up to their ends.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) logs: Logs,
    pub(crate) projection: Projection,
    pub(crate) metrics: Metrics,
    pub(crate) input: Input,
    /// Was nothing in the store when it was opened?
    pub(crate) is_fresh: bool,
    /// Taken out while it works on a blocking thread.
    pub(crate) intake: Option<Box<Intake>>,
}

/// The state topics of an input.
pub(crate) fn state_topics(input: Input) -> &'static [Topic] {
    match input {
        Input::Events => &[Topic::Groups, Topic::Requests, Topic::Numbers],
        Input::Receipts => &[Topic::Messages],
    }
}

impl Follower {
    /// Reads what the store lacks and finds out where folding goes on.
    pub(crate) async fn recover(mut self) -> Result<(Logs, Recovered), End> {
        for topic in state_topics(self.input) {
            self.read(*topic).await?;
        }
        if self.input == Input::Events {
            self.read(Topic::Changes).await?;
        }
        let intake = self.intake.take().ok_or(PANICKED)?;
        let Intake {
            digests, findings, ..
        } = *intake;
        self.metrics
            .count_recovered(From::StateTopic, findings.records);
        self.check_digests(&findings)?;
        let (topic, partition) = (topic_of(self.input).name(), self.logs.partition);
        let progress = later(findings.progress.clone(), self.stored_progress());
        let progress = progress
            .unwrap_or_else(|| no_progress(self.input, partition, self.projection.partitions()));
        tracing::info!(
            kafka.partition = partition,
            "{topic}/{partition}: {} states read again, folding goes on after {}",
            findings.records,
            progress.position
        );
        let higher_fold = findings
            .higher_fold
            .max(Some(progress.fold).filter(|fold| *fold > FOLD));
        let progress = match higher_fold {
            Some(_) => progress,
            None => {
                self.publish_again(&findings).await?;
                self.check_input(progress).await?
            }
        };
        let recovered = Recovered {
            progress,
            digests,
            higher_fold,
        };
        Ok((self.logs, recovered))
    }

    /// Reads a topic from where the store ends, or from its beginning.
    async fn read(&mut self, topic: Topic) -> Result<(), End> {
        let (start, bounds, read) = self.start(topic).await?;
        let from = read.as_ref().map_or(bounds.start, |read| read.next);
        let mut reader = self.logs.reader(topic, &start).await?;
        let mut last = read.clone().and_then(|read| read.last);
        while !reader.reached_all_ends() {
            let portion = Portion {
                records: RECOVER_RECORDS,
                bytes: RECOVER_BYTES,
                wait: RECOVER_WAIT,
            };
            let batch = self.logs.next(&mut reader, topic, portion).await?;
            check_last(&batch, read.as_ref())?;
            last = last_of(&batch).or(last);
            let entries = self.take(topic, batch, from).await?;
            let now = Read {
                next: reader.position(0),
                last: last.clone(),
            };
            let name = source(topic.name(), self.logs.partition);
            self.projection.store().commit(entries, |meta| {
                meta.read.insert(name, now);
            });
            flush::make_room(&self.projection, Haste::CatchingUp).await?;
        }
        if topic == Topic::Changes && read.is_none() && bounds.start > 0 {
            self.begin_history(bounds)?;
        }
        Ok(())
    }

    /// Works on a batch where blocking is allowed.
    async fn take(
        &mut self,
        topic: Topic,
        batch: RecordBatch,
        from: i64,
    ) -> Result<Vec<Entry>, End> {
        let mut intake = self.intake.take().ok_or(PANICKED)?;
        let working = tokio::task::spawn_blocking(move || {
            let entries = match topic {
                Topic::Changes => intake.changes(&batch, from),
                Topic::Events
                | Topic::Receipts
                | Topic::Groups
                | Topic::Messages
                | Topic::Requests
                | Topic::Numbers
                | Topic::Quarantine => intake.states(topic, &batch, from),
            };
            (intake, entries)
        });
        let (intake, entries) = working.await.map_err(|_| PANICKED)?;
        self.intake = Some(intake);
        entries
    }

    /// Notes that older changes are gone from the log: history begins with the first that was read, if any is left.
    fn begin_history(&self, bounds: Bounds) -> Result<(), End> {
        let intake = self.intake.as_ref().ok_or(PANICKED)?;
        let findings = &intake.findings;
        let progress = findings
            .progress
            .as_ref()
            .map(|progress| Reach::from(&progress.position));
        let begins = findings.first_change.or(progress).unwrap_or(Reach {
            generation: 1,
            offset: bounds.start,
        });
        let partition = self.logs.partition;
        self.projection.store().commit(Vec::new(), |meta| {
            meta.history_after.entry(partition).or_insert(begins);
        });
        Ok(())
    }

    fn stored_progress(&self) -> Option<Progress> {
        let name = source(topic_of(self.input).name(), self.logs.partition);
        let meta = self.projection.store().meta();
        let bytes = hex::decode(meta.progress.get(&name)?).ok()?;
        wire::decode_progress(&bytes).ok()
    }

    /// Where to start in a topic, or why the store does not fit it.
    async fn start(&self, topic: Topic) -> Result<(Start, Bounds, Option<Read>), End> {
        let bounds = self.logs.bounds(topic).await?;
        let meta = self.projection.store().meta();
        let read = meta
            .read
            .get(&source(topic.name(), self.logs.partition))
            .cloned();
        let Some(read) = read else {
            return Ok((
                Start::new(topic.name(), self.logs.partition, At::Offset(bounds.start)),
                bounds,
                None,
            ));
        };
        if read.next > bounds.end {
            return Err(Misfit::Foreign.into());
        }
        if read.next < bounds.start {
            return Err(Misfit::TooOld.into());
        }
        let age = now_ms(&self.logs.clock).saturating_sub(meta.at_ms);
        let is_old = u128::try_from(age).is_ok_and(|age| age > STORE_AGE_MAX.as_millis());
        if is_old && read.next < bounds.end {
            return Err(Misfit::TooOld.into());
        }
        let last = read.last.as_ref().map(|(offset, _)| *offset);
        let from = last
            .filter(|last| *last >= bounds.start)
            .unwrap_or(read.next);
        Ok((
            Start::new(topic.name(), self.logs.partition, At::Offset(from)),
            bounds,
            Some(read),
        ))
    }

    /// A digest that differs means that the store is wrong, or, if it was just read from the log, the log.
    fn check_digests(&self, findings: &Findings) -> Result<(), End> {
        for (topic, _) in findings
            .digest_matches
            .iter()
            .filter(|(_, matches)| !**matches)
        {
            self.metrics.digest_mismatches.inc();
            if !self.is_fresh {
                return Err(Misfit::Digest.into());
            }
            tracing::error!(
                kafka.topic = topic,
                kafka.partition = self.logs.partition,
                "{topic}/{}: the states do not have the digest of their progress record",
                self.logs.partition
            );
        }
        Ok(())
    }

    /// Publishes what a former leader's late write has covered.
    async fn publish_again(&self, findings: &Findings) -> Result<(), End> {
        let mut outbox = Outbox::default();
        let at_ms = now_ms(&self.logs.clock);
        for (key, topic) in &findings.stale {
            let Some(state) = self.projection.store().state(key)? else {
                continue;
            };
            let position = Position {
                generation: state.generation,
                offset: state.offset,
                partition: self.logs.partition,
                stream: stream_of(self.input),
            };
            let record = Outgoing {
                key,
                value: Some(&state.record),
                headers: wire::headers::state(*topic, key, &position, at_ms / 1_000),
                at_ms,
            };
            outbox.push(*topic, self.logs.partition, record);
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
        let mut reader = self.logs.reader(topic, &start).await?;
        let portion = Portion {
            records: 1,
            bytes: RECOVER_BYTES,
            wait: RECOVER_WAIT,
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

/// Another record where the last one that was taken in stood: another log.
fn check_last(batch: &RecordBatch, read: Option<&Read>) -> Result<(), End> {
    let Some((offset, hash)) = read.and_then(|read| read.last.as_ref()) else {
        return Ok(());
    };
    let found = batch.iter().find(|record| record.offset == *offset);
    match found {
        Some(record)
            if record_hash(record.key, record.value.unwrap_or_default()).to_string() != *hash =>
        {
            Err(Misfit::Foreign.into())
        }
        Some(_) | None => Ok(()),
    }
}

fn last_of(batch: &RecordBatch) -> Option<(i64, String)> {
    let record = batch.iter().last()?;
    let hash = record_hash(record.key, record.value.unwrap_or_default());
    Some((record.offset, hash.to_string()))
}

pub(crate) fn now_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now_ms()).unwrap_or(i64::MAX)
}
