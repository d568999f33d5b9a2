//! Limits with their reasons.

use std::time::Duration;

/// Groups asked for on a page of the list: Meta's greatest (reference §4, call 4).
pub const LIST_PAGE: u16 = 1_024;

/// Longest pause until a pass that was refused or failed is tried again, where `--list-every` is longer; doubles from [`PASS_RETRY_MIN`].
pub const PASS_RETRY_MAX: Duration = Duration::from_secs(300);

/// First pause until a pass that was refused or failed is tried again.
pub const PASS_RETRY_MIN: Duration = Duration::from_secs(5);

/// Share of the budget that list passes may take, as a divisor: the other half is for reads, however many pages there are.
pub const PASS_SHARE_DIVISOR: u32 = 2;

/// Pages of join requests read of one group.
pub const JOIN_REQUEST_PAGES_MAX: u32 = 50;

/// Open join requests of one group that one event can say: some 300 bytes each, and a record holds 1 MB.
pub const JOIN_REQUESTS_MAX: usize = 2_000;

/// Longest event appended, in bytes; with its headers it must stay under what a broker takes.
pub const EVENT_BYTES_MAX: usize = 900_000;

/// Smallest `L`: API lag, clock skew and a second.
pub const LAG_MIN: Duration = Duration::from_secs(1);

/// Greatest `L`: nothing that happened today could be read before tomorrow.
pub const LAG_MAX: Duration = Duration::from_secs(86_400);

/// Reads under way at once for one number: Meta asks for no burst, and answers are small.
pub const READS_IN_FLIGHT_MAX: usize = 8;

/// How often a number looks for something to do; budget gathers meanwhile.
pub const TICK: Duration = Duration::from_millis(500);

/// Calls that may gather while nothing needs reading, as a share of an hour's budget (one sixtieth: a minute).
pub const BURST_DIVISOR: u32 = 60;

/// At least so many gather, where the hour has as many: what must follow one upon the other can (`domain::limits::CONTROLLED_CALLS`).
pub const BURST_CALLS_MIN: u32 = 6;

/// Share of each hour's calls kept for commands, as a divisor: reads and passes never take it.
pub const COMMAND_SHARE_DIVISOR: u32 = 20;

/// First pause after Meta throttled us; doubles up to [`THROTTLED_PAUSE_MAX`].
pub const THROTTLED_PAUSE_MIN: Duration = Duration::from_secs(5);

/// Longest pause after throttling, where Meta does not name one.
pub const THROTTLED_PAUSE_MAX: Duration = Duration::from_secs(600);

/// First pause after a failure that another try may cure; doubles up to [`FAILED_PAUSE_MAX`].
pub const FAILED_PAUSE_MIN: Duration = Duration::from_millis(500);

/// Longest pause after failures.
pub const FAILED_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Longest pause that a header of Meta's can ask for: its windows are an hour, and a senseless number must not stop us for ever.
pub const NAMED_PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// Pause after Meta refused the token: an alarm, not a thousand errors.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// How often the app's subscriptions are looked at.
pub const SUBSCRIPTION_EVERY: Duration = Duration::from_secs(3_600);

/// Pause until subscriptions that could not be read, or lack something, are looked at again.
pub const SUBSCRIPTION_RETRY: Duration = Duration::from_secs(60);

/// How long a request of the API waits until the log took its event.
pub const RECORD_WAIT: Duration = Duration::from_secs(10);

/// How long a request of the API waits until what it recorded is folded; then it is answered that it is on its way.
pub const FOLD_WAIT: Duration = Duration::from_secs(5);

/// How long a request for a pass waits until the pass is over; then it is answered that it is on its way.
pub const PASS_WAIT: Duration = Duration::from_secs(30);

/// Commands of the API under way at once, those that wait for another's answer included.
pub const COMMANDS_MAX: usize = 512;

/// How long an instance waits to see its intent folded; it calls within this or never.
pub const INTENT_WAIT: Duration = Duration::from_secs(5);

/// How long a caller waits for an answer that another caller's intent will bring; then it is answered that it is on its way.
pub const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// A request of ours that waits longer to be settled makes its group worth a read, which shows what became of it.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(5 * 60);

