//! Folding events in memory: what is to be published and stored comes out, and nothing waits for the log.

use bytes::Bytes;
use chassis::trace::{self, Kind, Span, TraceParent};
use domain::{
    event::{About, Event, GroupEvent},
    ids::PhoneNumberId,
    position::Position,
};
use eventlog::{RecordBatch, RecordRef};
use wire::{
    Cause, Change, Changed, Decoded, Progress,
    digest::{RecordHash, record_hash},
    topics::Topic,
};

use crate::{
    cache::{Cache, Did, Shown, Slot, State},
    index::{Brief, Index},
    limits::{BATCH_CHANGES_BYTES, BATCH_ENTITIES},
    metrics::{Fold, Input, Metrics},
    outbox::{Digests, Outbox, Outgoing},
    projection::Projection,
    states::{decode_state, encode_state, topic_of, topic_of_key},
    store::{self, Entry, Store, keys, values},
};

/// What came of the events folded since the last time.
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
    /// Of events whose folding is told; they end when it is published.
    pub(crate) spans: Vec<Span>,
}

/// Changes folded and not yet handed out.
#[derive(Debug, Default)]
struct Changes {
    outbox: Outbox,
    stored: Vec<values::Change>,
    last_key: Bytes,
    ended: Vec<Entry>,
    /// Of their values.
    bytes: usize,
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
    store: Store,
    index: Index,
    metrics: Metrics,
    changes: Changes,
    /// Places of slots that changed.
    dirty: Vec<usize>,
    /// Room that is used again.
    scratch: Vec<u8>,
    counts: [u64; Fold::ALL.len()],
    spans: Vec<Span>,
}

impl Folder {
    pub(crate) fn new(
        input: Input,
        progress: Progress,
        digests: Digests,
        cache: Cache,
        projection: &Projection,
        metrics: Metrics,
    ) -> Self {
        Self {
            input,
            partition: progress.position.partition,
            cache,
            digests,
            progress,
            store: projection.store().clone(),
            index: projection.index().clone(),
            metrics,
            changes: Changes::default(),
            dirty: Vec::new(),
            scratch: Vec::new(),
            counts: Default::default(),
            spans: Vec::new(),
        }
    }

    /// Folds the records of `batch` from the one at `from` on, up to the end or to where [`Folder::finish`] must come first;
    /// says how many. `now_ms` is what records are stamped with. Reads the store, so it may block.
    pub(crate) fn fold(
        &mut self,
        batch: &RecordBatch,
        from: usize,
        now_ms: i64,
    ) -> Result<usize, store::Error> {
        let mut taken = 0;
        for record in batch.iter().skip(from) {
            if !self.take(record, now_ms)? {
                break;
            }
            taken += 1;
        }
        self.count();
        Ok(taken)
    }

    /// Is so much to be published that it takes as much memory as it may?
    pub(crate) fn is_full(&self) -> bool {
        self.dirty.len() >= BATCH_ENTITIES || self.changes.bytes >= BATCH_CHANGES_BYTES
    }

    /// Hands out what is to be published and stored: every change, and every state that changed, encoded once.
    pub(crate) fn finish(&mut self, now_ms: i64) -> Folded {
        let Changes {
            outbox,
            stored,
            last_key,
            ended,
            bytes: _,
        } = std::mem::take(&mut self.changes);
        let mut folded = Folded {
            last_change: stored
                .last()
                .map(|change| record_hash(&last_key, &change.record)),
            changes: outbox,
            entries: ended,
            spans: std::mem::take(&mut self.spans),
            ..Folded::default()
        };
        if let Some(first) = stored.first() {
            let first = self.position(first.offset);
            folded
                .entries
                .extend(store::chunks(&first, now_ms, &stored));
        }
        for place in std::mem::take(&mut self.dirty) {
            self.encode(place, now_ms, &mut folded);
        }
        self.cache.shrink();
        folded
    }

    fn position(&self, offset: i64) -> Position {
        Position {
            offset,
            ..self.progress.position
        }
    }

