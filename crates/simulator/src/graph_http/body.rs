//! Parameters of a call: JSON, a form, or multipart, as clients of Graph send them.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// A file of a multipart body.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// What the caller sent.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    fields: Map<String, Value>,
    files: BTreeMap<String, File>,
}

impl Parameters {
    /// Reads a body and checks `messaging_product`, which every call about groups and messages names.
    pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let parameters = Self::any(headers, body)?;
        if parameters.text("messaging_product")? != Some("whatsapp") {
            return Err(Refusal::parameter("messaging_product must be whatsapp"));
        }
        Ok(parameters)
    }

    /// Reads a body.
    pub(super) fn any(headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("application/json");
        let parameters = if let Some(boundary) =
            kind.strip_prefix("multipart/form-data").and_then(boundary)
        {
            multipart(body, &boundary)?
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs = url::form_urlencoded::parse(body).into_owned();
            Self {
                fields: pairs
                    .map(|(key, value)| (key, Value::String(value)))
                    .collect(),
                files: BTreeMap::new(),
            }
        } else {
            match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => Self {
                    fields,
                    files: BTreeMap::new(),
                },
                Ok(_) | Err(_) => return Err(Refusal::parameter("The body is not a JSON object")),
            }
        };
        Ok(parameters)
    }

    /// A text parameter, if it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::parameter(format!("{name} must be text"))),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// A list parameter, which must be there.
    pub(super) fn list(&self, name: &str) -> Result<&Vec<Value>, Refusal> {
        self.fields
            .get(name)
            .and_then(Value::as_array)
            .ok_or_else(|| Refusal::parameter(format!("{name} must be a list")))
    }

    /// The picture: guide and provider disagree on its part's name, so both are taken.
    pub(super) fn picture(&self) -> Option<&File> {
        self.files
            .get("profile_picture_file")
            .or_else(|| self.files.get("file"))
    }
}

fn boundary(rest: &str) -> Option<String> {
    let value = rest
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?;
    Some(value.trim_matches('"').to_owned())
}

fn multipart(body: &[u8], boundary: &str) -> Result<Parameters, Refusal> {
    let bad = || Refusal::parameter("The multipart body is malformed");
    let mut parameters = Parameters::default();
    let delimiter = format!("\r\n--{boundary}");
    let opening = format!("--{boundary}");
    let mut rest = body.strip_prefix(opening.as_bytes()).ok_or_else(bad)?;
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, delimiter.as_bytes()).ok_or_else(bad)?;
        let (part, after) = part.split_at(end);
        rest = after.get(delimiter.len()..).ok_or_else(bad)?;
        let split = find(part, b"\r\n\r\n").ok_or_else(bad)?;
        let (head, content) = part.split_at(split);
        let content = content.get(4..).ok_or_else(bad)?.to_vec();
        let head = String::from_utf8_lossy(head);
        let name = quoted(&head, "name=\"").ok_or_else(bad)?;
        if quoted(&head, "filename=\"").is_some() {
            let content_type = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-type:")
                        .map(|kind| kind.trim().to_owned())
                })
                .unwrap_or_default();
            parameters.files.insert(
                name,
                File {
                    content_type,
                    bytes: content,
                },
            );
        } else {
            let text = String::from_utf8(content).map_err(|_| bad())?;
            parameters.fields.insert(name, Value::String(text));
        }
    }
    Ok(parameters)
}

fn quoted(head: &str, before: &str) -> Option<String> {
    // `filename="` ends in `name="` too, so the name is what follows a space or semicolon.
    let at = head
        .match_indices(before)
        .find(|(at, _)| !head.get(..*at).is_some_and(|text| text.ends_with("file")))?
        .0;
    let value = head.get(at + before.len()..)?;
    value.split_once('"').map(|(value, _)| value.to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
