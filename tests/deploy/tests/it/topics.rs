//! The topics as Strimzi resources are those that the program asks for.

use std::{collections::BTreeMap, time::Duration};

use harness::{Broker, Process};

use crate::files;

const PLANNED_WITHIN: Duration = Duration::from_secs(120);

/// What a topic is like, by the words of the plan: partitions, replicas and settings.
type Topics = BTreeMap<String, BTreeMap<String, String>>;

/// What the plan would create on a broker without topics.
fn planned(partitions: u32, replication: u32) -> Topics {
    let broker = Broker::shared().unwrap();
    let mut plan = Process::spawn([
        "topics".to_owned(),
        "plan".to_owned(),
        format!("--kafka-brokers={}", broker.bootstrap()),
        format!("--partitions={partitions}"),
        format!("--replication={replication}"),
    ])
    .unwrap();
    let status = plan.wait(PLANNED_WITHIN).unwrap();
    assert!(status.success(), "{}", plan.stderr());
    plan.stdout().lines().map(created).collect()
}

/// `create events.v1: 12 partitions, replication 3, cleanup.policy=delete, …`
fn created(line: &str) -> (String, BTreeMap<String, String>) {
    let (name, rest) = line
        .strip_prefix("create ")
        .and_then(|line| line.split_once(": "))
        .unwrap_or_else(|| panic!("{line}"));
    let fields = rest.split(", ").map(|field| {
        let pair = field.split_once('=');
        let pair = pair.or_else(|| field.strip_prefix("replication ").map(|n| ("replicas", n)));
        let pair = pair.or_else(|| field.strip_suffix(" partitions").map(|n| ("partitions", n)));
        let (name, value) = pair.unwrap_or_else(|| panic!("{field} in {line}"));
        (name.to_owned(), value.to_owned())
    });
    (format!("rollcall.{name}"), fields.collect())
}

/// What the manifest says; one document a topic.
fn declared() -> Topics {
    let text = files::text("deploy/base/kafka/topics.yaml");
    let documents = text.split("---\n").map(|document| {
        let mut name = None;
        let mut fields = BTreeMap::new();
        let mut part = "";
        for line in document.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = line.trim().split_once(':').unwrap();
            let value = value.trim();
            match key {
                "metadata" | "labels" | "spec" | "config" => part = key,
                "name" if part == "metadata" => name = Some(value.to_owned()),
                _ if part == "spec" || part == "config" => {
                    fields.insert(key.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        (name.unwrap(), fields)
    });
    documents.collect()
}

#[test]
fn the_topics_of_the_manifests_are_those_that_the_plan_would_create() {
    let declared = declared();
    let partitions = declared["rollcall.events.v1"]["partitions"]
        .parse()
        .unwrap();
    assert_eq!(declared, planned(partitions, 3));
}

#[test]
fn the_small_overlay_changes_of_them_what_one_broker_asks_for() {
    let text = files::text("deploy/overlays/small/kustomization.yaml");
    let patched = |path: &str| {
        let start = format!("{{op: replace, path: {path}, value: ");
        let found = text
            .split(&start)
            .nth(1)
            .and_then(|rest| rest.split('}').next());
        found.unwrap_or_else(|| panic!("no {path}")).to_owned()
    };
    let partitions = patched("/spec/partitions");
    let mut changed = declared();
    for topic in changed.values_mut() {
        topic.insert("partitions".into(), partitions.clone());
        topic.insert("replicas".into(), patched("/spec/replicas"));
        let in_sync = patched("/spec/config/min.insync.replicas");
        topic.insert("min.insync.replicas".into(), in_sync);
    }
    // The first of these paths in the file is the topics': a StatefulSet has replicas as well.
    assert_eq!(changed, planned(partitions.parse().unwrap(), 1));
}
