//! Puts the reconciler together.

use std::sync::Arc;

use chassis::{Ctx, Tasks};
use domain::ids::PhoneNumberId;
use eventlog::Log;

use crate::{
    Args, Error,
    append::Appender,
    budget::Budget,
    limits::BEAT_LIMIT,
    list::{self, Passed},
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
    let snapshots = Snapshots::new();
    let appender = Appender::open(log.clone(), ctx.clock.clone(), ctx.shutdown.clone())
        .await
        .map_err(Error::Log)?;
    let mut tasks = Tasks::new(&ctx.shutdown);
    let (follower, shutdown) = (snapshots.clone(), ctx.shutdown.clone());
    let (clock, check) = (ctx.clock.clone(), ctx.health.check("state topics"));
    tasks.spawn("follower of the state topics", async move {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            ended = follower.follow(log, clock, check) => ended,
        }
    });
    for number in phone_number_id {
        let keeper = Keeper {
            number: number.clone(),
            upstream: Arc::clone(&upstream),
            appender: appender.clone(),
            snapshots: snapshots.clone(),
            clock: ctx.clock.clone(),
            metrics: metrics.clone(),
            lag: i64::try_from(api_lag.as_secs()).unwrap_or(i64::MAX),
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

/// One comparison of every number, as text; nothing is appended.
///
/// # Errors
///
/// [`Error::List`] if Meta's list could not be read, [`Error::Log`] if the state topics could not.
pub async fn dry_run(args: &Args, ctx: &Ctx, log: Log) -> anyhow::Result<String> {
    let meta = Meta::new(args).map_err(Error::Client)?;
    let snapshots = Snapshots::new();
    let follower =
        snapshots
            .clone()
            .follow(log, ctx.clock.clone(), ctx.health.check("state topics"));
    tokio::select! {
        ended = follower => ended.map_err(Error::Log)?,
        () = snapshots.caught_up() => {}
    }
    let lag = i64::try_from(args.api_lag.as_secs()).unwrap_or(i64::MAX);
    let mut text = String::new();
    for number in &args.phone_number_id {
        text.push_str(&plan_of(number, &meta, &snapshots, lag).await?);
    }
    Ok(text)
}

async fn plan_of(
    number: &PhoneNumberId,
    meta: &Meta,
    snapshots: &Snapshots,
    lag: i64,
) -> Result<String, Error> {
    let Passed {
        listing, refused, ..
    } = list::pass(meta, number).await;
    if let Some(refused) = refused {
        return Err(Error::List {
            reason: refused.as_str(),
        });
    }
    let plan = crate::number::compare_with(snapshots, number, &listing, lag);
    Ok(format!("number {number}\n{plan}\n"))
}
