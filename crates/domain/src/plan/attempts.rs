//! What became of reads of single groups, so that one that cannot be read does not keep the others from being read.

use std::{collections::HashMap, time::Duration};

use super::Clock;
use crate::{
    ids::{GroupId, Second},
    limits::{GROUP_REST_MAX, GROUP_REST_MIN, MISMATCH_REST_MAX},
};

/// Reads tried, by group. Kept in memory alone: after a restart some groups are read once more than needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts(HashMap<GroupId, Attempt>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Attempt {
    /// `t0` of the last read that was answered in full.
    answered: Option<Second>,
    /// Did the last read bring only a part?
    is_owed: bool,
    /// Failures since the last full answer.
    failed: u32,
    /// Full answers in a row that counted others than they named.
    mismatched: u32,
    /// Not read again before this, on the monotonic clock.
    rests_until_ms: u64,
}

/// What is known of earlier reads of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tried {
    /// `t0` of the last read that was answered in full.
    pub answered: Option<Second>,
    /// Did the last read bring only a part?
    pub is_owed: bool,
    /// Is it left alone for now?
    pub is_resting: bool,
    /// Did the last read count others than it named, and is it time to ask again?
    pub is_mismatch_due: bool,
}

impl Attempt {
    /// Longer each time, for Meta may always count so.
    fn is_mismatch_due(&self, now: Second, lag: Second) -> bool {
        let (Some(answered), Some(times)) = (self.answered, self.mismatched.checked_sub(1)) else {
            return false;
        };
        let least = Duration::from_secs(u64::try_from(lag).unwrap_or(0).max(1));
        let rest = doubled(least, times, MISMATCH_REST_MAX).as_secs();
        now.saturating_sub(answered) > Second::try_from(rest).unwrap_or(Second::MAX)
    }
}

impl Attempts {
    /// A read asked at `t0` was answered in full, be it with a refusal that says something about the group.
    pub fn answered(&mut self, group_id: &GroupId, t0: Second) {
        let attempt = Attempt {
            answered: Some(t0),
            ..Attempt::default()
        };
        self.0.insert(group_id.clone(), attempt);
    }

    /// A read asked at `t0` was answered in full, and counted others than it named.
    pub fn mismatched(&mut self, group_id: &GroupId, t0: Second) {
        let mismatched = self.0.get(group_id).map_or(0, |attempt| attempt.mismatched);
        let attempt = Attempt {
            answered: Some(t0),
            mismatched: mismatched.saturating_add(1),
            ..Attempt::default()
        };
        self.0.insert(group_id.clone(), attempt);
    }

    /// A read brought nothing, or only a part, for a reason that may be this group's own: it rests, longer each time.
    pub fn failed(&mut self, group_id: &GroupId, now_ms: u64) {
        let attempt = self.0.entry(group_id.clone()).or_default();
        let rest = doubled(GROUP_REST_MIN, attempt.failed, GROUP_REST_MAX);
        attempt.failed = attempt.failed.saturating_add(1);
        let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        attempt.rests_until_ms = now_ms.saturating_add(rest_ms);
    }

    /// It may be read at once; if that fails as well, it rests for longer than before.
    pub fn wake(&mut self, group_id: &GroupId) {
        if let Some(attempt) = self.0.get_mut(group_id) {
            attempt.rests_until_ms = 0;
        }
    }

    /// A read brought only a part: the group is to be read again whatever else is known of it.
    pub fn owe(&mut self, group_id: &GroupId) {
        self.0.entry(group_id.clone()).or_default().is_owed = true;
    }

    /// Is it left alone for now?
    pub fn is_resting(&self, group_id: &GroupId, now_ms: u64) -> bool {
        let attempt = self.0.get(group_id);
        attempt.is_some_and(|attempt| now_ms < attempt.rests_until_ms)
    }

    /// Did the last read bring only a part?
    pub fn is_owed(&self, group_id: &GroupId) -> bool {
        self.0.get(group_id).is_some_and(|attempt| attempt.is_owed)
    }

    /// What is known of earlier reads of a group.
    pub fn of(&self, group_id: &GroupId, clock: Clock, lag: Second) -> Tried {
        let Some(attempt) = self.0.get(group_id) else {
            return Tried::default();
        };
        Tried {
            answered: attempt.answered,
            is_owed: attempt.is_owed,
            is_resting: clock.monotonic_ms < attempt.rests_until_ms,
            is_mismatch_due: attempt.is_mismatch_due(clock.now, lag),
        }
    }

    /// `t0` of the last read that was answered in full.
    pub fn last(&self, group_id: &GroupId) -> Option<Second> {
        self.0.get(group_id)?.answered
    }

    /// Forgets groups that are no longer held.
    pub fn retain(&mut self, mut keep: impl FnMut(&GroupId) -> bool) {
        self.0.retain(|group_id, _| keep(group_id));
    }
}

/// `least`, doubled `times` times, and no more than `most`.
pub fn doubled(least: Duration, times: u32, most: Duration) -> Duration {
    least
        .saturating_mul(1_u32.checked_shl(times.min(16)).unwrap_or(u32::MAX))
        .min(most)
}
