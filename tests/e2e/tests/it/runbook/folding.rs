//! Projectors that do not fold, or read what is not right.

use std::fs;

use eventlog::Batch;
use harness::{Broker, await_until};
use reqwest::Url;
use wire::topics::Topic;

use super::{Desk, WITHIN, alerts_on, await_metric, exists};
use crate::{
    http::{self, block_on},
    operator, records,
    services::Service,
    stage::{PARTITIONS, Stage},
    truth,
};

/// The address that the runbook has forwarded to a projector.
const FORWARDED: &str = "http://127.0.0.1:8081";

fn of_events(name: &str, partition: u32) -> String {
    format!(r#"{name}{{input="events",partition="{partition}"}}"#)
}

/// The sum over the partitions of the events.
fn sum(service: &Service, name: &str) -> f64 {
    let sample = |partition| service.sample(&of_events(name, partition)).unwrap_or(0.0);
    (0..PARTITIONS).map(sample).sum()
}

fn await_sum(service: &Service, name: &str, is_so: impl Fn(f64) -> bool) {
    await_until(WITHIN, name, || is_so(sum(service, name)).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}: it is {}", sum(service, name)));
}

/// What somebody appends who should not.
fn appends(stage: &Stage, topic: Topic, key: &[u8], value: Option<&[u8]>) {
    let log = records::kafka_with(&stage.broker.bootstrap(), &stage.prefix);
    for partition in 0..PARTITIONS {
        let mut batch = Batch::new();
        batch.push(topic.name(), partition, key, value, &[], 0);
        block_on(async { log.append(batch).await.unwrap() });
    }
}

/// The documentation's comparison of two instances.
fn equal(desk: &Desk, one: &Url, other: &Url) {
    let [compare] = operator::commands("## Comparing two instances")
        .try_into()
        .unwrap();
    let compare: String = compare;
    let compare = compare
        .replace("http://projector-0:8081", one.as_str())
        .replace("http://projector-1:8081", other.as_str());
    let said = desk.types(&compare);
    assert!(
        said.contains(": equal") && !said.contains("DIFFERENT"),
        "{said}"
    );
}

#[test]
fn a_partition_that_nobody_folds_is_taken_over_and_what_was_left_is_folded() {
    let stage = Stage::new(Broker::shared().unwrap(), 111, 8, "idle.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    let (ingest, webhooks) = stage.ingest(&[]);
    // Nobody takes over before an operator acts.
    let held = ["--session-timeout=30s"];
    let (one, one_url) = stage.projector(&dir.path().join("one"), &held);
    let (other, other_url) = stage.projector(&dir.path().join("other"), &held);
    let holds = |service: &Service| {
        let metrics = service.metrics();
        let mut lines = metrics.lines();
        lines.any(|line| line.starts_with("projector_leads{") && line.ends_with(" 1"))
    };
    let leads = |service: &Service| service.sample(&of_events("projector_leads", 0)) == Ok(1.0);
    await_until(WITHIN, "the two to share what there is", || {
        (holds(&one) && holds(&other) && leads(&one) != leads(&other)).then_some(())
    })
    .unwrap();
    let (mut first, second, queries, store) = if leads(&one) {
        (one, other, other_url, "one")
    } else {
        (other, one, one_url, "other")
    };
    stage.sim.webhook(&webhooks);
    let (reconciler, _) = stage.reconciler(&[]);
    stage.sim.step(100);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);

    first.process.pause().unwrap();
    alerts_on("RollcallNobodyLeads", "projector_progress_age_seconds");
    alerts_on("RollcallLagGrowing", "projector_lag_records");
    stage.sim.step(400);
    stage.sim.flush();
    let idle = 0;
    await_metric(
        &second,
        &of_events("projector_progress_age_seconds", idle),
        |age| age > 5.0,
    );
    await_metric(&second, &of_events("projector_lag_records", idle), |lag| {
        lag > 0.0
    });
    // The others say what they do, and answer: `kubectl logs`, "One instance holds the partition and does nothing".
    assert_eq!(
        http::get(queries.join("/v1/groups?limit=1").unwrap()).status,
        200
    );

    // Delete its pod; another leads when its session is over.
    first.process.kill9().unwrap();
    await_metric(&second, &of_events("projector_leads", idle), |leads| {
        leads == 1.0
    });
    await_sum(&second, "projector_lag_records", |lag| lag == 0.0);
    await_metric(
        &second,
        &of_events("projector_progress_age_seconds", idle),
        |age| age < 5.0,
    );
    truth::await_agreement(&stage.sim, &queries, WITHIN);

    let (back, again) = stage.projector(&dir.path().join(store), &held);
    truth::await_agreement(&stage.sim, &again, WITHIN);
    equal(&desk, &queries, &again);
    for service in [ingest, reconciler, back, second] {
        assert_eq!(service.stop(), Some(0));
    }
}

#[test]
fn what_is_no_event_or_was_gone_before_it_was_folded_is_counted_and_the_groups_are_read_again() {
    let stage = Stage::new(Broker::shared().unwrap(), 112, 8, "gap.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    let store = dir.path().join("store");
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    let (projector, queries) = stage.projector(&store, &[]);
    let (reconciler, _) = stage.reconciler(&[]);
    stage.sim.step(100);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);

    let undecodable = r#"projector_folded_events_total{input="events",outcome="undecodable"}"#;
    alerts_on(
        "RollcallEventsNotUnderstood",
        "projector_folded_events_total{outcome=~\"unknown|undecodable\"}",
    );
    appends(&stage, Topic::Events, b"g/somebody", Some(b"no event"));
    await_metric(&projector, undecodable, |count| {
        count == f64::from(PARTITIONS)
    });
    stage.sim.step(50);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    assert_eq!(projector.stop(), Some(0));
    assert_eq!(reconciler.stop(), Some(0));

    // All projectors are away for longer than the retention.
    stage.sim.step(200);
    stage.sim.flush();
    delete_records(&stage, Topic::Events);
    let (projector, queries) = stage.projector(&store, &[]);
    alerts_on("RollcallEventsLost", "projector_gaps_total");
    await_metric(&projector, "projector_gaps_total", |gaps| gaps > 0.0);
    let watched = || {
        let said = desk.follows("RollcallEventsLost", &[(FORWARDED, &queries)], &[]);
        let agreement: serde_json::Value = serde_json::from_str(&said).unwrap();
        agreement["never_verified"].as_u64().unwrap()
    };
    let unverified = watched();
    assert!(unverified > 0, "nothing counts as unverified");
    let (reconciler, _) = stage.reconciler(&[]);
    await_until(WITHIN, "all to be read again", || {
        (watched() == 0).then_some(())
    })
    .unwrap();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    println!("{unverified} groups counted as unverified after the gap, none in the end");
    for service in [ingest, reconciler, projector] {
        assert_eq!(service.stop(), Some(0));
    }
}

/// Removes everything from the beginning of a topic's partitions: `DeleteRecords`, version 0, of Kafka's protocol.
fn delete_records(stage: &Stage, topic: Topic) {
    let name = operator::kafka_name(&format!("{}{}", stage.prefix, topic.name()));
    let mut body = [&1_u32.to_be_bytes()[..], &name, &PARTITIONS.to_be_bytes()].concat();
    for partition in 0..PARTITIONS {
        body.extend(partition.to_be_bytes());
        // Up to its end.
        body.extend((-1_i64).to_be_bytes());
    }
    body.extend(30_000_u32.to_be_bytes());
    let answer = operator::asks_kafka(&stage.broker.bootstrap(), 21, 0, &body);
    // The last of the answer is a partition's error code.
    assert!(answer.ends_with(&[0, 0]), "{answer:?}");
}

#[test]
fn a_store_that_is_damaged_or_on_a_full_volume_is_made_anew_while_the_others_answer() {
    let alert = "RollcallStoreRebuilding";
    let stage = Stage::new(Broker::shared().unwrap(), 113, 8, "rebuilt.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    let store = dir.path().join("first");
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    let (first, _) = stage.projector(&store, &[]);
    let (second, queries) = stage.projector(&dir.path().join("second"), &[]);
    let (reconciler, _) = stage.reconciler(&[]);
    stage.sim.step(200);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    assert_eq!(reconciler.stop(), Some(0));
    await_metric(&first, "projector_store_pending_entries", |pending| {
        pending == 0.0
    });
    assert_eq!(first.stop(), Some(0));
    damage(&store);

    let (first, again) = stage.projector(&store, &[]);
    alerts_on(alert, "projector_store_rebuilds_total");
    let damaged = r#"projector_store_rebuilds_total{reason="damaged"}"#;
    assert_eq!(first.metric(damaged), 1.0);
    truth::await_agreement(&stage.sim, &again, WITHIN);
    equal(&desk, &again, &queries);

    // Delete the claim and the pod.
    assert_eq!(first.stop(), Some(0));
    fs::remove_dir_all(&store).unwrap();
    let (first, again) = stage.projector(&store, &[]);
    assert!(exists(&store));
    assert_eq!(first.metric(damaged), 0.0);
    truth::await_agreement(&stage.sim, &again, WITHIN);
    equal(&desk, &again, &queries);
    for service in [ingest, first, second] {
        assert_eq!(service.stop(), Some(0));
    }
}

/// Overwrites the middle of every file of a store.
fn damage(store: &std::path::Path) {
    let mut places = vec![store.to_owned()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let length = bytes.len();
            bytes[length / 4..length / 2].fill(0xa5);
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn states_that_somebody_else_wrote_are_found_by_their_digest_and_written_over() {
    let alert = "RollcallDigestMismatch";
    let stage = Stage::new(Broker::shared().unwrap(), 114, 8, "digest.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    let (first, one) = stage.projector(&dir.path().join("first"), &[]);
    let (second, other) = stage.projector(&dir.path().join("second"), &[]);
    let (reconciler, _) = stage.reconciler(&[]);
    stage.sim.step(100);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &one, WITHIN);
    truth::await_agreement(&stage.sim, &other, WITHIN);
    // Tombstones take the groups from whoever follows.
    for group in stage.sim.groups() {
        let key = format!("g/{}", group["group_id"].as_str().unwrap());
        appends(&stage, Topic::Groups, key.as_bytes(), None);
    }

    alerts_on(alert, "projector_digest_mismatches_total");
    let mismatches = || {
        let count = "projector_digest_mismatches_total";
        first.metric(count) + second.metric(count)
    };
    await_until(WITHIN, "a digest that differs", || {
        (mismatches() > 0.0).then_some(())
    })
    .unwrap();
    truth::await_agreement(&stage.sim, &one, WITHIN);
    truth::await_agreement(&stage.sim, &other, WITHIN);
    equal(&desk, &one, &other);
    for service in [ingest, reconciler, first, second] {
        assert_eq!(service.stop(), Some(0));
    }
}
