//! `rollcall topics`: what the topics must be, and the way there.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::Ctx;
use clap::{Args as ClapArgs, Subcommand};
use eventlog::{Cleanup, KafkaArgs, Log, Problem, TopicPlan, TopicSpec};
use wire::topics::{self, Topic};

use crate::{
    print::{line, lines},
    stopped::{StoppedArgs, members_left},
};

/// Partitions of a new topic, where nothing else is said.
const PARTITIONS: &str = "12";

/// How often the topics are compared after a change until they are as they must be.
const SETTLE_TRIES: u32 = 30;

/// Time between two comparisons.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);

/// What is said where topics grow.
const RAISE: &str =
    "after partitions are added, run `rollcall generation raise` before anything else is started";

/// What to do about the topics.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Print what differs and what `apply` would do; change nothing.
    Plan(Args),
    /// Create what is missing and configure what differs.
    Apply(Args),
}

/// Settings of `rollcall topics`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,

    /// Partitions of each new topic; all topics have the same number, which is fixed for a generation.
    #[arg(long, env = "ROLLCALL_PARTITIONS", default_value = PARTITIONS, value_parser = clap::value_parser!(u32).range(1..=1024))]
    partitions: u32,

    /// Replicas of each new topic; all but one must be in sync for an append to be acknowledged.
    #[arg(long, env = "ROLLCALL_REPLICATION", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=16))]
    replication: u32,

    /// Add partitions to topics that have fewer than --partitions. Nothing may run meanwhile, nor after it before the generation
    /// is raised (rollcall generation raise): until then keys and positions do not mean what they did.
    #[arg(long, env = "ROLLCALL_GROW", requires = "partitions")]
    grow: bool,

    #[command(flatten)]
    stopped: StoppedArgs,
}

/// What every topic must be, as the log understands it.
pub(crate) fn specs(partitions: u32) -> Vec<TopicSpec> {
    Topic::ALL
        .iter()
        .map(|topic| spec(*topic, partitions))
        .collect()
}

fn spec(topic: Topic, partitions: u32) -> TopicSpec {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let spec = topic.spec();
    TopicSpec {
        name: spec.name.to_owned(),
        partitions,
        cleanup: match spec.cleanup {
            topics::Cleanup::Delete { retention } => Cleanup::Delete {
                retention_ms: ms(retention),
            },
            topics::Cleanup::Compact => Cleanup::Compact,
            topics::Cleanup::CompactAndDelete { retention } => Cleanup::CompactAndDelete {
                retention_ms: ms(retention),
            },
        },
        segment_ms: ms(spec.segment),
        delete_retention_ms: ms(spec.delete_retention),
        min_compaction_lag_ms: ms(spec.min_compaction_lag),
    }
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    let (
        Args {
            kafka,
            partitions,
            replication,
            grow,
            stopped,
        },
        is_apply,
    ) = match command {
        Command::Plan(args) => (args, false),
        Command::Apply(args) => (args, true),
    };
    let log = ctx
        .metrics
        .register(|registry| Log::kafka(&kafka, "rollcall-topics", registry))
        .context("open the log")?;
    let specs = specs(partitions);
    let plan = if grow {
        log.plan_growth(&specs, replication).await
    } else {
        log.plan(&specs, replication).await
    };
    let plan = plan.context("compare the topics")?;
    lines(&plan)?;
    if plan.grows() {
        may_grow(&log, &plan, stopped, &ctx).await?;
    }
    if is_apply {
        log.apply(&plan).await.context("change the topics")?;
        settle(&log, &specs, &ctx).await?;
    }
    if plan.grows() {
        line(RAISE)?;
    }
    Ok(())
}

/// Partitions are added where nobody leads and where all topics have the same number afterwards.
async fn may_grow(
    log: &Log,
    plan: &TopicPlan,
    stopped: StoppedArgs,
    ctx: &Ctx,
) -> anyhow::Result<()> {
    let members = members_left(log, stopped, ctx).await?;
    if members > 0 {
        bail!(
            "{members} projectors are members of {}: stop them all before topics grow; one that has just stopped may count until its session is over",
            projector::GROUP
        );
    }
    let is_about_partitions = |problem: &Problem| matches!(problem, Problem::Partitions { .. });
    if plan.problems.iter().any(is_about_partitions) {
        bail!("a topic has more partitions than are asked for: all must have the same number");
    }
    Ok(())
}

/// Waits until the topics are as they must be: a broker may not have heard yet of what another has just done.
async fn settle(log: &Log, specs: &[TopicSpec], ctx: &Ctx) -> anyhow::Result<()> {
    let mut left = Vec::new();
    for _ in 0..SETTLE_TRIES {
        left = log.check(specs).await.context("compare the topics again")?;
        if left.is_empty() {
            return line("the topics are as they must be");
        }
        tokio::select! {
            () = ctx.shutdown.cancelled() => break,
            () = ctx.clock.sleep(SETTLE_PAUSE) => {}
        }
    }
    left.iter().try_for_each(line)?;
    bail!("the topics are not yet as they must be")
}

#[cfg(test)]
mod tests;
