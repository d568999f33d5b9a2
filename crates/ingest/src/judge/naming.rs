//! People and errors as `graph` read them, in the words of `domain`.

use domain::{
    event::{MetaError, Person},
    group::named,
    ids::Text,
};
use graph::webhook::{self, Input, ItemError, Participant};

use crate::limits::ERRORS_MAX;

pub(super) fn text(text: Option<&webhook::Text<'_>>) -> Option<Text> {
    text.map(|text| Text::new(&**text))
}

pub(super) fn person(person: &webhook::Person<'_>) -> Person {
    let webhook::Person {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    Person {
        input: None,
        wa_id: text(wa_id.as_ref()),
        user_id: text(user_id.as_ref()),
        parent_user_id: text(parent_user_id.as_ref()),
        username: text(username.as_ref()),
    }
}

pub(super) fn participant(participant: &Participant<'_>) -> Person {
    let input = match &participant.input {
        Some(Input::Phone(input) | Input::UserId(input) | Input::ParentUserId(input)) => {
            text(Some(input))
        }
        Some(Input::Unreadable) | None => None,
    };
    Person {
        input,
        ..person(&participant.person)
    }
}

/// Does the naming tell who it is?
pub(super) fn is_identified(person: &Person) -> bool {
    named(person).id.is_some()
}

pub(super) fn errors<'a>(errors: impl IntoIterator<Item = &'a ItemError<'a>>) -> Vec<MetaError> {
    errors.into_iter().take(ERRORS_MAX).map(error).collect()
}

fn error(error: &ItemError<'_>) -> MetaError {
    let ItemError {
        code,
        title,
        message,
        details,
    } = error;
    MetaError {
        code: code.unwrap_or(0),
        title: text(title.as_ref().or(message.as_ref())).unwrap_or_default(),
        details: text(details.as_ref()).unwrap_or_default(),
    }
}
