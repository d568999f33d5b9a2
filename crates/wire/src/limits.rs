//! Numbers of the contract that stand in no message.

/// Bytes of an event's id: half a BLAKE3 hash, enough that two events never share one by chance.
pub const EVENT_ID_BYTES: usize = 16;

/// Bytes of a digest and of a body's hash: a whole BLAKE3 hash.
pub const HASH_BYTES: usize = 32;
