//! Calls on one group, and its creation.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Answer, Call, Outcome, picture,
    refusal::{self, Refusal},
};
use crate::{
    limits::REMOVAL_MAX,
    model::{
        WABA_ID, World,
        business::{self, Named, NewGroup, Update},
        group::View,
    },
    webhook,
};

/// A group as the API sees it, which may lag.
pub(super) fn seen(world: &mut World, group_id: &str) -> Result<Arc<View>, Refusal> {
    let seen_ms = world.seen_ms();
    let view = world
        .group_at(group_id, seen_ms)
        .ok_or_else(Refusal::group_unknown)?;
    if view.suspended && world.faults.api.refuse_suspended {
        return Err(Refusal::new(refusal::SUSPENDED, "The group is suspended"));
    }
    Ok(view)
}

/// A business number's own node.
pub(super) fn number(world: &World, number: usize) -> Answer {
    let node = world.numbers.get(number).map(|number| {
        json!({"id": number.phone_number_id, "display_phone_number": number.display, "verified_name": "Simulator",
            "whatsapp_business_account": {"id": WABA_ID}})
    });
    Answer::ok(node.unwrap_or_default())
}

pub(super) fn info(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let view = seen(world, group_id)?;
    let mut body = fields(world, call.fields(), &view)?;
    body.insert("messaging_product".to_owned(), json!("whatsapp"));
    Ok(Answer::ok(Value::Object(body)))
}

/// The fields asked for, by comma; the id is always there.
pub(super) fn fields(
    world: &World,
    asked: &str,
    view: &View,
) -> Result<Map<String, Value>, Refusal> {
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(&*view.group_id));
    for field in asked
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let hidden = world.faults.api.hide_wa_id;
        let value = match field {
            "id" | "messaging_product" => continue,
            // Only if set.
            "description" if view.description.is_empty() => continue,
            "description" => json!(view.description),
            "subject" => json!(view.subject),
            "join_approval_mode" => json!(view.join_approval_mode()),
            "suspended" => json!(view.suspended),
            "creation_timestamp" => json!(view.created_at),
            "total_participant_count" => json!(view.participants.len()),
            "participants" => view
                .participants
                .iter()
                .map(|person| Value::Object(webhook::identity(person, hidden)))
                .collect(),
            other => {
                return Err(Refusal::parameter(format!(
                    "Tried accessing nonexisting field ({other})"
                )));
            }
        };
        let scalar = matches!(value, Value::Bool(_) | Value::Number(_));
        let value = if scalar && world.faults.api.quoted_scalars {
            json!(value.to_string())
        } else {
            value
        };
        body.insert(field.to_owned(), value);
    }
    Ok(body)
}

pub(super) fn create(world: &mut World, call: &Call, number: usize) -> Outcome {
    let parameters = call.parameters()?;
    let approval_required = match parameters.text("join_approval_mode")? {
        None | Some("auto_approve") => false,
        Some("approval_required") => true,
        Some(_) => {
            return Err(Refusal::parameter(
                "join_approval_mode must be auto_approve or approval_required",
            ));
        }
    };
    let new = NewGroup {
        subject: business::subject(parameters.text("subject")?.unwrap_or_default())?,
        description: business::description(parameters.text("description")?.unwrap_or_default())?,
        approval_required,
    };
    let request_id = world.create(number, new)?;
    Ok(accepted(world, &request_id))
}

/// The two readings of a deletion's answer, `success` and `request_id`, in one.
pub(super) fn delete(world: &mut World, group_id: &str) -> Outcome {
    let request_id = world.delete(group_id)?;
    let success = if world.faults.api.quoted_scalars {
        json!("true")
    } else {
        json!(true)
    };
    let mut answer = accepted(world, &request_id);
    webhook::set(&mut answer.body, "success", Some(success));
    Ok(answer)
}

