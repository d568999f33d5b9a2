//! A little of every group and request in memory, so that lists are filtered and things are counted without reading the store.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::{Buf, BufMut, Bytes};
use domain::{
    group::{Existence, Group},
    ids::{Second, Text},
    request::Request,
};
use wire::json::RequestStatus;

use crate::{cache::State, store::values::Wrong};

/// What is kept of a group that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupEntry {
    pub(crate) partition: u32,
    pub(crate) number: Option<Text>,
    /// `None` is unconfirmed.
    pub(crate) existence: Option<Existence>,
    /// In lower case.
    pub(crate) subject: Option<Text>,
    pub(crate) is_in_doubt: bool,
    /// Second of the last hint, 0 if none.
    pub(crate) hinted: Second,
    /// Second of the last complete read, 0 if none.
    pub(crate) verified: Second,
    pub(crate) changed: Second,
}

/// What is kept of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestEntry {
    pub(crate) number: Option<Text>,
    /// By its own state, not joined with another's.
    pub(crate) status: RequestStatus,
    /// Meta's id of it, on a request of ours.
    pub(crate) meta_request_id: Option<Text>,
}

#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) groups: BTreeMap<Text, GroupEntry>,
    pub(crate) requests: BTreeMap<Text, RequestEntry>,
    /// Requests of ours by Meta's id.
    pub(crate) by_meta_id: BTreeMap<Text, Text>,
}

/// The index; a cheap handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(Arc<RwLock<Entries>>);

impl Index {
    /// Keeps up with one state, by its record's key; without a brief there is nothing to list.
    pub(crate) fn put(&self, record_key: &[u8], brief: Option<Brief>, partition: u32) {
        self.write().put(record_key, brief, partition);
    }

    /// Keeps up with many states at once.
    pub(crate) fn extend(&self, all: impl IntoIterator<Item = (Bytes, Option<Brief>, u32)>) {
        let mut entries = self.write();
        for (record_key, brief, partition) in all {
            entries.put(&record_key, brief, partition);
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn put(&mut self, record_key: &[u8], brief: Option<Brief>, partition: u32) {
        let Some((kind, id)) = split(record_key) else {
            return;
        };
        match (kind, brief) {
            (b'g', Some(Brief::Group(mut entry))) => {
                entry.partition = partition;
                self.groups.insert(id, entry);
            }
            (b'r', Some(Brief::Request(entry))) => {
                if let Some(meta) = &entry.meta_request_id {
                    self.by_meta_id.insert(meta.clone(), id.clone());
                }
                self.requests.insert(id, entry);
            }
            (b'g', None) => {
                self.groups.remove(&id);
            }
            (b'r', None) => {
                let removed = self.requests.remove(&id);
                if let Some(meta) = removed.and_then(|entry| entry.meta_request_id) {
                    self.by_meta_id.remove(&meta);
                }
            }
            _ => {}
        }
    }

    /// Groups after one in order of id.
    pub(crate) fn groups_after<'a>(
        &'a self,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Text, &'a GroupEntry)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.groups.range::<str, _>((from, Bound::Unbounded))
    }
}

fn split(record_key: &[u8]) -> Option<(u8, Text)> {
    let (kind, id) = record_key.split_at_checked(2)?;
    let id = std::str::from_utf8(id).ok()?;
    Some((*kind.first()?, Text::new(id)))
}

/// What the index keeps of one state. It is stored beside the state, so that a store opens without decoding records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Brief {
    /// A group that is shown; the partition is the instance's to say.
    Group(GroupEntry),
    Request(RequestEntry),
}

impl Brief {
    /// `None` where there is nothing to list: for messages, numbers, and groups of which nothing is shown.
    pub(crate) fn of(state: &State) -> Option<Self> {
        match state {
            State::Group(group) => group_entry(group).map(Self::Group),
            State::Request(request) => Some(Self::Request(request_entry(request))),
            State::Message(_) | State::Number(_) => None,
        }
    }

    /// Appends it as it is stored; without one nothing is.
    ///
    /// Layout: kind (u8). Of a group: existence (u8: unconfirmed, active, gone), is in doubt (u8), seconds hinted, verified, changed (u64 each),
    /// number, subject. Of a request: status (u8), number, Meta's id. A text is its length (u16) and its bytes, or `u16::MAX` where it is unknown.
    /// All little endian.
    pub(crate) fn encode(brief: Option<&Self>) -> Vec<u8> {
        let mut bytes = Vec::new();
        match brief {
            None => {}
            Some(Self::Group(entry)) => {
                let existence = match entry.existence {
                    None => 0,
                    Some(Existence::Active) => 1,
                    Some(Existence::Gone) => 2,
                };
                bytes.extend([b'g', existence, u8::from(entry.is_in_doubt)]);
                for second in [entry.hinted, entry.verified, entry.changed] {
                    bytes.put_i64_le(second);
                }
                put_text(&mut bytes, entry.number.as_ref());
                put_text(&mut bytes, entry.subject.as_ref());
            }
            Some(Self::Request(entry)) => {
                bytes.extend([b'r', status_number(entry.status)]);
                put_text(&mut bytes, entry.number.as_ref());
                put_text(&mut bytes, entry.meta_request_id.as_ref());
            }
        }
        bytes
    }

