use serde_json::json;

use super::*;

fn truth() -> Value {
    json!({"now": 1, "numbers": [{"groups": [{
        "group_id": "g", "subject": "s", "suspended": false,
        "participants": [{"wa_id": "155", "user_id": "US.1", "username": null}],
        "join_requests": [{"join_request_id": "j", "wa_id": "156", "user_id": "US.2", "created_at": 1}],
    }]}]})
}

fn held() -> Value {
    json!({
        "group_id": "g", "existence": "active", "subject": "s", "suspended": null,
        "participants": [{"wa_id": null, "user_id": "US.1"}],
        "join_requests": [{"wa_id": "156", "user_id": null}],
    })
}

fn fields_that_differ(change: impl FnOnce(&mut Value)) -> Vec<&'static str> {
    let mut held = held();
    change(&mut held);
    compare(&truth(), &[held])
        .1
        .into_iter()
        .flat_map(|difference| difference.fields)
        .collect()
}

#[test]
fn the_same_persons_by_other_identifiers_agree() {
    assert_eq!(compare(&truth(), &[held()]), (1, vec![]));
}

#[test]
fn every_compared_field_is_compared() {
    assert_eq!(
        fields_that_differ(|held| held["subject"] = json!("t")),
        ["subject"]
    );
    assert_eq!(
        fields_that_differ(|held| held["suspended"] = json!(true)),
        ["suspended"]
    );
    assert_eq!(
        fields_that_differ(|held| held["participants"] = json!([])),
        ["participants"]
    );
    assert_eq!(
        fields_that_differ(|held| held["participants"][0]["user_id"] = json!("US.9")),
        ["participants"]
    );
    assert_eq!(
        fields_that_differ(|held| held["join_requests"] = json!([])),
        ["join_requests"]
    );
    assert_eq!(
        fields_that_differ(|held| held["existence"] = json!("gone")),
        ["existence"]
    );
}

#[test]
fn a_group_that_one_side_lacks_differs() {
    let missing = |held: &[Value]| compare(&truth(), held).1.len();
    assert_eq!(missing(&[]), 1);
    let mut other = held();
    other["group_id"] = json!("h");
    assert_eq!(missing(&[held(), other.clone()]), 1);
    other["existence"] = json!("unconfirmed");
    assert_eq!(missing(&[held(), other.clone()]), 1);
    other["existence"] = json!("gone");
    assert_eq!(missing(&[held(), other]), 0);
}
