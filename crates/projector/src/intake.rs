//! Taking records of the state topics and the changes into the store: the part of following that reads the store, and so may block.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use bytes::Bytes;
use domain::{limits::FOLD, position::Position};
use eventlog::{RecordBatch, RecordRef};
use wire::{
    Decoded, Progress,
    digest::{RecordHash, record_hash},
    topics::{Key, Topic, parse_key},
};

use crate::{
    error::End,
    follow::state_topics,
    index::Brief,
    limits::{PROGRESS_WAITING_MAX, SCAN_STEP},
    metrics::Input,
    outbox::{Counted, Digests},
    projection::{Projection, Reached},
    states::decode_state,
    store::{
        self, Entry,
        keys::{self, Entities},
        meta::Reach,
        values::{self, Change, State},
    },
};

/// One partition of a topic, as a source of records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) topic: Topic,
    /// Records before this offset were taken in earlier.
    pub(crate) from: i64,
}

/// What is found out while reading one partition.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The progress record of each state topic that has come furthest.
    progress: BTreeMap<&'static str, Progress>,
    /// Progress that all state topics have reached, in order, while changes that led to it are still to be read.
    waiting: VecDeque<Progress>,
    /// The last progress that everything was read for.
    pub(crate) reached: Option<Progress>,
    /// What the digests were when they matched those of a progress record.
    matched: BTreeMap<&'static str, (Position, Counted)>,
    /// State topics whose digest is not the one of their progress record.
    pub(crate) differing: BTreeSet<Topic>,
    /// Keys whose last records are older than what stands before them, so these are to be published again.
    pub(crate) stale: BTreeSet<Bytes>,
    /// The highest fold above our own that a state was made by.
    pub(crate) higher_fold: Option<u32>,
    /// Records of states that were read.
    pub(crate) records: u64,
    /// The newest change.
    newest_change: Option<Reach>,
    /// The place before the first change that was read.
    pub(crate) first_change: Option<Reach>,
}

impl Findings {
    /// Nothing is found yet but what the store knows to be stale.
    pub(crate) fn new(stale: BTreeSet<Bytes>) -> Self {
        Self {
            stale,
            ..Self::default()
        }
    }
}

/// Takes records of one partition in.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) projection: Projection,
    pub(crate) input: Input,
    pub(crate) partition: u32,
    /// Of what was taken in, with what the store held before.
    pub(crate) digests: Digests,
    pub(crate) findings: Findings,
    /// While a topic is read anew: the keys that it holds.
    pub(crate) marked: Option<HashSet<Bytes>>,
}

/// A state that a batch brings.
#[derive(Debug, Clone, Copy)]
struct New<'a> {
    reach: Reach,
    /// Timestamp of its record, milliseconds since 1970.
    at_ms: i64,
    /// Where its topic has a digest.
    hash: Option<RecordHash>,
    /// Its record's value.
    record: &'a [u8],
}

/// States that a batch writes, by the keys that the store has for them.
type States<'a> = BTreeMap<Bytes, Option<New<'a>>>;

impl Intake {
    /// Takes records in; gives what the store is to take.
    pub(crate) fn take(
        &mut self,
        batch: &RecordBatch,
        sources: &[Source],
    ) -> Result<Vec<Entry>, End> {
        let (mut states, mut entries) = (States::new(), Vec::new());
        let mut changes: Vec<(Position, i64, Change)> = Vec::new();
        for record in batch.iter() {
            let Some(source) = sources.get(record.source) else {
                continue;
            };
            if record.offset < source.from {
                continue;
            }
            if source.topic == Topic::Changes {
                self.change(record, &mut entries, &mut changes)?;
                continue;
            }
            let progress = match (parse_key(record.key), record.value) {
                (Some(Key::Entity(_)), _) => {
                    self.state(record, &mut states, &mut entries)?;
                    continue;
                }
                (Some(Key::Progress(partition)), Some(value)) if partition == self.partition => {
                    wire::decode_progress(value).ok()
                }
                (Some(Key::Progress(_)) | None, _) => None,
            };
            match progress {
                Some(progress) => self.progress(source.topic, progress),
                None => self.skip(source.topic, &record),
            }
        }
        for changes in changes.chunk_by(|(one, ..), (other, ..)| one.generation == other.generation)
        {
            let (Some((first, ..)), Some((_, at_ms, _))) = (changes.first(), changes.last()) else {
                continue;
            };
            let stored: Vec<Change> = changes.iter().map(|(.., change)| change.clone()).collect();
            // A batch spans little time, so its last record's stands for all.
            entries.extend(store::chunks(first, *at_ms, &stored));
        }
        let mut listed = Vec::with_capacity(states.len());
        for (place, new) in states {
            let key = place.slice(1..);
            let brief = new.and_then(|new| Brief::of(&decode_state(&key, new.record)?));
            entries.push((place, new.map(|new| new.encode(brief.as_ref()))));
            listed.push((key, brief, self.partition));
        }
        self.projection.index().extend(listed);
        Ok(entries)
    }

