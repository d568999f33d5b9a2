//! Asking for the ends of the inputs, once in a while, so that everybody can tell how far behind an answer is.

use chassis::{CancellationToken, Clock};
use eventlog::Log;
use futures::{StreamExt, stream};

use crate::{
    follow::now_ms,
    limits::{ENDS_AT_ONCE, LAG_EVERY},
    metrics::{Input, Metrics, PartitionLabels},
    projection::Projection,
    states::{stream_of, topic_of},
};

/// Asks now and every so often, until `stop`; what cannot be asked keeps its last answer.
pub(crate) async fn run(
    log: Log,
    projection: Projection,
    clock: Clock,
    metrics: Metrics,
    stop: CancellationToken,
) {
    loop {
        let all = (0..projection.partitions())
            .flat_map(|partition| [(Input::Events, partition), (Input::Receipts, partition)]);
        let asking = stream::iter(all).for_each_concurrent(ENDS_AT_ONCE, |(input, partition)| {
            ask(&log, &projection, &clock, &metrics, input, partition)
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = asking => {}
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = clock.sleep(LAG_EVERY) => {}
        }
    }
}

async fn ask(
    log: &Log,
    projection: &Projection,
    clock: &Clock,
    metrics: &Metrics,
    input: Input,
    partition: u32,
) {
    let stream = stream_of(input);
    match log.bounds(topic_of(input).name(), partition).await {
        Ok(bounds) => projection.set_end(stream, partition, bounds.end),
        // Whoever reads or appends meets the same and says so.
        Err(error) => tracing::debug!("ends: {}", chassis::supervise::chain(&error)),
    }
    let Some(reached) = projection.reached(stream, partition) else {
        return;
    };
    let labels = PartitionLabels { input, partition };
    let lag = i64::try_from(projection.lag(&reached.position)).unwrap_or(i64::MAX);
    metrics.lag.get_or_create(&labels).set(lag);
    if reached.written_at_ms > 0 {
        let age_ms = now_ms(clock).saturating_sub(reached.written_at_ms).max(0);
        let age = std::time::Duration::from_millis(age_ms.unsigned_abs());
        metrics
            .progress_age
            .get_or_create(&labels)
            .set(age.as_secs_f64());
    }
}
