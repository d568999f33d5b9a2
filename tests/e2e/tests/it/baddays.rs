//! Days on which everything is against ingest: no brokers, and clients that mean ill.
//!
//! Each is short where all tests run, and as long as an operator may ask by the environment.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use harness::{Broker, Cluster, Process, await_until};
use reqwest::Url;

use crate::{
    facts,
    posts::{self, Posts, Summary},
    records,
    services::{self, READY_WITHIN, Secrets, Service},
    stage::Stage,
    truth,
};

/// How long the brokers are away: `ROLLCALL_OUTAGE_SECONDS` is another number of seconds.
const OUTAGE: Duration = Duration::from_secs(15);
/// Webhooks a second meanwhile.
const RATE: f64 = 200.0;
/// Webhooks taken before that.
const TAKEN_FIRST: usize = 500;
/// What ingest may use at most, an unoptimised build's share included.
const MEMORY_MAX_KIB: u64 = 256 * 1024;

/// How long the flood goes on: `ROLLCALL_FLOOD_SECONDS` is another number of seconds.
const FLOOD: Duration = Duration::from_secs(5);
/// Connections that drip meanwhile, more than a listener has places.
const SLOW: usize = 900;
/// More where the flood is long, if the limit on open files allows it.
const SLOW_LONG: usize = 2000;
/// Connections that post what Meta did not sign, as fast as they are answered.
const FORGERS: usize = 16;
/// Connections that post what is Meta's and not understood.
const FLOODERS: u64 = 4;
/// Items in each of these webhooks.
const MISUNDERSTOOD: usize = 20;
/// What Meta posts meanwhile, a second.
const TRUE_RATE: f64 = 20.0;

/// A length of time that the environment may name in seconds.
pub fn lasting(variable: &str, otherwise: Duration) -> Duration {
    let named = env::var(variable).ok();
    named.map_or(otherwise, |seconds| {
        Duration::from_secs(seconds.parse().unwrap())
    })
}

pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

fn ingest(brokers: &str, prefix: &str, secrets: &Secrets) -> (Service, Url) {
    let mut arguments = vec![
        "ingest".to_owned(),
        format!("--kafka-brokers={brokers}"),
        format!("--topic-prefix={prefix}"),
        "--allow-unreplicated".to_owned(),
        "--admin-listen=127.0.0.1:0".to_owned(),
    ];
    arguments.extend(secrets.ingest());
    let mut service = Service::start(&arguments);
    let webhooks = service.listening("webhooks").join("/webhooks").unwrap();
    service.await_ready();
    (service, webhooks)
}

fn apply_topics(brokers: &str, prefix: &str, replication: usize) {
    let mut process = Process::spawn([
        "topics".to_owned(),
        "apply".to_owned(),
        "--allow-unreplicated".to_owned(),
        format!("--replication={replication}"),
        "--partitions=4".to_owned(),
        format!("--kafka-brokers={brokers}"),
        format!("--topic-prefix={prefix}"),
    ])
    .unwrap();
    let status = process.wait(READY_WITHIN).unwrap();
    assert!(status.success(), "{}", process.stderr());
}

/// The most memory that a process has used.
fn peak_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.unwrap().trim().trim_end_matches(" kB");
    digits.parse().unwrap()
}

pub fn await_elapsed(since: Instant, length: Duration) {
    await_until(2 * length + READY_WITHIN, "the time to be over", || {
        (since.elapsed() >= length).then_some(())
    })
    .unwrap();
}

/// Every webhook that was answered 200 is in the log.
fn check_taken(brokers: &str, prefix: &str, fates: &[posts::Fate], at: i64) {
    let taken = fates.iter().filter(|fate| fate.status == Some(200));
    let bodies: Vec<_> = taken.map(|fate| posts::body(fate.number, at)).collect();
    let log = records::kafka_with(brokers, prefix);
    let missing = facts::missing(&bodies, &records::events(&log));
    assert!(
        missing.is_empty(),
        "answered 200 and not in the log: {missing:#?}"
    );
    println!("{} were answered 200, and all are in the log", bodies.len());
}

