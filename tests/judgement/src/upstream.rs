//! What the reconciler's budget is told of an answer.

use std::time::Duration;

/// What an answer says of Meta's own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    /// The greatest share used of any limit, in percent.
    pub(crate) usage_percent: Option<u32>,
    /// Time to wait, where Meta names one.
    pub(crate) retry_after: Option<Duration>,
}

/// Why something was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "the budget judges all, and the world knows some")]
pub(crate) enum Refused {
    GroupUnknown,
    GroupSuspended,
    CursorExpired,
    Throttled,
    Token,
    Input,
    Failed,
}
