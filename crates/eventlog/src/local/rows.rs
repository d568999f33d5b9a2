//! One record as a row, with its checksum.

use rusqlite::{Connection, Row, params};

use super::Fault;
use crate::{batch::Pushed, record::RecordBatch};

/// CRC-32 over everything that a row says, so that a bit that turns on the disk is found when it is read.
fn checksum(
    (topic, partition, offset): (i64, u32, i64),
    timestamp: i64,
    key: &[u8],
    value: Option<&[u8]>,
    headers: &[u8],
) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&topic.to_le_bytes());
    crc.update(&partition.to_le_bytes());
    crc.update(&offset.to_le_bytes());
    crc.update(&timestamp.to_le_bytes());
    // Lengths too, so that no byte can move from one part to the next.
    crc.update(&key.len().to_le_bytes());
    crc.update(key);
    crc.update(&[u8::from(value.is_some())]);
    crc.update(&value.map_or(0, <[u8]>::len).to_le_bytes());
    crc.update(value.unwrap_or_default());
    crc.update(headers);
    crc.finalize()
}

pub(super) fn insert(
    conn: &Connection,
    topic: i64,
    offset: i64,
    record: &Pushed<'_>,
) -> rusqlite::Result<()> {
    let Pushed {
        topic: _,
        partition,
        timestamp_ms,
        key,
        value,
        headers,
    } = *record;
    let crc = checksum(
        (topic, partition, offset),
        timestamp_ms,
        key,
        value,
        headers,
    );
    conn.prepare_cached(
        "INSERT INTO records (topic, partition, offset, timestamp, key, value, headers, crc)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        topic,
        partition,
        offset,
        timestamp_ms,
        key,
        value,
        headers,
        crc
    ])?;
    Ok(())
}

/// The columns that [`read`] wants, in this order.
pub(super) const COLUMNS: &str = "offset, timestamp, key, value, headers, crc";

/// Adds a row to a batch, as of a source and with or without headers, and gives its offset.
pub(super) fn read(
    row: &Row<'_>,
    (topic, partition): (i64, u32),
    (source, with_headers): (usize, bool),
    batch: &mut RecordBatch,
) -> Result<i64, Fault> {
    let parts = || {
        let offset: i64 = row.get(0)?;
        let timestamp: i64 = row.get(1)?;
        let crc: u32 = row.get(5)?;
        let key = row.get_ref(2)?.as_blob()?;
        let value = row.get_ref(3)?.as_blob_or_null()?;
        let headers = row.get_ref(4)?.as_blob()?;
        rusqlite::Result::Ok((offset, timestamp, key, value, headers, crc))
    };
    let (offset, timestamp, key, value, headers, crc) =
        parts().map_err(Fault::sqlite("read records"))?;
    if checksum((topic, partition, offset), timestamp, key, value, headers) != crc {
        return Err(Fault::content(format!(
            "the checksum of topic number {topic}, partition {partition}, offset {offset} is wrong"
        )));
    }
    batch.begin((source, offset, timestamp), key, value);
    if with_headers {
        batch.headers(headers);
    }
    Ok(offset)
}
