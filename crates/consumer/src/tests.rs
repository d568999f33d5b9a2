//! A projector in miniature writes, readers read: in order, late, again, from compacted logs and across partitions.

mod changes;
mod compaction;
mod table;

use domain::{
    group::Group,
    ids::{EventId, GroupId, Text},
    position::Position,
    register::{Rank, Register, Stamp},
};
use wire::{
    Progress,
    digest::{Digest, record_hash},
    topics,
};

use crate::{Incoming, Outcome, Table, Taken};

pub(crate) fn position(offset: i64) -> Position {
    Position {
        generation: 1,
        offset,
        ..Position::default()
    }
}

/// A record as it lies in a partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lying {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Lying {
    pub(crate) fn at(&self, partition: u32, offset: i64) -> Incoming<'_> {
        Incoming {
            partition,
            offset,
            key: &self.key,
            value: self.value.as_deref(),
        }
    }
}

/// The state of group `id` that event `at` made; what it shows was last changed by event `version`.
pub(crate) fn state_at(id: &str, at: Position, version: Position) -> Lying {
    let id = GroupId::parse(id).unwrap();
    let mut group = Group::default();
    let stamp = Stamp {
        at: at.offset,
        rank: Rank::Statement,
        tie: EventId::default(),
    };
    group.core.subject = Some(Register {
        stamp,
        doubt: false,
        value: Text::new(format!("as of {at}")),
    });
    group.envelope.position = at;
    group.envelope.version = Some(version);
    let mut value = Vec::new();
    wire::encode_group(&id, &group, &mut value);
    Lying {
        key: format!("g/{id}").into_bytes(),
        value: Some(value),
    }
}

pub(crate) fn state(id: &str, at: i64) -> Lying {
    state_at(id, position(at), position(at))
}

pub(crate) fn tombstone(id: &str) -> Lying {
    Lying {
        key: format!("g/{id}").into_bytes(),
        value: None,
    }
}

/// The digest of these records.
pub(crate) fn digest_of<'a>(records: impl IntoIterator<Item = &'a Lying>) -> Digest {
    let mut digest = Digest::default();
    for Lying { key, value } in records {
        digest.add(record_hash(key, value.as_ref().unwrap()));
    }
    digest
}

pub(crate) fn progress_value(position: Position, digest: Option<Digest>) -> Progress {
    Progress {
        position,
        event_id: None,
        log_time_ms: 1_780_000_000_000 + position.offset,
        partitions: 4,
        gap: None,
        digest,
        fold: domain::limits::FOLD,
        written_at_ms: 1_780_000_000_500 + position.offset,
        changes_next: position.offset + 1,
    }
}

pub(crate) fn progress_at(position: Position, digest: Option<Digest>) -> Lying {
    let mut value = Vec::new();
    wire::encode_progress(&progress_value(position, digest), &mut value);
    Lying {
        key: topics::progress_key(position.partition).to_vec(),
        value: Some(value),
    }
}

/// Progress at event `at` when these records were live.
pub(crate) fn progress<'a>(at: i64, live: impl IntoIterator<Item = &'a Lying>) -> Lying {
    progress_at(position(at), Some(digest_of(live)))
}

/// Feeds records as partition 0 from offset 0 on; what came of each.
pub(crate) fn feed(table: &mut Table<Group>, log: &[Lying]) -> Vec<Taken<Group>> {
    let next = table.next_offset(0);
    log.iter()
        .zip(next..)
        .map(|(record, offset)| table.take(record.at(0, offset)))
        .collect()
}

/// What came of a record, without the state.
pub(crate) fn short<T>(outcome: &Outcome<T>) -> String {
    match outcome {
        Outcome::Put { is_news, .. } => format!("put, news: {is_news}"),
        Outcome::Removed(entity) => format!("removed {entity}"),
        Outcome::Stale(entity) => format!("stale {entity}"),
        Outcome::Known(entity) => format!("known {entity}"),
        Outcome::Progress(check) => format!("{check:?}"),
        Outcome::Skipped(why) => format!("skipped: {why}"),
    }
}
