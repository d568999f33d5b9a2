//! Waiting until no projector is left, for commands that need all of them stopped.

use std::{io::Write as _, time::Duration};

use anyhow::Context as _;
use chassis::Ctx;
use clap::Args as ClapArgs;
use eventlog::Log;

/// Time between two questions who is a member.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long to wait for projectors that have stopped.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub(crate) struct StoppedArgs {
    /// How long to wait until no projector is a member of its group any more, before this is refused. One with an instance id, one
    /// that was killed, and one that stopped in the middle of a rebalance stays a member until its session is over.
    #[arg(
        long = "await-stopped",
        env = "ROLLCALL_AWAIT_STOPPED",
        default_value = "90s",
        value_name = "DURATION",
        value_parser = chassis::duration::parse,
    )]
    pub(crate) within: Duration,
}

/// Waits until no projector is a member; how many still are when the time is over, or shutdown began.
pub(crate) async fn members_left(log: &Log, args: StoppedArgs, ctx: &Ctx) -> anyhow::Result<usize> {
    let group = projector::GROUP;
    let within = u64::try_from(args.within.as_millis()).unwrap_or(u64::MAX);
    let end = ctx.clock.monotonic_ms().saturating_add(within);
    let mut said = 0;
    loop {
        let members = log.members(group).await;
        let members = members.context("ask who is a projector")?;
        if members == 0 || ctx.shutdown.is_cancelled() || ctx.clock.monotonic_ms() >= end {
            return Ok(members);
        }
        if members != said {
            // Progress is for whoever looks on; one that does not must not end the work.
            let _unseen = writeln!(
                std::io::stderr(),
                "waiting for projectors to leave the group {group}: {members} left"
            );
            said = members;
        }
        tokio::select! {
            () = ctx.shutdown.cancelled() => {}
            () = ctx.clock.sleep(ASK_EVERY) => {}
        }
    }
}