#[test]
fn without_brokers_ingest_refuses_at_once_and_takes_webhooks_again_when_they_return() {
    let mut cluster = Cluster::start(3).unwrap();
    let (secrets, prefix, at) = (Secrets::new(), "outage.", now());
    let brokers = cluster.bootstrap();
    apply_topics(&brokers, prefix, 3);
    let (service, webhooks) = ingest(&brokers, prefix, &secrets);
    let posts = Posts::start(webhooks, RATE, at);
    let answered = |status: u16, since: Instant| {
        let so_far = posts.so_far();
        so_far
            .iter()
            .any(|fate| fate.sent >= since && fate.status == Some(status))
    };
    let began = Instant::now();
    await_until(READY_WITHIN, "webhooks to be taken", || {
        let so_far = Summary::of(&posts.so_far());
        (so_far.count(200) >= TAKEN_FIRST).then_some(())
    })
    .unwrap();
    let before = peak_kib(&service.process);

    cluster.kill_all().unwrap();
    let gone = Instant::now();
    await_until(READY_WITHIN, "ingest to say that it is not ready", || {
        (!service.is_ready()).then_some(())
    })
    .unwrap();
    println!(
        "not ready {:?} after the last broker was gone",
        gone.elapsed()
    );
    await_elapsed(gone, lasting("ROLLCALL_OUTAGE_SECONDS", OUTAGE));
    let returning = Instant::now();
    cluster.restart_all().unwrap();
    let returned = Instant::now();
    await_until(READY_WITHIN, "ingest to be ready", || {
        service.is_ready().then_some(())
    })
    .unwrap();
    println!("ready {:?} after all brokers answered", returned.elapsed());
    let ready = Instant::now();
    await_until(READY_WITHIN, "webhooks to be taken again", || {
        answered(200, ready).then_some(())
    })
    .unwrap();
    let peak = peak_kib(&service.process);
    let fates = posts.stop();
    println!("peak memory {before} KiB before, {peak} KiB in all");
    assert!(peak < MEMORY_MAX_KIB, "{peak} KiB");

    let between = |from: Instant, to: Instant| {
        let those = fates
            .iter()
            .filter(move |fate| fate.sent >= from && fate.sent < to);
        Summary::of(those)
    };
    println!("before: {}", between(began, gone));
    let outage = between(gone, returning);
    println!("in {:?} without brokers: {outage}", returning - gone);
    println!("while they return: {}", between(returning, ready));
    let after = between(ready, Instant::now());
    println!("after: {after}");
    assert_eq!(outage.statuses(), [Some(503)], "{outage}");
    assert!(after.count(200) > 0, "{after}");
    check_taken(&brokers, prefix, &fates, at);
    assert_eq!(service.stop(), Some(0));
}

/// One of three brokers stands still; it has what it leads, and answers nobody.
#[test]
fn a_broker_that_stands_still_is_passed_over_and_nothing_is_missing() {
    /// How long: `ROLLCALL_FROZEN_SECONDS` is another number of seconds.
    const FROZEN: Duration = Duration::from_secs(20);
    let cluster = Cluster::start(3).unwrap();
    let (secrets, prefix, at) = (Secrets::new(), "frozen.", now());
    let brokers = cluster.bootstrap();
    apply_topics(&brokers, prefix, 3);
    cluster.await_in_sync(READY_WITHIN).unwrap();
    let (service, webhooks) = ingest(&brokers, prefix, &secrets);
    let posts = Posts::start(webhooks, RATE, at);
    let taken = |since: Instant, more: usize| {
        await_until(READY_WITHIN, "webhooks to be taken", || {
            let so_far = posts.so_far();
            let taken = so_far.iter().filter(|fate| fate.sent >= since);
            (Summary::of(taken).count(200) >= more).then_some(())
        })
        .unwrap();
    };
    taken(Instant::now(), TAKEN_FIRST);
    let frozen = Instant::now();
    cluster.pause(1).unwrap();
    await_elapsed(frozen, lasting("ROLLCALL_FROZEN_SECONDS", FROZEN));
    let thawed = Instant::now();
    cluster.resume(1).unwrap();
    taken(thawed, TAKEN_FIRST);
    let peak = peak_kib(&service.process);
    let fates = posts.stop();
    let of = |from: Instant, to: Instant| {
        let those = fates
            .iter()
            .filter(move |fate| fate.sent >= from && fate.sent < to);
        Summary::of(those)
    };
    println!("while one of three stood still: {}", of(frozen, thawed));
    println!(
        "after: {}; peak memory {peak} KiB",
        of(thawed, Instant::now())
    );
    // What is led by the others goes on, and leadership moves from the one that is held.
    assert!(of(frozen, thawed).count(200) > 0);
    assert!(peak < MEMORY_MAX_KIB, "{peak} KiB");
    check_taken(&brokers, prefix, &fates, at);
    assert_eq!(service.stop(), Some(0));
}