    /// Folds one record; says no if what was folded must be published before it.
    fn take(&mut self, record: RecordRef<'_>, now_ms: i64) -> Result<bool, store::Error> {
        let position = self.position(record.offset);
        let event = self.decode(&record);
        if let Some(event) = &event {
            if self.must_finish_before(event, record.key) {
                return Ok(false);
            }
            let span = self.span(&record, event);
            let trace = span.as_ref().and_then(Span::traceparent);
            self.apply(record.key, event, position, trace, now_ms)?;
            self.spans.extend(span);
        }
        self.progress.position = position;
        self.progress.event_id = event.map(|event| event.id);
        self.progress.log_time_ms = record.timestamp_ms;
        Ok(true)
    }

    /// The folding of an event until it is published, if it belongs to a trace that is told.
    fn span(&self, record: &RecordRef<'_>, event: &Event) -> Option<Span> {
        if !trace::is_on() {
            return None;
        }
        let parent = TraceParent::parse(record.headers().find(trace::HEADER)?)?;
        let span = trace::span_below(&parent, Kind::Consumer, "fold")?;
        span.set("messaging.system", "kafka");
        span.set("messaging.destination.name", topic_of(self.input).name());
        span.set(
            "messaging.destination.partition.id",
            i64::from(self.partition),
        );
        span.set("messaging.kafka.offset", record.offset);
        span.set("rollcall.event", wire::event_kind(event));
        Some(span)
    }

