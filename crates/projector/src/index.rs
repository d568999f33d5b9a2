//! A little of every group and request in memory, so that lists are filtered and things are counted without reading the store.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use domain::{
    group::{Existence, Group},
    ids::{Second, Text},
    request::Request,
};
use wire::json::RequestStatus;

use crate::cache::State;

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
    /// Keeps up with one state, by its record's key; without a state the entity is gone.
    pub(crate) fn update(&self, record_key: &[u8], state: Option<&State>, partition: u32) {
        let Some((kind, id)) = split(record_key) else {
            return;
        };
        match (kind, state) {
            (b'g', Some(State::Group(group))) => match group_entry(group, partition) {
                Some(entry) => {
                    self.write().groups.insert(id, entry);
                }
                None => {
                    self.write().groups.remove(&id);
                }
            },
            (b'r', Some(State::Request(request))) => {
                let entry = request_entry(request);
                let mut entries = self.write();
                if let Some(meta) = &entry.meta_request_id {
                    entries.by_meta_id.insert(meta.clone(), id.clone());
                }
                entries.requests.insert(id, entry);
            }
            (b'g', None) => {
                self.write().groups.remove(&id);
            }
            (b'r', None) => {
                let mut entries = self.write();
                let removed = entries.requests.remove(&id);
                if let Some(meta) = removed.and_then(|entry| entry.meta_request_id) {
                    entries.by_meta_id.remove(&meta);
                }
            }
            _ => {}
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

/// `None` for a group of which nothing is shown.
fn group_entry(group: &Group, partition: u32) -> Option<GroupEntry> {
    let view = group.view()?;
    Some(GroupEntry {
        partition,
        number: view.phone_number_id,
        existence: view.existence,
        subject: view.subject.map(|subject| subject.to_lowercase()),
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
