//! Which records of a state topic count.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    marker::PhantomData,
};

use domain::{ids::Entity, position::Position};
use wire::{
    Progress, Record, Stored,
    digest::{Digest, RecordHash, record_hash},
    topics::{self, Key},
};

use crate::{
    check::{Check, Freshness, Unproven},
    state::State,
};

/// A record as any Kafka client gives it, of the one topic that a [`Table`] is of.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// Partition that it was read from.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl fmt::Debug for Incoming<'_> {
    /// Sizes alone: contents are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("key_bytes", &self.key.len())
            .field("value_bytes", &self.value.map(<[u8]>::len))
            .finish()
    }
}

/// What a record means to its reader; `T` is what is told of a state.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// This is the state from now on: write it.
    Put {
        /// Of a [`Table`]: the state, its id and its fold; a fold above [`domain::limits::FOLD`] is read as far as it is understood.
        /// Of a [`View`](crate::View), which keeps the state: its id.
        state: T,
        /// Does it show anything else than the state held before? Where not, what changed is only how it is known.
        is_news: bool,
    },
    /// The entity is gone: delete it.
    Removed(Entity),
    /// A former leader's late write, older than what is held: leave it.
    Stale(Entity),
    /// Held already, or a tombstone of what was not held: leave it.
    Known(Entity),
    /// How far the projector had come, and whether all that it held then is held here.
    Progress(Check),
    /// Could not be understood: count it, and go on.
    Skipped(Skip),
}

/// Why a record was skipped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Skip {
    /// The key is not of this topic.
    #[error("key is not of this topic")]
    ForeignKey,
    /// The value does not belong to the key.
    #[error("value does not belong to its key")]
    Mismatch,
    /// Something newer than this reader.
    #[error("record is of a kind that this reader does not know")]
    Unknown,
    /// The value is damaged.
    #[error("record cannot be read")]
    Unreadable(#[from] wire::Error),
}

/// What [`Table::take`] tells of a record.
pub type Taken<S> = Outcome<Stored<<S as State>::Id, S>>;

/// What is remembered of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Partition of the state topic that it stands in.
    pub partition: u32,
    /// The last event that changed it.
    pub position: Position,
    /// The last event that changed what it shows.
    pub version: Option<Position>,
    /// Its part in the digest.
    pub hash: RecordHash,
    /// Reading of the partition in which it last came, see [`Table::begin_again`].
    round: u32,
}

/// What is known of one partition.
#[derive(Debug, Default)]
struct Partition {
    /// By key. While a generation is raised a key may lie in two partitions, as the same state.
    held: HashMap<Box<[u8]>, Held>,
    digest: Digest,
    next_offset: i64,
    progress: Option<Progress>,
    check: Option<Check>,
    /// The greatest position of any state taken, which may have been taken out since.
    newest: Option<Position>,
    /// Was a state taken out since the last progress record?
    was_removed: bool,
    is_at_end: bool,
    round: u32,
}

/// The positions of all states of a topic, without the states: for a reader that keeps those in a place of its own.
///
/// Costs about 150 bytes and the key for each state held.
///
/// ```
/// use consumer::{Incoming, Outcome, Table};
/// use domain::group::Group;
///
/// fn handle(table: &mut Table<Group>, record: Incoming<'_>) {
///     match table.take(record) {
///         Outcome::Put { state, is_news } => println!("write {}: {is_news}", state.id),
///         Outcome::Removed(entity) => println!("delete {entity}"),
///         Outcome::Progress(check) => println!("{check:?}"),
///         Outcome::Stale(_) | Outcome::Known(_) => {}
///         Outcome::Skipped(why) => eprintln!("skipped: {why}"),
///     }
/// }
/// # handle(&mut Table::default(), Incoming { partition: 0, offset: 0, key: b"g/1", value: None });
/// ```
pub struct Table<S> {
    partitions: BTreeMap<u32, Partition>,
    /// States held, of which each counts once in however many partitions it lies.
    states: usize,
    of: PhantomData<fn() -> S>,
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self {
            partitions: BTreeMap::new(),
            states: 0,
            of: PhantomData,
        }
    }
}

