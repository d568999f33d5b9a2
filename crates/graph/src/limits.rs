//! Limits on what is read from outside, each with its reason.

use std::time::Duration;

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

/// Longest wait for a connection to the Graph API, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a whole answer of the Graph API: a page of 1,024 groups takes seconds on a bad day.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an unused connection is kept: longer than the pause between two list pages.
pub const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(60);

/// Unused connections kept: calls run a few at a time.
pub const CONNECTIONS_IDLE_MAX: usize = 8;

/// Longest answer read, in bytes: 1,024 groups with the longest subjects are some 700 KB.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most groups that Meta puts on a page of the list.
pub const LIST_PAGE_MAX: u16 = 1024;

/// Characters of a subject after trimming (Meta).
pub const SUBJECT_CHARS_MAX: usize = 128;

/// Characters of a description (Meta).
pub const DESCRIPTION_CHARS_MAX: usize = 2048;

/// Bytes of a group's picture (Meta: 5 MB; taken as 5 MiB, for Meta does not say which).
pub const PICTURE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Pixels that a picture's side must have (Meta).
pub const PICTURE_SIDE_MIN: u32 = 192;

/// Participants that one removal may name (Meta).
pub const PARTICIPANTS_PER_CALL_MAX: usize = 8;

/// Join requests that one call may name; Meta gives no number, and an answer about more gets unwieldy.
pub const JOIN_REQUESTS_PER_CALL_MAX: usize = 100;

/// Characters of a text message (Meta's page on text messages).
pub const TEXT_CHARS_MAX: usize = 4096;

/// Characters of a caption (Meta's pages on media messages).
pub const CAPTION_CHARS_MAX: usize = 1024;

/// Characters of a template's name (Meta's page on templates).
pub const TEMPLATE_NAME_CHARS_MAX: usize = 512;

/// Days that a pin lasts at most (Meta).
pub const PIN_DAYS_MAX: u8 = 30;

/// Wait after the first failure of Meta's or the network's; it doubles with each.
pub const RETRY_WAIT_FIRST: Duration = Duration::from_secs(1);

/// Wait after the first throttled call, where Meta says nothing longer; it doubles with each.
pub const THROTTLED_WAIT_FIRST: Duration = Duration::from_secs(15);

/// Base of Meta's rule for too many messages to one recipient: 4^n seconds.
pub const PAIR_WAIT_BASE: u64 = 4;

/// Longest wait of our own; limits of Meta's are counted in hours, and it says how long.
pub const RETRY_WAIT_LONGEST: Duration = Duration::from_secs(15 * 60);
