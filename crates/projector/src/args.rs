//! The options of the projector.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use chassis::{ConfigProblems, auth::AccessArgs};

use crate::limits::SESSION_TIMEOUT;

/// Options of `rollcall projector`, beside those of Kafka, telemetry and administration.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Args {
    /// Directory of the store; a cache, which may be deleted while the projector is stopped.
    #[arg(long, env = "ROLLCALL_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Where the query API listens; port 0 picks a free one.
    #[arg(
        long,
        env = "ROLLCALL_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8081"
    )]
    pub listen: SocketAddr,

    /// Who may call.
    #[command(flatten)]
    pub access: AccessArgs,

    /// How it reads and what it keeps in memory.
    #[command(flatten)]
    pub tuning: Tuning,
}

/// What an instance is in the consumer group that decides which instance leads which partition.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Name of this instance, the same after a restart and no other's, such as the pod's: with it a restart within
    /// the session time-out moves no partition (group.instance.id of Kafka). Without it partitions move at each stop and start.
    #[arg(long, env = "ROLLCALL_INSTANCE_ID", value_name = "NAME")]
    pub instance_id: Option<String>,

    /// How long the group waits for an instance that is silent before another leads its partitions; at least the broker's
    /// group.min.session.timeout.ms, which is 6s.
    #[arg(
        long,
        env = "ROLLCALL_SESSION_TIMEOUT",
        value_name = "DURATION",
        value_parser = chassis::duration::parse,
        default_value = "15s"
    )]
    pub session_timeout: Duration,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            instance_id: None,
            session_timeout: SESSION_TIMEOUT,
        }
    }
}

/// Options that every process with a projector in it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Tuning {
    /// How long a query with Rollcall-At-Least waits for its position before it is answered with 504.
    #[arg(
        long,
        env = "ROLLCALL_READ_WAIT",
        value_name = "DURATION",
        value_parser = chassis::duration::parse,
        default_value = "2s"
    )]
    pub read_wait: Duration,

    /// Decoded states kept in memory, groups and messages each; some 3 KB a group, 1 KB a message.
    #[arg(
        long,
        env = "ROLLCALL_CACHE_ENTITIES",
        value_name = "COUNT",
        default_value = "100000"
    )]
    pub cache_entities: NonZeroUsize,

    /// Memory that the store may use for its pages, in MiB.
    #[arg(
        long,
        env = "ROLLCALL_STORE_CACHE_MIB",
        value_name = "MIB",
        default_value = "64"
    )]
    pub store_cache_mib: NonZeroUsize,

    /// Memory for states that were read from the log at the start and are not yet on disk, in MiB: what fits is answered
    /// from memory before it is written.
    #[arg(
        long,
        env = "ROLLCALL_RESTORE_MEMORY_MIB",
        value_name = "MIB",
        default_value = "2048"
    )]
    pub restore_memory_mib: NonZeroUsize,
}

impl Args {
    /// Notes what is wrong with the options together.
    pub fn check(&self, problems: &mut ConfigProblems) {
        self.access.check("--listen", self.listen, problems);
    }
}
