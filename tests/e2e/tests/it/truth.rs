//! Does the projection say what the simulator knows?

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::await_until;
use reqwest::Url;
use serde_json::Value;

use crate::{http, sim::Sim};

/// Differences shown where two sides do not agree, and how much of each.
const NAMED_MAX: usize = 10;
const NAMED_CHARS_MAX: usize = 600;

/// All groups of the query API, over all pages.
pub fn held(queries: &Url) -> Vec<Value> {
    let mut groups = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut url = queries.join("/v1/groups").unwrap();
        url.query_pairs_mut().append_pair("limit", "40");
        if let Some(cursor) = &cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let page = http::get(url).json();
        groups.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return groups,
        }
    }
}

/// One line for each thing in which a group differs.
pub fn differences(truth: &Value, held: &[Value]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut held_by_id: BTreeMap<&str, &Value> = BTreeMap::new();
    for group in held {
        let id = group["group_id"].as_str().unwrap();
        if held_by_id.insert(id, group).is_some() {
            differences.push(format!("{id}: shown twice"));
        }
    }
    let mut true_ids = BTreeSet::new();
    for number in truth["numbers"].as_array().unwrap() {
        for group in number["groups"].as_array().unwrap() {
            let id = group["group_id"].as_str().unwrap();
            true_ids.insert(id);
            match held_by_id.get(id) {
                None => differences.push(format!("{id}: not held")),
                Some(held) => {
                    if held["phone_number_id"] != number["phone_number_id"] {
                        differences.push(format!("{id}: phone_number_id"));
                    }
                    group_differences(id, group, held, &mut differences);
                }
            }
        }
    }
    for (id, group) in held_by_id {
        if !true_ids.contains(id) && group["existence"] != "gone" {
            differences.push(format!(
                "{id}: held as {}, and it is gone",
                group["existence"]
            ));
        }
    }
    differences
}

fn group_differences(id: &str, truth: &Value, held: &Value, differences: &mut Vec<String>) {
    let mut check = |name: &str, agrees: bool| {
        if !agrees {
            let (truth, held) = (&truth[name], &held[name]);
            differences.push(format!("{id}: {name} is {truth}, held is {held}"));
        }
    };
    check("existence", held["existence"] == "active");
    check("subject", held["subject"] == truth["subject"]);
    check(
        "suspended",
        (held["suspended"] == true) == (truth["suspended"] == true),
    );
    for name in ["participants", "join_requests"] {
        check(name, same_people(&truth[name], &held[name]));
    }
}

/// One to one, by any identifier that both have.
fn same_people(truth: &Value, held: &Value) -> bool {
    let (Some(truth), Some(held)) = (truth.as_array(), held.as_array()) else {
        return false;
    };
    let same = |a: &Value, b: &Value| {
        let both = |name: &str| a[name].is_string() && b[name].is_string();
        let shared = |name: &str| both(name) && a[name] == b[name];
        let contradicts = |name: &str| both(name) && a[name] != b[name];
        (shared("user_id") || shared("wa_id")) && !contradicts("user_id")
    };
    let mut left: Vec<&Value> = held.iter().collect();
    for person in truth {
        match left.iter().position(|other| same(person, other)) {
            Some(place) => drop(left.swap_remove(place)),
            None => return false,
        }
    }
    left.is_empty()
}

/// Waits until everything up to these positions is folded.
///
/// `Rollcall-Lag-Records` is no proof of it: what it tells was measured up to a second before.
pub fn await_folded(queries: &Url, ends: &str, within: Duration) {
    await_until(within, "all events to be folded", || {
        let url = queries.join("/v1/groups?limit=1").unwrap();
        let answer = http::ask(url, &[("rollcall-at-least", ends)], within);
        (answer.ok()?.status == 200).then_some(())
    })
    .unwrap();
}

/// Waits until all groups agree; what differs is in the failure.
pub fn await_agreement(sim: &Sim, queries: &Url, within: Duration) {
    let mut last = Vec::new();
    let agreed = await_until(within, "agreement with the simulator", || {
        last = differences(&sim.state(), &held(queries));
        last.is_empty().then_some(())
    });
    let named: Vec<String> = last
        .iter()
        .take(NAMED_MAX)
        .map(|line| shortened(line))
        .collect();
    assert!(
        agreed.is_ok(),
        "{within:?} were not enough: {} differences\n{}",
        last.len(),
        named.join("\n")
    );
}

fn shortened(line: &str) -> String {
    line.chars().take(NAMED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    fn truth() -> Value {
        json!({"numbers": [{"phone_number_id": "3", "groups": [{
            "group_id": "A", "subject": "Repair", "suspended": false,
            "participants": [{"wa_id": "155", "user_id": "US.1", "username": null}],
            "join_requests": [{"join_request_id": "j", "wa_id": "156", "user_id": "US.2"}],
        }]}]})
    }

    fn held() -> Value {
        json!({
            "group_id": "A", "phone_number_id": "3", "existence": "active", "subject": "Repair", "suspended": null,
            "participants": [{"wa_id": null, "user_id": "US.1"}],
            "join_requests": [{"wa_id": "156", "user_id": null}],
        })
    }

    #[test]
    fn every_difference_of_a_group_is_seen() {
        assert_eq!(differences(&truth(), &[held()]), Vec::<String>::new());
        let gone = json!({"group_id": "B", "existence": "gone"});
        assert_eq!(differences(&truth(), &[held(), gone]), Vec::<String>::new());
        for (field, value) in [
            ("existence", json!("unconfirmed")),
            ("subject", json!("repair")),
            ("suspended", json!(true)),
            ("phone_number_id", json!(null)),
            ("participants", json!([])),
            ("participants", json!([{"wa_id": "155", "user_id": "US.9"}])),
            (
                "participants",
                json!([{"user_id": "US.1"}, {"user_id": "US.1"}]),
            ),
            ("join_requests", json!([{"wa_id": "157"}])),
        ] {
            let mut wrong = held();
            wrong[field] = value;
            assert_eq!(differences(&truth(), &[wrong]).len(), 1, "{field}");
        }
        assert_eq!(differences(&truth(), &[]).len(), 1);
        let unknown = json!({"group_id": "B", "existence": "active"});
        assert_eq!(differences(&truth(), &[held(), unknown]).len(), 1);
    }
}
