//! `docs/asyncapi.json`: the topics, for tools and for people, written by the code and held equal to it.
//!
//! After a wanted change: `ROLLCALL_BLESS=1 cargo test -p wire asyncapi`, and read the difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::Duration,
};

use prost::Message as _;
use serde_json::{Map, Value, json};

use super::samples;
use crate::{
    DESCRIPTOR_SET,
    headers::{self, Headers, Origin},
    topics::{Cleanup, Spec, TOPICS, Topic},
};

/// Version of the Kafka bindings that the document is written in.
const BINDING: &str = "0.5.0";

/// Who writes a topic, and who of Rollcall's reads it; anybody may read the state topics and the changes.
const FLOWS: [(Topic, &[&str], &[&str]); 8] = [
    (Topic::Events, &["ingest", "reconciler"], &["projector"]),
    (Topic::Receipts, &["ingest"], &["projector"]),
    (
        Topic::Groups,
        &["projector"],
        &["projector", "reconciler", "services"],
    ),
    (Topic::Messages, &["projector"], &["projector", "services"]),
    (
        Topic::Requests,
        &["projector"],
        &["projector", "reconciler", "services"],
    ),
    (
        Topic::Numbers,
        &["projector"],
        &["projector", "reconciler", "services"],
    ),
    (Topic::Changes, &["projector"], &["projector", "services"]),
    (Topic::Quarantine, &["ingest"], &["operators"]),
];

/// What each topic is for.
fn summary(topic: Topic) -> &'static str {
    match topic {
        Topic::Events => {
            "What became known of groups, requests and numbers, from whom and at which second. The truth; everything else is computed from it."
        }
        Topic::Receipts => {
            "Statuses of messages, apart from the other events so that their volume cannot delay membership."
        }
        Topic::Groups => "The state of every group, and how far the projector has come.",
        Topic::Messages => {
            "To whom a message got, and its price, and how far the projector has come."
        }
        Topic::Requests => {
            "Management requests and their outcomes, and how far the projector has come."
        }
        Topic::Numbers => "The state of every business number, and how far the projector has come.",
        Topic::Changes => {
            "What newly shows of a group, a request or a number, before and after, and why. Each names the version before it, so that a gap is seen; one may come again, with the same version."
        }
        Topic::Quarantine => {
            "What came by webhook and could not be understood, without message text."
        }
    }
}

/// How a record of a state topic is to be taken.
const STATE: &str = "Of a key the record with the greatest position counts (generation first, then offset): ignore older ones that come later. A key `p/<partition>` holds progress and no state: once read up to it, every state is as of its position. A record without a value is a tombstone: the entity is gone. tests/vectors/reading.json holds a reader to this.";

fn state_topic(topic: Topic) -> bool {
    matches!(
        topic,
        Topic::Groups | Topic::Messages | Topic::Requests | Topic::Numbers
    )
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// The short name of a channel, which is its topic's without version.
fn channel_id(topic: Topic) -> &'static str {
    topic.name().strip_suffix(".v1").unwrap()
}

/// The short name of what a topic's records hold.
fn message_id(topic: Topic) -> &'static str {
    match topic {
        Topic::Quarantine => "QuarantinedItem",
        Topic::Events
        | Topic::Receipts
        | Topic::Groups
        | Topic::Messages
        | Topic::Requests
        | Topic::Numbers
        | Topic::Changes => topic.spec().value.strip_prefix("rollcall.v1.").unwrap(),
    }
}