    /// What was stored; fails where it was not written by [`Brief::encode`].
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Option<Self>, Wrong> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let wrong = |_| Wrong::Layout;
        let brief = match bytes.try_get_u8().map_err(wrong)? {
            b'g' => Self::Group(GroupEntry {
                partition: 0,
                existence: match bytes.try_get_u8().map_err(wrong)? {
                    0 => None,
                    1 => Some(Existence::Active),
                    2 => Some(Existence::Gone),
                    _ => return Err(Wrong::Layout),
                },
                is_in_doubt: bytes.try_get_u8().map_err(wrong)? != 0,
                hinted: bytes.try_get_i64_le().map_err(wrong)?,
                verified: bytes.try_get_i64_le().map_err(wrong)?,
                changed: bytes.try_get_i64_le().map_err(wrong)?,
                number: take_text(&mut bytes)?,
                subject: take_text(&mut bytes)?,
            }),
            b'r' => Self::Request(RequestEntry {
                status: status_of(bytes.try_get_u8().map_err(wrong)?)?,
                number: take_text(&mut bytes)?,
                meta_request_id: take_text(&mut bytes)?,
            }),
            _ => return Err(Wrong::Layout),
        };
        if bytes.is_empty() {
            Ok(Some(brief))
        } else {
            Err(Wrong::Layout)
        }
    }
}

/// Longest text kept in a brief, in bytes; Meta's subjects have 128 characters. A longer one is cut off, so a prefix still finds it.
const TEXT_BYTES_MAX: usize = 2_048;

fn put_text(bytes: &mut Vec<u8>, text: Option<&Text>) {
    let Some(text) = text else {
        bytes.put_u16_le(u16::MAX);
        return;
    };
    let text = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX));
    let text = text.unwrap_or_default();
    bytes.put_u16_le(u16::try_from(text.len()).unwrap_or_default());
    bytes.put_slice(text.as_bytes());
}

fn take_text(bytes: &mut &[u8]) -> Result<Option<Text>, Wrong> {
    let length = bytes.try_get_u16_le().map_err(|_| Wrong::Layout)?;
    if length == u16::MAX {
        return Ok(None);
    }
    let (text, rest) = bytes
        .split_at_checked(usize::from(length))
        .ok_or(Wrong::Layout)?;
    *bytes = rest;
    let text = std::str::from_utf8(text).map_err(|_| Wrong::Layout)?;
    Ok(Some(Text::new(text)))
}

const STATUSES: [RequestStatus; 7] = [
    RequestStatus::Asked,
    RequestStatus::Accepted,
    RequestStatus::Done,
    RequestStatus::Partly,
    RequestStatus::Failed,
    RequestStatus::Refused,
    RequestStatus::Unknown,
];

/// Numbers are stored, so each is that of its place for ever.
fn status_number(status: RequestStatus) -> u8 {
    match status {
        RequestStatus::Asked => 0,
        RequestStatus::Accepted => 1,
        RequestStatus::Done => 2,
        RequestStatus::Partly => 3,
        RequestStatus::Failed => 4,
        RequestStatus::Refused => 5,
        RequestStatus::Unknown => 6,
    }
}

fn status_of(number: u8) -> Result<RequestStatus, Wrong> {
    let status = STATUSES.get(usize::from(number)).copied();
    status.ok_or(Wrong::Layout)
}

/// `None` for a group of which nothing is shown.
fn group_entry(group: &Group) -> Option<GroupEntry> {
    let view = group.shown()?;
    Some(GroupEntry {
        partition: 0,
        number: view.phone_number_id.clone(),
        existence: view.existence,
        subject: view.subject.as_ref().map(|subject| subject.to_lowercase()),
        is_in_doubt: !view.in_doubt.is_empty(),
        hinted: group.core.hint.as_ref().map_or(0, |hint| hint.stamp.at),
        verified: group.core.verified,
        changed: group.core.changed,
    })
}

fn request_entry(request: &Request) -> RequestEntry {
    let core = &request.core;
    RequestEntry {
        number: core.number.as_ref().map(|number| number.value.clone()),
        status: RequestStatus::of(request, None),
        meta_request_id: core.meta_request_id.as_ref().map(|id| id.value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_comes_back_as_it_was_and_what_is_none_is_refused() {
        let group = GroupEntry {
            partition: 0,
            number: Some(Text::new("300000000000001")),
            existence: Some(Existence::Gone),
            subject: Some(Text::new("größer")),
            is_in_doubt: true,
            hinted: 1,
            verified: 2,
            changed: -3,
        };
        let unknown = GroupEntry {
            number: None,
            existence: None,
            subject: Some(Text::new("")),
            is_in_doubt: false,
            ..group.clone()
        };
        let mut briefs = vec![Brief::Group(group), Brief::Group(unknown)];
        for (number, status) in STATUSES.into_iter().enumerate() {
            assert_eq!(usize::from(status_number(status)), number);
            briefs.push(Brief::Request(RequestEntry {
                number: None,
                status,
                meta_request_id: Some(Text::new("meta")),
            }));
        }
        for brief in briefs {
            let bytes = Brief::encode(Some(&brief));
            assert_eq!(Brief::decode(&bytes), Ok(Some(brief)));
            for length in 1..bytes.len() {
                assert_eq!(Brief::decode(&bytes[..length]), Err(Wrong::Layout));
            }
        }
        assert_eq!(Brief::decode(&Brief::encode(None)), Ok(None));
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let long = Text::new("ö".repeat(TEXT_BYTES_MAX));
        let mut bytes = Vec::new();
        put_text(&mut bytes, Some(&long));
        let text = take_text(&mut &bytes[..]).unwrap().unwrap();
        assert!(long.starts_with(text.as_str()));
        assert_eq!(text.len(), TEXT_BYTES_MAX);
    }
}
