//! Folding one batch of events in memory: what is to be published and stored comes out, and nothing waits for the log.

use bytes::Bytes;
use domain::{
    event::{About, Event, GroupEvent},
    ids::{EventId, PhoneNumberId, Text},
    limits::FOLD,
    position::{Position, Stream},
    register::Register,
};
use eventlog::{Batch, RecordBatch, RecordRef};
use wire::{
    Cause, Change, Changed, Decoded, Progress,
    digest::{Digest, RecordHash, record_hash},
    topics::Topic,
};

use crate::{
    cache::{Cache, Did, Shown, Slot, State},
    index::Index,
    limits::{PUBLISH_BYTES, PUBLISH_RECORDS},
    metrics::{Fold, Input, Metrics},
    store::{self, Entry, Store, keys, values},
};

/// Digests of the two state topics that carry one, and how many records they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) groups: Counted,
    pub(crate) numbers: Counted,
}

/// A digest and its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) digest: Digest,
    pub(crate) records: u64,
}

impl Digests {
    /// The digest that a record's key counts for.
    pub(crate) fn of(&mut self, record_key: &[u8]) -> Option<&mut Counted> {
        match record_key.first() {
            Some(b'g') => Some(&mut self.groups),
            Some(b'n') => Some(&mut self.numbers),
            Some(_) | None => None,
        }
    }
}

impl Counted {
    /// Takes one record out and another in.
    pub(crate) fn replace(&mut self, old: Option<RecordHash>, new: Option<RecordHash>) {
        if let Some(old) = old {
            self.digest.remove(old);
            self.records = self.records.saturating_sub(1);
        }
        if let Some(new) = new {
            self.digest.add(new);
            self.records += 1;
        }
    }
}

/// Records to append, in as many appends as the log's limits ask for.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) batches: Vec<Batch>,
    records: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, topic: Topic, partition: u32, record: Outgoing<'_>) {
        let full = |batch: &Batch| batch.len() >= PUBLISH_RECORDS || batch.bytes() >= PUBLISH_BYTES;
        if self.batches.last().is_none_or(full) {
            self.batches.push(Batch::new());
        }
        let Outgoing {
            key,
            value,
            headers,
            at_ms,
        } = record;
        let headers = headers.each_ref().map(|(name, value)| (*name, &value[..]));
        if let Some(batch) = self.batches.last_mut() {
            batch.push(topic.name(), partition, key, value, &headers, at_ms);
            self.records += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records
    }
}

/// One record to append.
pub(crate) struct Outgoing<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: wire::headers::Headers,
    pub(crate) at_ms: i64,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) changes: Outbox,
    /// The last change appended, as a reader will hash it.
    pub(crate) last_change: Option<RecordHash>,
    pub(crate) states: Outbox,
    /// What the store takes once all of it is published.
    pub(crate) entries: Vec<Entry>,
    /// Bytes of states.
    pub(crate) state_bytes: u64,
    /// How many records of the input were looked at.
    pub(crate) taken: usize,
}

/// Folds the events of one input partition.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) input: Input,
    pub(crate) partition: u32,
    pub(crate) cache: Cache,
    pub(crate) digests: Digests,
    /// How far it has come; the digest in it is filled in for each topic.
    pub(crate) progress: Progress,
    pub(crate) store: Store,
    pub(crate) index: Index,
    pub(crate) metrics: Metrics,
    /// Room that is used again.
    dirty: Vec<Bytes>,
    scratch: Vec<u8>,
    counts: [u64; Fold::ALL.len()],
}

impl Folder {
    pub(crate) fn new(
        input: Input,
        recovered: crate::follow::Recovered,
        cache: Cache,
        projection: &crate::projection::Projection,
        metrics: Metrics,
    ) -> Self {
        let crate::follow::Recovered { progress, digests } = recovered;
        Self {
            input,
            partition: progress.position.partition,
            cache,
            digests,
            progress,
            store: projection.store().clone(),
            index: projection.index().clone(),
            metrics,
            dirty: Vec::new(),
            scratch: Vec::new(),
            counts: Default::default(),
        }
    }

