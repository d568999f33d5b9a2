//! Two reconcilers on a real broker, one of which is killed in the middle: commands are done once, and numbers are kept by one.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use harness::{Broker, await_until};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::{
    http,
    services::{NUMBER, Service},
    stage::Stage,
    truth,
};

/// An intent of a dead instance is given up after 70 s.
const WITHIN: Duration = Duration::from_secs(240);

/// How many groups of this subject Meta has.
fn count_of(stage: &Stage, subject: &str) -> usize {
    let groups = stage.sim.groups();
    let of_subject = groups.iter().filter(|group| group["subject"] == subject);
    of_subject.count()
}

/// Asks in turn of each until somebody tells what Meta answered, or that nobody knows.
async fn insists(client: Client, urls: Vec<Url>, turn: usize) -> Value {
    let begun = Instant::now();
    for attempt in turn.. {
        assert!(begun.elapsed() < WITHIN, "nobody answers");
        let url = urls[attempt % urls.len()].join(&format!("/v1/numbers/{NUMBER}/groups"));
        let asked = client
            .post(url.unwrap())
            .header("Idempotency-Key", "once")
            .json(&json!({"subject": "Once"}))
            .send();
        if let Ok(answer) = asked.await {
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap_or_default();
            match status {
                202 if body["status"] != "asked" => return body,
                202 | 503 => {}
                _ => panic!("{status}: {body}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("attempts have no end")
}

fn a_hundred(urls: &[Url]) -> thread::JoinHandle<Vec<Value>> {
    let urls = urls.to_vec();
    thread::spawn(move || {
        http::block_on(async {
            let client = Client::builder().no_proxy().build().unwrap();
            let mut asking = tokio::task::JoinSet::new();
            for turn in 0..100 {
                asking.spawn(insists(client.clone(), urls.clone(), turn));
            }
            asking.join_all().await
        })
    })
}

fn different(answers: &[Value]) -> BTreeSet<String> {
    assert_eq!(answers.len(), 100);
    answers.iter().map(ToString::to_string).collect()
}

/// Reconcilers can be started, and a projector folds what they append.
fn stage(broker: Arc<Broker>, seed: u64, prefix: &str, dir: &Path) -> (Stage, Service, Url) {
    let stage = Stage::new(broker, seed, 2, prefix);
    let (projector, queries) = stage.projector(&dir.join("store"), &[]);
    (stage, projector, queries)
}

/// Asks again while the reconciler is not there yet; none where it is not there any more.
fn asks(url: &Url, key: &str, body: &Value) -> Option<Value> {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    await_until(WITHIN, "an answer", || {
        match http::post_bytes(url.clone(), &headers, body.to_string().into_bytes()) {
            Some(told) if told.status == 503 => None,
            told => Some(told.map(|told| serde_json::from_str(&told.text()).unwrap())),
        }
    })
    .unwrap()
}

/// A request, once it is folded.
fn known(url: &Url) -> Option<Value> {
    let answer = http::get(url.clone());
    (answer.status != 404).then(|| answer.json())
}

/// Waits until a request is done; the group that it names.
fn group_of(queries: &Url, request_id: &str) -> String {
    let mut url = queries.clone();
    url.path_segments_mut()
        .unwrap()
        .pop_if_empty()
        .extend(["v1", "requests", request_id]);
    await_until(WITHIN, "its end", || {
        let request = known(&url)?;
        let group = request["group_id"].as_str()?;
        (request["status"] == "done").then(|| group.to_owned())
    })
    .unwrap()
}

#[test]
fn a_hundred_equal_creates_make_one_group_though_a_reconciler_is_killed_in_the_middle() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::shared().unwrap();
    let (stage, _projector, queries) = stage(broker, 606, "once.", dir.path());
    let (first, first_url) = stage.reconciler(&[]);
    let (_second, second_url) = stage.reconciler(&[]);

    // Meta does what it is asked and answers nothing for a while, in which one of the two dies.
    stage.sim.faults(&json!({"api": {
        "lose_next": [{"call": "create", "done": true, "seconds": 5}]
    }}));
    let asking = a_hundred(&[first_url, second_url.clone()]);
    await_until(WITHIN, "the call", || {
        (count_of(&stage, "Once") > 0).then_some(())
    })
    .unwrap();
    let mut first = first;
    first.process.kill9().unwrap();
    let answers = asking.join().unwrap();
    let ids: BTreeSet<&str> = answers
        .iter()
        .map(|answer| answer["request_id"].as_str().unwrap())
        .collect();
    assert_eq!((answers.len(), ids.len()), (100, 1), "{ids:?}");
    assert_eq!(count_of(&stage, "Once"), 1);

    // The list of groups tells how it ended, and who asks now gets one answer, of the survivor and of the one that comes back.
    let group = group_of(&queries, ids.first().unwrap());
    let groups = stage.sim.groups();
    let made = groups.iter().find(|group| group["subject"] == "Once");
    assert_eq!(made.unwrap()["group_id"], group);
    let (_back, back_url) = stage.reconciler(&[]);
    let answers = a_hundred(&[second_url, back_url]).join().unwrap();
    assert_eq!(different(&answers).len(), 1, "{:?}", different(&answers));
    assert_eq!(count_of(&stage, "Once"), 1);
}

#[test]
fn an_answer_that_came_and_was_not_recorded_when_its_reconciler_was_killed_is_found_out_and_nothing_is_called_twice()
 {
    let dir = tempfile::tempdir().unwrap();
    let broker = Arc::new(Broker::start().unwrap());
    let (mut stage, _projector, queries) = stage(broker, 607, "recorded.", dir.path());
    let (mut first, url) = stage.reconciler(&[]);
    stage.sim.faults(&json!({"api": {
        "lose_next": [{"call": "create", "seconds": 3, "answered": true}]
    }}));
    let path = format!("/v1/numbers/{NUMBER}/groups");
    let url = url.join(&path).unwrap();
    let asking = thread::spawn(move || asks(&url, "once", &json!({"subject": "Once"})));
    await_until(WITHIN, "the call", || {
        (count_of(&stage, "Once") > 0).then_some(())
    })
    .unwrap();
    // The broker is away when the answer comes, so that it cannot be recorded: one that only stands still
    // would take from its socket what a process sent before it was killed.
    let broker = Arc::get_mut(&mut stage.broker).unwrap();
    broker.kill().unwrap();
    await_until(WITHIN, "the answer", || {
        let answers = first.sample(r#"reconciler_calls_total{kind="create"}"#);
        answers.ok().filter(|answers| *answers > 0.0)
    })
    .unwrap();
    first.process.kill9().unwrap();
    let broker = Arc::get_mut(&mut stage.broker).unwrap();
    broker.restart().unwrap();
    assert!(asking.join().unwrap().is_none(), "nobody was told");

    let (_second, url) = stage.reconciler(&[]);
    let answers = a_hundred(&[url]).join().unwrap();
    let ids: BTreeSet<&str> = answers
        .iter()
        .map(|answer| answer["request_id"].as_str().unwrap())
        .collect();
    assert_eq!((answers.len(), ids.len()), (100, 1), "{ids:?}");
    let group = group_of(&queries, ids.first().unwrap());
    let groups = stage.sim.groups();
    let made = groups.iter().filter(|group| group["subject"] == "Once");
    let made: Vec<&Value> = made.map(|made| &made["group_id"]).collect();
    assert_eq!(made, [&json!(group)]);
}

#[test]
fn what_meta_answered_while_the_broker_stood_still_is_recorded_when_it_goes_on() {
    /// Longer than the client of the log tries by itself, so that what it gave up must be appended again.
    const STANDS_STILL: Duration = Duration::from_secs(40);
    let dir = tempfile::tempdir().unwrap();
    let broker = Arc::new(Broker::start().unwrap());
    let (stage, _projector, queries) = stage(broker, 608, "late.", dir.path());
    let (reconciler, url) = stage.reconciler(&[]);
    let group = stage.sim.groups()[0]["group_id"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.sim.faults(&json!({"api": {
        "hold_delivery": true,
        "lose_next": [{"call": "message", "seconds": 3, "answered": true}],
    }}));
    let told = stage.sim.count("events");
    let mut messages = url;
    messages
        .path_segments_mut()
        .unwrap()
        .pop_if_empty()
        .extend(["v1", "groups", &group, "messages"]);
    let body = json!({"type": "text", "text": {"body": "Hello"}});
    let asking = thread::spawn(move || asks(&messages, "late", &body));
    await_until(WITHIN, "the call", || {
        (stage.sim.count("events") > told).then_some(())
    })
    .unwrap();
    stage.broker.pause().unwrap();
    await_until(WITHIN, "the answer", || {
        let answers = reconciler.sample(r#"reconciler_calls_total{kind="message"}"#);
        answers.ok().filter(|answers| *answers > 0.0)
    })
    .unwrap();
    thread::sleep(STANDS_STILL);
    stage.broker.resume().unwrap();
    let request = asking.join().unwrap().unwrap();
    let request_id = request["request_id"].as_str().unwrap();
    let mut url = queries;
    url.path_segments_mut()
        .unwrap()
        .pop_if_empty()
        .extend(["v1", "requests", request_id]);
    // No webhook and no list would ever tell what became of a message whose id nobody knows.
    await_until(WITHIN, "its end", || {
        let request = known(&url)?;
        (request["status"] == "done" && request["message_id"].is_string()).then_some(())
    })
    .unwrap_or_else(|_| panic!("{}", http::get(url.clone()).text()));
    assert_eq!(stage.sim.count("events"), told + 1, "it was sent once");
}

#[test]
fn one_of_two_reconcilers_keeps_the_number_and_when_it_is_killed_the_other_finds_what_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::shared().unwrap();
    let (stage, _projector, queries) = stage(broker, 609, "kept.", dir.path());
    let (first, _) = stage.reconciler(&[]);
    let (second, _) = stage.reconciler(&[]);
    let keeps = |service: &Service| {
        let owned = format!(r#"reconciler_owned{{phone_number_id="{NUMBER}"}}"#);
        service.sample(&owned).is_ok_and(|owned| owned > 0.0)
    };
    await_until(WITHIN, "one of the two keeps the number", || {
        (keeps(&first) != keeps(&second)).then_some(())
    })
    .unwrap();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    let (mut keeper, other) = if keeps(&first) {
        (first, second)
    } else {
        (second, first)
    };
    let passes = |service: &Service| {
        let passes = r#"reconciler_list_passes_total{kind="complete"}"#;
        service.sample(passes).unwrap_or(0.0)
    };
    // A number that moved at the start may have been listed by both; now one lists alone.
    let before = (passes(&keeper), passes(&other));
    await_until(WITHIN, "another pass", || {
        (passes(&keeper) > before.0 + 1.0).then_some(())
    })
    .unwrap();
    assert_eq!(passes(&other), before.1);

    keeper.process.kill9().unwrap();
    stage.sim.step(60);
    await_until(WITHIN, "the other to keep it", || {
        keeps(&other).then_some(())
    })
    .unwrap();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    assert!(passes(&other) > before.1);
}
