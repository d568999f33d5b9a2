//! What an escaped string says.

use super::scan::{UNIT_BYTES, unit_at};

/// Undoes the escapes of a string's content; half a surrogate pair becomes U+FFFD.
pub(super) fn unescape(content: &str) -> String {
    let bytes = content.as_bytes();
    let mut out = String::with_capacity(content.len());
    let mut at = 0;
    while let Some(rest) = content.get(at..) {
        let Some(plain) = rest.find('\\') else {
            out.push_str(rest);
            break;
        };
        out.push_str(rest.get(..plain).unwrap_or_default());
        at += plain;
        let Some(unit) = unit_at(bytes, at) else {
            out.push(simple(bytes.get(at + 1).copied()));
            at += 2;
            continue;
        };
        at += UNIT_BYTES;
        let low = unit_at(bytes, at).filter(|low| (0xDC00..=0xDFFF).contains(low));
        match (unit, low) {
            (0xD800..=0xDBFF, Some(low)) => {
                at += UNIT_BYTES;
                let point =
                    0x1_0000 + ((u32::from(unit) - 0xD800) << 10) + (u32::from(low) - 0xDC00);
                out.push(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => out.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }
    out
}

fn simple(escape: Option<u8>) -> char {
    match escape {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        // `"`, `\` and `/` stand for themselves; the scanner let nothing else through.
        Some(other) => char::from(other),
        None => char::REPLACEMENT_CHARACTER,
    }
}
