//! Which identifiers are one person.

use crate::{
    ids::{PersonId, is_number},
    limits::LINK_STEPS_MAX,
    register::{Registers, Stamp},
};

/// Follows `is` registers.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a>(&'a Registers<PersonId>);

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
            if let Some(start) = path.iter().take(step).position(|seen| *seen == at) {
                return path
                    .iter()
                    .take(step)
                    .skip(start)
                    .min()
                    .copied()
                    .unwrap_or(at);
            }
            if let Some(place) = path.get_mut(step) {
                *place = at;
            }
            match self.0.get(at) {
                Some(link) if step < LINK_STEPS_MAX => at = &link.value,
                Some(_) | None => return at,
            }
        }
        at
    }

    /// Of the numbers that lead to `person` and to no other number: the one with the greatest link stamp, then the greatest.
    pub fn number_of(&self, person: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let linked = self.0.iter().map(|(id, _)| id.as_str());
        among
            .chain(linked)
            .filter(|id| is_number(id) && self.resolve(id) == person)
            .filter_map(|id| match self.0.get(id) {
                Some(link) if is_number(&link.value) => None,
                Some(link) => Some((Some(link.stamp), id)),
                None => Some((None::<Stamp>, id)),
            })
            .max()
            .map(|(_, id)| id)
    }
}
