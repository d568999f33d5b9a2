//! `rollcall topics` against a real broker.

use std::time::Duration;

use harness::{Broker, Process};

use crate::services::Secrets;

const TOPICS: [&str; 8] = [
    "events.v1",
    "receipts.v1",
    "groups.v1",
    "messages.v1",
    "requests.v1",
    "numbers.v1",
    "changes.v1",
    "quarantine.v1",
];

/// Runs to the end: exit status, standard output, standard error.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut process = Process::spawn(arguments).unwrap();
    let status = process.wait(Duration::from_secs(120)).unwrap();
    (status.code(), process.stdout(), process.stderr())
}

#[test]
fn topics_are_planned_applied_and_then_as_they_must_be() {
    let broker = Broker::start().unwrap();
    let brokers = format!("--kafka-brokers={}", broker.bootstrap());
    let topics =
        |command: &str, options: &[&str]| run(&[&["topics", command, &brokers], options].concat());
    let small = ["--allow-unreplicated", "--replication=1", "--partitions=3"];

    let (status, plan, said) = topics("plan", &small);
    assert_eq!(status, Some(0), "{plan}\n{said}");
    for topic in TOPICS {
        assert!(plan.contains(topic), "{topic} is not in\n{plan}");
    }
    let (_, again, _) = topics("plan", &small);
    assert_eq!(plan, again, "a plan changed something");

    let (status, applied, said) = topics("apply", &small);
    assert_eq!(status, Some(0), "{applied}\n{said}");
    assert!(
        applied.contains("the topics are as they must be"),
        "{applied}"
    );

    let (status, nothing, said) = topics("plan", &small);
    assert_eq!(status, Some(0), "{nothing}\n{said}");
    for topic in TOPICS {
        assert!(
            !nothing.contains(topic),
            "{topic} is still to be changed:\n{nothing}"
        );
    }

    // One replica is not what invariant 2 asks for, and it has to be said out loud.
    let secrets = Secrets::new();
    let secret = format!("--app-secret-file={}", secrets.app_secret.display());
    let ingest = [
        "ingest",
        &brokers,
        &secret,
        "--webhook-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
    ];
    let (status, _, said) = run(&ingest);
    assert_eq!(status, Some(2), "{said}");
    for topic in ["events.v1", "receipts.v1", "quarantine.v1"] {
        assert!(said.contains(topic), "{topic} is not in\n{said}");
    }
    assert!(said.contains("--allow-unreplicated"), "{said}");
}
