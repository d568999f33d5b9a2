//! Every limit of ingest, each with the reason for its size.

use std::time::Duration;

/// Bytes of one body: Meta sends up to 3 MB (reference §1.4), and 64 KiB is slack.
pub const BODY_BYTES_MAX: usize = 3 * 1024 * 1024 + 64 * 1024;

/// Time for a whole body to arrive.
/// Meta's arrive at once; a sender that drips bytes must not hold a place for longer.
pub const BODY_READ: Duration = Duration::from_secs(8);

/// POSTs whose body is whole being worked on at a time; beyond it the answer is 503 at once.
/// Fewer than the connections that a listener holds, so that there is always somebody to answer.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 512;

/// Bytes of bodies being worked on at a time; beyond it the answer is 503 at once.
/// The records made of them take a few times as much, so this bounds the memory of the process.
pub const BYTES_IN_FLIGHT_MAX: usize = 64 * 1024 * 1024;

/// Pieces of one POST that are read; the rest goes to quarantine as one record that counts them.
///
/// Meta sends up to 1,000 updates a POST (reference §1.4); a body of three million commas would else
/// become as many records.
pub const PIECES_MAX: usize = 10_000;

/// Bytes of the records of one POST from which on its further pieces are only counted, as those beyond [`PIECES_MAX`].
///
/// Each record repeats the group, the account and its headers, some 500 bytes, so a full POST of Meta's makes a few MiB.
pub const RECORDS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of one value in a record; an event over it goes to quarantine, and what goes there is cut to it.
/// A Kafka broker takes 1 MB with key and headers.
pub const VALUE_BYTES_MAX: usize = 900_000;

/// Time that an answer waits for the log; then it is 503, and what became durable all the same comes twice.
/// Meta's own time-out is not documented; third parties saw 5 s and more (reference §1.5).
pub const APPEND_WAIT: Duration = Duration::from_secs(5);

/// Seconds in `Retry-After`: the log is ready again within seconds of its return.
pub const RETRY_AFTER_SECONDS: u32 = 2;

/// Time for POSTs in flight to end after shutdown began: more than [`BODY_READ`] and [`APPEND_WAIT`] together.
pub const DRAIN: Duration = Duration::from_secs(14);

/// Time for the log to take what is still pending after the last POST ended.
/// With [`DRAIN`] less than what a process has to end.
pub const FLUSH: Duration = Duration::from_secs(4);

/// How often readiness is judged anew by the log's health, and the log asked for its partitions while they are not known.
pub const READY_EVERY: Duration = Duration::from_millis(250);

/// Time that the start waits for the log to tell its partitions; it goes on without, and every POST is 503 until it has.
pub const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Bytes of `hub.challenge` that are echoed; Meta sends some ten digits.
pub const CHALLENGE_BYTES_MAX: usize = 1024;

/// Bytes of a name of Meta's (a field, an account, a number) in a header of a quarantined item.
pub const HEADER_BYTES_MAX: usize = 128;

/// Errors kept of one item: each participant of a removal (8) and each setting (3) may have some.
pub const ERRORS_MAX: usize = 64;

/// Headers of one record: six of CloudEvents, six more of a quarantined item, one of W3C Trace Context.
pub const HEADERS_MAX: usize = 14;
