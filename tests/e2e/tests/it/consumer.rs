//! Who reads the topics ends with the projector's digests: in Rust by the consumer crate, and in Go by nothing but the contract.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use consumer::{
    ChangeOutcome, Changes, Check, Incoming, Link, Outcome, State as ConsumerState, Table,
};
use domain::{group::Group, number::Number};
use eventlog::{At, Batch, Log, Start};
use harness::{Broker, Process, workspace};
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::topics::Topic;

use crate::{
    asyncapi,
    http::{self, block_on},
    posts, records,
    services::{self, READY_WITHIN, Secrets, Service},
    sim::Sim,
    truth,
};

const GROUPS: u32 = 60;
const PARTITIONS: u32 = 4;
/// What people do before it goes quiet.
const ACTS: u64 = 3_000;
/// To build it with an empty cache while other tests have the processors: 50 seconds of work.
const BUILT_WITHIN: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(120);

/// The consumer in Go, built at the first call in this process.
fn go_consumer() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_go_consumer).clone()
}

fn build_go_consumer() -> PathBuf {
    let go = Command::new("go")
        .arg("version")
        .stdin(Stdio::null())
        .output();
    assert!(
        go.is_ok_and(|go| go.status.success()),
        "a consumer in Go is tested and `go` is missing: apt-get install -y golang-go"
    );
    let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("consumer-go");
    let mut command = Command::new("go");
    command
        .args([
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-mod=readonly",
            "-o",
        ])
        .arg(&binary)
        .arg(".")
        // What go.sum pins, by the toolchain that is there.
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "")
        .current_dir(workspace().join("tests/consumer-go"));
    let mut building = Process::run(command).unwrap();
    let status = building.wait(BUILT_WITHIN).unwrap();
    assert!(status.success(), "go build: {}", building.stderr());
    binary
}

/// Runs the consumer in Go to its end; its output, which must be a success.
fn go(arguments: &[&str]) -> String {
    let mut command = Command::new(go_consumer());
    command
        .args(arguments)
        .current_dir(workspace().join("tests/consumer-go"));
    let mut process = Process::run(command).unwrap();
    let status = process.wait(SOON).unwrap();
    let (out, err) = (process.stdout(), process.stderr());
    assert!(status.success(), "{arguments:?}\n{out}\n{err}");
    out
}

/// Digest and records, by partition and topic.
type Sums = BTreeMap<(u32, &'static str), (String, u64)>;

/// A projection that no longer changes, though the projector goes on writing progress.
struct Quiet {
    broker: Broker,
    queries: Url,
    _projector: Service,
    _store: TempDir,
}

impl Quiet {
    fn new() -> Self {
        let broker = Broker::start().unwrap();
        let (secrets, store) = (Secrets::new(), tempfile::tempdir().unwrap());
        let sim = Sim::start(41, GROUPS, &secrets);
        let brokers = format!("--kafka-brokers={}", broker.bootstrap());
        let options = |name: &str, own: Vec<String>| {
            let common = [
                name,
                &brokers,
                "--allow-unreplicated",
                "--admin-listen=127.0.0.1:0",
            ];
            [common.map(str::to_owned).to_vec(), own].concat()
        };
        let partitions = format!("--partitions={PARTITIONS}");
        let mut topics = Process::spawn([
            "topics",
            "apply",
            "--allow-unreplicated",
            "--replication=1",
            &partitions,
            &brokers,
        ])
        .unwrap();
        assert!(topics.wait(SOON).unwrap().success(), "{}", topics.stderr());
        let own = vec![
            "--listen=127.0.0.1:0".to_owned(),
            format!("--data-dir={}", store.path().display()),
        ];
        let mut projector = Service::start(&options("projector", own));
        let queries = projector.listening("query API");
        let mut ingest = Service::start(&options("ingest", secrets.ingest()));
        let own = secrets.reconciler(&sim.url, "2s");
        let mut reconciler = Service::start(&options("reconciler", own));
        for service in [&mut projector, &mut ingest, &mut reconciler] {
            service.await_ready();
        }
        let webhooks = ingest.listening("webhooks").join("/webhooks").unwrap();
        sim.webhook(&webhooks);
        sim.step(ACTS);
        sim.flush();
        truth::await_agreement(&sim, &queries, SOON);
        post_what_nobody_understands(&webhooks);
        // Nobody writes events any more.
        assert_eq!(reconciler.stop(), Some(0));
        assert_eq!(ingest.stop(), Some(0));
        let quiet = Self {
            broker,
            queries,
            _projector: projector,
            _store: store,
        };
        let ends = records::ends(&records::kafka(&quiet.broker.bootstrap()), 1);
        truth::await_folded(&quiet.queries, &ends, READY_WITHIN);
        quiet
    }

    /// What the projector says that it holds.
    fn held(&self) -> Sums {
        let answer = http::get(self.queries.join("/v1/digests").unwrap()).json();
        let mut sums = Sums::new();
        for partition in answer["partitions"].as_array().unwrap() {
            let number = u32::try_from(partition["partition"].as_u64().unwrap()).unwrap();
            for (name, topic) in [("groups", "groups.v1"), ("numbers", "numbers.v1")] {
                sums.insert((number, topic), sum(&partition[name]));
            }
        }
        sums
    }
}

/// So that there is something in quarantine, too.
fn post_what_nobody_understands(webhooks: &Url) {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [{
        "field": "group_settings_update",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100001", "phone_number_id": services::NUMBER},
            "groups": [{"type": "group_of_a_new_kind"}],
        },
    }]}]});
    let bytes = body.to_string().into_bytes();
    let signature = posts::signature(services::APP_SECRET, &bytes);
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let answer = http::post_bytes(webhooks.clone(), &headers, bytes).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn sum(value: &Value) -> (String, u64) {
    let digest = value["digest"].as_str().unwrap().to_owned();
    (digest, value["records"].as_u64().unwrap())
}

