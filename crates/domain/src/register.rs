//! The merge rule that all entities share.
//!
//! A register keeps the assertion that wins; which one wins depends on the assertions alone and not on their order:
//! the greater `(at, rank)`; within it the greater `(value, tie)`, and then it is in doubt if values differed.
//! Value comes before tie so that the outcome of a contradiction does not hang on a hash.

use std::cmp::Ordering;

use crate::ids::{EventId, Second, Text};

#[cfg(test)]
mod tests;

/// Kinds of evidence within one second; the later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rank {
    /// An answer to a read: it may lag.
    Read = 1,
    /// Something implied by what happened: whoever writes to a group is in it.
    Circumstance = 2,
    /// A webhook that says it, or the answer to a command of ours.
    Statement = 3,
}

/// When, by what kind of evidence and by which event something was asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Meta's second.
    pub at: Second,
    /// Kind of evidence.
    pub rank: Rank,
    /// The event.
    pub tie: EventId,
}

impl Stamp {
    fn age(&self) -> (Second, Rank) {
        (self.at, self.rank)
    }
}

/// The assertion that won, and whether an equal one contradicted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register<V> {
    /// Stamp of the winner.
    pub stamp: Stamp,
    /// What it says.
    pub value: V,
    /// Did evidence of the same second and rank say something else?
    pub doubt: bool,
}

/// May a register carry doubt? Those marked † in the design never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// A contradiction within a second and rank is remembered.
    Kept,
    /// It is not.
    Never,
}

/// What joining an assertion in did to a register, in order of how far it is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// No byte changed.
    Nothing,
    /// It says the same, by younger evidence.
    Stamp,
    /// It is new, or what it says or whether that is in doubt changed.
    Value,
}

impl Effect {
    /// Did any byte change?
    pub fn is_change(self) -> bool {
        self != Self::Nothing
    }
}

impl<V: Ord> Register<V> {
    /// An undoubted assertion.
    pub fn new(stamp: Stamp, value: V) -> Self {
        Self {
            stamp,
            value,
            doubt: false,
        }
    }

    /// Joins `other` in.
    pub fn merge(&mut self, other: Self, doubt: Doubt) -> Effect {
        match self.stamp.age().cmp(&other.stamp.age()) {
            Ordering::Less => {
                let says_same = self.value == other.value && self.doubt == other.doubt;
                *self = other;
                if says_same {
                    Effect::Stamp
                } else {
                    Effect::Value
                }
            }
            Ordering::Greater => Effect::Nothing,
            Ordering::Equal => {
                let differs = self.value != other.value;
                let doubted = self.doubt;
                self.doubt |= doubt == Doubt::Kept && (other.doubt || differs);
                let mut effect = Effect::Nothing;
                if other.stands_over(self) {
                    self.value = other.value;
                    self.stamp = other.stamp;
                    effect = if differs {
                        Effect::Value
                    } else {
                        Effect::Stamp
                    };
                }
                if self.doubt != doubted {
                    effect = Effect::Value;
                }
                effect
            }
        }
    }

    /// Is this the one of two that stays?
    pub(crate) fn stands_over(&self, other: &Self) -> bool {
        let (one, two) = (&self.stamp, &other.stamp);
        (one.age(), &self.value, one.tie) > (two.age(), &other.value, two.tie)
    }
}

/// Joins an assertion into a register that may not exist yet.
pub fn assert<V: Ord>(
    register: &mut Option<Register<V>>,
    stamp: Stamp,
    value: V,
    doubt: Doubt,
) -> Effect {
    let new = Register::new(stamp, value);
    match register {
        Some(register) => register.merge(new, doubt),
        None => {
            *register = Some(new);
            Effect::Value
        }
    }
}

/// Registers by identifier, in order of the identifier.
///
/// A sorted vector, for there are some eight of each in a group and hundreds of thousands of groups in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers<V>(Vec<(Text, Register<V>)>);

impl<V> Default for Registers<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V: Ord> Registers<V> {
    /// Takes registers in any order; of two with one identifier the join stays.
    pub fn from_unsorted(
        entries: impl IntoIterator<Item = (Text, Register<V>)>,
        doubt: Doubt,
    ) -> Self {
        // In place where it is a vector, as read from a record, where they stand in order.
        let entries: Vec<_> = entries.into_iter().collect();
        if entries.is_sorted_by(|(one, _), (other, _)| one < other) {
            return Self(entries);
        }
        let mut registers = Self::default();
        for (id, register) in entries {
            registers.merge(&id, register, doubt);
        }
        registers
    }

