//! Every limit of the projector, by name.

use std::time::Duration;

/// Events folded and published at once: many, for a group that changes often is then published once.
pub const BATCH_EVENTS: usize = 500_000;

/// Bytes of events folded and published at once; they are not kept, only what comes of them.
pub const BATCH_BYTES: usize = 256 << 20;

/// Events read from the log at once; a batch takes many such reads.
/// Their memory is small enough to be used again instead of asked for anew.
pub const READ_EVENTS: usize = 4_096;

/// Bytes of events read from the log at once.
pub const READ_BYTES: usize = 1 << 20;

/// Bytes of changes that are folded and not published, at which a batch ends.
pub const BATCH_CHANGES_BYTES: usize = 24 << 20;

/// Entities changed and not published, at which a batch ends: decoded, each takes some kilobytes.
pub const BATCH_ENTITIES: usize = 50_000;

/// Least time between the beginnings of two batches while a leader keeps up with the log: what comes in between is published together.
///
/// A batch takes three appends, one after another, however few events it has; the first event after a quiet time does not wait.
pub const BATCH_EVERY: Duration = Duration::from_millis(20);

/// Longest that a leader goes on folding before it publishes, while it keeps up with the log.
pub const FOLD_MAX: Duration = Duration::from_millis(20);

/// Longest that it does so while it catches up, when throughput counts.
pub const CATCHING_UP_MAX: Duration = Duration::from_secs(5);

/// How long a leader that catches up waits for further events before it publishes what it has.
pub const LINGER: Duration = Duration::from_millis(2);

/// How long a leader may go on folding before it publishes, for each event that was left to fold when it began.
///
/// About as long as folding them takes: events that wait for others to be folded wait no longer again for their batch.
pub const PATIENCE_PER_EVENT: Duration = Duration::from_micros(20);

/// How long a leader waits for events before it looks after its other duties: progress while idle, and shutdown.
pub const BATCH_WAIT: Duration = Duration::from_millis(250);

/// How often progress is written while idle, so that a follower can tell quiet from dead (design §6).
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How often progress is written on the local log while idle: nobody follows it, but messages' progress must not lapse with its topic.
pub const PROGRESS_EVERY_LOCAL: Duration = Duration::from_secs(86_400);

/// Partitions recovered at once: each reads with consumers of its own.
pub const RECOVER_PARTITIONS: usize = 4;

/// How long leaders may take after shutdown began to finish the batch they are at, so that the next start reads nothing again.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// Records published in one append; a batch with more is appended in parts.
pub const PUBLISH_RECORDS: usize = 20_000;

/// Bytes published in one append; half of what the log lets be pending, for events and receipts publish side by side.
pub const PUBLISH_BYTES: usize = 32 << 20;

/// First delay between tries.
pub const LOG_RETRY_BASE: Duration = Duration::from_millis(100);

/// Longest delay between tries.
pub const LOG_RETRY_CAP: Duration = Duration::from_secs(5);

/// How often the store is flushed while something is pending: what a `kill -9` makes the next start read again.
pub const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Least time between two flushes: each waits for the disk.
pub const FLUSH_PAUSE: Duration = Duration::from_millis(20);

/// While keeping up with the log, one part in this many of the store's entries begins a flush:
/// of what a `kill -9` loses, the next start reads less than 1 % of all entities again.
pub const FLUSH_SHARE: usize = 400;

/// How often the store is flushed while there is much to fold: what changes often is then written once.
///
/// After a `kill -9` in that time the next start reads what was published in it again from the state topics.
pub const FLUSH_EVERY_CATCHING_UP: Duration = Duration::from_secs(30);

/// Entries pending that begin a flush in any case.
pub const FLUSH_ENTRIES: usize = 50_000;

/// Entries pending, those being written not counted, at which a leader waits for the store.
pub const PENDING_ENTRIES_MAX: usize = 100_000;

/// Bytes pending, those being written not counted, at which a leader waits for the store.
pub const PENDING_BYTES_MAX: usize = 128 << 20;

/// How long a flush may take before the store counts as hanging, for each [`PENDING_BYTES_MAX`] that it writes.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(120);

/// How long opening and checking the store may take, on top of [`OPEN_PER_GIBIBYTE`].
pub const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// How long opening and checking may take for each gibibyte on disk; 1 to 10 s were measured.
pub const OPEN_PER_GIBIBYTE: Duration = Duration::from_secs(60);

/// Events of all partitions that are left to fold from which on the store waits for the fold.
pub const CATCHING_UP_EVENTS: u64 = 50_000;

