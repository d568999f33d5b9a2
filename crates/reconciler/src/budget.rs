//! How many calls may be made, and when: ours to set, Meta's to shrink.

use std::time::Duration;

use crate::{
    attempts::doubled,
    limits::{
        BURST_DIVISOR, FAILED_PAUSE_MAX, FAILED_PAUSE_MIN, NAMED_PAUSE_MAX, REFUSED_PAUSE,
        THROTTLED_PAUSE_MAX, THROTTLED_PAUSE_MIN, USAGE_SLOW_PERCENT, USAGE_STOP_PAUSE,
        USAGE_STOP_PERCENT,
    },
    upstream::{Load, Refused},
};

const HOUR_MS: u64 = 3_600_000;

/// Calls that may be made on behalf of one number. Time is monotonic milliseconds, given by the caller.
#[derive(Debug)]
pub(crate) struct Budget {
    per_hour: u32,
    /// Calls saved up, times milliseconds of an hour, so that nothing is lost to rounding; negative after a pass of many pages.
    saved: i64,
    filled_at_ms: u64,
    /// No call before this.
    paused_until_ms: u64,
    throttled: u32,
    failed: u32,
    /// Meta's own measure of how much of its limit is used, in percent.
    usage_percent: u32,
}

impl Budget {
    pub(crate) fn new(per_hour: u32, now_ms: u64) -> Self {
        let saved = i64::from(per_hour.div_ceil(BURST_DIVISOR)) * HOUR_MS as i64;
        Self {
            per_hour,
            saved,
            filled_at_ms: now_ms,
            paused_until_ms: 0,
            throttled: 0,
            failed: 0,
            usage_percent: 0,
        }
    }

    /// Calls that may be made now.
    pub(crate) fn available(&mut self, now_ms: u64) -> usize {
        self.fill(now_ms);
        if now_ms < self.paused_until_ms {
            return 0;
        }
        usize::try_from(self.saved / HOUR_MS as i64).unwrap_or(0)
    }

    /// Counts calls as made; what is not there is taken from what comes.
    pub(crate) fn spend(&mut self, calls: u32) {
        self.saved -= i64::from(calls) * HOUR_MS as i64;
    }

    /// How long the budget takes to give so many calls.
    pub(crate) fn time_for(&self, calls: u32) -> Duration {
        Duration::from_millis(HOUR_MS) * calls / self.per_hour.max(1)
    }

    /// Takes an answer, and what it says of Meta's own limits. One that says nothing of them is of an app far from them.
    pub(crate) fn answered(&mut self, load: &Load, now_ms: u64) {
        self.throttled = 0;
        self.failed = 0;
        self.usage_percent = 0;
        self.load(load, now_ms);
    }

    /// Takes a refusal: waits as its kind asks.
    ///
    /// What comes back while a pause is on had been asked before it began, and says nothing new.
    pub(crate) fn refused(&mut self, refused: &Refused, load: &Load, now_ms: u64) {
        let is_paused = now_ms < self.paused_until_ms;
        match refused {
            Refused::Throttled => {
                let pause = doubled(THROTTLED_PAUSE_MIN, self.throttled, THROTTLED_PAUSE_MAX);
                if !is_paused {
                    self.throttled = self.throttled.saturating_add(1);
                    self.pause(pause, now_ms);
                }
                if let Some(named) = load.retry_after {
                    self.pause(named.min(NAMED_PAUSE_MAX), now_ms);
                }
            }
            Refused::Failed if !is_paused => {
                let pause = doubled(FAILED_PAUSE_MIN, self.failed, FAILED_PAUSE_MAX);
                self.failed = self.failed.saturating_add(1);
                // One failure among many answers is that call's; several in a row are everybody's.
                if self.failed > 2 {
                    self.pause(pause, now_ms);
                }
            }
            Refused::Failed => {}
            Refused::Token => self.pause(REFUSED_PAUSE, now_ms),
            Refused::GroupUnknown
            | Refused::GroupSuspended
            | Refused::CursorExpired
            | Refused::Input => {
                self.throttled = 0;
                self.failed = 0;
            }
        }
        self.load(load, now_ms);
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
        let most = i64::from(self.per_hour.div_ceil(BURST_DIVISOR)) * HOUR_MS as i64;
        let gained = passed.saturating_mul(i64::from(self.per_hour)) / slow;
        self.saved = self.saved.saturating_add(gained).min(most);
    }
}

#[cfg(test)]
mod tests;
