//! Events about management requests.

use domain::event::{Answer, ItemFailure, Particulars, RequestEvent};

use crate::{
    enums::Word,
    error::{Stop, invalid, missing},
    person::{hash, id_opt, meta_error, meta_errors, text_opt, texts, write_meta_error},
    proto::{self, event::Kind},
    writer::Writer,
};

/// Writes the kind of the envelope.
pub(super) fn write(w: &mut Writer<'_>, event: &RequestEvent) {
    match event {
        RequestEvent::Intended {
            operation,
            group_id,
            nonce,
            body_hash,
            subject,
        } => w.message(56, |w| {
            w.uint(1, operation.number());
            w.text_opt(2, group_id.as_ref().map(|id| id.as_str()));
            w.fixed64(3, *nonce);
            w.bytes(4, body_hash);
            w.text_opt(5, subject.as_deref());
        }),
        RequestEvent::Answered {
            answer,
            meta_request_id,
            particulars: told,
        } => w.message(57, |w| {
            w.message(1, |w| write_answer(w, answer));
            w.text_opt(2, meta_request_id.as_ref().map(|id| id.as_str()));
            w.message_opt(3, told.as_deref(), write_particulars);
        }),
        RequestEvent::Completed {
            operation,
            group_id,
            outcome,
            errors,
            failed,
        } => w.message(58, |w| {
            w.uint(1, operation.number());
            w.text_opt(2, group_id.as_ref().map(|id| id.as_str()));
            w.uint(3, outcome.number());
            w.message_each(4, errors, write_meta_error);
            w.message_each(5, failed, write_failure);
        }),
    }
}

/// Writes an `Answer`.
pub(crate) fn write_answer(w: &mut Writer<'_>, answer: &Answer) {
    match answer {
        Answer::Accepted => w.message(1, |_| {}),
        Answer::Refused(error) => w.message(2, |w| write_meta_error(w, error)),
        Answer::Unknown => w.message(3, |_| {}),
    }
}

/// Writes an `AnswerParticulars`.
pub(crate) fn write_particulars(w: &mut Writer<'_>, told: &Particulars) {
    let Particulars {
        fbtrace_id,
        message_id,
        invite_link,
        done,
        failed,
        untold,
        errors,
    } = told;
    w.text_opt(1, fbtrace_id.as_deref());
    w.text_opt(2, message_id.as_deref());
    w.text_opt(3, invite_link.as_deref());
    w.text_each(4, done);
    w.message_each(5, failed, write_failure);
    w.text_each(6, untold);
    w.message_each(7, errors, write_meta_error);
}

/// Writes an `ItemFailure`.
pub(crate) fn write_failure(w: &mut Writer<'_>, failure: &ItemFailure) {
    let ItemFailure { input, errors } = failure;
    w.text(1, input);
    w.message_each(2, errors, write_meta_error);
}

/// Reads an `ItemFailure`.
pub(crate) fn failure(read: proto::ItemFailure) -> ItemFailure {
    let proto::ItemFailure { input, errors } = read;
    ItemFailure {
        input: input.into(),
        errors: meta_errors(errors),
    }
}

/// Reads an `AnswerParticulars`.
pub(crate) fn particulars(told: proto::AnswerParticulars) -> Particulars {
    let proto::AnswerParticulars {
        fbtrace_id,
        message_id,
        invite_link,
        done,
        failed,
        untold,
        errors,
    } = told;
    Particulars {
        fbtrace_id: text_opt(fbtrace_id),
        message_id: text_opt(message_id),
        invite_link: text_opt(invite_link),
        done: texts(done),
        failed: failed.into_iter().map(failure).collect(),
        untold: texts(untold),
        errors: meta_errors(errors),
    }
}

/// Reads an `Answer`.
pub(crate) fn answer(answer: Option<proto::Answer>, field: &'static str) -> Result<Answer, Stop> {
    use proto::answer::Kind;
    let proto::Answer { kind } = answer.ok_or(missing(field))?;
    Ok(
        match kind.ok_or(Stop::Unknown {
            field: "Answer.kind",
        })? {
            Kind::Accepted(proto::AnswerAccepted {}) => Answer::Accepted,
            Kind::Refused(error) => Answer::Refused(meta_error(error)),
            Kind::Unknown(proto::AnswerUnknown {}) => Answer::Unknown,
        },
    )
}

/// Reads the kind of an envelope that is about a request.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other kind is about another entity, whatever it is"
)]
pub(super) fn read(kind: Kind) -> Result<RequestEvent, Stop> {
    Ok(match kind {
        Kind::RequestIntended(proto::RequestIntended {
            operation,
            group_id,
            nonce,
            body_hash,
            subject,
        }) => RequestEvent::Intended {
            operation: Word::read(operation, "RequestIntended.operation")?,
            group_id: id_opt(group_id, "RequestIntended.group_id")?,
            nonce,
            body_hash: hash(&body_hash, "RequestIntended.body_hash")?,
            subject: text_opt(subject),
        },
        Kind::RequestAnswered(proto::RequestAnswered {
            answer: said,
            meta_request_id,
            particulars: told,
        }) => RequestEvent::Answered {
            answer: answer(said, "RequestAnswered.answer")?,
            meta_request_id: id_opt(meta_request_id, "RequestAnswered.meta_request_id")?,
            particulars: told.map(|told| Box::new(particulars(told))),
        },
        Kind::RequestCompleted(proto::RequestCompleted {
            operation,
            group_id,
            outcome,
            errors,
            failed,
        }) => RequestEvent::Completed {
            operation: Word::read(operation, "RequestCompleted.operation")?,
            group_id: id_opt(group_id, "RequestCompleted.group_id")?,
            outcome: Word::read(outcome, "RequestCompleted.outcome")?,
            errors: meta_errors(errors),
            failed: failed.into_iter().map(failure).collect(),
        },
        _ => return Err(invalid("Event.entity").into()),
    })
}
