//! Kafka over TLS, with SASL SCRAM and with mutual TLS, on a real broker; and what is said to who is not let in.

use std::{fs, process::Output};

use harness::{Broker, LetsIn, Listener, Process, await_until};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    baddays,
    certificates::Authority,
    services::{READY_WITHIN, Secrets, Service},
    sim::Sim,
    truth,
};

const USER: &str = "rollcall-of-tests";
const PASSWORD: &str = "a-password-of-the-tests";

struct Stage {
    broker: Broker,
    dir: TempDir,
}

impl Stage {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("brokers of a test");
        let clients = Authority::new("clients of a test");
        let file = |name: &str| dir.path().join(name);
        authority.issue("broker", 0..30, &file("broker.pem"));
        authority.issue("broker", -2..-1, &file("expired-broker.pem"));
        clients.issue("client", 0..30, &file("client.pem"));
        clients.issue("client", -2..-1, &file("expired-client.pem"));
        authority.issue("client", 0..30, &file("foreign-client.pem"));
        fs::write(file("brokers.crt"), authority.pem()).unwrap();
        fs::write(file("clients.crt"), clients.pem()).unwrap();
        let listener = |name: &str, identity: &str, lets_in| Listener {
            name: name.to_owned(),
            identity: file(identity),
            lets_in,
        };
        let listeners = [
            listener("SCRAM", "broker.pem", LetsIn::Users),
            listener(
                "MUTUAL",
                "broker.pem",
                LetsIn::CertificatesOf(file("clients.crt")),
            ),
            listener("EXPIRED", "expired-broker.pem", LetsIn::Users),
        ];
        let broker = Broker::start_with(&listeners, &[(USER, PASSWORD)]).unwrap();
        Self { broker, dir }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn scram(&self, authority: &str, password: &str) -> Vec<String> {
        vec![
            "security.protocol=SASL_SSL".into(),
            "sasl.mechanism=SCRAM-SHA-512".into(),
            format!("sasl.username={USER}"),
            format!("sasl.password={password}"),
            format!("ssl.ca.location={}", self.file(authority)),
        ]
    }

    fn mutual(&self, identity: &str) -> Vec<String> {
        vec![
            "security.protocol=SSL".into(),
            format!("ssl.ca.location={}", self.file("brokers.crt")),
            format!("ssl.certificate.location={}", self.file(identity)),
            format!("ssl.key.location={}", self.file(identity)),
        ]
    }

    /// What speaks to Kafka, and how it is let in.
    fn kafka(&self, listener: &str, lines: &[String]) -> [String; 4] {
        let name = format!("{}.properties", listener.to_lowercase());
        self.kafka_in(&name, listener, lines)
    }

    fn kafka_in(&self, name: &str, listener: &str, lines: &[String]) -> [String; 4] {
        let path = self.dir.path().join(name);
        fs::write(&path, lines.join("\n")).unwrap();
        [
            format!("--kafka-brokers={}", self.broker.listener(listener)),
            format!("--kafka-config={}", path.display()),
            "--allow-unreplicated".into(),
            "--topic-prefix=secured.".into(),
        ]
    }

    fn topics(&self, what: &str, kafka: &[String]) -> Output {
        let mut command = std::process::Command::new(harness::binary().unwrap());
        command
            .args(["topics", what, "--replication=1", "--partitions=2"])
            .args(kafka);
        command.output().unwrap()
    }

    fn service(&self, name: &str, kafka: &[String], own: Vec<String>) -> Service {
        let common = [name.to_owned(), "--admin-listen=127.0.0.1:0".to_owned()];
        Service::start(&[&common[..], kafka, &own].concat())
    }
}

#[test]
fn services_work_with_a_kafka_that_lets_them_in_by_password_or_by_certificate() {
    let stage = Stage::start();
    let password = stage.kafka("SCRAM", &stage.scram("brokers.crt", PASSWORD));
    let certificate = stage.kafka("MUTUAL", &stage.mutual("client.pem"));
    let applied = stage.topics("apply", &certificate);
    assert!(applied.status.success(), "{applied:?}");
    let secrets = Secrets::new();
    let sim = Sim::start(83, 8, &secrets);
    let store = format!("--data-dir={}", stage.file("store"));
    let own = vec!["--listen=127.0.0.1:0".into(), store];
    let mut projector = stage.service("projector", &certificate, own);
    let queries = projector.listening("query API");
    projector.await_ready();
    let own = secrets.reconciler(&sim.url, "2s");
    let mut reconciler = stage.service("reconciler", &certificate, own);
    reconciler.await_ready();
    let mut ingest = stage.service("ingest", &password, secrets.ingest());
    sim.webhook(&ingest.listening("webhooks").join("/webhooks").unwrap());
    ingest.await_ready();
    sim.faults(&json!({"webhooks": {"lose": 0.2}}));
    sim.step(60);
    sim.faults(&json!({"webhooks": {"lose": 0.0}}));
    sim.flush();
    truth::await_agreement(&sim, &queries, READY_WITHIN);
    let end = "eventlog_kafka_certificate_expiry_timestamp_seconds";
    assert!(projector.metric(end) > baddays::now() as f64);
    assert_eq!(ingest.metric(end), 0.0, "a password does not end");
    for service in [ingest, reconciler, projector] {
        assert_eq!(service.stop(), Some(0));
    }
}

