//! Webhooks on their way: a queue by due time, signed POSTs, retries until 200, and what was sent.
//!
//! [`Outbox`] is the state, `post` makes bodies, `send` is the loop that delivers.

mod post;
pub(crate) mod send;
mod sent;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use secrecy::SecretString;
use serde::Serialize;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use url::Url;

use self::{
    post::{Post, Queued},
    sent::Sent,
};
use crate::{
    faults::Fate,
    limits::{QUEUE_MAX, RETRY_FIRST, RETRY_LONGEST},
    run::lock,
    webhook::Event,
};

/// What became of webhooks since the start.
///
/// Once everything is delivered, `events - lost - overflowed + duplicated = sent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events that happened and that a webhook tells of.
    pub events: u64,
    /// Events never delivered, by the fault `lose`.
    pub lost: u64,
    /// Second copies made, by the fault `duplicate`.
    pub duplicated: u64,
    /// Events and copies that wait now: delayed, being retried or in flight.
    pub queued: u64,
    /// Events and copies in POSTs that were answered 200.
    pub sent: u64,
    /// POSTs that were answered 200.
    pub posts: u64,
    /// Attempts that were not answered 200; each is tried again.
    pub retried: u64,
    /// Events and copies dropped because the queue was full: never silently.
    pub overflowed: u64,
}

/// The queue of webhooks. Its lock is held for moments only and never while waiting.
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    secret: SecretString,
    /// Something may be due.
    woken: Notify,
    /// Counts POSTs that were answered, for those who wait.
    settled: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    target: Option<Url>,
    /// By due millisecond of the simulator's clock, then by order.
    queue: BTreeMap<(i64, u64), Queued>,
    /// By due moment of real time, then by order.
    retries: BTreeMap<(Instant, u64), Post>,
    /// Events queued, being retried or in flight.
    outstanding: BTreeSet<u64>,
    last_id: u64,
    last_order: u64,
    /// How many wait for a flush: then retries do not back off.
    flushes: u32,
    counts: Counts,
    sent: Sent,
}

impl Outbox {
    pub(crate) fn new(target: Option<Url>, secret: SecretString) -> Self {
        Self {
            inner: Mutex::new(Inner {
                target,
                ..Inner::default()
            }),
            secret,
            woken: Notify::new(),
            settled: watch::Sender::new(0),
        }
    }

    /// Queues an event and its copy, if fate gives it one.
    pub(crate) fn push(&self, event: Event, fate: Fate, now_ms: i64) {
        let mut inner = lock(&self.inner);
        inner.counts.events += 1;
        let [shape, copy_shape] = fate.shapes;
        if fate.lost {
            inner.counts.lost += 1;
            return;
        }
        if let Some(copy_ms) = fate.copy_ms {
            inner.counts.duplicated += 1;
            inner.queue_event(event.clone(), copy_shape, now_ms + copy_ms);
        }
        inner.queue_event(event, shape, now_ms + fate.delay_ms);
        drop(inner);
        self.woken.notify_one();
    }

    /// Sends to another endpoint from now on; none holds everything back.
    pub(crate) fn set_target(&self, target: Option<Url>) {
        lock(&self.inner).target = target;
        self.woken.notify_one();
    }

    pub(crate) fn counts(&self) -> Counts {
        let inner = lock(&self.inner);
        Counts {
            queued: inner.outstanding.len() as u64,
            ..inner.counts
        }
    }

    /// Bodies delivered after `after`, and whether some of them are no longer kept.
    pub(crate) fn sent(&self, after: u64) -> Result<String, u64> {
        lock(&self.inner).sent.lines(after)
    }

    /// The next POST that is due, and where it goes.
    fn next(&self, now_ms: i64) -> Option<(Url, Post)> {
        let mut inner = lock(&self.inner);
        let target = inner.target.clone()?;
        if let Some(entry) = inner.retries.first_entry()
            && entry.key().0 <= Instant::now()
        {
            return Some((target, entry.remove()));
        }
        let size = match inner.queue.first_key_value() {
            Some(((due_ms, _), first)) if *due_ms <= now_ms => first.batch(),
            _ => return None,
        };
        let mut items = Vec::with_capacity(size);
        while items.len() < size
            && let Some(entry) = inner.queue.first_entry()
            && entry.key().0 <= now_ms
        {
            items.push(entry.remove());
        }
        drop(inner);
        Some((target, Post::of(&items, &self.secret)))
    }

