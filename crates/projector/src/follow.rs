//! Reading the state topics and the changes into the store: from where it ends, or from the beginning.
//!
//! Needed before leading a partition; following partitions that others lead is the same, without an end.

use std::collections::BTreeMap;

use bytes::Bytes;
use chassis::Clock;
use domain::{limits::FOLD, position::Position};
use eventlog::{At, Bounds, Reader, RecordBatch, RecordRef, Start};
use wire::{
    Decoded, Gap, Progress,
    digest::record_hash,
    topics::{Key, Topic, parse_key},
};

use crate::{
    error::{End, Error, Misfit},
    flush::{self, Haste},
    limits::{RECOVER_BYTES, RECOVER_RECORDS, RECOVER_WAIT, STORE_AGE_MAX},
    logs::{Logs, Portion},
    metrics::{From, Input, Metrics},
    outbox::{Digests, Outbox, Outgoing},
    projection::Projection,
    states::{decode_state, no_progress, stream_of, topic_of},
    store::{
        self, Entry, keys,
        meta::{Reach, Read, source},
        values::{self, Change, State},
    },
};

/// What a leader starts from.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) progress: Progress,
    pub(crate) digests: Digests,
}

/// Reads one partition's topics up to their ends.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    pub(crate) logs: &'a Logs,
    pub(crate) projection: &'a Projection,
    pub(crate) metrics: &'a Metrics,
    pub(crate) input: Input,
    /// As found in the store; kept up with what is read.
    pub(crate) digests: Digests,
    /// Was anything in the store when it was opened?
    pub(crate) is_fresh: bool,
}

/// What is found out while reading.
#[derive(Debug, Default)]
struct Findings {
    progress: Option<Progress>,
    /// Did the digest at the last progress record match, by topic?
    digest_matches: BTreeMap<&'static str, bool>,
    /// The last records of these keys are older than what stands before them, so these are to be published again.
    stale: BTreeMap<Bytes, Topic>,
    records: u64,
    undecodable: u64,
}

/// The state topics of an input.
pub(crate) fn state_topics(input: Input) -> &'static [Topic] {
    match input {
        Input::Events => &[Topic::Groups, Topic::Requests, Topic::Numbers],
        Input::Receipts => &[Topic::Messages],
    }
}

