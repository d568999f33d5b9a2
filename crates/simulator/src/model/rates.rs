//! How often a number sends and acts: throughput, pairs, group operations (reference 5.1 and 5.2).

use std::collections::BTreeMap;

use super::{World, people::PersonKey};
use crate::{
    graph_http::refusal::{self, Refusal},
    limits::{PAIR_BURST, PAIR_SECONDS, PAIRS_MAX},
};

/// Counts that begin anew with each second or hour.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// Which second or hour.
    at: i64,
    count: u64,
}

impl Window {
    fn count(&mut self, at: i64) -> u64 {
        if self.at != at {
            *self = Self { at, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

/// What was sent and done lately.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    messages: BTreeMap<usize, Window>,
    operations: BTreeMap<usize, Window>,
    /// Messages to a person that still count, and when they were counted (Unix milliseconds).
    pairs: BTreeMap<(usize, PersonKey), (f64, i64)>,
}

impl World {
    /// Counts a message of a number.
    pub(crate) fn count_message(&mut self, number: usize) -> Result<(), Refusal> {
        let second = self.now_ms().div_euclid(1000);
        let limit = self.faults.api.messages_per_second;
        let count = self.rates.messages.entry(number).or_default().count(second);
        if limit > 0 && count > limit {
            return Err(Refusal::new(
                refusal::THROUGHPUT,
                "The number sends too many messages a second",
            ));
        }
        Ok(())
    }

    /// Counts a message to a person: a bucket that one message leaves every 6 seconds.
    pub(super) fn count_pair(&mut self, number: usize, person: PersonKey) -> Result<(), Refusal> {
        if !self.faults.api.pair_limit {
            return Ok(());
        }
        let now_ms = self.now_ms();
        if self.rates.pairs.len() >= PAIRS_MAX {
            self.rates.pairs.clear();
        }
        let (held, since) = self
            .rates
            .pairs
            .entry((number, person))
            .or_insert((0.0, now_ms));
        let left = (now_ms - *since) as f64 / 1000.0 / PAIR_SECONDS;
        *held = (*held - left).max(0.0);
        *since = now_ms;
        if *held + 1.0 > PAIR_BURST {
            return Err(Refusal::new(
                refusal::PAIR,
                "Too many messages to the same person, wait and try again",
            ));
        }
        *held += 1.0;
        Ok(())
    }

    /// Counts what changes groups of a number; 131208 beyond the hour's.
    pub(crate) fn count_operation(&mut self, number: usize) -> Result<(), Refusal> {
        let hour = self.now_ms().div_euclid(3_600_000);
        let limit = self.faults.api.operations_per_hour;
        let count = self.rates.operations.entry(number).or_default().count(hour);
        if limit > 0 && count > limit {
            return Err(Refusal::new(
                refusal::GROUP_CALLS,
                "Too many group operations of this number",
            ));
        }
        Ok(())
    }
}
