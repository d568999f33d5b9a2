//! The body of a POST, from its signature to the records of one append.

use std::sync::LazyLock;

use chassis::SecretString;
use hmac::{Hmac, KeyInit, Mac};
use ingest::{
    Topics, Window,
    signature::Keys,
    webhook::{Reading, read},
};
use sha2::Sha256;

const SECRET: &str = "a secret of nobody";

/// 2026-01-01, in milliseconds.
const NOW_MS: i64 = 1_767_225_600_000;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(&[SecretString::from(SECRET)]));

/// Reads `body` as a webhook that was signed rightly.
///
/// # Panics
///
/// Where a signature is judged wrongly, or the same body gives other records the second time.
pub fn webhook(body: &[u8]) {
    let header = sign(body);
    let Some(verified) = KEYS.verify(header.as_bytes(), body) else {
        panic!("a right signature is refused");
    };
    let mut other = header.clone().into_bytes();
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    assert!(KEYS.verify(&other, body).is_none(), "a wrong one is taken");
    // A header is a stranger's, too.
    let _none_of_ours = KEYS.verify(body, body);
    let reading = Reading {
        window: Window {
            past: Some(7 * 86_400),
            future: 300,
        },
        topics: Some(Topics {
            events: 64,
            receipts: 16,
            quarantine: 8,
        }),
        now_ms: NOW_MS,
        traceparent: None,
    };
    let Ok((batch, _tally)) = read(verified, &reading) else {
        return;
    };
    let Ok((again, _tally)) = read(verified, &reading) else {
        panic!("the same body is no JSON the second time");
    };
    assert!(
        !batch.is_empty() || again.is_empty(),
        "nothing, then something"
    );
    assert_eq!(batch.len(), again.len(), "records of the same body");
    assert_eq!(batch.bytes(), again.bytes(), "bytes of the same body");
}

fn sign(body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