    /// Folds the records of `batch` from the one at `from` on, up to the end or to where a batch must end; `now_ms` is what records are stamped with.
    ///
    /// Reads the store, so it may block.
    pub(crate) fn fold(
        &mut self,
        batch: &RecordBatch,
        from: usize,
        now_ms: i64,
    ) -> Result<Folded, store::Error> {
        let mut folded = Folded::default();
        let mut changes = Vec::new();
        for record in batch.iter().skip(from) {
            if !self.take(record, now_ms, &mut folded, &mut changes)? {
                break;
            }
            folded.taken += 1;
        }
        if let Some(values::Change { offset, .. }) = changes.first() {
            let first = self.position(*offset);
            folded
                .entries
                .extend(store::chunks(&first, now_ms, &changes));
        }
        self.encode(now_ms, &mut folded);
        self.count();
        Ok(folded)
    }

    fn position(&self, offset: i64) -> Position {
        Position {
            offset,
            ..self.progress.position
        }
    }

    /// Folds one record; says no if the batch must end before it.
    fn take(
        &mut self,
        record: RecordRef<'_>,
        now_ms: i64,
        folded: &mut Folded,
        changes: &mut Vec<values::Change>,
    ) -> Result<bool, store::Error> {
        let position = self.position(record.offset);
        let event = self.decode(&record);
        let event_id = event.as_ref().map(|event| event.id);
        if let Some(event) = event {
            if self.must_end_before(&event, record.key) {
                return Ok(false);
            }
            self.apply(record.key, &event, position, now_ms, folded, changes)?;
        }
        self.step(position, event_id, record.timestamp_ms);
        Ok(true)
    }

    fn step(&mut self, position: Position, event_id: Option<EventId>, log_time_ms: i64) {
        self.progress.position = position;
        self.progress.event_id = event_id;
        self.progress.log_time_ms = log_time_ms;
    }

