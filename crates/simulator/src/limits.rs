//! Every limit of the simulator, each with the sentence that says why it is what it is.

use std::time::Duration;

/// Participants of a group, the business not counted (Meta, Groups API limits).
pub(crate) const PARTICIPANTS_MAX: usize = 8;

/// Groups of one business number (Meta, Groups API limits).
pub(crate) const GROUPS_PER_NUMBER_MAX: usize = 10_000;

/// Business numbers one simulator plays; more would only be slower, not different.
pub(crate) const NUMBERS_MAX: u32 = 100;

/// Characters of a subject after trimming (Meta).
pub(crate) const SUBJECT_CHARS_MAX: usize = 128;

/// Characters of a description (Meta).
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 2048;

/// Bytes of a group picture (Meta).
pub(crate) const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Pixels a picture's side must have (Meta).
pub(crate) const PICTURE_SIDE_MIN: u32 = 192;

/// Participants one removal call may name (Meta).
pub(crate) const REMOVAL_MAX: usize = 8;

/// Join requests one approval or rejection may name; Meta gives no number, this keeps a call short.
pub(crate) const JOIN_REQUESTS_PER_CALL_MAX: usize = 100;

/// Rows of a list page (Meta).
pub(crate) const PAGE_MAX: usize = 1024;

/// Rows of a list page if the caller does not say (Meta).
pub(crate) const PAGE_DEFAULT: usize = 25;

/// Pinned messages of a group; a further one unpins the oldest (Meta).
pub(crate) const PINS_MAX: usize = 3;

/// Bytes of a Graph request: the largest picture and its multipart frame.
pub(crate) const GRAPH_BODY_BYTES_MAX: usize = PICTURE_BYTES_MAX + 64 * 1024;

/// Bytes of a control request; the largest is a set of faults.
pub(crate) const CONTROL_BODY_BYTES_MAX: usize = 64 * 1024;

/// How far back the API can be made to lag: journals keep this much.
pub(crate) const LAG_SECONDS_MAX: u64 = 600;

/// States of one group the journal keeps within that time; beyond it the lag is shorter than asked.
pub(crate) const JOURNAL_STATES_MAX: usize = 4_096;

/// Lists that can be paged through at once; the oldest then expires, as Meta's cursors do.
pub(crate) const SNAPSHOTS_MAX: usize = 64;

/// How long a cursor lives; Meta gives no number.
pub(crate) const CURSOR_LIFE_MS: i64 = 10 * 60 * 1000;

/// Messages remembered for later reads; the oldest are forgotten.
pub(crate) const MESSAGES_MAX: usize = 10_000;

/// People one simulator knows; further ones are refused.
pub(crate) const PEOPLE_MAX: usize = 1_000_000;

/// Webhook events that wait to be delivered or retried; further ones are dropped and counted as `overflowed`.
pub(crate) const QUEUE_MAX: usize = 200_000;

/// Events in one POST. Meta's limit is 1,000; small batches mix more shapes.
pub(crate) const BATCH_MAX: usize = 20;

/// The longest delay that can be asked for; Meta retries for up to 7 days.
pub(crate) const DELAY_SECONDS_MAX: f64 = 7.0 * 24.0 * 3600.0;

/// How long a reordered event is held back beyond its delay, so that later ones pass it.
pub(crate) const REORDER_HOLD_MS: i64 = 2_000;

/// Bodies kept for `/sim/sent`.
pub(crate) const SENT_BODIES_MAX: usize = 100_000;

/// Bytes of bodies kept for `/sim/sent`.
pub(crate) const SENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bodies one answer of `/sim/sent` gives; the reader asks again with the last `seq`.
pub(crate) const SENT_PAGE_MAX: usize = 10_000;

/// How long a webhook endpoint may take before the attempt counts as failed; third parties quote 5 to 20 s.
pub(crate) const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// The first wait before a retry; it doubles with each.
pub(crate) const RETRY_FIRST: Duration = Duration::from_millis(200);

/// The longest wait between retries: short, so that a restarted service is tried again soon.
pub(crate) const RETRY_LONGEST: Duration = Duration::from_secs(5);

/// How long `/sim/flush` waits if the caller does not say.
pub(crate) const FLUSH_WAIT: Duration = Duration::from_secs(60);

/// The longest wait for `/sim/flush`.
pub(crate) const FLUSH_WAIT_MAX: Duration = Duration::from_secs(3600);

/// How long open connections may finish at a stop.
pub(crate) const STOP_WAIT: Duration = Duration::from_secs(2);

/// How often the traffic task acts.
pub(crate) const TRAFFIC_TICK: Duration = Duration::from_millis(20);

/// Events a second that can be asked for.
pub(crate) const TRAFFIC_RATE_MAX: f64 = 100_000.0;

/// Acts in one tick: a machine that falls behind skips, instead of holding the model's lock.
pub(crate) const TRAFFIC_ACTS_PER_TICK_MAX: usize = 2_000;

/// Acts one `POST /sim/traffic/step` may ask for.
pub(crate) const TRAFFIC_STEP_MAX: u64 = 100_000;

/// How long the dispatcher sleeps while events wait for a clock that is moved by hand.
pub(crate) const MANUAL_CLOCK_POLL: Duration = Duration::from_millis(5);

/// Two events of a group at most this many seconds apart may be given one second by the fault `same_second`.
/// More would claim a change before a read that did not show it, which no clock of Meta's does.
pub(crate) const SAME_SECOND_GAP: i64 = 1;

/// The longest that a request may take to complete on demand; a test that wants longer moves the clock.
pub(crate) const COMPLETE_SECONDS_MAX: f64 = 24.0 * 3600.0;

/// Requests that wait to complete; further ones complete at once.
pub(crate) const PENDING_MAX: usize = 10_000;

/// The longest that a call may be left without an answer before its connection is cut.
pub(crate) const LOSE_SECONDS_MAX: f64 = 600.0;

/// Faults of one list that strike calls by name: a test sets a handful.
pub(crate) const SCRIPT_MAX: usize = 1_000;

/// Messages a second of a number (Meta, Throughput).
pub(crate) const SENDS_PER_SECOND_MAX: u64 = 80;

/// Messages at once to the same person (Meta, pair rate limit).
pub(crate) const PAIR_BURST: f64 = 45.0;

/// Seconds after which another message to the same person is free (Meta, pair rate limit).
pub(crate) const PAIR_SECONDS: f64 = 6.0;

/// Pairs whose rate is remembered; beyond it all start afresh.
pub(crate) const PAIRS_MAX: usize = 100_000;

/// Characters of a text message (Meta).
pub(crate) const TEXT_CHARS_MAX: usize = 4096;

/// Characters of a caption (Meta).
pub(crate) const CAPTION_CHARS_MAX: usize = 1024;

/// Templates of the account; Meta allows 250 or 6,000.
pub(crate) const TEMPLATES_MAX: usize = 6_000;
