//! Groups that may be gone: unknown by id once, and what a second answer proves.

use std::collections::BTreeMap;

use domain::ids::{GroupId, Second};

/// Groups of one number that were unknown by id, and since when.
///
/// Kept in memory alone: a restart asks twice again, which costs two calls and no truth.
#[derive(Debug, Default)]
pub(crate) struct Suspects(BTreeMap<GroupId, Asked>);

/// When a group was unknown, by the `t0` of the questions.
#[derive(Debug, Clone, Copy)]
struct Asked {
    first: Second,
    last: Second,
}

/// What an answer "unknown" amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Unknown for the first time, or again too soon: ask again at this second.
    AskAgainAt(Second),
    /// Unknown twice, `L` apart.
    Confirmed,
}

impl Suspects {
    /// Takes the answer "unknown" to a question asked at `t0`.
    pub(crate) fn unknown(&mut self, group_id: &GroupId, t0: Second, lag: Second) -> Unknown {
        let asked = self.0.entry(group_id.clone()).or_insert(Asked {
            first: t0,
            last: t0,
        });
        asked.last = asked.last.max(t0);
        let first = asked.first;
        // Whole seconds: only a full second more than `L` is at least `L` apart.
        if t0 > first + lag {
            Unknown::Confirmed
        } else {
            Unknown::AskAgainAt(first + lag + 1)
        }
    }

    /// The group answered, or is settled otherwise.
    pub(crate) fn clear(&mut self, group_id: &GroupId) {
        self.0.remove(group_id);
    }

    /// Those whose next question is due: the second, and where that may not be asserted, further ones no closer together.
    pub(crate) fn due(&self, now: Second, lag: Second) -> impl Iterator<Item = &GroupId> {
        self.0
            .iter()
            .filter(move |(_, asked)| now > asked.last + lag)
            .map(|(group_id, _)| group_id)
    }

    /// Drops those that are settled otherwise.
    pub(crate) fn retain(&mut self, mut is_open: impl FnMut(&GroupId) -> bool) {
        self.0.retain(|group_id, _| is_open(group_id));
    }

    /// Since when a group is suspected.
    pub(crate) fn since(&self, group_id: &GroupId) -> Option<Second> {
        self.0.get(group_id).map(|asked| asked.first)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests;
