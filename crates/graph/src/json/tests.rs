use proptest::prelude::*;

use super::{Document, Kind, NotJson};

/// Whether two readers agree on what is JSON.
fn agrees_with_serde(text: &[u8]) {
    let ours = Document::parse(text).is_ok();
    // Skipped, for it refuses half a surrogate pair when it has to say what a string says.
    let mut theirs = serde_json::Deserializer::from_slice(text);
    let skipped: Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut theirs);
    let theirs = skipped.is_ok() && theirs.end().is_ok() && std::str::from_utf8(text).is_ok();
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(text));
}

#[test]
fn json_is_what_the_standard_says() {
    for text in [
        "",
        " ",
        "{}",
        "[]",
        " [ ] ",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":}",
        "01",
        "-",
        "-0",
        "-01",
        "1.",
        ".1",
        "1.0",
        "1e",
        "1e+",
        "1e5",
        "1E-5",
        "+1",
        "1.5e+10",
        "true",
        "tru",
        "truex",
        "nul",
        "null",
        "false",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\u+123\"",
        "\"\\uD800\"",
        "\"\\uDC00\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\\u12\"",
        "\"\\ud83d\\n\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\u{0}\"",
        "[1 2]",
        "[1]2",
        "{} {}",
        "[[[]]",
        "[]]",
        "{]",
        "[}",
        "{\"a\":[}",
        "\u{feff}{}",
        "\u{a0}1",
        "NaN",
        "Infinity",
        "'a'",
        "/* */1",
        "1//",
        "\"é\"",
    ] {
        agrees_with_serde(text.as_bytes());
    }
    agrees_with_serde(b"\"\xff\"");
    agrees_with_serde(b"\"\xed\xa0\x80\"");
}

#[test]
fn what_escaped_text_says_is_what_serde_says() {
    for text in [
        r#""a\"\\\/\b\f\n\r\tz""#,
        r#""\u0041\u00e9\ud83d\ude00\u0000""#,
        r#""é\u00e9é""#,
        r#""\\u0041""#,
    ] {
        let document = Document::parse(text.as_bytes()).unwrap();
        let theirs: String = serde_json::from_str(text).unwrap();
        assert_eq!(document.root().text().unwrap(), theirs);
    }
    let halves = Document::parse(br#""\ud83d x \ude00 \ud83d\ud83d\ude00""#).unwrap();
    assert_eq!(
        halves.root().text().unwrap(),
        "\u{fffd} x \u{fffd} \u{fffd}\u{1f600}"
    );
}

#[test]
fn nesting_of_any_depth_is_read_and_kept_to_a_depth() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let document = Document::parse(deep.as_bytes()).unwrap();
    assert_eq!(document.nodes.len(), 128);
    assert_eq!(document.root().raw().len(), deep.len());
    assert_eq!(
        Document::parse(&deep.as_bytes()[1..]).unwrap_err(),
        NotJson::Syntax { at: 1_999_998 }
    );
}

#[test]
fn a_value_is_debugged_without_what_it_says() {
    let document = Document::parse(br#"{"from":"15550100042"}"#).unwrap();
    assert_eq!(format!("{:?}", document.root()), "object of 22 bytes");
}

/// Compares a value with what `serde_json` reads.
fn same(ours: super::Value<'_>, theirs: &serde_json::Value) {
    match theirs {
        serde_json::Value::Null => assert!(ours.is_null()),
        serde_json::Value::Bool(flag) => assert_eq!(ours.bool(), Some(*flag)),
        serde_json::Value::Number(number) => {
            assert_eq!(ours.kind(), Kind::Number);
            assert_eq!(ours.raw().parse::<f64>().ok(), number.as_f64());
        }
        serde_json::Value::String(text) => assert_eq!(ours.text().as_deref(), Some(text.as_str())),
        serde_json::Value::Array(all) => {
            assert_eq!(ours.elements().count(), all.len());
            ours.elements()
                .zip(all)
                .for_each(|(ours, theirs)| same(ours, theirs));
        }
        serde_json::Value::Object(all) => {
            assert_eq!(ours.members().count(), all.len());
            for (key, value) in ours.members() {
                same(value, &all[&*key]);
            }
        }
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|all| serde_json::Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_reads_as_serde_reads_it(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let document = Document::parse(text.as_bytes()).unwrap();
        same(document.root(), &value);
        prop_assert_eq!(document.root().inspect(), Ok(()));
    }

    #[test]
    fn a_damaged_value_is_json_or_not_as_serde_says(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        agrees_with_serde(&text);
        text.truncate(at);
        agrees_with_serde(&text);
    }

    #[test]
    fn any_bytes_are_json_or_not_as_serde_says(text in proptest::collection::vec(prop::sample::select(&b"[]{},:\"\\u0d8 1.e-tn"[..]), 0..24)) {
        agrees_with_serde(&text);
    }
}
