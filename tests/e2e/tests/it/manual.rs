//! The commands of docs/operations.md, run as they stand there, by the real binary on a real broker.

use std::{collections::BTreeSet, process::Output, time::Duration};

use domain::{
    event::{About, Event, GroupCreated, GroupEvent, Source},
    ids::{EventId, GroupId, PhoneNumberId, Text},
};
use eventlog::Batch;
use harness::{Broker, Process, await_until};
use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    http,
    operator::{self, commands},
    records,
    services::{NUMBER, READY_WITHIN, Secrets, Service},
    sim::Sim,
    truth,
};

const GROUPS: u32 = 30;
const AGREE_WITHIN: Duration = Duration::from_secs(120);
/// For a projector that must not lead to have said why.
const SAID_WITHIN: Duration = Duration::from_secs(60);

/// Everything that runs, and whoever runs it.
struct Stage {
    broker: Broker,
    secrets: Secrets,
    sim: Sim,
    dir: TempDir,
}

/// The three services, while they run.
struct Running {
    services: Vec<Service>,
    queries: Url,
}

impl Stage {
    /// Types a command, as the operator of this broker.
    fn types(&self, command: &str) -> Output {
        operator::types(command, &self.broker.bootstrap(), self.dir.path())
    }

    /// Types a command that must do its work; what it said.
    fn does(&self, command: &str) -> String {
        operator::said(command, &self.types(command))
    }

    /// Types all commands of a section.
    fn follows(&self, section: &str) -> String {
        let said: Vec<String> = commands(section).iter().map(|c| self.does(c)).collect();
        said.concat()
    }

    fn service(&self, name: &str, own: Vec<String>) -> Service {
        let common = [
            name.to_owned(),
            format!("--kafka-brokers={}", self.broker.bootstrap()),
            "--allow-unreplicated".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
        ];
        Service::start(&[&common[..], &own].concat())
    }

    fn projector(&self, store: &str) -> Service {
        let own = vec![
            "--listen=127.0.0.1:0".to_owned(),
            format!("--data-dir={}", self.dir.path().join(store).display()),
        ];
        self.service("projector", own)
    }

    /// Starts the projector, then the reconciler and ingest.
    fn start(&self) -> Running {
        let mut projector = self.projector("store");
        let queries = projector.listening("query API");
        projector.await_ready();
        let mut reconciler =
            self.service("reconciler", self.secrets.reconciler(&self.sim.url, "5s"));
        let mut ingest = self.service("ingest", self.secrets.ingest());
        let webhooks = ingest.listening("webhooks").join("/webhooks").unwrap();
        reconciler.await_ready();
        ingest.await_ready();
        self.sim.webhook(&webhooks);
        Running {
            // In the order in which they are stopped.
            services: vec![ingest, reconciler, projector],
            queries,
        }
    }

    /// People act, and the projector ends at the truth.
    fn lives_on(&self, running: &Running, acts: u64) {
        self.sim.step(acts);
        self.sim.flush();
        truth::await_agreement(&self.sim, &running.queries, AGREE_WITHIN);
    }

    /// Takes a topic away with all that is in it: `DeleteTopics`, version 1, of Kafka's protocol.
    fn loses(&self, topic: &str) {
        let name = operator::kafka_name(&format!("rollcall.{topic}"));
        let body = [&[0, 0, 0, 1], &name[..], &30_000_u32.to_be_bytes()].concat();
        let answer = operator::asks_kafka(&self.broker.bootstrap(), 20, 1, &body);
        let done = [&name[..], &[0, 0]].concat();
        assert!(answer.ends_with(&done), "{answer:?}");
        // Kafka answers before its brokers have forgotten the topic.
        await_until(AGREE_WITHIN, "the topic to be gone", || {
            let plan = r#"rollcall topics plan --kafka-brokers "$BROKERS""#;
            let gone = format!("create {topic}: ");
            self.does(plan).contains(&gone).then_some(())
        })
        .unwrap();
    }
}

