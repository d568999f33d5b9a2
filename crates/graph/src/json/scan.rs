//! The one pass over the bytes.

use super::{ESCAPED, Kind, Node, NotJson, TRUNCATED, UNPAIRED};
use crate::limits::NODE_DEPTH_MAX;

/// Bytes of JSON a node takes on average in Meta's payloads; a guess that spares growing.
const BYTES_PER_NODE: usize = 12;

/// Indexes one JSON value. The bytes must be UTF-8 and no longer than 32 bits can count.
pub(super) fn scan(bytes: &[u8]) -> Result<Vec<Node>, NotJson> {
    let mut scanner = Scanner {
        bytes,
        at: 0,
        nodes: Vec::with_capacity(bytes.len() / BYTES_PER_NODE + 8),
        open: Vec::with_capacity(16),
    };
    scanner.space();
    if scanner.at == bytes.len() {
        return Err(NotJson::Empty);
    }
    scanner.document()?;
    Ok(scanner.nodes)
}

/// A container whose end has not been met; `node` is `None` below the depth that is kept.
#[derive(Clone, Copy)]
struct Open {
    node: Option<u32>,
    object: bool,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), NotJson> {
        loop {
            self.space();
            let complete = self.value()?;
            if complete && !self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or the opening of a container up to where its first value must stand;
    /// says whether the value is complete.
    fn value(&mut self) -> Result<bool, NotJson> {
        match self.peek() {
            Some(b'{') => {
                self.open(true);
                self.space();
                if self.take(b'}') {
                    self.close();
                    return Ok(true);
                }
                self.key()?;
                Ok(false)
            }
            Some(b'[') => {
                self.open(false);
                self.space();
                if self.take(b']') {
                    self.close();
                    return Ok(true);
                }
                Ok(false)
            }
            Some(b'"') => self.string().map(|()| true),
            Some(b't') => self.literal(b"true", Kind::Bool).map(|()| true),
            Some(b'f') => self.literal(b"false", Kind::Bool).map(|()| true),
            Some(b'n') => self.literal(b"null", Kind::Null).map(|()| true),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| true),
            _ => self.refuse(),
        }
    }

    /// Closes what ends here and goes on to where the next value must stand; `false` at the end of the document.
    fn after_value(&mut self) -> Result<bool, NotJson> {
        loop {
            self.space();
            let Some(open) = self.open.last().copied() else {
                return if self.at == self.bytes.len() {
                    Ok(false)
                } else {
                    self.refuse()
                };
            };
            match (self.peek(), open.object) {
                (Some(b','), true) => {
                    self.at += 1;
                    self.space();
                    self.key()?;
                    return Ok(true);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    self.close();
                }
                _ => return self.refuse(),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
        }
        there
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn refuse<T>(&self) -> Result<T, NotJson> {
        Err(NotJson::Syntax { at: self.at })
    }

    fn key(&mut self) -> Result<(), NotJson> {
        if self.peek() != Some(b'"') {
            return self.refuse();
        }
        self.string()?;
        self.space();
        if self.take(b':') {
            Ok(())
        } else {
            self.refuse()
        }
    }

    /// The depth at which a value met now stands; `None` if it is below what is kept.
    fn depth(&self) -> Option<u8> {
        u8::try_from(self.open.len() + 1)
            .ok()
            .filter(|depth| *depth <= NODE_DEPTH_MAX)
    }

    fn push(&mut self, start: usize, kind: Kind, flags: u8) -> Option<u32> {
        let Some(depth) = self.depth() else {
            self.truncate();
            return None;
        };
        let index = narrow(self.nodes.len());
        self.nodes.push(Node {
            start: narrow(start),
            end: narrow(self.at),
            next: index + 1,
            kind,
            flags,
            depth,
        });
        Some(index)
    }

    /// Marks the deepest container that is kept: something in it is not.
    fn truncate(&mut self) {
        let kept = self
            .open
            .get(usize::from(NODE_DEPTH_MAX) - 1)
            .and_then(|open| open.node);
        if let Some(node) = kept.and_then(|index| self.nodes.get_mut(index as usize)) {
            node.flags |= TRUNCATED;
        }
    }

    fn open(&mut self, object: bool) {
        let start = self.at;
        self.at += 1;
        let node = self.push(start, if object { Kind::Object } else { Kind::Array }, 0);
        self.open.push(Open { node, object });
    }

    fn close(&mut self) {
        let index = self.open.pop().and_then(|open| open.node);
        let next = narrow(self.nodes.len());
        if let Some(node) = index.and_then(|index| self.nodes.get_mut(index as usize)) {
            node.end = narrow(self.at);
            node.next = next;
        }
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), NotJson> {
        let start = self.at;
        if !self
            .bytes
            .get(start..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            return self.refuse();
        }
        self.at += word.len();
        self.push(start, kind, 0);
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        self.push(start, Kind::Number, 0);
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), NotJson> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.refuse();
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        self.at += 1;
        let mut flags = 0;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => flags |= self.escape()?,
                _ => return self.refuse(),
            }
        }
        self.at += 1;
        self.push(start, Kind::String, flags);
        Ok(())
    }

    /// Goes on to the next byte that is special in a string, eight bytes at a time.
    fn plain(&mut self) {
        while let Some(word) = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<8>())
        {
            let special = special(u64::from_le_bytes(*word));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self
            .peek()
            .is_some_and(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
        {
            self.at += 1;
        }
    }

    /// Reads an escape, and the second half of a surrogate pair with its first.
    fn escape(&mut self) -> Result<u8, NotJson> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(ESCAPED)
            }
            Some(b'u') => {
                let Some(unit) = unit_at(self.bytes, self.at) else {
                    return self.refuse();
                };
                self.at += UNIT_BYTES;
                match unit {
                    0xD800..=0xDBFF => match unit_at(self.bytes, self.at) {
                        Some(0xDC00..=0xDFFF) => {
                            self.at += UNIT_BYTES;
                            Ok(ESCAPED)
                        }
                        _ => Ok(ESCAPED | UNPAIRED),
                    },
                    0xDC00..=0xDFFF => Ok(ESCAPED | UNPAIRED),
                    _ => Ok(ESCAPED),
                }
            }
            _ => self.refuse(),
        }
    }
}

/// Has the high bit set in the first byte (from the low end) that is a quote, a backslash or a control
/// character, and nothing below it; what is above that byte means nothing. Zero if there is none.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    // A byte that is zero borrows from its own high bit; only bytes above a hit can be wrong.
    let hits = quote.wrapping_sub(ONES) & !quote
        | backslash.wrapping_sub(ONES) & !backslash
        | word.wrapping_sub(ONES * b' ' as u64) & !word;
    hits & HIGHS
}

/// Length of `\uXXXX`.
pub(super) const UNIT_BYTES: usize = 6;

/// The UTF-16 unit of a `\uXXXX` that starts at `at`, if one does.
pub(super) fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let hex = bytes.get(at..at + UNIT_BYTES)?.strip_prefix(b"\\u")?;
    hex.iter().try_fold(0_u16, |unit, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(unit << 4 | u16::try_from(digit).ok()?)
    })
}

/// Positions fit in 32 bits, for a document's length does; saturating is the answer that cannot panic.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