    /// Takes one state, or its tombstone.
    fn state<'a>(
        &mut self,
        record: RecordRef<'a>,
        states: &mut States<'a>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), End> {
        // Raising a generation leaves states and tombstones where keys lay before: what is held of a key is what its own partition says.
        if self.projection.partition_of(record.key) != self.partition {
            return Ok(());
        }
        self.findings.records += 1;
        let mut new = match record.value {
            None => None,
            Some(value) => match self.peek(&record, value) {
                Some(new) => Some(new),
                None => {
                    self.skip(crate::states::topic_of_key(record.key), &record);
                    return Ok(());
                }
            },
        };
        let place = keys::state(record.key);
        if let Some(marked) = &mut self.marked {
            marked.insert(place.slice(1..));
        }
        let is_counted = self.digests.of(record.key).is_some();
        let held = match states.get(&place) {
            Some(held) => held.map(|held| (held.reach, held.hash)),
            None => self.projection.store().state_at(&place)?.map(|held| {
                let hash = is_counted.then(|| hash(record.key, &held));
                (reach(&held), hash)
            }),
        };
        if self.is_late(record.key, held.map(|(reach, _)| reach), new)? {
            if self.findings.stale.insert(place.slice(1..)) {
                entries.push((keys::stale(record.key), Some(Bytes::new())));
            }
            return Ok(());
        }
        if self.findings.stale.remove(record.key) {
            entries.push((keys::stale(record.key), None));
        }
        if let Some(counted) = self.digests.of(record.key) {
            if let Some(new) = &mut new {
                new.hash = Some(record_hash(record.key, new.record));
                counted.saw(new.reach);
            }
            let held = held.and_then(|(_, hash)| hash);
            counted.replace(held, new.and_then(|new| new.hash));
        }
        states.insert(place, new);
        Ok(())
    }

    /// Was this written late by a former leader, over something newer?
    fn is_late(&self, key: &[u8], held: Option<Reach>, new: Option<New<'_>>) -> Result<bool, End> {
        let late = match (held, new) {
            (Some(held), Some(new)) => held > new.reach,
            // A tombstone says no position, but the change that came with it does.
            (None, Some(new)) => self
                .projection
                .store()
                .ended(key)?
                .is_some_and(|ended| Reach::from(&ended.version) > new.reach),
            (_, None) => false,
        };
        Ok(late)
    }

    /// A state as far as it is read at once; `None` if the record is none.
    fn peek<'a>(&mut self, record: &RecordRef<'a>, value: &'a [u8]) -> Option<New<'a>> {
        let Ok(Some(head)) = wire::peek(value) else {
            return None;
        };
        if head.fold > FOLD {
            self.findings.higher_fold = self.findings.higher_fold.max(Some(head.fold));
        }
        Some(New {
            reach: Reach::from(&head.envelope.position),
            at_ms: record.timestamp_ms,
            hash: None,
            record: value,
        })
    }

    /// Notes how far a state topic has come, and whether what it holds is what its leader held there.
    fn progress(&mut self, topic: Topic, progress: Progress) {
        let findings = &mut self.findings;
        if progress.fold > FOLD {
            findings.higher_fold = findings.higher_fold.max(Some(progress.fold));
        }
        let held = findings.progress.get(topic.name());
        if held.is_some_and(|held| held.position.is_after(&progress.position)) {
            return;
        }
        self.compare(topic, &progress);
        let findings = &mut self.findings;
        findings.progress.insert(topic.name(), progress);
        let all = state_topics(self.input)
            .iter()
            .filter_map(|topic| findings.progress.get(topic.name()));
        let Some(least) = all.min_by_key(|progress| Reach::from(&progress.position)) else {
            return;
        };
        let last = findings.waiting.back().or(findings.reached.as_ref());
        if last.is_none_or(|last| {
            least.position.is_after(&last.position)
                || (least.position == last.position && least.written_at_ms > last.written_at_ms)
        }) {
            if findings.waiting.len() == PROGRESS_WAITING_MAX {
                findings.waiting.pop_back();
            }
            findings.waiting.push_back(least.clone());
        }
    }

    /// The progress that has come furthest in any state topic: what was folded up to there is durable in all of them.
    pub(crate) fn furthest(&self) -> Option<Progress> {
        self.findings
            .progress
            .values()
            .chain(&self.findings.reached)
            .max_by_key(|progress| Reach::from(&progress.position))
            .cloned()
    }

    /// The last progress that waits for changes to be read, if any does.
    pub(crate) fn waiting(&self) -> Option<&Progress> {
        self.findings.waiting.back()
    }

    /// Ends reading a topic anew: drops the states that it does not hold, and counts its digest again. Gives what the store is to drop.
    pub(crate) fn sweep(&mut self, topic: Topic) -> Result<Vec<Entry>, End> {
        let marked = self.marked.take().unwrap_or_default();
        let Some(prefix) = prefix_of(topic) else {
            return Ok(Vec::new());
        };
        let (mut dropped, mut counted) = (Vec::new(), Counted::default());
        let mut after: Option<Bytes> = None;
        loop {
            let states = self
                .projection
                .store()
                .states(prefix, after.as_deref(), SCAN_STEP)?;
            let Some((last, _)) = states.last() else {
                break;
            };
            after = Some(last.clone());
            for (key, state) in states {
                if self.projection.partition_of(&key) != self.partition {
                    continue;
                }
                if marked.contains(&key) {
                    counted.replace(None, Some(hash(&key, &state)));
                    counted.saw(reach(&state));
                } else {
                    self.projection.index().put(&key, None, self.partition);
                    dropped.push((keys::state(&key), None));
                }
            }
        }
        if let Some(digest) = self.digests.of(prefix) {
            *digest = counted;
        }
        if let Some(progress) = self.findings.progress.get(topic.name()).cloned() {
            self.compare(topic, &progress);
        }
        Ok(dropped)
    }

    /// Holds the digest of what is held against that of a progress record.
    fn compare(&mut self, topic: Topic, progress: &Progress) {
        let findings = &mut self.findings;
        if let (Some(ours), Some(theirs)) = (self.digests.counted(topic), progress.digest) {
            // With states of a later position there is no telling: two leaders overlapped for a moment.
            if ours.newest <= Reach::from(&progress.position) {
                if ours.digest == theirs {
                    findings.differing.remove(&topic);
                    findings
                        .matched
                        .insert(topic.name(), (progress.position, ours));
                } else {
                    findings.differing.insert(topic);
                }
            }
        }
    }

    /// The progress that was reached by reading the changes up to `changes_next`, if it is news.
    pub(crate) fn reach(&mut self, changes_next: i64) -> Option<Progress> {
        let findings = &mut self.findings;
        let mut reached = None;
        while let Some(progress) = findings
            .waiting
            .front()
            .filter(|progress| progress.changes_next <= changes_next)
        {
            reached = Some(progress.clone());
            findings.waiting.pop_front();
        }
        if reached.is_some() {
            findings.reached.clone_from(&reached);
        }
        reached
    }

    /// What queries are told of the progress that was reached.
    pub(crate) fn told(&self, progress: &Progress) -> Reached {
        let position = progress.position;
        let (stream, partition) = (position.stream, position.partition);
        let mut reached = Reached {
            position,
            gap: progress.gap,
            digests: Digests::default(),
            digests_at: position,
            written_at_ms: progress.written_at_ms,
        };
        let matched = |topic: Topic| {
            let (at, counted) = self.findings.matched.get(topic.name())?;
            (*at == position).then_some(*counted)
        };
        match (matched(Topic::Groups), matched(Topic::Numbers)) {
            (Some(groups), Some(numbers)) => reached.digests = Digests { groups, numbers },
            _ => {
                // What is held is of no one position, or is not what it should be: then the digest is told as it is.
                if let Some(held) = self
                    .projection
                    .reached(stream, partition)
                    .filter(|_| self.findings.differing.is_empty())
                {
                    (reached.digests, reached.digests_at) = (held.digests, held.digests_at);
                } else {
                    reached.digests = self.digests;
                }
            }
        }
        reached
    }

    /// Goes on after a leader: what it folded is what was read.
    pub(crate) fn led(&mut self, progress: Progress, digests: Digests) {
        self.digests = digests;
        let reach = Reach::from(&progress.position);
        self.digests.groups.saw(reach);
        self.digests.numbers.saw(reach);
        let findings = &mut self.findings;
        findings.waiting.clear();
        findings.differing.clear();
        findings.newest_change = None;
        for topic in state_topics(self.input) {
            findings.progress.insert(topic.name(), progress.clone());
        }
        findings.reached = Some(progress);
    }

    fn change(
        &mut self,
        record: RecordRef<'_>,
        entries: &mut Vec<Entry>,
        changes: &mut Vec<(Position, i64, Change)>,
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
            Some(newest) if newest.generation == reach.generation => newest,
            Some(_) | None => {
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
        changes.push((change.version, record.timestamp_ms, stored));
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

impl New<'_> {
    /// As the store keeps it.
    fn encode(self, brief: Option<&Brief>) -> Bytes {
        let Self {
            reach,
            at_ms,
            hash,
            record,
        } = self;
        let position = Position {
            generation: reach.generation,
            offset: reach.offset,
            ..Position::default()
        };
        values::encode_state(&position, at_ms, hash, &Brief::encode(brief), record)
    }
}

/// What the keys of a state topic begin with.
fn prefix_of(topic: Topic) -> Option<&'static [u8]> {
    let entities = match topic {
        Topic::Groups => Entities::Groups,
        Topic::Messages => Entities::Messages,
        Topic::Numbers => Entities::Numbers,
        Topic::Requests => Entities::Requests,
        Topic::Events | Topic::Receipts | Topic::Changes | Topic::Quarantine => return None,
    };
    Some(entities.prefix())
}

fn reach(state: &State) -> Reach {
    Reach {
        generation: state.generation,
        offset: state.offset,
    }
}

/// The hash of a state's record, as the store knows it or made now.
fn hash(key: &[u8], state: &State) -> RecordHash {
    state
        .hash
        .unwrap_or_else(|| record_hash(key, &state.record))
}
