//! What is kept for a time only: history, and messages and requests as long as their topics keep them.

use std::time::Duration;

use bytes::Bytes;
use chassis::{CancellationToken, Clock};

use crate::{
    error::End,
    follow::now_ms,
    limits::{KEEP, PRUNE_STEP},
    projection::Projection,
    store::{
        self, Entry, Store,
        keys::{self, Entities},
    },
};

/// Prunes now and every so often, until `stop`.
pub(crate) async fn run(
    projection: Projection,
    clock: Clock,
    every: Duration,
    stop: CancellationToken,
) -> Result<(), End> {
    loop {
        let keep = i64::try_from(KEEP.as_millis()).unwrap_or(i64::MAX);
        let before_ms = now_ms(&clock).saturating_sub(keep);
        prune(&projection, before_ms, &stop).await?;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = clock.sleep(every) => {}
        }
    }
}

async fn prune(
    projection: &Projection,
    before_ms: i64,
    stop: &CancellationToken,
) -> Result<(), End> {
    loop {
        let more = step(projection, move |store| {
            store.prune_history(before_ms, PRUNE_STEP)
        })
        .await?;
        if !more || stop.is_cancelled() {
            break;
        }
    }
    for entities in [Entities::Messages, Entities::Requests] {
        let mut after: Option<Bytes> = None;
        while !stop.is_cancelled() {
            let from = after.clone();
            let (old, last) = step(projection, move |store| {
                lapsed(store, entities, from, before_ms)
            })
            .await?;
            for key in &old {
                projection.index().put(key, None, 0);
            }
            let entries: Vec<Entry> = old.iter().map(|key| (keys::state(key), None)).collect();
            if !entries.is_empty() {
                projection.store().commit(entries, |_| {});
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
    }
    Ok(())
}

/// Keys among the next ones whose records are too old, and where to go on, if anywhere.
fn lapsed(
    store: &Store,
    entities: Entities,
    after: Option<Bytes>,
    before_ms: i64,
) -> Result<(Vec<Bytes>, Option<Bytes>), store::Error> {
    let states = store.states(entities.prefix(), after.as_deref(), PRUNE_STEP)?;
    let last = states.last().map(|(key, _)| key.clone());
    let old = states
        .into_iter()
        .filter(|(_, state)| state.at_ms < before_ms)
        .map(|(key, _)| key)
        .collect();
    Ok((old, last))
}

async fn step<T: Send + 'static>(
    projection: &Projection,
    work: impl FnOnce(&Store) -> Result<T, store::Error> + Send + 'static,
) -> Result<T, End> {
    let store = projection.store().clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    Ok(done.map_err(|_| store::Error::Panicked)??)
}
