//! The digest: vectors that another implementation can be held to, and that a sum forgets what is taken out.

use proptest::{collection::vec, prelude::*};

use crate::digest::{Digest, record_hash};

#[test]
fn a_record_is_hashed_as_documented() {
    let mut framed = vec![0, 0, 0, 3];
    framed.extend_from_slice(b"g/1value");
    assert_eq!(
        record_hash(b"g/1", b"value").0,
        *blake3::hash(&framed).as_bytes()
    );
    // No part of a key passes for a part of a value.
    assert_ne!(record_hash(b"g/1v", b"alue"), record_hash(b"g/1", b"value"));
}

#[test]
fn known_records_give_known_digests() {
    let mut digest = Digest::default();
    assert_eq!(digest.to_string(), "0".repeat(64));
    digest.add(record_hash(b"g/1", b"one"));
    assert_eq!(digest.to_string(), ONE);
    digest.add(record_hash(b"g/2", b"two"));
    assert_eq!(digest.to_string(), BOTH);
    digest.remove(record_hash(b"g/1", b"one"));
    assert_eq!(digest.to_string(), record_hash(b"g/2", b"two").to_string());
}

const ONE: &str = "f169319c4ba570a87802aefb708aa339b08c9f2174b120c34d063c01f363f207";
const BOTH: &str = "5a367a7acae1759490507915952e46af7c0203e994c4438de24dba1a062bbe5d";

#[test]
fn the_sum_carries_and_wraps() {
    let mut digest = Digest::from_bytes([0xff; 32]);
    let mut one = [0; 32];
    one[31] = 1;
    digest.add(crate::digest::RecordHash(one));
    assert_eq!(digest, Digest::default());
    digest.remove(crate::digest::RecordHash(one));
    assert_eq!(digest, Digest::from_bytes([0xff; 32]));
}

proptest! {
    #[test]
    fn a_digest_does_not_depend_on_order_and_forgets_what_is_taken_out(
        records in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20)), 0..8),
        split in any::<prop::sample::Index>(),
    ) {
        let hashes: Vec<_> = records.iter().map(|(key, value)| record_hash(key, value)).collect();
        let mut forward = Digest::default();
        hashes.iter().for_each(|hash| forward.add(*hash));
        let mut backward = Digest::default();
        hashes.iter().rev().for_each(|hash| backward.add(*hash));
        prop_assert_eq!(forward, backward);

        let (gone, kept) = hashes.split_at(split.index(hashes.len() + 1));
        gone.iter().for_each(|hash| forward.remove(*hash));
        let mut only_kept = Digest::default();
        kept.iter().for_each(|hash| only_kept.add(*hash));
        prop_assert_eq!(forward, only_kept);
    }

    #[test]
    fn a_digest_comes_back_from_its_bytes_and_its_text(bytes in any::<[u8; 32]>()) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_bytes(), bytes);
        prop_assert_eq!(digest.to_string(), hex::encode(bytes));
        prop_assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    }
}

#[test]
fn only_64_digits_are_a_digest() {
    assert_eq!(Digest::parse(""), None);
    assert_eq!(Digest::parse(&"0".repeat(63)), None);
    assert_eq!(Digest::parse(&"g".repeat(64)), None);
}
