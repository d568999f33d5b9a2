//! Writing in rounds, each of which can be told apart after a crash in its midst.
//!
//! sled keeps the order of what one thread writes: after a crash everything up to some write is there and nothing after it.
//! A round writes, one after another: the note of what it will write; its entries; the description, which ends it.
//! Where the note is one round ahead of the description, the entries that it names are each as before or as after, and all others are as
//! the note counts them.
//!
//! (sled's own batches would do, but for as long as one is applied nobody reads.)

use std::collections::BTreeSet;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    keys,
    meta::Meta,
    values::{self, Wrong},
};

/// The note of a round.
///
/// Layout of the payload: round, records and sum (u64 each, little endian); per key length (u32, little endian) and bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writing {
    /// Its number: one more than the description's before it.
    pub(crate) round: u64,
    /// What is in the store beside the entries of the round.
    pub(crate) others: Sum,
    /// Keys of the round's entries.
    pub(crate) keys: BTreeSet<Bytes>,
}

/// How many values, and the sum over their checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) records: u64,
    pub(crate) sum: u64,
}

impl Sum {
    pub(crate) fn of(meta: &Meta) -> Self {
        Self {
            records: meta.records,
            sum: meta.sum,
        }
    }

    pub(crate) fn add(&mut self, share: u64) {
        self.records = self.records.wrapping_add(1);
        self.sum = self.sum.wrapping_add(share);
    }

    pub(crate) fn remove(&mut self, share: u64) {
        self.records = self.records.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(share);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.records = self.records.wrapping_add(other.records);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl Writing {
    /// The value to write.
    pub(crate) fn encode<'a>(
        round: u64,
        others: Sum,
        keys: impl Iterator<Item = &'a Bytes>,
    ) -> Bytes {
        let mut payload = BytesMut::new();
        payload.put_u64_le(round);
        payload.put_u64_le(others.records);
        payload.put_u64_le(others.sum);
        for key in keys {
            // A key is at most a megabyte.
            payload.put_u32_le(u32::try_from(key.len()).unwrap_or(u32::MAX));
            payload.put_slice(key);
        }
        payload.freeze()
    }

    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Wrong> {
        let mut payload = Bytes::copy_from_slice(payload);
        let wrong = |_| Wrong::Layout;
        let round = payload.try_get_u64_le().map_err(wrong)?;
        let others = Sum {
            records: payload.try_get_u64_le().map_err(wrong)?,
            sum: payload.try_get_u64_le().map_err(wrong)?,
        };
        let mut keys = BTreeSet::new();
        while !payload.is_empty() {
            let length = payload.try_get_u32_le().map_err(wrong)?;
            let length = usize::try_from(length).map_err(|_| Wrong::Layout)?;
            if length > payload.len() {
                return Err(Wrong::Layout);
            }
            keys.insert(payload.split_to(length));
        }
        Ok(Self {
            round,
            others,
            keys,
        })
    }
}

/// What one round writes, but for the description at its end.
#[derive(Debug)]
pub(crate) struct Round {
    /// In this order.
    pub(crate) writes: Vec<Write>,
    /// What is in the store after it.
    pub(crate) after: Sum,
    /// Bytes of its entries.
    pub(crate) bytes: usize,
}

/// One value to write, or to delete.
#[derive(Debug)]
pub(crate) struct Write {
    key: Bytes,
    value: Option<Vec<u8>>,
}

impl Round {
    /// `others` is what is in the store beside the entries.
    pub(crate) fn new(number: u64, others: Sum, entries: &[(&Bytes, &Option<Bytes>)]) -> Self {
        let note = Writing::encode(number, others, entries.iter().map(|(key, _)| *key));
        let (note, _) = values::seal(keys::WRITING, &note);
        let mut round = Self {
            writes: Vec::with_capacity(entries.len() + 1),
            after: others,
            bytes: 0,
        };
        round.writes.push(Write {
            key: Bytes::from_static(keys::WRITING),
            value: Some(note),
        });
        for (key, payload) in entries {
            let value = payload.as_ref().map(|payload| {
                let (value, share) = values::seal(key, payload);
                round.after.add(share);
                round.bytes += value.len();
                value
            });
            let key = Bytes::clone(key);
            round.writes.push(Write { key, value });
        }
        round
    }
}

impl Write {
    pub(crate) fn apply(self, db: &sled::Db) -> sled::Result<()> {
        match self.value {
            Some(value) => db.insert(self.key, value)?,
            None => db.remove(self.key)?,
        };
        Ok(())
    }
}

/// A description as it is stored.
pub(crate) fn decode_meta(payload: &[u8]) -> Result<Meta, Wrong> {
    serde_json::from_slice(payload).map_err(|_| Wrong::Layout)
}

/// A value by its key, opened; `None` if it is not there.
pub(crate) fn payload(db: &sled::Db, key: &[u8]) -> sled::Result<Option<Result<Bytes, Wrong>>> {
    let value = db.get(key)?;
    Ok(value
        .map(|value| values::open(key, &value).map(|(payload, _)| Bytes::copy_from_slice(payload))))
}

#[cfg(test)]
mod tests;
