//! A pool of signed webhooks as a business with busy groups gets them.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const APP_SECRET: &str = "an app secret of the benchmark";

/// Different POSTs; large enough that no cache of the processor holds them all.
const POOL: usize = 20_000;
const GROUPS: u32 = 10_000;
const PEOPLE: u32 = 40_000;
const SEED: u64 = 1;

/// Whole HTTP requests, and how many items and bytes of body a request has on average.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) items_mean: f64,
    pub(crate) bytes_mean: f64,
}

/// Builds the pool; every webhook is stamped within the last minute.
pub(crate) fn pool(address: SocketAddr, now: u64) -> Pool {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut items, mut bytes) = (0, 0);
    let requests = (0..POOL).map(|_| {
        // Mostly one item a POST, sometimes a few together, seldom many.
        let count = match random.random_range(0..100) {
            0..70 => 1,
            70..94 => random.random_range(2..6),
            _ => random.random_range(6..20),
        };
        let changes: Vec<Value> = (0..count).map(|_| change(&mut random, now)).collect();
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{"id": "200000000000001", "changes": changes}],
        });
        let body = body.to_string();
        items += count;
        bytes += body.len();
        request(address, body.as_bytes())
    });
    let requests: Vec<Vec<u8>> = requests.collect();
    Pool {
        requests,
        items_mean: f64::from(items) / POOL as f64,
        bytes_mean: bytes as f64 / POOL as f64,
    }
}

fn request(address: SocketAddr, body: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("any key will do");
    mac.update(body);
    let mut request = format!(
        "POST /webhooks HTTP/1.1\r\nHost: {address}\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nX-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\n\r\n",
        hex::encode(mac.finalize().into_bytes()),
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Receipts are half of it, as every message has several; then messages, members, and seldom the rest.
fn change(random: &mut impl Rng, now: u64) -> Value {
    let stamp = (now - random.random_range(0..60)).to_string();
    let group = group_id(random.random_range(0..GROUPS));
    let person = random.random_range(0..PEOPLE);
    match random.random_range(0..100) {
        0..50 => messages(receipt(random, &stamp, &group, person)),
        50..66 => messages(message(random, &stamp, Some(&group), person)),
        66..74 => messages(message(random, &stamp, None, person)),
        74..84 => item("group_participants_update", joined(&stamp, &group, person)),
        84..91 => item("group_participants_update", left(&stamp, &group, person)),
        91..95 => item("group_participants_update", asked(&stamp, &group, person)),
        95..98 => item("group_settings_update", renamed(random, &stamp, &group)),
        98 => item("group_lifecycle_update", created(random, &stamp, &group)),
        _ => item(
            "group_status_update",
            json!({"timestamp": stamp, "group_id": group, "type": "group_suspend"}),
        ),
    }
}

fn metadata() -> Value {
    json!({"display_phone_number": "15550100001", "phone_number_id": "300000000000001"})
}

fn item(field: &str, item: Value) -> Value {
    json!({"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata(), "groups": [item]}})
}

fn messages((contacts, key, item): (Value, &str, Value)) -> Value {
    json!({"field": "messages", "value": {
        "messaging_product": "whatsapp", "metadata": metadata(), "contacts": contacts, key: [item],
    }})
}

fn group_id(n: u32) -> String {
    format!("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0{n:012}ZD")
}

fn wa_id(person: u32) -> String {
    format!("1555{person:07}")
}

fn user_id(person: u32) -> String {
    format!("US.1{person:019}")
}

fn contacts(person: u32) -> Value {
    json!([{"wa_id": wa_id(person), "user_id": user_id(person), "profile": {"name": "Zoé Müller"}}])
}

fn wamid(random: &mut impl Rng) -> String {
    format!("wamid.HBgLMTU1NTAxMDA{:016X}", random.random::<u64>())
}

fn receipt(
    random: &mut impl Rng,
    stamp: &str,
    group: &str,
    person: u32,
) -> (Value, &'static str, Value) {
    let mut status = json!({
        "id": wamid(random), "status": "delivered", "timestamp": stamp,
        "recipient_id": group, "recipient_type": "group",
        "recipient_participant_id": wa_id(person), "recipient_participant_user_id": user_id(person),
    });
    if random.random_bool(0.5) {
        status["status"] = json!("read");
    } else {
        status["pricing"] = json!({
            "billable": true, "pricing_model": "PMP", "type": "regular", "category": "group_utility",
        });
    }
    (contacts(person), "statuses", status)
}

fn message(
    random: &mut impl Rng,
    stamp: &str,
    group: Option<&str>,
    person: u32,
) -> (Value, &'static str, Value) {
    let text =
        "Bonjour, la pièce est arrivée ; je passe demain à 9 h. ".repeat(random.random_range(1..4));
    let mut message = json!({
        "from": wa_id(person), "from_user_id": user_id(person), "id": wamid(random), "timestamp": stamp,
        "type": "text", "text": {"body": text},
    });
    if let Some(group) = group {
        message["group_id"] = json!(group);
    }
    (contacts(person), "messages", message)
}

fn joined(stamp: &str, group: &str, person: u32) -> Value {
    json!({
        "timestamp": stamp, "group_id": group, "type": "group_participants_add", "reason": "invite_link",
        "added_participants": [{"wa_id": wa_id(person), "user_id": user_id(person), "username": format!("person.{person}")}],
    })
}

fn left(stamp: &str, group: &str, person: u32) -> Value {
    json!({
        "timestamp": stamp, "group_id": group, "type": "group_participants_remove", "initiated_by": "participant",
        "removed_participants": [{"wa_id": wa_id(person), "user_id": user_id(person)}],
    })
}

fn asked(stamp: &str, group: &str, person: u32) -> Value {
    json!({
        "timestamp": stamp, "group_id": group, "type": "group_join_request_created", "reason": "admin_approval",
        "join_request_id": format!("MTU1NTAxMDAwNDM6MTIwMzYz{person:08}"),
        "wa_id": wa_id(person), "user_id": user_id(person),
    })
}

fn request_id(random: &mut impl Rng) -> String {
    format!(
        "{:016x}{:016x}",
        random.random::<u64>(),
        random.random::<u64>()
    )
}

fn renamed(random: &mut impl Rng, stamp: &str, group: &str) -> Value {
    json!({
        "timestamp": stamp, "group_id": group, "type": "group_settings_update", "request_id": request_id(random),
        "group_subject": {"text": format!("Réparation {}", random.random_range(0..9000)), "update_successful": true},
        "group_description": {"text": "Étage 3, porte à gauche", "update_successful": true},
    })
}

fn created(random: &mut impl Rng, stamp: &str, group: &str) -> Value {
    json!({
        "timestamp": stamp, "group_id": group, "type": "group_create", "request_id": request_id(random),
        "subject": "Visite n° 12", "invite_link": "https://chat.whatsapp.com/LINK1234567890ABCDEF",
        "join_approval_mode": "auto_approve",
    })
}
