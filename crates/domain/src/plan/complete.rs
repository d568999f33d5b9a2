//! What a group's info shows, completed from what is held.

use std::collections::BTreeSet;

use super::carry;
use crate::{
    event::GroupRead,
    group::{Core, named},
    ids::Text,
};

/// Carries what is held and was left out of a group's info, and decides whether everybody is identified who is counted.
///
/// `counted` is Meta's number of participants, `unreadable` how many listed ones could not be read,
/// and `business` the number that runs the group, should Meta ever list it.
pub fn complete(
    core: &Core,
    mut read: GroupRead,
    counted: Option<u32>,
    unreadable: u32,
    business: Option<&str>,
) -> GroupRead {
    for person in &mut read.participants {
        carry(core, person);
    }
    let identified: BTreeSet<Text> = read
        .participants
        .iter()
        .filter_map(|person| named(person).id)
        .filter(|id| Some(id.as_str()) != business)
        .collect();
    let is_counted = counted.is_some_and(|count| usize::try_from(count) == Ok(identified.len()));
    read.is_complete = is_counted && unreadable == 0 && read.subject.is_some();
    if read.is_complete {
        // Meta leaves out what is not set: in a complete read that is knowledge.
        read.description.get_or_insert_default();
    }
    read
}
