//! Puts the reconciler together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use chassis::{Ctx, Tasks};
use domain::{
    ids::{PhoneNumberId, Second},
    plan::{Reason, candidate},
};
use eventlog::Log;
use prometheus_client::metrics::counter::Counter;

use crate::{
    Args, Error,
    append::Appender,
    args::lag_seconds,
    budget::Budget,
    limits::BEAT_LIMIT,
    list,
    metrics::Metrics,
    number::{Keeper, Memory},
    snapshots::Snapshots,
    upstream::{Meta, Read},
};

/// Keeps all numbers named in `args` until shutdown.
///
/// # Errors
///
/// [`Error`], and whichever long-lived task ended by itself.
pub async fn run(args: Args, ctx: Ctx, log: Log, metrics: Metrics) -> anyhow::Result<()> {
    let meta = Meta::new(&args).map_err(Error::Client)?;
    run_with(args, ctx, log, metrics, meta).await
}

/// [`run`] against any upstream.
pub async fn run_with(
    args: Args,
    ctx: Ctx,
    log: Log,
    metrics: Metrics,
    upstream: impl Read,
) -> anyhow::Result<()> {
    let Args {
        phone_number_id,
        api_lag,
        list_every,
        reads_per_hour,
        graph_url: _,
        graph_version: _,
        access_token_file: _,
        dry_run: _,
    } = args;
    if list_every.is_zero() {
        tracing::warn!(
            "--list-every 0: nothing is compared with Meta, and what a lost webhook left wrong stays wrong"
        );
        ctx.shutdown.cancelled().await;
        return Ok(());
    }
    let upstream = Arc::new(upstream);
    let snapshots = Snapshots::new(metrics.state_records.clone());
    let (clock, shutdown) = (ctx.clock.clone(), ctx.shutdown.clone());
    let opened = Appender::open(log.clone(), clock, shutdown, metrics.clone()).await;
    let Some(appender) = opened.map_err(Error::Log)? else {
        return Ok(());
    };
    let mut tasks = Tasks::new(&ctx.shutdown);
    let (follower, shutdown) = (snapshots.clone(), ctx.shutdown.clone());
    let (clock, check) = (ctx.clock.clone(), ctx.health.check("state topics"));
    tasks.spawn("follower of the state topics", async move {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            ended = follower.follow(log, clock, check) => ended,
        }
    });
    // One named twice would be kept twice.
    for number in phone_number_id.into_iter().collect::<BTreeSet<_>>() {
        let keeper = Keeper {
            number: number.clone(),
            upstream: Arc::clone(&upstream),
            appender: appender.clone(),
            snapshots: snapshots.clone(),
            clock: ctx.clock.clone(),
            gauges: metrics.gauges(number.as_str()),
            metrics: metrics.clone(),
            lag: lag_seconds(api_lag),
            list_every,
            budget: Budget::new(reads_per_hour.get(), ctx.clock.monotonic_ms()),
            beat: ctx.health.heartbeat(format!("number {number}"), BEAT_LIMIT),
            memory: Memory::default(),
        };
        tasks.spawn("keeper of a number", keeper.run(ctx.shutdown.clone()));
    }
    tasks.join().await?;
    Ok(())
}

/// One comparison of every number, as text; nothing is appended. Empty if shutdown came first.
///
/// # Errors
///
/// [`Error::List`] if Meta's list could not be read, [`Error::Log`] if the state topics could not.
pub async fn dry_run(args: &Args, ctx: &Ctx, log: Log) -> anyhow::Result<String> {
    let meta = Meta::new(args).map_err(Error::Client)?;
    let snapshots = Snapshots::new(Counter::default());
    let follower =
        snapshots
            .clone()
            .follow(log, ctx.clock.clone(), ctx.health.check("state topics"));
    tokio::select! {
        () = ctx.shutdown.cancelled() => return Ok(String::new()),
        ended = follower => ended.map_err(Error::Log)?,
        () = snapshots.caught_up() => {}
    }
    let mut text = String::new();
    for number in &args.phone_number_id {
        tokio::select! {
            () = ctx.shutdown.cancelled() => return Ok(String::new()),
            plan = plan_of(number, &meta, &snapshots, args) => text.push_str(&plan?),
        }
    }
    Ok(text)
}

async fn plan_of(
    number: &PhoneNumberId,
    meta: &Meta,
    snapshots: &Snapshots,
    args: &Args,
) -> Result<String, Error> {
    let lag = lag_seconds(args.api_lag);
    let passed = list::pass(meta, number, || {}).await;
    if let Some(refused) = passed.refused {
        return Err(Error::List {
            reason: refused.as_str(),
        });
    }
    let listing = passed.listing;
    let plan = crate::number::compare_with(snapshots, number, &listing, lag);
    let again_after = lag_seconds(args.list_every).max(lag);
    let reads = reads_due(snapshots, number, listing.t0, lag, again_after);
    Ok(format!("number {number}\n{plan}\n{reads}\n"))
}

/// How many groups are worth a read, by reason.
fn reads_due(
    snapshots: &Snapshots,
    number: &PhoneNumberId,
    now: Second,
    lag: Second,
    again_after: Second,
) -> String {
    let mut due: BTreeMap<Reason, usize> = BTreeMap::new();
    for (group_id, group) in snapshots.held().groups_of(number) {
        if let Some(found) = candidate(&group_id, &group, now, lag, None, again_after) {
            *due.entry(found.reason).or_default() += 1;
        }
    }
    let mut text = format!("{} groups worth a read", due.values().sum::<usize>());
    for (reason, groups) in due {
        // Writing to a string cannot fail.
        let _ = write!(text, ", {groups} {}", reason.as_str());
    }
    text
}
