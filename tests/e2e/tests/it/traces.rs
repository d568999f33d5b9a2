//! One trace across services and the log: from a webhook, and from a command.

use harness::{Broker, await_until};
use serde_json::json;

use crate::{
    collector::{Collector, Span},
    http, posts,
    services::{APP_SECRET, NUMBER, READY_WITHIN},
    stage::Stage,
};

/// Of somebody who calls Rollcall and has a trace of their own.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn a_webhook_and_a_command_are_one_trace_each_from_the_first_byte_to_the_published_state() {
    let stage = Stage::new(Broker::shared().unwrap(), 77, 3, "traces.");
    let collector = Collector::start();
    let options = collector.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let dir = tempfile::tempdir().unwrap();
    let (_projector, _queries) = stage.projector(&dir.path().join("store"), &options);
    let (_reconciler, commands) = stage.reconciler(&options);
    let (_ingest, webhooks) = stage.ingest(&options);
    stage.sim.webhook(&webhooks);

    // Meta gives no trace: one begins in ingest, and the projector goes on with it.
    stage.sim.step(20);
    stage.sim.flush();
    let folded = collector.await_span("what a webhook said, folded", |span| {
        span.name == "fold" && span.attributes["rollcall.event"] == "ParticipantsAdded"
    });
    assert_eq!(folded.service, "rollcall-projector");
    assert_eq!(folded.attributes["messaging.destination.name"], "events.v1");
    assert!(folded.nanoseconds > 0, "it ends when it is published");
    let posted = collector.await_span("its POST", |span| span.id == folded.parent);
    assert_eq!(posted.trace, folded.trace);
    assert_eq!(posted.name, "POST /webhooks");
    assert_eq!(posted.service, "rollcall-ingest");
    assert_eq!(posted.parent, "", "nobody was before it");
    assert_eq!(posted.failed, "");

    // Whoever has a trace gets Rollcall's part of it: the request, Meta's call, and what came of both records.
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let path = format!("/v1/numbers/{NUMBER}/groups");
    let body = json!({"subject": "Followed"}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("traceparent", traceparent.as_str()),
    ];
    let created = http::post_bytes(commands.join(&path).unwrap(), &headers, body.into_bytes());
    assert_eq!(created.unwrap().status, 202);
    let named = |name: &'static str| {
        collector.await_span(name, |span| span.trace == TRACE && span.name == name)
    };
    let request = named("POST /v1/numbers/{phone_number_id}/groups");
    assert_eq!(request.parent, "00f067aa0ba902b7");
    let called = named("Meta create");
    assert_eq!(
        (called.service.as_str(), called.parent.as_str()),
        ("rollcall-reconciler", request.id.as_str())
    );
    assert_eq!(called.failed, "");
    for event in ["RequestIntended", "RequestAnswered"] {
        let folded = collector.await_span(event, |span| {
            span.trace == TRACE
                && span.attributes.get("rollcall.event").map(String::as_str) == Some(event)
        });
        assert_eq!(folded.parent, request.id, "{event}");
    }
    let changes = collector.spans();
    assert!(
        changes.iter().any(|span| span.name == "pass"),
        "a pass is a trace of its own"
    );

    // A call that Meta does not answer well says so.
    stage.sim.faults(&json!({"api": {"error_rate": 1.0}}));
    let failed = collector.await_span("a failed call", |span| !span.failed.is_empty());
    assert_eq!(failed.service, "rollcall-reconciler");
    assert_eq!(failed.attributes["error.type"], failed.failed);

    // What is sent and not told stays so: the caller decides.
    let silent = traceparent.replace(TRACE, &TRACE.replace('4', "5"));
    let silent = format!("{}00", silent.strip_suffix("01").unwrap());
    let event = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signature = posts::signature(APP_SECRET, event);
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
        ("traceparent", silent.as_str()),
    ];
    http::post_bytes(webhooks.clone(), &headers, event.to_vec()).unwrap();
    // And a stranger decides nothing.
    let strange = traceparent.replace(TRACE, &TRACE.replace('4', "6"));
    let forged = [
        headers[0],
        ("x-hub-signature-256", "sha256=00"),
        ("traceparent", &strange),
    ];
    let answer = http::post_bytes(webhooks, &forged, event.to_vec()).unwrap();
    assert_eq!(answer.status, 401);
    // Spans of one process are sent in their order.
    let posts = |spans: &[Span]| {
        let posts = spans.iter().filter(|span| span.name == "POST /webhooks");
        posts.count()
    };
    let seen = posts(&collector.spans());
    stage.sim.step(5);
    stage.sim.flush();
    await_until(READY_WITHIN, "a later POST", || {
        (posts(&collector.spans()) > seen).then_some(())
    })
    .unwrap();
    let told = collector.spans();
    for untold in [&silent, &strange] {
        assert!(told.iter().all(|span| span.trace != untold[3..35]));
    }
}

#[test]
fn a_collector_that_is_away_is_said_and_holds_nothing_up() {
    let stage = Stage::new(Broker::shared().unwrap(), 78, 1, "untraced.");
    // Nobody listens there: the port is taken and let go.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("--otlp-endpoint=http://{}", gone.local_addr().unwrap());
    drop(gone);
    let (mut ingest, webhooks) = stage.ingest(&[&endpoint, "--otlp-sample=1"]);
    let event = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signature = posts::signature(APP_SECRET, event);
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    for _ in 0..50 {
        let answer = http::post_bytes(webhooks.clone(), &headers, event.to_vec()).unwrap();
        assert_eq!(answer.status, 200);
    }
    ingest.process.sigterm().unwrap();
    let status = ingest.process.wait(READY_WITHIN).unwrap();
    assert!(status.success(), "{}", ingest.process.stderr());
    assert!(
        ingest.process.stderr().contains("opentelemetry"),
        "nothing is said of it: {}",
        ingest.process.stderr()
    );
}
