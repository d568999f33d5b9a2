//! How many calls may be made, and when: ours to set, Meta's to shrink.
//!
//! One budget a number, shared by everybody who calls Meta for it. Commands come first: a share of every hour is kept for
//! them, and what they take is taken from reads. In no hour are more calls made than the setting says.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    attempts::doubled,
    limits::{
        BURST_CALLS_MIN, BURST_DIVISOR, COMMAND_SHARE_DIVISOR, FAILED_PAUSE_MAX, FAILED_PAUSE_MIN,
        NAMED_PAUSE_MAX, REFUSED_PAUSE, THROTTLED_PAUSE_MAX, THROTTLED_PAUSE_MIN,
        USAGE_SLOW_PERCENT, USAGE_STOP_PAUSE, USAGE_STOP_PERCENT,
    },
    upstream::{Load, Refused},
};

mod hour;

use hour::Hour;

const HOUR_MS: u64 = 3_600_000;

/// Why a command may not call Meta now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The hour's calls are made, or Meta asked for a pause: try again after this.
    Later(Duration),
    /// Meta refuses the access token; a person must act.
    Token,
}

/// Calls that may be made on behalf of one number; clones share. Time is monotonic milliseconds, given by the caller.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    per_hour: u32,
    /// Calls that reads saved up, times milliseconds of an hour, so that nothing is lost to rounding; negative after a pass of many pages.
    saved: i64,
    filled_at_ms: u64,
    /// Calls made in the last hour, by anybody.
    hour: Hour,
    /// No call before this.
    paused_until_ms: u64,
    throttled: u32,
    failed: u32,
    /// Meta's own measure of how much of its limit is used, in percent.
    usage_percent: u32,
    /// Meta refuses the token: one call a period asks whether it still does.
    is_token_refused: bool,
}

impl Budget {
    /// A budget that knows nothing of the hour before it, and so takes it as spent: a process that is started again and again
    /// makes no more calls than one that runs.
    pub(crate) fn new(per_hour: u32, now_ms: u64) -> Self {
        let mut state = State {
            per_hour,
            saved: 0,
            filled_at_ms: now_ms,
            hour: Hour::default(),
            paused_until_ms: 0,
            throttled: 0,
            failed: 0,
            usage_percent: 0,
            is_token_refused: false,
        };
        // Of the minutes counted one is to come: taking its share as spent too would leave nothing for it.
        state.hour.assume(state.for_reads() / hour::MINUTES, now_ms);
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls that reads and list passes may make now.
    pub(crate) fn available(&self, now_ms: u64) -> usize {
        let mut state = self.state();
        state.fill(now_ms);
        if now_ms < state.paused_until_ms {
            return 0;
        }
        let left = state
            .for_reads()
            .saturating_sub(state.hour.made(now_ms))
            .try_into()
            .unwrap_or(usize::MAX);
        let saved = usize::try_from(state.saved / HOUR_MS as i64).unwrap_or(0);
        let most = if state.is_token_refused { 1 } else { left };
        saved.min(left).min(most)
    }

    /// Are there soon more at once for whoever makes none for a while?
    pub(crate) fn gathers(&self) -> bool {
        let state = self.state();
        !state.is_token_refused && state.for_reads() > BURST_CALLS_MIN
    }

    /// Counts calls of reads and list passes as made; what is not there is taken from what comes.
    pub(crate) fn spend(&self, calls: u32, now_ms: u64) {
        let mut state = self.state();
        state.spend(calls, now_ms);
        if state.is_token_refused {
            // The next question whether the token works is a period away.
            state.pause(REFUSED_PAUSE, now_ms);
        }
    }

    /// Takes one call for a command, before reads; it is counted as made.
    ///
    /// # Errors
    ///
    /// [`Denied`] where the hour's calls are made, or where Meta would refuse it anyway.
    pub fn take_for_command(&self, now_ms: u64) -> Result<(), Denied> {
        let mut state = self.state();
        state.check_for_command(now_ms)?;
        state.spend(1, now_ms);
        Ok(())
    }

    /// Says whether a command could call now, and takes nothing.
    ///
    /// # Errors
    ///
    /// As of [`Self::take_for_command`].
    pub(crate) fn check_for_command(&self, now_ms: u64) -> Result<(), Denied> {
        self.state().check_for_command(now_ms)
    }

    /// Calls that anybody made within the hour that ends now.
    pub fn made_within_the_hour(&self, now_ms: u64) -> u32 {
        self.state().hour.made(now_ms)
    }

    /// How long the budget of reads takes to give so many calls.
    pub(crate) fn time_for(&self, calls: u32) -> Duration {
        Duration::from_millis(HOUR_MS) * calls / self.state().for_reads().max(1)
    }

    /// Takes an answer, and what it says of Meta's own limits. One that says nothing of them is of an app far from them.
    pub(crate) fn answered(&self, load: &Load, now_ms: u64) {
        let mut state = self.state();
        state.throttled = 0;
        state.failed = 0;
        state.usage_percent = 0;
        state.accept();
        state.load(load, now_ms);
    }

    /// There is another token: whether it works is asked at once.
    pub(crate) fn token_changed(&self) {
        self.state().accept();
    }

    /// Takes a refusal: waits as its kind asks.
    ///
    /// What comes back while a pause is on had been asked before it began, and says nothing new.
    pub(crate) fn refused(&self, refused: &Refused, load: &Load, now_ms: u64) {
        let mut state = self.state();
        let is_paused = now_ms < state.paused_until_ms;
        match refused {
            Refused::Throttled => {
                let pause = doubled(THROTTLED_PAUSE_MIN, state.throttled, THROTTLED_PAUSE_MAX);
                if !is_paused {
                    state.throttled = state.throttled.saturating_add(1);
                    state.pause(pause, now_ms);
                }
                if let Some(named) = load.retry_after {
                    state.pause(named.min(NAMED_PAUSE_MAX), now_ms);
                }
            }
            Refused::Failed if !is_paused => {
                let pause = doubled(FAILED_PAUSE_MIN, state.failed, FAILED_PAUSE_MAX);
                state.failed = state.failed.saturating_add(1);
                // One failure among many answers is that call's; several in a row are everybody's.
                if state.failed > 2 {
                    state.pause(pause, now_ms);
                }
            }
            Refused::Failed => {}
            Refused::Token => {
                state.is_token_refused = true;
                state.pause(REFUSED_PAUSE, now_ms);
            }
            Refused::GroupUnknown
            | Refused::GroupSuspended
            | Refused::CursorExpired
            | Refused::Input => {
                state.throttled = 0;
                state.failed = 0;
                state.accept();
            }
        }
        state.load(load, now_ms);
    }
}

impl State {
    /// What reads and passes may take of an hour: the rest is kept for commands.
    fn for_reads(&self) -> u32 {
        self.per_hour - self.per_hour / COMMAND_SHARE_DIVISOR
    }

