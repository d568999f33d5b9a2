//! How an event changes what is known of a request.

use super::{Asked, Completed, Core, Field, FirstIntent};
use crate::{
    event::{Answer, Event, Operation, Particulars, RequestEvent},
    ids::{GroupId, RequestId, Text},
    register::{Doubt, Effect, Rank, Stamp, assert, differ},
};

/// Folds an event in; tells how far that is to be seen.
pub(super) fn fold(core: &mut Core, event: &Event, what: &RequestEvent) -> Effect {
    let stamp = Stamp {
        at: event.at,
        rank: Rank::Statement,
        tie: event.id,
    };
    let mut effect = Effect::Nothing;
    if let Some(number) = &event.phone_number_id {
        let number = Text::new(number.as_str());
        effect = assert(&mut core.number, stamp, number, Doubt::Never);
    }
    effect.max(match what {
        RequestEvent::Intended {
            operation,
            group_id,
            nonce,
            body_hash,
            subject,
        } => {
            let asked = Asked {
                nonce: *nonce,
                body_hash: *body_hash,
            };
            let first = if core.first_intent.is_none() {
                core.first_intent = Some(FirstIntent {
                    nonce: *nonce,
                    body_hash: *body_hash,
                    at: event.at,
                    subject: subject.clone(),
                });
                Effect::Value
            } else {
                Effect::Nothing
            };
            about(core, stamp, *operation, group_id.as_ref())
                .max(assert(&mut core.asked, stamp, asked, Doubt::Never))
                .max(first)
        }
        RequestEvent::Answered {
            answer,
            meta_request_id,
            particulars,
        } => answered(
            core,
            stamp,
            answer,
            meta_request_id.as_ref(),
            particulars.as_deref(),
        ),
        RequestEvent::Completed {
            operation,
            group_id,
            outcome,
            errors,
            failed,
        } => {
            let completed = Completed {
                outcome: *outcome,
                errors: errors.clone(),
                failed: failed.clone(),
            };
            about(core, stamp, *operation, group_id.as_ref()).max(assert(
                &mut core.completed,
                stamp,
                completed,
                Doubt::Kept,
            ))
        }
    })
}

fn answered(
    core: &mut Core,
    stamp: Stamp,
    answer: &Answer,
    meta_request_id: Option<&RequestId>,
    particulars: Option<&Particulars>,
) -> Effect {
    let id = meta_request_id.map(|id| Text::new(id.as_str()));
    let of_id = id.map_or(Effect::Nothing, |id| {
        assert(&mut core.meta_request_id, stamp, id, Doubt::Never)
    });
    let told = particulars.map_or(Effect::Nothing, |told| {
        assert(&mut core.particulars, stamp, told.clone(), Doubt::Never)
    });
    let answer = assert(&mut core.answered, stamp, answer.clone(), Doubt::Kept);
    answer.max(of_id).max(told)
}

fn about(
    core: &mut Core,
    stamp: Stamp,
    operation: Operation,
    group_id: Option<&GroupId>,
) -> Effect {
    let group = group_id.map(|id| Text::new(id.as_str()));
    group
        .map_or(Effect::Nothing, |id| {
            assert(&mut core.group, stamp, id, Doubt::Never)
        })
        .max(assert(&mut core.operation, stamp, operation, Doubt::Never))
}

/// What can be seen to differ: values and doubts, not stamps.
pub(super) fn changes(before: &Core, after: &Core) -> Vec<Field> {
    let Core {
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        particulars,
        // It comes with the first that is asked.
        first_intent: _,
    } = before;
    let about = differ(operation, &after.operation)
        || differ(number, &after.number)
        || differ(group, &after.group);
    let is_answered = differ(answered, &after.answered)
        || differ(meta_request_id, &after.meta_request_id)
        || differ(particulars, &after.particulars);
    let all = [
        (Field::About, about),
        (Field::Asked, differ(asked, &after.asked)),
        (Field::Answered, is_answered),
        (Field::Completed, differ(completed, &after.completed)),
    ];
    all.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| field)
        .collect()
}
