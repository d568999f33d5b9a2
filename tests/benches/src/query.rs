//! query: a single group among many, asked for while events are folded.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use crate::{
    Cli,
    events::{self, Events},
    histogram::Histogram,
    load::{self, Loop, quantile},
    log,
    pace::{self, Pace},
    process::Service,
    restore::{World, get},
};

const SEED: u64 = 3;

/// Asked before anything is measured.
const WARM_UP: u64 = 5_000;

/// Measures and prints.
pub(crate) fn measure(cli: &Cli, binary: &Path, world: &World) -> Result<()> {
    let began = Instant::now();
    let brokers = world.broker.bootstrap();
    let mut service = Service::projector(binary, &brokers, world.data.path())?;
    let address = service.address("query API")?;
    service.await_ready(world.patience())?;
    eprintln!("a projector is ready after {:.2?}", began.elapsed());
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let warm_up = requests(&mut random, world, WARM_UP as usize);
    check(&load::closed(
        address,
        &warm_up,
        cli.query_connections,
        WARM_UP,
    )?)?;
    println!(
        "\n## query: one of {} groups, {} connections, each row {} s\n",
        world.filled.groups, cli.query_connections, cli.seconds
    );
    println!(
        "Milliseconds as p50 / p99 / p99.9; in the server as bounds of its histogram's buckets. Cores are those the projector used.\n"
    );
    println!(
        "| GETs/s | events/s | folded/s | from when due | from when sent | in the server | cores |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    for rate in &cli.query_rates {
        for events in [0, cli.write_rate] {
            let asked = requests(&mut random, world, (rate * cli.seconds) as usize);
            row(cli, world, &service, (*rate, events), || {
                load::open(address, &asked, cli.query_connections, *rate, cli.seconds)
            })?;
        }
    }
    println!("\npeak memory {:.0} MiB", service.peak_mib()?);
    service.stop()
}

/// Each group is as likely as another, so that most are not in anybody's cache.
fn requests(random: &mut ChaCha8Rng, world: &World, count: usize) -> Vec<Vec<u8>> {
    let groups = world.filled.groups;
    (0..count.max(1))
        .map(|_| {
            let id = events::group_id(random.random_range(0..groups));
            get(&format!("/v1/groups/{id}"))
        })
        .collect()
}

fn row(
    cli: &Cli,
    world: &World,
    service: &Service,
    (rate, events): (u32, u32),
    run: impl FnOnce() -> Result<Loop>,
) -> Result<()> {
    eprintln!(
        "{rate} GETs and {events} events a second for {} s",
        cli.seconds
    );
    let hand = &world.hand;
    let mut source = Events::endless(world.filled.groups, log::now_ms()? / 1_000);
    let (keep, stop) = watch::channel(());
    let pace = Pace {
        next: move || (source.next().expect("there is no end of events"), None),
        rate: events,
        seconds: cli.seconds * 2,
        stop,
    };
    let writing = pace::write(hand.log.clone(), hand.partitions, pace);
    let writing = hand.runtime.spawn(writing);
    let before = (service.cpu()?, service.metrics()?, folded(service)?);
    let done = run()?;
    let after = (service.cpu()?, service.metrics()?, folded(service)?);
    drop(keep);
    let written = hand.runtime.block_on(writing);
    let written = written.context("the writer panicked")??;
    check(&done)?;
    let wall = done.wall.as_secs_f64();
    let per_second = written.events as f64 / written.wall.as_secs_f64().max(1e-9);
    let inside = Histogram::between(&before.1, &after.1, "{group_id}");
    println!(
        "| {:.0} | {:.0} | {:.0} | {} | {} | {} | {:.2} |",
        done.latencies.len() as f64 / wall,
        per_second,
        (after.2 - before.2) / wall,
        cells(&done.latencies),
        cells(&done.answers),
        inside.map_or_else(|| "not told".to_owned(), |inside| inside.cell()),
        (after.0.total() - before.0.total()) / wall,
    );
    Ok(())
}

fn folded(service: &Service) -> Result<f64> {
    service.metric("projector_folded_events_total")
}

fn cells(sorted: &[Duration]) -> String {
    let cells = [0.5, 0.99, 0.999]
        .map(|share| format!("{:.3}", quantile(sorted, share).as_secs_f64() * 1e3));
    cells.join(" / ")
}

/// A figure over refusals would be a figure of something else.
fn check(done: &Loop) -> Result<()> {
    if done.refused > 0 {
        bail!(
            "{} of {} GETs were not answered 200",
            done.refused,
            done.latencies.len()
        );
    }
    Ok(())
}
