//! The steps between reading a record and committing, by name, so that each can be measured, or a process be stopped at each.

use std::fmt;

/// A step that a projector has just taken with one input partition, or with its store.
///
/// A crash right after any of them loses nothing and doubles nothing for readers that keep to positions and versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Following: records of the state topics and changes were read, and are not in the store yet.
    RecordsRead,
    /// Following: the store has them in memory.
    RecordsKept,
    /// Following: queries are told the position that they reach to.
    PositionFollowed,
    /// Following: a state topic was read anew from its beginning, and what it does not hold was dropped.
    TopicReread,
    /// Taking over: the state topics are read to their ends.
    EndsReached,
    /// Taking over: the progress record was held against the input.
    InputChecked,
    /// Taking over: what a former leader's late write had covered is published again.
    PublishedAgain,
    /// Leading: events were read, and are not folded yet.
    EventsRead,
    /// Leading: they are folded in memory.
    EventsFolded,
    /// Leading: what is to be published is encoded.
    StatesEncoded,
    /// Leading: the changes are durable.
    ChangesPublished,
    /// Leading: the states are durable.
    StatesPublished,
    /// Leading: progress is durable.
    ProgressPublished,
    /// Leading: the store has the batch in memory.
    BatchKept,
    /// Leading: queries are told the position that they reach to.
    PositionLed,
    /// Leading: the offset is noted to be committed.
    OffsetNoted,
    /// Leading ended, and the partition is followed again.
    Released,
    /// The store begins to write back what is pending.
    FlushBegun,
    /// It is on disk.
    FlushDone,
}

impl Step {
    /// All of them, in the order in which they are taken.
    pub const ALL: [Self; 19] = [
        Self::RecordsRead,
        Self::RecordsKept,
        Self::PositionFollowed,
        Self::TopicReread,
        Self::EndsReached,
        Self::InputChecked,
        Self::PublishedAgain,
        Self::EventsRead,
        Self::EventsFolded,
        Self::StatesEncoded,
        Self::ChangesPublished,
        Self::StatesPublished,
        Self::ProgressPublished,
        Self::BatchKept,
        Self::PositionLed,
        Self::OffsetNoted,
        Self::Released,
        Self::FlushBegun,
        Self::FlushDone,
    ];

    /// Its name, such as `changes_published`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RecordsRead => "records_read",
            Self::RecordsKept => "records_kept",
            Self::PositionFollowed => "position_followed",
            Self::TopicReread => "topic_reread",
            Self::EndsReached => "ends_reached",
            Self::InputChecked => "input_checked",
            Self::PublishedAgain => "published_again",
            Self::EventsRead => "events_read",
            Self::EventsFolded => "events_folded",
            Self::StatesEncoded => "states_encoded",
            Self::ChangesPublished => "changes_published",
            Self::StatesPublished => "states_published",
            Self::ProgressPublished => "progress_published",
            Self::BatchKept => "batch_kept",
            Self::PositionLed => "position_led",
            Self::OffsetNoted => "offset_noted",
            Self::Released => "released",
            Self::FlushBegun => "flush_begun",
            Self::FlushDone => "flush_done",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who is told of each step, on the thread that took it.
pub trait Observe: fmt::Debug + Send + Sync {
    /// A step was taken.
    fn taken(&self, step: Step);
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observe for Unobserved {
    fn taken(&self, _: Step) {}
}