fn channel(spec: &Spec) -> Value {
    let (policy, retention) = match spec.cleanup {
        Cleanup::Delete { retention } => (vec!["delete"], Some(retention)),
        Cleanup::Compact => (vec!["compact"], None),
        Cleanup::CompactAndDelete { retention } => (vec!["compact", "delete"], Some(retention)),
    };
    let is_compacted = policy.contains(&"compact");
    let mut settings = Map::new();
    settings.insert("cleanup.policy".into(), json!(policy));
    settings.insert("segment.ms".into(), json!(milliseconds(spec.segment)));
    if let Some(retention) = retention {
        settings.insert("retention.ms".into(), json!(milliseconds(retention)));
    }
    if is_compacted {
        let deleted = milliseconds(spec.delete_retention);
        settings.insert("delete.retention.ms".into(), json!(deleted));
        let lag = milliseconds(spec.min_compaction_lag);
        settings.insert("min.compaction.lag.ms".into(), json!(lag));
    }
    let name = message_id(spec.topic);
    let mut messages = Map::new();
    messages.insert(
        name.to_owned(),
        json!({"$ref": format!("#/components/messages/{name}")}),
    );
    let mut description = format!("Keyed by {}.", spec.key);
    if state_topic(spec.topic) {
        description = format!("{description} {STATE}");
    }
    json!({
        "address": format!("{{prefix}}{}", spec.name),
        "title": spec.name,
        "summary": summary(spec.topic),
        "description": description,
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": messages,
        "bindings": {"kafka": {"topicConfiguration": settings, "bindingVersion": BINDING}},
    })
}

fn operations() -> Value {
    let mut operations = Map::new();
    for (topic, writers, readers) in FLOWS {
        let id = channel_id(topic);
        let sides = writers.iter().map(|who| (who, "send", "Writes"));
        let sides = sides.chain(readers.iter().map(|who| (who, "receive", "Reads")));
        for (who, action, verb) in sides {
            let upper = id[..1].to_uppercase() + &id[1..];
            operations.insert(
                format!("{who}{verb}{upper}"),
                json!({
                    "action": action,
                    "channel": {"$ref": format!("#/channels/{id}")},
                    "tags": [{"name": who}],
                }),
            );
        }
    }
    Value::Object(operations)
}

/// Headers as a schema: those that never vary with their values, the others with their form.
fn headers_of(samples: &[Headers]) -> Value {
    let mut values: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in samples.iter().flatten() {
        let text = String::from_utf8(value.to_vec()).unwrap();
        values.entry(name).or_default().insert(text);
    }
    let mut properties = Map::new();
    for (name, values) in &values {
        let schema = match *name {
            "ce_id" => {
                json!({"type": "string", "description": "Names the record: an event's id in hexadecimal, else key, `@` and position; of progress also the time of writing."})
            }
            "ce_time" => {
                json!({"type": "string", "format": "date-time", "description": "When what the record is about happened, in whole seconds."})
            }
            _ if values.len() == 1 => json!({"type": "string", "const": values.first()}),
            _ => json!({"type": "string", "enum": values}),
        };
        properties.insert((*name).to_owned(), schema);
    }
    let required: Vec<&str> = values.keys().copied().collect();
    properties.insert(
        "traceparent".to_owned(),
        json!({"type": "string", "description": "W3C trace context of what the record came of, where there is one."}),
    );
    json!({"type": "object", "required": required, "properties": properties})
}

fn samples_of(topic: Topic) -> Vec<Headers> {
    match topic {
        Topic::Events | Topic::Receipts => {
            let origins = [Origin::Ingest, Origin::Reconciler];
            let events = samples::events();
            let of = |origin| {
                events
                    .iter()
                    .map(move |(_, event)| headers::event(origin, event))
            };
            origins.into_iter().flat_map(of).collect()
        }
        Topic::Groups | Topic::Messages | Topic::Requests | Topic::Numbers => {
            let position = samples::progress().position;
            vec![
                headers::state(topic, b"g/1", &position, samples::CREATED),
                headers::progress(topic, &samples::progress()),
            ]
        }
        Topic::Changes => vec![headers::change(&samples::group_change())],
        Topic::Quarantine => Vec::new(),
    }
}

/// The part of a `google.protobuf.FileDescriptorSet` that names messages.
#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message: Vec<Named>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// The file of the contract that a message stands in.
fn file_of(message: &str) -> String {
    let files = Files::decode(DESCRIPTOR_SET).unwrap();
    let is_in = |file: &&File| {
        let mut names = file.message.iter();
        names.any(|named| format!("{}.{}", file.package, named.name) == message)
    };
    files.file.iter().find(is_in).unwrap().name.clone()
}

