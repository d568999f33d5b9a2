//! A change, as history answers it and watchers are sent it.

use domain::{
    event::{Answer, Person},
    group::{Field, FieldChange},
    ids::Text,
    number::{Hold, IdentityChange},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{
    At, Each, Hex, Refusal, Time,
    group::{JoinRequest, Participant, existence_word},
    number::{Pass, serialize_hold},
    operation_word, outcome_word, refusals, source_word,
};
use crate::change::{self, Cause, Changed, Completion, NumberChange, RequestAbout, RequestChange};

/// One change.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a>(pub &'a change::Change);

impl Serialize for Change<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change::Change {
            version,
            previous_version,
            phone_number_id,
            cause,
            is_forgotten,
            what,
        } = self.0;
        let number = phone_number_id.as_ref().map(|id| id.as_str());
        let mut out = serializer.serialize_struct("Change", 7)?;
        match what {
            Changed::Group {
                group_id,
                fields: _,
            } => {
                out.serialize_field("group_id", group_id.as_str())?;
                out.serialize_field("phone_number_id", &number)?;
            }
            Changed::Request {
                request_id,
                fields: _,
            } => {
                out.serialize_field("request_id", request_id.as_str())?;
                out.serialize_field("phone_number_id", &number)?;
            }
            Changed::Number {
                phone_number_id,
                fields: _,
            } => {
                out.serialize_field("phone_number_id", phone_number_id.as_str())?;
            }
        }
        out.serialize_field("version", &At(version))?;
        out.serialize_field("previous_version", &previous_version.as_ref().map(At))?;
        out.serialize_field("cause", &Because(cause))?;
        out.serialize_field("forgotten", is_forgotten)?;
        match what {
            Changed::Group {
                group_id: _,
                fields,
            } => out.serialize_field("changes", &Each(fields.iter().map(OfGroup)))?,
            Changed::Request {
                request_id: _,
                fields,
            } => out.serialize_field("changes", &Each(fields.iter().map(OfRequest)))?,
            Changed::Number {
                phone_number_id: _,
                fields,
            } => {
                out.serialize_field("changes", &Each(fields.iter().map(OfNumber)))?;
            }
        }
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct Because<'a>(&'a Cause);

impl Serialize for Because<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cause {
            event_id,
            source,
            occurred_at,
        } = self.0;
        let mut out = serializer.serialize_struct("Cause", 3)?;
        out.serialize_field("event_id", &Hex(event_id))?;
        out.serialize_field("source", source_word(*source))?;
        out.serialize_field("occurred_at", &Time(*occurred_at))?;
        out.end()
    }
}

/// `{"field", "before", "after"}`.
fn both<S: Serializer, T: Serialize>(
    serializer: S,
    field: &str,
    before: T,
    after: T,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_struct("FieldChange", 3)?;
    out.serialize_field("field", field)?;
    out.serialize_field("before", &before)?;
    out.serialize_field("after", &after)?;
    out.end()
}

#[derive(Debug, Clone, Copy)]
struct OfGroup<'a>(&'a FieldChange);

impl Serialize for OfGroup<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            FieldChange::Existence { before, after } => both(
                serializer,
                Field::Existence.name(),
                existence_word(*before),
                existence_word(*after),
            ),
            FieldChange::Text {
                field,
                before,
                after,
            } => both(
                serializer,
                field.name(),
                before.as_deref(),
                after.as_deref(),
            ),
            FieldChange::Flag {
                field,
                before,
                after,
            } => both(serializer, field.name(), before, after),
            FieldChange::Time {
                field,
                before,
                after,
            } => both(serializer, field.name(), before.map(Time), after.map(Time)),
            FieldChange::Participants { before, after } => {
                let each = |all| Each(<[_]>::iter(all).map(Participant));
                both(
                    serializer,
                    Field::Participants.name(),
                    each(before),
                    each(after),
                )
            }
            FieldChange::JoinRequests { before, after } => {
                let each = |all| Each(<[_]>::iter(all).map(JoinRequest));
                both(
                    serializer,
                    Field::JoinRequests.name(),
                    each(before),
                    each(after),
                )
            }
            FieldChange::InDoubt { before, after } => {
                let each = |all| Each(<[Field]>::iter(all).copied().map(Field::name));
                both(serializer, Field::InDoubt.name(), each(before), each(after))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct OfRequest<'a>(&'a RequestChange);