fn read_by_go(quiet: &Quiet) -> Sums {
    let out = go(&["read", "-brokers", &quiet.broker.bootstrap()]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let mut sums = Sums::new();
    for (partition, topics) in answer.as_object().unwrap() {
        for topic in ["groups.v1", "numbers.v1"] {
            let read = &topics[topic];
            assert_eq!(read["check"], "agrees", "{out}");
            sums.insert((partition.parse().unwrap(), topic), sum(read));
        }
    }
    sums
}

/// Reads a topic by the consumer crate until every partition's digest was compared.
fn read_by_crate<S: ConsumerState>(log: &Log, sums: &mut Sums) -> Table<S> {
    let topic = S::TOPIC.name();
    let mut table = Table::<S>::default();
    block_on(async {
        let starts: Vec<Start> = (0..PARTITIONS)
            .map(|partition| Start::new(topic, partition, At::Beginning))
            .collect();
        let mut reader = log.reader(starts).await.unwrap();
        let is_compared = |table: &Table<S>| {
            (0..PARTITIONS).all(|partition| {
                let check = table.check(partition);
                matches!(check, Some(Check::Agrees | Check::Differs { .. }))
            })
        };
        while !(reader.reached_all_ends() && is_compared(&table)) {
            let batch = reader.next(10_000, 16 << 20, SOON).await.unwrap();
            assert!(!batch.is_empty(), "no progress came");
            for record in batch.iter() {
                let outcome = table.take(Incoming {
                    partition: u32::try_from(record.source).unwrap(),
                    offset: record.offset,
                    key: record.key,
                    value: record.value,
                });
                assert!(!matches!(outcome, Outcome::Skipped(_)), "{outcome:?}");
            }
            for partition in 0..PARTITIONS {
                if reader.reached_end(usize::try_from(partition).unwrap()) {
                    assert_eq!(table.at_end(partition), []);
                }
            }
        }
    });
    for partition in 0..PARTITIONS {
        assert_eq!(
            table.check(partition),
            Some(Check::Agrees),
            "{topic}/{partition}"
        );
        let sum = (
            table.digest(partition).to_string(),
            table.records(partition),
        );
        sums.insert((partition, topic), sum);
    }
    table
}

/// Writes the first state of a group again that was changed since: what a former leader might do, late.
fn write_late(log: &Log) {
    let all = records::read(log, "groups.v1");
    let is_superseded = |(place, record): &(usize, &records::Record)| {
        let mut later = all.iter().skip(place + 1);
        record.key.starts_with("g/") && later.any(|later| later.key == record.key)
    };
    let (_, first) = all.iter().enumerate().find(is_superseded).unwrap();
    let key = first.key.as_bytes();
    let mut batch = Batch::new();
    let partition = eventlog::partition_of(key, PARTITIONS);
    batch.push(
        "groups.v1",
        partition,
        key,
        first.value.as_deref(),
        &[],
        1_780_000_000_000,
    );
    block_on(log.append(batch)).unwrap();
}

/// Reads the changes by the consumer crate: each once, and none missing.
fn read_changes(log: &Log) -> (Changes, usize) {
    let (mut changes, mut acts) = (Changes::default(), 0);
    block_on(async {
        for partition in 0..PARTITIONS {
            let start = Start::new("changes.v1", partition, At::Beginning);
            let mut reader = log.reader(vec![start]).await.unwrap();
            while !reader.reached_all_ends() {
                let batch = reader.next(10_000, 16 << 20, SOON).await.unwrap();
                for record in batch.iter() {
                    match changes.take(Incoming {
                        partition,
                        offset: record.offset,
                        key: record.key,
                        value: record.value,
                    }) {
                        ChangeOutcome::Act { change: _, link } => {
                            assert_eq!(link, Link::Follows);
                            acts += 1;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    });
    (changes, acts)
}

#[test]
fn consumers_in_rust_and_in_go_end_with_the_digests_of_the_projector() {
    // Built while nothing waits for it.
    go_consumer();
    let quiet = Quiet::new();
    let log = records::kafka(&quiet.broker.bootstrap());
    let held = quiet.held();
    let states: u64 = held.values().map(|(_, records)| records).sum();
    println!(
        "{states} states in {} partitions of two topics: {held:?}",
        held.len()
    );
    assert_eq!(held.len(), 2 * usize::try_from(PARTITIONS).unwrap());
    assert!(states > GROUPS.into(), "only {states} states");

    let mut by_crate = Sums::new();
    let groups = read_by_crate::<Group>(&log, &mut by_crate);
    read_by_crate::<Number>(&log, &mut by_crate);
    assert_eq!(by_crate, held, "the consumer crate");
    let counts = asyncapi::check(&log, &asyncapi::document());
    println!("records as the AsyncAPI document says: {counts:?}");
    assert_eq!(counts.len(), Topic::ALL.len());
    assert!(counts.values().all(|count| *count > 0), "{counts:?}");
    assert_eq!(read_by_go(&quiet), held, "the consumer in Go");

    write_late(&log);
    let mut by_crate = Sums::new();
    read_by_crate::<Group>(&log, &mut by_crate);
    read_by_crate::<Number>(&log, &mut by_crate);
    assert_eq!(by_crate, held, "the consumer crate, after a late write");
    assert_eq!(
        read_by_go(&quiet),
        held,
        "the consumer in Go, after a late write"
    );

    run_example(&quiet);

    let (changes, acts) = read_changes(&log);
    println!("{acts} changes");
    assert!(acts > usize::try_from(GROUPS).unwrap());
    for partition in 0..PARTITIONS {
        let progress = groups.progress(partition).unwrap();
        assert!(changes.has_reached(progress), "{:?}", progress.changes_next);
    }
}

#[test]
fn the_consumer_in_go_holds_to_the_vectors() {
    let out = go(&["vectors", "../vectors"]);
    assert!(out.lines().last().unwrap().starts_with("all "), "{out}");
    println!("{out}");
}

/// The example of the crate says of every partition that all is held.
fn run_example(quiet: &Quiet) {
    let mut command = Command::new(env!("CARGO"));
    command
        .args([
            "run",
            "--quiet",
            "--package=consumer",
            "--example=follow",
            "--",
        ])
        .args(["--until-checked", "--brokers", &quiet.broker.bootstrap()])
        .current_dir(workspace());
    let mut example = Process::run(command).unwrap();
    let status = example.wait(BUILT_WITHIN).unwrap();
    let out = example.stdout();
    assert!(status.success(), "{out}\n{}", example.stderr());
    for partition in 0..PARTITIONS {
        let line = format!("partition {partition}: ");
        let agrees = |said: &str| said.starts_with(&line) && said.ends_with("Agrees");
        assert!(out.lines().any(agrees), "{line} in\n{out}");
    }
}
