//! What the naming of a person says about identifiers.

use crate::{
    event::Person,
    ids::{PersonId, Text, digits, is_number, is_parent_user_id, is_user_id},
};

/// A person as named in one item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// The identifier that the person's registers are keyed by: the user id if given, else the digits of the number.
    pub id: Option<PersonId>,
    /// Links between identifiers that the naming shows, from, to. Never from a user id to a number, never to itself.
    pub links: Vec<(PersonId, PersonId)>,
    /// Username without `@`.
    pub label: Option<Text>,
    /// Parent user id.
    pub parent: Option<Text>,
    /// Named by nothing but a dialled number, which need not be the person's `wa_id`, or by nothing that identifies.
    pub is_uncertain: bool,
}

/// Reads what the naming of a person says.
pub fn named(person: &Person) -> Named {
    let Person {
        input,
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    let given = |text: &Option<Text>| text.as_ref().filter(|text| !text.is_empty()).cloned();
    let (mut user, mut dialled, mut parent) = (None, None, given(parent_user_id));
    if let Some(input) = given(input) {
        if is_parent_user_id(&input) {
            parent = parent.or(Some(input));
        } else if is_user_id(&input) {
            user = Some(input);
        } else {
            dialled = Some(digits(&input)).filter(|digits| !digits.is_empty());
        }
    }
    match given(user_id) {
        Some(text) if is_parent_user_id(&text) => parent = parent.or(Some(text)),
        // Digits alone are the form of a number; taken as a user id they would turn links round.
        Some(text) if is_number(&text) => {}
        Some(text) => user = Some(text),
        None => {}
    }
    let wa_id = given(wa_id)
        .map(|wa_id| digits(&wa_id))
        .filter(|digits| !digits.is_empty());
    let is_uncertain = user.is_none() && wa_id.is_none();
    let mut links = Vec::new();
    if let (Some(dialled), Some(wa_id)) = (&dialled, &wa_id)
        && dialled != wa_id
    {
        links.push((dialled.clone(), wa_id.clone()));
    }
    let number = wa_id.or(dialled);
    if let (Some(number), Some(user)) = (&number, &user) {
        links.push((number.clone(), user.clone()));
    }
    let label = given(username).map(|name| Text::new(name.strip_prefix('@').unwrap_or(&name)));
    Named {
        id: user.or(number),
        links,
        label: label.filter(|label| !label.is_empty()),
        parent,
        is_uncertain,
    }
}
