//! Changes of management requests.

use domain::{
    event::{Answer, MetaError, Operation, Outcome},
    ids::{Second, Text},
    register::{Register, differ},
    request::{Completed, Core},
};

use crate::{
    enums::Word,
    error::Stop,
    event::{answer, write_answer},
    person::{meta_errors, text_opt, write_meta_error},
    proto::{self, request_part_change::Kind},
    writer::Writer,
};

/// One part of a request, before and after.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestChange {
    /// What it is about became known.
    About {
        /// Before.
        before: RequestAbout,
        /// After.
        after: RequestAbout,
    },
    /// It was asked.
    Asked {
        /// When, before.
        before: Option<Second>,
        /// When, after.
        after: Option<Second>,
    },
    /// It was answered.
    Answered {
        /// Before.
        before: Option<Answer>,
        /// After.
        after: Option<Answer>,
        /// Meta's id of the request, after.
        meta_request_id: Option<Text>,
    },
    /// It ended.
    Completed {
        /// Before.
        before: Option<Completion>,
        /// After.
        after: Option<Completion>,
    },
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestAbout {
    /// What was asked for.
    pub operation: Option<Operation>,
    /// Business number.
    pub phone_number_id: Option<Text>,
    /// Group.
    pub group_id: Option<Text>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// How.
    pub outcome: Outcome,
    /// Why, where it failed or failed in part.
    pub errors: Vec<MetaError>,
}

/// The parts in which two cores differ to whoever is shown them; a new request is compared with [`Core::default`].
pub fn request_changes(before: &Core, after: &Core) -> Vec<RequestChange> {
    let Core {
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        particulars,
        first_intent,
    } = before;
    let mut changes = Vec::new();
    if differ(operation, &after.operation)
        || differ(number, &after.number)
        || differ(group, &after.group)
    {
        changes.push(RequestChange::About {
            before: about(before),
            after: about(after),
        });
    }
    if differ(asked, &after.asked) || *first_intent != after.first_intent {
        let at = |core: &Core| core.asked.as_ref().map(|asked| asked.stamp.at);
        changes.push(RequestChange::Asked {
            before: at(before),
            after: at(after),
        });
    }
    if differ(answered, &after.answered)
        || differ(meta_request_id, &after.meta_request_id)
        || differ(particulars, &after.particulars)
    {
        let meta_request_id = value(&after.meta_request_id);
        changes.push(RequestChange::Answered {
            before: value(answered),
            after: value(&after.answered),
            meta_request_id,
        });
    }
    if differ(completed, &after.completed) {
        changes.push(RequestChange::Completed {
            before: completion(completed),
            after: completion(&after.completed),
        });
    }
    changes
}

fn value<V: Clone>(register: &Option<Register<V>>) -> Option<V> {
    register.as_ref().map(|register| register.value.clone())
}

fn about(core: &Core) -> RequestAbout {
    RequestAbout {
        operation: value(&core.operation),
        phone_number_id: value(&core.number),
        group_id: value(&core.group),
    }
}

fn completion(completed: &Option<Register<Completed>>) -> Option<Completion> {
    // Who it failed for stands in the state; a change says how it ended.
    value(completed).map(|completed| Completion {
        outcome: completed.outcome,
        errors: completed.errors,
    })
}

/// Writes a `RequestPartChange`.
pub(super) fn write(w: &mut Writer<'_>, change: &RequestChange) {
    match change {
        RequestChange::About { before, after } => w.message(1, |w| {
            w.message(1, |w| write_about(w, before));
            w.message(2, |w| write_about(w, after));
        }),
        RequestChange::Asked { before, after } => w.message(2, |w| {
            w.int_opt(1, *before);
            w.int_opt(2, *after);
        }),
        RequestChange::Answered {
            before,
            after,
            meta_request_id,
        } => w.message(3, |w| {
            w.message_opt(1, before.as_ref(), write_answer);
            w.message_opt(2, after.as_ref(), write_answer);
            w.text_opt(3, meta_request_id.as_deref());
        }),
        RequestChange::Completed { before, after } => w.message(4, |w| {
            w.message_opt(1, before.as_ref(), write_completion);
            w.message_opt(2, after.as_ref(), write_completion);
        }),
    }
}

fn write_about(w: &mut Writer<'_>, about: &RequestAbout) {
    let RequestAbout {
        operation,
        phone_number_id,
        group_id,
    } = about;
    w.uint(1, operation.map_or(0, Word::number));
    w.text_opt(2, phone_number_id.as_deref());
    w.text_opt(3, group_id.as_deref());
}

fn write_completion(w: &mut Writer<'_>, completion: &Completion) {
    let Completion { outcome, errors } = completion;
    w.uint(1, outcome.number());
    w.message_each(2, errors, write_meta_error);
}

/// Reads a `RequestPartChange`.
pub(super) fn read(change: proto::RequestPartChange) -> Result<RequestChange, Stop> {
    let proto::RequestPartChange { kind } = change;
    Ok(
        match kind.ok_or(Stop::Unknown {
            field: "RequestPartChange.kind",
        })? {
            Kind::About(proto::RequestAboutChange { before, after }) => RequestChange::About {
                before: read_about(before)?,
                after: read_about(after)?,
            },
            Kind::Asked(proto::RequestAskedChange { before, after }) => {
                RequestChange::Asked { before, after }
            }
            Kind::Answered(proto::RequestAnsweredChange {
                before,
                after,
                meta_request_id,
            }) => RequestChange::Answered {
                before: before.map(read_answer).transpose()?,
                after: after.map(read_answer).transpose()?,
                meta_request_id: text_opt(meta_request_id),
            },
            Kind::Completed(proto::RequestCompletedChange { before, after }) => {
                RequestChange::Completed {
                    before: before.map(read_completion).transpose()?,
                    after: after.map(read_completion).transpose()?,
                }
            }
        },
    )
}

fn read_answer(said: proto::Answer) -> Result<Answer, Stop> {
    answer(Some(said), "RequestAnsweredChange")
}

fn read_about(about: Option<proto::RequestAbout>) -> Result<RequestAbout, Stop> {
    let proto::RequestAbout {
        operation,
        phone_number_id,
        group_id,
    } = about.unwrap_or_default();
    let operation = if operation == 0 {
        None
    } else {
        Some(Word::read(operation, "RequestAbout.operation")?)
    };
    Ok(RequestAbout {
        operation,
        phone_number_id: text_opt(phone_number_id),
        group_id: text_opt(group_id),
    })
}

fn read_completion(completion: proto::Completion) -> Result<Completion, Stop> {
    let proto::Completion { outcome, errors } = completion;
    Ok(Completion {
        outcome: Word::read(outcome, "Completion.outcome")?,
        errors: meta_errors(errors),
    })
}
