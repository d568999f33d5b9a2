//! `rollcall standalone`: what was answered 200 is on disk, however the process ends.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use harness::{Process, await_until};
use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    facts, http, posts, records,
    services::{APP_SECRET, Secrets, Standalone},
    sim::Sim,
    truth,
};

const SOON: Duration = Duration::from_secs(60);

/// Kills of the process in the midst of traffic.
const KILLS: usize = 5;

/// Webhooks posted at once while the process is told to end.
const POSTERS: usize = 8;

#[test]
fn kill_9_loses_nothing_that_standalone_answered_200() {
    let secrets = Secrets::new();
    let sim = Sim::start(11, 20, &secrets);
    let dir = tempfile::tempdir().unwrap();
    sim.faults(&json!({"webhooks": {"duplicate": 0.1, "delay_seconds": 1}}));
    sim.traffic(60.0);
    for _ in 0..KILLS {
        let mut standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
        sim.await_answered(40, SOON);
        standalone.service.process.kill9().unwrap();
    }
    let standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
    sim.traffic(0.0);
    sim.flush();
    truth::await_agreement(&sim, &standalone.queries, SOON);
    assert_eq!(standalone.service.stop(), Some(0));
    check_log(dir.path(), &sim.sent());
}

/// The local log has everything that these webhooks tell.
pub fn check_log(data_dir: &std::path::Path, bodies: &[Value]) {
    assert!(bodies.len() > 100, "only {} webhooks", bodies.len());
    let log = records::local(data_dir);
    let quarantined = records::read(&log, "quarantine.v1");
    assert_eq!(quarantined.len(), 0, "{quarantined:?}");
    let missing = facts::missing(bodies, &records::events(&log));
    assert!(
        missing.is_empty(),
        "answered 200 and not in the log: {missing:#?}"
    );
}

#[test]
fn sigterm_drains_what_is_in_flight_and_ends_well() {
    let secrets = Secrets::new();
    let sim = Sim::start(12, 5, &secrets);
    let dir = tempfile::tempdir().unwrap();
    let mut standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
    let (url, over) = (standalone.webhooks.clone(), AtomicBool::new(false));
    let answered = thread::scope(|scope| {
        let posters: Vec<_> = (0..POSTERS)
            .map(|poster| {
                let (url, over) = (&url, &over);
                scope.spawn(move || post_until(poster, url, over))
            })
            .collect();
        sim.traffic(100.0);
        sim.await_answered(120, SOON);
        standalone.service.process.sigterm().unwrap();
        let status = standalone.service.process.wait(SOON).unwrap();
        over.store(true, Ordering::Relaxed);
        assert_eq!(
            status.code(),
            Some(0),
            "{}",
            standalone.service.process.stderr()
        );
        let answered = posters.into_iter().map(|poster| poster.join().unwrap());
        answered.collect::<Vec<_>>().concat()
    });
    assert!(
        answered.len() > 2 * POSTERS,
        "only {} were answered",
        answered.len()
    );
    check_log(dir.path(), &[answered, sim.sent()].concat());
}

/// Posts one webhook after another until nobody answers; those that were answered 200.
fn post_until(poster: usize, url: &Url, over: &AtomicBool) -> Vec<Value> {
    let mut answered = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = joined(poster, answered.len());
        let bytes = body.to_string().into_bytes();
        let signature = posts::signature(APP_SECRET, &bytes);
        let headers = [
            ("content-type", "application/json"),
            ("x-hub-signature-256", &signature),
        ];
        match http::post_bytes(url.clone(), &headers, bytes) {
            Some(answer) if answer.status == 200 => answered.push(body),
            _ => {}
        }
    }
    answered
}

fn joined(poster: usize, n: usize) -> Value {
    // Within the window that ingest takes, whatever the day.
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [{
        "field": "group_participants_update",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100001", "phone_number_id": "300000000000001"},
            "groups": [{
                "timestamp": now.to_string(), "group_id": format!("group-{poster}"), "type": "group_participants_add",
                "added_participants": [{"wa_id": format!("1555{poster:02}{n:06}")}],
            }],
        },
    }]}]})
}

#[test]
fn a_second_process_on_the_same_data_directory_is_refused_and_the_first_goes_on() {
    let secrets = Secrets::new();
    let sim = Sim::start(13, 5, &secrets);
    let dir = tempfile::tempdir().unwrap();
    let standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
    let mut second =
        Process::spawn(Standalone::arguments(dir.path(), &sim.url, &secrets, "5s")).unwrap();
    let status = second.wait(SOON).unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(
        second.stderr().contains("is in use by another process"),
        "{}",
        second.stderr()
    );
    assert!(
        second.stderr().contains(&dir.path().display().to_string()),
        "{}",
        second.stderr()
    );
    truth::await_agreement(&sim, &standalone.queries, SOON);
    assert_eq!(standalone.service.stop(), Some(0));
}

#[test]
fn a_damaged_local_log_is_named_and_nothing_starts_on_it() {
    let secrets = Secrets::new();
    let sim = Sim::start(14, 20, &secrets);
    let dir = tempfile::tempdir().unwrap();
    let standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
    sim.step(300);
    sim.flush();
    truth::await_agreement(&sim, &standalone.queries, SOON);
    assert_eq!(standalone.service.stop(), Some(0));

    let database = dir.path().join("log/log.sqlite");
    let mut bytes = fs::read(&database).unwrap();
    assert!(bytes.len() > 100_000, "{} bytes", bytes.len());
    // Every page but the first loses its header: no page is what another says it is.
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..16].fill(0xa5);
    }
    fs::write(&database, bytes).unwrap();

    let arguments = Standalone::arguments(dir.path(), &sim.url, &secrets, "5s");
    let mut process = Process::spawn(arguments).unwrap();
    let status = await_until(SOON, "the refusal", || process.try_wait().unwrap());
    assert_eq!(status.unwrap().code(), Some(1));
    let status = process.wait(SOON).unwrap();
    assert_eq!(status.code(), Some(1));
    let said = process.stderr();
    assert!(said.contains(&database.display().to_string()), "{said}");
    assert!(
        said.contains("is damaged") && said.contains("restore it from a backup"),
        "{said}"
    );
    assert_eq!(process.stdout(), "", "it listened before it had a log");
}
