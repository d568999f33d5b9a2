//! The loop that keeps one business number: list, compare, read, assert, for ever.
//!
//! What to do is [`domain::plan`]'s to say, and [`Memory`] tells it what came of it; this only carries it out:
//! [`pass`] reads the list, [`steps`] appends what a plan says, [`visits`] reads single groups.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chassis::{
    CancellationToken, Clock,
    health::{Alarm, Heartbeat},
    trace::{self, Kind, Span},
};
use domain::{
    agreement::Look,
    event::{Event, ListPass},
    group::Group,
    ids::{GroupId, PhoneNumberId, Second},
    plan::{self, Reason, Signals},
};
use tokio::task::{self, JoinSet};

use crate::{
    append::Appender,
    budget::Budget,
    commands::held::seconds,
    ledgers::Book,
    limits::{OVERDUE_AFTER, TICK},
    metrics::{Gauges, Metrics},
    read::Visit,
    snapshots::Snapshots,
    upstream::{Read, Refused},
};

mod pass;
mod sight;
mod steps;
mod tell;
mod visits;

pub(crate) use sight::Sight;

/// A read of a group that ended.
#[derive(Debug)]
struct Visiting {
    reason: Reason,
    /// When it was asked, by our clock.
    asked: Second,
    visit: Visit,
    /// What is appended of it belongs to the same trace.
    span: Option<Span>,
}

/// Why Meta was asked about a group, and when.
#[derive(Debug, Clone, Copy)]
struct Asked {
    reason: Reason,
    /// In Meta's clock.
    t0: Second,
    /// Is the number hydrated for the first time? Then nothing is news.
    is_first: bool,
}

/// What a number's loop is made of.
pub(crate) struct Keeper<R> {
    pub(crate) number: PhoneNumberId,
    pub(crate) upstream: Arc<R>,
    pub(crate) appender: Appender,
    pub(crate) snapshots: Snapshots,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) gauges: Gauges,
    pub(crate) lag: Second,
    pub(crate) list_every: Duration,
    pub(crate) budget: Budget,
    pub(crate) beat: Heartbeat,
    pub(crate) alarms: Alarms,
    pub(crate) book: Book,
    pub(crate) memory: Memory,
}

/// What a person must look at.
#[derive(Debug)]
pub(crate) struct Alarms {
    /// Meta refuses the access token.
    pub(crate) token: Alarm,
    /// The interlock holds.
    pub(crate) hold: Alarm,
}

/// What the loop remembers from turn to turn; losing it costs calls, never truth.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Reads under way.
    visits: JoinSet<Visiting>,
    /// Which groups they read.
    in_flight: HashMap<task::Id, GroupId>,
    /// What the judgement remembers.
    judged: plan::Memory,
    /// What else deserves a look.
    signals: Signals,
    /// When the next list pass is due, on the monotonic clock.
    pass_due_ms: u64,
    /// Passes refused or failed in a row.
    passes_failed: u32,
    /// The last asking for a pass that one began after.
    pass_answered: Second,
    is_token_refused: bool,
}