/// Everything is killed at once, the broker with it, and started again at once.
#[test]
fn everything_that_starts_again_at_once_ends_at_the_truth() {
    let mut stage = Stage::new(Arc::new(Broker::start().unwrap()), 141, 12, "at-once.");
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    // As a StatefulSet names them: whoever comes back is known, and waited for by nobody.
    let (folds, reads) = (
        ["--instance-id=projector-0"],
        ["--instance-id=reconciler-0"],
    );
    let (mut projector, queries) = stage.projector(&store, &folds);
    let (mut reconciler, _) = stage.reconciler(&reads);
    let (mut ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(200);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);

    stage.sim.step(200);
    for service in [&mut ingest, &mut projector, &mut reconciler] {
        service.process.kill9().unwrap();
    }
    let broker = Arc::get_mut(&mut stage.broker).unwrap();
    broker.kill().unwrap();
    broker.restart().unwrap();
    let (projector, ingest, reconciler) = thread::scope(|scope| {
        let projector = scope.spawn(|| stage.projector(&store, &folds));
        let ingest = scope.spawn(|| stage.ingest(&[]));
        let reconciler = scope.spawn(|| stage.reconciler(&reads));
        (
            projector.join().unwrap(),
            ingest.join().unwrap(),
            reconciler.join().unwrap(),
        )
    });
    stage.sim.webhook(&ingest.1);
    stage.sim.step(200);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &projector.1, READY_WITHIN);
    let log = records::kafka_with(&stage.broker.bootstrap(), &stage.prefix);
    let missing = facts::missing(&stage.sim.sent(), &records::events(&log));
    assert!(missing.is_empty(), "{missing:#?}");
    for service in [ingest.0, reconciler.0, projector.0] {
        assert_eq!(service.stop(), Some(0));
    }
}

/// Ends those who wait for the end, also where the test fails before it.
struct OverAtLast<'a>(&'a AtomicBool);

impl Drop for OverAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Opens connections that never send a whole request, and opens each again that is cut.
fn drip(address: SocketAddr, connections: usize, over: &AtomicBool, cut: &AtomicU64) {
    let begin = |number: usize| {
        let mut stream = TcpStream::connect_timeout(&address, READY_WITHIN).ok()?;
        let sent = match number % 3 {
            0 => "",
            1 => "POST /webhooks HTTP/1.1\r\nhost: ",
            _ => {
                "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"
            }
        };
        stream.write_all(sent.as_bytes()).ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    };
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    streams.resize_with(connections, || None);
    while !over.load(Ordering::Relaxed) {
        for (number, place) in streams.iter_mut().enumerate() {
            let is_cut = place.as_mut().is_none_or(|stream| {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(0) => true,
                    // A refusal of a body that came too slowly.
                    Ok(_) => false,
                    Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
                }
            });
            if is_cut {
                cut.fetch_add(u64::from(place.is_some()), Ordering::Relaxed);
                *place = begin(number);
            }
        }
        // What drips does not hurry.
        thread::park_timeout(Duration::from_millis(100));
    }
}

/// Posts the same as fast as it is answered; how many were answered `status`, which is all that may come.
fn hammer(address: SocketAddr, body: &str, secret: &str, status: u16, over: &AtomicBool) -> u64 {
    let signature = posts::signature(secret, body.as_bytes());
    let request = format!(
        "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let wanted = format!("HTTP/1.1 {status} ");
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, READY_WITHIN) else {
            continue;
        };
        stream.set_read_timeout(Some(READY_WITHIN)).unwrap();
        let mut answer = [0; 4096];
        while !over.load(Ordering::Relaxed) {
            if stream.write_all(request.as_bytes()).is_err() {
                break;
            }
            match stream.read(&mut answer) {
                Ok(read) if read > 0 => {
                    assert!(
                        answer.starts_with(wanted.as_bytes()),
                        "{}",
                        String::from_utf8_lossy(&answer[..read])
                    );
                    answered += 1;
                }
                _ => break,
            }
        }
    }
    answered
}

