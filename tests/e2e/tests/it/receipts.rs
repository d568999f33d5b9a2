//! What became of messages to a group: who got and read them, who did not, and what they cost, whatever the order of Meta's webhooks.

use std::{collections::BTreeMap, time::Duration};

use harness::await_until;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::{commands::Stage, http, posts, services};

const WITHIN: Duration = Duration::from_secs(120);

/// Orders in which the statuses of each message are told again, of another message.
const ORDERS: u64 = 30;

/// What each of the eight does, and how that is shown; `read` comes without `delivered` too, and one is never reached.
const FATES: [(&[&str], &str); 8] = [
    (&["deliver", "read"], "read"),
    (&["read"], "read"),
    (&["deliver"], "delivered"),
    (&["deliver", "read"], "read"),
    (&["fail"], "failed"),
    (&["read"], "read"),
    (&["deliver"], "delivered"),
    (&[], "nothing"),
];

/// Each category with its template, if it is one, and what Meta calls its price.
const CATEGORIES: [(Option<&str>, &str, &str, bool); 3] = [
    (None, "group_service", "free_group_customer_service", false),
    (Some("UTILITY"), "group_utility", "regular", true),
    (Some("MARKETING"), "group_marketing", "regular", true),
];

/// What is shown of a message that does not depend on when it was told, or on its id.
fn table(shown: &Value) -> Value {
    let mut table = shown.as_object().unwrap().clone();
    for of_one in ["message_id", "position", "version"] {
        table.remove(of_one);
    }
    Value::Object(table)
}

/// Recipients by number: how far the message got with each, and all that is shown of that.
fn rows(shown: &Value) -> BTreeMap<String, (&'static str, &Value)> {
    let mut rows = BTreeMap::new();
    for row in shown["recipients"].as_array().unwrap() {
        let wa_id = row["wa_id"].as_str().unwrap().to_owned();
        let mut fates = ["failed", "read", "delivered"].into_iter();
        let fate = fates.find(|fate| !row[format!("{fate}_at")].is_null());
        rows.insert(wa_id, (fate.unwrap_or("nothing"), row));
    }
    rows
}

fn shown(stage: &Stage, message_id: &str) -> Option<Value> {
    let answer = http::get(stage.queries(&["v1", "messages", message_id]));
    (answer.status == 200).then(|| answer.json())
}

/// Sends one, lets the eight do what they do, and gives its id.
fn send(stage: &Stage, group: &str, people: &[String], template: Option<&str>) -> String {
    let how = template.map_or_else(
        || vec!["--text=The part has come".to_owned()],
        |name| vec![format!("--template={name}"), "--language=en".to_owned()],
    );
    let mut arguments = vec!["group", "send", group];
    arguments.extend(how.iter().map(String::as_str));
    let sent = stage.does(&arguments);
    let message_id = sent["message_id"].as_str().unwrap().to_owned();
    for turn in 0..2 {
        for (person, (acts, _)) in people.iter().zip(FATES) {
            let Some(act) = acts.get(turn) else { continue };
            let mut body = json!({"message_id": message_id});
            if *act == "fail" {
                body["code"] = json!(131_026);
            }
            stage.sim.act(person, act, &body);
        }
    }
    message_id
}

/// The statuses that Meta told of a message, each with the contact that belongs to it.
fn told(sent: &[Value], message_id: &str) -> Vec<(Value, Value)> {
    let changes = sent.iter().flat_map(|body| {
        let entries = body["entry"].as_array().unwrap().iter();
        entries.flat_map(|entry| entry["changes"].as_array().unwrap())
    });
    let mut told = Vec::new();
    for change in changes {
        let value = &change["value"];
        let Some(statuses) = value["statuses"].as_array() else {
            continue;
        };
        for (place, status) in statuses.iter().enumerate() {
            if status["id"] == message_id {
                told.push((status.clone(), value["contacts"][place].clone()));
            }
        }
    }
    told
}

/// A webhook about some statuses of one kind, as Meta aggregates them.
fn webhook(statuses: &[&(Value, Value)], message_id: &str) -> Value {
    let renamed = statuses.iter().map(|(status, _)| {
        let mut status = status.clone();
        status["id"] = json!(message_id);
        status
    });
    let contacts: Vec<&Value> = statuses
        .iter()
        .map(|(_, contact)| contact)
        .filter(|contact| !contact.is_null())
        .collect();
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100001", "phone_number_id": services::NUMBER},
        "statuses": renamed.collect::<Vec<_>>(),
    });
    if !contacts.is_empty() {
        value["contacts"] = json!(contacts);
    }
    json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [
        {"field": "messages", "value": value},
    ]}]})
}

