//! Webhooks that do not come, are not let in, or are not understood.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use harness::{Broker, await_until};
use reqwest::Url;
use serde_json::{Value, json};

use super::{Desk, WITHIN, alerts_on, await_metric, await_said};
use crate::{
    http,
    operator::{self, commands},
    posts,
    services::{APP_SECRET, NUMBER, READY_WITHIN},
    stage::Stage,
    truth,
};

/// Webhooks answered with a code.
fn posts_answered(code: u16) -> String {
    format!(r#"ingest_webhooks_total{{method="POST",code="{code}"}}"#)
}

#[test]
fn an_app_secret_that_was_changed_at_meta_is_put_in_place_and_meta_sends_again() {
    let alert = "RollcallWebhooksRefused";
    let stage = Stage::new(Broker::shared().unwrap(), 91, 6, "refused.");
    // The simulator signs with what the file held when it was started.
    fs::write(&stage.secrets.app_secret, "the secret of before").unwrap();
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(50);
    alerts_on(alert, r#"method="POST",code="401""#);
    await_metric(&ingest, &posts_answered(401), |refused| refused > 0.0);
    assert_eq!(ingest.sample(&posts_answered(200)).unwrap_or(0.0), 0.0);
    fs::write(&stage.secrets.app_secret, APP_SECRET).unwrap();
    await_said(&ingest, "the new is in use from now on");
    stage.sim.flush();
    assert!(ingest.metric(&posts_answered(200)) > 0.0);
    assert_eq!(ingest.stop(), Some(0));
}

#[test]
fn webhooks_that_stopped_coming_are_looked_for_along_their_way_and_the_state_is_compared_meanwhile()
{
    let alert = "RollcallWebhooksSilent";
    let stage = Stage::new(Broker::shared().unwrap(), 92, 6, "silent.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    fs::write(
        desk.path("app-token"),
        format!("100000000000001|{APP_SECRET}"),
    )
    .unwrap();
    let app_token = format!("--app-token-file={}", desk.path("app-token").display());
    let (_projector, queries) = stage.projector(&dir.path().join("store"), &[]);
    let (reconciler, _) = stage.reconciler(&[&app_token]);
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(50);
    stage.sim.flush();
    alerts_on(alert, r#"ingest_webhooks_total{method="POST",code="200"}"#);
    let before = ingest.metric(&posts_answered(200));

    stage.sim.faults(&json!({"webhooks": {"lose": 1.0}}));
    stage.sim.step(50);
    // Step 1: the address answers, so the way to ingest is open.
    let answered = desk.follows(
        alert,
        &[("https://rollcall.example.com/webhooks", &webhooks)],
        &[],
    );
    assert!(answered.starts_with("HTTP/1.1 400 "), "{answered}");
    // Steps 2 and 4: nobody took a field or the account away.
    await_said(&reconciler, "subscribed to every field that is needed");
    await_metric(&reconciler, "reconciler_subscriptions_missing", |missing| {
        missing == 0.0
    });
    // "The reconciler goes on comparing meanwhile."
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);
    assert_eq!(ingest.metric(&posts_answered(200)), before);

    stage.sim.faults(&json!({"webhooks": {"lose": 0.0}}));
    stage.sim.step(50);
    stage.sim.flush();
    assert!(ingest.metric(&posts_answered(200)) > before);
}

/// Posts an item of a group as Meta would.
fn post(webhooks: &Url, item: &Value) {
    let value = json!({"metadata": {"phone_number_id": NUMBER}, "groups": [item]});
    let changes = json!([{"field": "group_participants_update", "value": value}]);
    let entry = json!([{"id": "200000000000001", "changes": changes}]);
    let body = json!({"object": "whatsapp_business_account", "entry": entry}).to_string();
    let signature = posts::signature(APP_SECRET, body.as_bytes());
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = http::post_bytes(webhooks.clone(), &headers, body.into_bytes()).unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn what_lies_in_quarantine_is_listed_shown_and_read_again_on_the_command_line() {
    const WHO: &str = "15550277777";
    let alert = "RollcallQuarantineGrowing";
    let stage = Stage::new(Broker::shared().unwrap(), 94, 1, "quarantine.");
    let (desk, dir) = (Desk::new(&stage), tempfile::tempdir().unwrap());
    let (projector, queries) = stage.projector(&dir.path().join("store"), &[]);
    let (ingest, webhooks) = stage.ingest(&[]);
    // Forty days ago somebody joined, and today somebody did what nobody knows.
    let old = SystemTime::now() - Duration::from_secs(40 * 86_400);
    let old = old
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let added = json!([{"wa_id": WHO}]);
    post(
        &webhooks,
        &json!({
            "timestamp": old.to_string(), "group_id": "group-of-old", "type": "group_participants_add",
            "reason": "invite_link", "added_participants": added,
        }),
    );
    post(
        &webhooks,
        &json!({
            "timestamp": "1780000000", "group_id": "group-of-new", "type": "group_participants_dance", "dancers": added,
        }),
    );
    alerts_on(alert, "ingest_quarantined_total");
    for reason in ["timestamp_behind", "unknown_type"] {
        let lying = format!(r#"ingest_quarantined_total{{reason="{reason}"}}"#);
        await_metric(&ingest, &lying, |count| count == 1.0);
    }

    let [list, show, replay]: [String; 3] = commands(&format!("### {alert}")).try_into().unwrap();
    let brokers = r#""$BROKERS""#;
    let prefixed = format!("{brokers} --topic-prefix {}", stage.prefix);
    let prefixed = |command: &str| command.replace(brokers, &prefixed);
    let listed = desk.types(&prefixed(&list));
    println!("{listed}");
    assert!(
        listed.contains("1 for timestamp_behind\n1 for unknown_type\n"),
        "{listed}"
    );
    assert!(!listed.contains(WHO), "{listed}");
    let line = listed
        .lines()
        .find(|line| line.contains("timestamp_behind"))
        .unwrap();
    let id = line.split_whitespace().next().unwrap();
    let shown: Value =
        serde_json::from_str(&desk.types(&prefixed(&show).replace("0:17", id))).unwrap();
    assert_eq!(shown["headers"]["reason"], "timestamp_behind");
    assert!(shown["value"].as_str().unwrap().contains(WHO), "{shown}");

    // What is as it was is refused as it was, and says so by its exit status.
    let as_before = prefixed(&replay).replace(" --timestamp-past 90d", "");
    let refused = operator::types(&as_before, &stage.broker.bootstrap(), dir.path());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let tried = desk.types(&format!("{} --dry-run", prefixed(&replay)));
    assert!(
        tried.contains("1 items: 1 events would be appended, 0 still not understood"),
        "{tried}"
    );
    for _ in 0..2 {
        let said = desk.types(&prefixed(&replay));
        assert!(
            said.contains("1 items: 1 events appended, 0 still not understood"),
            "{said}"
        );
    }
    let of_group = queries.join("/v1/groups/group-of-old").unwrap();
    await_until(WITHIN, "who joined to be seen", || {
        let group = http::get(of_group.clone()).text();
        group.contains(WHO).then_some(())
    })
    .unwrap();
    let changes = http::get(queries.join("/v1/groups/group-of-old/changes").unwrap()).text();
    assert_eq!(changes.matches(WHO).count(), 1, "{changes}");
    for service in [ingest, projector] {
        assert_eq!(service.stop(), Some(0));
    }
}

#[test]
fn a_field_or_an_app_token_that_is_missing_is_named_and_the_alarm_ends_when_it_is_there() {
    let stage = Stage::new(Broker::shared().unwrap(), 93, 2, "subscribed.");
    let desk = Desk::new(&stage);
    let (missing, token) = ("reconciler_subscriptions_missing", desk.path("app-token"));
    alerts_on("RollcallSubscriptionMissing", missing);
    alerts_on("RollcallSubscriptionUnknown", missing);
    fs::write(&token, "100000000000001|not the app's secret").unwrap();
    let (reconciler, _) = stage.reconciler(&[&format!("--app-token-file={}", token.display())]);
    await_metric(&reconciler, missing, |fields| fields < 0.0);
    await_said(
        &reconciler,
        "subscriptions could not be read: Meta refuses the token",
    );

    stage
        .sim
        .faults(&json!({"webhooks": {"unsubscribed": ["group_status_update"]}}));
    fs::write(&token, format!("100000000000001|{APP_SECRET}")).unwrap();
    await_metric(&reconciler, missing, |fields| fields == 1.0);
    // kubectl logs … | grep subscribed
    await_said(
        &reconciler,
        "the app is not subscribed to group_status_update",
    );

    stage.sim.faults(&json!({"webhooks": {"unsubscribed": []}}));
    await_metric(&reconciler, missing, |fields| fields == 0.0);
    assert!(reconciler.is_ready());
}
