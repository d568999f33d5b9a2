//! Groups that may be gone: missing from the list, unknown by id once, and what a second answer proves.

use std::collections::BTreeMap;

use domain::{
    ids::{GroupId, Second},
    plan::Listing,
};

use crate::limits::CONFIRMED_REST_SECONDS;

/// Groups of one number that may be gone.
///
/// Kept in memory alone: a restart asks twice again, which costs two calls and no truth.
#[derive(Debug, Default)]
pub(crate) struct Suspects(BTreeMap<GroupId, Suspect>);

#[derive(Debug, Default, Clone, Copy)]
struct Suspect {
    /// Was it missing from the last list that was proven complete?
    is_unlisted: bool,
    /// `t0` of the first and of the last question that was answered "unknown".
    unknown: Option<(Second, Second)>,
}

/// A group that all evidence says is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// Which.
    pub(crate) group_id: GroupId,
    /// `t0` of the first answer "unknown".
    pub(crate) first: Second,
    /// `t0` of the last.
    pub(crate) last: Second,
}

impl Suspect {
    /// Unknown twice, `lag` apart; whole seconds, so only a full second more than `lag` is at least `lag` apart.
    fn is_unknown_twice(&self, lag: Second) -> bool {
        self.unknown.is_some_and(|(first, last)| last > first + lag)
    }

    fn is_due(&self, now: Second, lag: Second) -> bool {
        match self.unknown {
            None => true,
            Some((_, last)) if self.is_unknown_twice(lag) => now > last + CONFIRMED_REST_SECONDS,
            Some((first, last)) => now > first + lag && now > last,
        }
    }
}

impl Suspects {
    /// A complete list does not show this group.
    pub(crate) fn missing(&mut self, group_id: &GroupId) {
        self.0.entry(group_id.clone()).or_default().is_unlisted = true;
    }

    /// Takes the answer "unknown" to a question asked at `t0`.
    pub(crate) fn unknown(&mut self, group_id: &GroupId, t0: Second) {
        let suspect = self.0.entry(group_id.clone()).or_default();
        suspect.unknown = match suspect.unknown {
            None => Some((t0, t0)),
            Some((first, last)) => Some((first.min(t0), last.max(t0))),
        };
    }

    /// The group answered, or is settled otherwise; says whether it was missing from the list.
    pub(crate) fn clear(&mut self, group_id: &GroupId) -> bool {
        self.0
            .remove(group_id)
            .is_some_and(|suspect| suspect.is_unlisted)
    }

    /// Takes a pass over the list: what it shows is no suspect; what a complete one does not show is unlisted.
    pub(crate) fn listed(&mut self, listing: &Listing) {
        self.0
            .retain(|group_id, _| !listing.groups.contains_key(group_id));
        if listing.is_complete {
            self.0
                .values_mut()
                .for_each(|suspect| suspect.is_unlisted = true);
        }
    }

    /// Keeps those that are still in question.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&GroupId) -> bool) {
        self.0.retain(|group_id, _| keep(group_id));
    }

    /// Those to be asked for by id: never asked, unknown once and long enough ago, or unknown twice and not settled for a day.
    pub(crate) fn due(&self, now: Second, lag: Second) -> impl Iterator<Item = &GroupId> {
        let due = self.0.iter();
        due.filter(move |(_, suspect)| suspect.is_due(now, lag))
            .map(|(group_id, _)| group_id)
    }

    /// Missing from a complete list, and unknown by id twice, `lag` apart.
    pub(crate) fn confirmed(&self, lag: Second) -> Vec<Confirmed> {
        let confirmed = self.0.iter();
        confirmed
            .filter(|(_, suspect)| suspect.is_unlisted && suspect.is_unknown_twice(lag))
            .filter_map(|(group_id, suspect)| {
                let (first, last) = suspect.unknown?;
                Some(Confirmed {
                    group_id: group_id.clone(),
                    first,
                    last,
                })
            })
            .collect()
    }

    /// Is it one?
    pub(crate) fn contains(&self, group_id: &GroupId) -> bool {
        self.0.contains_key(group_id)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests;
