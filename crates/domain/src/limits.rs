//! Numbers that decide what the fold concludes: they belong to [`FOLD`] and change only with it.
//! Those after [`NUMBER_ENTRIES_MAX`] are of the judgement, and change no state.

use std::time::Duration;

/// Number of this fold.
/// Every published state carries it: the same log and the same fold number give the same bytes.
pub const FOLD: u32 = 1;

/// Longest identifier, in bytes.
/// Meta's group ids, message ids and join request ids are opaque texts of some 60 to 130 bytes.
pub const ID_BYTES_MAX: usize = 512;

/// Seconds that a link between identifiers outlives the roster floor.
/// Meta retries a webhook for 7 days, and one day is slack: a webhook that late must still find whom it names.
pub const LINK_GRACE_SECONDS: i64 = 8 * 86_400;

/// Seconds that a join request may be younger than the second its read speaks of, which lies the allowed lag before the answer.
/// No lag is a day; what says more is no second.
pub const ASKED_AHEAD_SECONDS_MAX: i64 = 86_400;

/// Seconds that a number remembers an identity change, for the same reason.
pub const IDENTITY_CHANGE_SECONDS: i64 = 8 * 86_400;

/// Links followed from one identifier before giving up.
pub const LINK_STEPS_MAX: usize = 8;

/// More member registers than this mean that the group should be read soon: a complete read prunes them.
pub const MEMBER_REGISTERS_SOON: usize = 64;

/// Registers of one kind that a group keeps; beyond it the group says `overflow` and keeps the greatest stamps.
pub const REGISTERS_MAX: usize = 4_096;

/// Recipients that a message keeps; a group has at most 8 participants at a time.
pub const RECIPIENTS_MAX: usize = 1_024;

/// Groups that a hold names; it counts all of them. One more than may vanish are in question at a time, of 10,000 groups 201.
pub const HOLD_SUSPECTS_MAX: usize = 256;

/// Identity changes, and holds, that a number keeps.
pub const NUMBER_ENTRIES_MAX: usize = 4_096;

/// Seconds that a webhook may come after what it tells: Meta tries for 7 days, and one day is slack.
pub const LATE_SECONDS_MAX: i64 = 8 * 86_400;

/// Repairs of a number whose webhook may yet come; beyond it the oldest count as lost for good.
pub const OPEN_REPAIRS_MAX: usize = 100_000;

/// Repairs of a number that are kept to be shown.
pub const REPAIRS_KEPT_MAX: usize = 1_000;

/// Pages of one list pass: a number runs at most 10,000 groups, so 10 pages of 1,024 and slack for smaller pages.
pub const LIST_PAGES_MAX: u32 = 600;

/// Times that a list pass starts over because its cursor expired.
pub const LIST_STARTS_MAX: u32 = 3;

/// Seconds for which a group confirmed alive though not listed is not asked for again because of the list, unless it is listed meanwhile.
pub const UNLISTED_REST_SECONDS: i64 = 86_400;

/// Seconds for which a group that was unknown twice, and may not be asserted gone yet, is not asked for again.
pub const CONFIRMED_REST_SECONDS: i64 = 86_400;

/// Seconds within which vanished groups count together (design §7.5).
pub const VANISH_WINDOW_SECONDS: i64 = 86_400;

/// Seconds after which a gone group is forgotten (design §3.8).
pub const FORGET_AFTER_SECONDS: i64 = 30 * 86_400;

/// First rest of a group whose read failed, doubling up to [`GROUP_REST_MAX`]: the reason may be its own.
pub const GROUP_REST_MIN: Duration = Duration::from_secs(5);

/// Longest rest of a group whose reads fail.
pub const GROUP_REST_MAX: Duration = Duration::from_secs(600);

/// Longest rest of a group whose reads count others than they name; it begins at the allowed lag and doubles.
pub const MISMATCH_REST_MAX: Duration = Duration::from_secs(6 * 3_600);

/// How long a group of which something was heard must be quiet to be read for that: this part of the age of the one verified longest ago.
///
/// Where a round takes 40 hours that is an hour, so that a session of chat costs one read and not ten;
/// where it takes an hour, a minute and a half, which `L` exceeds (docs/adr/0010-a-session-is-read-once-it-is-quiet.md).
pub const QUIET_DIVISOR: i64 = 40;

/// The longest that is, in seconds.
pub const QUIET_SECONDS_MAX: i64 = 3_600;

/// Seconds by which Meta's clock may differ from ours; an answer further off asserts nothing.
/// It is what ingest allows webhooks to be ahead.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 600;

/// Seconds within which a repair that takes another back shows that Meta's API had lagged, and not that things changed twice.
pub const TAKEN_BACK_SECONDS_MAX: i64 = 86_400;

/// Seconds before and after an answer "unknown" within which another group must be seen by its id, for the answer to count:
/// a token that has lost sight of all groups says "unknown" of each.
pub const CONTROL_SECONDS_MAX: i64 = 60;

/// Calls of a question about a group that may be gone and of the sight of another before and after it, whose join requests are each a call more.
pub const CONTROLLED_CALLS: usize = 5;

/// Those of them that come after the question.
pub const SIGHT_CALLS: usize = 2;

/// Seconds after which a group that no list shows, and that answered too soon to be believed, is asked for once more;
/// doubled each time, until the API's lag is over.
///
/// Most that are gone are unknown by then, so that their proof begins within a minute, and not when the API's lag is over.
pub const SHOWN_REST_SECONDS: i64 = 15;