/// All that one process says of being let in, for it says it once.
fn said_once(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    let [error] = errors[..] else {
        panic!("{said}");
    };
    assert!(error.contains(why), "{said}");
    assert!(
        !said.contains(PASSWORD) && !said.contains("another password"),
        "{said}"
    );
    // The log's health tells it too, and librdkafka's words for each try to connect are for who debugs.
    assert!(said.lines().count() <= 2, "{said}");
}

#[test]
fn who_is_not_let_in_is_told_why_in_one_clear_error() {
    let stage = Stage::start();
    let refused: Vec<(&str, Vec<String>, &str)> = vec![
        (
            "SCRAM",
            stage.scram("brokers.crt", "another password"),
            "the broker refuses the user or the password: see sasl.username and sasl.password",
        ),
        (
            "SCRAM",
            stage.scram("clients.crt", PASSWORD),
            "of an authority that ssl.ca.location in the file of --kafka-config does not name",
        ),
        (
            "EXPIRED",
            stage.scram("brokers.crt", PASSWORD),
            "the broker's certificate has expired",
        ),
        (
            "MUTUAL",
            stage.mutual("foreign-client.pem"),
            "the broker refuses our certificate: see ssl.certificate.location",
        ),
        (
            "MUTUAL",
            stage.scram("brokers.crt", PASSWORD)[4..]
                .iter()
                .cloned()
                .chain(["security.protocol=SSL".into()])
                .collect(),
            "the broker refuses our certificate: see ssl.certificate.location",
        ),
    ];
    // All at a time: each tries for as long as a broker may take to answer.
    std::thread::scope(|scope| {
        for (place, (listener, lines, why)) in refused.iter().enumerate() {
            let kafka = stage.kafka_in(&format!("{place}.properties"), listener, lines);
            let plan = |kafka: [String; 4]| stage.topics("plan", &kafka);
            scope.spawn(move || {
                let output = plan(kafka);
                assert_eq!(output.status.code(), Some(1), "{output:?}");
                said_once(&output, why);
            });
        }
    });
    // Of our own that has ended nobody needs to ask a broker.
    let expired = stage.kafka("MUTUAL", &stage.mutual("expired-client.pem"));
    let output = stage.topics("plan", &expired);
    said_once(
        &output,
        "expired-client.pem, its ssl.certificate.location, has expired: it was valid until ",
    );
}

#[test]
fn a_service_that_is_not_let_in_says_why_once_and_goes_on_trying() {
    let stage = Stage::start();
    let wrong = stage.kafka("SCRAM", &stage.scram("brokers.crt", "another password"));
    let secrets = Secrets::new();
    let own = ["ingest".to_owned(), "--log=debug".into()];
    let all = [&own[..], &wrong, &secrets.ingest()].concat();
    let mut ingest = Process::spawn(&all).unwrap();
    let why = "the broker refuses the user or the password";
    let count = |said: &str, words: &[&str]| {
        let has = |line: &&str| words.iter().all(|word| line.contains(word));
        said.lines().filter(has).count()
    };
    await_until(READY_WITHIN, "many tries", || {
        let said = ingest.stderr();
        let tries = count(&said, &["DEBUG", "brokers are down"]);
        (tries > 20 && count(&said, &["does not answer yet", why]) > 0).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {}", ingest.stderr()));
    let said = ingest.stderr();
    assert_eq!(count(&said, &["the log is in trouble", why]), 1, "{said}");
    assert_eq!(count(&said, &["does not answer yet", why]), 1, "{said}");
    let loud = count(&said, &["\"WARN\""]) + count(&said, &["\"ERROR\""]);
    assert_eq!(loud, 2, "{said}");
    ingest.sigterm().unwrap();
    ingest.wait(READY_WITHIN).unwrap();
}
