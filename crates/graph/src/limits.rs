//! Limits on what is read from outside, each with its reason.

/// Longest document read at all, in bytes: node positions are 32 bits, and Meta sends 3 MB at most.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Deepest nesting within one item. Meta's deepest sample has 6; nobody needs more, and whoever
/// stores or shows a quarantined item should not have to fear for its stack.
pub const ITEM_DEPTH_MAX: u8 = 64;

/// Nesting, counted from the outside of a document, below which its structure is not kept.
/// An item starts at depth 8 at most, so every item that is not too deep is kept whole.
pub const NODE_DEPTH_MAX: u8 = 128;

/// Keys of one object compared each with each; beyond it they are sorted first.
pub const KEYS_COMPARED_MAX: usize = 16;

/// Longest text of an allow-listed field that a redacted item keeps, in bytes.
/// The longest identifiers of Meta's, group ids, have some 60.
pub const REDACTED_TEXT_BYTES_MAX: usize = 256;

/// Size at which a redacted item is cut, in bytes: it is kept to see its shape, and a Kafka record holds 1 MB.
pub const REDACTED_BYTES_MAX: usize = 64 * 1024;
