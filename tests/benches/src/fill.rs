//! groups.v1 as a projector leaves it: the states of many groups, and progress.

use std::{sync::mpsc, thread, time::Instant};

use anyhow::{Context as _, Result};
use domain::{
    event::{About, Event, GroupCreated, GroupEvent},
    group::Group,
    ids::{Entity, EventId, GroupId},
    limits::FOLD,
    position::{Position, Stream},
};
use eventlog::{Batch, partition_of};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use wire::{
    Progress,
    digest::{Digest, record_hash},
    headers,
    topics::{self, Topic},
};

use crate::{
    events::{self, Events, text},
    log::{self, BATCH, Hand},
};

const SEED: u64 = 2;

/// Events in each partition of the input that the states are folded from; the older ones have lapsed.
const EVENTS_PER_PARTITION: usize = 100;

/// What a member adds to a record, and a little more.
const BYTES_PER_MEMBER: usize = 300;

/// Batches made ahead of the broker.
const AHEAD: usize = 2;

/// Groups whose answers are compared byte by byte.
const SAMPLE: usize = 1_000;

/// A month, over which the groups' last events are spread.
const AGE: i64 = 30 * 86_400;

/// What was put into the log.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) groups: usize,
    /// Bytes of all values.
    pub(crate) bytes: u64,
    /// Of groups.v1, by partition.
    pub(crate) digests: Vec<(Digest, u64)>,
    /// Some groups, and the JSON that they are to be answered with.
    pub(crate) sample: Vec<(GroupId, Vec<u8>)>,
}

/// Fills groups.v1 with as many groups of about `bytes` bytes each, and says that all events up to now are folded.
pub(crate) fn fill(hand: &Hand, groups: usize, bytes: usize) -> Result<Filled> {
    let now_ms = log::now_ms()?;
    let began = Instant::now();
    let lasts = append_events(hand, now_ms)?;
    let (tx, rx) = mpsc::sync_channel(AHEAD);
    let maker = Maker::new(hand.partitions, groups, bytes, now_ms);
    let making = thread::spawn(move || maker.make(&tx));
    let mut put = 0;
    while let Ok(batch) = rx.recv() {
        let (before, count) = (put / 100_000, Batch::len(&batch));
        hand.runtime
            .block_on(hand.log.append(batch))
            .context("append states")?;
        put += count;
        if put / 100_000 != before {
            eprintln!("{put} of {groups} groups put after {:.1?}", began.elapsed());
        }
    }
    let filled = making.join().expect("the maker of groups panicked")?;
    append_progress(hand, &filled, &lasts, now_ms)?;
    eprintln!(
        "{groups} groups of {} bytes on average put in {:.1?}",
        filled.bytes / groups.max(1) as u64,
        began.elapsed()
    );
    Ok(filled)
}

/// A few events for each partition; ids of the last ones.
fn append_events(hand: &Hand, now_ms: i64) -> Result<Vec<EventId>> {
    let mut events = Events::endless(1, now_ms / 1_000);
    let (mut batch, mut value) = (Batch::new(), Vec::new());
    let mut counts = vec![0; hand.partitions as usize];
    let mut lasts = vec![EventId([0; 16]); counts.len()];
    for group in 0.. {
        if counts.iter().all(|count| *count == EVENTS_PER_PARTITION) {
            break;
        }
        let partition = partition(&events::group_id(group), hand.partitions);
        if counts[partition] == EVENTS_PER_PARTITION {
            continue;
        }
        counts[partition] += 1;
        let event = events.renamed(group, now_ms / 1_000 - AGE, group);
        lasts[partition] = event.id;
        log::push(&mut batch, &event, &mut value, hand.partitions, now_ms);
    }
    hand.runtime
        .block_on(hand.log.append(batch))
        .context("append events")?;
    Ok(lasts)
}

fn partition(id: &GroupId, partitions: u32) -> usize {
    let key = topics::key(&Entity::Group(id.clone()));
    partition_of(&key, partitions) as usize
}

/// Progress of each partition, in all state topics of the input.
fn append_progress(hand: &Hand, filled: &Filled, lasts: &[EventId], now_ms: i64) -> Result<()> {
    let (mut batch, mut value) = (Batch::new(), Vec::new());
    for (partition, (digest, _)) in (0..).zip(&filled.digests) {
        for topic in [Topic::Groups, Topic::Requests, Topic::Numbers] {
            let progress = Progress {
                position: position(partition, EVENTS_PER_PARTITION - 1),
                event_id: lasts.get(partition as usize).copied(),
                log_time_ms: now_ms,
                partitions: hand.partitions,
                gap: None,
                digest: match topic {
                    Topic::Groups => Some(*digest),
                    Topic::Numbers => Some(Digest::default()),
                    _ => None,
                },
                fold: FOLD,
                written_at_ms: now_ms,
                changes_next: 0,
            };
            value.clear();
            wire::encode_progress(&progress, &mut value);
            let cloud = headers::progress(topic, &progress);
            let cloud = cloud.each_ref().map(|(name, value)| (*name, &value[..]));
            let key = topics::progress_key(partition);
            batch.push(topic.name(), partition, &key, Some(&value), &cloud, now_ms);
        }
    }
    hand.runtime
        .block_on(hand.log.append(batch))
        .context("append progress")?;
    Ok(())
}

