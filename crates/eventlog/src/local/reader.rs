//! Reading from the local log, on a connection of the reader's own.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, params};
use tokio::{sync::watch, task, time};

use super::{Engine, Fault, Shared, directory, rows};
use crate::{
    error::Error,
    log::Bounds,
    reader::{At, Start},
    record::RecordBatch,
};

pub(crate) struct Reader {
    conn: Arc<Mutex<Connection>>,
    /// Keeps the directory locked and the writer alive, and is let go after the connection.
    engine: Arc<Engine>,
    sources: Vec<Source>,
    /// The source to begin with, so that a busy one does not starve the others.
    turn: usize,
    commits: watch::Receiver<u64>,
}

#[derive(Clone, Copy)]
struct Source {
    /// Its place in [`Shared::topics`].
    topic: usize,
    partition: u32,
    position: i64,
    end_at_open: i64,
    headers: bool,
}

/// How much to read at once.
#[derive(Clone, Copy)]
struct Bound {
    records: usize,
    bytes: usize,
}

impl Reader {
    pub(crate) fn open(engine: Arc<Engine>, starts: &[Start]) -> Result<Self, Error> {
        let shared = &engine.shared;
        let mut sources = Vec::new();
        for start in starts {
            let topic = shared.topic(&start.topic)?;
            let bounds = shared.partition(topic, start.partition)?.bounds();
            let position = match start.at {
                At::Beginning => bounds.start,
                At::End => bounds.end,
                At::Offset(offset) => offset,
            };
            let source = Source {
                topic,
                partition: start.partition,
                position,
                end_at_open: bounds.end,
                headers: start.headers,
            };
            in_range(shared, &source, bounds)?;
            sources.push(source);
        }
        Ok(Self {
            conn: Arc::new(Mutex::new(directory::connect_to_read(&shared.path)?)),
            commits: shared.commits.subscribe(),
            sources,
            turn: 0,
            engine,
        })
    }

    pub(crate) async fn next(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<RecordBatch, Error> {
        let until = time::Instant::now() + wait;
        let bound = Bound {
            records: max_records.max(1),
            bytes: max_bytes.max(1),
        };
        loop {
            // Marked as seen before looking, so that a commit meanwhile wakes the wait below.
            self.commits.borrow_and_update();
            if self.has_more()? {
                let batch = self.read(bound).await?;
                if !batch.is_empty() {
                    let read = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                    self.engine.shared.metrics.read_records.inc_by(read);
                    return Ok(batch);
                }
                // Everything up to the end was compacted away; the position has moved.
                continue;
            }
            match time::timeout_at(until, self.commits.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(super::ended()),
                Err(_) => return Ok(RecordBatch::default()),
            }
        }
    }

    fn has_more(&self) -> Result<bool, Error> {
        let mut more = false;
        for source in &self.sources {
            let shared = &self.engine.shared;
            let bounds = shared.partition(source.topic, source.partition)?.bounds();
            in_range(shared, source, bounds)?;
            more |= source.position < bounds.end;
        }
        Ok(more)
    }

    /// Positions change only when the records are handed out, so nothing is lost if this is cancelled.
    async fn read(&mut self, bound: Bound) -> Result<RecordBatch, Error> {
        let (conn, engine) = (Arc::clone(&self.conn), Arc::clone(&self.engine));
        let (mut sources, turn) = (self.sources.clone(), self.turn);
        let read = task::spawn_blocking(move || {
            let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
            let shared = &engine.shared;
            let batch = read_sources(&conn, shared, &mut sources, turn, bound);
            let batch = batch.map_err(|fault| fault.at(&shared.path))?;
            Ok((batch, sources))
        });
        let (batch, sources) = read
            .await
            .unwrap_or(Err(Error::Ended { thread: "reader" }))?;
        // What retention has removed while it was read may be missing in the middle: it does not count as read.
        self.has_more()?;
        self.sources = sources;
        self.turn = (turn + 1) % self.sources.len().max(1);
        Ok(batch)
    }

    pub(crate) fn position(&self, source: usize) -> i64 {
        self.sources.get(source).map_or(0, |source| source.position)
    }

    pub(crate) fn end_at_open(&self, source: usize) -> i64 {
        self.sources
            .get(source)
            .map_or(0, |source| source.end_at_open)
    }

    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("local::Reader")
            .field("path", &self.engine.shared.path)
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

fn in_range(shared: &Shared, source: &Source, bounds: Bounds) -> Result<(), Error> {
    if (bounds.start..=bounds.end).contains(&source.position) {
        return Ok(());
    }
    let topic = shared.topics.get(source.topic);
    Err(Error::OutOfRange {
        topic: topic.map_or_else(String::new, |topic| topic.spec.name.clone()),
        partition: source.partition,
        offset: source.position,
        start: bounds.start,
        end: bounds.end,
    })
}

fn read_sources(
    conn: &Connection,
    shared: &Shared,
    sources: &mut [Source],
    turn: usize,
    bound: Bound,
) -> Result<RecordBatch, Fault> {
    let mut batch = RecordBatch::default();
    let count = sources.len();
    for step in 0..count {
        let index = (turn + step) % count;
        if let Some(source) = sources.get_mut(index) {
            read_source(conn, shared, index, source, bound, &mut batch)?;
        }
        if batch.len() >= bound.records || batch.bytes() >= bound.bytes {
            break;
        }
    }
    Ok(batch)
}

fn read_source(
    conn: &Connection,
    shared: &Shared,
    index: usize,
    source: &mut Source,
    bound: Bound,
    batch: &mut RecordBatch,
) -> Result<(), Fault> {
    let Some(topic) = shared.topics.get(source.topic) else {
        return Ok(());
    };
    let extent = shared.extent(topic, source.partition);
    // The end as of now: a commit during the read is for the next one.
    let end = extent.map_or(0, |extent| extent.bounds().end);
    if source.position >= end {
        return Ok(());
    }
    let fault = Fault::sqlite("read records");
    let sql = format!(
        "SELECT {} FROM records
         WHERE topic = ? AND partition = ? AND offset >= ? AND offset < ? ORDER BY offset",
        rows::COLUMNS
    );
    let mut statement = conn.prepare_cached(&sql).map_err(&fault)?;
    let range = params![topic.id, source.partition, source.position, end];
    let mut found = statement.query(range).map_err(&fault)?;
    while let Some(row) = found.next().map_err(&fault)? {
        let offset = rows::read(
            row,
            (topic.id, source.partition),
            (index, source.headers),
            batch,
        )?;
        source.position = offset + 1;
        if batch.len() >= bound.records || batch.bytes() >= bound.bytes {
            return Ok(());
        }
    }
    // Whatever offsets are left up to the end, compaction has removed.
    source.position = end;
    Ok(())
}
