//! What progress records tell a reader: whether it holds what the projector holds, and how fresh that is.

use domain::position::Position;
use wire::{Progress, digest::Digest};

/// What came of comparing our digest with that of a progress record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The same: every state of the partition is held as the projector held it at that position.
    Agrees,
    /// Nothing follows from comparing, and this is why; a later progress record will tell, a second later if all is well.
    Unproven(Unproven),
    /// A record was lost or damaged on the way: read the partition again ([`Table::begin_again`](crate::Table::begin_again)).
    /// If it stays so, what is held is of another log, or the log is damaged: begin with an empty table, and raise an alarm.
    Differs {
        /// Of what is held.
        ours: Digest,
        /// Of the progress record.
        theirs: Digest,
    },
}

/// Why a digest proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// `messages.v1` and `requests.v1` carry no digest, for their records lapse at the broker's own times.
    NoDigest,
    /// The end that the partition had when reading began is not reached.
    /// Compaction may have dropped states that stood before this progress record and kept their successors behind it.
    CatchingUp,
    /// A progress record that has come further was seen before: a former leader's late write.
    Late,
    /// A state is held that is newer than this progress, so its digest is of another set:
    /// a new leader's states stand before a former leader's late progress.
    Ahead,
    /// A state was taken out since the last progress record, and a tombstone does not tell the position that it stands at,
    /// so it may be newer than this progress.
    Removed,
}

/// How fresh a partition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The last event folded: whoever was told a position up to here (`Rollcall-Position`) finds its effect held.
    pub position: Position,
    /// Broker's timestamp of that event, in milliseconds of Unix time; 0 if there was none yet.
    pub log_time_ms: i64,
    /// When the projector last said so, in milliseconds of Unix time by its clock.
    /// Written at least every second even if nothing happens, so what is older means that the projector, or the way from it, stands still.
    pub written_at_ms: i64,
}

impl Freshness {
    /// Of a progress record.
    pub(crate) fn of(progress: &Progress) -> Self {
        Self {
            position: progress.position,
            log_time_ms: progress.log_time_ms,
            written_at_ms: progress.written_at_ms,
        }
    }

    /// Milliseconds since the projector last said how far it is; `now_ms` is Unix time.
    /// Clocks may differ, so this is never less than 0.
    pub fn age_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.written_at_ms).max(0)
    }
}
