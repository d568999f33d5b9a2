//! The one place that reads the wall clock.
//!
//! Everything that needs the time takes a [`Clock`]: the system's in production,
//! one that a test steps by hand elsewhere. Cloning is cheap.

use std::{
    future::Future,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

/// Tells the time and sleeps.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { origin: Instant },
    Manual(watch::Sender<State>),
}

/// Time as a test set it, and who waits for it.
#[derive(Clone, Debug, Default)]
struct State {
    now_ms: u64,
    /// Deadlines of those asleep, in no order.
    deadlines_ms: Vec<u64>,
}

/// The hand on a manual clock: moves it and sees who sleeps on it.
#[derive(Clone, Debug)]
pub struct ManualClock(watch::Sender<State>);

/// The time limit of [`Clock::timeout`] passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time limit passed")]
pub struct Elapsed;

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System {
            origin: Instant::now(),
        })
    }

    /// A clock that stands still at `now_ms` (milliseconds since 1970) until its hand moves it.
    pub fn manual(now_ms: u64) -> (Self, ManualClock) {
        let (state, _) = watch::channel(State {
            now_ms,
            deadlines_ms: Vec::new(),
        });
        (Self(Source::Manual(state.clone())), ManualClock(state))
    }

    /// Milliseconds since 1970, UTC. It may go back when the machine's clock is corrected.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place all others take the time from"
    )]
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System { .. } => {
                // A machine set before 1970 is as wrong as one set to 1970.
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            Source::Manual(state) => state.borrow().now_ms,
        }
    }

    /// Whole seconds since 1970, UTC: the grain of Meta's timestamps.
    pub fn now_seconds(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// Milliseconds from an arbitrary start that never go back: for ages and time limits.
    pub fn monotonic_ms(&self) -> u64 {
        match &self.0 {
            Source::System { origin } => {
                u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX)
            }
            Source::Manual(state) => state.borrow().now_ms,
        }
    }

    /// Sleeps for `duration`; on a manual clock, until it was advanced that far.
    pub async fn sleep(&self, duration: Duration) {
        match &self.0 {
            Source::System { .. } => tokio::time::sleep(duration).await,
            Source::Manual(state) => {
                let deadline_ms = add(state.borrow().now_ms, duration);
                sleep_manually(state, deadline_ms).await;
            }
        }
    }

    /// Sleeps until `at_ms` (milliseconds since 1970); returns at once if that has passed.
    pub async fn sleep_until_ms(&self, at_ms: u64) {
        match &self.0 {
            Source::System { .. } => {
                let left = at_ms.saturating_sub(self.now_ms());
                tokio::time::sleep(Duration::from_millis(left)).await;
            }
            Source::Manual(state) => sleep_manually(state, at_ms).await,
        }
    }

    /// Awaits `future`, but no longer than `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] when the limit passes first; the future is dropped.
    pub async fn timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep(limit) => Err(Elapsed),
        }
    }
}

impl ManualClock {
    /// Moves the time on and wakes those whose time has come.
    pub fn advance(&self, by: Duration) {
        self.0
            .send_modify(|state| state.now_ms = add(state.now_ms, by));
    }

    /// Sets the time, forward or back, in milliseconds since 1970.
    pub fn set_ms(&self, now_ms: u64) {
        self.0.send_modify(|state| state.now_ms = now_ms);
    }

    /// The time it shows, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.0.borrow().now_ms
    }

    /// How many sleep on this clock and whose time has not come.
    pub fn sleepers(&self) -> usize {
        self.0.borrow().waiting()
    }

    /// Waits until at least `count` sleep on this clock: a test then knows that
    /// the code under test has gone as far as it can without time passing.
    pub async fn wait_for_sleepers(&self, count: usize) {
        wait(&self.0, |state| state.waiting() >= count).await;
    }

    /// Moves the time to the earliest deadline of those asleep and returns it,
    /// or leaves it alone if nobody sleeps.
    pub fn advance_to_next(&self) -> Option<u64> {
        let mut next = None;
        self.0.send_modify(|state| {
            next = state
                .deadlines_ms
                .iter()
                .copied()
                .filter(|at| *at > state.now_ms)
                .min();
            state.now_ms = next.unwrap_or(state.now_ms);
        });
        next
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.deadlines_ms
            .iter()
            .filter(|at| **at > self.now_ms)
            .count()
    }
}

/// Takes a deadline off the list also when the sleep is dropped half-way.
struct Registered<'a> {
    state: &'a watch::Sender<State>,
    deadline_ms: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.state.send_modify(|state| {
            let place = state
                .deadlines_ms
                .iter()
                .position(|at| *at == self.deadline_ms);
            if let Some(place) = place {
                state.deadlines_ms.swap_remove(place);
            }
        });
    }
}

async fn sleep_manually(state: &watch::Sender<State>, deadline_ms: u64) {
    state.send_modify(|state| state.deadlines_ms.push(deadline_ms));
    let _registered = Registered { state, deadline_ms };
    wait(state, |state| state.now_ms >= deadline_ms).await;
}

/// Waits for a condition; the sender is held by the caller, so the channel cannot close.
async fn wait(state: &watch::Sender<State>, condition: impl FnMut(&State) -> bool) {
    let mut receiver = state.subscribe();
    let _open = receiver.wait_for(condition).await;
}

fn add(now_ms: u64, duration: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
