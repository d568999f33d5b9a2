//! History: the changes of the last days, in the order of the log, each found by its position.
//!
//! The history of one entity is the chain of its changes' previous versions, so no index by entity is written.

use std::ops::Bound;

use bytes::Bytes;
use domain::position::Position;

use super::{
    Entry, Error, Store, keys,
    meta::Reach,
    values::{self, Change},
};
use crate::limits::{CHUNK_BYTES, CHUNK_CHANGES};

/// What follows a position in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// These changes, perhaps none, and perhaps more after them.
    Changes(Vec<Change>),
    /// The store's history does not reach back so far.
    TooOld,
}

/// Entries for changes of one partition, in the order of their offsets, in chunks.
pub(crate) fn chunks(place: &Position, at_ms: i64, changes: &[Change]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fits = |change: &&Change| {
            let fits = bytes == 0 || bytes + change.record.len() <= CHUNK_BYTES;
            bytes += change.record.len().max(1);
            fits
        };
        let count = rest.iter().take(CHUNK_CHANGES).take_while(fits).count();
        let (chunk, others) = rest.split_at(count.max(1));
        let first = Position {
            offset: first.offset,
            ..*place
        };
        entries.push((
            keys::history(&first),
            Some(values::encode_chunk(at_ms, chunk)),
        ));
        rest = others;
    }
    entries
}

impl Store {
    /// The change at a position: its record's value. `None` if history does not hold it.
    pub(crate) fn change(&self, version: &Position) -> Result<Option<Bytes>, Error> {
        let Some((_, chunk)) = self.chunk_until(version)? else {
            return Ok(None);
        };
        let changes = values::decode_chunk(chunk)?;
        Ok(changes
            .into_iter()
            .find(|change| change.offset == version.offset)
            .map(|change| change.record))
    }

    /// Some of the changes after a position in its partition, in order; at least one if there is any.
    pub(crate) fn changes_after(&self, position: &Position) -> Result<After, Error> {
        // Asked before and after, for the oldest may be pruned in between.
        if self.is_too_old(position) {
            return Ok(After::TooOld);
        }
        let mut found = match self.chunk_until(position)? {
            Some((_, chunk)) => values::decode_chunk(chunk)?,
            None => Vec::new(),
        };
        found.retain(|change| change.offset > position.offset);
        if found.is_empty() {
            let prefix = partition_prefix(position);
            let from = Bound::Excluded(keys::history(position));
            for (_, chunk) in self.scan(&prefix, from, 1)? {
                found.extend(values::decode_chunk(chunk)?);
            }
            found.retain(|change| change.offset > position.offset);
        }
        if self.is_too_old(position) {
            return Ok(After::TooOld);
        }
        Ok(After::Changes(found))
    }

    /// The position of the last change held of a partition.
    pub(crate) fn last_change(
        &self,
        generation: u32,
        partition: u32,
    ) -> Result<Option<i64>, Error> {
        let end = Position {
            generation,
            partition,
            offset: i64::MAX,
            ..Position::default()
        };
        let Some((_, chunk)) = self.chunk_until(&end)? else {
            return Ok(None);
        };
        Ok(values::decode_chunk(chunk)?
            .last()
            .map(|change| change.offset))
    }

    /// Deletes chunks written before `before_ms`, at most `limit`; says whether there may be more.
    pub(crate) fn prune_history(&self, before_ms: i64, limit: usize) -> Result<bool, Error> {
        let prefix = [keys::Kind::History as u8];
        let mut after = Bound::Included(Bytes::copy_from_slice(&prefix));
        let mut deleted: Vec<Entry> = Vec::new();
        let mut reached: Vec<(u32, Reach)> = Vec::new();
        loop {
            let Some((key, chunk)) = self.scan(&prefix, after, 1)?.pop() else {
                break;
            };
            let Some(position) = keys::parse_history(&key) else {
                return Err(self.damaged(Error::Damaged {
                    what: "a key has another layout",
                }));
            };
            if values::chunk_at_ms(&chunk)? >= before_ms {
                // Chunks of a partition are in the order of time: on to the next partition.
                let end = Position {
                    offset: i64::MAX,
                    ..position
                };
                after = Bound::Excluded(keys::history(&end));
                continue;
            }
            if deleted.len() == limit {
                self.forget_chunks(deleted, &reached);
                return Ok(true);
            }
            let last = values::decode_chunk(chunk)?
                .last()
                .map_or(position.offset, |change| change.offset);
            let reach = Reach {
                generation: position.generation,
                offset: last,
            };
            reached.push((position.partition, reach));
            after = Bound::Excluded(key.clone());
            deleted.push((key, None));
        }
        if !deleted.is_empty() {
            self.forget_chunks(deleted, &reached);
        }
        Ok(false)
    }

    fn forget_chunks(&self, deleted: Vec<Entry>, reached: &[(u32, Reach)]) {
        self.commit(deleted, |meta| {
            for (partition, reach) in reached {
                let held = meta.history_after.entry(*partition).or_insert(*reach);
                *held = (*held).max(*reach);
            }
        });
    }

    /// Is something after this position missing, because history begins later?
    fn is_too_old(&self, position: &Position) -> bool {
        let overlay = self.read();
        let after = overlay.meta().history_after.get(&position.partition);
        after.is_some_and(|after| Reach::from(position) < *after)
    }

    /// The last chunk that begins at or before a position of its partition.
    fn chunk_until(&self, position: &Position) -> Result<Option<(Bytes, Bytes)>, Error> {
        let prefix = partition_prefix(position);
        let key = keys::history(position);
        let overlay = self.read();
        let above = overlay.last_until(&prefix, &key);
        let below = self.contained(|db| {
            let mut range = db.range((Bound::Unbounded, Bound::Included(key.clone())));
            range.next_back().transpose()
        })?;
        let below = below
            .filter(|(key, _)| key.starts_with(&prefix) && !matches!(overlay.get(key), Some(None)));
        match (above, below) {
            (Some(above), Some(below)) if below.0[..] <= above.0[..] => Ok(Some(above)),
            (above, None) => Ok(above),
            (_, Some((key, value))) => {
                let payload = self.payload(&key, &value)?;
                Ok(Some((Bytes::copy_from_slice(&key), payload)))
            }
        }
    }
}

/// What the keys of a partition's history begin with.
fn partition_prefix(position: &Position) -> Bytes {
    keys::history(position).slice(..9)
}
