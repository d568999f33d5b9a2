//! Positions, event ids and cursors, as a caller of the query API may write them.

use domain::position::Position;
use projector::place::{after, cursor, event_id, place as read, position, positions};
use wire::digest::Digest;

/// Reads `text` as each of them.
///
/// # Panics
///
/// Where what was read is not written as what reads the same again.
pub fn place(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    if let Some(read) = Position::parse(text) {
        assert_eq!(Position::parse(&read.to_string()), Some(read));
        assert_eq!(
            position(text),
            Some(read),
            "one of the log's is any caller's"
        );
    }
    if let Some(read) = position(text) {
        assert_eq!(position(&read.to_string()), Some(read));
        assert_eq!(positions(text), Some(vec![read]), "one is a list of one");
    }
    if let Some(place) = read(text) {
        assert_eq!(read(&event_id(&place)), Some(place));
    }
    if let Some(item) = after(text) {
        assert_eq!(after(&cursor(&item)), Some(item));
    }
    assert_eq!(after(&cursor(text)).as_deref(), Some(text));
    if let Some(digest) = Digest::parse(text) {
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    }
}
