//! Three projectors on three brokers, any of which dies at any time, and a client that asks all of them meanwhile.
//!
//! Every 15 seconds, in turn and over and over: a projector is killed (`kill -9`) and started again at once with its directory and name;
//! a broker is killed and started again at once, the next one only when every replica is in sync again;
//! the projector that leads most is held by SIGSTOP for 20 s.
//! How long is set by `ROLLCALL_PROJECTORS_SECONDS`.
//!
//! An instance owes an answer while it runs: from when `/readyz` is 200 for the first time since its start, also when it is
//! not ready later, until it is killed or stopped, and from SIGCONT on.
//! A request that is under way when its instance is killed or stopped is counted apart, and is no failure.
//! Any other that is refused, not answered within 2 s, or answered with an error is one.
//!
//! An answer regresses if the position in its header, the version or position of a group in it, of a message, or the position of a digest is older than in
//! an answer of the same instance before, in its former lives too; or if a group or message is missing that was there.
//!
//! The staleness of an answer is the time from when the first event that it does not know of was handed to the log by ingest or
//! reconciler, to when the answer was asked for.

mod asker;
mod instance;
mod record;
mod seen;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::{Cluster, Process, await_until};
use rand::{SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use reqwest::Url;
use serde_json::{Value, json};

use self::{
    asker::Asker,
    instance::{Instance, Phase},
    record::{Kill, Record},
    seen::Seen,
};
use crate::{
    chains::{Link, gaps},
    facts, http, records,
    services::{READY_WITHIN, Secrets, Service},
    sim::Sim,
    truth,
};

const SEED: u64 = 4;
const GROUPS: u32 = 60;
const PARTITIONS: u32 = 4;
const INSTANCES: usize = 3;
const BROKERS: usize = 3;
/// Webhook events a second: more would keep two cores from running ten processes.
const RATE: f64 = 25.0;
/// How long there is traffic and killing, unless `ROLLCALL_PROJECTORS_SECONDS` says otherwise: every kind of kill comes.
const SECONDS: u64 = 75;
const KILL_EVERY: Duration = Duration::from_secs(15);
const STOP_FOR: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// For a broker that was killed to have all that it missed.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(180);
/// For the last repairs by reading, and for all instances to come to the end.
const AGREE_WITHIN: Duration = Duration::from_secs(120);
const END_WITHIN: Duration = Duration::from_secs(60);

/// Everything that runs.
struct Stage {
    instances: Vec<Instance>,
    ingest: Service,
    reconciler: Service,
    sim: Sim,
    brokers: String,
    _secrets: Secrets,
}

impl Stage {
    fn start(cluster: &Cluster) -> Self {
        let brokers = cluster.bootstrap();
        apply_topics(&brokers);
        cluster.await_in_sync(IN_SYNC_WITHIN).unwrap();
        let secrets = Secrets::new();
        let sim = Sim::start(SEED, GROUPS, &secrets);
        let service = |name: &str, own: Vec<String>| {
            let common = [
                name.to_owned(),
                format!("--kafka-brokers={brokers}"),
                "--admin-listen=127.0.0.1:0".to_owned(),
            ];
            Service::start(&[&common[..], &own].concat())
        };
        let instances = (0..INSTANCES)
            .map(|index| Instance::start(format!("projector-{index}"), &brokers))
            .collect();
        let mut ingest = service("ingest", secrets.ingest());
        let reconciler = service("reconciler", secrets.reconciler(&sim.url, "5s"));
        sim.webhook(&ingest.listening("webhooks").join("/webhooks").unwrap());
        let mut stage = Self {
            instances,
            ingest,
            reconciler,
            sim,
            brokers,
            _secrets: secrets,
        };
        stage.ingest.await_ready();
        stage.reconciler.await_ready();
        stage.await_running();
        stage
    }

    fn await_running(&self) {
        for instance in &self.instances {
            let ready = await_until(READY_WITHIN, "an instance to be ready", || {
                instance
                    .look_ready()
                    .then_some(Ok(()))
                    .or_else(|| instance.ended().map(Err))
            });
            let ready = ready.map_err(|error| format!("{error:#}"));
            ready.and_then(|ended| ended).unwrap_or_else(|error| {
                let readyz = http::try_get(instance.life().admin.join("/readyz").unwrap());
                let why = readyz.map_or_else(String::new, |answer| answer.text());
                panic!("{}: {error}: {why}", instance.name)
            });
        }
    }
}

#[test]
fn three_projectors_answer_without_failure_or_regress_whatever_dies() {
    let seconds = std::env::var("ROLLCALL_PROJECTORS_SECONDS");
    let seconds = seconds.map_or(SECONDS, |text| text.parse().unwrap());
    let mut cluster = Cluster::start(BROKERS).unwrap();
    let stage = Stage::start(&cluster);
    let first = stage.instances[0].life().queries;
    truth::await_agreement(&stage.sim, &first, AGREE_WITHIN);
    let groups = stage.sim.groups();
    let id = |group: &Value| group["group_id"].as_str().unwrap().to_owned();
    let groups: Vec<String> = groups.iter().map(id).collect();

    stage.sim.faults(&json!({"webhooks": {
        "lose": 0.0, "duplicate": 0.1, "reorder": 0.1, "delay_seconds": 2,
    }}));
    stage.sim.traffic(RATE);
    let message = a_message(&stage.sim);
    let record = Record::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Whatever happens, those who ask come to an end.
        let _over = SetAtEnd(&over);
        for instance in &stage.instances {
            let asker = Asker {
                instance,
                record: &record,
                groups: &groups,
                message: &message,
                seen: Seen::default(),
            };
            let over = &over;
            scope.spawn(move || asker.run(over));
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        kill_again_and_again(&mut cluster, &stage.instances, &record, until);
        cluster.await_in_sync(IN_SYNC_WITHIN).unwrap();
        stage.await_running();
        stage.sim.traffic(0.0);
        record.say(&format!("delivered: {}", stage.sim.flush()));
        truth::await_agreement(&stage.sim, &first_queries(&stage), AGREE_WITHIN);
        record.say("the first instance agrees with the simulator");
    });
    check_end(stage, &record);
}

