//! Splitting: one bad item costs one item, and nothing panics.

use std::fmt::Write as _;

use graph::webhook::{
    Kind, Level, NotJson, Parsed, Piece, Post, Problem, Reason, Refusal, inspect, redact, split,
};
use proptest::prelude::*;

const GOOD: &str = r#"{"timestamp":"1780000500","group_id":"G1","type":"group_suspend"}"#;

fn post(items: &[&str]) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"group_status_update","value":{{"metadata":{{"phone_number_id":"3"}},"groups":[{}]}}}}]}}]}}"#,
        items.join(",")
    )
}

/// How many items parse, and how many pieces there are.
fn count(body: &[u8]) -> (usize, usize) {
    match split(body) {
        Ok(Post::Envelope(envelope)) => {
            let pieces = envelope.pieces();
            let good = pieces
                .iter()
                .filter(|piece| matches!(piece, Piece::Item(item) if item.parse().is_ok()))
                .count();
            (good, pieces.len())
        }
        Ok(Post::Foreign(_)) | Err(_) => (0, 0),
    }
}

#[test]
fn what_is_not_json_is_refused_as_a_whole() {
    for (body, why) in [
        (&b""[..], NotJson::Empty),
        (b" \n", NotJson::Empty),
        (b"{\"a\":\"\xff\"}", NotJson::NotUtf8),
        (b"{\"a\":1", NotJson::Syntax { at: 6 }),
        (b"{\"a\":1}}", NotJson::Syntax { at: 7 }),
        (b"hub.mode=subscribe", NotJson::Syntax { at: 0 }),
    ] {
        assert_eq!(split(body).unwrap_err(), why);
    }
}

