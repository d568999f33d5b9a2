//! Calls made within the last hour, counted by minutes.

use std::time::Duration;

const MINUTE_MS: u64 = 60_000;

/// Minutes that are counted: those of an hour, and the one that has begun, so that no hour holds more calls than are counted.
pub(super) const MINUTES: u32 = 61;

/// Calls by the minute in which they were made.
#[derive(Debug)]
pub(super) struct Hour {
    made: [u32; MINUTES as usize],
    /// The last minute counted, since the clock began.
    minute: u64,
}

impl Default for Hour {
    fn default() -> Self {
        Self {
            made: [0; MINUTES as usize],
            minute: 0,
        }
    }
}

impl Hour {
    /// As if so many calls had been made in each minute of the hour before `now_ms`.
    pub(super) fn assume(&mut self, a_minute: u32, now_ms: u64) {
        self.made = [a_minute; MINUTES as usize];
        self.minute = now_ms / MINUTE_MS;
        self.add(0, now_ms);
        if let Some(made) = self.made.get_mut(slot(self.minute)) {
            *made = 0;
        }
    }

    /// Counts calls as made now.
    pub(super) fn spend(&mut self, calls: u32, now_ms: u64) {
        self.add(calls, now_ms);
    }

    /// Calls of the hour that ends now.
    pub(super) fn made(&mut self, now_ms: u64) -> u32 {
        self.add(0, now_ms);
        self.made
            .iter()
            .fold(0, |sum, made| sum.saturating_add(*made))
    }

    /// How long until some of the calls are an hour ago.
    pub(super) fn until_some_end(&mut self, now_ms: u64) -> Duration {
        self.add(0, now_ms);
        let oldest = (1..=u64::from(MINUTES))
            .find(|after| {
                self.made
                    .get(slot(self.minute + after))
                    .is_some_and(|made| *made > 0)
            })
            .unwrap_or(1);
        let ends_ms = (self.minute + oldest) * MINUTE_MS;
        Duration::from_millis(ends_ms.saturating_sub(now_ms))
    }

    fn add(&mut self, calls: u32, now_ms: u64) {
        let minute = now_ms / MINUTE_MS;
        let passed = minute.saturating_sub(self.minute).min(u64::from(MINUTES));
        for later in 1..=passed {
            // What lies an hour back is forgotten.
            if let Some(made) = self.made.get_mut(slot(minute - passed + later)) {
                *made = 0;
            }
        }
        self.minute = self.minute.max(minute);
        if let Some(made) = self.made.get_mut(slot(self.minute)) {
            *made = made.saturating_add(calls);
        }
    }
}

fn slot(minute: u64) -> usize {
    usize::try_from(minute % u64::from(MINUTES)).unwrap_or(0)
}
