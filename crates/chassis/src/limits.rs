//! Every limit of the chassis, each with the reason for its size.

use std::time::Duration;

/// Connections one listener holds at a time; one more takes the place of the client that is waited for longest.
/// Below 1,024, the usual soft limit on open files, with room left for the log and the store.
pub const CONNECTIONS_MAX: usize = 768;

/// How long a newcomer to a full listener waits until it is looked again whether somebody is waited for.
pub const ROOM_LOOK: Duration = Duration::from_millis(20);

/// Time a connection may take for the head of a request, and may sit idle between two.
/// Meta and Prometheus both call again within seconds; what is silent longer is gone.
pub const HEADER_READ: Duration = Duration::from_secs(30);

/// Bytes a connection buffers while it reads a head: more than any browser or proxy sends.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Time a reader may refuse to take any byte of an answer before its connection is cut.
pub const WRITE_STALL: Duration = Duration::from_secs(30);

/// Time for one request with its answer's head; longer ones are cut with a 503.
pub const REQUEST: Duration = Duration::from_secs(30);

/// Time for requests in flight to end after a listener was asked to stop.
pub const HTTP_DRAIN: Duration = Duration::from_secs(10);

/// Pause after the operating system refused a connection, most often for want of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Time for all tasks of a service to end after shutdown began: more than [`HTTP_DRAIN`],
/// with room to flush what the last requests appended.
pub const TASKS_DRAIN: Duration = Duration::from_secs(20);

/// Time for the whole process to end after the first signal.
/// Kubernetes grants 30 s by default and then kills.
pub const SHUTDOWN: Duration = Duration::from_secs(28);

/// Time the runtime waits for blocking threads once everything else has ended.
pub const RUNTIME_DRAIN: Duration = Duration::from_secs(1);

/// Time a collector has to take spans; then they are dropped.
pub const TRACE_EXPORT: Duration = Duration::from_secs(5);

/// Time to send the last spans at the end of the process.
pub const TRACE_FLUSH: Duration = Duration::from_secs(1);

/// How often files with secrets are read again: soon enough for a rotation, and next to nothing to do.
pub const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// Bytes of a file with a secret or with tokens: a secret is short, and a wrong path may be a device.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Values of one command line that are corrected in turn to find the next wrong one.
pub const USAGE_PROBLEMS_MAX: usize = 100;
