//! The one thread that writes.

use std::{
    collections::BTreeMap,
    iter,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Instant,
};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Clock, Extent, Fault, Job, Shared, Topic, maintain, rows};
use crate::{batch::Pushed, error::Error, health::Trouble, limits};

pub(super) struct Writer {
    shared: Arc<Shared>,
    conn: Connection,
    clock: Clock,
    maintained: Instant,
}

/// The next offset of each partition that a transaction has touched, by place of the topic and partition.
type Ends = BTreeMap<(usize, u32), i64>;

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, conn: Connection, clock: Clock) -> Self {
        Self {
            shared,
            conn,
            clock,
            maintained: Instant::now(),
        }
    }

    /// Writes until there is no sender left.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let patience = limits::MAINTAIN_EVERY.saturating_sub(self.maintained.elapsed());
            match jobs.recv_timeout(patience) {
                Ok(first) => self.write(first, jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.maintained.elapsed() >= limits::MAINTAIN_EVERY {
                self.maintain();
            }
        }
        // Leaves one file and an empty write-ahead log, as a convenience to whoever copies it; a crash needs none of it.
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "close the local log"
            );
        }
    }

    /// All that waits goes into one transaction: a sync of the disk costs the same for one batch as for many.
    fn write(&mut self, first: Job, jobs: &Receiver<Job>) {
        let mut records = 0;
        let mut group = Vec::new();
        for job in iter::once(first).chain(jobs.try_iter()) {
            records += job.batch.len();
            group.push(job);
            if records >= limits::TRANSACTION_RECORDS_MAX {
                break;
            }
        }
        match self.commit(&group) {
            Ok(offsets) => {
                self.succeeded();
                for (job, offsets) in group.into_iter().zip(offsets) {
                    // Nobody may be waiting any more.
                    let _ = job.done.send(Ok(offsets));
                }
            }
            Err(fault) => {
                let error = self.failed(fault);
                for job in group {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
    }

    fn commit(&mut self, group: &[Job]) -> Result<Vec<Vec<i64>>, Fault> {
        let now = (self.clock)();
        let fault = Fault::sqlite("append");
        let tx = self.conn.transaction().map_err(&fault)?;
        let mut ends = Ends::new();
        let mut offsets = Vec::new();
        for job in group {
            offsets.push(insert(&tx, &self.shared, job, &mut ends, now).map_err(&fault)?);
        }
        for (&(topic, partition), &end) in &ends {
            if let Some(topic) = self.shared.topics.get(topic) {
                save_end(&tx, topic, partition, end).map_err(&fault)?;
            }
        }
        tx.commit().map_err(&fault)?;
        for ((topic, partition), end) in ends {
            if let Ok(extent) = self.shared.partition(topic, partition) {
                extent.end.store(end, Ordering::Release);
            }
        }
        self.shared.commits.send_modify(|commits| *commits += 1);
        Ok(offsets)
    }

    fn maintain(&mut self) {
        self.maintained = Instant::now();
        let now = (self.clock)();
        match maintain::step(&mut self.conn, &self.shared, now) {
            // A log in trouble is not asked to append, so this is also what finds that it is over.
            Ok(()) => self.succeeded(),
            Err(fault) => {
                self.failed(fault);
            }
        }
    }

    fn succeeded(&self) {
        if self.shared.pulse.ready() {
            self.shared.metrics.ready.set(1);
            tracing::info!("the local log takes records again");
        }
    }

    fn failed(&self, fault: Fault) -> Error {
        let error = fault.at(&self.shared.path);
        if self.shared.pulse.trouble(Trouble::Storage) {
            self.shared.metrics.ready.set(0);
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the local log takes no records"
            );
        }
        error
    }
}

fn insert(
    tx: &Transaction<'_>,
    shared: &Shared,
    job: &Job,
    ends: &mut Ends,
    now: i64,
) -> rusqlite::Result<Vec<i64>> {
    let mut offsets = Vec::with_capacity(job.batch.len());
    for record in job.batch.records() {
        // Both were found when the batch was checked.
        let place = job.topics.get(record.topic).copied().unwrap_or(usize::MAX);
        let Some(topic) = shared.topics.get(place) else {
            continue;
        };
        let end = ends.entry((place, record.partition)).or_insert_with(|| {
            let extent = shared.partition(place, record.partition);
            extent.map_or(0, |extent: &Extent| extent.bounds().end)
        });
        let offset = *end;
        *end += 1;
        rows::insert(tx, topic.id, offset, &record)?;
        if topic.spec.cleanup.compacts() {
            supersede(tx, topic, &record, offset, now)?;
        }
        offsets.push(offset);
    }
    Ok(offsets)
}

/// Notes what compaction may remove later: the record of this key before, and a tombstone itself.
fn supersede(
    tx: &Transaction<'_>,
    topic: &Topic,
    record: &Pushed<'_>,
    offset: i64,
    now: i64,
) -> rusqlite::Result<()> {
    let before: Option<i64> = tx
        .prepare_cached("SELECT offset FROM latest WHERE topic = ? AND partition = ? AND key = ?")?
        .query_row(params![topic.id, record.partition, record.key], |row| {
            row.get(0)
        })
        .optional()?;
    tx.prepare_cached(
        "INSERT INTO latest (topic, partition, key, offset) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET offset = excluded.offset",
    )?
    .execute(params![topic.id, record.partition, record.key, offset])?;
    let lag = milliseconds(topic.spec.min_compaction_lag_ms);
    if let Some(before) = before {
        due(tx, now.saturating_add(lag), topic, record.partition, before)?;
    }
    if record.value.is_none() {
        let stay = milliseconds(topic.spec.delete_retention_ms).max(lag);
        due(
            tx,
            now.saturating_add(stay),
            topic,
            record.partition,
            offset,
        )?;
    }
    Ok(())
}

fn due(
    tx: &Transaction<'_>,
    at: i64,
    topic: &Topic,
    partition: u32,
    offset: i64,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO due (at, topic, partition, offset) VALUES (?, ?, ?, ?)",
    )?
    .execute(params![at, topic.id, partition, offset])?;
    Ok(())
}

fn save_end(tx: &Transaction<'_>, topic: &Topic, partition: u32, end: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE partitions SET next = ? WHERE topic = ? AND partition = ?")?
        .execute(params![end, topic.id, partition])?;
    Ok(())
}

pub(super) fn milliseconds(duration: u64) -> i64 {
    i64::try_from(duration).unwrap_or(i64::MAX)
}
