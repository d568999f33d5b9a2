//! How long to wait before a call is made again.

use std::time::Duration;

use super::{Cause, Code, Error};
use crate::limits::{PAIR_WAIT_BASE, RETRY_WAIT_FIRST, RETRY_WAIT_LONGEST, THROTTLED_WAIT_FIRST};

impl Error {
    /// How long to wait before the next call of this kind, after `attempt` failures in a row (1 for the
    /// first); `None` if waiting does not help. What Meta says wins where it is longer. The caller adds jitter, and
    /// asks [`super::Command::may_repeat`] whether the same call may be made again.
    #[must_use]
    pub fn back_off(&self, attempt: u32) -> Option<Duration> {
        let exponent = attempt.saturating_sub(1);
        let doubled = |first: Duration| first.saturating_mul(2_u32.saturating_pow(exponent));
        let known = self.refused().and_then(super::Refused::known);
        let own = match (self.cause(), known) {
            // Meta's own rule for one recipient: 4^n seconds.
            (_, Some(Code::PairLimit)) => {
                Duration::from_secs(PAIR_WAIT_BASE.saturating_pow(attempt))
            }
            (Cause::Throttled, _) => doubled(THROTTLED_WAIT_FIRST),
            (Cause::Transient, _) => doubled(RETRY_WAIT_FIRST),
            (Cause::BadInput | Cause::Auth | Cause::Policy | Cause::Unknown, _) => return None,
        };
        let said = self.sent().and_then(|sent| {
            let regain = sent.usage.and_then(|usage| usage.regain_access);
            sent.retry_after.max(regain)
        });
        Some(own.min(RETRY_WAIT_LONGEST).max(said.unwrap_or_default()))
    }
}
