//! What the projection holds, followed from the state topics: the groups of each number, and the numbers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chassis::{Clock, health::Check};
use domain::{
    group::Group,
    ids::{Entity, GroupId, PhoneNumberId, Second},
    number::Number,
    position::{Envelope, Position},
};
use eventlog::{At, Class, Log, Reader, Start};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;
use wire::{
    Record, Stored,
    topics::{Key, Topic, parse_key},
};

use crate::{
    commands::Requests,
    ledgers::Ledgers,
    limits::{FOLLOW_BYTES_MAX, FOLLOW_PAUSE, FOLLOW_RECORDS_MAX},
};

/// Topics followed; the last one's progress is announced after all states.
const FOLLOWED: [Topic; 3] = [Topic::Groups, Topic::Requests, Topic::Numbers];

/// How long a read of the topics waits for something new.
const WAIT: Duration = Duration::from_millis(500);

/// Shared view of the state topics. Locks are held for look-ups only, never over a wait.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    held: Arc<Mutex<Held>>,
    caught_up: watch::Sender<bool>,
    /// Counts batches taken, so that somebody can wait for news.
    batches: watch::Sender<u64>,
    ledgers: Ledgers,
    /// Records taken.
    records: Counter,
}

/// All groups and numbers, keeping the greatest position of each.
#[derive(Debug, Default)]
pub(crate) struct Held {
    groups: HashMap<GroupId, Marked<Group>>,
    of_number: HashMap<PhoneNumberId, BTreeSet<GroupId>>,
    numbers: HashMap<PhoneNumberId, Marked<Number>>,
    requests: Requests,
    /// How far each partition is folded.
    progress: BTreeMap<u32, Position>,
    /// Before which second what was verified counts as unverified, for the log has lost events.
    gap: Option<Second>,
    /// How many times the topics were begun from their beginning.
    reading: u64,
}

/// A state, and in which reading of the topics it was last seen: a tombstone may be gone by the next.
#[derive(Debug)]
struct Marked<S> {
    state: Arc<S>,
    reading: u64,
}

impl Snapshots {
    /// Nothing held yet; `records` counts what is taken.
    pub(crate) fn new(records: Counter) -> Self {
        Self {
            held: Arc::new(Mutex::new(Held::default())),
            caught_up: watch::channel(false).0,
            batches: watch::channel(0).0,
            ledgers: Ledgers::default(),
            records,
        }
    }

