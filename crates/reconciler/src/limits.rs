//! Limits with their reasons.

use std::time::Duration;

/// Groups asked for on a page of the list: Meta's greatest (reference §4, call 4).
pub const LIST_PAGE: u16 = 1_024;

/// Pages of one list pass: a number runs at most 10,000 groups, so 10 pages of 1,024 and slack for smaller pages.
pub const LIST_PAGES_MAX: u32 = 600;

/// Times that a list pass starts over because its cursor expired.
pub const LIST_STARTS_MAX: u32 = 3;

/// Pages of join requests read of one group.
pub const JOIN_REQUEST_PAGES_MAX: u32 = 50;

/// Reads under way at once for one number: Meta asks for no burst, and answers are small.
pub const READS_IN_FLIGHT_MAX: usize = 8;

/// How often a number looks for something to do; budget gathers meanwhile.
pub const TICK: Duration = Duration::from_millis(500);

/// Calls that may gather while nothing needs reading, as a share of an hour's budget (one sixtieth: a minute).
pub const BURST_DIVISOR: u32 = 60;

/// First pause after Meta throttled us; doubles up to [`THROTTLED_PAUSE_MAX`].
pub const THROTTLED_PAUSE_MIN: Duration = Duration::from_secs(5);

/// Longest pause after throttling, where Meta does not name one.
pub const THROTTLED_PAUSE_MAX: Duration = Duration::from_secs(600);

/// First pause after a failure that another try may cure; doubles up to [`FAILED_PAUSE_MAX`].
pub const FAILED_PAUSE_MIN: Duration = Duration::from_millis(500);

/// Longest pause after failures.
pub const FAILED_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Pause after Meta refused the token: an alarm, not a thousand errors.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// Share of Meta's own limit, in percent, from which calls are spread out.
pub const USAGE_SLOW_PERCENT: u32 = 75;

/// Share of Meta's own limit, in percent, from which no call is made until it falls.
pub const USAGE_STOP_PERCENT: u32 = 95;

/// Pause when usage stands at [`USAGE_STOP_PERCENT`] and Meta names no time.
pub const USAGE_STOP_PAUSE: Duration = Duration::from_secs(60);

/// Seconds for which a group confirmed alive though not listed is not asked for again because of the list.
pub const UNLISTED_REST_SECONDS: i64 = 86_400;

/// Seconds within which vanished groups count together (design §7.5).
pub const VANISH_WINDOW_SECONDS: i64 = 86_400;

/// Seconds after which a gone group is forgotten (design §3.8).
pub const FORGET_AFTER_SECONDS: i64 = 30 * 86_400;

/// Records taken from the state topics at once.
pub const FOLLOW_RECORDS_MAX: usize = 2_000;

/// Bytes taken from the state topics at once.
pub const FOLLOW_BYTES_MAX: usize = 8 << 20;

/// Events appended at once.
pub const APPEND_EVENTS_MAX: usize = 1_000;

/// Without a turn of its loop for so long, a number's task counts as stuck: a page may take the client's whole time-out, several times.
pub const BEAT_LIMIT: Duration = Duration::from_secs(600);
