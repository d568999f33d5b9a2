//! What may be kept of an item that may hold what somebody wrote.

use super::read;
use crate::{
    json::{Document, Kind, Value},
    limits::{NODE_DEPTH_MAX, REDACTED_BYTES_MAX, REDACTED_TEXT_BYTES_MAX},
};

/// Paths of an element of `messages[]` or `statuses[]` whose values are kept, array places left out.
/// By path and not by name: a shared contact card has a `wa_id` too, of somebody who is not there.
const KEPT: &[&str] = &[
    "id",
    "type",
    "timestamp",
    "status",
    "group_id",
    "from",
    "from_user_id",
    "from_parent_user_id",
    "recipient_type",
    "recipient_id",
    "recipient_user_id",
    "recipient_parent_user_id",
    "parent_recipient_user_id",
    "recipient_participant_id",
    "participant_recipient_id",
    "recipient_participant_user_id",
    "recipient_participant_parent_user_id",
    "errors.code",
    "pricing.billable",
    "pricing.pricing_model",
    "pricing.type",
    "pricing.category",
    "pricing.subtype",
    "conversation.pricing.billable",
    "conversation.pricing.pricing_model",
    "conversation.pricing.type",
    "conversation.pricing.category",
    "conversation.pricing.subtype",
    "conversation.origin.type",
    "system.type",
    "system.wa_id",
    "system.user_id",
    "system.parent_user_id",
    "system.previous_user_id",
    "system.previous_parent_user_id",
];

/// Longest key kept, in characters.
const KEY_CHARS_MAX: usize = 40;
/// A key with more digits than this may be a phone number.
const KEY_DIGITS_MAX: usize = 4;

/// One raw element of `messages[]` or `statuses[]` with its shape, and of its values only those of the
/// allow-listed fields, and these only if they look like identifiers.
///
/// Other texts become their length in bytes, other numbers 0; keys that are not plain words become `_`.
/// It is cut (to null) where it is too long or too deep. What is not JSON becomes its length.
#[must_use]
pub fn redact(raw: &str) -> String {
    match Document::parse(raw.as_bytes()) {
        Ok(document) => item(document.root()),
        Err(_) => raw.len().to_string(),
    }
}

/// An element of `messages[]` or `statuses[]`.
pub(super) fn item(value: Value<'_>) -> String {
    write(value, KEPT)
}

/// Any other part of a body: nothing is kept but its shape.
pub(super) fn outer(value: Value<'_>) -> String {
    write(value, &[])
}

/// A step of the walk, kept on the heap: nesting is Meta's to choose, the stack is ours.
enum Step<'a> {
    Value(Value<'a>, usize),
    Element(crate::json::Elements<'a>, usize, bool),
    Member(crate::json::Members<'a>, usize, bool),
}

fn write(value: Value<'_>, kept: &[&str]) -> String {
    let mut out = String::new();
    let mut path = String::new();
    let mut steps = vec![Step::Value(value, 0)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Value(value, length) => {
                path.truncate(length);
                let cut =
                    out.len() > REDACTED_BYTES_MAX || steps.len() > usize::from(NODE_DEPTH_MAX);
                match value.kind() {
                    Kind::Array | Kind::Object if cut => out.push_str("null"),
                    Kind::Array => {
                        out.push('[');
                        steps.push(Step::Element(value.elements(), length, true));
                    }
                    Kind::Object => {
                        out.push('{');
                        steps.push(Step::Member(value.members(), length, true));
                    }
                    Kind::Null | Kind::Bool | Kind::Number | Kind::String => {
                        scalar(&mut out, value, kept.contains(&path.as_str()));
                    }
                }
            }
            Step::Element(mut elements, length, first) => match elements.next() {
                Some(element) if out.len() <= REDACTED_BYTES_MAX => {
                    out.push_str(if first { "" } else { "," });
                    steps.push(Step::Element(elements, length, false));
                    steps.push(Step::Value(element, length));
                }
                _ => out.push(']'),
            },
            Step::Member(mut members, length, first) => match members.next() {
                Some((key, member)) if out.len() <= REDACTED_BYTES_MAX => {
                    let key = if is_plain(&key) { &*key } else { "_" };
                    out.push_str(if first { "\"" } else { ",\"" });
                    out.push_str(key);
                    out.push_str("\":");
                    path.truncate(length);
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(key);
                    steps.push(Step::Member(members, length, false));
                    steps.push(Step::Value(member, path.len()));
                }
                _ => out.push('}'),
            },
        }
    }
    out
}

fn scalar(out: &mut String, value: Value<'_>, kept: bool) {
    match value.kind() {
        Kind::Number if !(kept && is_identifier(value.raw())) => out.push('0'),
        Kind::String if kept => match value.text().filter(|text| is_identifier(text)) {
            Some(text) => {
                out.push('"');
                out.push_str(&text);
                out.push('"');
            }
            None => out.push_str(&length(value)),
        },
        Kind::String => out.push_str(&length(value)),
        Kind::Null | Kind::Bool | Kind::Number | Kind::Array | Kind::Object => {
            out.push_str(value.raw())
        }
    }
}

fn length(value: Value<'_>) -> String {
    value.text().map_or(0, |text| text.len()).to_string()
}

/// Whether a text can stand in JSON unescaped and is one word, as identifiers are.
fn is_identifier(text: &str) -> bool {
    text.len() <= REDACTED_TEXT_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:=+/@-".contains(&byte))
}

fn is_plain(key: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !read::is_digits(key)
        && key.bytes().filter(u8::is_ascii_digit).count() <= KEY_DIGITS_MAX
}