    /// How long until something is due, or none while there is nothing.
    fn wait(&self, now_ms: i64) -> Option<Duration> {
        let inner = lock(&self.inner);
        inner.target.as_ref()?;
        let retry = inner
            .retries
            .first_key_value()
            .map(|((due, _), _)| due.saturating_duration_since(Instant::now()));
        let queued = inner.queue.first_key_value().map(|((due_ms, _), _)| {
            Duration::from_millis(u64::try_from(due_ms - now_ms).unwrap_or(0))
        });
        retry.into_iter().chain(queued).min()
    }

    /// A POST was answered 200.
    fn settle(&self, post: &Post) {
        let mut inner = lock(&self.inner);
        for id in &post.ids {
            inner.outstanding.remove(id);
        }
        inner.counts.sent += post.ids.len() as u64;
        inner.counts.posts += 1;
        inner.sent.push(post.body.clone());
        drop(inner);
        self.settled.send_modify(|count| *count += 1);
    }

    /// A POST was answered otherwise or not at all: the same bytes again, later.
    fn retry(&self, mut post: Post) {
        let mut inner = lock(&self.inner);
        inner.counts.retried += 1;
        let wait = if inner.flushes > 0 {
            RETRY_FIRST
        } else {
            back_off(post.attempts)
        };
        post.attempts = post.attempts.saturating_add(1);
        inner.last_order += 1;
        let key = (Instant::now() + wait, inner.last_order);
        inner.retries.insert(key, post);
    }

    /// Makes everything due that is queued now, and waits until it was answered 200 or `limit` is over.
    /// Without an endpoint there is nothing to wait for.
    pub(crate) async fn flush(&self, limit: Duration) -> Result<Counts, Counts> {
        let mut settled = self.settled.subscribe();
        let last = {
            let mut inner = lock(&self.inner);
            if inner.target.is_none() && !inner.outstanding.is_empty() {
                drop(inner);
                return Err(self.counts());
            }
            inner.flushes += 1;
            inner.make_due();
            inner.last_id
        };
        self.woken.notify_one();
        // Dropped also when the caller hangs up.
        let _flushing = Flushing(self);
        let done = tokio::time::timeout(limit, async {
            while lock(&self.inner)
                .outstanding
                .first()
                .is_some_and(|id| *id <= last)
            {
                if settled.changed().await.is_err() {
                    return;
                }
            }
        })
        .await;
        if done.is_ok() {
            Ok(self.counts())
        } else {
            Err(self.counts())
        }
    }
}

/// A flush that is waited for.
struct Flushing<'a>(&'a Outbox);

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.0.inner);
        inner.flushes = inner.flushes.saturating_sub(1);
    }
}

impl Inner {
    fn queue_event(&mut self, event: Event, shape: u64, due_ms: i64) {
        if self.outstanding.len() >= QUEUE_MAX {
            self.counts.overflowed += 1;
            return;
        }
        self.last_id += 1;
        self.last_order += 1;
        self.outstanding.insert(self.last_id);
        self.queue.insert(
            (due_ms, self.last_order),
            Queued {
                id: self.last_id,
                event,
                shape,
            },
        );
    }

    /// Makes all due at once, in the order they would have been due.
    fn make_due(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        for (_, item) in queue {
            self.last_order += 1;
            // The epoch: before whatever is queued from now on.
            self.queue.insert((0, self.last_order), item);
        }
        let now = Instant::now();
        let retries = std::mem::take(&mut self.retries);
        for (_, post) in retries {
            self.last_order += 1;
            self.retries.insert((now, self.last_order), post);
        }
    }
}

/// 200 ms, doubled with each attempt, at most 5 s.
fn back_off(attempts: u32) -> Duration {
    RETRY_FIRST
        .saturating_mul(1 << attempts.min(10))
        .min(RETRY_LONGEST)
}

#[cfg(test)]
mod tests;