impl<S> fmt::Debug for Table<S> {
    /// Counts alone: keys may embed a phone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("states", &self.states)
            .field("partitions", &self.partitions.len())
            .finish()
    }
}

impl<S: State> Table<S> {
    /// Takes the next record of a partition.
    ///
    /// Records of one partition must come in their order; partitions may come in any.
    /// What is fed twice does no harm.
    pub fn take(&mut self, record: Incoming<'_>) -> Taken<S> {
        let partition = self.partitions.entry(record.partition).or_default();
        partition.next_offset = partition.next_offset.max(record.offset.saturating_add(1));
        let entity = match topics::parse_key(record.key) {
            Some(Key::Progress(named)) if named == record.partition => {
                return self.progress_record(record);
            }
            Some(Key::Entity(entity)) if topics::Topic::of_state(&entity) == S::TOPIC => entity,
            Some(Key::Progress(_) | Key::Entity(_)) | None => {
                return Outcome::Skipped(Skip::ForeignKey);
            }
        };
        let Some(value) = record.value else {
            return self.tombstone(record, entity);
        };
        match S::decode(value) {
            Ok(Record::State(stored)) if S::entity(&stored.id) == entity => {
                self.state(record, value, entity, stored)
            }
            Ok(Record::State(_) | Record::Progress(_)) => Outcome::Skipped(Skip::Mismatch),
            Ok(Record::Unknown) => Outcome::Skipped(Skip::Unknown),
            Err(error) => Outcome::Skipped(Skip::Unreadable(error)),
        }
    }

    fn state(
        &mut self,
        record: Incoming<'_>,
        value: &[u8],
        entity: Entity,
        stored: Stored<S::Id, S>,
    ) -> Taken<S> {
        let envelope = *stored.state.envelope();
        let partition = self.partitions.entry(record.partition).or_default();
        let new = Held {
            partition: record.partition,
            position: envelope.position,
            version: envelope.version,
            hash: record_hash(record.key, value),
            round: partition.round,
        };
        let here = partition.held.get_mut(record.key).map(|held| {
            // It came, so it is there, however old this writing of it is.
            held.round = new.round;
            *held
        });
        if let Some(here) = here {
            if here.position.is_after(&new.position) {
                return Outcome::Stale(entity);
            }
            if (here.position, here.hash) == (new.position, new.hash) {
                return Outcome::Known(entity);
            }
        }
        partition.put(record.key, new);
        let elsewhere = self.elsewhere(record.partition, record.key);
        if here.is_none() && elsewhere.is_none() {
            self.states += 1;
        }
        // When a generation is raised, a state is written to its new partition as it is, before it is taken from the old one.
        if let Some(other) = elsewhere {
            if other.position.is_after(&new.position) {
                return Outcome::Stale(entity);
            }
            if (other.position, other.hash) == (new.position, new.hash) {
                return Outcome::Known(entity);
            }
        }
        let before = greater(here, elsewhere);
        let is_news = before.map(|before| before.version) != Some(new.version);
        Outcome::Put {
            state: stored,
            is_news,
        }
    }

    /// What is held of a key in other partitions than this one: the greatest position of it.
    fn elsewhere(&self, partition: u32, key: &[u8]) -> Option<Held> {
        let others = self.partitions.iter().filter(|(of, _)| **of != partition);
        others
            .filter_map(|(_, other)| other.held.get(key).copied())
            .fold(None, |one, other| greater(one, Some(other)))
    }

    fn tombstone(&mut self, record: Incoming<'_>, entity: Entity) -> Taken<S> {
        let partition = self.partitions.entry(record.partition).or_default();
        if !partition.take_out(record.key) {
            return Outcome::Known(entity);
        }
        partition.was_removed = true;
        // It moved to another partition, where it was read before.
        if self.elsewhere(record.partition, record.key).is_some() {
            return Outcome::Known(entity);
        }
        self.states -= 1;
        Outcome::Removed(entity)
    }

