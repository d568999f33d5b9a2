//! What the projection holds, followed from the state topics: the groups of each number, and the numbers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chassis::{Clock, health::Check};
use domain::{
    group::Group,
    ids::{Entity, GroupId, PhoneNumberId},
    number::Number,
    position::Envelope,
};
use eventlog::{At, Class, Log, Start};
use tokio::sync::watch;
use wire::{
    Record, Stored,
    topics::{Key, Topic, parse_key},
};

use crate::limits::{FOLLOW_BYTES_MAX, FOLLOW_RECORDS_MAX};

/// How long a read of the topics waits for something new.
const WAIT: Duration = Duration::from_millis(500);

/// Pause after a read of the topics failed.
const FAILED: Duration = Duration::from_secs(1);

/// Shared view of the state topics. Locks are held for look-ups only, never over a wait.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    held: Arc<Mutex<Held>>,
    caught_up: watch::Sender<bool>,
}

/// All groups and numbers, keeping the greatest position of each.
#[derive(Debug, Default)]
pub(crate) struct Held {
    groups: HashMap<GroupId, Arc<Group>>,
    of_number: HashMap<PhoneNumberId, BTreeSet<GroupId>>,
    numbers: HashMap<PhoneNumberId, Arc<Number>>,
}

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self {
            held: Arc::new(Mutex::new(Held::default())),
            caught_up: watch::channel(false).0,
        }
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

    /// Follows the topics for ever.
    pub(crate) async fn follow(
        self,
        log: Log,
        clock: Clock,
        check: Check,
    ) -> Result<(), eventlog::Error> {
        check.failing("reading the state topics");
        loop {
            match self.follow_once(&log, &check).await {
                Err(error) if error.class() == Class::Transient => {
                    tracing::warn!(%error, "state topics could not be read; trying again");
                    check.failing("state topics cannot be read");
                    clock.sleep(FAILED).await;
                }
                // The beginning moved on under us: read again from where it now is.
                Err(eventlog::Error::OutOfRange { .. }) => {}
                ended => return ended,
            }
        }
    }

    async fn follow_once(&self, log: &Log, check: &Check) -> Result<(), eventlog::Error> {
        let mut starts = Vec::new();
        for topic in [Topic::Groups, Topic::Numbers] {
            for partition in 0..log.partitions(topic.name()).await? {
                starts.push(Start::new(topic.name(), partition, At::Beginning));
            }
        }
        let mut reader = log.reader(starts).await?;
        loop {
            let batch = reader
                .next(FOLLOW_RECORDS_MAX, FOLLOW_BYTES_MAX, WAIT)
                .await?;
            for record in batch.iter() {
                self.take(record.key, record.value);
            }
            if reader.reached_all_ends() && !*self.caught_up.borrow() {
                check.ok();
                self.caught_up.send_replace(true);
            }
        }
    }

    fn take(&self, key: &[u8], value: Option<&[u8]>) {
        let Some(Key::Entity(entity)) = parse_key(key) else {
            return;
        };
        let Some(value) = value else {
            return self.held().forget(&entity);
        };
        // What cannot be decoded is the projector's to report; here it only leaves what was held.
        match entity {
            Entity::Group(_) => {
                if let Ok(Record::State(Stored { id, state, .. })) = wire::decode_group(value) {
                    self.held().put_group(id, state);
                }
            }
            Entity::Number(_) => {
                if let Ok(Record::State(Stored { id, state, .. })) = wire::decode_number(value) {
                    self.held().put_number(id, state);
                }
            }
            Entity::Message(_) | Entity::Request(_) => {}
        }
    }
}

impl Held {
    pub(crate) fn group(&self, group_id: &GroupId) -> Option<Arc<Group>> {
        self.groups.get(group_id).cloned()
    }

    pub(crate) fn number(&self, number: &PhoneNumberId) -> Option<Arc<Number>> {
        self.numbers.get(number).cloned()
    }

    /// All groups of a number, in order.
    pub(crate) fn groups_of(&self, number: &PhoneNumberId) -> Vec<(GroupId, Arc<Group>)> {
        let ids = self.of_number.get(number).into_iter().flatten();
        ids.filter_map(|id| Some((id.clone(), Arc::clone(self.groups.get(id)?))))
            .collect()
    }

    fn put_group(&mut self, group_id: GroupId, group: Group) {
        if let Some(held) = self.groups.get(&group_id) {
            if is_older(&group.envelope, &held.envelope) {
                return;
            }
            self.leave_number(&group_id);
        }
        if let Some(number) = number_of(&group) {
            self.of_number
                .entry(number)
                .or_default()
                .insert(group_id.clone());
        }
        self.groups.insert(group_id, Arc::new(group));
    }

    fn put_number(&mut self, number_id: PhoneNumberId, number: Number) {
        if !self
            .numbers
            .get(&number_id)
            .is_some_and(|held| is_older(&number.envelope, &held.envelope))
        {
            self.numbers.insert(number_id, Arc::new(number));
        }
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
            Entity::Message(_) | Entity::Request(_) => {}
        }
    }

    fn leave_number(&mut self, group_id: &GroupId) {
        let number = self.groups.get(group_id).and_then(|group| number_of(group));
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