    fn check_for_command(&mut self, now_ms: u64) -> Result<(), Denied> {
        if self.is_token_refused {
            return Err(Denied::Token);
        }
        if now_ms < self.paused_until_ms {
            let pause = Duration::from_millis(self.paused_until_ms - now_ms);
            return Err(Denied::Later(pause));
        }
        if self.hour.made(now_ms) >= self.per_hour {
            return Err(Denied::Later(self.hour.until_some_end(now_ms)));
        }
        Ok(())
    }

    fn spend(&mut self, calls: u32, now_ms: u64) {
        self.saved -= i64::from(calls) * HOUR_MS as i64;
        self.hour.spend(calls, now_ms);
    }

    /// Meta took the token.
    fn accept(&mut self) {
        if std::mem::take(&mut self.is_token_refused) {
            self.paused_until_ms = 0;
        }
    }

    fn load(&mut self, load: &Load, now_ms: u64) {
        let Some(percent) = load.usage_percent else {
            return;
        };
        self.usage_percent = percent;
        if percent >= USAGE_STOP_PERCENT {
            let named = load.retry_after.unwrap_or(USAGE_STOP_PAUSE);
            self.pause(named.min(NAMED_PAUSE_MAX), now_ms);
        }
    }

    fn pause(&mut self, pause: Duration, now_ms: u64) {
        let until = now_ms.saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        self.paused_until_ms = self.paused_until_ms.max(until);
    }

    fn fill(&mut self, now_ms: u64) {
        let passed = i64::try_from(now_ms.saturating_sub(self.filled_at_ms)).unwrap_or(i64::MAX);
        self.filled_at_ms = now_ms.max(self.filled_at_ms);
        // Near Meta's limit calls come at a quarter of the pace.
        let slow = if self.usage_percent >= USAGE_SLOW_PERCENT {
            4
        } else {
            1
        };
        let most = self.per_hour.div_ceil(BURST_DIVISOR).max(BURST_CALLS_MIN);
        let most = i64::from(most) * HOUR_MS as i64;
        let gained = passed.saturating_mul(i64::from(self.for_reads())) / slow;
        self.saved = self.saved.saturating_add(gained).min(most);
    }
}

#[cfg(test)]
mod tests;
