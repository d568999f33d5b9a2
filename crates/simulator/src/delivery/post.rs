//! One POST: which events share it, how its JSON is written, and its signature.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    limits::BATCH_MAX,
    model::WABA_ID,
    webhook::{Event, Payload},
};

/// An event that waits.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(super) id: u64,
    pub(super) event: Event,
    /// Random bits, drawn when the event happened, so that how it is sent does not hang on when.
    pub(super) shape: u64,
}

impl Queued {
    /// How many events the POST that begins with this one may hold: mostly one.
    pub(super) fn batch(&self) -> usize {
        match self.shape % 100 {
            0..70 => 1,
            70..94 => 2 + usize::try_from(self.shape >> 8).unwrap_or(0) % 4,
            _ => 6 + usize::try_from((self.shape >> 8) & 0xffff).unwrap_or(0) % (BATCH_MAX - 5),
        }
    }

    /// Whether an event joins the `groups[]` of the one before, if it can.
    fn joins(&self) -> bool {
        self.shape >> 32 & 1 == 1
    }

    /// Whether the POST begins a second entry of the same account here.
    fn splits(&self) -> bool {
        self.shape >> 33 & 3 == 0
    }

    fn escaping(&self) -> Escaping {
        match self.shape >> 40 & 3 {
            0 | 1 => Escaping::Utf8,
            2 => Escaping::Unicode,
            _ => Escaping::UnicodeAndSlashes,
        }
    }
}

/// How text is written in JSON. All are the same JSON, and each has another signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escaping {
    /// `é` as itself.
    Utf8,
    /// `é` as `\u00e9`.
    Unicode,
    /// As `Unicode`, and `/` as `\/`.
    UnicodeAndSlashes,
}

/// A POST as it is sent, the same bytes in every attempt.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(super) ids: Vec<u64>,
    pub(super) body: Bytes,
    pub(super) signature: String,
    pub(super) attempts: u32,
}

impl Post {
    pub(super) fn of(items: &[Queued], secret: &SecretString) -> Self {
        let text = envelope(items).to_string();
        let escaping = items.first().map_or(Escaping::Utf8, Queued::escaping);
        let body = Bytes::from(escaped(text, escaping));
        let signature = signature(secret, &body);
        Self {
            ids: items.iter().map(|item| item.id).collect(),
            body,
            signature,
            attempts: 0,
        }
    }
}

fn envelope(items: &[Queued]) -> Value {
    let mut entries: Vec<Vec<Value>> = Vec::new();
    let mut former: Option<&Event> = None;
    for item in items {
        let same = former.is_some_and(|former| {
            former.field == item.event.field && former.phone_number_id == item.event.phone_number_id
        });
        former = Some(&item.event);
        if same
            && item.joins()
            && let Payload::Group(group) = &item.event.payload
            && let Some(groups) = entries
                .last_mut()
                .and_then(|changes| changes.last_mut())
                .and_then(groups_of)
        {
            groups.push(group.clone());
            continue;
        }
        match entries.last_mut() {
            Some(changes) if !item.splits() => changes.push(item.event.change()),
            _ => entries.push(vec![item.event.change()]),
        }
    }
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|changes| json!({"id": WABA_ID, "changes": changes}))
        .collect();
    json!({"object": "whatsapp_business_account", "entry": entries})
}

fn groups_of(change: &mut Value) -> Option<&mut Vec<Value>> {
    change.get_mut("value")?.get_mut("groups")?.as_array_mut()
}

fn escaped(text: String, escaping: Escaping) -> String {
    if escaping == Escaping::Utf8 {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 32);
    for letter in text.chars() {
        match letter {
            // Outside strings JSON has no slash, so every one is inside.
            '/' if escaping == Escaping::UnicodeAndSlashes => out.push_str("\\/"),
            letter if letter.is_ascii() => out.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

/// `sha256=` and the HMAC of the exact bytes, in lower-case hex (reference 1.2).
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(crate) fn signature(secret: &SecretString, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