fn position(partition: u32, offset: usize) -> Position {
    Position {
        stream: Stream::Events,
        generation: 1,
        partition,
        offset: offset as i64,
    }
}

/// Makes groups as a webhook of their creation does.
struct Maker {
    random: ChaCha8Rng,
    events: Events,
    partitions: u32,
    groups: usize,
    /// Bytes that a record is to have.
    bytes: usize,
    now_ms: i64,
}

impl Maker {
    fn new(partitions: u32, groups: usize, bytes: usize, now_ms: i64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(SEED),
            events: Events::endless(1, now_ms / 1_000),
            partitions,
            groups,
            bytes,
            now_ms,
        }
    }

    fn make(mut self, tx: &mpsc::SyncSender<Batch>) -> Result<Filled> {
        let mut filled = Filled {
            groups: self.groups,
            bytes: 0,
            digests: vec![(Digest::default(), 0); self.partitions as usize],
            sample: Vec::new(),
        };
        let sampled = (self.groups / SAMPLE).max(1);
        let (mut batch, mut value) = (Batch::new(), Vec::new());
        for index in 0..self.groups {
            let id = events::group_id(index);
            let partition = partition(&id, self.partitions);
            let group = self.group(index, &id, partition as u32, &mut value);
            let key = topics::key(&Entity::Group(id.clone()));
            let (position, changed) = (group.envelope.position, group.core.changed);
            let cloud = headers::state(Topic::Groups, &key, &position, changed);
            let cloud = cloud.each_ref().map(|(name, value)| (*name, &value[..]));
            let topic = Topic::Groups.name();
            batch.push(
                topic,
                partition as u32,
                &key,
                Some(&value),
                &cloud,
                self.now_ms,
            );
            filled.bytes += value.len() as u64;
            let (digest, records) = &mut filled.digests[partition];
            digest.add(record_hash(&key, &value));
            *records += 1;
            if index % sampled == 0 {
                let answer = answer(&id, &group)?;
                filled.sample.push((id, answer));
            }
            if batch.len() == BATCH || index + 1 == self.groups {
                let full = std::mem::take(&mut batch);
                tx.send(full).context("the appender ended")?;
            }
        }
        Ok(filled)
    }

    /// A group and its record: as many members as there is room for, or fewer, and a description that fills the rest.
    fn group(&mut self, index: usize, id: &GroupId, partition: u32, value: &mut Vec<u8>) -> Group {
        let offset = self.random.random_range(0..EVENTS_PER_PARTITION);
        let at = self.now_ms / 1_000 - self.random.random_range(0..AGE);
        let members = (self.bytes / BYTES_PER_MEMBER).clamp(1, 8);
        let members = self.random.random_range(1..=members);
        // A fifth more or less, as groups differ.
        let wanted = self
            .random
            .random_range(self.bytes * 4 / 5..=self.bytes * 6 / 5);
        let mut description = String::new();
        loop {
            let participants = (0..members).map(|member| {
                let mut person = events::person(index, member);
                person.username = Some(text(format!("person.{index}.{member}")));
                person
            });
            let created = GroupCreated {
                subject: Some(text(format!("Réparation {index}"))),
                description: Some(text(&description)),
                invite_link: Some(text(format!("https://chat.whatsapp.com/LINK{index:016}"))),
                join_approval_mode: Some(text("approval_required")),
                participants: participants.collect(),
            };
            let about = About::Group(id.clone(), GroupEvent::Created(created));
            let event: Event = self.events.event(at, about);
            let mut group = Group::default();
            group.apply(id, &event, position(partition, offset));
            value.clear();
            wire::encode_group(id, &group, value);
            if value.len() >= wanted || !description.is_empty() {
                return group;
            }
            self.describe(wanted - value.len(), &mut description);
        }
    }

    /// Words that compress as words do.
    fn describe(&mut self, bytes: usize, into: &mut String) {
        const WORDS: [&str; 16] = [
            "étage",
            "porte",
            "à",
            "gauche",
            "rendez-vous",
            "demain",
            "pièce",
            "facture",
            "merci",
            "de",
            "sonner",
            "deux",
            "fois",
            "cour",
            "escalier",
            "clé",
        ];
        while into.len() < bytes {
            let word = WORDS[self.random.random_range(0..WORDS.len())];
            into.push_str(word);
            into.push(' ');
        }
    }
}

/// What a query is to be answered with.
fn answer(group_id: &GroupId, group: &Group) -> Result<Vec<u8>> {
    let view = group.view().context("a group that is not shown")?;
    let answer = wire::json::Group {
        group_id,
        view: &view,
        verified: group.core.verified,
        changed: group.core.changed,
        envelope: &group.envelope,
    };
    serde_json::to_vec(&answer).context("write a group as JSON")
}