    /// The books of the numbers that this instance owns.
    pub(crate) fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }

    /// Looks something up.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        // A panic while it was held cannot have left half a change: each is one insertion.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves once everything that the topics held at the start is here.
    pub(crate) async fn caught_up(&self) {
        // The sender lives as long as self.
        let _ = self
            .caught_up
            .subscribe()
            .wait_for(|caught_up| *caught_up)
            .await;
    }

    /// Is everything here that the topics held at the start?
    pub(crate) fn is_caught_up(&self) -> bool {
        *self.caught_up.borrow()
    }

    /// Waits until `find` finds something in what is held. It is asked again after each batch; the wait has no limit of its own.
    pub(crate) async fn until<T>(&self, mut find: impl FnMut(&Held) -> Option<T>) -> T {
        let mut batches = self.batches.subscribe();
        loop {
            batches.borrow_and_update();
            if let Some(found) = find(&self.held()) {
                return found;
            }
            // The sender lives as long as self.
            let _ = batches.changed().await;
        }
    }

    /// As [`Self::until`], for who looks several things up.
    pub(crate) async fn until_told<T>(&self, find: impl Fn() -> Option<T>) -> T {
        let mut batches = self.batches.subscribe();
        loop {
            batches.borrow_and_update();
            if let Some(found) = find() {
                return found;
            }
            // The sender lives as long as self.
            let _ = batches.changed().await;
        }
    }

    /// Follows the topics for ever.
    pub(crate) async fn follow(
        self,
        log: Log,
        clock: Clock,
        check: Check,
    ) -> Result<(), eventlog::Error> {
        check.failing("reading the state topics");
        loop {
            let ended = match Self::open(&log).await {
                Ok(reader) => self.follow_once(reader, &clock, &check).await,
                Err(error) => error,
            };
            // Where the beginning moved on under us, all is read again from where it now is.
            let is_passing = ended.class() == Class::Transient
                || matches!(ended, eventlog::Error::OutOfRange { .. });
            if !is_passing {
                return Err(ended);
            }
            Self::pause(&ended, &clock, &check).await;
        }
    }

    async fn open(log: &Log) -> Result<Reader, eventlog::Error> {
        let mut starts = Vec::new();
        for topic in FOLLOWED {
            for partition in 0..log.partitions(topic.name()).await? {
                starts.push(Start::new(topic.name(), partition, At::Beginning));
            }
        }
        log.reader(starts).await
    }

    /// Reads from the beginning and on, until that is impossible.
    async fn follow_once(
        &self,
        mut reader: Reader,
        clock: &Clock,
        check: &Check,
    ) -> eventlog::Error {
        self.held().reading += 1;
        let (mut has_reached, mut is_failing) = (false, true);
        loop {
            if !has_reached && reader.reached_all_ends() {
                has_reached = true;
                self.held().sweep();
                self.caught_up.send_replace(true);
            }
            if is_failing && has_reached {
                is_failing = false;
                check.ok();
            }
            let read = reader.next(FOLLOW_RECORDS_MAX, FOLLOW_BYTES_MAX, WAIT);
            let batch = match read.await {
                Ok(batch) => batch,
                // The reader goes on where it stands.
                Err(error) if error.class() == Class::Transient => {
                    Self::pause(&error, clock, check).await;
                    is_failing = true;
                    continue;
                }
                Err(error) => return error,
            };
            for record in batch.iter() {
                // Of the topics the numbers' come last; their progress is announced after all states.
                let is_last =
                    record.source >= reader.sources() / FOLLOWED.len() * (FOLLOWED.len() - 1);
                self.take(record.key, record.value, is_last);
            }
            self.records.inc_by(batch.len() as u64);
            self.batches.send_modify(|batches| *batches += 1);
        }
    }

    async fn pause(error: &eventlog::Error, clock: &Clock, check: &Check) {
        tracing::warn!(%error, "state topics could not be read; trying again");
        check.failing("state topics cannot be read");
        clock.sleep(FOLLOW_PAUSE).await;
    }

    fn take(&self, key: &[u8], value: Option<&[u8]>, is_last: bool) {
        let entity = match parse_key(key) {
            Some(Key::Entity(entity)) => entity,
            Some(Key::Progress(partition)) if is_last => {
                return self.take_progress(partition, value);
            }
            Some(Key::Progress(_)) | None => return,
        };
        let Some(value) = value else {
            return self.held().forget(&entity);
        };
        // What cannot be decoded is the projector's to report; here it only leaves what was held.
        match entity {
            Entity::Group(_) => {
                if let Ok(Record::State(Stored { id, state, .. })) = wire::decode_group(value) {
                    let (before, after) = self.held().put_group(id.clone(), state);
                    if let Some(after) = after {
                        self.ledgers.followed(&id, before.as_deref(), &after);
                    }
                }
            }
            Entity::Number(_) => {
                if let Ok(Record::State(Stored { id, state, .. })) = wire::decode_number(value) {
                    self.held().put_number(id, state);
                }
            }
            Entity::Request(_) => {
                if let Ok(Record::State(Stored { id, state, .. })) = wire::decode_request(value) {
                    self.held().requests.put(id, state);
                }
            }
            Entity::Message(_) => {}
        }
    }
}

impl Snapshots {
    /// How far the fold has come.
    fn take_progress(&self, partition: u32, value: Option<&[u8]>) {
        let Some(Ok(progress)) = value.map(wire::decode_progress) else {
            return;
        };
        let mut held = self.held();
        let known = held.progress.entry(partition).or_insert(progress.position);
        if progress.position.is_after(known) {
            *known = progress.position;
        }
        held.gap = held.gap.max(progress.gap.map(|gap| gap.at));
    }
}

impl Held {
    /// The positions up to which events are folded, by partition, as far as it was told.
    pub(crate) fn progress(&self) -> &BTreeMap<u32, Position> {
        &self.progress
    }

