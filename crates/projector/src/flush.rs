//! Writing back: what is committed goes to disk soon, many commits together, and leaders wait when too much is pending.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chassis::{CancellationToken, Clock};
use tokio::sync::{Notify, watch};

use crate::{
    follow::now_ms,
    limits::{
        CATCHING_UP_EVENTS, FLUSH_ENTRIES, FLUSH_EVERY, FLUSH_EVERY_CATCHING_UP, FLUSH_LIMIT,
        FLUSH_PAUSE, FLUSH_SHARE, PENDING_BYTES_MAX, PENDING_ENTRIES_MAX,
    },
    metrics::Metrics,
    projection::Projection,
    steps::{Observe, Step},
    store::{self, Flushed, Pending},
};

/// What leaders and the flusher tell each other.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Enough is pending.
    wanted: Notify,
    /// Counts flushes, at their beginning and at their end: either makes room.
    turns: watch::Sender<u64>,
    /// Bytes that may be pending while much is to be read or folded.
    restore_bytes: AtomicUsize,
    /// Is what was restored at the start written, but for what may be pending at any time?
    is_restored: AtomicBool,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            wanted: Notify::new(),
            turns: watch::Sender::new(0),
            restore_bytes: AtomicUsize::new(PENDING_BYTES_MAX),
            is_restored: AtomicBool::new(false),
        }
    }

    /// Lets so many bytes be pending while much is to be read or folded.
    pub(crate) fn set_restore_bytes(&self, bytes: usize) {
        let bytes = bytes.max(PENDING_BYTES_MAX);
        self.restore_bytes.store(bytes, Ordering::Relaxed);
    }

    fn turn(&self) {
        self.turns
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// How much may be pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    /// At which a flush begins.
    enough: bool,
    /// At which whoever commits waits.
    too_much: bool,
}

impl Room {
    fn of(pending: Pending, work: Work, restore_bytes: usize) -> Self {
        let bytes = pending.bytes + pending.writing_bytes;
        if work == Work::Behind {
            // Nothing comes first but reading and folding: it is written later, in order, and what changed often once.
            return Self {
                enough: pending.bytes >= restore_bytes / 2,
                too_much: bytes >= restore_bytes,
            };
        }
        let entries = (pending.records / FLUSH_SHARE).clamp(1, FLUSH_ENTRIES);
        Self {
            enough: waiting(pending) >= entries || pending.bytes >= PENDING_BYTES_MAX / 2,
            too_much: if work == Work::Restored {
                is_much(pending)
            } else {
                bytes >= restore_bytes
            },
        }
    }
}

/// What a projector has to do beside writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// So much is to be read or folded that writing to disk comes after it.
    Behind,
    /// What was restored is being written; nobody waits for that to lead.
    Restoring,
    /// What comes, and nothing else.
    Restored,
}

impl Work {
    fn of(projection: &Projection, pending: Pending) -> Self {
        if is_behind(projection) {
            return Self::Behind;
        }
        let signals = projection.flushing();
        if !is_much(pending) {
            signals.is_restored.store(true, Ordering::Relaxed);
        }
        if signals.is_restored.load(Ordering::Relaxed) {
            Self::Restored
        } else {
            Self::Restoring
        }
    }
}

/// Entries pending that nobody writes yet.
fn waiting(pending: Pending) -> usize {
    pending.entries - pending.writing_entries
}

/// Is more pending than may be while nothing is restored?
fn is_much(pending: Pending) -> bool {
    waiting(pending) >= PENDING_ENTRIES_MAX || pending.bytes >= PENDING_BYTES_MAX
}

/// To be called after each commit: begins a flush where enough is pending, and waits where too much is.
pub(crate) async fn make_room(projection: &Projection) -> Result<(), store::Error> {
    let signals = projection.flushing();
    let mut turns = signals.turns.subscribe();
    loop {
        let pending = projection.store().pending();
        let room = Room::of(
            pending,
            Work::of(projection, pending),
            signals.restore_bytes.load(Ordering::Relaxed),
        );
        if room.enough {
            signals.wanted.notify_one();
        }
        if !room.too_much {
            return Ok(());
        }
        tokio::select! {
            error = projection.failed() => return Err(error),
            _open = turns.changed() => {}
        }
    }
}

/// Is so much to be read or folded that writing to disk comes after it?
fn is_behind(projection: &Projection) -> bool {
    !projection.is_served() || projection.lag_of_all() >= CATCHING_UP_EVENTS
}

