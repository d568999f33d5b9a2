//! The tables, and how SQLite is to treat them.

use std::fmt;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Extent, Fault, FaultKind, Topic};
use crate::{limits, topic::TopicSpec};

/// `latest` and `due` are for compaction: the last offset of every key, and what may be removed from when on.
/// `partitions` holds the next offset, which is never given twice, whatever is removed.
const TABLES: &str = "
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL
) STRICT;
CREATE TABLE partitions (
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    start INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE records (
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB,
    headers BLOB NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) STRICT, WITHOUT ROWID;
CREATE TABLE latest (
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    key BLOB NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE due (
    at INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (at, topic, partition, offset)
) STRICT, WITHOUT ROWID;
";

/// Who wrote a database, and in which format: SQLite's `application_id` and `user_version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    application: i64,
    version: i64,
    tables: i64,
}

impl Format {
    pub(super) const OURS: Self = Self {
        // "Roll"
        application: 0x526f_6c6c,
        version: 1,
        tables: 5,
    };

    /// What SQLite shows of an empty file.
    pub(super) fn is_blank(self) -> bool {
        self == Self {
            application: 0,
            version: 0,
            tables: 0,
        }
    }

    pub(super) fn is_ours(self) -> bool {
        (self.application, self.version) == (Self::OURS.application, Self::OURS.version)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} version {}", self.application, self.version)
    }
}

pub(super) fn format(conn: &Connection) -> Result<Format, Fault> {
    let number = |sql| {
        conn.query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(Fault::sqlite("read the format"))
    };
    Ok(Format {
        application: number("PRAGMA application_id")?,
        version: number("PRAGMA user_version")?,
        tables: number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")?,
    })
}

pub(super) fn create(conn: &Connection) -> Result<(), Fault> {
    let Format {
        application,
        version,
        tables: _,
    } = Format::OURS;
    // A row without rowid is kept in one page up to a quarter of the page: most of our records are.
    conn.execute_batch("PRAGMA page_size = 8192")
        .map_err(Fault::sqlite("create"))?;
    configure(conn)?;
    // The format is part of the transaction: a creation that is cut off leaves a blank file.
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES}
         PRAGMA application_id = {application}; PRAGMA user_version = {version};
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    ))
    .map_err(Fault::sqlite("create"))
}

/// Durability: a commit returns after the write-ahead log is synced, which is what survives `kill -9` and power loss.
pub(super) fn configure(conn: &Connection) -> Result<(), Fault> {
    let set = || {
        conn.busy_timeout(limits::BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(32);
        conn.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA cache_size = -16384;",
        )
    };
    set().map_err(Fault::sqlite("configure"))
}

/// Reads the whole file once; what a record holds is checked when it is read.
pub(super) fn verify(conn: &Connection) -> Result<(), Fault> {
    let verdict: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(Fault::sqlite("check"))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Fault::content(verdict))
}

/// The topics asked for, created where they are new, with what their partitions hold.
pub(super) fn topics(conn: &Connection, specs: &[TopicSpec]) -> Result<Vec<Topic>, Fault> {
    let tx = conn
        .unchecked_transaction()
        .map_err(Fault::sqlite("read topics"))?;
    let mut topics = Vec::new();
    for spec in specs {
        topics.push(topic(&tx, spec)?);
    }
    tx.commit().map_err(Fault::sqlite("create topics"))?;
    Ok(topics)
}

fn topic(conn: &Connection, spec: &TopicSpec) -> Result<Topic, Fault> {
    let known: Option<(i64, u32)> = conn
        .query_row(
            "SELECT id, partitions FROM topics WHERE name = ?",
            [&spec.name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(Fault::sqlite("read topics"))?;
    let id = match known {
        Some((id, found)) if found == spec.partitions => id,
        Some((_, found)) => {
            return Err(Fault {
                doing: "read topics",
                error: FaultKind::PartitionsDiffer {
                    topic: spec.name.clone(),
                    found,
                    asked: spec.partitions,
                },
            });
        }
        None => create_topic(conn, spec).map_err(Fault::sqlite("create a topic"))?,
    };
    let mut partitions = Vec::new();
    for partition in 0..spec.partitions {
        let extent = extent(conn, id, partition)?;
        partitions.push(extent);
    }
    Ok(Topic {
        id,
        spec: spec.clone(),
        partitions,
    })
}

fn create_topic(conn: &Connection, spec: &TopicSpec) -> rusqlite::Result<i64> {
    conn.execute(
        "INSERT INTO topics (name, partitions) VALUES (?, ?)",
        params![spec.name, spec.partitions],
    )?;
    let id = conn.last_insert_rowid();
    for partition in 0..spec.partitions {
        conn.execute(
            "INSERT INTO partitions (topic, partition, start, next) VALUES (?, ?, 0, 0)",
            params![id, partition],
        )?;
    }
    Ok(id)
}

fn extent(conn: &Connection, topic: i64, partition: u32) -> Result<Extent, Fault> {
    let (start, end): (i64, i64) = conn
        .query_row(
            "SELECT start, next FROM partitions WHERE topic = ? AND partition = ?",
            params![topic, partition],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(Fault::sqlite("read partitions"))?;
    let beyond: Option<i64> = conn
        .query_row(
            "SELECT max(offset) FROM records WHERE topic = ? AND partition = ?",
            params![topic, partition],
            |row| row.get(0),
        )
        .map_err(Fault::sqlite("read partitions"))?;
    if start > end || beyond.is_some_and(|last| last >= end) {
        return Err(Fault::content(format!(
            "partition {partition} of topic number {topic} has records beyond its end"
        )));
    }
    Ok(Extent {
        start: start.into(),
        end: end.into(),
    })
}
