//! restore: a projector that starts with nothing, and one that starts again after `kill -9`.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use harness::Broker;
use tempfile::TempDir;

use crate::{
    Cli,
    fill::{self, Filled},
    load::Connection,
    log::Hand,
    process::{Cpu, Service, apply_topics, bytes_below},
};

/// Groups if none are asked for.
const GROUPS: usize = 1_000_000;

/// The slowest that is still waited for, groups a second.
const SLOWEST: u64 = 5_000;

/// Beside that.
const START_WITHIN: Duration = Duration::from_secs(120);

/// How often it is asked for its first answer.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// How often it is asked whether it is ready, and what is not written: each takes it a millisecond.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A broker with many groups, and a directory for a projector.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) hand: Hand,
    pub(crate) filled: Filled,
    pub(crate) data: TempDir,
}

impl World {
    /// Starts the broker and fills it.
    pub(crate) fn start(cli: &Cli, binary: &Path) -> Result<Self> {
        let broker = Broker::start()?;
        apply_topics(binary, &broker.bootstrap(), cli.partitions)?;
        let hand = Hand::open(&broker.bootstrap(), cli.partitions)?;
        let filled = fill::fill(&hand, cli.groups.unwrap_or(GROUPS), cli.bytes)?;
        Ok(Self {
            broker,
            hand,
            filled,
            data: tempfile::tempdir().context("make a directory")?,
        })
    }

    /// How long a start may take.
    pub(crate) fn patience(&self) -> Duration {
        START_WITHIN + Duration::from_secs(self.filled.groups as u64 / SLOWEST)
    }
}

/// What a start took until something was so.
#[derive(Debug, Clone, Copy)]
struct Mark {
    wall: Duration,
    cpu: Cpu,
    peak_mib: f64,
}

/// A started projector and what its start took.
#[derive(Debug)]
struct Started {
    service: Service,
    connection: Connection,
    began: Instant,
    answered: Mark,
    ready: Mark,
}

/// Measures and prints.
pub(crate) fn measure(binary: &Path, world: &World) -> Result<()> {
    let Filled { groups, bytes, .. } = &world.filled;
    println!(
        "\n## restore: {groups} groups of {} bytes on average, {} partitions\n",
        bytes / *groups as u64,
        world.hand.partitions
    );
    let mut cold = start(binary, world)?;
    let written = await_written(&mut cold, world.patience())?;
    verify(&mut cold, world)?;
    let peak = cold.service.peak_mib()?;
    cold.service.process.kill9()?;
    let stored = bytes_below(world.data.path()) as f64 / 1e9;
    eprintln!("killed; the store has {stored:.2} GB");

    let mut warm = start(binary, world)?;
    verify(&mut warm, world)?;
    let read = warm.service.metric("projector_recovered_records_total")?;
    println!("| start | until | seconds | user s | system s | CPU-s | peak MiB |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for (start, until, mark) in [
        ("cold", "first answer", cold.answered),
        ("cold", "caught up", cold.ready),
        ("cold", "written back", written),
        ("after kill -9", "first answer", warm.answered),
        ("after kill -9", "caught up", warm.ready),
    ] {
        println!(
            "| {start} | {until} | {:.2} | {} | {:.0} |",
            mark.wall.as_secs_f64(),
            // Seconds, and not those for a million.
            mark.cpu.cells(Cpu::NONE, 1e6),
            mark.peak_mib
        );
    }
    let per_gb = |mark: Mark| mark.wall.as_secs_f64() / stored;
    println!(
        "\nstore of {stored:.2} GB: after kill -9 {:.2} s a GB to the first answer, {:.2} s a GB until caught up",
        per_gb(warm.answered),
        per_gb(warm.ready)
    );
    println!(
        "peak memory {peak:.0} MiB cold, {:.0} MiB after kill -9; {read:.0} states had at the second start; \
         digests and {} groups are as they were put; files and log are in the system's cache",
        warm.service.peak_mib()?,
        world.filled.sample.len()
    );
    warm.service.stop()
}

fn mark(service: &Service, began: Instant) -> Result<Mark> {
    Ok(Mark {
        wall: began.elapsed(),
        cpu: service.cpu()?,
        peak_mib: service.peak_mib()?,
    })
}

/// Starts it on the world's directory and waits until it is ready.
fn start(binary: &Path, world: &World) -> Result<Started> {
    let began = Instant::now();
    let brokers = world.broker.bootstrap();
    let mut service = Service::projector(binary, &brokers, world.data.path())?;
    let address = service.address("query API")?;
    let mut connection = Connection::open(address)?;
    let (id, _) = world.filled.sample.last().context("there are no groups")?;
    let request = get(&format!("/v1/groups/{id}"));
    let deadline = began + world.patience();
    loop {
        match connection.ask(&request)? {
            200 => break,
            503 => {}
            status => bail!("a group was answered with {status}"),
        }
        wait(&mut service, deadline, ASK_EVERY)?;
    }
    let answered = mark(&service, began)?;
    eprintln!("first answer after {:.2?}", answered.wall);
    while !service.is_ready() {
        wait(&mut service, deadline, LOOK_EVERY)?;
    }
    let ready = mark(&service, began)?;
    eprintln!("caught up after {:.2?}", ready.wall);
    Ok(Started {
        service,
        connection,
        began,
        answered,
        ready,
    })
}

fn wait(service: &mut Service, deadline: Instant, pause: Duration) -> Result<()> {
    service.check_runs()?;
    ensure!(
        Instant::now() < deadline,
        "it takes too long: {}",
        service.process.stderr()
    );
    thread::sleep(pause);
    Ok(())
}

fn await_written(started: &mut Started, within: Duration) -> Result<Mark> {
    let deadline = Instant::now() + within;
    let service = &mut started.service;
    while service.metric("projector_store_pending_entries")? > 0.0 {
        wait(service, deadline, LOOK_EVERY)?;
    }
    let written = mark(service, started.began)?;
    eprintln!("written back after {:.2?}", written.wall);
    Ok(written)
}

/// Everything is served by digest, and a sample byte by byte.
fn verify(started: &mut Started, world: &World) -> Result<()> {
    let connection = &mut started.connection;
    let (status, body) = connection.ask_for_body(&get("/v1/digests"))?;
    ensure!(status == 200, "digests were answered with {status}");
    let answer: serde_json::Value = serde_json::from_slice(body).context("read the digests")?;
    for (partition, (digest, records)) in world.filled.digests.iter().enumerate() {
        let found = &answer["partitions"][partition]["groups"];
        ensure!(
            found["digest"] == digest.to_string() && found["records"] == *records,
            "partition {partition} has {found} and not {records} records of {digest}"
        );
    }
    for (id, expected) in &world.filled.sample {
        let (status, body) = connection.ask_for_body(&get(&format!("/v1/groups/{id}")))?;
        ensure!(status == 200, "a group was answered with {status}");
        ensure!(
            body == expected,
            "a group was answered as {} and not as {}",
            String::from_utf8_lossy(body),
            String::from_utf8_lossy(expected)
        );
    }
    Ok(())
}

/// A whole request.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n").into_bytes()
}
