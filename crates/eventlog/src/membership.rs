//! Membership in a group whose members share out partitions among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{log::Log, metrics::GroupMetrics};

/// How to be a member.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Kafka's `group.instance.id` (KIP-345): the name of this member over its restarts, so that one that is back within
    /// `session_timeout` holds what it held and nobody else notices; no two processes may have the same.
    /// `None`: the member is another one after every restart.
    pub instance: Option<String>,
    /// After how long without a sign of life the others share out what this member held.
    ///
    /// Brokers take 6 s to 30 min unless told otherwise (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    pub session_timeout: Duration,
}

/// The partitions that a member holds, as (topic without prefix, partition).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment(BTreeSet<(String, u32)>);

impl Assignment {
    /// Whether this partition is held.
    #[must_use]
    pub fn holds(&self, topic: &str, partition: u32) -> bool {
        self.0.contains(&(topic.to_owned(), partition))
    }

    /// All that is held, by topic and partition.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u32)> + Clone {
        self.0
            .iter()
            .map(|(topic, partition)| (topic.as_str(), *partition))
    }

    /// How many partitions are held, of all topics together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, topic: &str, partition: u32) {
        self.0.insert((topic.to_owned(), partition));
    }

    pub(crate) fn remove(&mut self, topic: &str, partition: u32) {
        self.0.remove(&(topic.to_owned(), partition));
    }
}

impl FromIterator<(String, u32)> for Assignment {
    fn from_iter<T: IntoIterator<Item = (String, u32)>>(partitions: T) -> Self {
        Self(partitions.into_iter().collect())
    }
}

/// A place in a group, cheap to clone; the last clone to be dropped gives it up.
///
/// It only says who leads which partition: no record is fetched through it.
/// A member with an [`instance`](JoinOptions::instance) does not take leave when it is dropped, so that a rolling restart moves nothing:
/// its partitions are shared out only when it is not back within the session time-out.
/// A member without takes leave, and the others have its partitions within seconds.
///
/// It keeps the [`Log`] open, as a clone of it does.
#[derive(Clone)]
pub struct Membership {
    place: Arc<Place>,
}

struct Place {
    shared: Arc<Shared>,
    /// Dropped after the place is given up: the engine waits for the member's thread.
    _log: Log,
}

impl Membership {
    pub(crate) fn new(shared: Arc<Shared>, log: Log) -> Self {
        Self {
            place: Arc::new(Place { shared, _log: log }),
        }
    }

    /// What this member holds now, and every change of it.
    ///
    /// Nothing at first; what is revoked is gone from it at once.
    /// On the local log everything from the first moment.
    ///
    /// While the group's coordinator does not answer, the last is kept though the session be over:
    /// who leads and cannot reach Kafka cannot write either, two leaders do no harm (design §6, zombies),
    /// and mostly the group says the same when it is back, so that nothing was given up for nothing.
    /// A member with an instance gets what it had if it is back before the group has given it up.
    /// A coordinator that was started again counts every session from when it has read its groups, which is seconds before it answers;
    /// where that takes longer than a session, and where it was held still for so long, it finds the group empty and deals anew:
    /// whoever comes first may hold everything until the next one is there, and each may end up with what another had.
    /// (One without an instance comes back as another, and for a session the group counts both: some partitions move, and mostly return.)
    /// It is replaced by what the group then says, and emptied when brokers have answered for a whole session time-out without that.
    /// A process that was itself held still for too long, and one that another with its instance took the place of, holds nothing at once.
    #[must_use]
    pub fn assignment(&self) -> watch::Receiver<Assignment> {
        self.place.shared.assignment.subscribe()
    }

    /// Notes an offset (of the next record to read) to commit for monitors of lag; nothing here ever reads it.
    ///
    /// Never waits and never fails: the newest of each partition is committed about once a second while the partition is held;
    /// what is noted for another partition is forgotten.
    pub fn commit(&self, topic: &str, partition: u32, offset: i64) {
        self.place.shared.note(topic, partition, offset);
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("group", &self.place.shared.group)
            .finish_non_exhaustive()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

/// What the handles and the member's thread share.
pub(crate) struct Shared {
    /// Without prefix.
    group: String,
    topics: Vec<String>,
    assignment: watch::Sender<Assignment>,
    /// The newest offsets noted and not yet committed, by topic and partition; of partitions held only, so no more than those.
    noted: Mutex<BTreeMap<(String, u32), i64>>,
    left: AtomicBool,
    metrics: GroupMetrics,
}

impl Shared {
    pub(crate) fn new(group: &str, topics: &[&str], metrics: &GroupMetrics) -> Arc<Self> {
        let shared = Self {
            group: group.to_owned(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            assignment: watch::Sender::new(Assignment::default()),
            noted: Mutex::default(),
            left: AtomicBool::new(false),
            metrics: metrics.clone(),
        };
        shared.gauge(&Assignment::default());
        Arc::new(shared)
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Whether the last handle is gone.
    pub(crate) fn left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// What the handles see.
    pub(crate) fn shown(&self) -> Assignment {
        self.assignment.borrow().clone()
    }

    /// Shows the handles what is held now, unless they are gone.
    pub(crate) fn show(&self, held: &Assignment) {
        let news = self.assignment.send_if_modified(|shown| {
            // Looked at under the channel's lock: nothing is shown after [`Self::leave`].
            if self.left() || *shown == *held {
                return false;
            }
            *shown = held.clone();
            true
        });
        if news {
            self.gauge(held);
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.retain(|(topic, partition), _| held.holds(topic, *partition));
        }
    }

    pub(crate) fn rebalanced(&self) {
        self.metrics.rebalanced(&self.group);
    }

    /// What is noted, by topic and partition.
    pub(crate) fn noted(&self) -> BTreeMap<(String, u32), i64> {
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what is committed, unless something newer was noted meanwhile.
    pub(crate) fn committed(&self, topic: &str, partition: u32, offset: i64) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (topic.to_owned(), partition);
        if noted.get(&key) == Some(&offset) {
            noted.remove(&key);
        }
    }

    pub(crate) fn note(&self, topic: &str, partition: u32, offset: i64) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if self.assignment.borrow().holds(topic, partition) {
            noted.insert((topic.to_owned(), partition), offset);
        }
    }

    fn leave(&self) {
        self.left.store(true, Ordering::Release);
        self.assignment.send_if_modified(|shown| {
            let held = !shown.is_empty();
            *shown = Assignment::default();
            held
        });
        self.gauge(&Assignment::default());
    }

    fn gauge(&self, held: &Assignment) {
        for topic in &self.topics {
            let count = held.iter().filter(|(name, _)| name == topic).count();
            self.metrics.held(&self.group, topic, count);
        }
    }
}

#[cfg(test)]
mod tests;
