//! projector: what an event costs, from its start on a full log until all is folded.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use harness::{Broker, await_until};

use crate::{
    Cli,
    events::Events,
    latency,
    log::{self, Hand},
    process::{Cpu, Service, apply_topics, bytes_below},
};

/// The slowest that is still waited for, events a second.
const SLOWEST: u64 = 1_000;

/// Beside that: time to start, to be assigned partitions, and to write the rest.
const START_WITHIN: Duration = Duration::from_secs(120);

/// Groups if none are asked for.
const GROUPS: usize = 100_000;

/// Measures and prints.
pub(crate) fn measure(cli: &Cli, binary: &Path) -> Result<()> {
    let broker = Broker::start()?;
    apply_topics(binary, &broker.bootstrap(), cli.partitions)?;
    let hand = Hand::open(&broker.bootstrap(), cli.partitions)?;
    let groups = cli.groups.unwrap_or(GROUPS);
    let events = Events::new(cli.events, groups, log::now_ms()? / 1_000);
    let began = Instant::now();
    let appended = hand.append(events)?;
    let appending = began.elapsed();
    eprintln!("appended {} events in {appending:.1?}", cli.events);

    let dir = tempfile::tempdir().context("make a directory")?;
    let began = Instant::now();
    let mut service = Service::projector(binary, &broker.bootstrap(), dir.path())?;
    // Ready is said of a partition once all that was in it at the start is folded and published.
    let within = START_WITHIN + Duration::from_secs(cli.events as u64 / SLOWEST);
    service.await_ready(within)?;
    let folded = (began.elapsed(), service.cpu()?);
    await_until(START_WITHIN, "the store to be written", || {
        let pending = service.metric("projector_store_pending_entries").ok()?;
        (pending == 0.0).then_some(())
    })?;
    let written = (began.elapsed(), service.cpu()?);
    let counted = service.metric("projector_folded_events_total")?;
    if counted < cli.events as f64 {
        bail!("it was ready after {counted} of {} events", cli.events);
    }
    print(cli, groups, &service, appended, [folded, written])?;
    let published = service.metric("projector_published_records_total")?;
    let peak = service.peak_mib()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "\npeak memory {peak:.0} MiB; {published:.0} records published; data directory {:.0} MiB",
        mib(bytes_below(dir.path()))
    );
    let topics = [
        "groups.v1",
        "messages.v1",
        "requests.v1",
        "numbers.v1",
        "changes.v1",
    ];
    let sizes = topics.map(|topic| {
        let size = broker.topic_bytes(&format!("rollcall.{topic}"));
        format!("{topic} {:.0} MiB", mib(size))
    });
    println!("on the broker, before compaction: {}", sizes.join(", "));
    // Who appends shares the machine: what it takes is not there for folding.
    let most = cli.events as f64 / (appending + folded.0).as_secs_f64();
    half_load(cli, &hand, groups, &service, most)?;
    service.stop()
}

/// From the acknowledgement of an event until its state is published, at half of the load that is possible.
fn half_load(cli: &Cli, hand: &Hand, groups: usize, service: &Service, most: f64) -> Result<()> {
    let rate = cli.event_rate.unwrap_or((most / 2.0) as u32).max(2);
    eprintln!("{rate} events a second for {} s", cli.seconds);
    let before = service.cpu()?;
    let latency = latency::measure(hand, groups, rate, cli.seconds)?;
    let cpu = service.cpu()?;
    println!("\nFrom the acknowledgement of an event until a consumer has its state:\n");
    latency.print(rate);
    println!(
        "\nCPU-seconds for a million events at that load (user | system | both): {}",
        cpu.cells(before, latency.written.events as f64)
    );
    Ok(())
}

fn print(
    cli: &Cli,
    groups: usize,
    service: &Service,
    (in_events, in_receipts): (u64, u64),
    [folded, written]: [(Duration, Cpu); 2],
) -> Result<()> {
    let states = service.metric("projector_states_published_bytes_total")?;
    let read = service.metric("projector_events_read_bytes_total")?;
    println!(
        "\n## projector: {in_events} events and {in_receipts} receipts of {groups} groups, {} partitions\n",
        cli.partitions
    );
    println!("CPU-seconds are for a million events.\n");
    println!("| until | seconds | events a second | user | system | CPU-s |");
    println!("|---|--:|--:|--:|--:|--:|");
    let count = cli.events as f64;
    for (name, (wall, cpu)) in [
        ("all is folded and published", folded),
        ("all is in the store", written),
    ] {
        println!(
            "| {name} | {:.1} | {:.0} | {} |",
            wall.as_secs_f64(),
            count / wall.as_secs_f64(),
            cpu.cells(Cpu::NONE, count)
        );
    }
    println!(
        "\nwrite amplification {:.1} (bytes of states published per byte of events)",
        states / read
    );
    Ok(())
}