#[test]
fn json_of_another_kind_is_foreign() {
    for (body, kind) in [
        (r#"{"object":"page","entry":[]}"#, Kind::Object),
        (r#"{"entry":[]}"#, Kind::Object),
        (r#"[{"object":"whatsapp_business_account"}]"#, Kind::Array),
        ("null", Kind::Null),
        (
            "12345678901234567890123456789012345678901234567890",
            Kind::Number,
        ),
    ] {
        let Post::Foreign(foreign) = split(body.as_bytes()).unwrap() else {
            panic!("{body} is foreign")
        };
        assert_eq!((foreign.size, foreign.kind), (body.len(), kind));
    }
}

#[test]
fn an_empty_envelope_has_no_pieces() {
    assert_eq!(
        count(br#"{"object":"whatsapp_business_account","entry":[]}"#),
        (0, 0)
    );
}

/// A post of a thousand items of which one is bad keeps the others, and says what is wrong with the one.
fn check_bad(bad: &str, refusal: &Refusal) {
    let mut items = vec![GOOD; 1000];
    items[500] = bad;
    let body = post(&items);
    assert_eq!(count(body.as_bytes()), (999, 1000));
    let Post::Envelope(envelope) = split(body.as_bytes()).unwrap() else {
        panic!("an envelope")
    };
    let Piece::Item(item) = &envelope.pieces()[500] else {
        panic!("an item")
    };
    assert_eq!(item.raw(), bad);
    assert_eq!(item.parse().unwrap_err(), *refusal);
    assert!(!refusal.to_string().contains("Rosa"));
}

#[test]
fn one_item_of_a_wrong_type_among_a_thousand_costs_one_item() {
    for (bad, path, expected) in [
        ("7", "", "an object"),
        (r#"{"timestamp":true}"#, "timestamp", "whole seconds"),
        (
            r#"{"timestamp":99999999999999999999999999}"#,
            "timestamp",
            "whole seconds",
        ),
        (r#"{"timestamp":1.5}"#, "timestamp", "whole seconds"),
        (r#"{"timestamp":"-1"}"#, "timestamp", "whole seconds"),
        (r#"{"group_id":["Rosa"]}"#, "group_id", "a text"),
        (r#"{"errors":"Rosa"}"#, "errors", "an array"),
        (
            r#"{"added_participants":["Rosa"]}"#,
            "added_participants[0]",
            "an object",
        ),
        (
            r#"{"removed_participants":[{"input":"1"},{"wa_id":"Rosa"}]}"#,
            "removed_participants[1].wa_id",
            "a phone number",
        ),
        (
            r#"{"group_subject":{"update_successful":"perhaps"}}"#,
            "group_subject.update_successful",
            "true or false",
        ),
    ] {
        check_bad(
            bad,
            &Refusal::Wrong {
                path: path.to_owned(),
                expected,
            },
        );
    }
}

#[test]
fn one_item_not_to_be_trusted_among_a_thousand_costs_one_item() {
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let many: String = (0..50_000).fold(String::from("{"), |mut out, index| {
        write!(out, r#""k{index}":0,"#).unwrap();
        out
    }) + r#""k49999":1}"#;
    for (bad, problem) in [
        (
            r#"{"group_id":"G1","group_id":"G2"}"#,
            Problem::DuplicateKey,
        ),
        (r#"{"a":{"\u0061":1,"a":2}}"#, Problem::DuplicateKey),
        (r#"{"subject":"\ud83d"}"#, Problem::UnpairedSurrogate),
        (r#"{"\udc00":1}"#, Problem::UnpairedSurrogate),
        (&deep, Problem::TooDeep),
        (&many, Problem::DuplicateKey),
    ] {
        check_bad(bad, &Refusal::Problem(problem));
    }
}

#[test]
fn nesting_is_measured_within_the_item() {
    let nested = |depth: usize| {
        format!(
            "{}{}",
            r#"{"x":"#.repeat(depth - 1) + "{",
            "}".repeat(depth)
        )
    };
    assert_eq!(inspect(&nested(64)), Ok(()));
    assert_eq!(inspect(&nested(65)), Err(Problem::TooDeep));
    assert_eq!(inspect(&nested(100_000)), Err(Problem::TooDeep));
    assert_eq!(count(post(&[&nested(64)]).as_bytes()), (1, 1));
    assert_eq!(count(post(&[&nested(65)]).as_bytes()), (0, 1));
    assert_eq!(inspect("{"), Err(Problem::NotJson));
}

#[test]
fn a_level_with_a_key_twice_is_not_believed_and_the_rest_is() {
    let body = br#"{"object":"whatsapp_business_account","entry":[
        {"id":"1","id":"2","changes":[]},
        {"id":"1","changes":[{"field":"messages","value":{"groups":[],"groups":[]}}]},
        {"id":"1","changes":[{"field":"group_status_update","value":{"groups":[{"type":"group_suspend"}]}}]}]}"#;
    let Post::Envelope(envelope) = split(body).unwrap() else {
        panic!("an envelope")
    };
    let pieces = envelope.pieces();
    let [
        Piece::Unintelligible(entry),
        Piece::Unintelligible(value),
        Piece::Item(item),
    ] = &pieces[..]
    else {
        panic!("three pieces")
    };
    assert_eq!(
        (entry.level, entry.reason),
        (Level::Entry, Reason::DuplicateKey)
    );
    assert_eq!(
        (value.level, value.reason),
        (Level::Value, Reason::DuplicateKey)
    );
    assert!(matches!(item.parse(), Ok(Parsed::Group(_))));
}

#[test]
fn one_to_one_traffic_is_dropped_whatever_else_is_wrong_with_it() {
    let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
        "messages":[{"id":"w1","from":"15550100042","type":"text","text":{"body":"\ud83d","body":""}}],
        "statuses":[{"id":"w2","status":7,"recipient_id":"15550100042"}]}}]}]}"#;
    assert_eq!(count(body), (2, 2));
}

#[test]
fn redaction_keeps_shape_and_allow_listed_identifiers_alone() {
    let raw = r#"{"id":"wamid.1","from":"15550100042","group_id":"G1","timestamp":1780000500,"type":"not one word",
        "text":{"body":"hello \"all\""},"location":{"latitude":37.48,"name":"Home"},"Rosa K":"x","15550100043":null,
        "contacts":[{"wa_id":"15550100044","phones":[15550100044]}],"errors":[{"code":131000,"title":"T"}],"flag":true}"#;
    let redacted = redact(raw);
    assert_eq!(
        redacted,
        r#"{"id":"wamid.1","from":"15550100042","group_id":"G1","timestamp":1780000500,"type":12,"text":{"body":11},"location":{"latitude":0,"name":4},"_":1,"_":null,"contacts":[{"wa_id":11,"phones":[0]}],"errors":[{"code":131000,"title":1}],"flag":true}"#
    );
    assert_eq!(redact("not json"), "8");
    let long = format!("[{}0]", "\"text\",".repeat(1_000_000));
    assert!(redact(&long).len() < 100_000);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(inspect(&redact(&deep)), Err(Problem::TooDeep));
}

/// JSON text of any shape, with the words that mean something in it.
fn json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("group_id"),
        Just("type"),
        Just("timestamp"),
        Just("groups"),
        Just("messages"),
        Just("statuses"),
        Just("entry"),
        Just("changes"),
        Just("value"),
        Just("field"),
        Just("errors"),
        Just("metadata"),
        Just("contacts"),
        Just("recipient_type"),
        Just("group"),
        Just("system"),
        Just("pricing"),
        Just("from"),
        Just("added_participants"),
        Just("wa_id"),
        Just("group_subject"),
        Just("conversation"),
        Just("id"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        word.clone().prop_map(|word| format!("\"{word}\"")),
        "[a-z@.0-9 é]{0,12}".prop_map(|text| format!("\"{text}\"")),
        Just(r#""\ud83d\ude00\u0000\n""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec((word.clone(), inner), 0..6).prop_map(|all| {
                let members: Vec<_> = all
                    .iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                format!("{{{}}}", members.join(" , "))
            }),
        ]
    })
}

