//! Values of the tree: each protected by itself, for the pages below are not in all places.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use domain::position::{Position, Stream};
use wire::digest::RecordHash;

/// Version of the layout of keys and values; a store with another is rebuilt.
///
/// The brief of a state belongs to it: whoever changes what a brief says or how it is derived raises this.
pub(crate) const FORMAT: u8 = 3;

/// Bytes before the payload: format (u8) and CRC-32 (u32, little endian) of key, format and payload.
const HEAD: usize = 5;

/// A value that is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("a value is shorter than its head")]
    Short,
    #[error("a value has format {found}")]
    Format { found: u8 },
    #[error("a value does not match its checksum")]
    Checksum,
    #[error("a value that matches its checksum has another layout")]
    Layout,
}

/// Checksum of a key and its payload.
fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(&[FORMAT]);
    hasher.update(payload);
    hasher.finalize()
}

/// The value to write for a payload, and its share of the store's sum.
pub(crate) fn seal(key: &[u8], payload: &[u8]) -> (Vec<u8>, u64) {
    let crc = checksum(key, payload);
    let mut value = Vec::with_capacity(HEAD + payload.len());
    value.put_u8(FORMAT);
    value.put_u32_le(crc);
    value.put_slice(payload);
    (value, share(crc))
}

/// The payload of a value that was read, and its share of the store's sum.
pub(crate) fn open<'a>(key: &[u8], value: &'a [u8]) -> Result<(&'a [u8], u64), Wrong> {
    let (format, rest) = value.split_first().ok_or(Wrong::Short)?;
    if *format != FORMAT {
        return Err(Wrong::Format { found: *format });
    }
    let (crc, payload) = rest.split_first_chunk::<4>().ok_or(Wrong::Short)?;
    let crc = u32::from_le_bytes(*crc);
    if crc != checksum(key, payload) {
        return Err(Wrong::Checksum);
    }
    Ok((payload, share(crc)))
}

/// What a value adds to the sum over the store: spread, so that lost and stale values do not cancel out.
fn share(crc: u32) -> u64 {
    (u64::from(crc) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The state of an entity as stored: its record of the state topic, and what is asked of it without decoding it.
///
/// Layout of the payload: generation (u32), offset (u64), timestamp in milliseconds (u64), all little endian; length of the hash (u8, 0 or 32)
/// and the hash; length of the brief (u16, little endian) and the brief; the record's bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The record's own position: generation and offset, partition and stream follow from the key.
    pub(crate) generation: u32,
    /// Offset of the event that changed it last.
    pub(crate) offset: i64,
    /// Timestamp of the record in the state topic, milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The record's hash, where its topic has a digest: opening sums it up without hashing again.
    pub(crate) hash: Option<RecordHash>,
    /// What the index keeps of it: opening fills the index without decoding the record.
    pub(crate) brief: Bytes,
    /// The record's value, byte for byte.
    pub(crate) record: Bytes,
}

/// Sizes only: records hold personal data.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("generation", &self.generation)
            .field("offset", &self.offset)
            .field("record_bytes", &self.record.len())
            .finish_non_exhaustive()
    }
}

impl State {
    #[cfg(test)]
    pub(crate) fn encode(&self) -> Bytes {
        let position = Position {
            generation: self.generation,
            offset: self.offset,
            ..Position::default()
        };
        encode_state(&position, self.at_ms, self.hash, &self.brief, &self.record)
    }

    pub(crate) fn decode(mut payload: Bytes) -> Result<Self, Wrong> {
        let head = Head::decode(&payload)?;
        let (generation, offset, at_ms, hash) =
            (head.generation, head.offset, head.at_ms, head.hash);
        let (brief, record) = (head.brief.len(), head.record.len());
        let record = payload.split_off(payload.len() - record);
        let brief = payload.split_off(payload.len() - brief);
        Ok(Self {
            generation,
            offset,
            at_ms,
            hash,
            brief,
            record,
        })
    }
}

/// A [`State`] where it lies, nothing of it copied.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) generation: u32,
    pub(crate) offset: i64,
    pub(crate) at_ms: i64,
    pub(crate) hash: Option<RecordHash>,
    pub(crate) brief: &'a [u8],
    pub(crate) record: &'a [u8],
}

impl<'a> Head<'a> {
    pub(crate) fn decode(mut payload: &'a [u8]) -> Result<Self, Wrong> {
        let wrong = |_| Wrong::Layout;
        let generation = payload.try_get_u32_le().map_err(wrong)?;
        let offset = payload.try_get_i64_le().map_err(wrong)?;
        let at_ms = payload.try_get_i64_le().map_err(wrong)?;
        let hash = match payload.try_get_u8().map_err(wrong)? {
            0 => None,
            32 => {
                let (hash, rest) = payload.split_first_chunk::<32>().ok_or(Wrong::Layout)?;
                payload = rest;
                Some(RecordHash(*hash))
            }
            _ => return Err(Wrong::Layout),
        };
        let brief = usize::from(payload.try_get_u16_le().map_err(wrong)?);
        let (brief, record) = payload.split_at_checked(brief).ok_or(Wrong::Layout)?;
        Ok(Self {
            generation,
            offset,
            at_ms,
            hash,
            brief,
            record,
        })
    }
}

/// The payload of a [`State`] that is not yet one.
pub(crate) fn encode_state(
    position: &Position,
    at_ms: i64,
    hash: Option<RecordHash>,
    brief: &[u8],
    record: &[u8],
) -> Bytes {
    let mut payload = BytesMut::with_capacity(55 + brief.len() + record.len());
    payload.put_u32_le(position.generation);
    payload.put_i64_le(position.offset);
    payload.put_i64_le(at_ms);
    match hash {
        Some(RecordHash(hash)) => {
            payload.put_u8(32);
            payload.put_slice(&hash);
        }
        None => payload.put_u8(0),
    }
    // The index bounds what it keeps of a state.
    payload.put_u16_le(u16::try_from(brief.len()).unwrap_or(u16::MAX));
    payload.put_slice(brief);
    payload.put_slice(record);
    payload.freeze()
}