/// Flushes until `stop`, and once more.
pub(crate) async fn run(
    projection: Projection,
    clock: Clock,
    metrics: Metrics,
    steps: Arc<dyn Observe>,
    stop: CancellationToken,
) -> Result<(), store::Error> {
    let signals = projection.flushing();
    let mut flushed_ms = clock.monotonic_ms();
    loop {
        let is_last = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = signals.wanted.notified() => false,
            // While the store is restored the processors have better to do, and what is read is complete only at the end.
            () = clock.sleep(FLUSH_EVERY) => {
                let since = Duration::from_millis(clock.monotonic_ms().saturating_sub(flushed_ms));
                let is_early = since < FLUSH_EVERY_CATCHING_UP && is_behind(&projection);
                if !projection.is_served() || is_early {
                    continue;
                }
                false
            }
        };
        steps.taken(Step::FlushBegun);
        // Nobody waits for this task before the end, so that it tells those who would commit for ever what is never written.
        flush(&projection, &clock, &metrics)
            .await
            .inspect_err(|error| projection.fail(error.clone()))?;
        flushed_ms = clock.monotonic_ms();
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
    let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let pending = projection.store().pending();
    metrics.pending_entries.set(gauge(pending.entries));
    metrics
        .pending_bytes
        .set(gauge(pending.bytes + pending.writing_bytes));
    let portions = u32::try_from(pending.bytes / PENDING_BYTES_MAX).unwrap_or(u32::MAX);
    let limit = FLUSH_LIMIT.saturating_mul(portions.saturating_add(1));
    let started_ms = clock.monotonic_ms();
    let (taking, at_ms) = (projection.clone(), now_ms(clock));
    let flush = tokio::task::spawn_blocking(move || {
        let taken = || taking.flushing().turn();
        taking.store().flush_telling(at_ms, taken)
    });
    let Flushed { entries, bytes } = match clock.timeout(limit, flush).await {
        Ok(Ok(flushed)) => flushed?,
        Ok(Err(_)) => return Err(store::Error::Panicked),
        Err(_) => {
            projection.store().abandon();
            return Err(store::Error::Hangs);
        }
    };
    projection.flushing().turn();
    if entries > 0 {
        let took_ms = clock.monotonic_ms().saturating_sub(started_ms);
        metrics
            .flush_seconds
            .observe(Duration::from_millis(took_ms).as_secs_f64());
        metrics.flushes.inc();
        metrics.flushed_entries.inc_by(entries as u64);
        metrics.flushed_bytes.inc_by(bytes as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        index::Index,
        store::{Directory, keys},
    };

    /// Commits batches as a seat does while a flusher runs; gives the most that was ever pending, in bytes and entries.
    async fn most_pending(restore_bytes: usize, batch: usize, is_served: bool) -> (usize, usize) {
        let dir = TempDir::new().unwrap();
        let directory = Directory::new(dir.path().to_owned(), 8 << 20);
        let store = directory.open(Arc::new(|_| Ok(()))).unwrap();
        let projection = Projection::new(store, Index::default(), 1);
        // As a test's limit may be below the least one.
        let signals = projection.flushing();
        signals
            .restore_bytes
            .store(restore_bytes, Ordering::Relaxed);
        if is_served {
            projection.serve();
        }
        let stop = CancellationToken::new();
        let flusher = tokio::spawn(run(
            projection.clone(),
            Clock::system(),
            Metrics::register(&mut prometheus_client::registry::Registry::default()),
            Arc::new(crate::steps::Unobserved),
            stop.clone(),
        ));
        let (mut bytes, mut entries) = (0, 0);
        let payload = bytes::Bytes::from(vec![7; 1_000]);
        for n in 0..40 {
            let key = |of: usize| keys::state(format!("g/{n:05}{of:05}").as_bytes());
            let new = (0..batch).map(|of| (key(of), Some(payload.clone())));
            projection.store().commit(new.collect(), |_| {});
            let pending = projection.store().pending();
            bytes = bytes.max(pending.bytes + pending.writing_bytes);
            entries = entries.max(pending.entries - pending.writing_entries);
            make_room(&projection).await.unwrap();
        }
        stop.cancel();
        flusher.await.unwrap().unwrap();
        assert_eq!(projection.store().pending().entries, 0);
        (bytes, entries)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_pending_while_restoring_exceeds_its_limit_by_no_more_than_one_batch() {
        let (limit, batch) = (2 << 20, 200);
        let (bytes, _) = most_pending(limit, batch, false).await;
        assert!(bytes <= limit + batch * 1_013, "{bytes}");
        assert!(bytes > limit / 2, "{bytes}: nothing was kept back");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_pending_while_serving_exceeds_its_limit_by_no_more_than_one_batch() {
        let batch = 9_000;
        let (_, entries) = most_pending(usize::MAX, batch, true).await;
        assert!(entries <= PENDING_ENTRIES_MAX + batch, "{entries}");
    }

    #[tokio::test]
    async fn what_was_restored_holds_nobody_up_and_what_comes_later_does() {
        let dir = TempDir::new().unwrap();
        let directory = Directory::new(dir.path().to_owned(), 8 << 20);
        let store = directory.open(Arc::new(|_| Ok(()))).unwrap();
        let projection = Projection::new(store, Index::default(), 1);
        let commit_too_much = |of: u8| {
            let key = |n: usize| keys::state(format!("g/{of}{n:07}").as_bytes());
            let entries = (0..PENDING_ENTRIES_MAX).map(|n| (key(n), Some(bytes::Bytes::new())));
            projection.store().commit(entries.collect(), |_| {});
        };
        let has_room = || make_room(&projection).now_or_never().is_some();
        commit_too_much(0);
        projection.serve();
        assert!(has_room(), "of what was restored");
        projection.store().flush_telling(0, || {}).unwrap();
        assert!(has_room(), "once it is written");
        commit_too_much(1);
        assert!(!has_room(), "of what came later");
    }
}