    /// The end of the last gap of the log, if it has any.
    pub(crate) fn gap(&self) -> Option<Second> {
        self.gap
    }

    /// Requests of the last days, of ours and Meta's.
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// All numbers that have a state, in order.
    pub(crate) fn numbers(&self) -> Vec<(PhoneNumberId, Arc<Number>)> {
        let numbers = self.numbers.iter();
        let mut numbers: Vec<_> = numbers
            .map(|(id, held)| (id.clone(), Arc::clone(&held.state)))
            .collect();
        numbers.sort_by(|a, b| a.0.cmp(&b.0));
        numbers
    }

    pub(crate) fn group(&self, group_id: &GroupId) -> Option<Arc<Group>> {
        Some(Arc::clone(&self.groups.get(group_id)?.state))
    }

    pub(crate) fn number(&self, number: &PhoneNumberId) -> Option<Arc<Number>> {
        Some(Arc::clone(&self.numbers.get(number)?.state))
    }

    /// All groups of a number, in order.
    pub(crate) fn groups_of(&self, number: &PhoneNumberId) -> Vec<(GroupId, Arc<Group>)> {
        let ids = self.of_number.get(number).into_iter().flatten();
        ids.filter_map(|id| Some((id.clone(), self.group(id)?)))
            .collect()
    }

    /// Takes a state; gives the one before, and the new one unless it is older.
    fn put_group(
        &mut self,
        group_id: GroupId,
        group: Group,
    ) -> (Option<Arc<Group>>, Option<Arc<Group>>) {
        let mut before = None;
        if let Some(held) = self.groups.get_mut(&group_id) {
            held.reading = self.reading;
            if is_older(&group.envelope, &held.state.envelope) {
                return (None, None);
            }
            before = Some(Arc::clone(&held.state));
            self.leave_number(&group_id);
        }
        if let Some(number) = number_of(&group) {
            self.of_number
                .entry(number)
                .or_default()
                .insert(group_id.clone());
        }
        let marked = self.mark(group);
        let after = Arc::clone(&marked.state);
        self.groups.insert(group_id, marked);
        (before, Some(after))
    }

    fn put_number(&mut self, number_id: PhoneNumberId, number: Number) {
        if let Some(held) = self.numbers.get_mut(&number_id) {
            held.reading = self.reading;
            if is_older(&number.envelope, &held.state.envelope) {
                return;
            }
        }
        let marked = self.mark(number);
        self.numbers.insert(number_id, marked);
    }

    fn mark<S>(&self, state: S) -> Marked<S> {
        Marked {
            state: Arc::new(state),
            reading: self.reading,
        }
    }

    /// Forgets what a reading from the beginning did not show.
    fn sweep(&mut self) {
        let reading = self.reading;
        let unseen = self
            .groups
            .iter()
            .filter(|(_, held)| held.reading < reading);
        let unseen: Vec<GroupId> = unseen.map(|(group_id, _)| group_id.clone()).collect();
        for group_id in unseen {
            self.forget(&Entity::Group(group_id));
        }
        self.numbers.retain(|_, held| held.reading >= reading);
    }

    fn forget(&mut self, entity: &Entity) {
        match entity {
            Entity::Group(group_id) => {
                self.leave_number(group_id);
                self.groups.remove(group_id);
            }
            Entity::Number(number) => {
                self.numbers.remove(number);
            }
            Entity::Request(id) => self.requests.forget(id),
            Entity::Message(_) => {}
        }
    }

    fn leave_number(&mut self, group_id: &GroupId) {
        let number = self
            .groups
            .get(group_id)
            .and_then(|held| number_of(&held.state));
        if let Some(ids) = number.and_then(|number| self.of_number.get_mut(&number)) {
            ids.remove(group_id);
        }
    }
}

fn number_of(group: &Group) -> Option<PhoneNumberId> {
    PhoneNumberId::parse(&group.core.number.as_ref()?.value).ok()
}

fn is_older(this: &Envelope, held: &Envelope) -> bool {
    held.position.is_after(&this.position)
}

#[cfg(test)]
mod tests;
