//! The bodies that were answered 200, for readers that check that each arrived.

use std::{collections::VecDeque, fmt::Write};

use bytes::Bytes;

use crate::limits::{SENT_BODIES_MAX, SENT_BYTES_MAX, SENT_PAGE_MAX};

/// The last bodies, bounded by number and bytes. Numbered from 1 in the order they were answered.
#[derive(Debug, Default)]
pub(super) struct Sent {
    kept: VecDeque<Bytes>,
    bytes: usize,
    last: u64,
}

impl Sent {
    pub(super) fn push(&mut self, body: Bytes) {
        self.bytes += body.len();
        self.kept.push_back(body);
        self.last += 1;
        while (self.kept.len() > SENT_BODIES_MAX || self.bytes > SENT_BYTES_MAX)
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }

    /// A JSON line for each body after `after`; or the oldest number kept, if some of those asked for are gone.
    pub(super) fn lines(&self, after: u64) -> Result<String, u64> {
        let first = self.last + 1 - self.kept.len() as u64;
        if after + 1 < first {
            return Err(first);
        }
        let skip = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        let mut out = String::new();
        for (seq, body) in (after + 1..).zip(self.kept.iter().skip(skip).take(SENT_PAGE_MAX)) {
            // The exact bytes that were signed, for they are one line of JSON.
            let body = String::from_utf8_lossy(body);
            let _ = writeln!(out, r#"{{"seq":{seq},"status":200,"body":{body}}}"#);
        }
        Ok(out)
    }
}