impl<R: Read> Keeper<R> {
    /// Runs until shutdown; ends with an error only if the log does.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), eventlog::Error> {
        loop {
            self.beat.turn();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = self.snapshots.caught_up() => break,
                () = self.clock.sleep(TICK) => {}
            }
        }
        self.resume();
        loop {
            self.beat.turn();
            let is_visiting = !self.memory.visits.is_empty();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = self.memory.visits.join_next_with_id(), if is_visiting => {
                    self.visit_ended(ended).await?;
                    if !self.is_paused() {
                        self.look().await?;
                    }
                    continue;
                }
                () = self.clock.sleep(TICK) => {}
            }
            if self.is_paused() {
                continue;
            }
            if self.is_pass_due() {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => break,
                    passed = trace::within(trace::span(Kind::Internal, "pass"), self.pass()) => passed?,
                }
            }
            self.look().await?;
        }
        // Reads under way change nothing yet: dropping them loses nothing.
        self.memory.visits.shutdown().await;
        Ok(())
    }

    /// Goes on where whoever kept the number before left off: the next pass is due when it would have been,
    /// so that a process that is started again and again does not list again and again.
    fn resume(&mut self) {
        let held = self.snapshots.held().number(&self.number);
        let last = held.and_then(|number| Some(number.core.list_pass.as_ref()?.value.clone()));
        let Some(ListPass {
            started: last,
            asked,
            ..
        }) = last
        else {
            return;
        };
        let passed = self.local_now().saturating_sub(last).max(0).unsigned_abs();
        self.memory.pass_answered = asked;
        let left = self.list_every.saturating_sub(Duration::from_secs(passed));
        self.memory.pass_due_ms = self.clock.monotonic_ms().saturating_add(to_ms(left));
    }

    fn local_now(&self) -> Second {
        i64::try_from(self.clock.now_seconds()).unwrap_or(i64::MAX)
    }

    /// Now, by Meta's clock.
    fn now(&self) -> Second {
        self.memory.judged.now(self.local_now())
    }

    fn is_paused(&self) -> bool {
        let held = self.snapshots.held().number(&self.number);
        held.is_some_and(|number| {
            number
                .core
                .paused
                .as_ref()
                .is_some_and(|paused| paused.value)
        })
    }

    /// Takes note of what else than the groups' own states makes them worth a read.
    fn heed(&mut self) {
        let until = self.local_now() - seconds(OVERDUE_AFTER);
        let held = self.snapshots.held();
        self.memory.signals.gap = held.gap();
        self.memory.signals.overdue = held.requests().overdue(until);
    }

    /// Enters in the book what `events` will change in what is held now, and says why in words; gives how much that is.
    fn count_drift(&self, group_id: &GroupId, events: &[Event], asked: Asked) -> usize {
        let (held, gap) = {
            let held = self.snapshots.held();
            (held.group(group_id), held.gap())
        };
        let Asked {
            reason,
            t0,
            is_first,
        } = asked;
        let look = Look {
            group_id,
            held: held.as_deref(),
            events,
            reason,
            t0,
            is_first,
            is_behind_gap: held
                .as_ref()
                .zip(gap)
                .is_some_and(|(group, gap)| known_since(group) < gap),
        };
        let repairs = {
            let mut book = self.book.lock();
            let before = (book.counts().contradicted, book.misled().times);
            let repairs = book.looked(&look);
            let misled = book.misled();
            let contradicted = book.counts().contradicted.saturating_sub(before.0);
            self.metrics.contradicted(contradicted);
            let times = misled.times.saturating_sub(before.1);
            self.metrics.misled(times, misled.lag_max);
            repairs
        };
        for repair in &repairs {
            tracing::debug!("{repair}");
        }
        self.metrics.repaired(&repairs);
        repairs.len()
    }

    /// Meta took the token.
    fn accepted(&mut self) {
        self.gauges.token_refused.set(0);
        self.alarms.token.clear();
        if std::mem::take(&mut self.memory.is_token_refused) {
            tracing::info!(phone_number_id = %self.number, "the access token works again");
        }
    }

    /// Counts a refusal; one of the token is an alarm, once.
    fn refused(&mut self, refused: Refused) {
        self.metrics.refusals.add(refused.as_str(), 1);
        if refused != Refused::Token {
            return;
        }
        self.gauges.token_refused.set(1);
        self.alarms
            .token
            .raise("Meta refuses it: nothing can be verified until the file names one that works");
        if !std::mem::replace(&mut self.memory.is_token_refused, true) {
            tracing::error!(
                phone_number_id = %self.number,
                "Meta refuses the access token: nothing can be verified until --access-token-file names one that works"
            );
        }
    }

    async fn append(&self, events: &[Event]) -> Result<(), eventlog::Error> {
        if events.is_empty() {
            return Ok(());
        }
        self.appender.append(events).await
    }
}

/// When a group was verified last; if it never was, when it was first told of.
fn known_since(group: &Group) -> Second {
    match group.core.verified {
        0 => group.core.exists.as_ref().map_or(0, |told| told.stamp.at),
        verified => verified,
    }
}

fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
