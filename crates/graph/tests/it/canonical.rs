//! Canonical bytes: what says the same has the same, and what differs differs.

use graph::webhook::{MessagesItem, Parsed, Piece, Post, split};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Canonical bytes of every item of a body.
fn canonical(body: &Value) -> Vec<Vec<u8>> {
    let body = serde_json::to_vec(body).unwrap();
    let Post::Envelope(envelope) = split(&body).unwrap() else {
        panic!("an envelope")
    };
    let mut all = Vec::new();
    for piece in envelope.pieces() {
        let Piece::Item(item) = piece else {
            panic!("items only")
        };
        let mut out = Vec::new();
        match item.parse().unwrap() {
            Parsed::Group(group) => group.canonical(&mut out),
            Parsed::Messages(MessagesItem::Message(message)) => message.canonical(&mut out),
            Parsed::Messages(MessagesItem::Status(status)) => status.canonical(&mut out),
            Parsed::Messages(MessagesItem::System(system)) => system.canonical(&mut out),
            Parsed::Messages(MessagesItem::Dropped(_)) | Parsed::UnknownField => continue,
        }
        all.push(out);
    }
    all
}

fn payload(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

const NAMES: &[&str] = &[
    "create",
    "create_openapi",
    "create_failed",
    "delete_failed",
    "added_by_invite_link",
    "added_partly",
    "join_request_created",
    "join_request_approved",
    "removed_partly",
    "removed_failed",
    "left",
    "settings_partly",
    "settings_failed",
    "suspended",
    "group_message",
    "group_message_hidden_number",
    "status_sent",
    "status_read",
    "statuses_aggregated",
    "status_openapi",
    "status_failed",
    "system_changed_number",
    "system_changed_user_id",
];

/// Members in another order (by a seed), digits in or out of quotes, unknown members added.
fn rewrite(value: &Value, seed: u64) -> Value {
    let next = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let length = members.len().max(1);
            members.rotate_left(usize::try_from(next % length as u64).unwrap());
            if next & 64 != 0 {
                members.reverse();
            }
            let mut out = Map::new();
            if next & 128 != 0 {
                out.insert(
                    "unheard_of".to_owned(),
                    json!({"wa_id": [1, null], "x": "é"}),
                );
            }
            for (index, (key, member)) in members.into_iter().enumerate() {
                out.insert(
                    key.clone(),
                    rewrite(member, next.wrapping_add(index as u64)),
                );
            }
            Value::Object(out)
        }
        Value::Array(all) => Value::Array(
            all.iter()
                .enumerate()
                .map(|(index, one)| rewrite(one, next.wrapping_add(index as u64)))
                .collect(),
        ),
        Value::String(text) if next & 1 == 1 && !text.starts_with('0') => match text.parse::<u64>()
        {
            Ok(number) => json!(number),
            Err(_) => value.clone(),
        },
        Value::Number(number) if next & 1 == 1 => json!(number.to_string()),
        Value::Bool(flag) if next & 1 == 1 => json!(flag.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

proptest! {
    #[test]
    fn how_an_item_is_written_leaves_no_trace(seed in any::<u64>(), index in 0..NAMES.len()) {
        let body = payload(NAMES[index]);
        prop_assert_eq!(canonical(&rewrite(&body, seed)), canonical(&body));
    }
}

#[test]
fn every_payload_differs_from_every_other() {
    let mut all: Vec<_> = NAMES
        .iter()
        .flat_map(|name| canonical(&payload(name)))
        .collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn how_items_are_batched_leaves_no_trace() {
    for (name, list) in [
        ("statuses_aggregated", "statuses"),
        ("group_message_hidden_number", "messages"),
    ] {
        let body = payload(name);
        let whole = canonical(&body);
        let items = body["entry"][0]["changes"][0]["value"][list]
            .as_array()
            .unwrap();
        let apart: Vec<_> = items
            .iter()
            .flat_map(|item| {
                let mut alone = body.clone();
                alone["entry"][0]["time"] = json!(1_780_009_999);
                alone["entry"][0]["changes"][0]["value"][list] = json!([item]);
                canonical(&alone)
            })
            .collect();
        assert_eq!(apart, whole);
    }
}

#[test]
fn the_persons_own_contact_is_part_of_the_item_and_others_are_not() {
    let body = payload("status_read");
    let mut other = body.clone();
    let contacts = &mut other["entry"][0]["changes"][0]["value"]["contacts"];
    contacts.as_array_mut().unwrap().insert(
        0,
        json!({"wa_id": "15550100099", "profile": {"username": "else"}}),
    );
    assert_eq!(canonical(&other), canonical(&body));
    let mut renamed = body.clone();
    renamed["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["username"] =
        json!("rosa");
    assert_ne!(canonical(&renamed), canonical(&body));
    let mut name = body.clone();
    name["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] = json!("Somebody");
    assert_eq!(canonical(&name), canonical(&body));
}

#[test]
fn a_contact_is_found_by_either_identifier_and_by_no_contradiction() {
    let with = |contacts: Value| {
        let mut body = payload("status_read");
        body["entry"][0]["changes"][0]["value"]["contacts"] = contacts;
        canonical(&body)
    };
    let username = json!({"username": "rosa.k"});
    let (number, user) = ("15550100042", "US.10000000000000000042");
    let both = with(json!([{"wa_id": number, "user_id": user, "profile": username}]));
    let stranger = json!({"user_id": "US.99", "profile": {"username": "mo"}});
    assert_eq!(
        with(json!([stranger, {"wa_id": number, "profile": username}])),
        both
    );
    assert_eq!(
        with(json!([stranger, {"user_id": user, "profile": username}])),
        both
    );
    // A number that meanwhile is somebody else's.
    let none = with(json!([]));
    assert_eq!(
        with(json!([{"wa_id": number, "user_id": "US.99", "profile": username}])),
        none
    );
    assert_eq!(with(json!("contacts")), none);
    assert_eq!(with(json!([7, {"wa_id": []}, null])), none);
    assert_ne!(none, both);
}

#[test]
fn spellings_and_places_leave_no_trace() {
    let read = payload("status_read");
    let mut other = read.clone();
    let status = other["entry"][0]["changes"][0]["value"]["statuses"][0]
        .as_object_mut()
        .unwrap();
    let participant = status.remove("recipient_participant_id").unwrap();
    status.insert("participant_recipient_id".to_owned(), participant);
    let pricing = status.remove("pricing").unwrap();
    status.insert(
        "conversation".to_owned(),
        json!({"id": "c", "pricing": pricing}),
    );
    assert_eq!(canonical(&other), canonical(&read));

    let left = payload("left");
    let mut other = left.clone();
    let item = &mut other["entry"][0]["changes"][0]["value"]["groups"][0];
    item["type"] = json!("group_remove_participants");
    item["removed_participants"][0]["wa_id"] = json!("+1 555 010 0042");
    item["removed_participants"][0]["username"] = json!("@rosa.k");
    item["removed_participants"][0]["input"] = json!("");
    item["reason"] = json!(null);
    assert_eq!(canonical(&other), canonical(&left));
}

#[test]
fn canonical_bytes_stay_as_they_were_released() {
    let hash = |name| {
        canonical(&payload(name))
            .iter()
            .map(|bytes| blake3::hash(bytes).to_hex()[..16].to_owned())
            .collect::<Vec<_>>()
    };
    insta::assert_debug_snapshot!(
        "canonical",
        [
            "create",
            "left",
            "settings_partly",
            "group_message",
            "status_read",
            "system_changed_number"
        ]
        .map(hash)
    );
}
