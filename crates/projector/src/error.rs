//! Why a projector ends, and why a leader does.

use std::path::PathBuf;

use domain::position::Position;

use crate::{metrics::Rebuild, store};

/// Why a projector cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory of the store cannot be used.
    #[error("data directory {path}", path = path.display())]
    Directory {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The topics are not what they must be; each line says what to do.
    #[error("topics: {}", .problems.join("; "))]
    Topics {
        /// One line each.
        problems: Vec<String>,
    },
    /// The listener cannot be bound or served.
    #[error("query API")]
    Http(#[source] chassis::http::Error),
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
    /// The inputs do not have the number of partitions that the states were folded with.
    #[error(
        "{topic} has {found} partitions and its states were folded with {folded}: stop all projectors and run `rollcall generation raise`"
    )]
    Partitions {
        /// The input, without prefix.
        topic: &'static str,
        /// Partitions that it has.
        found: u32,
        /// Partitions that it had.
        folded: u32,
    },
    /// The states were folded from another log than the one that is there.
    #[error(
        "the states say that they were folded up to {position}, and the log holds another event there, or none yet: stop all projectors and run `rollcall generation raise`"
    )]
    AnotherLog {
        /// Up to where the states were folded.
        position: Position,
    },
    /// The store was made anew or opened again too often.
    #[error("the store failed (time {times}): {why}")]
    StoreFailed {
        /// How often.
        times: u32,
        /// What happened last.
        why: String,
    },
    /// Shutdown began before it could start.
    #[error("stopped while it was starting")]
    Stopped,
    /// A task of the projector panicked; the panic hook has logged where.
    #[error("{task} panicked")]
    Panicked {
        /// Which.
        task: &'static str,
    },
}

/// How the work on a store ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Shutdown began.
    Stopped,
    /// The store cannot go on, and another may be opened or made.
    Store(store::Error),
    /// The store does not fit the log: it is to be made anew.
    Misfit(Misfit),
    /// Nothing can go on.
    Failed(Error),
}

/// Why a store that is whole does not fit the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It was made from another log.
    Foreign,
    /// It is older than what the log retains.
    TooOld,
    /// It was made while the topics had another number of partitions.
    Partitions,
}

impl Misfit {
    pub(crate) fn reason(self) -> Rebuild {
        match self {
            Self::Foreign | Self::Partitions => Rebuild::Foreign,
            Self::TooOld => Rebuild::TooOld,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Foreign => "the store was made from another log",
            Self::TooOld => "the store is older than what the log retains",
            Self::Partitions => {
                "the store was made while the topics had another number of partitions"
            }
        }
    }
}

impl From<store::Error> for End {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Misfit> for End {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}
