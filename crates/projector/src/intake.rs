//! Taking records of the state topics and the changes into the store: the part of following that reads the store, and so may block.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::{limits::FOLD, position::Position};
use eventlog::{RecordBatch, RecordRef};
use wire::{
    Decoded, Progress,
    digest::record_hash,
    topics::{Key, Topic, parse_key},
};

use crate::{
    error::End,
    outbox::Digests,
    projection::Projection,
    states::decode_state,
    store::{
        self, Entry, keys,
        meta::Reach,
        values::{self, Change, State},
    },
};

/// What is found out while reading one partition.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The progress record that has come furthest.
    pub(crate) progress: Option<Progress>,
    /// Did the digest at the last progress record match, by topic?
    pub(crate) digest_matches: BTreeMap<&'static str, bool>,
    /// The last records of these keys are older than what stands before them, so these are to be published again.
    pub(crate) stale: BTreeMap<Bytes, Topic>,
    /// The highest fold above our own that a state was made by.
    pub(crate) higher_fold: Option<u32>,
    /// Records of states that were read.
    pub(crate) records: u64,
    /// The newest change.
    pub(crate) newest_change: Option<Reach>,
    /// The place before the first change that was read.
    pub(crate) first_change: Option<Reach>,
}

/// Takes records of one partition in.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) projection: Projection,
    pub(crate) partition: u32,
    /// Of what was taken in, with what the store held before.
    pub(crate) digests: Digests,
    pub(crate) findings: Findings,
}

impl Intake {
    /// Takes the records of a state topic from offset `from` on; gives what the store is to take.
    pub(crate) fn states(
        &mut self,
        topic: Topic,
        batch: &RecordBatch,
        from: i64,
    ) -> Result<Vec<Entry>, End> {
        let mut states: BTreeMap<Bytes, Option<State>> = BTreeMap::new();
        for record in batch.iter().filter(|record| record.offset >= from) {
            match (parse_key(record.key), record.value) {
                (Some(Key::Progress(partition)), Some(value)) if partition == self.partition => {
                    match wire::decode_progress(value) {
                        Ok(progress) => self.progress(topic, progress),
                        Err(_) => self.skip(topic, &record),
                    }
                }
                (Some(Key::Entity(_)), _) => self.state(topic, record, &mut states)?,
                (Some(Key::Progress(_)) | None, _) => self.skip(topic, &record),
            }
        }
        let mut entries = Vec::with_capacity(states.len());
        for (key, state) in states {
            let decoded = state
                .as_ref()
                .and_then(|state| decode_state(&key, &state.record));
            self.projection
                .index()
                .update(&key, decoded.as_ref(), self.partition);
            entries.push((keys::state(&key), state.map(|state| state.encode())));
        }
        Ok(entries)
    }

    /// Takes one state, or its tombstone; `states` is what this batch will write.
    fn state(
        &mut self,
        topic: Topic,
        record: RecordRef<'_>,
        states: &mut BTreeMap<Bytes, Option<State>>,
    ) -> Result<(), End> {
        self.findings.records += 1;
        let key = Bytes::copy_from_slice(record.key);
        let new = match record.value {
            None => None,
            Some(value) => match self.decode(&record, value) {
                Some(state) => Some(state),
                None => {
                    self.skip(topic, &record);
                    return Ok(());
                }
            },
        };
        let held = match states.get(&key) {
            Some(held) => held.clone(),
            None => self.projection.store().state(&key)?,
        };
        if let (Some(held), Some(new)) = (&held, &new)
            && held.is_after(new)
        {
            self.findings.stale.insert(key, topic);
            return Ok(());
        }
        self.findings.stale.remove(&key);
        if let Some(counted) = self.digests.of(&key) {
            let hash = |state: &Option<State>| {
                state.as_ref().map(|state| record_hash(&key, &state.record))
            };
            counted.replace(hash(&held), hash(&new));
        }
        states.insert(key, new);
        Ok(())
    }

    /// A state as the store keeps it; `None` if the record is none.
    fn decode(&mut self, record: &RecordRef<'_>, value: &[u8]) -> Option<State> {
        let Ok(Some(head)) = wire::peek(value) else {
            return None;
        };
        if head.fold > FOLD {
            self.findings.higher_fold = self.findings.higher_fold.max(Some(head.fold));
        }
        Some(State {
            generation: head.envelope.position.generation,
            offset: head.envelope.position.offset,
            at_ms: record.timestamp_ms,
            record: Bytes::copy_from_slice(value),
        })
    }

    fn progress(&mut self, topic: Topic, progress: Progress) {
        if let (Some(ours), Some(theirs)) = (self.digests.of_topic(topic), progress.digest) {
            self.findings
                .digest_matches
                .insert(topic.name(), ours == theirs);
        }
        self.findings.progress = later(self.findings.progress.take(), Some(progress));
    }

    /// Takes the records of the changes from offset `from` on; gives what the store is to take.
    pub(crate) fn changes(&mut self, batch: &RecordBatch, from: i64) -> Result<Vec<Entry>, End> {
        let (mut entries, mut changes) = (Vec::new(), Vec::new());
        for record in batch.iter().filter(|record| record.offset >= from) {
            self.change(record, &mut entries, &mut changes)?;
        }
        // A batch spans little time, so its last record's stands for all.
        let at_ms = batch.iter().last().map_or(0, |record| record.timestamp_ms);
        for changes in changes.chunk_by(|(one, _): &(Position, Change), (other, _)| {
            one.generation == other.generation
        }) {
            let Some((first, _)) = changes.first() else {
                continue;
            };
            let stored: Vec<Change> = changes.iter().map(|(_, change)| change.clone()).collect();
            entries.extend(store::chunks(first, at_ms, &stored));
        }
        Ok(entries)
    }

    fn change(
        &mut self,
        record: RecordRef<'_>,
        entries: &mut Vec<Entry>,
        changes: &mut Vec<(Position, Change)>,
    ) -> Result<(), End> {
        let Some(Ok(Decoded::Known(change))) = record.value.map(wire::decode_change) else {
            self.skip(Topic::Changes, &record);
            return Ok(());
        };
        let reach = Reach::from(&change.version);
        self.findings.first_change.get_or_insert(Reach {
            offset: reach.offset - 1,
            ..reach
        });
        let newest = match self.findings.newest_change {
            Some(newest) => newest,
            None => {
                let store = self.projection.store();
                let offset = store.last_change(reach.generation, self.partition)?;
                Reach {
                    offset: offset.unwrap_or(-1),
                    ..reach
                }
            }
        };
        self.findings.newest_change = Some(newest.max(reach));
        // A change that was published again after a crash is the same change.
        if reach <= newest {
            return Ok(());
        }
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

    fn skip(&self, topic: Topic, record: &RecordRef<'_>) {
        let (topic, partition, offset) = (topic.name(), self.partition, record.offset);
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = offset,
            "record at {topic}/{partition}/{offset} skipped: it cannot be read"
        );
    }
}

/// The one that has come further.
pub(crate) fn later(one: Option<Progress>, other: Option<Progress>) -> Option<Progress> {
    match (one, other) {
        (Some(one), Some(other)) if other.position.is_after(&one.position) => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}
