//! Is a body Meta's? HMAC-SHA256 of the raw bytes, keyed by the app secret (reference §1.2).

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Header that carries the signature.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &[u8] = b"sha256=";

/// The app secrets as prepared HMAC states: during a rotation there are two.
pub struct Keys(Vec<Hmac<Sha256>>);

impl Keys {
    /// Prepares the secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        Self(secrets.into_iter().map(key).collect())
    }

    /// The body, if it was signed with one of the secrets.
    ///
    /// Every secret is tried whatever the ones before it said, so that the time does not tell which
    /// one it was. Only the exact form that Meta documents is taken: `sha256=` and 64 lower-case
    /// hexadecimal digits.
    pub fn verify<'b>(&self, header: &[u8], body: &'b [u8]) -> Option<Verified<'b>> {
        let given = decode(header.strip_prefix(PREFIX)?)?;
        let mut known = Choice::from(0);
        for key in &self.0 {
            let mut mac = key.clone();
            mac.update(body);
            known |= mac.finalize().into_bytes().as_slice().ct_eq(&given);
        }
        bool::from(known).then_some(Verified(body))
    }
}

/// Bytes that were signed with an app secret; made by [`Keys::verify`] alone.
#[derive(Clone, Copy)]
pub struct Verified<'b>(&'b [u8]);

impl<'b> Verified<'b> {
    pub(crate) fn bytes(self) -> &'b [u8] {
        self.0
    }
}

/// Nothing of a body is for a log.
impl std::fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Nothing of a key is for a log.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length (RFC 2104)"
)]
fn key(secret: &SecretString) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("a key of any length")
}

/// Are two secrets the same? In a time that depends on neither's content.
pub(crate) fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a.as_bytes())
        .as_slice()
        .ct_eq(Sha256::digest(b.as_bytes()).as_slice())
        .into()
}

fn decode(digits: &[u8]) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
