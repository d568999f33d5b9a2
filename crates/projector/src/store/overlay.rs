//! What is committed and not on disk: newer than the tree below it.

use std::{
    collections::{BTreeMap, btree_map},
    ops::Bound,
    sync::Arc,
};

use bytes::Bytes;

use super::{Pending, meta::Meta};

/// Entries by key; without a payload they delete.
type Entries = BTreeMap<Bytes, Option<Bytes>>;

/// Two layers: what was committed since the last flush began, over what that flush is writing.
#[derive(Debug)]
pub(crate) struct Overlay {
    pending: Entries,
    pending_bytes: usize,
    flushing: Arc<Entries>,
    flushing_bytes: usize,
    /// As of the last commit.
    meta: Meta,
    /// As on disk.
    written: Meta,
    is_changed: bool,
}

impl Overlay {
    pub(crate) fn new(meta: Meta) -> Self {
        Self {
            pending: Entries::new(),
            pending_bytes: 0,
            flushing: Arc::default(),
            flushing_bytes: 0,
            written: meta.clone(),
            meta,
            is_changed: false,
        }
    }

    pub(crate) fn put(&mut self, key: Bytes, payload: Option<Bytes>) {
        let size = |payload: &Option<Bytes>| payload.as_ref().map_or(0, Bytes::len);
        self.pending_bytes += key.len() + size(&payload);
        match self.pending.entry(key) {
            btree_map::Entry::Vacant(place) => {
                place.insert(payload);
            }
            btree_map::Entry::Occupied(mut place) => {
                let freed = place.key().len() + size(place.get());
                self.pending_bytes = self.pending_bytes.saturating_sub(freed);
                place.insert(payload);
            }
        }
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) fn meta_mut(&mut self) -> &mut Meta {
        self.is_changed = true;
        &mut self.meta
    }

    /// What is not on disk.
    pub(crate) fn pending(&self) -> Pending {
        Pending {
            entries: self.pending.len() + self.flushing.len(),
            bytes: self.pending_bytes,
            writing_entries: self.flushing.len(),
            writing_bytes: self.flushing_bytes,
            records: usize::try_from(self.written.records).unwrap_or(usize::MAX),
        }
    }

    /// Begins a flush: what to write, the description to end with, and the one on disk. `None` if nothing is to be written.
    pub(crate) fn take(&mut self, at_ms: i64) -> Option<(Arc<Entries>, Meta, Meta)> {
        if self.pending.is_empty() && !self.is_changed {
            return None;
        }
        self.flushing = Arc::new(std::mem::take(&mut self.pending));
        self.flushing_bytes = std::mem::take(&mut self.pending_bytes);
        self.is_changed = false;
        self.meta.at_ms = at_ms;
        Some((
            Arc::clone(&self.flushing),
            self.meta.clone(),
            self.written.clone(),
        ))
    }

    /// Ends a flush.
    pub(crate) fn flushed(&mut self, written: Meta) {
        (self.meta.round, self.meta.records, self.meta.sum) =
            (written.round, written.records, written.sum);
        self.written = written;
        self.flushing = Arc::default();
        self.flushing_bytes = 0;
    }

    /// Was nothing on disk when the last flush ended? Whatever a flush has written since then is still held here.
    pub(crate) fn is_all(&self) -> bool {
        self.written.records == 0
    }

    /// `None` if it says nothing of the key; `Some(None)` if it is deleted.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        self.pending
            .get(key)
            .or_else(|| self.flushing.get(key))
            .map(Option::as_ref)
    }

    /// What it says of keys that begin with `prefix`, from a bound on, in order.
    pub(crate) fn range<'a>(
        &'a self,
        prefix: &'a [u8],
        from: Bound<Bytes>,
    ) -> impl Iterator<Item = (&'a Bytes, Option<&'a Bytes>)> {
        let within = move |(key, _): &(&Bytes, &Option<Bytes>)| key.starts_with(prefix);
        let mut upper = self
            .pending
            .range((from.clone(), Bound::Unbounded))
            .take_while(within)
            .peekable();
        let mut lower = self
            .flushing
            .range((from, Bound::Unbounded))
            .take_while(within)
            .peekable();
        std::iter::from_fn(move || {
            let next = match (upper.peek(), lower.peek()) {
                (None, None) => return None,
                (Some(_), None) => upper.next(),
                (None, Some(_)) => lower.next(),
                (Some((over, _)), Some((under, _))) => {
                    if over == under {
                        lower.next();
                        upper.next()
                    } else if over < under {
                        upper.next()
                    } else {
                        lower.next()
                    }
                }
            };
            next.map(|(key, payload)| (key, payload.as_ref()))
        })
    }

    /// The last key that is at most `key` and begins with `prefix`, with a payload.
    pub(crate) fn last_until(&self, prefix: &[u8], key: &Bytes) -> Option<(Bytes, Bytes)> {
        let last = |entries: &Entries| {
            entries
                .range((Bound::Unbounded, Bound::Included(key.clone())))
                .rev()
                .take_while(|(key, _)| key.starts_with(prefix))
                .find_map(|(key, payload)| payload.clone().map(|payload| (key.clone(), payload)))
        };
        match (last(&self.pending), last(&self.flushing)) {
            (Some(upper), Some(lower)) if lower.0 > upper.0 => Some(lower),
            (Some(upper), _) => Some(upper),
            (None, lower) => lower,
        }
    }
}
