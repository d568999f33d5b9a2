//! How an event changes what is known of a request.

use super::{Asked, Completed, Core, Field};
use crate::{
    event::{Event, RequestEvent},
    ids::Text,
    register::{Doubt, Rank, Stamp, assert},
};

/// Folds an event in; tells whether any byte changed.
pub(super) fn fold(core: &mut Core, event: &Event, what: &RequestEvent) -> bool {
    let stamp = Stamp {
        at: event.at,
        rank: Rank::Statement,
        tie: event.id,
    };
    let mut changed = false;
    if let Some(number) = &event.phone_number_id {
        changed |= assert(
            &mut core.number,
            stamp,
            Text::new(number.as_str()),
            Doubt::Never,
        );
    }
    match what {
        RequestEvent::Intended {
            operation,
            group_id,
            nonce,
            body_hash,
        } => {
            if core.first_intent.is_none() {
                core.first_intent = Some(*nonce);
                changed = true;
            }
            changed |= assert(&mut core.operation, stamp, *operation, Doubt::Never);
            changed |= about(core, stamp, group_id.as_ref().map(|id| id.as_str()));
            let asked = Asked {
                nonce: *nonce,
                body_hash: *body_hash,
            };
            changed | assert(&mut core.asked, stamp, asked, Doubt::Never)
        }
        RequestEvent::Answered {
            answer,
            meta_request_id,
        } => {
            if let Some(id) = meta_request_id {
                changed |= assert(
                    &mut core.meta_request_id,
                    stamp,
                    Text::new(id.as_str()),
                    Doubt::Never,
                );
            }
            changed | assert(&mut core.answered, stamp, answer.clone(), Doubt::Kept)
        }
        RequestEvent::Completed {
            operation,
            group_id,
            outcome,
            errors,
        } => {
            changed |= assert(&mut core.operation, stamp, *operation, Doubt::Never);
            changed |= about(core, stamp, group_id.as_ref().map(|id| id.as_str()));
            let completed = Completed {
                outcome: *outcome,
                errors: errors.clone(),
            };
            changed | assert(&mut core.completed, stamp, completed, Doubt::Kept)
        }
    }
}

fn about(core: &mut Core, stamp: Stamp, group_id: Option<&str>) -> bool {
    group_id.is_some_and(|id| assert(&mut core.group, stamp, Text::new(id), Doubt::Never))
}

/// What can be seen to differ: values and doubts, not stamps.
pub(super) fn changes(before: &Core, after: &Core) -> Vec<Field> {
    use crate::register::differ;
    let Core {
        operation,
        number,
        group,
        asked,
        answered,
        meta_request_id,
        completed,
        first_intent,
    } = before;
    let about = differ(operation, &after.operation)
        || differ(number, &after.number)
        || differ(group, &after.group);
    let is_asked = differ(asked, &after.asked) || *first_intent != after.first_intent;
    let is_answered =
        differ(answered, &after.answered) || differ(meta_request_id, &after.meta_request_id);
    let all = [
        (Field::About, about),
        (Field::Asked, is_asked),
        (Field::Answered, is_answered),
        (Field::Completed, differ(completed, &after.completed)),
    ];
    all.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| field)
        .collect()
}