/// Tries to open the store's files while threads of the one closed before still hold them.
pub const LOCK_TRIES: u32 = 200;

/// Time between these tries.
pub const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Entries that are written in one round, whose keys are noted before: few enough that what a round replaces stays in sled's cache
/// from being read to being replaced.
pub const STORE_ROUND_ENTRIES: usize = 512;

/// Threads that check a store while it is opened; as many as there are processors, but not more than this.
pub const OPEN_THREADS_MAX: usize = 8;

/// How often the keys of a store are halved so that threads check parts of about the same size.
pub const OPEN_HALVINGS: u32 = 8;

/// States handed over at once while a store is checked.
pub const OPEN_CHUNK: usize = 2_000;

/// Changes in one chunk of history.
pub const CHUNK_CHANGES: usize = 64;

/// Bytes of changes in one chunk of history; a single larger change is a chunk by itself.
pub const CHUNK_BYTES: usize = 16 << 10;

/// How long history, messages and requests are kept: as their topics keep them (interfaces §3).
pub const KEEP: Duration = Duration::from_secs(30 * 86_400);

/// How often the store is searched for what may go.
pub const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// Entries looked at, or deleted, in one step of pruning.
pub const PRUNE_STEP: usize = 1_000;

/// A store that lags behind and was not written for longer than this is made anew:
/// tombstones that it did not see may be compacted away (half of `delete.retention.ms`, design §3.8).
pub const STORE_AGE_MAX: Duration = Duration::from_secs(12 * 3_600);

/// Times that the store may be opened again, or made anew, before the process gives up.
pub const STORE_RESTARTS_MAX: u32 = 5;

/// Records read from the log at once while recovering.
pub const RECOVER_RECORDS: usize = 10_000;

/// Bytes read from the log at once while recovering; little enough that their memory is used again instead of asked for anew.
pub const RECOVER_BYTES: usize = 2 << 20;

/// How long a read waits while recovering before it looks again whether it is at the end.
pub const RECOVER_WAIT: Duration = Duration::from_secs(1);

/// How often the ends of the inputs are asked for, to know the lag.
pub const LAG_EVERY: Duration = Duration::from_secs(1);

/// Ends asked for at once, so that a broker that does not answer delays few others.
pub const ENDS_AT_ONCE: usize = 8;

/// How often a leader notes its offset for monitors of lag.
pub const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// How long a leader that found another's records in its topics follows before it takes over again:
/// time for the group to tell it that it does not lead any more.
pub const DISTURBED_PAUSE: Duration = Duration::from_millis(500);

/// Progress records that wait for the changes that led to them to be read; beyond it only the newest waits.
pub const PROGRESS_WAITING_MAX: usize = 256;

/// Least time between two times that a state topic's partition is read anew because its digest does not match.
pub const REREAD_PAUSE: Duration = Duration::from_secs(600);

/// How long the group waits for a silent instance before its partitions go to others, unless told otherwise.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(15);

/// Items of one page.
pub const PAGE_ITEMS_MAX: usize = 1_000;

/// Items of one page if nothing is asked for.
pub const PAGE_ITEMS_DEFAULT: usize = 100;

/// Entities looked at for one page of a filtered list; the page then ends early, with a cursor to go on from.
pub const PAGE_SCAN_MAX: usize = 20_000;

/// Entities read from the store in one step of a scan, between which other readers and the leader get their turn.
pub const SCAN_STEP: usize = 500;

/// Scans over everything that run at once; further ones wait.
pub const SCANS_MAX: usize = 2;

/// Requests answered at once; further ones are refused with 503.
pub const REQUESTS_MAX: usize = 256;

/// Requests that wait for a position at once; further ones are refused with 503.
pub const WAITERS_MAX: usize = 1_024;

/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// Watchers at once; further ones are refused with 503.
pub const WATCHERS_MAX: usize = 256;

/// Changes that wait to be taken by one watcher; beyond it the next are read from history only when it has taken these.
pub const WATCH_BUFFER: usize = 64;

/// How long a watcher may leave its buffer full before it is disconnected; it can resume.
pub const WATCH_STALL: Duration = Duration::from_secs(30);

/// How often a watcher without news gets a comment, so that proxies keep the connection.
pub const WATCH_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a leader may go without turning before the process counts as not alive: longer than one try of an append takes.
pub const HEARTBEAT: Duration = Duration::from_secs(120);

/// Tries of each thing that raising the generation asks of the log, some minutes in all; the command can be run again.
pub const RAISE_TRIES: u32 = 30;
