//! How long after its acknowledgement an event is in the published state of its group.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use domain::ids::Entity;
use eventlog::{At, Log, Reader, Start};
use tokio::sync::watch;
use wire::topics::{self, Topic};

use crate::{
    events::{self, Events},
    load::quantile,
    log::Hand,
    pace::{self, Pace, Probe, Written},
};

/// Groups that only probes are about: an event of one always changes its state, and no other event hides it.
const PROBED: usize = 1_000;

/// Probes a second, at most every second event.
const PROBES_PER_SECOND: u32 = 1_000;

/// How long the last states may take to come.
const REST: Duration = Duration::from_secs(30);

/// What was measured.
#[derive(Debug)]
pub(crate) struct Latency {
    pub(crate) written: Written,
    /// Of each probe, sorted.
    pub(crate) times: Vec<Duration>,
}

impl Latency {
    pub(crate) fn print(&self, wanted: u32) {
        let ms = |share| quantile(&self.times, share).as_secs_f64() * 1e3;
        println!(
            "| events a second, wanted | had | probes | p50 ms | p99 ms | p99.9 ms | greatest ms |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|");
        println!(
            "| {wanted} | {:.0} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
            self.written.events as f64 / self.written.wall.as_secs_f64(),
            self.times.len(),
            ms(0.5),
            ms(0.99),
            ms(0.999),
            ms(1.0),
        );
    }
}

/// Appends at `rate`, and sees when the state of each probe's group is published with the probe's position or a later one.
pub(crate) fn measure(hand: &Hand, groups: usize, rate: u32, seconds: u32) -> Result<Latency> {
    let now = log_second()?;
    let mut events = Events::endless(groups, now);
    let (mut made, mut probes) = (0_u64, 0_usize);
    let every = u64::from((rate / PROBES_PER_SECOND).max(2));
    let next = move || {
        made += 1;
        if made.is_multiple_of(every) {
            let number = probes % PROBED;
            // Each one is a second after the last of its group, so that it always wins.
            let at = now + (probes / PROBED) as i64;
            let event = events.renamed(groups + number, at, probes);
            probes += 1;
            return (event, Some(number));
        }
        let event = events.next().expect("there is no end of events");
        (event, None)
    };
    let (keep, stop) = watch::channel(());
    let pace = Pace {
        next,
        rate,
        seconds,
        stop,
    };
    let (log, partitions) = (hand.log.clone(), hand.partitions);
    let measured = hand.runtime.block_on(async move {
        let reader = reader(&log, partitions).await?;
        let (told, written) = watch::channel(None);
        let watching = tokio::spawn(watch_states(reader, groups, written));
        let written = pace::write(log, partitions, pace).await?;
        drop(keep);
        told.send_replace(Some(lasts(&written.probes)));
        let seen = watching.await.context("the reader panicked")??;
        anyhow::Ok((written, seen))
    });
    let (written, seen) = measured?;
    let mut times = Vec::with_capacity(written.probes.len());
    for probe in &written.probes {
        let states = seen.get(&probe.number).map_or(&[][..], Vec::as_slice);
        let state = states.iter().find(|(offset, _)| *offset >= probe.offset);
        let Some((_, at)) = state else {
            bail!("the state of probe {} was not published", probe.number);
        };
        times.push(at.saturating_duration_since(probe.acknowledged));
    }
    times.sort_unstable();
    Ok(Latency { written, times })
}

fn log_second() -> Result<i64> {
    Ok(crate::log::now_ms()?.div_euclid(1_000))
}

async fn reader(log: &Log, partitions: u32) -> Result<Reader> {
    let starts = (0..partitions)
        .map(|partition| Start::new(Topic::Groups.name(), partition, At::End))
        .collect();
    log.reader(starts).await.context("read groups.v1")
}

/// The last offset of each group that is probed.
fn lasts(probes: &[Probe]) -> HashMap<usize, i64> {
    let mut lasts = HashMap::new();
    for probe in probes {
        let last = lasts.entry(probe.number).or_insert(probe.offset);
        *last = probe.offset.max(*last);
    }
    lasts
}

/// Offsets of the states of each probed group, in their order, and when they were seen.
type Seen = HashMap<usize, Vec<(i64, Instant)>>;

/// Reads until the last state of each is there.
async fn watch_states(
    mut reader: Reader,
    groups: usize,
    written: watch::Receiver<Option<HashMap<usize, i64>>>,
) -> Result<Seen> {
    let probed: HashMap<Vec<u8>, usize> = (0..PROBED)
        .map(|number| {
            let entity = Entity::Group(events::group_id(groups + number));
            (topics::key(&entity).to_vec(), number)
        })
        .collect();
    let (mut seen, mut until) = (Seen::new(), None);
    loop {
        let batch = reader
            .next(10_000, 16 << 20, Duration::from_millis(100))
            .await
            .context("read groups.v1")?;
        let now = Instant::now();
        for record in batch.iter() {
            let (Some(number), Some(value)) = (probed.get(record.key), record.value) else {
                continue;
            };
            let head = wire::peek(value).context("read a state")?;
            let offset = head.context("a state without a head")?.envelope.position;
            seen.entry(*number).or_default().push((offset.offset, now));
        }
        let Some(lasts) = &*written.borrow() else {
            continue;
        };
        let is_there = |(number, last): (&usize, &i64)| {
            let states = seen.get(number).and_then(|states| states.last());
            states.is_some_and(|(offset, _)| offset >= last)
        };
        if lasts.iter().all(is_there) {
            return Ok(seen);
        }
        if *until.get_or_insert(now + REST) < now {
            bail!("some states were not published within {REST:?}");
        }
    }
}
