//! What topics there are, how they are kept, and how their records are keyed.

use std::time::Duration;

use bytes::Bytes;
use domain::ids::Entity;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A topic of Rollcall's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Events, but for receipts.
    Events,
    /// Statuses of messages.
    Receipts,
    /// State of groups.
    Groups,
    /// State of messages.
    Messages,
    /// State of management requests.
    Requests,
    /// State of business numbers.
    Numbers,
    /// What changed, in order.
    Changes,
    /// What could not be understood.
    Quarantine,
}

/// How the broker throws records away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// By age.
    Delete {
        /// Kept so long.
        retention: Duration,
    },
    /// All but the last of each key.
    Compact,
    /// Both.
    CompactAndDelete {
        /// Kept so long.
        retention: Duration,
    },
}

/// What a topic must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Which.
    pub topic: Topic,
    /// Name without the prefix of the deployment.
    pub name: &'static str,
    /// What its records are keyed by, for people.
    pub key: &'static str,
    /// What its values are, for people.
    pub value: &'static str,
    /// How the broker throws records away.
    pub cleanup: Cleanup,
    /// `segment.ms`: only closed segments are thrown away or compacted.
    pub segment: Duration,
    /// `delete.retention.ms`: a reader slower than this may miss a tombstone.
    pub delete_retention: Duration,
    /// `min.compaction.lag.ms`: what a reader this far behind sees is not yet compacted.
    pub min_compaction_lag: Duration,
}

/// All topics, in order of [`Topic`].
pub const TOPICS: [Spec; 8] = [
    spec(
        Topic::Events,
        "events.v1",
        "entity",
        "rollcall.v1.Event",
        delete(30),
    ),
    spec(
        Topic::Receipts,
        "receipts.v1",
        "m/<wamid>",
        "rollcall.v1.Event",
        delete(8),
    ),
    spec(
        Topic::Groups,
        "groups.v1",
        "g/<group_id>",
        "rollcall.v1.GroupRecord",
        Cleanup::Compact,
    ),
    spec(
        Topic::Messages,
        "messages.v1",
        "m/<wamid>",
        "rollcall.v1.MessageRecord",
        compact_and_delete(30),
    ),
    spec(
        Topic::Requests,
        "requests.v1",
        "r/<request_id>",
        "rollcall.v1.RequestRecord",
        compact_and_delete(30),
    ),
    spec(
        Topic::Numbers,
        "numbers.v1",
        "n/<phone_number_id>",
        "rollcall.v1.NumberRecord",
        Cleanup::Compact,
    ),
    spec(
        Topic::Changes,
        "changes.v1",
        "entity",
        "rollcall.v1.Change",
        delete(30),
    ),
    spec(
        Topic::Quarantine,
        "quarantine.v1",
        "entity if known",
        "the item",
        delete(30),
    ),
];

const fn spec(
    topic: Topic,
    name: &'static str,
    key: &'static str,
    value: &'static str,
    cleanup: Cleanup,
) -> Spec {
    let min_compaction_lag = HOUR.saturating_mul(6);
    Spec {
        topic,
        name,
        key,
        value,
        cleanup,
        segment: DAY,
        delete_retention: DAY,
        min_compaction_lag,
    }
}

const fn delete(days: u32) -> Cleanup {
    Cleanup::Delete {
        retention: DAY.saturating_mul(days),
    }
}

const fn compact_and_delete(days: u32) -> Cleanup {
    Cleanup::CompactAndDelete {
        retention: DAY.saturating_mul(days),
    }
}

impl Topic {
    /// All, in order.
    pub const ALL: [Self; 8] = [
        Self::Events,
        Self::Receipts,
        Self::Groups,
        Self::Messages,
        Self::Requests,
        Self::Numbers,
        Self::Changes,
        Self::Quarantine,
    ];

    /// What it must be.
    pub const fn spec(self) -> &'static Spec {
        let [
            events,
            receipts,
            groups,
            messages,
            requests,
            numbers,
            changes,
            quarantine,
        ] = &TOPICS;
        match self {
            Self::Events => events,
            Self::Receipts => receipts,
            Self::Groups => groups,
            Self::Messages => messages,
            Self::Requests => requests,
            Self::Numbers => numbers,
            Self::Changes => changes,
            Self::Quarantine => quarantine,
        }
    }

    /// Name without the prefix of the deployment.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The topic that events about `entity` go to: receipts apart, so that their volume cannot delay membership.
    pub fn of_event(entity: &Entity) -> Self {
        match entity {
            Entity::Message(_) => Self::Receipts,
            Entity::Group(_) | Entity::Number(_) | Entity::Request(_) => Self::Events,
        }
    }

    /// The topic that the state of `entity` stands in.
    pub fn of_state(entity: &Entity) -> Self {
        match entity {
            Entity::Group(_) => Self::Groups,
            Entity::Message(_) => Self::Messages,
            Entity::Number(_) => Self::Numbers,
            Entity::Request(_) => Self::Requests,
        }
    }
}

/// What a record of a state topic is keyed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// An entity.
    Entity(Entity),
    /// Progress of a partition.
    Progress(u32),
}

/// Key of all records about an entity.
pub fn key(entity: &Entity) -> Bytes {
    let (kind, id) = parts(entity);
    Bytes::from([kind, id].concat())
}

/// Key of the progress of a partition.
pub fn progress_key(partition: u32) -> Bytes {
    Bytes::from(format!("p/{partition}"))
}

/// Reads a key; `None` where it is neither's.
pub fn parse_key(key: &[u8]) -> Option<Key> {
    let key = std::str::from_utf8(key).ok()?;
    match key.strip_prefix("p/") {
        // As written by `progress_key`, and no other way: else two keys were one.
        Some(number) => number
            .parse()
            .ok()
            .filter(|partition: &u32| partition.to_string() == number)
            .map(Key::Progress),
        None => Entity::from_key(key).map(Key::Entity),
    }
}

/// The two parts of an entity's key.
pub(crate) fn parts(entity: &Entity) -> (&'static str, &str) {
    match entity {
        Entity::Group(id) => ("g/", id.as_str()),
        Entity::Message(id) => ("m/", id.as_str()),
        Entity::Number(id) => ("n/", id.as_str()),
        Entity::Request(id) => ("r/", id.as_str()),
    }
}