/// The id of the first message to a group that a receipt came for.
fn a_message(sim: &Sim) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of_group = |status: &Value| {
        let is_group = status["recipient_type"] == "group";
        status["id"]
            .as_str()
            .filter(|_| is_group)
            .map(str::to_owned)
    };
    let told = |body: &Value| {
        let entries = list(&body["entry"]).into_iter();
        let changes = entries.flat_map(|entry| list(&entry["changes"]));
        let mut statuses = changes.flat_map(|change| list(&change["value"]["statuses"]));
        statuses.find_map(|status| of_group(&status))
    };
    let found = await_until(AGREE_WITHIN, "a receipt", || {
        sim.sent().iter().find_map(told)
    });
    found.unwrap()
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn first_queries(stage: &Stage) -> Url {
    stage.instances[0].life().queries
}

fn kill_again_and_again(
    cluster: &mut Cluster,
    instances: &[Instance],
    record: &Record,
    until: Instant,
) {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut due = Instant::now();
    thread::scope(|scope| {
        for round in 0.. {
            // A broker that was long away is waited for, and nothing is made up for.
            due = (due + KILL_EVERY).max(Instant::now());
            if due >= until {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let awake: Vec<&Instance> = instances
                .iter()
                .filter(|instance| instance.life().phase != Phase::Stopped)
                .collect();
            match Kill::ALL[round % Kill::ALL.len()] {
                Kill::Projector => {
                    let instance = awake.choose(&mut random).unwrap();
                    record.kill(Kill::Projector, &instance.name);
                    instance.kill_and_restart();
                }
                Kill::Broker => {
                    let broker = round / Kill::ALL.len() % BROKERS;
                    cluster.await_in_sync(IN_SYNC_WITHIN).unwrap();
                    record.kill(Kill::Broker, &format!("broker {broker}"));
                    cluster.kill(broker).unwrap();
                    cluster.restart(broker).unwrap();
                }
                Kill::Leader => {
                    let running = awake
                        .iter()
                        .filter(|instance| instance.life().phase == Phase::Running);
                    let Some((led, instance)) = running
                        .map(|instance| (instance.led(), *instance))
                        .max_by_key(|(led, _)| *led)
                    else {
                        continue;
                    };
                    record.kill(Kill::Leader, &format!("{}, leading {led}", instance.name));
                    instance.pause();
                    scope.spawn(move || {
                        thread::sleep(STOP_FOR);
                        instance.resume();
                        record.say(&format!("{} goes on", instance.name));
                    });
                }
            }
        }
    });
}

/// Everything is still: all instances hold the same, which is the truth, and the log is whole.
fn check_end(stage: Stage, record: &Record) {
    // Nothing is appended to the inputs any more.
    assert_eq!(stage.ingest.stop(), Some(0), "ingest");
    assert_eq!(stage.reconciler.stop(), Some(0), "reconciler");
    let log = records::kafka(&stage.brokers);
    let ends = records::ends(&log, 1);
    let answers: Vec<(Value, Vec<Value>)> = stage
        .instances
        .iter()
        .map(|instance| at_the_end(instance, &ends))
        .collect();
    record.say(&format!("all have come to {ends}"));
    let trouble = record.print(&log, &stage.instances);
    assert!(trouble.is_empty(), "{}", trouble.join("\n"));

    let truth = stage.sim.state();
    for (instance, (digests, groups)) in stage.instances.iter().zip(&answers) {
        let name = &instance.name;
        assert_eq!(*digests, answers[0].0, "{name} holds something else");
        assert_eq!(*groups, answers[0].1, "{name} shows something else");
        let differences = truth::differences(&truth, groups);
        assert!(differences.is_empty(), "{name}: {}", differences.join("\n"));
    }
    println!(
        "all digests are equal, and {} groups agree with the simulator",
        answers[0].1.len()
    );
    for instance in &stage.instances {
        assert_eq!(instance.stop(END_WITHIN), Some(0), "{}", instance.name);
    }
    check_log(&log, &stage.sim);
}

/// Digests and groups of an instance that has come to the ends of the inputs.
fn at_the_end(instance: &Instance, ends: &str) -> (Value, Vec<Value>) {
    let queries = instance.life().queries;
    let mut last = String::new();
    let digests = await_until(AGREE_WITHIN, "the ends", || {
        let url = queries.join("/v1/digests").unwrap();
        // Longer than it waits for a position.
        let answer = http::ask(url, &[("rollcall-at-least", ends)], 5 * ANSWER_WITHIN);
        let answer = answer.inspect_err(|error| last = format!("{error:?}"));
        let answer = answer.ok()?;
        last = answer.text();
        (answer.status == 200).then(|| answer.json())
    });
    let digests = digests.unwrap_or_else(|error| panic!("{}: {error:#}: {last}", instance.name));
    (digests, truth::held(&queries))
}

/// Every webhook that was answered 200 is there, nothing is in quarantine, and no chain of changes has a gap.
fn check_log(log: &eventlog::Log, sim: &Sim) {
    let bodies = sim.sent();
    let quarantined = records::read(log, "quarantine.v1");
    assert_eq!(quarantined.len(), 0, "{quarantined:?}");
    let missing = facts::missing(&bodies, &records::events(log));
    assert!(
        missing.is_empty(),
        "answered 200 and not in the log: {missing:#?}"
    );
    let links: Vec<Link> = records::changes(log).iter().map(Link::of).collect();
    let gaps = gaps(&links);
    println!(
        "{} webhooks are in the log, and {} changes have {} gaps",
        bodies.len(),
        links.len(),
        gaps.len()
    );
    assert!(links.len() > GROUPS as usize);
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

fn apply_topics(brokers: &str) {
    let mut process = Process::spawn([
        "topics",
        "apply",
        "--replication=3",
        &format!("--partitions={PARTITIONS}"),
        &format!("--kafka-brokers={brokers}"),
    ])
    .unwrap();
    let status = process.wait(END_WITHIN).unwrap();
    assert!(
        status.success(),
        "{}\n{}",
        process.stdout(),
        process.stderr()
    );
}
