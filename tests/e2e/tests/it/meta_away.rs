//! Meta's API is away while webhooks go on, and some of them are lost.

use std::time::{Duration, Instant};

use harness::{Broker, await_until};
use serde_json::json;

use crate::{
    baddays, http, records,
    services::{NUMBER, READY_WITHIN, Service},
    stage::Stage,
    truth,
};

/// How long: `ROLLCALL_META_AWAY_SECONDS` is another number of seconds.
const AWAY: Duration = Duration::from_secs(20);

/// Calls of Meta so far, of every kind.
fn calls(reconciler: &Service) -> f64 {
    let metrics = reconciler.metrics();
    let samples = metrics
        .lines()
        .filter(|line| line.starts_with("reconciler_calls_total{"));
    let values = samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.sum()
}

#[test]
fn while_metas_api_is_away_webhooks_are_folded_and_what_was_lost_is_repaired_afterwards() {
    let stage = Stage::new(Broker::shared().unwrap(), 91, 15, "meta-away.");
    let dir = tempfile::tempdir().unwrap();
    let (_projector, queries) = stage.projector(&dir.path().join("store"), &[]);
    let (reconciler, commands) = stage.reconciler(&[]);
    let (_ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(100);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);

    stage.sim.faults(&json!({"api": {"error_rate": 1.0}}));
    let (began, before) = (Instant::now(), calls(&reconciler));
    // What webhooks tell is folded without the API.
    stage.sim.step(100);
    stage.sim.flush();
    let log = records::kafka_with(&stage.broker.bootstrap(), &stage.prefix);
    truth::await_folded(&queries, &records::ends(&log, 1), READY_WITHIN);
    // A command is answered, in time and not as done.
    let create = commands
        .join(&format!("/v1/numbers/{NUMBER}/groups"))
        .unwrap();
    let answer = http::post(create, &json!({"subject": "Into the void"}));
    assert!(
        matches!(answer.status, 202 | 502 | 503),
        "{} {}",
        answer.status,
        answer.text()
    );
    let groups = stage.sim.groups().len();
    // Then some are lost, which nobody can see now.
    stage
        .sim
        .faults(&json!({"webhooks": {"lose": 0.3}, "api": {"error_rate": 1.0}}));
    stage.sim.step(100);
    let away = baddays::lasting("ROLLCALL_META_AWAY_SECONDS", AWAY);
    baddays::await_elapsed(began, away);
    let made = calls(&reconciler) - before;
    println!("{made} calls in {:?}", began.elapsed());
    // A tenth of what the budget allows (72,000 an hour): who gets no answer asks ever less often.
    assert!(made < away.as_secs_f64() * 2.0 + 20.0, "{made} calls");
    assert!(
        truth::held(&queries).len() >= groups,
        "silence is no proof that a group is gone"
    );

    stage
        .sim
        .faults(&json!({"webhooks": {"lose": 0.0}, "api": {"error_rate": 0.0}}));
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);
    await_until(READY_WITHIN, "a pass to be complete again", || {
        let complete = reconciler.sample("reconciler_list_passes_total{kind=\"complete\"}");
        (complete.unwrap_or(0.0) > 0.0).then_some(())
    })
    .unwrap();
}