/// How long a caller waits for its command at all: less than a request may take, after which its connection's answer is cut.
pub const COMMAND_WAIT: Duration = Duration::from_secs(25);

/// Longest pause until a call is tried again while its caller waits.
pub const CALL_PAUSE_MAX: Duration = Duration::from_secs(4);

/// Tries of a call that may be made again.
pub const CALL_TRIES_MAX: u32 = 3;

/// After this no other try of a call is begun: its last one then ends, and is recorded, before [`ORPHAN_AFTER`].
pub const CALL_TRIES_WITHIN: Duration = Duration::from_secs(5);

/// After this an intent without an answer is its instance's last word.
///
/// Recording it (10 s), waiting for the fold (5 s), tries (5 s), the last try's time-out (30 s) and mostly recording the answer are over,
/// and clocks may differ. An answer that is recorded later all the same is the last word.
pub const ORPHAN_AFTER: Duration = Duration::from_secs(70);

/// How often requests that wait to be settled are looked at.
pub const SETTLE_EVERY: Duration = Duration::from_secs(2);

/// How long Meta may take to complete what it accepted, when the list is to prove that it never did.
pub const COMPLETES_WITHIN: Duration = Duration::from_secs(600);

/// Seconds within which an outcome counts as that of a request whose answer was lost.
pub const CORRELATE_WITHIN: Duration = Duration::from_secs(3_600);

/// How far our clock may lag behind Meta's when outcomes are found by their second.
pub const CLOCK_SKEW: Duration = Duration::from_secs(2);

/// How long an idempotency key is good for.
pub const KEY_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Uses of one key, a day apart each, that are told apart: requests are kept for 30 days.
pub const KEY_USES_MAX: u32 = 40;

/// Longest idempotency key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// How long requests are held that nothing more is expected of: twice the life of a key.
pub const REQUESTS_KEPT: Duration = Duration::from_secs(48 * 3_600);

/// Requests held at most; beyond it those that were asked first are let go.
pub const REQUESTS_HELD_MAX: usize = 200_000;

/// Longest picture that the API takes, in bytes; the client refuses more than Meta takes.
pub const PICTURE_BYTES_MAX: usize = (5 << 20) + (64 << 10);

/// `Retry-After` of what Meta throttled.
pub const THROTTLED_RETRY: Duration = Duration::from_secs(15);

/// `Retry-After` of what failed at Meta.
pub const FAILED_RETRY: Duration = Duration::from_secs(2);

/// Dry runs under way at once: each reads the whole list.
pub const DRY_RUNS_MAX: usize = 1;

/// Requests of the API that wait at once.
pub const WAITERS_MAX: usize = 100;

/// Longest body of a request of the API, in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Holds on a page of the API.
pub const HOLDS_PAGE_MAX: usize = 1_000;

/// How long the group waits for an instance that is silent before another owns its numbers.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(15);

/// Share of Meta's own limit, in percent, from which calls are spread out.
pub const USAGE_SLOW_PERCENT: u32 = 75;

/// Share of Meta's own limit, in percent, from which no call is made until it falls.
pub const USAGE_STOP_PERCENT: u32 = 95;

/// Pause when usage stands at [`USAGE_STOP_PERCENT`] and Meta names no time.
pub const USAGE_STOP_PAUSE: Duration = Duration::from_secs(60);

/// Records taken from the state topics at once.
pub const FOLLOW_RECORDS_MAX: usize = 2_000;

/// Bytes taken from the state topics at once.
pub const FOLLOW_BYTES_MAX: usize = 8 << 20;

/// Pause after a read of the state topics failed.
pub const FOLLOW_PAUSE: Duration = Duration::from_secs(1);

/// Events appended at once.
pub const APPEND_EVENTS_MAX: usize = 1_000;

/// First pause until an append is tried again; doubles up to [`APPEND_PAUSE_MAX`].
pub const APPEND_PAUSE_MIN: Duration = Duration::from_millis(200);

/// Longest pause between tries of an append.
pub const APPEND_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Tries of an append before the process ends: some five minutes, which outlasts a broker's restart.
pub const APPEND_TRIES_MAX: u32 = 60;

/// Without a turn of its loop for so long, a number's task counts as stuck: a page may take the client's whole time-out, several times.
pub const BEAT_LIMIT: Duration = Duration::from_secs(600);
