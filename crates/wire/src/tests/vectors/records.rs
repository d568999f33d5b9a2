//! How records look: key and value as bytes, and what they say.

use domain::{event::About, ids::Entity, position::Envelope};
use serde_json::{Value, json};

use super::{check, json};
use crate::{
    Change, Progress, encode_change, encode_event, encode_group, encode_message, encode_number,
    encode_progress, encode_request,
    event::event_kind,
    json::{self as api, Agreement, GroupCounts, RequestCounts},
    tests::samples,
    topics::{self, Topic},
};

fn record(name: &str, topic: Topic, key: &[u8], value: &[u8], says: Value) -> Value {
    json!({
        "name": name,
        "topic": topic.name(),
        "message": topic.spec().value,
        "key": hex::encode(key),
        "value": hex::encode(value),
        "says": says,
    })
}

fn bytes(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

/// What every reader of states needs, and the rest as the query API shows it.
fn state(name: &str, entity: &Entity, envelope: &Envelope, value: &[u8], shown: Value) -> Value {
    let Envelope { position, version } = envelope;
    let says = json!({
        "content": "state",
        "fold": domain::limits::FOLD,
        "id": entity.to_string().split_once('/').unwrap().1,
        "position": position.to_string(),
        "version": version.map(|version| version.to_string()),
        "json": shown,
    });
    let topic = Topic::of_state(entity);
    record(name, topic, &topics::key(entity), value, says)
}

fn groups() -> Vec<Value> {
    let id = samples::group_id();
    let samples = [
        ("group.full", samples::group()),
        ("group.hinted", samples::hinted_group()),
        ("group.deleted", samples::deleted_group()),
    ];
    let vector = |(name, group): (&str, domain::group::Group)| {
        let value = bytes(|into| encode_group(&id, &group, into));
        let view = group.view();
        let shown = view.as_ref().map(|view| api::Group {
            group_id: &id,
            view,
            verified: group.core.verified,
            changed: group.core.changed,
            envelope: &group.envelope,
        });
        let entity = Entity::Group(id.clone());
        state(name, &entity, &group.envelope, &value, json(shown))
    };
    samples.into_iter().map(vector).collect()
}

fn message() -> Value {
    let (id, message) = (samples::message_id(), samples::message());
    let value = bytes(|into| encode_message(&id, &message, into));
    let shown = json(api::Message {
        message_id: &id,
        view: &message.view(),
        envelope: &message.envelope,
    });
    state(
        "message",
        &Entity::Message(id),
        &message.envelope,
        &value,
        shown,
    )
}

fn requests() -> Vec<Value> {
    let id = samples::request_id();
    let samples = [
        ("request.ours", samples::request()),
        ("request.outcome", samples::outcome()),
    ];
    let vector = |(name, request): (&str, domain::request::Request)| {
        let value = bytes(|into| encode_request(&id, &request, into));
        let shown = json(api::Request {
            request_id: &id,
            request: &request,
            outcome: None,
        });
        let entity = Entity::Request(id.clone());
        state(name, &entity, &request.envelope, &value, shown)
    };
    samples.into_iter().map(vector).collect()
}

fn number() -> Value {
    let (id, number) = (samples::number_id(), samples::number());
    let value = bytes(|into| encode_number(&id, &number, into));
    let mut shown = json(api::Number {
        phone_number_id: &id,
        number: &number,
        groups: GroupCounts::default(),
        requests: RequestCounts::default(),
        agreement: &Agreement::default(),
    });
    // These are counted over other records.
    for counted in ["groups", "requests", "agreement"] {
        shown.as_object_mut().unwrap().remove(counted);
    }
    state(
        "number",
        &Entity::Number(id),
        &number.envelope,
        &value,
        shown,
    )
}

fn progress(name: &str, topic: Topic, progress: &Progress) -> Value {
    let Progress {
        position,
        event_id,
        log_time_ms,
        partitions,
        gap,
        digest,
        fold,
        written_at_ms,
        changes_next,
    } = progress;
    let says = json!({
        "content": "progress",
        "position": position.to_string(),
        "event_id": event_id.map(|id| id.to_string()),
        "log_time_ms": log_time_ms,
        "partitions": partitions,
        "gap": gap.map(|gap| json!({"from": gap.from, "to": gap.to, "at": gap.at})),
        "digest": digest.map(|digest| digest.to_string()),
        "fold": fold,
        "written_at_ms": written_at_ms,
        "changes_next": changes_next,
    });
    let value = bytes(|into| encode_progress(progress, into));
    let key = topics::progress_key(position.partition);
    record(name, topic, &key, &value, says)
}

fn change(name: &str, change: &Change) -> Value {
    let value = bytes(|into| encode_change(change, into));
    let says = json!({
        "content": "change",
        "entity": change.entity().to_string(),
        "version": change.version.to_string(),
        "previous_version": change.previous_version.map(|version| version.to_string()),
        "forgotten": change.is_forgotten,
        "json": json(api::Change(change)),
    });
    let key = topics::key(&change.entity());
    record(name, Topic::Changes, &key, &value, says)
}

fn events() -> Vec<Value> {
    let vector = |(name, event): (&str, domain::event::Event)| {
        let entity = match event.about.clone() {
            About::Group(id, _) => Entity::Group(id),
            About::Message(id, _) => Entity::Message(id),
            About::Number(id, _) => Entity::Number(id),
            About::Request(id, _) => Entity::Request(id),
        };
        let value = bytes(|into| encode_event(&event, into));
        let says = json!({
            "content": "event",
            "kind": event_kind(&event),
            "event_id": event.id.to_string(),
            "entity": entity.to_string(),
            "occurred_at": event.at,
        });
        let name = format!("event.{name}");
        let topic = Topic::of_event(&entity);
        record(&name, topic, &topics::key(&entity), &value, says)
    };
    samples::events().into_iter().map(vector).collect()
}

#[test]
fn records_of_every_kind_are_those_of_the_vectors() {
    let first = Progress {
        position: domain::position::Position {
            offset: -1,
            ..samples::progress().position
        },
        event_id: None,
        log_time_ms: 0,
        gap: None,
        digest: None,
        changes_next: 0,
        ..samples::progress()
    };
    let mut records = groups();
    records.push(message());
    records.extend(requests());
    records.push(number());
    records.push(progress("progress", Topic::Groups, &samples::progress()));
    records.push(progress(
        "progress.before_the_first",
        Topic::Messages,
        &first,
    ));
    records.push(change("change.group", &samples::group_change()));
    records.push(change("change.request", &samples::request_change()));
    records.push(change("change.number", &samples::number_change()));
    records.extend(events());
    check(
        "records.json",
        &json!({
            "about": "Records as they lie in the topics; key and value in hexadecimal. `says.json` is the same as the query API's JSON.",
            "records": records,
        }),
    );
}
