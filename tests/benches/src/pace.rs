//! Events appended at a fixed rate, some of which are followed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use domain::event::Event;
use eventlog::{Batch, Log};
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

use crate::log;

/// Events that are due together are appended together, as a service does that has several webhooks at hand.
const TICK: Duration = Duration::from_millis(2);

/// Appends under way at once; beyond it the rate is not kept, and the table says which one was.
const IN_FLIGHT_MAX: usize = 64;

/// What to append, and for how long.
pub(crate) struct Pace<E> {
    /// Gives the next event, and its number as a probe if it is one that is followed.
    pub(crate) next: E,
    /// Events a second.
    pub(crate) rate: u32,
    /// At most so long.
    pub(crate) seconds: u32,
    /// Ends it earlier when its sender is dropped.
    pub(crate) stop: watch::Receiver<()>,
}

/// An event that is followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) number: usize,
    pub(crate) offset: i64,
    pub(crate) acknowledged: Instant,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) events: u64,
    pub(crate) wall: Duration,
    pub(crate) probes: Vec<Probe>,
}

/// Appends until the time is over or `stop`.
pub(crate) async fn write<E>(log: Log, partitions: u32, pace: Pace<E>) -> Result<Written>
where
    E: FnMut() -> (Event, Option<usize>),
{
    let Pace {
        mut next,
        rate,
        seconds,
        mut stop,
    } = pace;
    let (mut written, mut value, mut under_way) = (Written::default(), Vec::new(), JoinSet::new());
    let began = Instant::now();
    let total = u64::from(rate) * u64::from(seconds);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while written.events < total {
        tokio::select! {
            biased;
            _gone = stop.changed() => break,
            _tick = ticks.tick() => {}
        }
        let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        let (mut batch, mut followed) = (Batch::new(), Vec::new());
        let now_ms = log::now_ms()?;
        while written.events < due.min(total) && batch.len() < log::BATCH {
            let (event, probe) = next();
            if let Some(number) = probe {
                followed.push((batch.len(), number));
            }
            log::push(&mut batch, &event, &mut value, partitions, now_ms);
            written.events += 1;
        }
        if batch.is_empty() {
            continue;
        }
        while under_way.len() >= IN_FLIGHT_MAX {
            collect(&mut written, under_way.join_next().await)?;
        }
        under_way.spawn(append(log.clone(), batch, followed));
    }
    written.wall = began.elapsed();
    while let Some(done) = under_way.join_next().await {
        collect(&mut written, Some(done))?;
    }
    Ok(written)
}

type Done = Result<Vec<Probe>>;

async fn append(log: Log, batch: Batch, followed: Vec<(usize, usize)>) -> Done {
    let offsets = log.append(batch).await.context("append")?;
    let acknowledged = Instant::now();
    let probes = followed.into_iter().map(|(place, number)| Probe {
        number,
        offset: offsets[place],
        acknowledged,
    });
    Ok(probes.collect())
}

fn collect(
    written: &mut Written,
    done: Option<Result<Done, tokio::task::JoinError>>,
) -> Result<()> {
    if let Some(done) = done {
        written.probes.extend(done.context("an append panicked")??);
    }
    Ok(())
}
