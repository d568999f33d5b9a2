//! Why a generation is not raised.

use crate::run::GROUP;

/// Why the generation was not raised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RaiseError {
    /// A projector may be running.
    #[error(
        "{members} projectors are members of the group {GROUP}: stop all of them; one with an instance id counts until its session is over"
    )]
    Running {
        /// How many.
        members: usize,
    },
    /// The topics do not have the same number of partitions.
    #[error("topics: {}", .problems.join("; "))]
    Topics {
        /// One line each.
        problems: Vec<String>,
    },
    /// Nothing was ever folded, so there is no generation to raise.
    #[error("no state topic holds any progress: there is nothing to raise, start a projector")]
    NothingFolded,
    /// Events would be skipped.
    #[error(
        "{events} events were not folded and would be skipped ({}): let the projectors catch up first, before partitions are added; or pass --accept-gap",
        .places.join(", ")
    )]
    Unfolded {
        /// How many.
        events: i64,
        /// Where, such as `events.v1/3: 12`.
        places: Vec<String>,
    },
    /// A state that this version cannot read must not be lost.
    #[error(
        "the record at {topic}/{partition}/{offset} cannot be read: use the version that wrote it"
    )]
    Unreadable {
        /// State topic, without prefix.
        topic: &'static str,
        /// Its partition.
        partition: u32,
        /// Where in it.
        offset: i64,
    },
    /// A state that was read is not there any more.
    #[error(
        "{topic}/{partition} changed while it was read: see that nobody writes to it, and run this again"
    )]
    Changed {
        /// State topic, without prefix.
        topic: &'static str,
        /// Its partition.
        partition: u32,
    },
    /// There is no further generation.
    #[error("generation {generation} is the last that there can be")]
    LastGeneration {
        /// The present one.
        generation: u32,
    },
    /// It was told to stop.
    #[error("stopped; run it again to go on")]
    Stopped,
    /// The log did not do what it should for as long as it is tried.
    #[error("{doing} {topic} partition {partition}")]
    Log {
        /// What was being done.
        doing: &'static str,
        /// Topic, without prefix.
        topic: &'static str,
        /// Its partition.
        partition: u32,
        /// What the log said last.
        #[source]
        source: eventlog::Error,
    },
}