    fn progress_record(&mut self, record: Incoming<'_>) -> Taken<S> {
        let Some(value) = record.value else {
            return Outcome::Skipped(Skip::Mismatch);
        };
        let progress = match S::decode(value) {
            Ok(Record::Progress(progress)) => progress,
            Ok(Record::State(_)) => return Outcome::Skipped(Skip::Mismatch),
            Ok(Record::Unknown) => return Outcome::Skipped(Skip::Unknown),
            Err(error) => return Outcome::Skipped(Skip::Unreadable(error)),
        };
        if progress.position.partition != record.partition {
            return Outcome::Skipped(Skip::Mismatch);
        }
        let partition = self.partitions.entry(record.partition).or_default();
        let check = partition.compare(&progress);
        if check != Check::Unproven(Unproven::Late) {
            partition.check = Some(check);
            partition.was_removed = false;
            partition.progress = Some(progress);
        }
        Outcome::Progress(check)
    }

    /// Says that the end which a partition had when reading began is reached: from now on, a digest that differs is a fault.
    ///
    /// Gives the keys of states that did not come again since [`Table::begin_again`]: they are gone, though their tombstones were missed.
    pub fn at_end(&mut self, partition: u32) -> Vec<Entity> {
        let state = self.partitions.entry(partition).or_default();
        if state.is_at_end {
            return Vec::new();
        }
        state.is_at_end = true;
        let round = state.round;
        let missed = state.held.iter().filter(|(_, held)| held.round != round);
        let missed: Vec<Box<[u8]>> = missed.map(|(key, _)| key.clone()).collect();
        for key in &missed {
            state.was_removed |= state.take_out(key);
        }
        // What the last progress said is comparable now, if it was only for this that it was not.
        if let Some(progress) = state.progress.take() {
            state.check = Some(state.compare(&progress));
            state.progress = Some(progress);
        }
        let mut gone = Vec::with_capacity(missed.len());
        for key in &missed {
            if self.elsewhere(partition, key).is_none() {
                self.states -= 1;
                let key = std::str::from_utf8(key).ok();
                gone.extend(key.and_then(Entity::from_key));
            }
        }
        gone.sort();
        gone
    }

    /// Says that a partition is read again from its beginning: after a digest that differs, or after an absence
    /// of more than 12 hours, for tombstones may be compacted away after 24.
    /// What is held goes on counting; what has not come again by [`Table::at_end`] is gone.
    pub fn begin_again(&mut self, partition: u32) {
        let state = self.partitions.entry(partition).or_default();
        state.round = state.round.wrapping_add(1);
        state.is_at_end = false;
        state.next_offset = 0;
        state.check = None;
    }

    /// Puts back what a reader remembered when it last ended, before it goes on at the offset after it.
    pub fn restore(
        &mut self,
        entity: &Entity,
        partition: u32,
        position: Position,
        version: Option<Position>,
        hash: RecordHash,
    ) {
        let state = self.partitions.entry(partition).or_default();
        let held = Held {
            partition,
            position,
            version,
            hash,
            round: state.round,
        };
        let key = topics::key(entity);
        let is_new = state.put(&key, held).is_none();
        if is_new && self.elsewhere(partition, &key).is_none() {
            self.states += 1;
        }
    }

    /// Lets go of a state of `messages.v1` or `requests.v1` that is too old to matter: their records lapse without a tombstone.
    /// Of the other topics it would make the digest differ.
    pub fn release(&mut self, entity: &Entity) {
        let key = topics::key(entity);
        let mut was_held = false;
        for partition in self.partitions.values_mut() {
            was_held |= partition.take_out(&key);
        }
        self.states -= usize::from(was_held);
    }

    /// What is remembered of a state.
    pub fn held(&self, entity: &Entity) -> Option<Held> {
        let key = topics::key(entity);
        let copies = self.partitions.values().map(|of| of.held.get(&*key));
        copies.fold(None, |one, other| greater(one, other.copied()))
    }