    /// The event of a record; what is none is counted, logged and skipped.
    fn decode(&mut self, record: &RecordRef<'_>) -> Option<Event> {
        let (outcome, why) = match record.value.map(wire::decode_event) {
            Some(Ok(Decoded::Known(event))) if is_key_of(&event.about, record.key) => {
                return Some(event);
            }
            Some(Ok(Decoded::Unknown)) => (
                Fold::Unknown,
                "an event of a kind that this version does not know",
            ),
            Some(Ok(Decoded::Known(_)) | Err(_)) | None => (Fold::Undecodable, "no event"),
        };
        self.add(outcome);
        let (topic, partition, offset) =
            (topic_of(self.input).name(), self.partition, record.offset);
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = offset,
            "record at {topic}/{partition}/{offset} skipped: {why}"
        );
        None
    }

    /// A tombstone says no position, so what was folded into a group before it is forgotten must stand in a progress record by then:
    /// else a crash in between would fold it again, into nothing.
    fn must_finish_before(&mut self, event: &Event, key: &[u8]) -> bool {
        is_forget(event)
            && self
                .cache
                .find(key)
                .and_then(|place| self.cache.slot(place))
                .is_some_and(|slot| slot.is_dirty)
    }

    fn apply(
        &mut self,
        key: &[u8],
        event: &Event,
        position: Position,
        trace: Option<TraceParent>,
        now_ms: i64,
    ) -> Result<(), store::Error> {
        let place = match self.cache.find(key) {
            Some(place) => place,
            None => self.load(key)?,
        };
        let Some(slot) = self.cache.slot(place) else {
            return Ok(());
        };
        let is_there = slot.state.is_some();
        let state = slot.state.get_or_insert_with(|| State::empty(&event.about));
        let number_before = is_forget(event).then(|| number_of_state(state)).flatten();
        let did = state.apply(event, position);
        let outcome = match &did {
            Did::Unchanged => Fold::Unchanged,
            Did::Core => Fold::Core,
            Did::Group(_) | Did::Message | Did::Number(_) | Did::Request(_) => Fold::View,
            Did::Forgotten(_) => Fold::Forgotten,
        };
        if outcome == Fold::Unchanged {
            if !is_there {
                slot.state = None;
            }
            self.add(outcome);
            return Ok(());
        }
        let number = number_before.or_else(|| number_of_state(state));
        let change = change(event, position, did, state, number);
        if outcome == Fold::Forgotten {
            slot.state = None;
        }
        slot.at = event.at;
        if !slot.is_dirty {
            slot.is_dirty = true;
            self.dirty.push(place);
        }
        if let Some(change) = change {
            let key = slot.key.clone();
            self.publish_change(key, &change, trace, now_ms);
        }
        self.add(outcome);
        Ok(())
    }

    fn publish_change(
        &mut self,
        key: Bytes,
        change: &Change,
        trace: Option<TraceParent>,
        now_ms: i64,
    ) {
        self.scratch.clear();
        wire::encode_change(change, &mut self.scratch);
        let record = Outgoing {
            key: &key,
            value: Some(&self.scratch),
            headers: wire::headers::change(change),
            trace,
            at_ms: now_ms,
        };
        self.changes
            .outbox
            .push(Topic::Changes, self.partition, record);
        self.changes.bytes += self.scratch.len();
        self.changes.stored.push(values::Change {
            offset: change.version.offset,
            record: Bytes::copy_from_slice(&self.scratch),
        });
        if change.is_forgotten {
            let ended = values::Ended {
                version: change.version,
                at_ms: now_ms,
            };
            self.changes
                .ended
                .push((keys::ended(&key), Some(ended.encode())));
        }
        self.changes.last_key = key;
    }

    /// Brings the state of a key into the cache; gives its place.
    fn load(&mut self, key: &[u8]) -> Result<usize, store::Error> {
        let stored = self.store.state(key)?;
        let has_digest = self.digests.of(key).is_some();
        let hash = stored.as_ref().filter(|_| has_digest).map(|stored| {
            stored
                .hash
                .unwrap_or_else(|| record_hash(key, &stored.record))
        });
        let state = stored.and_then(|stored| decode_state(key, &stored.record));
        Ok(self.cache.insert(Slot::new(key, state, hash)))
    }

    /// Encodes a state that changed.
    fn encode(&mut self, place: usize, now_ms: i64, folded: &mut Folded) {
        let Some(slot) = self.cache.slot(place) else {
            return;
        };
        slot.is_dirty = false;
        self.scratch.clear();
        let position = slot.state.as_ref().map(|state| {
            encode_state(&slot.key, state, &mut self.scratch);
            state.envelope().position
        });
        let value = position.map(|_| &self.scratch[..]);
        if let Some(counted) = self.digests.of(&slot.key) {
            let new = value.map(|value| record_hash(&slot.key, value));
            counted.replace(slot.hash, new);
            slot.hash = new;
        }
        let topic = topic_of_key(&slot.key);
        let at_position = position.unwrap_or(self.progress.position);
        let record = Outgoing {
            key: &slot.key,
            value,
            headers: wire::headers::state(topic, &slot.key, &at_position, slot.at),
            // It may be of many events.
            trace: None,
            at_ms: now_ms,
        };
        folded.states.push(topic, self.partition, record);
        folded.state_bytes += self.scratch.len() as u64;
        let brief = slot.state.as_ref().and_then(Brief::of);
        let payload = position.map(|position| {
            let brief = Brief::encode(brief.as_ref());
            values::encode_state(&position, now_ms, slot.hash, &brief, &self.scratch)
        });
        self.index.put(&slot.key, brief, self.partition);
        folded.entries.push((keys::state(&slot.key), payload));
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

fn is_forget(event: &Event) -> bool {
    matches!(event.about, About::Group(_, GroupEvent::Forgotten { .. }))
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

/// The business number that an entity belongs to, if known.
fn number_of_state(state: &State) -> Option<PhoneNumberId> {
    let register = match state {
        State::Group(group) => &group.core.number,
        State::Message(message) => &message.core.number,
        State::Request(request) => &request.core.number,
        // Its own, which the event names.
        State::Number(_) => return None,
    };
    register
        .as_ref()
        .and_then(|register| PhoneNumberId::parse(&register.value).ok())
}

/// The change record for what an event did, if it is one that is recorded.
fn change(
    event: &Event,
    position: Position,
    did: Did,
    state: &State,
    number: Option<PhoneNumberId>,
) -> Option<Change> {
    let is_forgotten = matches!(did, Did::Forgotten(_));
    let (previous_version, phone_number_id, what) = match (did, &event.about, state) {
        (Did::Group(shown) | Did::Forgotten(shown), About::Group(id, _), _) => {
            let Shown {
                previous_version,
                what: fields,
            } = shown;
            if is_forgotten && fields.is_empty() {
                return None;
            }
            let what = Changed::Group {
                group_id: id.clone(),
                fields,
            };
            (previous_version, number, what)
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
            (shown.previous_version, number, what)
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
