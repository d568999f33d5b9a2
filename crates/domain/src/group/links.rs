//! Which identifiers are one person.

use crate::{
    ids::{PersonId, Second, is_number},
    limits::LINK_STEPS_MAX,
    register::{Rank, Registers},
};

/// Follows `is` registers.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a>(&'a Registers<PersonId>);

/// A number that a person can be shown with; the greatest is: by the age of its link, none being the least, then by bytes.
pub(crate) type Number<'a> = (Option<(Second, Rank)>, &'a str);

impl<'a> Links<'a> {
    /// Of a group's or message's `is` registers.
    pub fn new(is: &'a Registers<PersonId>) -> Self {
        Self(is)
    }

    /// The identifier that stands for the person whom `id` names.
    ///
    /// Follows at most [`LINK_STEPS_MAX`] links; a cycle ends at its smallest identifier by bytes.
    pub fn resolve<'b>(&self, id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut path = [""; LINK_STEPS_MAX + 1];
        let mut at = id;
        for step in 0..=LINK_STEPS_MAX {
            let seen = path.get(..step).unwrap_or_default();
            if let Some(start) = seen.iter().position(|seen| *seen == at) {
                let cycle = seen.get(start..).unwrap_or_default();
                return cycle.iter().min().copied().unwrap_or(at);
            }
            let Some(link) = self.0.get(at).filter(|_| step < LINK_STEPS_MAX) else {
                return at;
            };
            if let Some(place) = path.get_mut(step) {
                *place = at;
            }
            at = &link.value;
        }
        at
    }

    /// Of the numbers that lead to `person` and to no other number: the one with the youngest link, then the greatest.
    ///
    /// Links are looked at in any case; `among` are identifiers that may have none.
    /// A number that stands for a person and leads to others that stand for nobody is shown itself.
    pub fn number_of<'b>(
        &self,
        person: &'b str,
        among: impl Iterator<Item = &'b str>,
    ) -> Option<&'b str>
    where
        'a: 'b,
    {
        among
            .chain(self.linked())
            .filter(|id| self.resolve(id) == person)
            .filter_map(|id| self.number(id))
            .max()
            .map(|(_, id)| id)
            .or_else(|| is_number(person).then_some(person))
    }

    /// `id`, if it is a number that leads to no other number.
    pub(crate) fn number<'b>(&self, id: &'b str) -> Option<Number<'b>> {
        if !is_number(id) {
            return None;
        }
        match self.0.get(id) {
            Some(link) if is_number(&link.value) => None,
            Some(link) => Some((Some((link.stamp.at, link.stamp.rank)), id)),
            None => Some((None, id)),
        }
    }

    /// All identifiers that lead to another.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }
}
