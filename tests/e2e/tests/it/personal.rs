//! Nothing of a person is in what the services print, show as metrics or tell in traces: no number, no name, no link, no join request.

use std::collections::BTreeMap;

use harness::Broker;
use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    collector::Collector,
    http, posts,
    services::{self, NUMBER, READY_WITHIN},
    stage::Stage,
    truth,
};

/// Members of Meta's objects whose values are of a person, or let a person in.
const PERSONAL: [&str; 19] = [
    "body",
    "description",
    "from",
    "from_user_id",
    "input",
    "invite_link",
    "join_request_id",
    "name",
    "new_wa_id",
    "parent_user_id",
    "participant_recipient_id",
    "recipient_participant_id",
    "recipient_participant_parent_user_id",
    "recipient_participant_user_id",
    "recipient_user_id",
    "subject",
    "user_id",
    "username",
    "wa_id",
];

/// Shorter values are words of anybody's.
const CHARACTERS_MIN: usize = 6;

/// Takes up what is personal in a document, with the member that held it.
fn collect(value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let (true, Some(text)) = (PERSONAL.contains(&name.as_str()), value.as_str())
                    && text.len() >= CHARACTERS_MIN
                {
                    into.insert(text.to_owned(), name.clone());
                }
                collect(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lines that hold anything personal, and what it is of.
fn found<'a>(text: &'a str, personal: &BTreeMap<String, String>) -> Vec<(&'a str, String)> {
    let lines = text.lines();
    lines
        .filter_map(|line| {
            let mut all = personal.iter();
            let (value, name) = all.find(|(value, _)| line.contains(value.as_str()))?;
            Some((line, format!("{name} {value}")))
        })
        .collect()
}

/// Asks for what changes groups, and for what is refused.
fn manages(commands: &Url, group: &str, wa_id: &str, personal: &mut BTreeMap<String, String>) {
    let at = |path: &str| commands.join(path).unwrap();
    let group = format!("/v1/groups/{}", group.replace('/', "%2F"));
    let asked = [
        (
            format!("/v1/numbers/{NUMBER}/groups"),
            json!({"subject": "Private: cellar key"}),
        ),
        (
            format!("{group}/messages"),
            json!({"type": "text", "text": {"body": "Rosa has the key"}}),
        ),
        (
            format!("{group}/messages"),
            json!({"type": "no such type", "text": {"body": "Rosa has it not"}}),
        ),
        (
            format!("{group}/participants/remove"),
            json!({"participants": [wa_id]}),
        ),
        (
            format!("{group}/participants/remove"),
            json!({"participants": ["15550299999"]}),
        ),
        (
            format!("{group}/join-requests/approve"),
            json!({"join_requests": ["join-request-of-nobody"]}),
        ),
        (format!("{group}/invite-link"), json!({})),
    ];
    for (path, body) in asked {
        collect(&body, personal);
        let answer = http::post(at(&path), &body);
        if let Ok(answer) = serde_json::from_str(&answer.text()) {
            collect(&answer, personal);
        }
    }
    for text in ["15550299999", "join-request-of-nobody"] {
        personal.insert(text.to_owned(), "asked".to_owned());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn nothing_of_a_person_is_printed_shown_as_a_metric_or_told_in_a_trace() {
    let stage = Stage::new(Broker::shared().unwrap(), 71, 12, "personal.");
    let dir = tempfile::tempdir().unwrap();
    // All that they can log, and every trace.
    let collector = Collector::start();
    let [endpoint, sample] = collector.options();
    let all = ["--log=trace", &endpoint, &sample];
    let (projector, queries) = stage.projector(&dir.path().join("store"), &all);
    let (reconciler, commands) = stage.reconciler(&all);
    let (ingest, webhooks) = stage.ingest(&all);
    stage.sim.webhook(&webhooks);

    // All that can happen does, some of it is lost, and some comes in a form that nobody understands.
    let mut personal = BTreeMap::new();
    stage.sim.faults(&json!({
        "webhooks": {"lose": 0.1, "duplicate": 0.1, "reorder": 0.1, "variants": 0.3},
        "api": {"error_rate": 0.05, "fail_requests": 0.2},
    }));
    stage.sim.step(400);
    let groups = stage.sim.groups();
    let group = groups
        .iter()
        .find(|group| !group["participants"].as_array().unwrap().is_empty());
    let group = group.unwrap();
    let wa_id = group["participants"][0]["wa_id"]
        .as_str()
        .unwrap_or("15550100042");
    manages(
        &commands,
        group["group_id"].as_str().unwrap(),
        wa_id,
        &mut personal,
    );
    for broken in [
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_participants_update","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"300000000000001"},"groups":[{"timestamp":"x","group_id":"g","type":"group_participants_add","added_participants":[{"wa_id":"15550288888","username":"@quarantined"}]}]}}]}]}"#,
        r#"{"object":"whatsapp_business_account","entry":[{"wa_id":"15550288888","name":"@quarantined"#,
    ] {
        let signature = posts::signature(services::APP_SECRET, broken.as_bytes());
        let headers = [
            ("content-type", "application/json"),
            ("x-hub-signature-256", signature.as_str()),
        ];
        http::post_bytes(webhooks.clone(), &headers, broken.as_bytes().to_vec()).unwrap();
    }
    for text in ["15550288888", "@quarantined"] {
        personal.insert(text.to_owned(), "quarantined".to_owned());
    }
    stage
        .sim
        .faults(&json!({"webhooks": {"lose": 0.0}, "api": {"error_rate": 0.0}}));
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);
    for wa_id in personal.keys().take(3) {
        // Whoever asks for nonsense with a number in it is told so, and nobody else.
        http::get(queries.join(&format!("/v1/groups/{wa_id}")).unwrap());
        http::get(queries.join(&format!("/v1/groups?cursor={wa_id}")).unwrap());
    }
    collect(&stage.sim.state(), &mut personal);
    stage
        .sim
        .sent()
        .iter()
        .for_each(|sent| collect(sent, &mut personal));
    let held = truth::held(&queries);
    held.iter().for_each(|held| collect(held, &mut personal));
    assert!(personal.len() > 100, "{}", personal.len());

    let mut printed = 0;
    for (name, mut service) in [
        ("ingest", ingest),
        ("reconciler", reconciler),
        ("projector", projector),
    ] {
        let metrics = service.metrics();
        service.process.sigterm().unwrap();
        service.process.wait(READY_WITHIN).unwrap();
        let (stdout, stderr) = (service.process.stdout(), service.process.stderr());
        for text in [&metrics, &stdout, &stderr] {
            let found = found(text, &personal);
            assert!(
                found.is_empty(),
                "{name}: {:#?}",
                &found[..found.len().min(20)]
            );
            printed += text.lines().count();
        }
        // The same search finds what is planted.
        let (planted, _) = personal.iter().next_back().unwrap();
        assert_eq!(
            self::found(&format!("{stderr}\n… {planted} …"), &personal).len(),
            1
        );
    }
    // What was still to be sent came at their ends.
    let spans = collector.spans();
    assert!(spans.len() > 100, "{}", spans.len());
    let told = spans.iter().map(|span| format!("{span:?}\n"));
    let told: String = told.collect();
    assert!(found(&told, &personal).is_empty());
    let (planted, _) = personal.iter().next_back().unwrap();
    let planted = told.replacen("\n", &format!(" … {planted} …\n"), 1);
    assert_eq!(found(&planted, &personal).len(), 1);
    let (spans, values) = (spans.len(), personal.len());
    println!("{printed} lines, {spans} spans, {values} personal values");
}
