//! Kafka that is away, slow or not as it must be.

use std::{fs, sync::Arc, time::Duration};

use harness::{Broker, await_until};

use super::{Desk, WITHIN, alerts_on, await_metric};
use crate::{
    facts, http, operator, posts, records,
    services::{APP_SECRET, Service},
    stage::Stage,
};

fn posts_answered(code: u16) -> String {
    format!(r#"ingest_webhooks_total{{method="POST",code="{code}"}}"#)
}

/// Observations of a histogram that were longer than a second.
fn slow(service: &Service, histogram: &str) -> f64 {
    let all = service.metric(&format!("{histogram}_count"));
    all - service.metric(&format!(r#"{histogram}_bucket{{le="1.0"}}"#))
}

#[test]
fn while_kafka_is_slow_or_away_webhooks_wait_or_are_refused_and_afterwards_nothing_is_missing() {
    /// How long the broker stands still: webhooks wait, and none is refused yet.
    const STILL: Duration = Duration::from_millis(1_500);
    let broker = Arc::new(Broker::start().unwrap());
    let mut stage = Stage::new(broker, 121, 8, "away.");
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(50);
    stage.sim.flush();
    assert_eq!(slow(&ingest, "ingest_answer_seconds"), 0.0);

    alerts_on(
        "RollcallWebhooksSlow",
        "ingest_answer_seconds_bucket{le=\"1.0\"}",
    );
    stage.broker.pause().unwrap();
    stage.sim.step(50);
    await_metric(&ingest, "ingest_in_flight_requests", |waiting| {
        waiting > 0.0
    });
    let began = std::time::Instant::now();
    await_until(WITHIN, "the broker to have stood still", || {
        (began.elapsed() > STILL).then_some(())
    })
    .unwrap();
    stage.broker.resume().unwrap();
    stage.sim.flush();
    assert!(slow(&ingest, "ingest_answer_seconds") > 0.0);
    // Panel "Time until durable" is as slow: it is Kafka, not ingest.
    assert!(slow(&ingest, "ingest_append_seconds") > 0.0);

    Arc::get_mut(&mut stage.broker).unwrap().kill().unwrap();
    alerts_on("RollcallKafkaInTrouble", "eventlog_ready");
    alerts_on(
        "RollcallWebhooksFailing",
        "ingest_webhooks_total{method=\"POST\",code=~\"5..\"}",
    );
    stage.sim.step(50);
    await_metric(&ingest, "eventlog_ready", |ready| ready == 0.0);
    await_metric(&ingest, &posts_answered(503), |count| count > 0.0);
    let body = posts::body(1, 1_780_000_000).to_string();
    let signature = posts::signature(APP_SECRET, body.as_bytes());
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let refused = http::post_bytes(webhooks.clone(), &headers, body.into_bytes()).unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    await_until(WITHIN, "ingest not to be ready", || {
        (!ingest.is_ready()).then_some(())
    })
    .unwrap();

    Arc::get_mut(&mut stage.broker).unwrap().restart().unwrap();
    await_metric(&ingest, "eventlog_ready", |ready| ready == 1.0);
    // Meta sends again by itself.
    stage.sim.flush();
    let log = records::kafka_with(&stage.broker.bootstrap(), &stage.prefix);
    let missing = facts::missing(&stage.sim.sent(), &records::events(&log));
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(ingest.stop(), Some(0));
}

#[test]
fn a_service_that_topics_keep_from_starting_says_which_and_starts_when_they_are_mended() {
    let alert = "RollcallServiceAbsent";
    let stage = Stage::new(Broker::shared().unwrap(), 122, 2, "absent.");
    let desk = Desk::new(&stage);
    keep_for_an_hour(&stage, "events.v1");
    let arguments = stage.arguments("ingest", &stage.secrets.ingest());
    let mut refused = harness::Process::spawn(&arguments).unwrap();
    let status = refused.wait(WITHIN).unwrap();
    assert_eq!(status.code(), Some(2), "{}", refused.stderr());
    assert!(
        refused.stderr().contains("events.v1"),
        "{}",
        refused.stderr()
    );

    alerts_on(alert, "rollcall_build_info{process=\"ingest\"}");
    let brokers = r#""$BROKERS""#;
    let prefixed = format!("{brokers} --topic-prefix {}", stage.prefix);
    let said = desk.follows(alert, &[], &[(brokers, &prefixed)]);
    assert!(
        said.contains("events.v1") && said.contains("retention.ms"),
        "{said}"
    );

    // A pod that runs, and that only Prometheus' token may scrape.
    fs::write(desk.path("accept"), "read the-token-of-prometheus\n").unwrap();
    let (ingest, _) = stage.ingest(&[&desk.accepts()]);
    let scrape = |headers: &[(&str, &str)]| {
        let url = ingest.admin().join("/metrics").unwrap();
        http::ask(url, headers, WITHIN).unwrap()
    };
    assert_eq!(scrape(&[]).status, 401);
    let scraped = scrape(&[("authorization", "Bearer the-token-of-prometheus")]);
    assert!(
        scraped
            .text()
            .contains(r#"rollcall_build_info{process="ingest""#),
        "{}",
        scraped.text()
    );
    assert_eq!(ingest.stop(), Some(0));
}

/// Has a topic keep its records for an hour only: `IncrementalAlterConfigs`, version 0, of Kafka's protocol.
fn keep_for_an_hour(stage: &Stage, topic: &str) {
    /// A resource that is a topic, and an operation that sets.
    const TOPIC: u8 = 2;
    const SET: u8 = 0;
    let name = operator::kafka_name(&format!("{}{topic}", stage.prefix));
    let body = [
        &1_u32.to_be_bytes()[..],
        &[TOPIC],
        &name,
        &1_u32.to_be_bytes(),
        &operator::kafka_name("retention.ms"),
        &[SET],
        &operator::kafka_name("3600000"),
        &[0],
    ]
    .concat();
    let answer = operator::asks_kafka(&stage.broker.bootstrap(), 44, 0, &body);
    // After the correlation id and the time of throttling: one resource, with error 0.
    assert_eq!(answer[8..14], [0, 0, 0, 1, 0, 0], "{answer:?}");
}
