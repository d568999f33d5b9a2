//! Persons, Meta's errors, and the small checks that every conversion needs.

use domain::{
    event::{MetaError, Person, Pricing},
    ids::{EventId, Id, Text},
};

use crate::{
    error::{Error, invalid},
    limits::HASH_BYTES,
    proto,
    writer::Writer,
};

/// Writes a `Person`.
pub(crate) fn write_person(w: &mut Writer<'_>, person: &Person) {
    let Person {
        input,
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    w.text_opt(1, input.as_deref());
    w.text_opt(2, wa_id.as_deref());
    w.text_opt(3, user_id.as_deref());
    w.text_opt(4, parent_user_id.as_deref());
    w.text_opt(5, username.as_deref());
}

/// Reads a `Person`; one that is not there names nobody.
pub(crate) fn person(person: Option<proto::Person>) -> Person {
    let proto::Person {
        input,
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person.unwrap_or_default();
    Person {
        input: text_opt(input),
        wa_id: text_opt(wa_id),
        user_id: text_opt(user_id),
        parent_user_id: text_opt(parent_user_id),
        username: text_opt(username),
    }
}

/// Reads several.
pub(crate) fn persons(persons: Vec<proto::Person>) -> Vec<Person> {
    persons.into_iter().map(|one| person(Some(one))).collect()
}

/// Writes a `MetaError`.
pub(crate) fn write_meta_error(w: &mut Writer<'_>, error: &MetaError) {
    let MetaError {
        code,
        title,
        details,
    } = error;
    w.int(1, *code);
    w.text(2, title);
    w.text(3, details);
}

/// Reads a `MetaError`.
pub(crate) fn meta_error(error: proto::MetaError) -> MetaError {
    let proto::MetaError {
        code,
        title,
        details,
    } = error;
    MetaError {
        code,
        title: title.into(),
        details: details.into(),
    }
}

/// Reads several.
pub(crate) fn meta_errors(errors: Vec<proto::MetaError>) -> Vec<MetaError> {
    errors.into_iter().map(meta_error).collect()
}

/// Writes a `Pricing`.
pub(crate) fn write_pricing(w: &mut Writer<'_>, pricing: &Pricing) {
    let Pricing {
        category,
        kind,
        model,
        billable,
        origin,
    } = pricing;
    w.text_opt(1, category.as_deref());
    w.text_opt(2, kind.as_deref());
    w.text_opt(3, model.as_deref());
    w.flag_opt(4, *billable);
    w.text_opt(5, origin.as_deref());
}

/// Reads a `Pricing`.
pub(crate) fn pricing(pricing: proto::Pricing) -> Pricing {
    let proto::Pricing {
        category,
        kind,
        model,
        billable,
        origin,
    } = pricing;
    Pricing {
        category: text_opt(category),
        kind: text_opt(kind),
        model: text_opt(model),
        billable,
        origin: text_opt(origin),
    }
}

/// A text that may be absent.
pub(crate) fn text_opt(text: Option<String>) -> Option<Text> {
    text.map(Text::from)
}

/// Several texts.
pub(crate) fn texts(texts: Vec<String>) -> Vec<Text> {
    texts.into_iter().map(Text::from).collect()
}

/// An identifier that must be there; an empty one is not.
pub(crate) fn id<K>(text: &str, field: &'static str) -> Result<Id<K>, Error> {
    if text.is_empty() {
        return Err(Error::Missing { field });
    }
    Id::parse(text).map_err(|_| invalid(field))
}

/// An identifier that may be absent.
pub(crate) fn id_opt<K>(text: Option<String>, field: &'static str) -> Result<Option<Id<K>>, Error> {
    text.map(|text| id(&text, field)).transpose()
}

/// Several identifiers.
pub(crate) fn ids<K>(texts: &[String], field: &'static str) -> Result<Vec<Id<K>>, Error> {
    texts.iter().map(|text| id(text, field)).collect()
}

/// Writes several identifiers.
pub(crate) fn write_ids<K>(w: &mut Writer<'_>, field: u64, ids: &[Id<K>]) {
    for id in ids {
        w.text_opt(field, Some(id.as_str()));
    }
}

/// The 16 bytes of an event's id.
pub(crate) fn event_id(bytes: &[u8], field: &'static str) -> Result<EventId, Error> {
    if bytes.is_empty() {
        return Err(Error::Missing { field });
    }
    bytes.try_into().map(EventId).map_err(|_| invalid(field))
}

/// The 32 bytes of a hash.
pub(crate) fn hash(bytes: &[u8], field: &'static str) -> Result<[u8; HASH_BYTES], Error> {
    if bytes.is_empty() {
        return Err(Error::Missing { field });
    }
    bytes.try_into().map_err(|_| invalid(field))
}
