//! Reading a topic from its beginning to what is its end when the reading begins.

use std::{io::Write as _, ops::ControlFlow, time::Duration};

use anyhow::Context as _;
use chassis::Ctx;
use eventlog::{At, Log, RecordRef, Start};
use wire::topics::Topic;

/// Records and bytes read at once, and how long to wait for any.
const READ_RECORDS: usize = 5_000;
const READ_BYTES: usize = 8 << 20;
const READ_WAIT: Duration = Duration::from_secs(10);

/// Milliseconds between two lines that tell how far it is.
const TELL_EVERY_MS: u64 = 2_000;

/// Gives every record of a topic with its partition to `take`; `false` where shutdown began first.
pub(crate) async fn whole(
    log: &Log,
    topic: Topic,
    ctx: &Ctx,
    mut take: impl FnMut(u32, &RecordRef<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let name = topic.name();
    let partitions = log.partitions(name).await;
    let partitions = partitions.with_context(|| format!("ask for {name}"))?;
    let starts = (0..partitions).map(|partition| Start::new(name, partition, At::Beginning));
    from(log, starts.collect(), ctx, |partition, record| {
        take(partition, record)?;
        Ok(ControlFlow::Continue(()))
    })
    .await
}

/// Gives every record from some starts on to `take`, until it breaks; `false` where shutdown began first.
pub(crate) async fn from(
    log: &Log,
    starts: Vec<Start>,
    ctx: &Ctx,
    mut take: impl FnMut(u32, &RecordRef<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<bool> {
    let partitions: Vec<u32> = starts.iter().map(|start| start.partition).collect();
    let topic = starts.first().map(|start| start.topic.clone());
    let topic = topic.unwrap_or_default();
    let reader = log.reader(starts).await;
    let mut reader = reader.context("open a reader")?;
    let (mut read, mut told_ms) = (0_u64, ctx.clock.monotonic_ms());
    while !reader.reached_all_ends() {
        let batch = tokio::select! {
            biased;
            () = ctx.shutdown.cancelled() => return Ok(false),
            batch = reader.next(READ_RECORDS, READ_BYTES, READ_WAIT) => batch.context("read")?,
        };
        read = read.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
        let now_ms = ctx.clock.monotonic_ms();
        if now_ms.saturating_sub(told_ms) >= TELL_EVERY_MS {
            told_ms = now_ms;
            // Progress is for whoever looks on; one that does not must not end the work.
            let _unseen = writeln!(std::io::stderr(), "{read} records of {topic} are read");
        }
        for record in batch.iter() {
            let Some(partition) = partitions.get(record.source) else {
                continue;
            };
            if take(*partition, &record)?.is_break() {
                return Ok(true);
            }
        }
    }
    Ok(true)
}
