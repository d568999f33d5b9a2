//! All states of a topic in memory.

use std::{collections::BTreeMap, fmt};

use domain::ids::Entity;
use wire::Stored;

use crate::{
    state::State,
    table::{Incoming, Outcome, Table},
};

/// All states of a topic, by id: a [`Table`] with the states beside it.
///
/// ```
/// use consumer::{Incoming, Outcome, View};
/// use domain::group::Group;
///
/// let mut groups: View<Group> = View::default();
///
/// // For each record of the topic that the Kafka client gives:
/// # let id = domain::ids::GroupId::parse("1").unwrap();
/// # let mut state = Group::default();
/// # state.envelope.position.generation = 1;
/// # let (key, mut value) = (b"g/1", Vec::new());
/// # wire::encode_group(&id, &state, &mut value);
/// let record = Incoming { partition: 0, offset: 0, key, value: Some(&value) };
/// let outcome = groups.take(record);
/// assert!(matches!(outcome, Outcome::Put { .. }));
/// assert_eq!(groups.take(record), Outcome::Known(domain::ids::Entity::Group(id)), "again");
///
/// // Once the end is reached that the partition had when reading began:
/// groups.at_end(0);
/// assert_eq!(groups.iter().count(), 1);
/// ```
pub struct View<S: State> {
    table: Table<S>,
    states: BTreeMap<S::Id, Stored<S::Id, S>>,
}

impl<S: State> Default for View<S> {
    fn default() -> Self {
        Self {
            table: Table::default(),
            states: BTreeMap::new(),
        }
    }
}

impl<S: State> fmt::Debug for View<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.table, f)
    }
}

impl<S: State> View<S> {
    /// Takes the next record of a partition, as [`Table::take`] does, and keeps the state.
    pub fn take(&mut self, record: Incoming<'_>) -> Outcome<S::Id> {
        match self.table.take(record) {
            Outcome::Put { state, is_news } => {
                let id = state.id.clone();
                self.states.insert(id.clone(), state);
                Outcome::Put { state: id, is_news }
            }
            Outcome::Removed(entity) => {
                self.remove(&entity);
                Outcome::Removed(entity)
            }
            Outcome::Stale(entity) => Outcome::Stale(entity),
            Outcome::Known(entity) => Outcome::Known(entity),
            Outcome::Progress(check) => Outcome::Progress(check),
            Outcome::Skipped(why) => Outcome::Skipped(why),
        }
    }

    /// As [`Table::at_end`].
    pub fn at_end(&mut self, partition: u32) -> Vec<Entity> {
        let gone = self.table.at_end(partition);
        for entity in &gone {
            self.remove(entity);
        }
        gone
    }

    /// As [`Table::begin_again`].
    pub fn begin_again(&mut self, partition: u32) {
        self.table.begin_again(partition);
    }

    /// As [`Table::release`].
    pub fn release(&mut self, entity: &Entity) {
        self.table.release(entity);
        self.remove(entity);
    }

    /// A state; `fold` in it above [`domain::limits::FOLD`] means that it is read as far as it is understood.
    pub fn get(&self, id: &S::Id) -> Option<&Stored<S::Id, S>> {
        self.states.get(id)
    }

    /// All states, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Stored<S::Id, S>> {
        self.states.values()
    }

    /// Number of states held.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Is none held?
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Positions, progress, digests and checks.
    pub fn table(&self) -> &Table<S> {
        &self.table
    }

    fn remove(&mut self, entity: &Entity) {
        if let Some(id) = S::id(entity) {
            self.states.remove(id);
        }
    }
}