    /// The event of a record; what is none is counted, logged and skipped.
    fn decode(&mut self, record: &RecordRef<'_>) -> Option<Event> {
        let outcome = match record.value.map(wire::decode_event) {
            Some(Ok(Decoded::Known(event))) if is_key_of(&event.about, record.key) => {
                return Some(event);
            }
            Some(Ok(Decoded::Unknown)) => Fold::Unknown,
            Some(Ok(Decoded::Known(_)) | Err(_)) | None => Fold::Undecodable,
        };
        self.add(outcome);
        let topic = self.topic().name();
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = self.partition,
            kafka.offset = record.offset,
            "record at {topic}/{}/{} skipped: {}",
            self.partition,
            record.offset,
            match outcome {
                Fold::Unknown => "an event of a kind that this version does not know",
                _ => "no event",
            },
        );
        None
    }

    pub(crate) fn topic(&self) -> Topic {
        topic_of(self.input)
    }

    /// A tombstone says no position, so what was folded into a group before it is forgotten must stand in a progress record by then:
    /// else a crash in between would fold it again, into nothing.
    fn must_end_before(&mut self, event: &Event, key: &[u8]) -> bool {
        matches!(event.about, About::Group(_, GroupEvent::Forgotten { .. }))
            && self.cache.get(key).is_some_and(|slot| slot.is_dirty)
    }

    fn apply(
        &mut self,
        key: &[u8],
        event: &Event,
        position: Position,
        now_ms: i64,
        folded: &mut Folded,
        changes: &mut Vec<values::Change>,
    ) -> Result<(), store::Error> {
        self.load(key)?;
        let Some(slot) = self.cache.get(key) else {
            return Ok(());
        };
        let state = slot.state.get_or_insert_with(|| State::empty(&event.about));
        let did = state.apply(event, position);
        let outcome = match &did {
            Did::Unchanged => Fold::Unchanged,
            Did::Core => Fold::Core,
            Did::Group(_) | Did::Message | Did::Number(_) | Did::Request(_) => Fold::View,
            Did::Forgotten(_) => Fold::Forgotten,
        };
        if outcome == Fold::Unchanged {
            if state.envelope() == &domain::position::Envelope::default() {
                slot.state = None;
            }
            self.add(outcome);
            return Ok(());
        }
        let change = change(event, position, did, state);
        if outcome == Fold::Forgotten {
            slot.state = None;
        }
        slot.at = event.at;
        if !slot.is_dirty {
            slot.is_dirty = true;
            self.dirty.push(Bytes::copy_from_slice(key));
        }
        self.add(outcome);
        if let Some(change) = change {
            self.publish_change(key, &change, now_ms, folded, changes);
        }
        Ok(())
    }

    fn publish_change(
        &mut self,
        key: &[u8],
        change: &Change,
        now_ms: i64,
        folded: &mut Folded,
        changes: &mut Vec<values::Change>,
    ) {
        self.scratch.clear();
        wire::encode_change(change, &mut self.scratch);
        let record = Outgoing {
            key,
            value: Some(&self.scratch),
            headers: wire::headers::change(change),
            at_ms: now_ms,
        };
        folded.changes.push(Topic::Changes, self.partition, record);
        folded.last_change = Some(record_hash(key, &self.scratch));
        changes.push(values::Change {
            offset: change.version.offset,
            record: Bytes::copy_from_slice(&self.scratch),
        });
        if change.is_forgotten {
            let ended = values::Ended {
                version: change.version,
                at_ms: now_ms,
            };
            folded
                .entries
                .push((keys::ended(key), Some(ended.encode())));
        }
    }

    /// Makes sure that the cache has a slot for a key.
    fn load(&mut self, key: &[u8]) -> Result<(), store::Error> {
        if self.cache.get(key).is_some() {
            return Ok(());
        }
        let stored = self.store.state(key)?;
        let has_digest = self.digests.of(key).is_some();
        let hash = stored
            .as_ref()
            .filter(|_| has_digest)
            .map(|stored| record_hash(key, &stored.record));
        let slot = Slot {
            state: stored.and_then(|stored| decode_state(key, &stored.record)),
            hash,
            is_dirty: false,
            at: 0,
        };
        self.cache.insert(key, slot);
        Ok(())
    }

    /// Encodes every state that changed, once.
    fn encode(&mut self, now_ms: i64, folded: &mut Folded) {
        let dirty = std::mem::take(&mut self.dirty);
        for key in dirty {
            let Some(slot) = self.cache.get(&key) else {
                continue;
            };
            slot.is_dirty = false;
            self.scratch.clear();
            let position = slot.state.as_ref().map(|state| {
                encode_state(&key, state, &mut self.scratch);
                state.envelope().position
            });
            let topic = topic_of_key(&key);
            let value = position.map(|_| &self.scratch[..]);
            let old = slot.hash;
            if let Some(counted) = self.digests.of(&key) {
                let new = value.map(|value| record_hash(&key, value));
                counted.replace(old, new);
                slot.hash = new;
            }
            let headers = wire::headers::state(
                topic,
                &key,
                &position.unwrap_or(self.progress.position),
                slot.at,
            );
            let payload = position.map(|position| {
                let stored = values::State {
                    generation: position.generation,
                    offset: position.offset,
                    at_ms: now_ms,
                    record: Bytes::copy_from_slice(&self.scratch),
                };
                stored.encode()
            });
            let record = Outgoing {
                key: &key,
                value,
                headers,
                at_ms: now_ms,
            };
            folded.state_bytes += self.scratch.len() as u64;
            folded.states.push(topic, self.partition, record);
            self.index.update(&key, slot.state.as_ref(), self.partition);
            folded.entries.push((keys::state(&key), payload));
        }
    }

    fn add(&mut self, outcome: Fold) {
        let place = Fold::ALL.iter().position(|known| *known == outcome);
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count += 1;
        }
    }

    fn count(&mut self) {
        for (outcome, count) in Fold::ALL.into_iter().zip(&mut self.counts) {
            if *count > 0 {
                self.metrics
                    .count(self.input, outcome, std::mem::take(count));
            }
        }
    }
}

/// The topic of an input.
pub(crate) fn topic_of(input: Input) -> Topic {
    match input {
        Input::Events => Topic::Events,
        Input::Receipts => Topic::Receipts,
    }
}

/// The stream of an input.
pub(crate) fn stream_of(input: Input) -> Stream {
    match input {
        Input::Events => Stream::Events,
        Input::Receipts => Stream::Receipts,
    }
}

/// The state topic that a record's key belongs to.
fn topic_of_key(key: &[u8]) -> Topic {
    match key.first() {
        Some(b'm') => Topic::Messages,
        Some(b'n') => Topic::Numbers,
        Some(b'r') => Topic::Requests,
        Some(_) | None => Topic::Groups,
    }
}

