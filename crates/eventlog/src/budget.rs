//! How much may be on its way to the log at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::{
    limits::{PENDING_BYTES_MAX, PENDING_RECORDS_MAX},
    metrics::Metrics,
};

/// Records and bytes that are appended and not yet durable.
#[derive(Debug)]
pub(crate) struct Budget {
    records: AtomicUsize,
    bytes: AtomicUsize,
    idle: Notify,
    metrics: Metrics,
}

impl Budget {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            idle: Notify::new(),
            metrics,
        }
    }

    /// A share for a batch, or nothing if the limit would be passed.
    pub(crate) fn take(self: &Arc<Self>, records: usize, bytes: usize) -> Option<Share> {
        let share = Share {
            budget: Arc::clone(self),
            records,
            bytes,
        };
        // Added first and looked at after: two takers at once may both be refused, never both be let over.
        let records_now = self.records.fetch_add(records, Ordering::Relaxed) + records;
        let bytes_now = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.metrics.pending_records.inc_by(gauge(records));
        self.metrics.pending_bytes.inc_by(gauge(bytes));
        (records_now <= PENDING_RECORDS_MAX && bytes_now <= PENDING_BYTES_MAX).then_some(share)
    }

    pub(crate) fn records(&self) -> usize {
        self.records.load(Ordering::Relaxed)
    }

    /// Resolves when nothing is pending.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            if self.records() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// What one batch holds of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    records: usize,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        let metrics = &self.budget.metrics;
        metrics.pending_records.dec_by(gauge(self.records));
        metrics.pending_bytes.dec_by(gauge(self.bytes));
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let before = self
            .budget
            .records
            .fetch_sub(self.records, Ordering::Relaxed);
        if before == self.records {
            self.budget.idle.notify_waiters();
        }
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