impl Serialize for OfRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RequestChange::About { before, after } => {
                both(serializer, "about", About(before), About(after))
            }
            RequestChange::Asked { before, after } => {
                both(serializer, "asked_at", before.map(Time), after.map(Time))
            }
            RequestChange::Answered {
                before,
                after,
                meta_request_id,
            } => {
                let mut out = serializer.serialize_struct("FieldChange", 4)?;
                out.serialize_field("field", "answer")?;
                out.serialize_field("before", &before.as_ref().map(Answered))?;
                out.serialize_field("after", &after.as_ref().map(Answered))?;
                out.serialize_field("meta_request_id", &meta_request_id.as_deref())?;
                out.end()
            }
            RequestChange::Completed { before, after } => both(
                serializer,
                "outcome",
                before.as_ref().map(Ended),
                after.as_ref().map(Ended),
            ),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct About<'a>(&'a RequestAbout);

impl Serialize for About<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RequestAbout {
            operation,
            phone_number_id,
            group_id,
        } = self.0;
        let mut out = serializer.serialize_struct("About", 3)?;
        out.serialize_field("operation", &operation.map(operation_word))?;
        out.serialize_field("phone_number_id", &phone_number_id.as_deref())?;
        out.serialize_field("group_id", &group_id.as_deref())?;
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct Answered<'a>(&'a Answer);

impl Serialize for Answered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (word, error) = match self.0 {
            Answer::Accepted => ("accepted", None),
            Answer::Refused(error) => ("refused", Some(Refusal(error))),
            Answer::Unknown => ("unknown", None),
        };
        let mut out = serializer.serialize_struct("Answer", 2)?;
        out.serialize_field("answer", word)?;
        out.serialize_field("error", &error)?;
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct Ended<'a>(&'a Completion);

impl Serialize for Ended<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Completion { outcome, errors } = self.0;
        let mut out = serializer.serialize_struct("Completion", 2)?;
        out.serialize_field("outcome", outcome_word(*outcome))?;
        out.serialize_field("errors", &refusals(errors))?;
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct OfNumber<'a>(&'a NumberChange);

impl Serialize for OfNumber<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            NumberChange::Waba { before, after } => {
                both(serializer, "waba_id", before.as_deref(), after.as_deref())
            }
            NumberChange::Identities { after } => {
                let each = |all| Each(<[_]>::iter(all).map(Identity));
                both(serializer, "identity_changes", each(&[]), each(after))
            }
            NumberChange::ListPass { before, after } => both(
                serializer,
                "last_list_pass",
                before.as_ref().map(Pass),
                after.as_ref().map(Pass),
            ),
            NumberChange::Hold {
                hold_id,
                before,
                after,
            } => {
                let mut out = serializer.serialize_struct("FieldChange", 4)?;
                out.serialize_field("field", "holds")?;
                out.serialize_field("hold_id", hold_id.as_str())?;
                out.serialize_field("before", &before.as_ref().map(HeldAs))?;
                out.serialize_field("after", &after.as_ref().map(HeldAs))?;
                out.end()
            }
            NumberChange::Paused { before, after } => both(serializer, "paused", before, after),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct HeldAs<'a>(&'a Hold);

impl Serialize for HeldAs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_hold(serializer, None, self.0, None)
    }
}

#[derive(Debug, Clone, Copy)]
struct Identity<'a>(&'a IdentityChange);

impl Serialize for Identity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let IdentityChange {
            at,
            event_id,
            old,
            new,
        } = self.0;
        // What a caller of the API had sent names nobody that the rest does not.
        let Person {
            input: _,
            wa_id,
            user_id,
            parent_user_id,
            username,
        } = new;
        let new = domain::group::Participant {
            wa_id: wa_id.clone(),
            user_id: user_id.clone(),
            parent_user_id: parent_user_id.clone(),
            username: username.clone(),
        };
        let mut out = serializer.serialize_struct("IdentityChange", 4)?;
        out.serialize_field("occurred_at", &Time(*at))?;
        out.serialize_field("event_id", &Hex(event_id))?;
        out.serialize_field("old", &Each(old.iter().map(Text::as_str)))?;
        out.serialize_field("new", &Participant(&new))?;
        out.end()
    }
}
