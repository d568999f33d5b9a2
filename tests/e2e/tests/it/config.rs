//! A wrong configuration is refused whole: everything that is wrong at once, and exit status 2.

use std::{fs, time::Duration};

use harness::Process;

use crate::services::Secrets;

/// Runs a command that must be refused, and checks that each of `named` is in what it says.
fn check_refused(arguments: &[&str], named: &[&str]) {
    let mut process = Process::spawn(arguments).unwrap();
    let status = process.wait(Duration::from_secs(60)).unwrap();
    let said = process.stderr();
    assert_eq!(status.code(), Some(2), "{arguments:?}: {said}");
    for name in named {
        assert!(
            said.contains(name),
            "{arguments:?}: {name} is not in\n{said}"
        );
    }
    assert_eq!(process.stdout(), "", "{arguments:?}");
}

#[test]
fn every_wrong_value_of_ingest_is_listed_at_once() {
    check_refused(
        &[
            "ingest",
            "--webhook-listen=nowhere",
            "--app-secret-file=/no/such/secret",
            "--timestamp-past=soon",
            "--kafka-brokers=127.0.0.1:9",
            "--admin-listen=127.0.0.1",
        ],
        &[
            "--webhook-listen",
            "--app-secret-file",
            "--timestamp-past",
            "--admin-listen",
        ],
    );
}

#[test]
fn every_wrong_value_of_the_reconciler_is_listed_at_once() {
    check_refused(
        &[
            "reconciler",
            "--graph-url=not a url",
            "--access-token-file=env:NO_SUCH_VARIABLE_IN_THESE_TESTS",
            "--phone-number-id=has a space",
            "--api-lag=-3s",
            "--reads-per-hour=0",
            "--kafka-brokers=127.0.0.1:9",
        ],
        &[
            "--graph-url",
            "--access-token-file",
            "--phone-number-id",
            "--api-lag",
            "--reads-per-hour",
        ],
    );
}

#[test]
fn addresses_beyond_loopback_are_refused_together_unless_somebody_is_asked_for_a_token() {
    let data = tempfile::tempdir().unwrap();
    check_refused(
        &[
            "projector",
            "--listen=0.0.0.0:0",
            "--admin-listen=0.0.0.0:0",
            &format!("--data-dir={}", data.path().display()),
            "--kafka-brokers=127.0.0.1:9",
        ],
        &[
            "--listen",
            "--insecure-open",
            "--admin-listen",
            "--metrics-open",
        ],
    );
}

#[test]
fn properties_of_kafka_that_guarantees_rest_on_are_refused_together() {
    let secrets = Secrets::new();
    let file = secrets.dir().join("kafka.properties");
    fs::write(&file, "acks=1\nenable.idempotence=false\nclient.rack=a\n").unwrap();
    check_refused(
        &[
            "ingest",
            &format!("--app-secret-file={}", secrets.app_secret.display()),
            "--kafka-brokers=127.0.0.1:9",
            &format!("--kafka-config={}", file.display()),
            "--admin-listen=127.0.0.1:0",
            "--webhook-listen=127.0.0.1:0",
        ],
        &["acks", "enable.idempotence"],
    );
}

#[test]
fn wrong_options_of_the_simulator_are_listed_at_once() {
    check_refused(
        &[
            "simulator",
            "--numbers=0",
            "--groups=20000",
            "--listen=127.0.0.1:0",
        ],
        &["--numbers", "--groups"],
    );
}