/// Is this the record key of what an event is about?
fn is_key_of(about: &About, key: &[u8]) -> bool {
    let (kind, id) = match about {
        About::Group(id, _) => (b"g/", id.as_str()),
        About::Message(id, _) => (b"m/", id.as_str()),
        About::Number(id, _) => (b"n/", id.as_str()),
        About::Request(id, _) => (b"r/", id.as_str()),
    };
    key.strip_prefix(kind)
        .is_some_and(|rest| rest == id.as_bytes())
}

/// A state read back from its record; `None` where it cannot be read, which the checksum makes a fault of ours or of a newer writer.
pub(crate) fn decode_state(key: &[u8], record: &[u8]) -> Option<State> {
    use wire::Record;
    match key.first()? {
        b'g' => match wire::decode_group(record) {
            Ok(Record::State(stored)) => Some(State::Group(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'm' => match wire::decode_message(record) {
            Ok(Record::State(stored)) => Some(State::Message(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'n' => match wire::decode_number(record) {
            Ok(Record::State(stored)) => Some(State::Number(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        b'r' => match wire::decode_request(record) {
            Ok(Record::State(stored)) => Some(State::Request(Box::new(stored.state))),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        _ => None,
    }
}

/// Appends the record of a state; its id is in its key.
fn encode_state(key: &[u8], state: &State, into: &mut Vec<u8>) {
    use domain::ids::Entity;
    let entity = std::str::from_utf8(key).ok().and_then(Entity::from_key);
    match (entity, state) {
        (Some(Entity::Group(id)), State::Group(state)) => wire::encode_group(&id, state, into),
        (Some(Entity::Message(id)), State::Message(state)) => {
            wire::encode_message(&id, state, into)
        }
        (Some(Entity::Number(id)), State::Number(state)) => wire::encode_number(&id, state, into),
        (Some(Entity::Request(id)), State::Request(state)) => {
            wire::encode_request(&id, state, into)
        }
        // The key was that of the event which made the state.
        (_, State::Group(_) | State::Message(_) | State::Number(_) | State::Request(_)) => {}
    }
}

fn number_of(register: &Option<Register<Text>>) -> Option<PhoneNumberId> {
    register
        .as_ref()
        .and_then(|register| PhoneNumberId::parse(&register.value).ok())
}

/// The change record for what an event did, if it is one that is recorded.
fn change(event: &Event, position: Position, did: Did, state: &State) -> Option<Change> {
    let mut is_forgotten = false;
    let (previous_version, phone_number_id, what) = match (did, &event.about, state) {
        (Did::Group(shown), About::Group(id, _), State::Group(group)) => {
            let Shown {
                previous_version,
                what: fields,
            } = shown;
            let what = Changed::Group {
                group_id: id.clone(),
                fields,
            };
            (previous_version, number_of(&group.core.number), what)
        }
        (Did::Forgotten(shown), About::Group(id, _), State::Group(group)) => {
            let Shown {
                previous_version,
                what: fields,
            } = shown;
            if fields.is_empty() {
                return None;
            }
            is_forgotten = true;
            let what = Changed::Group {
                group_id: id.clone(),
                fields,
            };
            (previous_version, number_of(&group.core.number), what)
        }
        (Did::Number(shown), About::Number(id, _), State::Number(number)) => {
            let what = Changed::Number {
                phone_number_id: id.clone(),
                fields: wire::number_changes(&shown.what, &number.core),
            };
            (shown.previous_version, Some(id.clone()), what)
        }
        (Did::Request(shown), About::Request(id, _), State::Request(request)) => {
            let what = Changed::Request {
                request_id: id.clone(),
                fields: wire::request_changes(&shown.what, &request.core),
            };
            (
                shown.previous_version,
                number_of(&request.core.number),
                what,
            )
        }
        _ => return None,
    };
    Some(Change {
        version: position,
        previous_version,
        phone_number_id,
        cause: Cause::of(event),
        is_forgotten,
        what,
    })
}

/// Progress before anything was folded.
pub(crate) fn no_progress(input: Input, partition: u32, partitions: u32) -> Progress {
    Progress {
        position: Position {
            stream: stream_of(input),
            generation: 1,
            partition,
            offset: -1,
        },
        event_id: None,
        log_time_ms: 0,
        partitions,
        gap: None,
        digest: None,
        fold: FOLD,
        written_at_ms: 0,
    }
}
