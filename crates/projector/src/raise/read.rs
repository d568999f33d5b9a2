//! Reading a state topic to its end: where each state lies, and how far the topic has come.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use bytes::Bytes;
use eventlog::{At, Reader, RecordBatch, RecordRef, Start};
use wire::{
    Decoded, Progress,
    digest::{RecordHash, record_hash},
    topics::{Key, Topic, parse_key},
};

use super::{RaiseError, Raising};
use crate::{
    limits::{RECOVER_BYTES, RECOVER_RECORDS, RECOVER_WAIT},
    store::meta::Reach,
};

/// A state, where it lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) partition: u32,
    /// Of its record.
    pub(super) offset: i64,
    /// The state's own position.
    at: Reach,
    /// Of the topics that carry a digest.
    pub(super) hash: Option<RecordHash>,
}

/// What a state topic holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The state with the greatest position of each key.
    pub(super) states: HashMap<Bytes, Held>,
    /// Further partitions in which a key lies.
    pub(super) extra: Vec<(Bytes, u32)>,
    /// The progress that has come furthest, by partition.
    pub(super) progress: BTreeMap<u32, Progress>,
    /// The highest generation of any state or progress.
    pub(super) generation: u32,
}

impl Raising {
    pub(super) async fn read(&self, topic: Topic) -> Result<Found, RaiseError> {
        let mut found = Found::default();
        for partition in 0..self.partitions {
            let mut held: HashMap<Bytes, Held> = HashMap::new();
            let mut pages = Pages::open(self, topic, partition, None).await?;
            while let Some(page) = pages.next().await? {
                for record in page.iter() {
                    found.take(topic, partition, &mut held, record)?;
                }
            }
            self.merge(&mut found, held);
        }
        Ok(found)
    }

    /// Adds what one partition holds at its end.
    fn merge(&self, found: &mut Found, held: HashMap<Bytes, Held>) {
        for (key, new) in held {
            let target = self.target(&key);
            let extra = match found.states.entry(key.clone()) {
                Entry::Vacant(place) => {
                    place.insert(new);
                    continue;
                }
                Entry::Occupied(mut place) => {
                    let old = *place.get();
                    // At the same position the bytes are the same, and one that lies right need not be moved.
                    let wins =
                        (new.at, new.partition == target) > (old.at, old.partition == target);
                    if wins {
                        place.insert(new);
                        old.partition
                    } else {
                        new.partition
                    }
                }
            };
            found.extra.push((key, extra));
        }
    }

    /// The highest generation that the ends of `changes.v1` tell: the state topics may be of an older backup.
    pub(super) async fn generation_of_changes(&self) -> Result<u32, RaiseError> {
        let mut generation = 0;
        for partition in 0..self.partitions {
            let bounds = self.bounds(Topic::Changes, partition).await?;
            if bounds.end == bounds.start {
                continue;
            }
            let page = self.one(Topic::Changes, partition, bounds.end - 1).await?;
            let last = page.iter().next().and_then(|record| record.value);
            if let Some(Ok(Decoded::Known(change))) = last.map(wire::decode_change) {
                generation = generation.max(change.version.generation);
            }
        }
        Ok(generation)
    }

    /// The record at an offset, or the first after it.
    pub(super) async fn one(
        &self,
        topic: Topic,
        partition: u32,
        offset: i64,
    ) -> Result<RecordBatch, RaiseError> {
        let mut pages = Pages::open(self, topic, partition, Some(offset)).await?;
        Ok(pages.next().await?.unwrap_or_default())
    }
}

impl Found {
    fn take(
        &mut self,
        topic: Topic,
        partition: u32,
        held: &mut HashMap<Bytes, Held>,
        record: RecordRef<'_>,
    ) -> Result<(), RaiseError> {
        let value = match (parse_key(record.key), record.value) {
            (Some(Key::Entity(_)), Some(value)) => value,
            (Some(Key::Entity(_)), None) => {
                held.remove(record.key);
                return Ok(());
            }
            (Some(Key::Progress(of)), Some(value)) if of == partition => {
                if let Ok(progress) = wire::decode_progress(value) {
                    self.progress(partition, progress);
                }
                return Ok(());
            }
            (Some(Key::Progress(_)) | None, _) => return Ok(()),
        };
        let Ok(Some(head)) = wire::peek(value) else {
            return Err(RaiseError::Unreadable {
                topic: topic.name(),
                partition,
                offset: record.offset,
            });
        };
        let at = Reach::from(&head.envelope.position);
        self.generation = self.generation.max(at.generation);
        let has_digest = matches!(topic, Topic::Groups | Topic::Numbers);
        let new = Held {
            partition,
            offset: record.offset,
            at,
            hash: has_digest.then(|| record_hash(record.key, value)),
        };
        match held.get_mut(record.key) {
            // A former leader's late write.
            Some(held) if held.at > at => {}
            Some(held) => *held = new,
            None => {
                held.insert(Bytes::copy_from_slice(record.key), new);
            }
        }
        Ok(())
    }

    fn progress(&mut self, partition: u32, progress: Progress) {
        self.generation = self.generation.max(progress.position.generation);
        let held = self.progress.get(&partition);
        if held.is_none_or(|held| !held.position.is_after(&progress.position)) {
            self.progress.insert(partition, progress);
        }
    }
}

/// The records of a partition, up to the end that it has when this is opened.
pub(super) struct Pages<'a> {
    raising: &'a Raising,
    topic: Topic,
    partition: u32,
    reader: Reader,
}

impl<'a> Pages<'a> {
    /// From an offset on, or from the beginning.
    pub(super) async fn open(
        raising: &'a Raising,
        topic: Topic,
        partition: u32,
        from: Option<i64>,
    ) -> Result<Self, RaiseError> {
        let at = from.map_or(At::Beginning, At::Offset);
        let start = Start::new(topic.name(), partition, at);
        let reader = || raising.log.reader(vec![start.clone()]);
        let reader = raising
            .tried("open a reader of", topic, partition, reader)
            .await?;
        Ok(Self {
            raising,
            topic,
            partition,
            reader,
        })
    }

    /// The next records, `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, RaiseError> {
        loop {
            if self.reader.reached_all_ends() {
                return Ok(None);
            }
            let reader = tokio::sync::Mutex::new(&mut self.reader);
            let next = || async {
                let mut reader = reader.lock().await;
                reader
                    .next(RECOVER_RECORDS, RECOVER_BYTES, RECOVER_WAIT)
                    .await
            };
            let page = self
                .raising
                .tried("read", self.topic, self.partition, next)
                .await?;
            if !page.is_empty() {
                return Ok(Some(page));
            }
            if self.raising.shutdown.is_cancelled() {
                return Err(RaiseError::Stopped);
            }
        }
    }
}