/// Where the history of a forgotten entity ends, and when that was.
///
/// Layout of the payload: generation (u32), partition (u32), offset (u64), milliseconds since 1970 (u64), all little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) version: Position,
    pub(crate) at_ms: i64,
}

impl Ended {
    pub(crate) fn encode(&self) -> Bytes {
        let mut payload = BytesMut::with_capacity(24);
        payload.put_u32_le(self.version.generation);
        payload.put_u32_le(self.version.partition);
        payload.put_i64_le(self.version.offset);
        payload.put_i64_le(self.at_ms);
        payload.freeze()
    }

    pub(crate) fn decode(mut payload: &[u8]) -> Result<Self, Wrong> {
        let mut read = || -> Result<Self, bytes::TryGetError> {
            Ok(Self {
                version: Position {
                    stream: Stream::Events,
                    generation: payload.try_get_u32_le()?,
                    partition: payload.try_get_u32_le()?,
                    offset: payload.try_get_i64_le()?,
                },
                at_ms: payload.try_get_i64_le()?,
            })
        };
        read().map_err(|_| Wrong::Layout)
    }
}

/// A change as stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Offset of the event that caused it, in its input partition.
    pub(crate) offset: i64,
    /// Its record's value, byte for byte.
    pub(crate) record: Bytes,
}

/// Sizes only: records hold personal data.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Change")
            .field("offset", &self.offset)
            .field("record_bytes", &self.record.len())
            .finish_non_exhaustive()
    }
}

/// A chunk of history: changes of one partition in the order of their offsets.
///
/// Layout of the payload: milliseconds since 1970 of its last record (u64); per change offset (u64), length (u32), bytes.
pub(crate) fn encode_chunk(at_ms: i64, changes: &[Change]) -> Bytes {
    let bytes: usize = changes.iter().map(|change| 12 + change.record.len()).sum();
    let mut payload = BytesMut::with_capacity(8 + bytes);
    payload.put_i64_le(at_ms);
    for Change { offset, record } in changes {
        payload.put_i64_le(*offset);
        // A record is at most a megabyte.
        payload.put_u32_le(u32::try_from(record.len()).unwrap_or(u32::MAX));
        payload.put_slice(record);
    }
    payload.freeze()
}

/// When the last record of a chunk was written.
pub(crate) fn chunk_at_ms(mut payload: &[u8]) -> Result<i64, Wrong> {
    payload.try_get_i64_le().map_err(|_| Wrong::Layout)
}

/// The changes of a chunk.
pub(crate) fn decode_chunk(mut payload: Bytes) -> Result<Vec<Change>, Wrong> {
    payload.try_get_i64_le().map_err(|_| Wrong::Layout)?;
    let mut changes = Vec::new();
    while payload.has_remaining() {
        let offset = payload.try_get_i64_le().map_err(|_| Wrong::Layout)?;
        let length = payload.try_get_u32_le().map_err(|_| Wrong::Layout)?;
        let length = usize::try_from(length).map_err(|_| Wrong::Layout)?;
        if length > payload.remaining() {
            return Err(Wrong::Layout);
        }
        changes.push(Change {
            offset,
            record: payload.split_to(length),
        });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_only_under_its_key_and_whole() {
        let (value, share) = seal(b"key", b"payload");
        assert_eq!(open(b"key", &value), Ok((&b"payload"[..], share)));
        assert_eq!(open(b"kez", &value), Err(Wrong::Checksum));
        for place in 0..value.len() {
            let mut damaged = value.clone();
            damaged[place] ^= 0x10;
            assert!(open(b"key", &damaged).is_err(), "a flipped bit at {place}");
            assert!(open(b"key", &value[..place]).is_err(), "cut off at {place}");
        }
    }

    #[test]
    fn states_chunks_and_ends_come_back() {
        let state = State {
            generation: 2,
            offset: 7,
            at_ms: -1,
            hash: Some(RecordHash([7; 32])),
            brief: Bytes::from_static(b"brief"),
            record: Bytes::from_static(b"record"),
        };
        assert_eq!(State::decode(state.encode()), Ok(state.clone()));
        let plain = State {
            hash: None,
            brief: Bytes::new(),
            record: Bytes::new(),
            ..state
        };
        let payload = plain.encode();
        assert_eq!(State::decode(payload.clone()), Ok(plain));
        for length in 0..payload.len() {
            assert_eq!(State::decode(payload.slice(..length)), Err(Wrong::Layout));
        }
        let changes = vec![
            Change {
                offset: 3,
                record: Bytes::from_static(b"one"),
            },
            Change {
                offset: 9,
                record: Bytes::new(),
            },
        ];
        let chunk = encode_chunk(5, &changes);
        assert_eq!(chunk_at_ms(&chunk), Ok(5));
        assert_eq!(decode_chunk(chunk.clone()), Ok(changes));
        assert_eq!(
            decode_chunk(chunk.slice(..chunk.len() - 1)),
            Err(Wrong::Layout)
        );
        assert_eq!(
            decode_chunk(chunk.slice(..chunk.len() - 13)),
            Err(Wrong::Layout)
        );
        let ended = Ended {
            version: Position {
                stream: Stream::Events,
                generation: 1,
                partition: 2,
                offset: 3,
            },
            at_ms: 4,
        };
        assert_eq!(Ended::decode(&ended.encode()), Ok(ended));
        assert_eq!(Ended::decode(&[0; 23]), Err(Wrong::Layout));
    }
}