#[test]
fn a_flood_of_what_nobody_understands_is_kept_aside_and_delays_no_true_one() {
    let broker = Broker::shared().unwrap();
    let (secrets, prefix, at) = (Secrets::new(), "misunderstood.", now());
    apply_topics(&broker.bootstrap(), prefix, 1);
    let (service, webhooks) = ingest(&broker.bootstrap(), prefix, &secrets);
    let address = webhooks.socket_addrs(|| None).unwrap()[0];
    let lasting = lasting("ROLLCALL_FLOOD_SECONDS", FLOOD);
    // A word of tomorrow's, in each item of a webhook that is Meta's.
    let mut body = posts::body(0, at);
    let items = &mut body["entry"][0]["changes"][0]["value"]["groups"];
    items[0]["type"] = "group_participants_teleport".into();
    *items = vec![items[0].clone(); MISUNDERSTOOD].into();
    let (body, over) = (body.to_string(), AtomicBool::new(false));
    let began = Instant::now();
    let (fates, floods, took) = thread::scope(|scope| {
        let _over = OverAtLast(&over);
        let flooders: Vec<_> = (0..FLOODERS)
            .map(|_| scope.spawn(|| hammer(address, &body, services::APP_SECRET, 200, &over)))
            .collect();
        let posts = Posts::start(webhooks, TRUE_RATE, at);
        await_elapsed(began, lasting);
        let (fates, took) = (posts.stop(), began.elapsed());
        over.store(true, Ordering::Relaxed);
        let floods: u64 = flooders
            .into_iter()
            .map(|flooder| flooder.join().unwrap())
            .sum();
        (fates, floods, took)
    });
    let (summary, kept) = (
        Summary::of(&fates),
        service.metric("ingest_quarantined_total{reason=\"unknown_type\"}"),
    );
    println!("{kept} items kept aside in {took:?}; true ones: {summary}");
    println!("peak memory {} KiB", peak_kib(&service.process));
    assert!(floods > 0);
    // One that was cut off at the end may have been taken too.
    let least = floods * MISUNDERSTOOD as u64;
    let most = (floods + FLOODERS) * MISUNDERSTOOD as u64;
    assert!(
        (least as f64..=most as f64).contains(&kept),
        "{least} {kept}"
    );
    assert_eq!(summary.statuses(), [Some(200)], "{summary}");
    assert!(peak_kib(&service.process) < MEMORY_MAX_KIB);
    check_taken(&broker.bootstrap(), prefix, &fates, at);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_flood_of_forged_webhooks_and_of_slow_clients_keeps_no_true_one_out() {
    let broker = Broker::shared().unwrap();
    let (secrets, prefix, at) = (Secrets::new(), "flood.", now());
    apply_topics(&broker.bootstrap(), prefix, 1);
    let (service, webhooks) = ingest(&broker.bootstrap(), prefix, &secrets);
    let address = webhooks.socket_addrs(|| None).unwrap()[0];
    let lasting = lasting("ROLLCALL_FLOOD_SECONDS", FLOOD);
    let slow = if lasting > FLOOD { SLOW_LONG } else { SLOW };
    let forged = posts::body(0, 1).to_string();
    let (over, cut) = (AtomicBool::new(false), AtomicU64::new(0));
    let (fates, refused, took) = thread::scope(|scope| {
        let _over = OverAtLast(&over);
        scope.spawn(|| drip(address, slow, &over, &cut));
        await_until(READY_WITHIN, "the places to be taken", || {
            (cut.load(Ordering::Relaxed) > 0).then_some(())
        })
        .unwrap();
        let began = Instant::now();
        let forgers: Vec<_> = (0..FORGERS)
            .map(|_| scope.spawn(|| hammer(address, &forged, "not Meta's secret", 401, &over)))
            .collect();
        let posts = Posts::start(webhooks, TRUE_RATE, at);
        await_elapsed(began, lasting);
        let fates = posts.stop();
        let took = began.elapsed();
        over.store(true, Ordering::Relaxed);
        let refused: u64 = forgers
            .into_iter()
            .map(|forger| forger.join().unwrap())
            .sum();
        (fates, refused, took)
    });
    let summary = Summary::of(&fates);
    println!(
        "{slow} slow connections ({} cut), {refused} forged webhooks in {took:?}; true ones: {summary}",
        cut.load(Ordering::Relaxed)
    );
    println!("peak memory {} KiB", peak_kib(&service.process));
    assert!(refused > 0);
    assert_eq!(summary.statuses(), [Some(200)], "{summary}");
    check_taken(&broker.bootstrap(), prefix, &fates, at);
    assert_eq!(service.metric("ingest_in_flight_requests"), 0.0);
    assert_eq!(service.stop(), Some(0));
}