    /// Number of states held.
    pub fn len(&self) -> usize {
        self.states
    }

    /// Is none held?
    pub fn is_empty(&self) -> bool {
        self.states == 0
    }

    /// Partitions that a record came from, in order.
    pub fn partitions(&self) -> impl Iterator<Item = u32> + '_ {
        self.partitions.keys().copied()
    }

    /// Number of states held of a partition.
    pub fn records(&self, partition: u32) -> u64 {
        self.partitions
            .get(&partition)
            .map_or(0, |partition| partition.held.len() as u64)
    }

    /// Digest of the states held of a partition, as [`wire::digest`] describes it.
    pub fn digest(&self, partition: u32) -> Digest {
        self.partitions
            .get(&partition)
            .map_or_else(Digest::default, |partition| partition.digest)
    }

    /// The offset after the last record of a partition: where to go on.
    pub fn next_offset(&self, partition: u32) -> i64 {
        self.partitions
            .get(&partition)
            .map_or(0, |partition| partition.next_offset)
    }

    /// The progress record of a partition that has come furthest.
    pub fn progress(&self, partition: u32) -> Option<&Progress> {
        self.partitions.get(&partition)?.progress.as_ref()
    }

    /// What came of the last comparison of digests.
    pub fn check(&self, partition: u32) -> Option<Check> {
        self.partitions.get(&partition)?.check
    }

    /// How fresh a partition is; `None` before its first progress record.
    pub fn freshness(&self, partition: u32) -> Option<Freshness> {
        self.progress(partition).map(Freshness::of)
    }

    /// Is the effect of the event at `position` held, if it had any?
    ///
    /// So that a service which was given a position (`Rollcall-Position`, or the answer to a command) can wait for it.
    pub fn has_reached(&self, position: &Position) -> bool {
        position.stream == S::STREAM
            && self
                .progress(position.partition)
                .is_some_and(|progress| !position.is_after(&progress.position))
    }
}

impl Partition {
    /// What was there before.
    fn put(&mut self, key: &[u8], new: Held) -> Option<Held> {
        self.digest.add(new.hash);
        if self
            .newest
            .is_none_or(|newest| new.position.is_after(&newest))
        {
            self.newest = Some(new.position);
        }
        let before = match self.held.get_mut(key) {
            Some(held) => Some(std::mem::replace(held, new)),
            None => self.held.insert(key.into(), new),
        };
        if let Some(before) = before {
            self.digest.remove(before.hash);
        }
        before
    }

    /// Was it there?
    fn take_out(&mut self, key: &[u8]) -> bool {
        let held = self.held.remove(key);
        if let Some(held) = held {
            self.digest.remove(held.hash);
        }
        held.is_some()
    }

    fn compare(&self, progress: &Progress) -> Check {
        let Progress {
            position, digest, ..
        } = progress;
        let last = self.progress.as_ref().map(|last| &last.position);
        if last.is_some_and(|last| last.is_after(position)) {
            return Check::Unproven(Unproven::Late);
        }
        let Some(theirs) = *digest else {
            return Check::Unproven(Unproven::NoDigest);
        };
        let is_ahead = self.newest.is_some_and(|newest| newest.is_after(position));
        if is_ahead {
            return Check::Unproven(Unproven::Ahead);
        }
        if self.digest == theirs {
            return Check::Agrees;
        }
        if !self.is_at_end {
            return Check::Unproven(Unproven::CatchingUp);
        }
        if self.was_removed {
            return Check::Unproven(Unproven::Removed);
        }
        Check::Differs {
            ours: self.digest,
            theirs,
        }
    }
}

/// Of two that are held of one key, the one that counts.
fn greater(one: Option<Held>, other: Option<Held>) -> Option<Held> {
    match (one, other) {
        (Some(one), Some(other)) if other.position.is_after(&one.position) => Some(other),
        (one, other) => one.or(other),
    }
}
