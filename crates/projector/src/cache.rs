//! Decoded states in memory, bounded: what is folded again soon is not decoded again.

use std::collections::HashMap;

use domain::{
    event::{About, Event},
    group::{Applied, FieldChange, Group},
    message::Message,
    number::{self, Number},
    position::{Envelope, Position},
    request::{self, Request},
};
use wire::digest::RecordHash;

/// A state, decoded.
#[derive(Debug)]
pub(crate) enum State {
    Group(Box<Group>),
    Message(Box<Message>),
    Number(Box<Number>),
    Request(Box<Request>),
}

/// What an event did, with what a change record needs.
#[derive(Debug)]
pub(crate) enum Did {
    Unchanged,
    Core,
    Group(Shown<Vec<FieldChange>>),
    Message,
    Number(Shown<Box<number::Core>>),
    Request(Shown<Box<request::Core>>),
    Forgotten(Shown<Vec<FieldChange>>),
}

/// A change of what is shown: the version before, and what changed or what was there before.
#[derive(Debug)]
pub(crate) struct Shown<T> {
    pub(crate) previous_version: Option<Position>,
    pub(crate) what: T,
}

impl State {
    /// A state in which nothing is known, of the entity that an event is about.
    pub(crate) fn empty(about: &About) -> Self {
        match about {
            About::Group(..) => Self::Group(Box::default()),
            About::Message(..) => Self::Message(Box::default()),
            About::Number(..) => Self::Number(Box::default()),
            About::Request(..) => Self::Request(Box::default()),
        }
    }

    pub(crate) fn envelope(&self) -> &Envelope {
        match self {
            Self::Group(state) => &state.envelope,
            Self::Message(state) => &state.envelope,
            Self::Number(state) => &state.envelope,
            Self::Request(state) => &state.envelope,
        }
    }

    /// Folds an event in. An event about another kind of entity changes nothing.
    pub(crate) fn apply(&mut self, event: &Event, position: Position) -> Did {
        match (self, &event.about) {
            (Self::Group(state), About::Group(id, _)) => match state.apply(id, event, position) {
                Applied::Unchanged => Did::Unchanged,
                Applied::Core => Did::Core,
                Applied::View {
                    previous_version,
                    changes: what,
                } => Did::Group(Shown {
                    previous_version,
                    what,
                }),
                Applied::Forgotten {
                    previous_version,
                    changes: what,
                } => Did::Forgotten(Shown {
                    previous_version,
                    what,
                }),
            },
            (Self::Message(state), About::Message(id, _)) => match state.apply(id, event, position)
            {
                Applied::Unchanged => Did::Unchanged,
                Applied::Core => Did::Core,
                // Messages are never forgotten: they lapse with their topic.
                Applied::View { .. } | Applied::Forgotten { .. } => Did::Message,
            },
            (Self::Number(state), About::Number(id, _)) => {
                let before = Box::new(state.core.clone());
                shown(state.apply(id, event, position), before, Did::Number)
            }
            (Self::Request(state), About::Request(id, _)) => {
                let before = Box::new(state.core.clone());
                shown(state.apply(id, event, position), before, Did::Request)
            }
            (Self::Group(_) | Self::Message(_) | Self::Number(_) | Self::Request(_), _) => {
                Did::Unchanged
            }
        }
    }
}

fn shown<C, B>(applied: Applied<C>, before: B, did: impl FnOnce(Shown<B>) -> Did) -> Did {
    match applied {
        Applied::Unchanged => Did::Unchanged,
        Applied::Core => Did::Core,
        // Numbers are never forgotten, and requests lapse with their topic.
        Applied::View {
            previous_version, ..
        }
        | Applied::Forgotten {
            previous_version, ..
        } => did(Shown {
            previous_version,
            what: before,
        }),
    }
}

/// What is kept of one entity.
#[derive(Debug)]
pub(crate) struct Slot {
    /// `None` if there is none, or no more.
    pub(crate) state: Option<State>,
    /// Hash of its record as published, where its topic has a digest.
    pub(crate) hash: Option<RecordHash>,
    /// Changed in the batch that is being folded.
    pub(crate) is_dirty: bool,
    /// Second of the event that changed it last in that batch.
    pub(crate) at: i64,
}

/// Slots by record key. Two generations: what was not asked for while the younger one filled up is dropped.
///
/// Between batches every slot is as published and stored, so any can be dropped.
#[derive(Debug)]
pub(crate) struct Cache {
    young: HashMap<Box<[u8]>, Slot>,
    old: HashMap<Box<[u8]>, Slot>,
    limit: usize,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            limit,
        }
    }

    /// The slot of a key, brought to the younger generation.
    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&mut Slot> {
        if !self.young.contains_key(key) {
            let (key, slot) = self.old.remove_entry(key)?;
            self.young.insert(key, slot);
        }
        self.young.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: &[u8], slot: Slot) -> &mut Slot {
        self.old.remove(key);
        self.young.entry(key.into()).or_insert(slot)
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Drops what is too much; call it between batches, when nothing is dirty.
    pub(crate) fn shrink(&mut self) {
        if self.young.len() * 2 >= self.limit {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot {
            state: None,
            hash: None,
            is_dirty: false,
            at: 0,
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::new(20);
        for round in 0..50_u8 {
            for n in 0..5 {
                cache.insert(&[round, n], slot());
            }
            if round > 0 {
                assert!(cache.get(b"hot").is_some(), "in round {round}");
            } else {
                cache.insert(b"hot", slot());
            }
            cache.shrink();
            assert!(cache.len() <= 20 + 5, "in round {round}");
        }
        assert!(cache.get(&[0, 0]).is_none());
    }
}
