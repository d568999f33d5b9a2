//! What can go wrong with the log, and whether trying again can help.

use std::{error, fmt, path::PathBuf, sync::Arc};

use crate::{health::Trouble, limits::RECORD_BYTES_MAX, refusal::Refusal};

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Never as it stands: the call itself, or what it was given, is at fault.
    Permanent,
    /// Perhaps: the log, the network or an operator may come round.
    Transient,
    /// The program is wrong; end it.
    Bug,
}

/// An error of the log; `Display` names no key and no value.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A read from where the log holds nothing: retention has passed it, or the topic is another one.
    #[error(
        "offset {offset} of {topic} partition {partition} is out of range: the log holds {start} up to, not including, {end}"
    )]
    OutOfRange {
        /// Topic, without prefix.
        topic: String,
        /// Its partition.
        partition: u32,
        /// The offset that was asked for.
        offset: i64,
        /// The first offset that can be read.
        start: i64,
        /// The offset that the next record will get.
        end: i64,
    },
    /// A record over what a broker takes.
    #[error("a record of {bytes} bytes for {topic} is larger than {RECORD_BYTES_MAX}")]
    RecordTooLarge {
        /// Topic, without prefix.
        topic: String,
        /// Key, value and headers together.
        bytes: usize,
    },
    /// A batch over [`limits`](crate::limits); append it in parts.
    #[error("a batch of {records} records and {bytes} bytes is too large to append at once")]
    BatchTooLarge {
        /// Its records.
        records: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// A record without a key for a compacted topic, or one that the broker finds invalid.
    #[error("the log refuses a record for {topic} as invalid; a compacted topic needs a key")]
    InvalidRecord {
        /// Topic, without prefix.
        topic: String,
    },
    /// The topic is not there, or not with this partition; an operator can create it.
    #[error("the log has no partition {partition} of {topic}: run `rollcall topics apply`")]
    UnknownPartition {
        /// Topic, without prefix.
        topic: String,
        /// The partition that was asked for.
        partition: u32,
    },
    /// The topic is not there; an operator can create it.
    #[error("the log has no topic {topic}: run `rollcall topics apply`")]
    UnknownTopic {
        /// Topic, without prefix.
        topic: String,
    },
    /// The log takes no more at present; nothing of this batch was appended.
    #[error("the log takes no more at present: {0}")]
    Overloaded(Overload),
    /// Some records of the batch did not become durable in time; others may have.
    #[error("{failed} of {records} records were not acknowledged, the first of them for {topic}")]
    Undelivered {
        /// Topic of the first that failed, without prefix.
        topic: String,
        /// How many failed.
        failed: usize,
        /// How many the batch had.
        records: usize,
        /// What happened to the first.
        source: Cause,
    },
    /// No broker lets us in.
    #[error("{0}")]
    Refused(Refusal),
    /// A request to Kafka did not succeed.
    #[error("{doing}")]
    Kafka {
        /// What was being done, such as "read watermarks".
        doing: &'static str,
        /// What the client said.
        source: Cause,
    },
    /// The disk or the file system did not do what it should; a full disk is one of these.
    #[error("{doing} in {path}", path = path.display())]
    Storage {
        /// What was being done, such as "append".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Cause,
    },
    /// The local log is damaged: it is the truth, so nothing is thrown away without a person's word.
    #[error(
        "{path} is damaged ({what}): restore it from a backup, or move its directory aside to start anew, and what Meta still knows is read again",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The local log was written by another version, or by something else.
    #[error(
        "{path} has format {found}, and this program knows format {known}: run the version that wrote it, or move its directory aside",
        path = path.display()
    )]
    ForeignFormat {
        /// The file.
        path: PathBuf,
        /// The format it says it has.
        found: String,
        /// The format of this program.
        known: String,
    },
    /// Another process has the local log open.
    #[error("{path} is in use by another process", path = path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A topic of the local log has another number of partitions than asked for.
    #[error("{topic} has {found} partitions in the log and {asked} are asked for")]
    PartitionsDiffer {
        /// Topic.
        topic: String,
        /// In the log.
        found: u32,
        /// In the specification.
        asked: u32,
    },
    /// Options that cannot be; all of them.
    #[error("{}", .problems.join("; "))]
    Config {
        /// One line each, with what to do.
        problems: Vec<String>,
    },
    /// The engine's thread is gone, which only its own fault can bring about.
    #[error("the log's {thread} thread has ended")]
    Ended {
        /// Which thread.
        thread: &'static str,
    },
}

impl Error {
    /// Whether trying again can help.
    ///
    /// An append that is [`Class::Permanent`] will be refused for ever as it is, so its record must go elsewhere.
    /// A read that is `Permanent` cannot go on from where it stands.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::OutOfRange { .. }
            | Self::RecordTooLarge { .. }
            | Self::BatchTooLarge { .. }
            | Self::InvalidRecord { .. }
            | Self::Damaged { .. }
            | Self::ForeignFormat { .. }
            | Self::InUse { .. }
            | Self::PartitionsDiffer { .. }
            | Self::Config { .. } => Class::Permanent,
            Self::UnknownPartition { .. }
            | Self::UnknownTopic { .. }
            | Self::Overloaded(_)
            | Self::Undelivered { .. }
            | Self::Refused(_)
            | Self::Kafka { .. }
            | Self::Storage { .. } => Class::Transient,
            Self::Ended { .. } => Class::Bug,
        }
    }
}

/// Why the log takes no more at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// As much is pending as may be.
    Full,
    /// The log is in trouble.
    InTrouble(Trouble),
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("as much is pending as may be"),
            Self::InTrouble(trouble) => trouble.fmt(f),
        }
    }
}

/// An error of the library below, for the chain of sources; of whatever type, it does not show.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn error::Error + Send + Sync>);

impl Cause {
    pub(crate) fn new(error: impl error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for Cause {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}
