//! Writing back: what is committed goes to disk soon, many commits together, and leaders wait when too much is pending.

use std::sync::Arc;

use chassis::{CancellationToken, Clock};
use tokio::sync::{Notify, watch};

use crate::{
    follow::now_ms,
    limits::{
        FLUSH_ENTRIES, FLUSH_EVERY, FLUSH_LIMIT, FLUSH_PAUSE, FLUSH_SHARE, PENDING_BYTES_MAX,
        PENDING_ENTRIES_MAX,
    },
    metrics::Metrics,
    projection::Projection,
    steps::{Observe, Step},
    store::{self, Flushed},
};

/// What leaders and the flusher tell each other.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Enough is pending.
    wanted: Notify,
    /// Counts flushes.
    done: watch::Sender<u64>,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            wanted: Notify::new(),
            done: watch::Sender::new(0),
        }
    }
}

/// How soon what is pending should be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Keeping up with the log: soon, so that a crash makes the next start read little again.
    KeepingUp,
    /// Catching up: what changes often should be written once, and a crash makes the next start read more.
    CatchingUp,
}

/// To be called after each commit: begins a flush where enough is pending, and waits where too much is.
pub(crate) async fn make_room(projection: &Projection, haste: Haste) -> Result<(), store::Error> {
    let mut done = projection.flushing().done.subscribe();
    loop {
        let pending = projection.store().pending();
        let enough = match haste {
            Haste::KeepingUp => (pending.records / FLUSH_SHARE).clamp(1, FLUSH_ENTRIES),
            Haste::CatchingUp => FLUSH_ENTRIES,
        };
        if pending.entries >= enough || pending.bytes >= PENDING_BYTES_MAX / 2 {
            projection.flushing().wanted.notify_one();
        }
        if pending.entries < PENDING_ENTRIES_MAX && pending.bytes < PENDING_BYTES_MAX {
            return Ok(());
        }
        tokio::select! {
            error = projection.failed() => return Err(error),
            _open = done.changed() => {}
        }
    }
}

/// Flushes until `stop`, and once more.
pub(crate) async fn run(
    projection: Projection,
    clock: Clock,
    metrics: Metrics,
    steps: Arc<dyn Observe>,
    stop: CancellationToken,
) -> Result<(), store::Error> {
    loop {
        let is_last = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = projection.flushing().wanted.notified() => false,
            () = clock.sleep(FLUSH_EVERY) => false,
        };
        steps.taken(Step::FlushBegun);
        flush(&projection, &clock, &metrics).await?;
        steps.taken(Step::FlushDone);
        if is_last {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = clock.sleep(FLUSH_PAUSE) => {}
        }
    }
}

async fn flush(
    projection: &Projection,
    clock: &Clock,
    metrics: &Metrics,
) -> Result<(), store::Error> {
    let entries = projection.store().pending().entries;
    metrics
        .pending_entries
        .set(i64::try_from(entries).unwrap_or(i64::MAX));
    let started_ms = clock.monotonic_ms();
    let (store, at_ms) = (projection.store().clone(), now_ms(clock));
    let flush = tokio::task::spawn_blocking(move || store.flush(at_ms));
    let Flushed { entries, bytes } = match clock.timeout(FLUSH_LIMIT, flush).await {
        Ok(Ok(flushed)) => flushed?,
        Ok(Err(_)) => return Err(store::Error::Panicked),
        Err(_) => {
            projection.store().abandon();
            return Err(store::Error::Hangs);
        }
    };
    projection.flushing().done.send_modify(|count| *count += 1);
    if entries > 0 {
        let took_ms = clock.monotonic_ms().saturating_sub(started_ms);
        metrics
            .flush_seconds
            .observe(std::time::Duration::from_millis(took_ms).as_secs_f64());
        metrics.flushes.inc();
        metrics.flushed_entries.inc_by(entries as u64);
        metrics.flushed_bytes.inc_by(bytes as u64);
    }
    Ok(())
}
