//! A JSON document as an index over its text: one pass, no recursion, no copy.
//!
//! Every level of a webhook has to be judged by itself and its raw text kept, which by a
//! deserialiser means reading the same bytes once a level. Here they are read once, into a flat list
//! of nodes in the order of the text, each knowing where it ends and where its next sibling is.
//! What is accepted is exactly JSON (RFC 8259) in UTF-8; a test compares with `serde_json`.
//! Things that JSON allows but we do not trust (depth, duplicate keys, unpaired surrogates)
//! are found by [`Value::inspect`], for one value at a time.

mod inspect;
mod scan;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

pub use inspect::Problem;

use crate::limits::DOCUMENT_BYTES_MAX;

/// Why bytes are not a JSON document. Holds nothing of what the bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// There is nothing but white space.
    #[error("empty")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Longer than [`DOCUMENT_BYTES_MAX`].
    #[error("longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Not JSON from this byte on.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset in bytes from the start of the document.
        at: usize,
    },
}

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "JSON's own words")]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// JSON's name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// Node of the index: where a value or key is in the text, and which node follows what it contains.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    next: u32,
    kind: Kind,
    flags: u8,
    depth: u8,
}

/// The string has an escape.
const ESCAPED: u8 = 1;
/// The string has half of a surrogate pair.
const UNPAIRED: u8 = 2;
/// What is in this container is nested deeper than the index goes.
const TRUNCATED: u8 = 4;

/// A text known to be JSON, and its index.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Reads bytes that should be one JSON value.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, NotJson> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(NotJson::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotJson::NotUtf8)?;
        let nodes = scan::scan(bytes)?;
        Ok(Self { text, nodes })
    }

    /// The outermost value.
    pub(crate) fn root(&self) -> Value<'_> {
        // The scanner answers with at least one node.
        let node = self.nodes.first().copied().unwrap_or(Node {
            start: 0,
            end: 0,
            next: 0,
            kind: Kind::Null,
            flags: 0,
            depth: 1,
        });
        Value {
            document: self,
            index: 0,
            node,
        }
    }

    fn node(&self, index: u32) -> Option<Node> {
        self.nodes.get(index as usize).copied()
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }
}

/// One value of a document.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    document: &'a Document<'a>,
    index: u32,
    node: Node,
}

impl std::fmt::Debug for Value<'_> {
    /// Kind and size alone: what a body says is nobody's business in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.kind().as_str(), self.raw().len())
    }
}

impl<'a> Value<'a> {
    pub(crate) fn kind(self) -> Kind {
        self.node.kind
    }

    /// The value as it stands in the text.
    pub(crate) fn raw(self) -> &'a str {
        self.document.slice(self.node.start, self.node.end)
    }

    /// What a string says; `None` for any other kind.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        (self.node.kind == Kind::String).then(|| string(self.document, self.node))
    }

    /// What `true` and `false` say; `None` for any other kind.
    pub(crate) fn bool(self) -> Option<bool> {
        (self.node.kind == Kind::Bool).then(|| self.raw() == "true")
    }

    pub(crate) fn is_null(self) -> bool {
        self.node.kind == Kind::Null
    }

    /// Keys and values of an object in the order of the text; nothing for any other kind.
    pub(crate) fn members(self) -> Members<'a> {
        let end = if self.node.kind == Kind::Object {
            self.node.next
        } else {
            0
        };
        Members {
            document: self.document,
            at: self.index + 1,
            end,
        }
    }

    /// Elements of an array; nothing for any other kind.
    pub(crate) fn elements(self) -> Elements<'a> {
        let end = if self.node.kind == Kind::Array {
            self.node.next
        } else {
            0
        };
        Elements {
            document: self.document,
            at: self.index + 1,
            end,
        }
    }

    /// The first member of that name.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.members()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Whether the value is one that different readers read alike and that no reader chokes on.
    pub(crate) fn inspect(self) -> Result<(), Problem> {
        inspect::inspect(self)
    }

    /// Whether the object itself (not what is in it) has a key twice.
    pub(crate) fn has_duplicate_keys(self) -> bool {
        inspect::has_duplicate_keys(self)
    }
}

fn string<'a>(document: &'a Document<'a>, node: Node) -> Cow<'a, str> {
    let content = document.slice(node.start + 1, node.end.saturating_sub(1));
    if node.flags & ESCAPED == 0 {
        Cow::Borrowed(content)
    } else {
        Cow::Owned(text::unescape(content))
    }
}

/// Iterator over the members of an object.
#[derive(Clone)]
pub(crate) struct Members<'a> {
    document: &'a Document<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = self.document.node(self.at)?;
        let index = self.at + 1;
        let node = self.document.node(index)?;
        self.at = node.next;
        Some((
            string(self.document, key),
            Value {
                document: self.document,
                index,
                node,
            },
        ))
    }
}

/// Iterator over the elements of an array.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    document: &'a Document<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let index = self.at;
        let node = self.document.node(index)?;
        self.at = node.next;
        Some(Value {
            document: self.document,
            index,
            node,
        })
    }
}
