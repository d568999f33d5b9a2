//! Acting once per change.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use domain::{ids::Entity, position::Position};
use wire::{Change, Decoded, Progress, topics};

use crate::table::{Incoming, Skip};

/// What is remembered of an entity: the last change acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remembered {
    /// Its version.
    pub version: Position,
    /// Did it drop the entity? Then the next begins anew.
    pub is_forgotten: bool,
}

/// How a change follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// On the one remembered, or on nothing, and nothing was there: none is missing.
    Follows,
    /// The first of this entity that was read, and not its first: reading began later, or the older ones have lapsed.
    Begins {
        /// Version before it.
        previous: Position,
    },
    /// Changes between are missing: take the state from its topic instead of what the change says came before.
    Gap {
        /// The version remembered; `None` if the entity was dropped.
        remembered: Option<Position>,
        /// The version that the change follows; `None` if it is the entity's first.
        previous: Option<Position>,
    },
}

/// What a record of `changes.v1` means to its reader.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeOutcome {
    /// New: act on it. To act once even across a crash, store its version together with what the act did, and
    /// [`Changes::restore`] it at the next start.
    Act {
        /// The change.
        change: Box<Change>,
        /// Is one missing before it?
        link: Link,
    },
    /// Acted on before: its writer crashed, or a former leader wrote late.
    Repeated(Entity),
    /// Could not be understood: count it, and go on.
    Skipped(Skip),
}

/// Remembers the last version of each entity of `changes.v1`, so that each change is told once, and tells where one is missing.
///
/// Costs about 150 bytes and the key for each entity that ever changed; [`Changes::release`] lets go of those that are over.
///
/// ```
/// use consumer::{ChangeOutcome, Changes, Incoming, Link};
///
/// fn handle(changes: &mut Changes, record: Incoming<'_>) {
///     match changes.take(record) {
///         ChangeOutcome::Act { change, link } => {
///             if matches!(link, Link::Gap { .. }) {
///                 println!("read {} from its state topic", change.entity());
///             }
///             println!("{} is at {}", change.entity(), change.version);
///         }
///         ChangeOutcome::Repeated(_) => {}
///         ChangeOutcome::Skipped(why) => eprintln!("skipped: {why}"),
///     }
/// }
/// # handle(&mut Changes::default(), Incoming { partition: 0, offset: 0, key: b"g/1", value: None });
/// ```
#[derive(Default)]
pub struct Changes {
    remembered: HashMap<Entity, Remembered>,
    /// Offset after the last record read, by partition.
    next_offsets: BTreeMap<u32, i64>,
}

impl fmt::Debug for Changes {
    /// Counts alone: keys may embed a phone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("remembered", &self.remembered.len())
            .field("next_offsets", &self.next_offsets)
            .finish()
    }
}

impl Changes {
    /// Takes the next record of a partition.
    ///
    /// Records of one partition must come in their order; what is fed twice does no harm.
    pub fn take(&mut self, record: Incoming<'_>) -> ChangeOutcome {
        let next = self.next_offsets.entry(record.partition).or_default();
        *next = (*next).max(record.offset.saturating_add(1));
        // There are no tombstones among changes.
        let Some(value) = record.value else {
            return ChangeOutcome::Skipped(Skip::Mismatch);
        };
        let change = match wire::decode_change(value) {
            Ok(Decoded::Known(change)) => change,
            Ok(Decoded::Unknown) => return ChangeOutcome::Skipped(Skip::Unknown),
            Err(error) => return ChangeOutcome::Skipped(Skip::Unreadable(error)),
        };
        let entity = change.entity();
        if topics::key(&entity) != record.key {
            return ChangeOutcome::Skipped(Skip::Mismatch);
        }
        let before = self.remembered.get(&entity);
        if before.is_some_and(|before| !change.version.is_after(&before.version)) {
            return ChangeOutcome::Repeated(entity);
        }
        let link = link(before, change.previous_version);
        let now = Remembered {
            version: change.version,
            is_forgotten: change.is_forgotten,
        };
        self.remembered.insert(entity, now);
        ChangeOutcome::Act {
            change: Box::new(change),
            link,
        }
    }

    /// Puts back what a reader remembered when it last ended.
    pub fn restore(&mut self, entity: Entity, remembered: Remembered) {
        self.remembered.insert(entity, remembered);
    }

    /// All that is remembered, in no order.
    pub fn remembered(&self) -> impl Iterator<Item = (&Entity, &Remembered)> {
        self.remembered.iter()
    }

    /// Lets go of an entity of which nothing is to be expected any more: a group forgotten, a request done for longer than
    /// the topic keeps changes (30 days).
    pub fn release(&mut self, entity: &Entity) {
        self.remembered.remove(entity);
    }

    /// The offset after the last record of a partition: where to go on.
    pub fn next_offset(&self, partition: u32) -> i64 {
        self.next_offsets.get(&partition).copied().unwrap_or(0)
    }

    /// Were all changes read that led to the states up to this progress record of a state topic?
    ///
    /// Two topics are read at their own pace: this tells whether the changes have come as far as the states.
    pub fn has_reached(&self, progress: &Progress) -> bool {
        self.next_offset(progress.position.partition) >= progress.changes_next
    }
}

fn link(before: Option<&Remembered>, previous: Option<Position>) -> Link {
    let remembered = before
        .filter(|before| !before.is_forgotten)
        .map(|before| before.version);
    match (before, previous) {
        (_, previous) if previous == remembered => Link::Follows,
        (None, Some(previous)) => Link::Begins { previous },
        (Some(_), previous) => Link::Gap {
            remembered,
            previous,
        },
        // Nothing was there and nothing is remembered: the first arm.
        (None, None) => Link::Follows,
    }
}
