//! What a read leaves out and Rollcall knows.

use crate::{
    event::Person,
    group::{Core, Links, named},
    ids::{Text, is_number},
};

/// Adds to a person listed by a read the identifiers and labels that are held and that the answer left out.
///
/// Meta's API may give only a user id where webhooks gave a phone number (reference §6): without this a complete read
/// would make every hidden number unknown.
pub fn carry(core: &Core, person: &mut Person) {
    let links = Links::new(&core.is);
    let Some(id) = named(person).id else { return };
    let stands_for = links.resolve(&id);
    if person.user_id.is_none() && !is_number(stands_for) {
        person.user_id = Some(Text::new(stands_for));
    }
    if person.wa_id.is_none() {
        person.wa_id = links.number_of(stands_for).map(Text::new);
    }
    let ids = [stands_for, id.as_str()];
    if person.username.is_none() {
        person.username = ids
            .iter()
            .find_map(|id| core.label.get(id))
            .map(|label| label.value.clone());
    }
    if person.parent_user_id.is_none() {
        person.parent_user_id = ids
            .iter()
            .find_map(|id| core.parent.get(id))
            .map(|parent| parent.value.clone());
    }
}
