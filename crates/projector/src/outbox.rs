//! What is to be appended, and what it sums to.

use std::collections::BTreeMap;

use chassis::trace::{self, TraceParent};
use eventlog::Batch;
use wire::{
    digest::{Digest, RecordHash},
    topics::Topic,
};

use crate::{
    limits::{PUBLISH_BYTES, PUBLISH_RECORDS},
    store::meta::Reach,
};

/// Digests of the two state topics that carry one, and how many records they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) groups: Counted,
    pub(crate) numbers: Counted,
}

/// A digest and its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) digest: Digest,
    pub(crate) records: u64,
    /// The latest position of any state counted.
    pub(crate) newest: Reach,
}

impl Digests {
    /// The digest of a state topic, if it has one, with what it counts.
    pub(crate) fn counted(&self, topic: Topic) -> Option<Counted> {
        match topic {
            Topic::Groups => Some(self.groups),
            Topic::Numbers => Some(self.numbers),
            // Their records lapse at the broker's own times; the others hold no states.
            Topic::Messages
            | Topic::Requests
            | Topic::Events
            | Topic::Receipts
            | Topic::Changes
            | Topic::Quarantine => None,
        }
    }

    /// The digest that a record's key counts for.
    pub(crate) fn of(&mut self, record_key: &[u8]) -> Option<&mut Counted> {
        match record_key.first() {
            Some(b'g') => Some(&mut self.groups),
            Some(b'n') => Some(&mut self.numbers),
            Some(_) | None => None,
        }
    }
}

impl Counted {
    /// Notes the position of a state that is counted.
    pub(crate) fn saw(&mut self, position: Reach) {
        self.newest = self.newest.max(position);
    }

    /// Takes one record out and another in.
    pub(crate) fn replace(&mut self, old: Option<RecordHash>, new: Option<RecordHash>) {
        if let Some(old) = old {
            self.digest.remove(old);
            self.records = self.records.saturating_sub(1);
        }
        if let Some(new) = new {
            self.digest.add(new);
            self.records += 1;
        }
    }
}

/// Records to append, in as many appends as the log's limits ask for.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) batches: Vec<Batch>,
    records: usize,
    /// How many of them each topic gets.
    counts: BTreeMap<Topic, i64>,
}

impl Outbox {
    pub(crate) fn push(&mut self, topic: Topic, partition: u32, record: Outgoing<'_>) {
        let full = |batch: &Batch| batch.len() >= PUBLISH_RECORDS || batch.bytes() >= PUBLISH_BYTES;
        if self.batches.last().is_none_or(full) {
            self.batches.push(Batch::new());
        }
        let Outgoing {
            key,
            value,
            headers,
            trace,
            at_ms,
        } = record;
        let [a, b, c, d, e, f] = headers.each_ref().map(|(name, value)| (*name, &value[..]));
        let traced;
        let headers: &[_] = match &trace {
            Some(trace) => {
                traced = [a, b, c, d, e, f, (trace::HEADER, trace.as_bytes())];
                &traced
            }
            None => &[a, b, c, d, e, f],
        };
        if let Some(batch) = self.batches.last_mut() {
            batch.push(topic.name(), partition, key, value, headers, at_ms);
            self.records += 1;
            *self.counts.entry(topic).or_default() += 1;
        }
    }

    /// How many records a topic gets.
    pub(crate) fn count(&self, topic: Topic) -> i64 {
        self.counts.get(&topic).copied().unwrap_or(0)
    }

    pub(crate) fn len(&self) -> usize {
        self.records
    }
}

/// One record to append.
pub(crate) struct Outgoing<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: wire::headers::Headers,
    /// Of the one event that it came of.
    pub(crate) trace: Option<TraceParent>,
    pub(crate) at_ms: i64,
}