    /// Joins an assertion in.
    pub fn assert(&mut self, id: &str, stamp: Stamp, value: V, doubt: Doubt) -> Effect {
        self.merge(id, Register::new(stamp, value), doubt)
    }

    fn merge(&mut self, id: &str, register: Register<V>, doubt: Doubt) -> Effect {
        match self.find(id) {
            Ok(place) => self
                .0
                .get_mut(place)
                .map_or(Effect::Nothing, |(_, held)| held.merge(register, doubt)),
            Err(place) => {
                self.0.insert(place, (Text::new(id), register));
                Effect::Value
            }
        }
    }

    /// The register of `id`.
    pub fn get(&self, id: &str) -> Option<&Register<V>> {
        self.find(id)
            .ok()
            .and_then(|place| self.0.get(place))
            .map(|(_, register)| register)
    }

    /// All, in order of identifier.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Register<V>)> {
        self.0.iter().map(|(id, register)| (id, register))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Have these and `other` no identifier in common?
    pub(crate) fn is_disjoint<W>(&self, other: &Registers<W>) -> bool {
        let (Some((first, _)), Some((last, _))) = (self.0.first(), self.0.last()) else {
            return true;
        };
        let (Some((other_first, _)), Some((other_last, _))) = (other.0.first(), other.0.last())
        else {
            return true;
        };
        // Numbers come before user ids, so that this mostly decides.
        if last < other_first || other_last < first {
            return true;
        }
        let (mut these, mut those) = (self.0.iter(), other.0.iter());
        let (mut this, mut that) = (these.next(), those.next());
        while let (Some((id, _)), Some((other, _))) = (this, that) {
            match id.cmp(other) {
                Ordering::Less => this = these.next(),
                Ordering::Greater => that = those.next(),
                Ordering::Equal => return false,
            }
        }
        true
    }

    /// Drops what `keep` refuses; tells whether anything went.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Register<V>) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|(id, register)| keep(id, register));
        before != self.0.len()
    }

    /// Drops what is stamped before `floor`; tells whether anything went.
    pub fn drop_before(&mut self, floor: Second) -> bool {
        self.retain(|_, register| register.stamp.at >= floor)
    }

    /// Keeps the `limit` greatest stamps; tells whether anything went.
    pub fn keep_greatest(&mut self, limit: usize) -> bool {
        if self.0.len() <= limit {
            return false;
        }
        let mut stamps: Vec<(Stamp, Text)> =
            self.0.iter().map(|(id, r)| (r.stamp, id.clone())).collect();
        stamps.sort_unstable_by(|a, b| b.cmp(a));
        stamps.truncate(limit);
        let Some(least) = stamps.pop() else {
            return self.retain(|_, _| false);
        };
        self.retain(|id, register| (register.stamp, id) >= (least.0, least.1.as_str()))
    }

    fn find(&self, id: &str) -> Result<usize, usize> {
        // User ids come after numbers, and links lead from numbers: most that are not held lie beyond the last.
        match self.0.last() {
            Some((last, _)) if id > last.as_str() => return Err(self.0.len()),
            Some(_) => {}
            None => return Err(0),
        }
        self.0.binary_search_by(|(held, _)| held.as_str().cmp(id))
    }
}

/// The join of a field that keeps the value of the greatest `(second, value)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Latest<V> {
    /// When it was said.
    pub at: Second,
    /// What was said.
    pub value: V,
}

/// Joins `(at, value)` in.
pub fn latest<V: Ord>(held: &mut Option<Latest<V>>, at: Second, value: V) -> Effect {
    let new = Latest { at, value };
    let effect = match held {
        Some(held) if *held >= new => return Effect::Nothing,
        Some(held) if held.value == new.value => Effect::Stamp,
        Some(_) | None => Effect::Value,
    };
    *held = Some(new);
    effect
}

/// Do two registers differ in what can be seen: value or doubt?
pub fn differ<V: PartialEq>(before: &Option<Register<V>>, after: &Option<Register<V>>) -> bool {
    let seen = |register: &Option<Register<V>>| register.as_ref().map(|r| r.doubt);
    seen(before) != seen(after)
        || before.as_ref().map(|r| &r.value) != after.as_ref().map(|r| &r.value)
}