/// Reads everything that can be read of a body.
fn read_all(body: &[u8]) {
    let Ok(Post::Envelope(envelope)) = split(body) else {
        return;
    };
    let mut out = Vec::new();
    for piece in envelope.pieces() {
        match piece {
            Piece::Item(item) => {
                let _ = (item.contacts(), item.group_id(), item.message_id());
                let _ = (split(item.raw().as_bytes()).unwrap(), inspect(item.raw()));
                serde_json::from_str::<serde::de::IgnoredAny>(&item.for_quarantine()).unwrap();
                serde_json::from_str::<serde::de::IgnoredAny>(&redact(item.raw())).unwrap();
                match item.parse() {
                    Ok(Parsed::Group(group)) => group.canonical(&mut out),
                    Ok(Parsed::Messages(_) | Parsed::UnknownField) | Err(_) => {}
                }
            }
            Piece::Unintelligible(part) => {
                serde_json::from_str::<serde::de::IgnoredAny>(&part.for_quarantine()).unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all(&body);
    }

    #[test]
    fn no_json_panics_at_any_level(
        text in json(),
        level in 0_usize..7,
        field in prop_oneof![Just("messages"), Just("group_status_update"), Just("other")],
    ) {
        let text = match level {
            0 => text,
            1 => format!(r#"{{"object":"whatsapp_business_account","entry":{text}}}"#),
            2 => format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":{text}}}]}}"#),
            3 => format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"field":"{field}","value":{text}}}]}}]}}"#),
            4 => format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"field":"{field}","value":{{"messages":[{text}]}}}}]}}]}}"#),
            5 => format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"field":"{field}","value":{{"groups":[{text}]}}}}]}}]}}"#),
            _ => format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"field":"{field}","value":{{"statuses":[{text}],"contacts":[{text}]}}}}]}}]}}"#),
        };
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        read_all(text.as_bytes());
    }

    #[test]
    fn n_items_with_a_bad_one_give_n_less_one(n in 1_usize..40, bad in 0_usize..40, text in json()) {
        let bad = bad % n;
        // Wrong whatever the arbitrary JSON is.
        let wrong = format!(r#"{{"timestamp":[],"x":{text}}}"#);
        let mut items = vec![GOOD; n];
        items[bad] = &wrong;
        prop_assert_eq!(count(post(&items).as_bytes()), (n - 1, n));
    }

    #[test]
    fn a_redacted_item_holds_no_text_of_the_original(secret in "[A-Z]{6,12}( [A-Z]{3,9}){1,3}", text in json()) {
        let raw = format!(r#"{{"id":"{secret}","a":{text},"text":{{"body":"{secret}"}},"{secret}":["{secret}"]}}"#);
        let redacted = redact(&raw);
        for word in secret.split(' ') {
            prop_assert!(!redacted.contains(word));
        }
    }
}
