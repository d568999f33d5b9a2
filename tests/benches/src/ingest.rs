//! ingest: what a webhook costs, and how long its answer takes.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use harness::Broker;

use crate::{
    Cli, bodies,
    load::{self, Loop},
    process::{READY_WITHIN, Service, apply_topics},
};

/// Posted before anything is measured: connections, partitions' leaders and the allocator are then warm.
const WARM_UP: u64 = 5_000;

/// Measures and prints.
pub(crate) fn measure(cli: &Cli, binary: &Path) -> Result<()> {
    let broker = Broker::start()?;
    apply_topics(binary, &broker.bootstrap(), cli.partitions)?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let secret = dir.path().join("app-secret");
    fs::write(&secret, bodies::APP_SECRET).context("write the secret")?;
    let mut service = Service::start(
        binary,
        &[
            "ingest".to_owned(),
            format!("--kafka-brokers={}", broker.bootstrap()),
            "--allow-unreplicated".to_owned(),
            format!("--app-secret-file={}", secret.display()),
            "--webhook-listen=127.0.0.1:0".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
        ],
    )?;
    let address = service.address("webhooks")?;
    service.await_ready(READY_WITHIN)?;
    let now = SystemTime::UNIX_EPOCH.elapsed().context("the clock")?;
    let pool = bodies::pool(address, now.as_secs());
    check(&load::closed(
        address,
        &pool.requests,
        cli.connections,
        WARM_UP,
    )?)?;

    println!(
        "\n## ingest: POSTs of {:.1} items and {:.0} bytes on average\n",
        pool.items_mean, pool.bytes_mean
    );
    println!("CPU-seconds are for a million POSTs.\n");
    println!("| load | POSTs | a second | user | system | CPU-s | p50 ms | p99 ms | p99.9 ms |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let closed = format!("closed, {} connections", cli.connections);
    row(&service, &closed, || {
        load::closed(address, &pool.requests, cli.connections, cli.webhooks)
    })?;
    for rate in &cli.rates {
        row(&service, &format!("open, {rate}/s"), || {
            open(cli, address, &pool.requests, *rate)
        })?;
    }
    let records = service.metric("ingest_records_total")?;
    println!(
        "\npeak memory {:.0} MiB; {records:.0} records appended",
        service.peak_mib()?
    );
    service.stop()
}

fn open(cli: &Cli, address: SocketAddr, requests: &[Vec<u8>], rate: u32) -> Result<Loop> {
    load::open(address, requests, cli.connections, rate, cli.seconds)
}

fn row(service: &Service, name: &str, run: impl FnOnce() -> Result<Loop>) -> Result<()> {
    let before = service.cpu()?;
    let done = run()?;
    let cpu = service.cpu()?;
    check(&done)?;
    let count = done.latencies.len() as f64;
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "| {name} | {count} | {:.0} | {} | {:.2} | {:.2} | {:.2} |",
        count / done.wall.as_secs_f64(),
        cpu.cells(before, count),
        ms(done.quantile(0.5)),
        ms(done.quantile(0.99)),
        ms(done.quantile(0.999)),
    );
    Ok(())
}

/// A figure over refusals would be a figure of something else.
fn check(done: &Loop) -> Result<()> {
    if done.refused > 0 {
        bail!(
            "{} of {} POSTs were not answered 200",
            done.refused,
            done.latencies.len()
        );
    }
    Ok(())
}