fn key_of(spec: &Spec) -> Value {
    let pattern = match spec.topic {
        Topic::Events => "^[grn]/.+$",
        Topic::Receipts => "^m/.+$",
        Topic::Groups => "^(g/.+|p/(0|[1-9][0-9]*))$",
        Topic::Messages => "^(m/.+|p/(0|[1-9][0-9]*))$",
        Topic::Requests => "^(r/.+|p/(0|[1-9][0-9]*))$",
        Topic::Numbers => "^(n/.+|p/(0|[1-9][0-9]*))$",
        Topic::Changes => "^[grn]/.+$",
        Topic::Quarantine => "^([gmrn]/.+)?$",
    };
    json!({"type": "string", "pattern": pattern, "description": spec.key})
}

fn message(spec: &Spec) -> Value {
    let key = json!({"kafka": {"key": key_of(spec), "bindingVersion": BINDING}});
    if spec.topic == Topic::Quarantine {
        return json!({
            "name": "rollcall.v1.Quarantined",
            "title": "An item that could not be understood",
            "summary": "The item as it came, as JSON; of `messages` items all strings but an allow-list of fields are replaced by their length.",
            "contentType": "application/json",
            "headers": quarantine_headers(),
            "payload": {},
            "bindings": key,
        });
    }
    let name = spec.value;
    // Events have one message in two topics.
    let samples: Vec<Headers> = samples_of(spec.topic);
    json!({
        "name": name,
        "title": message_id(spec.topic),
        "contentType": "application/protobuf",
        "headers": headers_of(&samples),
        "payload": {
            "schemaFormat": "application/vnd.google.protobuf;version=3",
            "schema": format!("syntax = \"proto3\";\nimport \"{}\";\n// {name}\n", file_of(name)),
        },
        "bindings": key,
        "x-protobuf-file": format!("proto/{}", file_of(name)),
        "x-protobuf-message": name,
    })
}

/// As ingest writes them.
fn quarantine_headers() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "required": ["ce_id", "ce_source", "ce_specversion", "ce_time", "ce_type", "content-type", "detail", "reason"],
        "properties": {
            "ce_id": text("Hash of the item, 32 hexadecimal digits."),
            "ce_source": {"type": "string", "const": "/rollcall/ingest"},
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_time": {"type": "string", "format": "date-time", "description": "When it came."},
            "ce_type": {"type": "string", "const": "rollcall.v1.Quarantined"},
            "content-type": {"type": "string", "const": "application/json"},
            "reason": text("Why, as a word of a closed set."),
            "detail": text("Where, and what was expected there; no value of it."),
            "field": text("The webhook field that it came in, if known."),
            "waba_id": text("WhatsApp Business Account, if known."),
            "phone_number_id": text("Business number, if known."),
            "cut_from_bytes": text("How long the item was, if it was cut."),
            "traceparent": text("W3C trace context of the webhook, where there is one."),
        },
    })
}

fn document() -> Value {
    let mut channels = Map::new();
    let mut messages = Map::new();
    for spec in &TOPICS {
        channels.insert(channel_id(spec.topic).to_owned(), channel(spec));
        // Receipts are events under other keys.
        if spec.topic != Topic::Receipts {
            messages.insert(message_id(spec.topic).to_owned(), message(spec));
        }
    }
    let event = messages.get_mut("Event").unwrap();
    event["bindings"]["kafka"]["key"]["pattern"] = json!("^[gmrn]/.+$");
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall",
            "version": "1.0.0",
            "description": "The topics of Rollcall. All have the same number of partitions; a key's partition is murmur2, its sign cleared, modulo that count, as Kafka's Java client computes it (tests/vectors/partitions.json). Contracts evolve within v1 without breaking readers: skip what you do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/protobuf",
        "channels": channels,
        "operations": operations(),
        "components": {
            "parameters": {"prefix": {"description": "Prefix of a deployment, `--topic-prefix`.", "default": "rollcall."}},
            "messages": messages,
        },
    })
}

#[test]
fn the_asyncapi_document_is_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/asyncapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("ROLLCALL_BLESS").is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert!(
        text == stored,
        "docs/asyncapi.json is not what the code says: after a wanted change, ROLLCALL_BLESS=1 cargo test -p wire asyncapi"
    );
}

#[test]
fn every_reference_of_the_asyncapi_document_leads_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 40, "only {}", references.len());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let topics: Vec<Topic> = FLOWS.iter().map(|(topic, _, _)| *topic).collect();
    assert_eq!(topics, Topic::ALL);
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| collect(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
