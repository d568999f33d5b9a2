//! How far the fold has come in a partition.

use domain::{
    ids::{EventId, Second},
    position::Position,
};
use prost::Message as _;

use crate::{
    digest::Digest,
    error::{Error, missing},
    person::{event_id, hash},
    position::{position, write_position},
    proto,
    writer::Writer,
};

/// How far the fold has come in one input partition; the record `p/<partition>` of each of its state topics.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The last event folded, offset −1 if none yet: folding goes on at offset + 1.
    pub position: Position,
    /// Id of the event there; `None` if none yet, or if the record there was no event that could be read.
    pub event_id: Option<EventId>,
    /// Broker's timestamp of the record there, in milliseconds of Unix time; 0 if none yet.
    pub log_time_ms: i64,
    /// Partitions of the input topic in this generation.
    pub partitions: u32,
    /// The last gap in the input, if there ever was one.
    pub gap: Option<Gap>,
    /// Digest of this partition of this state topic; `None` in `messages.v1` and `requests.v1`, whose records lapse by themselves.
    pub digest: Option<Digest>,
    /// Number of the fold that wrote the states.
    pub fold: u32,
    /// When it was written, in milliseconds of Unix time by the writer's clock.
    pub written_at_ms: i64,
    /// The offset in this partition of `changes.v1` after the last change up to [`Progress::position`]:
    /// who has read the changes up to there has them all. 0 for receipts, which have none.
    pub changes_next: i64,
}

/// Events lost before they could be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// First offset lost.
    pub from: i64,
    /// First offset that was still there.
    pub to: i64,
    /// Broker's timestamp of the record at `to`, in seconds: what was verified before it counts as unverified.
    pub at: Second,
}

/// Appends a record with progress: the same bytes are right for each of the four state topics.
pub fn encode_progress(progress: &Progress, into: &mut Vec<u8>) {
    Writer::new(into).message(2, |w| write_progress(w, progress));
}

/// Reads a record with progress, of whichever state topic.
pub fn decode_progress(bytes: &[u8]) -> Result<Progress, Error> {
    let proto::GroupRecord { content } = proto::GroupRecord::decode(bytes)?;
    match content {
        Some(proto::group_record::Content::Progress(content)) => progress(content),
        Some(proto::group_record::Content::State(_)) | None => Err(missing("GroupRecord.progress")),
    }
}

fn write_progress(w: &mut Writer<'_>, progress: &Progress) {
    let Progress {
        position,
        event_id,
        log_time_ms,
        partitions,
        gap,
        digest,
        fold,
        written_at_ms,
        changes_next,
    } = progress;
    w.message(1, |w| write_position(w, position));
    w.bytes_opt(2, event_id.as_ref().map(|id| id.0.as_slice()));
    w.int(3, *log_time_ms);
    w.uint(4, (*partitions).into());
    w.message_opt(5, gap.as_ref(), |w, gap| {
        let Gap { from, to, at } = gap;
        w.int(1, *from);
        w.int(2, *to);
        w.int(3, *at);
    });
    w.bytes_opt(
        6,
        digest
            .map(Digest::to_bytes)
            .as_ref()
            .map(|bytes| bytes.as_slice()),
    );
    w.uint(7, (*fold).into());
    w.int(8, *written_at_ms);
    w.int(9, *changes_next);
}

/// Reads a `Progress`.
pub(crate) fn progress(progress: proto::Progress) -> Result<Progress, Error> {
    let proto::Progress {
        position: at,
        event_id: id,
        log_time_ms,
        partitions,
        gap,
        digest,
        fold,
        written_at_ms,
        changes_next,
    } = progress;
    Ok(Progress {
        position: position(at, "Progress.position")?,
        event_id: id
            .map(|id| event_id(&id, "Progress.event_id"))
            .transpose()?,
        log_time_ms,
        partitions,
        gap: gap.map(|proto::Gap { from, to, at }| Gap { from, to, at }),
        digest: digest
            .map(|digest| hash(&digest, "Progress.digest"))
            .transpose()?
            .map(Digest::from_bytes),
        fold,
        written_at_ms,
        changes_next,
    })
}
