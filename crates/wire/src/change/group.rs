//! Changes of groups.

use domain::group::{Existence, Field, FieldChange, JoinRequest, Participant};

use crate::{
    enums::Word,
    error::Stop,
    person::text_opt,
    proto::{self, group_field_change::Kind},
    writer::Writer,
};

/// Writes a `GroupFieldChange`.
pub(super) fn write(w: &mut Writer<'_>, change: &FieldChange) {
    match change {
        FieldChange::Existence { before, after } => w.message(1, |w| {
            w.uint(1, before.map_or(0, Word::number));
            w.uint(2, after.map_or(0, Word::number));
        }),
        FieldChange::Text {
            field,
            before,
            after,
        } => w.message(2, |w| {
            w.uint(1, field.number());
            w.text_opt(2, before.as_deref());
            w.text_opt(3, after.as_deref());
        }),
        FieldChange::Flag {
            field,
            before,
            after,
        } => w.message(3, |w| {
            w.uint(1, field.number());
            w.flag_opt(2, *before);
            w.flag_opt(3, *after);
        }),
        FieldChange::Time {
            field,
            before,
            after,
        } => w.message(4, |w| {
            w.uint(1, field.number());
            w.int_opt(2, *before);
            w.int_opt(3, *after);
        }),
        FieldChange::Participants { before, after } => w.message(5, |w| {
            w.message_each(1, before, write_participant);
            w.message_each(2, after, write_participant);
        }),
        FieldChange::JoinRequests { before, after } => w.message(6, |w| {
            w.message_each(1, before, write_join_request);
            w.message_each(2, after, write_join_request);
        }),
        FieldChange::InDoubt { before, after } => w.message(7, |w| {
            w.packed_each(1, before.iter().map(|field| field.number()));
            w.packed_each(2, after.iter().map(|field| field.number()));
        }),
    }
}

fn write_participant(w: &mut Writer<'_>, participant: &Participant) {
    let Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = participant;
    w.text_opt(1, wa_id.as_deref());
    w.text_opt(2, user_id.as_deref());
    w.text_opt(3, parent_user_id.as_deref());
    w.text_opt(4, username.as_deref());
}

fn write_join_request(w: &mut Writer<'_>, join_request: &JoinRequest) {
    let JoinRequest {
        join_request_id,
        person,
        requested_at,
    } = join_request;
    w.text_opt(1, join_request_id.as_deref());
    w.message(2, |w| write_participant(w, person));
    w.int_opt(3, *requested_at);
}

/// Reads a `GroupFieldChange`.
pub(super) fn read(change: proto::GroupFieldChange) -> Result<FieldChange, Stop> {
    let proto::GroupFieldChange { kind } = change;
    Ok(
        match kind.ok_or(Stop::Unknown {
            field: "GroupFieldChange.kind",
        })? {
            Kind::Existence(proto::ExistenceChange { before, after }) => FieldChange::Existence {
                before: existence(before)?,
                after: existence(after)?,
            },
            Kind::Text(proto::TextChange {
                field,
                before,
                after,
            }) => FieldChange::Text {
                field: Word::read(field, "TextChange.field")?,
                before: text_opt(before),
                after: text_opt(after),
            },
            Kind::Flag(proto::FlagChange {
                field,
                before,
                after,
            }) => FieldChange::Flag {
                field: Word::read(field, "FlagChange.field")?,
                before,
                after,
            },
            Kind::Time(proto::TimeChange {
                field,
                before,
                after,
            }) => FieldChange::Time {
                field: Word::read(field, "TimeChange.field")?,
                before,
                after,
            },
            Kind::Participants(proto::ParticipantsChange { before, after }) => {
                FieldChange::Participants {
                    before: each(before, participant),
                    after: each(after, participant),
                }
            }
            Kind::JoinRequests(proto::JoinRequestsChange { before, after }) => {
                FieldChange::JoinRequests {
                    before: each(before, join_request),
                    after: each(after, join_request),
                }
            }
            Kind::InDoubt(proto::DoubtChange { before, after }) => FieldChange::InDoubt {
                before: fields(before)?,
                after: fields(after)?,
            },
        },
    )
}

fn each<P, T>(all: Vec<P>, read: impl Fn(P) -> T) -> Vec<T> {
    all.into_iter().map(read).collect()
}

/// 0 is unconfirmed.
fn existence(number: i32) -> Result<Option<Existence>, Stop> {
    if number == 0 {
        Ok(None)
    } else {
        Word::read(number, "ExistenceChange").map(Some)
    }
}

/// Fields that this reader knows.
fn fields(numbers: Vec<i32>) -> Result<Vec<Field>, Stop> {
    super::known(numbers, |number| Word::read(number, "DoubtChange")).map_err(Stop::Bad)
}

fn participant(participant: proto::Participant) -> Participant {
    let proto::Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = participant;
    Participant {
        wa_id: text_opt(wa_id),
        user_id: text_opt(user_id),
        parent_user_id: text_opt(parent_user_id),
        username: text_opt(username),
    }
}

fn join_request(join_request: proto::ShownJoinRequest) -> JoinRequest {
    let proto::ShownJoinRequest {
        join_request_id,
        person,
        requested_at,
    } = join_request;
    JoinRequest {
        join_request_id: text_opt(join_request_id),
        person: participant(person.unwrap_or_default()),
        requested_at,
    }
}
