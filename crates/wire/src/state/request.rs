//! Records of `requests.v1`.

use domain::{
    event::{Answer, Operation, Particulars},
    ids::RequestId,
    register::Register,
    request::{Asked, Completed, Core, FirstIntent, Request},
};
use prost::Message as _;

use super::{Record, Stored, write_state};
use crate::{
    enums::Word,
    error::{Error, Stop},
    event::{answer, failure, particulars, write_answer, write_failure, write_particulars},
    person::{hash, id, meta_errors, text_opt, write_meta_error},
    position::envelope,
    progress::progress,
    proto::{self, request_record::Content},
    register::{Leniency, register, text, write_stamp, write_text},
    writer::Writer,
};

/// Appends a record with the state of a management request.
pub fn encode_request(id: &RequestId, request: &Request, into: &mut Vec<u8>) {
    let Request { core, envelope } = request;
    let Core {
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        particulars: told,
        first_intent,
    } = core;
    write_state(into, id.as_str(), envelope, |w| {
        w.message_opt(5, operation.as_ref(), write_operation);
        w.message_opt(6, number.as_ref(), write_text);
        w.message_opt(7, group.as_ref(), write_text);
        w.message_opt(8, asked.as_ref(), write_asked);
        w.message_opt(9, answered.as_ref(), write_answered);
        w.message_opt(10, meta_request_id.as_ref(), write_text);
        w.message_opt(11, completed.as_ref(), write_completed);
        w.fixed64_opt(12, first_intent.as_ref().map(|first| first.nonce));
        // One from before more was kept of it is written as it was.
        let is_more = |first: &&FirstIntent| {
            first.at != 0 || first.body_hash != [0; 32] || first.subject.is_some()
        };
        let first = first_intent.as_ref().filter(is_more);
        w.bytes_opt(13, first.map(|first| first.body_hash.as_slice()));
        w.int_opt(14, first.map(|first| first.at));
        w.text_opt(15, first.and_then(|first| first.subject.as_deref()));
        w.message_opt(16, told.as_ref(), write_told);
    });
}

fn write_operation(w: &mut Writer<'_>, register: &Register<Operation>) {
    write_stamp(w, 1, register);
    w.uint(2, register.value.number());
}

fn write_asked(w: &mut Writer<'_>, register: &Register<Asked>) {
    let Asked { nonce, body_hash } = &register.value;
    write_stamp(w, 1, register);
    w.fixed64(2, *nonce);
    w.bytes(3, body_hash);
}

fn write_answered(w: &mut Writer<'_>, register: &Register<Answer>) {
    write_stamp(w, 1, register);
    w.message(2, |w| write_answer(w, &register.value));
}

fn write_told(w: &mut Writer<'_>, register: &Register<Particulars>) {
    write_stamp(w, 1, register);
    w.message(2, |w| write_particulars(w, &register.value));
}

fn write_completed(w: &mut Writer<'_>, register: &Register<Completed>) {
    let Completed {
        outcome,
        errors,
        failed,
    } = &register.value;
    write_stamp(w, 1, register);
    w.uint(2, outcome.number());
    w.message_each(3, errors, write_meta_error);
    w.message_each(4, failed, write_failure);
}

/// Reads a record of `requests.v1`.
pub fn decode_request(bytes: &[u8]) -> Result<Record<RequestId, Request>, Error> {
    let proto::RequestRecord { content } = proto::RequestRecord::decode(bytes)?;
    Ok(match content {
        Some(Content::State(content)) => Record::State(state(content)?),
        Some(Content::Progress(content)) => Record::Progress(progress(content)?),
        None => Record::Unknown,
    })
}

fn state(state: proto::RequestState) -> Result<Stored<RequestId, Request>, Error> {
    let proto::RequestState {
        fold,
        request_id,
        position,
        version,
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        first_intent,
        first_body_hash,
        first_asked_at,
        first_subject,
        particulars: told,
    } = state;
    let read = Leniency { fold };
    let core = Core {
        operation: read.register(operation, read_operation)?,
        number: read.register(number, text)?,
        group: read.register(group, text)?,
        asked: read.register(asked, read_asked)?,
        answered: read.register(answered, read_answered)?,
        meta_request_id: read.register(meta_request_id, text)?,
        completed: read.register(completed, read_completed)?,
        particulars: read.register(told, read_told)?,
        first_intent: match first_intent {
            Some(nonce) => Some(FirstIntent {
                nonce,
                // A state from before these were kept says neither.
                body_hash: match first_body_hash {
                    Some(bytes) => hash(&bytes, "RequestState.first_body_hash")?,
                    None => [0; 32],
                },
                at: first_asked_at.unwrap_or_default(),
                subject: text_opt(first_subject),
            }),
            None => None,
        },
    };
    let id = id(&request_id, "RequestState.request_id")?;
    Ok(Stored {
        fold,
        id,
        state: Request {
            core,
            envelope: envelope(position, version)?,
        },
    })
}

fn read_operation(read: proto::OperationRegister) -> Result<Register<Operation>, Stop> {
    let proto::OperationRegister { stamp, value } = read;
    register(stamp, Word::read(value, "OperationRegister.value")?)
}

fn read_asked(read: proto::AskedRegister) -> Result<Register<Asked>, Stop> {
    let proto::AskedRegister {
        stamp,
        nonce,
        body_hash,
    } = read;
    register(
        stamp,
        Asked {
            nonce,
            body_hash: hash(&body_hash, "AskedRegister.body_hash")?,
        },
    )
}

fn read_answered(read: proto::AnswerRegister) -> Result<Register<Answer>, Stop> {
    let proto::AnswerRegister { stamp, value } = read;
    register(stamp, answer(value, "AnswerRegister.value")?)
}

fn read_told(read: proto::ParticularsRegister) -> Result<Register<Particulars>, Stop> {
    let proto::ParticularsRegister { stamp, value } = read;
    register(stamp, particulars(value.unwrap_or_default()))
}

fn read_completed(read: proto::CompletedRegister) -> Result<Register<Completed>, Stop> {
    let proto::CompletedRegister {
        stamp,
        outcome,
        errors,
        failed,
    } = read;
    let outcome = Word::read(outcome, "CompletedRegister.outcome")?;
    register(
        stamp,
        Completed {
            outcome,
            errors: meta_errors(errors),
            failed: failed.into_iter().map(failure).collect(),
        },
    )
}
