//! Does what lies in the topics look as `docs/asyncapi.json` says?

use std::{collections::BTreeMap, fs, time::Duration};

use eventlog::{At, Log, Start};
use serde_json::Value;

use crate::http::block_on;

const SOON: Duration = Duration::from_secs(10);

/// The document.
pub fn document() -> Value {
    let path = harness::workspace().join("docs/asyncapi.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Holds every record of every topic to the document; how many there were, by topic.
pub fn check(log: &Log, document: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for channel in document["channels"].as_object().unwrap().values() {
        let address = channel["address"].as_str().unwrap();
        let topic = address.strip_prefix("{prefix}").unwrap();
        let (_, message) = channel["messages"]
            .as_object()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let reference = message["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
        let message = document.pointer(reference).unwrap();
        counts.insert(topic.to_owned(), check_topic(log, topic, message));
    }
    counts
}

fn check_topic(log: &Log, topic: &str, message: &Value) -> usize {
    block_on(async {
        let mut count = 0;
        for partition in 0..log.partitions(topic).await.unwrap() {
            let start = Start::new(topic, partition, At::Beginning);
            let mut reader = log.reader(vec![start]).await.unwrap();
            while !reader.reached_all_ends() {
                for record in reader.next(10_000, 16 << 20, SOON).await.unwrap().iter() {
                    count += 1;
                    let headers: Vec<(&str, &[u8])> = record.headers().collect();
                    let wrong = wrong_headers(&message["headers"], &headers).or_else(|| {
                        let binding = &message["bindings"]["kafka"]["key"];
                        wrong_key(binding["pattern"].as_str().unwrap(), record.key)
                    });
                    let offset = record.offset;
                    assert_eq!(wrong, None, "{topic}/{partition}/{offset}: {headers:?}");
                }
            }
        }
        count
    })
}

/// What of the headers is not as the schema says.
fn wrong_headers(schema: &Value, headers: &[(&str, &[u8])]) -> Option<String> {
    let given: BTreeMap<&str, &str> = headers
        .iter()
        .map(|(name, value)| (*name, std::str::from_utf8(value).unwrap()))
        .collect();
    for name in schema["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        if !given.contains_key(name) {
            return Some(format!("{name} is missing"));
        }
    }
    for (name, value) in given {
        let Some(property) = schema["properties"].get(name) else {
            return Some(format!("{name} is not in the document"));
        };
        let is_const = property.get("const").is_none_or(|only| only == value);
        let in_enum = property
            .get("enum")
            .is_none_or(|all| all.as_array().unwrap().iter().any(|one| one == value));
        let is_time = property.get("format").is_none_or(|_| {
            value.len() == 20 && value.as_bytes()[10] == b'T' && value.ends_with('Z')
        });
        if !(is_const && in_enum && is_time) {
            return Some(format!("{name} is {value}"));
        }
    }
    None
}

/// What of the key is not as the pattern says: the patterns of the document name the kinds of keys by their letters,
/// have no other letters, and a question mark where there may be no key.
fn wrong_key(pattern: &str, key: &[u8]) -> Option<String> {
    let key = std::str::from_utf8(key).unwrap();
    let is_kind = |kind: &str| kind.len() == 1 && pattern.contains(kind);
    let is_right = match key.split_once('/') {
        Some((kind, rest)) => is_kind(kind) && !rest.is_empty(),
        None => key.is_empty() && pattern.contains('?'),
    };
    (!is_right).then(|| format!("the key is {key}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{document, wrong_headers, wrong_key};

    #[test]
    fn a_record_that_is_not_as_the_document_says_is_noticed() {
        let schema = json!({
            "required": ["a"],
            "properties": {"a": {"const": "1"}, "b": {"enum": ["x", "y"]}, "c": {"format": "date-time"}},
        });
        let wrong = |headers: &[(&str, &[u8])]| wrong_headers(&schema, headers).is_some();
        assert!(!wrong(&[
            ("a", b"1"),
            ("b", b"y"),
            ("c", b"2026-05-28T20:26:40Z")
        ]));
        for headers in [
            &[("b", &b"y"[..])][..],
            &[("a", b"2")],
            &[("a", b"1"), ("b", b"z")],
            &[("a", b"1"), ("c", b"yesterday")],
            &[("a", b"1"), ("d", b"")],
        ] {
            assert!(wrong(headers), "{headers:?}");
        }
        let document = document();
        let pattern = |name: &str| {
            let key = &document["components"]["messages"][name]["bindings"]["kafka"]["key"];
            key["pattern"].as_str().unwrap().to_owned()
        };
        let groups = pattern("GroupRecord");
        assert_eq!(
            wrong_key(&groups, b"g/1").or(wrong_key(&groups, b"p/0")),
            None
        );
        for key in [&b"n/1"[..], b"g/", b"", b"g"] {
            assert!(wrong_key(&groups, key).is_some(), "{key:?}");
        }
        assert_eq!(wrong_key(&pattern("QuarantinedItem"), b""), None);
    }
}
