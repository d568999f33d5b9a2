//! What JSON allows and we do not trust.

use super::{ESCAPED, Kind, TRUNCATED, UNPAIRED, Value, string};
use crate::limits::{ITEM_DEPTH_MAX, KEYS_COMPARED_MAX};

/// Why a value is not trusted although it is JSON. Holds nothing of what the value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nested deeper than [`ITEM_DEPTH_MAX`].
    #[error("nested deeper than {ITEM_DEPTH_MAX}")]
    TooDeep,
    /// An object has a key twice, perhaps spelled differently: readers differ in which one they take.
    #[error("duplicate key")]
    DuplicateKey,
    /// A string has half a surrogate pair, which no UTF-8 text can hold.
    #[error("unpaired surrogate")]
    UnpairedSurrogate,
    /// Not one JSON value.
    #[error("not JSON")]
    NotJson,
}

impl Problem {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooDeep => "too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::UnpairedSurrogate => "unpaired_surrogate",
            Self::NotJson => "not_json",
        }
    }
}

/// Looks at every node of a value once.
pub(super) fn inspect(value: Value<'_>) -> Result<(), Problem> {
    let document = value.document;
    let deepest = value.node.depth.saturating_add(ITEM_DEPTH_MAX - 1);
    let mut index = value.index;
    while index < value.node.next {
        let Some(node) = document.node(index) else {
            break;
        };
        let container = matches!(node.kind, Kind::Array | Kind::Object);
        if node.flags & TRUNCATED != 0 || container && node.depth > deepest {
            return Err(Problem::TooDeep);
        }
        if node.flags & UNPAIRED != 0 {
            return Err(Problem::UnpairedSurrogate);
        }
        if node.kind == Kind::Object
            && has_duplicate_keys(Value {
                document,
                index,
                node,
            })
        {
            return Err(Problem::DuplicateKey);
        }
        index += 1;
    }
    Ok(())
}

/// Whether the object itself has a key twice, as unescaped.
pub(super) fn has_duplicate_keys(object: Value<'_>) -> bool {
    let document = object.document;
    let mut seen = [""; KEYS_COMPARED_MAX];
    let mut count = 0;
    let mut at = object.index + 1;
    let end = if object.kind() == Kind::Object {
        object.node.next
    } else {
        0
    };
    while at < end {
        let (Some(key), Some(member)) = (document.node(at), document.node(at + 1)) else {
            break;
        };
        if key.flags & ESCAPED != 0 || count == seen.len() {
            return has_duplicates_sorted(object);
        }
        // With the quotes: equal contents are equal texts while nothing is escaped.
        let text = document.slice(key.start, key.end);
        if seen.iter().take(count).any(|other| *other == text) {
            return true;
        }
        if let Some(place) = seen.get_mut(count) {
            *place = text;
        }
        count += 1;
        at = member.next;
    }
    false
}

/// The same for many keys or escaped ones, in time that does not grow with the square.
fn has_duplicates_sorted(object: Value<'_>) -> bool {
    let document = object.document;
    let mut keys = Vec::new();
    let mut at = object.index + 1;
    while at < object.node.next {
        let (Some(key), Some(member)) = (document.node(at), document.node(at + 1)) else {
            break;
        };
        keys.push(string(document, key));
        at = member.next;
    }
    keys.sort_unstable();
    keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}