impl Follower<'_> {
    /// Reads what the store lacks and finds out where folding goes on.
    pub(crate) async fn recover(mut self) -> Result<Recovered, End> {
        let mut findings = Findings::default();
        for topic in state_topics(self.input) {
            self.read_states(*topic, &mut findings).await?;
        }
        let lacks_history = self.input == Input::Events && self.read_changes().await?;
        self.metrics
            .count_recovered(From::StateTopic, findings.records);
        self.check_digests(&findings)?;
        let stored = self.stored_progress();
        let progress = later(findings.progress.take(), stored);
        let progress = progress.unwrap_or_else(|| {
            no_progress(
                self.input,
                self.logs.partition,
                self.projection.partitions(),
            )
        });
        let (topic, partition) = (topic_of(self.input).name(), self.logs.partition);
        tracing::info!(
            kafka.partition = partition,
            "{topic}/{partition}: {} states read again, folding goes on after {}",
            findings.records,
            progress.position
        );
        self.publish_again(&findings).await?;
        let progress = self.check_input(progress).await?;
        Ok(Recovered {
            progress,
            digests: self.digests,
        })
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

    async fn read_states(&mut self, topic: Topic, findings: &mut Findings) -> Result<(), End> {
        let (start, bounds, read) = self.start(topic).await?;
        let next = read.as_ref().map_or(bounds.start, |read| read.next);
        let mut reader = self.logs.reader(topic, &start).await?;
        let mut last = read.clone().and_then(|read| read.last);
        while !reader.reached_all_ends() {
            let batch = self.next(&mut reader, topic).await?;
            check_last(&batch, read.as_ref())?;
            let mut entries = BTreeMap::new();
            for record in batch.iter().filter(|record| record.offset >= next) {
                self.take_state(topic, record, &mut entries, findings)?;
            }
            last = last_of(&batch).or(last);
            let read = Read {
                next: reader.position(0),
                last: last.clone(),
            };
            let name = source(topic.name(), self.logs.partition);
            let entries = entries.into_iter().map(|(key, state): (_, Option<State>)| {
                (keys::state(&key), state.map(|state| state.encode()))
            });
            self.commit(entries.collect(), |meta| {
                meta.read.insert(name, read);
            })
            .await?;
        }
        Ok(())
    }

    async fn next(&self, reader: &mut Reader, topic: Topic) -> Result<RecordBatch, End> {
        let portion = Portion {
            records: RECOVER_RECORDS,
            bytes: RECOVER_BYTES,
            wait: RECOVER_WAIT,
        };
        self.logs.next(reader, topic, portion).await
    }

    /// Takes one record of a state topic in; `entries` is what this batch will write, newest last.
    fn take_state(
        &mut self,
        topic: Topic,
        record: RecordRef<'_>,
        entries: &mut BTreeMap<Bytes, Option<State>>,
        findings: &mut Findings,
    ) -> Result<(), End> {
        match parse_key(record.key) {
            Some(Key::Progress(partition)) if partition == self.logs.partition => {
                let decoded = record.value.map(wire::decode_progress);
                if let Some(Ok(progress)) = decoded {
                    self.take_progress(topic, progress, findings);
                } else {
                    self.skip(topic, &record, findings);
                }
                return Ok(());
            }
            Some(Key::Entity(_)) => {}
            Some(Key::Progress(_)) | None => {
                self.skip(topic, &record, findings);
                return Ok(());
            }
        }
        findings.records += 1;
        let key = Bytes::copy_from_slice(record.key);
        let held = match entries.get(&key) {
            Some(held) => held.clone(),
            None => self.projection.store().state(&key)?,
        };
        let new = match record.value {
            None => None,
            Some(value) => match self.state_of(topic, &record, value)? {
                Some(state) => Some(state),
                None => {
                    self.skip(topic, &record, findings);
                    return Ok(());
                }
            },
        };
        if let (Some(held), Some(new)) = (&held, &new)
            && held.is_after(new)
        {
            findings.stale.insert(key, topic);
            return Ok(());
        }
        findings.stale.remove(&key);
        if let Some(counted) = self.digests.of(&key) {
            let hash = |state: &Option<State>| {
                state.as_ref().map(|state| record_hash(&key, &state.record))
            };
            counted.replace(hash(&held), hash(&new));
        }
        let decoded = new
            .as_ref()
            .and_then(|state| decode_state(&key, &state.record));
        self.projection
            .index()
            .update(&key, decoded.as_ref(), self.logs.partition);
        entries.insert(key, new);
        Ok(())
    }

    /// A state as the store keeps it; `None` if the record is none.
    fn state_of(
        &self,
        topic: Topic,
        record: &RecordRef<'_>,
        value: &[u8],
    ) -> Result<Option<State>, End> {
        let Ok(Some(head)) = wire::peek(value) else {
            return Ok(None);
        };
        if head.fold > FOLD {
            return Err(End::Failed(Error::HigherFold {
                topic: topic.name(),
                partition: self.logs.partition,
                fold: head.fold,
            }));
        }
        Ok(Some(State {
            generation: head.envelope.position.generation,
            offset: head.envelope.position.offset,
            at_ms: record.timestamp_ms,
            record: Bytes::copy_from_slice(value),
        }))
    }

    fn take_progress(&mut self, topic: Topic, progress: Progress, findings: &mut Findings) {
        let digest = self.digests.of_topic(topic);
        if let (Some(ours), Some(theirs)) = (digest, progress.digest) {
            findings.digest_matches.insert(topic.name(), ours == theirs);
        }
        findings.progress = later(findings.progress.take(), Some(progress));
    }

    fn skip(&self, topic: Topic, record: &RecordRef<'_>, findings: &mut Findings) {
        findings.undecodable += 1;
        let (topic, partition, offset) = (topic.name(), self.logs.partition, record.offset);
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = offset,
            "record at {topic}/{partition}/{offset} skipped: no state"
        );
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

    /// Reads the changes that history lacks; says whether all of them are gone from the log.
    async fn read_changes(&mut self) -> Result<bool, End> {
        let topic = Topic::Changes;
        let (start, bounds, read) = self.start(topic).await?;
        let next = read.as_ref().map_or(bounds.start, |read| read.next);
        let mut begins = (read.is_none() && bounds.start > 0).then_some(Reach::default());
        let mut reader = self.logs.reader(topic, &start).await?;
        let mut last = read.clone().and_then(|read| read.last);
        let mut newest: Option<Reach> = None;
        while !reader.reached_all_ends() {
            let batch = self.next(&mut reader, topic).await?;
            check_last(&batch, read.as_ref())?;
            let (mut entries, mut changes) = (Vec::new(), Vec::new());
            for record in batch.iter().filter(|record| record.offset >= next) {
                self.take_change(
                    record,
                    (&mut newest, &mut begins),
                    &mut entries,
                    &mut changes,
                )?;
            }
            // A batch spans little time, so its last record's stands for all.
            let at_ms = batch.iter().last().map_or(0, |record| record.timestamp_ms);
            for changes in changes.chunk_by(|(one, _): &(Position, Change), (other, _)| {
                one.generation == other.generation
            }) {
                let stored: Vec<Change> =
                    changes.iter().map(|(_, change)| change.clone()).collect();
                entries.extend(
                    changes
                        .first()
                        .into_iter()
                        .flat_map(|(version, _)| store::chunks(version, at_ms, &stored)),
                );
            }
            last = last_of(&batch).or(last);
            let (partition, name) = (
                self.logs.partition,
                source(topic.name(), self.logs.partition),
            );
            let read = Read {
                next: reader.position(0),
                last: last.clone(),
            };
            self.commit(entries, |meta| {
                meta.read.insert(name, read);
                if let Some(begins) = begins.filter(|begins| *begins != Reach::default()) {
                    meta.history_after.entry(partition).or_insert(begins);
                }
            })
            .await?;
        }
        Ok(begins.is_some_and(|begins| begins == Reach::default()))
    }

    fn take_change(
        &self,
        record: RecordRef<'_>,
        (newest, begins): (&mut Option<Reach>, &mut Option<Reach>),
        entries: &mut Vec<Entry>,
        changes: &mut Vec<(Position, Change)>,
    ) -> Result<(), End> {
        let decoded = record.value.map(wire::decode_change);
        let Some(Ok(Decoded::Known(change))) = decoded else {
            self.skip(Topic::Changes, &record, &mut Findings::default());
            return Ok(());
        };
        let reach = Reach::from(&change.version);
        if begins.is_some_and(|begins| begins == Reach::default()) {
            *begins = Some(Reach {
                offset: reach.offset - 1,
                ..reach
            });
        }
        let newest = match newest {
            Some(newest) => newest,
            None => {
                let store = self.projection.store();
                let offset = store
                    .last_change(reach.generation, self.logs.partition)?
                    .unwrap_or(-1);
                newest.insert(Reach { offset, ..reach })
            }
        };
        // A change that was published again after a crash is the same change.
        if reach <= *newest {
            return Ok(());
        }
        *newest = reach;
        let stored = Change {
            offset: change.version.offset,
            record: Bytes::copy_from_slice(record.value.unwrap_or_default()),
        };
        changes.push((change.version, stored));
        if change.is_forgotten {
            let ended = values::Ended {
                version: change.version,
                at_ms: record.timestamp_ms,
            };
            entries.push((keys::ended(record.key), Some(ended.encode())));
        }
        Ok(())
    }

    async fn commit(
        &self,
        entries: Vec<Entry>,
        edit: impl FnOnce(&mut store::meta::Meta),
    ) -> Result<(), End> {
        self.projection.store().commit(entries, edit);
        flush::make_room(self.projection, Haste::CatchingUp).await?;
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

/// The one that has come further.
fn later(one: Option<Progress>, other: Option<Progress>) -> Option<Progress> {
    match (one, other) {
        (Some(one), Some(other)) if other.position.is_after(&one.position) => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

pub(crate) fn now_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now_ms()).unwrap_or(i64::MAX)
}
