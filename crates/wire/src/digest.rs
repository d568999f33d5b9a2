//! One number for the contents of a partition of a state topic.
//!
//! Anybody who holds the records can compute it: for each live record (progress and tombstones excluded)
//!
//! ```text
//! h = BLAKE3( length of the key, 4 bytes, big-endian ‖ key ‖ value )      32 bytes
//! ```
//!
//! read as an unsigned 256-bit number, big-endian; the digest is the sum of all modulo 2²⁵⁶, again 32 bytes, big-endian.
//! No records sum to zero.
//! A sum, and not a hash of all, so that it can be kept from record to record in any order; the length is there so that no
//! part of a key can pass for a part of a value.

use std::fmt;

use crate::limits::HASH_BYTES;

/// Hash of one record: keep it beside the record, to take the record out of the digest later.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordHash(pub [u8; HASH_BYTES]);

/// Hash of a record with this key and value.
pub fn record_hash(key: &[u8], value: &[u8]) -> RecordHash {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&length.to_be_bytes())
        .update(key)
        .update(value);
    RecordHash(*hasher.finalize().as_bytes())
}

/// Sum of the hashes of records, modulo 2²⁵⁶.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest {
    /// Least significant first.
    limbs: [u64; 4],
}

impl Digest {
    /// Takes a record in.
    pub fn add(&mut self, record: RecordHash) {
        let mut carry = false;
        for (limb, other) in self.limbs.iter_mut().zip(Self::from_bytes(record.0).limbs) {
            let (sum, first) = limb.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(carry.into());
            (*limb, carry) = (sum, first || second);
        }
    }

    /// Takes a record out that was taken in before.
    pub fn remove(&mut self, record: RecordHash) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(Self::from_bytes(record.0).limbs) {
            let (rest, first) = limb.overflowing_sub(other);
            let (rest, second) = rest.overflowing_sub(borrow.into());
            (*limb, borrow) = (rest, first || second);
        }
    }

    /// Reads the 32 bytes.
    pub fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        let mut limbs = [0; 4];
        let (chunks, _) = bytes.as_chunks::<8>();
        for (limb, chunk) in limbs.iter_mut().zip(chunks.iter().rev()) {
            *limb = u64::from_be_bytes(*chunk);
        }
        Self { limbs }
    }

    /// The 32 bytes, most significant first.
    pub fn to_bytes(self) -> [u8; HASH_BYTES] {
        let mut bytes = [0; HASH_BYTES];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, limb) in chunks.iter_mut().rev().zip(self.limbs) {
            *chunk = limb.to_be_bytes();
        }
        bytes
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; HASH_BYTES];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
