//! Which identifiers are one person.

use crate::{
    ids::{PersonId, Second, is_number},
    limits::LINK_STEPS_MAX,
    register::{Rank, Registers},
};

/// Follows `is` registers.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a>(&'a Registers<PersonId>);

/// A number that a person can be shown with; the greatest is: by the age of its link, then by bytes.
pub(crate) type Number<'a> = ((Second, Rank), &'a str);

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
        match self.0.get(id) {
            None => id,
            Some(link) => self.follow(id, &link.value),
        }
    }

    fn follow<'b>(&self, id: &'b str, to: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut path = [id; LINK_STEPS_MAX];
        let mut at = to;
        for step in 1..LINK_STEPS_MAX {
            let seen = path.get(..step).unwrap_or_default();
            if let Some(start) = seen.iter().position(|seen| *seen == at) {
                let cycle = seen.get(start..).unwrap_or_default();
                return cycle.iter().min().copied().unwrap_or(at);
            }
            let Some(link) = self.0.get(at) else {
                return at;
            };
            if let Some(place) = path.get_mut(step) {
                *place = at;
            }
            at = &link.value;
        }
        // The last step may close a cycle, too.
        match path.iter().position(|seen| *seen == at) {
            Some(start) => path.iter().skip(start).min().copied().unwrap_or(at),
            None => at,
        }
    }

    /// Does no link lead from the identifiers of these registers? Then each stands for itself.
    pub(crate) fn none_from<V: Ord>(&self, registers: &Registers<V>) -> bool {
        self.0.is_disjoint(registers)
    }

    /// Of the numbers that lead to `person` and to no other number: the one with the youngest link, then the greatest.
    ///
    /// One who is known by numbers alone has the number that stands for all of them.
    pub fn number_of<'b>(&self, person: &'b str) -> Option<&'b str>
    where
        'a: 'b,
    {
        if is_number(person) {
            return Some(person);
        }
        self.numbers()
            .filter(|(of, _)| *of == person)
            .map(|(_, number)| number)
            .max()
            .map(|(_, id)| id)
    }

    /// The numbers that a link leads from to a user id, each with the person.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (&'a str, Number<'a>)> {
        self.0.iter().filter_map(|(id, link)| {
            if !is_number(id) || is_number(&link.value) {
                return None;
            }
            let person = match self.0.get(&link.value) {
                None => link.value.as_str(),
                Some(_) => self.resolve(id),
            };
            Some((person, ((link.stamp.at, link.stamp.rank), id.as_str())))
        })
    }
}
