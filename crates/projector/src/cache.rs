//! Decoded states in memory, bounded: what is folded again soon is not decoded again.

use std::collections::HashMap;

use bytes::Bytes;
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
    /// Key of its records.
    pub(crate) key: Bytes,
    /// `None` if there is none, or no more.
    pub(crate) state: Option<State>,
    /// Hash of its record as published, where its topic has a digest.
    pub(crate) hash: Option<RecordHash>,
    /// Changed since states were last encoded.
    pub(crate) is_dirty: bool,
    /// Second of the event that changed it last since then.
    pub(crate) at: i64,
    /// Asked for again since it came, or since the cache was last shrunk.
    is_used: bool,
}

impl Slot {
    pub(crate) fn new(key: &[u8], state: Option<State>, hash: Option<RecordHash>) -> Self {
        Self {
            key: Bytes::copy_from_slice(key),
            state,
            hash,
            is_dirty: false,
            at: 0,
            is_used: false,
        }
    }
}

/// Slots by record key, each at a place that stays until the cache is shrunk.
///
/// While nothing is dirty every slot is as published and stored, so any can be dropped.
#[derive(Debug)]
pub(crate) struct Cache {
    places: HashMap<Bytes, usize>,
    slots: Vec<Slot>,
    limit: usize,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            limit,
        }
    }

    /// The place of a key, which counts as asking for it.
    pub(crate) fn find(&mut self, key: &[u8]) -> Option<usize> {
        let place = self.places.get(key).copied()?;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.is_used = true;
        }
        Some(place)
    }

    pub(crate) fn slot(&mut self, place: usize) -> Option<&mut Slot> {
        self.slots.get_mut(place)
    }

    /// Puts a slot in for a key that has none; gives its place.
    pub(crate) fn insert(&mut self, slot: Slot) -> usize {
        self.places.insert(slot.key.clone(), self.slots.len());
        self.slots.push(slot);
        self.slots.len() - 1
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Drops what is too much, first what was not asked for again. Call it while nothing is dirty.
    pub(crate) fn shrink(&mut self) {
        if self.slots.len() <= self.limit {
            return;
        }
        self.slots.retain(|slot| slot.is_used);
        let half = self.limit / 2;
        if self.slots.len() > half {
            self.slots.drain(..self.slots.len() - half);
        }
        self.places.clear();
        for (place, slot) in self.slots.iter_mut().enumerate() {
            slot.is_used = false;
            self.places.insert(slot.key.clone(), place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::new(20);
        cache.insert(Slot::new(b"hot", None, None));
        for round in 0..50_u8 {
            for n in 0..5 {
                cache.insert(Slot::new(&[round, n], None, None));
            }
            let hot = cache.find(b"hot").and_then(|place| cache.slot(place));
            assert_eq!(
                hot.map(|slot| slot.key.clone()),
                Some(Bytes::from_static(b"hot")),
                "in round {round}"
            );
            cache.shrink();
            assert!(cache.len() <= 20, "in round {round}");
        }
        assert!(cache.find(&[0, 0]).is_none());
        for round in 40..50 {
            if let Some(place) = cache.find(&[round, 4]) {
                assert_eq!(
                    cache.slot(place).map(|slot| slot.key.to_vec()),
                    Some(vec![round, 4])
                );
            }
        }
    }
}
