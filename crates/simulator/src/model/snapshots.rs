//! Lists that are being paged through: a cursor is an offset into one of these.

use std::{collections::VecDeque, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::group::{Ask, View};
use crate::limits::{CURSOR_LIFE_MS, SNAPSHOTS_MAX};

/// What is being paged through.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Groups of a number.
    Groups(Arc<Vec<Arc<View>>>),
    /// Join requests of a group.
    Asks(Arc<Vec<Ask>>),
    /// Templates, as they are shown.
    Values(Arc<Vec<Value>>),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Groups(rows) => rows.len(),
            Self::Asks(rows) => rows.len(),
            Self::Values(rows) => rows.len(),
        }
    }
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) offset: usize,
    /// Which list: nanoseconds since the epoch, as Meta's look.
    pub(crate) version: i64,
}

impl Cursor {
    /// Base64 of JSON, with Graph's letter stuffing (reference 4.2).
    pub(crate) fn encode(self) -> String {
        // By hand, for the order of the keys is Meta's.
        let text = format!(
            r#"{{"offset":{},"versionId":{}}}"#,
            self.offset,
            json!(self.version.to_string())
        );
        STANDARD.encode(text).replace('Z', "ZA").replace('=', "ZD")
    }

    /// The cursor in `text`, or none if it is corrupted.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut plain = String::with_capacity(text.len());
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                'Z' => match letters.next()? {
                    'A' => plain.push('Z'),
                    'D' => plain.push('='),
                    _ => return None,
                },
                letter => plain.push(letter),
            }
        }
        let value: Value = serde_json::from_slice(&STANDARD.decode(plain).ok()?).ok()?;
        let offset = usize::try_from(value.get("offset")?.as_u64()?).ok()?;
        let version = value.get("versionId")?.as_str()?.parse().ok()?;
        Some(Self { offset, version })
    }
}

#[derive(Debug)]
struct Snapshot {
    version: i64,
    taken_ms: i64,
    /// The node it was taken of: a cursor is good for that one only.
    owner: String,
    rows: Rows,
}

/// The lists that cursors lead into; old ones expire.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    kept: VecDeque<Snapshot>,
    last_version: i64,
}

impl Snapshots {
    /// Keeps a list for the pages after the first, and says its version.
    pub(crate) fn keep(&mut self, owner: &str, rows: Rows, now_ms: i64) -> i64 {
        self.last_version = (now_ms * 1_000_000).max(self.last_version + 1);
        self.kept.push_back(Snapshot {
            version: self.last_version,
            taken_ms: now_ms,
            owner: owner.to_owned(),
            rows,
        });
        while self.kept.len() > SNAPSHOTS_MAX {
            self.kept.pop_front();
        }
        self.last_version
    }

    /// The list a cursor leads into, unless it expired or belongs elsewhere.
    pub(crate) fn find(&self, owner: &str, cursor: Cursor, now_ms: i64) -> Option<Rows> {
        self.kept
            .iter()
            .find(|kept| {
                kept.version == cursor.version
                    && kept.owner == owner
                    && now_ms - kept.taken_ms <= CURSOR_LIFE_MS
            })
            .filter(|kept| cursor.offset <= kept.rows.len())
            .map(|kept| kept.rows.clone())
    }
}
