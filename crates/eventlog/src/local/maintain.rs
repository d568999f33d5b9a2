//! Retention and compaction, in steps that no append waits long for.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Fault, Shared, Topic, writer::milliseconds};
use crate::limits::MAINTAIN_RECORDS_MAX;

/// One transaction that removes at most [`MAINTAIN_RECORDS_MAX`] records a partition; succeeds only if the disk takes writes.
pub(super) fn step(conn: &mut Connection, shared: &Shared, now: i64) -> Result<(), Fault> {
    let fault = Fault::sqlite("clean up");
    let tx = conn.transaction().map_err(&fault)?;
    compact(&tx, now).map_err(&fault)?;
    let mut starts = Vec::new();
    for topic in &shared.topics {
        let Some(retention_ms) = topic.spec.cleanup.retention_ms() else {
            continue;
        };
        let oldest = now.saturating_sub(milliseconds(retention_ms));
        for partition in 0..topic.spec.partitions {
            let start = expire(&tx, topic, partition, oldest).map_err(&fault)?;
            starts.extend(start.map(|start| (topic, partition, start)));
        }
    }
    // A change in any case: whether the disk takes writes is only found by writing.
    tx.execute("UPDATE topics SET partitions = partitions WHERE id = 1", [])
        .map_err(&fault)?;
    tx.commit().map_err(&fault)?;
    for (topic, partition, start) in starts {
        if let Ok(extent) = shared.extent(topic, partition) {
            extent.start.store(start, Ordering::Release);
        }
    }
    Ok(())
}

/// Removes what was superseded, and tombstones, when their time has come.
fn compact(tx: &Transaction<'_>, now: i64) -> rusqlite::Result<()> {
    let limit = i64::try_from(MAINTAIN_RECORDS_MAX).unwrap_or(i64::MAX);
    let mut ripe = tx.prepare_cached(
        "SELECT at, topic, partition, offset FROM due WHERE at <= ? ORDER BY at LIMIT ?",
    )?;
    let ripe = ripe.query_map(params![now, limit], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let ripe: Vec<(i64, i64, u32, i64)> = ripe.collect::<Result<_, _>>()?;
    for (at, topic, partition, offset) in ripe {
        remove(tx, topic, partition, offset)?;
        tx.prepare_cached(
            "DELETE FROM due WHERE at = ? AND topic = ? AND partition = ? AND offset = ?",
        )?
        .execute(params![at, topic, partition, offset])?;
    }
    Ok(())
}

/// Removes a record, and what says that it is the last of its key.
fn remove(tx: &Transaction<'_>, topic: i64, partition: u32, offset: i64) -> rusqlite::Result<()> {
    let key: Option<Vec<u8>> = tx
        .prepare_cached(
            "DELETE FROM records WHERE topic = ? AND partition = ? AND offset = ? RETURNING key",
        )?
        .query_row(params![topic, partition, offset], |row| row.get(0))
        .optional()?;
    if let Some(key) = key {
        tx.prepare_cached(
            "DELETE FROM latest WHERE topic = ? AND partition = ? AND key = ? AND offset = ?",
        )?
        .execute(params![topic, partition, key, offset])?;
    }
    Ok(())
}

/// Removes records from the start on while they are older than `oldest`, and gives the new start if it moved.
///
/// A young record keeps the old ones behind it, as a segment of Kafka's does.
fn expire(
    tx: &Transaction<'_>,
    topic: &Topic,
    partition: u32,
    oldest: i64,
) -> rusqlite::Result<Option<i64>> {
    let limit = i64::try_from(MAINTAIN_RECORDS_MAX).unwrap_or(i64::MAX);
    let mut first = tx.prepare_cached(
        "SELECT offset, timestamp FROM records WHERE topic = ? AND partition = ?
         ORDER BY offset LIMIT ?",
    )?;
    let first = first.query_map(params![topic.id, partition, limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let first: Vec<(i64, i64)> = first.collect::<Result<_, _>>()?;
    let mut start = None;
    for (offset, timestamp) in first {
        if timestamp >= oldest {
            break;
        }
        remove(tx, topic.id, partition, offset)?;
        start = Some(offset + 1);
    }
    if let Some(start) = start {
        tx.prepare_cached("UPDATE partitions SET start = ? WHERE topic = ? AND partition = ?")?
            .execute(params![start, topic.id, partition])?;
    }
    Ok(start)
}