pub(super) fn update(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let parameters = call.parameters()?;
    let update = Update {
        subject: parameters
            .text("subject")?
            .map(business::subject)
            .transpose()?,
        description: parameters
            .text("description")?
            .map(business::description)
            .transpose()?,
        picture: parameters.picture().map(picture::judge).transpose()?,
    };
    if update.subject.is_none() && update.description.is_none() && update.picture.is_none() {
        return Err(Refusal::parameter(
            "One of subject, description and profile_picture_file must be given",
        ));
    }
    let request_id = world.update(group_id, update)?;
    Ok(accepted(world, &request_id))
}

pub(super) fn invite_link(world: &World, group_id: &str) -> Outcome {
    let link = world.invite_link(group_id)?;
    let mut body = json!({"messaging_product": "whatsapp"});
    webhook::set(&mut body, "invite_link", link.map(|link| json!(link)));
    Ok(Answer::ok(body))
}

pub(super) fn reset_link(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    call.parameters()?;
    let link = world.reset_link(group_id)?;
    Ok(Answer::ok(
        json!({"messaging_product": "whatsapp", "invite_link": link}),
    ))
}

pub(super) fn revoke_link(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    call.parameters()?;
    world.revoke_link(group_id)?;
    Ok(Answer::ok(
        json!({"messaging_product": "whatsapp", "success": "true"}),
    ))
}

pub(super) fn remove(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let parameters = call.parameters()?;
    let list = parameters.list("participants")?;
    if list.is_empty() || list.len() > REMOVAL_MAX {
        return Err(Refusal::parameter("participants must have 1 to 8 items"));
    }
    let mut named = Vec::new();
    for item in list {
        let field = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        named.push(match (field("user"), field("user_id")) {
            (Some(number), None) => Named::Number(number),
            (None, Some(user_id)) => Named::UserId(user_id),
            _ => {
                return Err(Refusal::parameter(
                    "Each participant has either user or user_id",
                ));
            }
        });
    }
    let distinct: BTreeSet<&str> = named.iter().map(Named::input).collect();
    if distinct.len() < named.len() {
        return Err(Refusal::new(
            refusal::DUPLICATE_PARTICIPANT,
            "A participant is named twice",
        ));
    }
    let (request_id, partial) = world.remove(group_id, &named)?;
    let mut answer = accepted(world, &request_id);
    if partial {
        let refusal = Refusal::new(refusal::PARTIAL, "Not all participants can be removed");
        answer = partially(world, answer, &refusal);
    }
    Ok(answer)
}

/// Adds people, where the simulator is told that this number may.
pub(super) fn add(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    if !world.faults.api.allow_add {
        return Err(Refusal::no_object());
    }
    let parameters = call.parameters()?;
    let list = parameters.list("participants")?;
    let numbers: Option<Vec<String>> = list
        .iter()
        .map(|item| Some(item.get("user")?.as_str()?.to_owned()))
        .collect();
    let numbers = numbers.filter(|numbers| (1..=REMOVAL_MAX).contains(&numbers.len()));
    let numbers = numbers
        .ok_or_else(|| Refusal::parameter("participants must have 1 to 8 items, each with user"))?;
    let request_id = world.add(group_id, &numbers)?;
    Ok(accepted(world, &request_id))
}

/// What completes by webhook. Meta's guide shows no answer at all, others a request id.
fn accepted(world: &World, request_id: &str) -> Answer {
    let mut body = json!({"messaging_product": "whatsapp"});
    if !world.faults.api.no_request_id {
        webhook::set(&mut body, "request_id", Some(json!(request_id)));
    }
    Answer::ok(body)
}

/// Makes an answer one of partial success: HTTP 206, with the error in either of two places.
pub(super) fn partially(world: &World, answer: Answer, refusal: &Refusal) -> Answer {
    let mut body = answer.body;
    if world.faults.api.partial_envelope {
        let mut envelope = refusal.envelope("A0");
        webhook::set(
            &mut body,
            "error",
            envelope.get_mut("error").map(Value::take),
        );
    } else {
        webhook::set(&mut body, "errors", Some(json!([refusal.item()])));
    }
    Answer::partial(body)
}