impl Running {
    /// Stops ingest and the reconciler, waits until everything is folded, and stops the projector; the groups that it held then.
    fn stop(self, brokers: &str, generation: u32) -> Vec<Value> {
        let mut services = self.services.into_iter();
        for service in services.by_ref().take(2) {
            assert_eq!(service.stop(), Some(0));
        }
        let ends = records::ends(&records::kafka(brokers), generation);
        truth::await_folded(&self.queries, &ends, READY_WITHIN);
        let held = truth::held(&self.queries);
        assert_eq!(services.next().unwrap().stop(), Some(0));
        held
    }
}

fn ids(groups: &[Value]) -> BTreeSet<&str> {
    let ids = groups.iter().map(|group| group["group_id"].as_str());
    ids.map(Option::unwrap).collect()
}

fn error(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn topics_grow_and_are_made_again_by_the_commands_that_the_documentation_gives() {
    let secrets = Secrets::new();
    let stage = Stage {
        broker: Broker::start().unwrap(),
        sim: Sim::start(77, GROUPS, &secrets),
        secrets,
        dir: tempfile::tempdir().unwrap(),
    };
    stage.does(r#"rollcall topics apply --kafka-brokers "$BROKERS" --partitions 3"#);
    let running = stage.start();
    stage.lives_on(&running, 300);

    // While a projector runs nothing grows; without the flag nothing ever does.
    let grow = &commands("## Growing partitions");
    let refused = stage.types(&format!("{} --await-stopped 2s", grow.last().unwrap()));
    assert!(!refused.status.success());
    assert!(error(&refused).contains("stop them all"), "{refused:?}");
    assert!(error(&refused).contains("waiting for projectors to leave"));
    let vague = stage.types(r#"rollcall topics apply --kafka-brokers "$BROKERS" --grow"#);
    assert!(!vague.status.success());
    assert!(error(&vague).contains("--partitions"), "{vague:?}");
    let plain = grow[0].replace(" --grow", "");
    let said = stage.does(&plain);
    assert!(
        said.contains("cannot change: events.v1 has 3 partitions"),
        "{said}"
    );
    let before = running.stop(&stage.broker.bootstrap(), 1);
    let said = stage.does(&plain);
    assert!(!said.contains("grow events.v1"), "{said}");

    let said = stage.follows("## Growing partitions");
    assert!(
        said.contains("grow events.v1: partitions 3 -> 6\n"),
        "{said}"
    );
    assert!(said.contains("the topics are as they must be"), "{said}");
    assert!(said.contains("run `rollcall generation raise`"), "{said}");

    // A projector that is started too soon does not lead, and says what is to be done.
    let early = stage.projector("store");
    await_until(SAID_WITHIN, "the projector to say why", || {
        early
            .process
            .stderr()
            .contains("rollcall generation raise")
            .then_some(())
    })
    .unwrap();
    assert!(!early.is_ready());
    // Killed, it is waited for.
    drop(early);
    let said = stage.follows("## Raising the generation");
    assert!(
        said.contains("generation would be raised from 1 to 2, 6 partitions"),
        "{said}"
    );
    assert!(
        said.contains("generation raised from 1 to 2, 6 partitions"),
        "{said}"
    );
    let running = stage.start();
    assert_eq!(ids(&truth::held(&running.queries)), ids(&before));
    stage.lives_on(&running, 100);
    compare(&stage, &running.queries);
    let before = running.stop(&stage.broker.bootstrap(), 2);

    stage.loses("events.v1");
    stage.loses("receipts.v1");
    stage.follows("## After a restored backup, or with topics made again");
    let said = stage.follows("## Raising the generation");
    assert!(said.contains("gap in "), "{said}");
    assert!(
        said.contains("generation raised from 2 to 3, 6 partitions"),
        "{said}"
    );
    let running = stage.start();
    assert_eq!(ids(&truth::held(&running.queries)), ids(&before));
    stage.lives_on(&running, 100);
    let at = |group: &Value| group["position"].as_str().unwrap().to_owned();
    let after = running.stop(&stage.broker.bootstrap(), 3);
    assert!(after.iter().any(|group| at(group).starts_with("3:")));
}

/// The documentation's command, about a second projector that reads the same topics.
fn compare(stage: &Stage, queries: &Url) {
    let mut second = stage.projector("second");
    let other = second.listening("query API");
    second.await_ready();
    for command in commands("## Comparing two instances") {
        let command = command
            .replace("http://projector-0:8081", queries.as_str())
            .replace("http://projector-1:8081", other.as_str());
        let said = stage.does(&command);
        assert_eq!(said.matches(": equal\n").count(), 6, "{said}");
    }
    assert_eq!(second.stop(), Some(0));
}

fn created(id: &str, subject: &str) -> Event {
    let created = GroupCreated {
        subject: Some(Text::new(subject)),
        ..GroupCreated::default()
    };
    let mut event = Event {
        id: EventId::default(),
        at: 1_780_000_000,
        source: Source::Webhook,
        phone_number_id: Some(PhoneNumberId::parse(NUMBER).unwrap()),
        waba_id: None,
        about: About::Group(GroupId::parse(id).unwrap(), GroupEvent::Created(created)),
    };
    wire::id::identify(&mut event);
    event
}

/// A projector on topics of its own, which folds a group for each subject.
fn folded(broker: &Broker, dir: &TempDir, name: &str, subjects: &[&str]) -> (Service, Url) {
    let prefix = format!("{name}.");
    let common = [
        format!("--kafka-brokers={}", broker.bootstrap()),
        format!("--topic-prefix={prefix}"),
        "--allow-unreplicated".to_owned(),
    ];
    let said = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        arguments.chain(common.clone()).collect::<Vec<_>>()
    };
    let apply = said(&["topics", "apply", "--replication=1", "--partitions=1"]);
    let mut applied = Process::spawn(apply).unwrap();
    assert!(applied.wait(READY_WITHIN).unwrap().success());
    let log = records::kafka_with(&broker.bootstrap(), &prefix);
    let mut batch = Batch::new();
    for (number, subject) in subjects.iter().enumerate() {
        let id = format!("group-{number}");
        let (key, mut value) = (format!("g/{id}"), Vec::new());
        wire::encode_event(&created(&id, subject), &mut value);
        batch.push("events.v1", 0, key.as_bytes(), Some(&value), &[], now_ms());
    }
    http::block_on(async { log.append(batch).await.unwrap() });
    let store = format!("--data-dir={}", dir.path().join(name).display());
    let projector = [
        "projector",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        &store,
    ];
    let mut projector = Service::start(&said(&projector));
    let queries = projector.listening("query API");
    projector.await_ready();
    (projector, queries)
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

#[test]
fn comparing_tells_by_its_exit_status_and_names_the_groups_that_differ() {
    let broker = Broker::shared().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (_one, one) = folded(&broker, &dir, "one", &["same", "this", "same too"]);
    let (_two, two) = folded(&broker, &dir, "two", &["same", "that", "same too"]);
    let (_far, far) = folded(&broker, &dir, "far", &["same"]);
    let compare = |first: &Url, second: &Url| {
        let arguments = [
            "digest",
            "compare",
            first.as_str(),
            second.as_str(),
            "--wait=2s",
        ];
        let mut process = Process::spawn(arguments).unwrap();
        let status = process.wait(READY_WITHIN).unwrap();
        (status.code(), process.stdout(), process.stderr())
    };
    let (status, said, why) = compare(&one, &two);
    assert_eq!(status, Some(1), "{said}{why}");
    assert_eq!(
        said,
        "partition 0 at 1:0:2: DIFFERENT\n  group group-1: differs"
    );
    assert!(
        why.contains("the instances differ in 1 partitions"),
        "{why}"
    );
    let (status, said, why) = compare(&one, &far);
    assert_eq!((status, said.as_str()), (Some(1), ""), "{why}");
    let (status, said, why) = compare(&one, &one);
    assert_eq!(status, Some(0), "{why}");
    assert_eq!(said.trim_end(), "partition 0 at 1:0:2: equal");
}
