//! Every limit of the log, by name.

use std::time::Duration;

/// Bytes of key, value and headers of one record: what a Kafka broker takes by default (1 MiB), less its framing.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

/// Bytes of a batch that lie together; a larger record lies alone.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// Records of one [`Batch`](crate::Batch); a caller with more appends several.
pub const BATCH_RECORDS_MAX: usize = 100_000;

/// Bytes of one [`Batch`](crate::Batch); a caller with more appends several.
pub const BATCH_BYTES_MAX: usize = 64 << 20;

/// Records appended and not yet durable, over all batches of a [`Log`](crate::Log); beyond it an append is refused at once.
pub const PENDING_RECORDS_MAX: usize = 2 * BATCH_RECORDS_MAX;

/// Bytes appended and not yet durable, over all batches of a [`Log`](crate::Log); beyond it an append is refused at once.
pub const PENDING_BYTES_MAX: usize = 2 * BATCH_BYTES_MAX;

/// How long an append may take before it is an error; a former leader's late write must end (design §6, zombies).
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Sources of one [`Reader`](crate::Reader).
pub const READER_SOURCES_MAX: usize = 10_000;

/// Kafka: how long records may be pending without a single delivery before the log counts as in trouble.
/// Meta wants answers within a second, so a second or two of silence is already bad news.
pub const STALL_AFTER: Duration = Duration::from_secs(2);

/// Kafka: how often health is judged.
pub const HEALTH_EVERY: Duration = Duration::from_millis(100);

/// Kafka: how long one request for metadata or watermarks may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Kafka: how long a probe of a log in trouble may take; short, for it is repeated.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Kafka: longest pause between two attempts to connect, so that the log is ready again within seconds of its return.
pub const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// Kafka: how often librdkafka hands out its statistics.
pub const STATISTICS_EVERY: Duration = Duration::from_secs(5);

/// Kafka: bytes that librdkafka fetches ahead for one reader.
pub const READ_AHEAD_BYTES_MAX: usize = 8 << 20;

/// Kafka: records that librdkafka tries to hold ready for each partition of a reader.
pub const READ_AHEAD_RECORDS_MIN: usize = 20_000;

/// Kafka: how long a reader's thread may go without looking whether its reader is still there.
pub const READER_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Kafka: how long the poll of the delivery thread may block, and so how long the end of a log may take.
pub const POLL_EVERY: Duration = Duration::from_millis(50);

/// Kafka: records that an append hands to the client on the caller's thread; larger batches go to a blocking thread.
pub const ENQUEUE_INLINE_MAX: usize = 4_096;

/// Kafka: how long a reader that nobody asks keeps what it has fetched ahead.
pub const READER_IDLE_AFTER: Duration = Duration::from_secs(5);

/// Kafka: how often a producer may be seen without brokers, while another client has some, before it is replaced.
pub const STUCK_LOOKS_MAX: u32 = 3;

/// Kafka: how long a reader may hear nothing before it asks whether it still has brokers.
pub const READER_DOUBT_AFTER: Duration = Duration::from_secs(5);

/// Kafka: how often a log in trouble is asked whether it is back.
pub const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Kafka: how long a lost producer may take to hand back what was in flight.
pub const PURGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of a member's instance, as brokers take it.
pub const INSTANCE_BYTES_MAX: usize = 249;

/// Shortest session of a group's member; brokers refuse less than 6 s unless told otherwise.
pub const SESSION_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// Longest session of a group's member, which is what brokers take.
pub const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(30 * 60);

/// Kafka: how long the others of a group wait in a rebalance for a member that lives and does not answer; at least its session.
pub const REBALANCE_TIMEOUT: Duration = Duration::from_secs(60);

/// Kafka: how often a member commits the offsets noted.
pub const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Kafka: how long a consumer may take to get into its group while a broker answers it, before it is replaced.
pub const JOIN_PATIENCE: Duration = Duration::from_secs(180);

/// Kafka: first pause before a member's next consumer after one that could not go on; it doubles.
pub const MEMBER_PAUSE_MIN: Duration = Duration::from_secs(1);

/// Kafka: how long the end of a log waits for a member to take leave; what does not close by then ends with the process.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Kafka: longest such pause; a consumer that lived for longer begins anew.
pub const MEMBER_PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// Kafka: how long the creation or change of a topic may take, until all brokers know it.
pub const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Local: batches waiting for the writer; the writer takes all of them in one transaction.
pub const WRITER_QUEUE_BATCHES: usize = 4_096;

/// Local: records in one transaction, so that no batch waits long behind the others.
pub const TRANSACTION_RECORDS_MAX: usize = BATCH_RECORDS_MAX;

/// Local: how often the writer looks for what retention and compaction may remove.
pub const MAINTAIN_EVERY: Duration = Duration::from_secs(1);

/// Local: records removed in one step; appends wait no longer than this takes.
pub const MAINTAIN_RECORDS_MAX: usize = 1_000;

/// Local: how long a connection waits for another's lock before it gives up.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
