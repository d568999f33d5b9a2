//! `rollcall generation`: a new count of positions, after growth, restore or re-created topics.

use std::{io::Write as _, ops::ControlFlow};

use anyhow::Context as _;
use chassis::Ctx;
use clap::{Args as ClapArgs, Subcommand};
use eventlog::KafkaArgs;
use projector::{RaiseOptions, Raised};
use wire::topics::Topic;

use crate::{
    kafka,
    print::line,
    stopped::{StoppedArgs, members_left},
};

/// What to do about the generation.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Begin the next generation: after partitions were added, topics made again or a backup restored. All projectors must be stopped.
    Raise(Args),
}

/// Settings of `rollcall generation raise`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,

    #[command(flatten)]
    stopped: StoppedArgs,

    /// Skip events that were not folded yet: a gap is recorded, and everything verified before it counts as unverified.
    #[arg(long, env = "ROLLCALL_ACCEPT_GAP")]
    accept_gap: bool,

    /// Read everything, say what would be done, and change nothing.
    #[arg(long, env = "ROLLCALL_DRY_RUN")]
    dry_run: bool,
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    let Command::Raise(Args {
        kafka,
        stopped,
        accept_gap,
        dry_run,
    }) = command;
    let topics: Vec<Topic> = Topic::ALL
        .into_iter()
        .filter(|topic| *topic != Topic::Quarantine)
        .collect();
    let log = kafka::open(&kafka, "rollcall-generation", &topics, &ctx).await?;
    // Whoever is left is refused by what follows, which asks once more.
    members_left(&log, stopped, &ctx).await?;
    let options = RaiseOptions {
        accepts_gap: accept_gap,
        is_dry_run: dry_run,
    };
    let shutdown = ctx.shutdown.clone();
    let mut each = |step: projector::RaiseStep| {
        // Progress is for whoever looks on; one that does not must not end the work.
        let _unseen = writeln!(std::io::stderr(), "{step}");
        if shutdown.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let raising = projector::raise(log, ctx.clock, ctx.shutdown, options, &mut each);
    let raised = Box::pin(raising).await.context("raise the generation")?;
    summary(&raised, dry_run)
}

fn summary(raised: &Raised, is_dry_run: bool) -> anyhow::Result<()> {
    let Raised {
        from,
        to,
        partitions,
        topics,
        gaps,
    } = raised;
    for topic in topics {
        line(format_args!(
            "{}: {} states, {} moved, {} tombstones",
            topic.topic, topic.states, topic.moved, topic.tombstones
        ))?;
    }
    for gap in gaps {
        line(format_args!("gap in {gap}"))?;
    }
    let would = if is_dry_run {
        "would be raised"
    } else {
        "raised"
    };
    line(format_args!(
        "generation {would} from {from} to {to}, {partitions} partitions"
    ))
}
