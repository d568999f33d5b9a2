//! Numbers that decide what the fold concludes: they belong to [`FOLD`] and change only with it.

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