/// Tells the same of another message: in an order drawn from `seed`, some statuses twice, and neighbours of one kind at times in one webhook.
fn tell_again(stage: &Stage, told: &[(Value, Value)], message_id: &str, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all: Vec<&(Value, Value)> = told.iter().collect();
    for _ in 0..random.random_range(0..4) {
        all.push(&told[random.random_range(0..told.len())]);
    }
    all.shuffle(&mut random);
    let mut webhooks: Vec<Vec<&(Value, Value)>> = Vec::new();
    for status in all {
        let is_alike = |last: &&mut Vec<&(Value, Value)>| last[0].0["status"] == status.0["status"];
        match webhooks.last_mut().filter(is_alike) {
            Some(last) if random.random_bool(0.6) => last.push(status),
            _ => webhooks.push(vec![status]),
        }
    }
    for statuses in webhooks {
        let body = webhook(&statuses, message_id).to_string().into_bytes();
        let signature = posts::signature(services::APP_SECRET, &body);
        let headers = [
            ("content-type", "application/json"),
            ("x-hub-signature-256", signature.as_str()),
        ];
        let answer = http::post_bytes(stage.rollcall.webhooks.clone(), &headers, body);
        assert_eq!(answer.unwrap().status, 200);
    }
}

/// Each got it as they did, and those whom it reached cost what its category costs.
fn check(whole: &Value, people: &[String], paid: &Value) {
    let rows = rows(whole);
    for (person, (acts, fate)) in people.iter().zip(FATES) {
        let Some((_, row)) = rows.get(person) else {
            assert_eq!(fate, "nothing");
            continue;
        };
        assert_eq!(row["delivered_at"].is_null(), !acts.contains(&"deliver"));
        if fate == "failed" {
            assert_eq!(row["errors"][0]["code"], 131_026);
            assert_eq!(row["pricing"], Value::Null);
        } else {
            assert_eq!(row["pricing"], *paid, "{row}");
        }
    }
}

#[test]
fn a_message_to_a_group_of_eight_has_one_table_of_recipients_and_one_price_whatever_the_order() {
    let stage = Stage::new(604);
    stage.faults(&json!({"hold_delivery": true}));
    let group = stage.creates("Repair 4713", "auto_approve");
    let people: Vec<String> = (0..8).map(|n| stage.person(n, "join", &group).0).collect();
    stage.shows(&group, "all eight", |shown| {
        (shown["participant_count"] == 8).then_some(())
    });
    stage.sim.faults(&json!({"webhooks": {
        "duplicate": 0.3, "reorder": 0.3, "delay_seconds": 1, "variants": 0.3,
    }}));
    let mut sent = Vec::new();
    for (category, price, kind, is_billable) in CATEGORIES {
        let template = category.map(|category| {
            let name = format!("about_{}", category.to_lowercase());
            let path = format!("/sim/templates/{name}");
            let body = json!({"language": "en", "category": category});
            let made = http::put(stage.sim.url.join(&path).unwrap(), &body);
            assert_eq!(made.status, 200, "{}", made.text());
            name
        });
        let message_id = send(&stage, &group, &people, template.as_deref());
        sent.push((message_id, price, kind, is_billable));
    }
    stage.sim.flush();
    let bodies = stage.sim.sent();
    for (place, (message_id, price, kind, is_billable)) in (0..).zip(&sent) {
        let whole = await_until(WITHIN, "the receipts of all", || {
            let shown = shown(&stage, message_id)?;
            let reached = rows(&shown).into_values().map(|(fate, _)| fate);
            let due = FATES.iter().map(|(_, fate)| *fate);
            let due: Vec<&str> = due.filter(|fate| *fate != "nothing").collect();
            (reached.collect::<Vec<_>>() == due).then_some(shown)
        })
        .unwrap();
        assert_eq!(whole["group_id"], group);
        let paid = json!({"billable": is_billable, "category": price, "pricing_model": "PMP", "type": kind});
        check(&whole, &people, &paid);
        // Told again in other orders, the same comes of it.
        let told = told(&bodies, message_id);
        let again: Vec<String> = (0..ORDERS)
            .map(|order| format!("{message_id}-{order}"))
            .collect();
        for (seed, again) in (place * ORDERS..).zip(&again) {
            tell_again(&stage, &told, again, seed);
        }
        for again in &again {
            let same = await_until(WITHIN, "the same of another order", || {
                (table(&shown(&stage, again)?) == table(&whole)).then_some(())
            });
            assert!(same.is_ok(), "{:#}", shown(&stage, again).unwrap());
        }
    }

    // Six of eight were reached by each message, and cost what its category costs.
    let usage = stage.queries(&["v1", "usage"]);
    let usage = http::get(usage).json();
    let counted = |category: Value| {
        let mut items = usage["items"].as_array().unwrap().iter();
        let item = items.find(|item| item["category"] == category).unwrap();
        (item["messages"].as_u64(), item["recipients"].as_u64())
    };
    let all = 1 + ORDERS;
    for (_, price, ..) in CATEGORIES {
        assert_eq!(counted(json!(price)), (Some(all), Some(6 * all)), "{usage}");
    }
    assert_eq!(counted(Value::Null), (Some(3 * all), Some(3 * all)));
    assert_eq!(usage["items"].as_array().map(Vec::len), Some(4), "{usage}");
}
