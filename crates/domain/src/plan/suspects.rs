//! Groups that may be gone: missing from the list, unknown by id once, and what a second answer proves.

use std::collections::BTreeMap;

use super::Listing;
use crate::{
    ids::{GroupId, Second},
    limits::{CONFIRMED_REST_SECONDS, CONTROL_SECONDS_MAX, SHOWN_REST_SECONDS},
};

/// Groups of one number that may be gone.
///
/// Kept in memory alone: a restart asks twice again, which costs two calls and no truth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspects(BTreeMap<GroupId, Suspect>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Suspect {
    /// When the first list that was proven complete and did not show it was over.
    unlisted: Option<Second>,
    /// `t0` of the first and of the last question that it answered though unlisted, too soon for that to say anything.
    shown: Option<(Second, Second)>,
    /// `t0` of the first and of the last question that was answered "unknown".
    unknown: Option<(Second, Second)>,
    /// The same of those answered between two answers that showed other groups alive: the token worked.
    controlled: Option<(Second, Second)>,
    /// `t0` of an answer that was preceded by such an answer, and is not followed by one yet.
    pending: Option<Second>,
}

/// A group that all evidence says is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub group_id: GroupId,
    /// `t0` of the first answer "unknown".
    pub first: Second,
    /// `t0` of the last.
    pub last: Second,
    /// Were both answers given while the token saw other groups?
    pub is_controlled: bool,
}

/// Twice, `lag` apart; whole seconds, so only a full second more than `lag` is at least `lag` apart.
fn is_twice(answers: Option<(Second, Second)>, lag: Second) -> bool {
    answers.is_some_and(|(first, last)| last > first + lag)
}

fn with(answers: Option<(Second, Second)>, t0: Second) -> Option<(Second, Second)> {
    let (first, last) = answers.unwrap_or((t0, t0));
    Some((first.min(t0), last.max(t0)))
}

impl Suspect {
    fn is_due(&self, now: Second, lag: Second) -> bool {
        let Some((_, last)) = self.unknown else {
            return match (self.shown, self.unlisted) {
                (Some((first, last)), Some(unlisted)) => {
                    // After 15, 30, 60 seconds and so on: the answers to a question asked again differ in how old they are.
                    let rests = SHOWN_REST_SECONDS.max(2 * (last - first));
                    now > unlisted + lag || now - first > rests
                }
                _ => true,
            };
        };
        match self.controlled {
            // What was answered while nobody knows whether the token works is asked again, and not at once.
            None => now > last + CONTROL_SECONDS_MAX,
            Some((_, last)) if is_twice(self.controlled, lag) => {
                now > last + CONFIRMED_REST_SECONDS
            }
            Some((first, controlled)) => {
                let rests = if last > controlled {
                    CONTROL_SECONDS_MAX
                } else {
                    0
                };
                now > first + lag && now > last + rests
            }
        }
    }
}

impl Suspects {
    /// A complete list, over at `ended`, does not show this group.
    pub fn missing(&mut self, group_id: &GroupId, ended: Second) {
        let suspect = self.0.entry(group_id.clone()).or_default();
        suspect.unlisted.get_or_insert(ended);
    }

    /// Takes the answer "unknown" to a question asked at `t0`; another group was last seen by its id at `seen`.
    pub fn unknown(&mut self, group_id: &GroupId, t0: Second, seen: Second) {
        let suspect = self.0.entry(group_id.clone()).or_default();
        suspect.shown = None;
        suspect.unknown = with(suspect.unknown, t0);
        suspect.pending = (t0.abs_diff(seen) <= CONTROL_SECONDS_MAX.unsigned_abs()).then_some(t0);
    }

    /// Another group answered by its id, asked at `t0`: what was unknown just before was unknown to a token that works.
    pub fn sighted(&mut self, t0: Second) {
        for suspect in self.0.values_mut() {
            if let Some(pending) = suspect.pending
                && t0 >= pending
            {
                suspect.pending = None;
                if t0 - pending <= CONTROL_SECONDS_MAX {
                    suspect.controlled = with(suspect.controlled, pending);
                }
            }
        }
    }

    /// Does an answer wait for another group to be seen?
    pub fn awaits_sight(&self) -> bool {
        self.0.values().any(|suspect| suspect.pending.is_some())
    }

    /// The group answered a question asked at `t0`; says whether that proves it alive though no list shows it.
    ///
    /// An answer may show what was `lag` seconds before. One asked sooner than that after the list was over may be of
    /// the time before the group went: it stays a suspect, all answers "unknown" before it count no more, and it is asked again.
    pub fn answered(&mut self, group_id: &GroupId, t0: Second, lag: Second) -> bool {
        let Some(suspect) = self.0.get_mut(group_id) else {
            return false;
        };
        let Some(unlisted) = suspect.unlisted else {
            self.0.remove(group_id);
            return false;
        };
        if t0 > unlisted + lag {
            self.0.remove(group_id);
            return true;
        }
        *suspect = Suspect {
            unlisted: Some(unlisted),
            shown: with(suspect.shown, t0),
            ..Suspect::default()
        };
        false
    }

    /// The group is settled otherwise.
    pub fn clear(&mut self, group_id: &GroupId) {
        self.0.remove(group_id);
    }

    /// Takes a pass over the list: what it shows is no suspect; what a complete one does not show is unlisted.
    pub fn listed(&mut self, listing: &Listing) {
        self.0
            .retain(|group_id, _| !listing.groups.contains_key(group_id));
        if listing.is_complete {
            for suspect in self.0.values_mut() {
                suspect.unlisted.get_or_insert(listing.ended);
            }
        }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &GroupId> {
        self.0.keys()
    }

    /// Those to be asked for by id: never asked, alive too soon to be believed, unknown once and long enough ago,
    /// or unknown twice and not settled for a day.
    pub fn due(&self, now: Second, lag: Second) -> impl Iterator<Item = &GroupId> {
        let due = self.0.iter();
        due.filter(move |(_, suspect)| suspect.is_due(now, lag))
            .map(|(group_id, _)| group_id)
    }

    /// Missing from a complete list, and unknown by id twice, `lag` apart.
    pub fn confirmed(&self, lag: Second) -> Vec<Confirmed> {
        let unlisted = self
            .0
            .iter()
            .filter(|(_, suspect)| suspect.unlisted.is_some());
        unlisted
            .filter_map(|(group_id, suspect)| {
                let is_controlled = is_twice(suspect.controlled, lag);
                let answers = if is_controlled {
                    suspect.controlled
                } else {
                    suspect.unknown.filter(|_| is_twice(suspect.unknown, lag))
                };
                let (first, last) = answers?;
                Some(Confirmed {
                    group_id: group_id.clone(),
                    first,
                    last,
                    is_controlled,
                })
            })
            .collect()
    }

    /// Is it one?
    pub fn contains(&self, group_id: &GroupId) -> bool {
        self.0.contains_key(group_id)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
