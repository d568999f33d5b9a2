//! Sending: to a group, a pin, or an invite template to one person.

use serde_json::{Value, json};

use super::{Answer, Call, Outcome, body::Parameters, groups::seen, refusal::Refusal};
use crate::{
    limits::{CAPTION_CHARS_MAX, TEXT_CHARS_MAX},
    model::{World, business::Named, messages::Price},
};

/// What can be sent to a group (reference 3.1).
const GROUP_TYPES: &[&str] = &[
    "text", "image", "video", "audio", "document", "sticker", "template",
];

pub(super) fn send(world: &mut World, call: &Call, number: usize) -> Outcome {
    let parameters = call.parameters()?;
    let kind = parameters.text("type")?.unwrap_or("text");
    let to = parameters.text("to")?;
    if parameters.text("recipient_type")? == Some("group") {
        let to = to.ok_or_else(|| Refusal::parameter("to must be given"))?;
        let id = if kind == "pin" {
            pin(world, &parameters, number, to)?
        } else {
            if !GROUP_TYPES.contains(&kind) {
                return Err(Refusal::parameter(
                    "This type of message cannot be sent to a group",
                ));
            }
            let price = content(world, &parameters, kind)?;
            world.count_message(number)?;
            world.send(number, to, price)?
        };
        return Ok(Answer::ok(json!({"messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to}], "messages": [{"id": id}]})));
    }
    directly(world, &parameters, kind, number)
}

/// To one person: by number in `to`, by BSUID in `recipient`. A BSUID in `to` is accepted and dropped.
fn directly(world: &mut World, parameters: &Parameters, kind: &str, number: usize) -> Outcome {
    let price = content(world, parameters, kind)?;
    let named = match (parameters.text("to")?, parameters.text("recipient")?) {
        (Some(to), None) if to.contains('.') => {
            let id = world.ids.message();
            return Ok(Answer::ok(json!({"messaging_product": "whatsapp",
                "contacts": [{"input": to, "wa_id": to}], "messages": [{"id": id}]})));
        }
        (Some(to), None) => Named::Number(to.to_owned()),
        (None, Some(user_id)) => Named::UserId(user_id.to_owned()),
        (None, None) => return Err(Refusal::parameter("to or recipient must be given")),
        (Some(_), Some(_)) => {
            return Err(Refusal::parameter("Either to or recipient must be given"));
        }
    };
    let (id, person) = world.send_directly(number, &named, price)?;
    let mut contact = json!({"input": named.input(), "user_id": person.user_id});
    if !(world.faults.api.hide_wa_id && person.username.is_some()) {
        crate::webhook::set(&mut contact, "wa_id", Some(json!(person.wa_id)));
    }
    Ok(Answer::ok(
        json!({"messaging_product": "whatsapp", "contacts": [contact],
        "messages": [{"id": id, "message_status": "accepted"}]}),
    ))
}

/// Checks what is sent, and says what it costs.
fn content(world: &mut World, parameters: &Parameters, kind: &str) -> Result<Price, Refusal> {
    let Some(content) = parameters.value(kind) else {
        return Err(Refusal::parameter(format!("{kind} must be given")));
    };
    let text = |name: &str| content.get(name).and_then(Value::as_str);
    match kind {
        "template" => return template(world, content),
        "text" => {
            let chars = text("body").unwrap_or_default().chars().count();
            if !(1..=TEXT_CHARS_MAX).contains(&chars) {
                return Err(Refusal::parameter(
                    "text.body must have 1 to 4096 characters",
                ));
            }
        }
        _ => {
            if text("id").is_some() == text("link").is_some() {
                return Err(Refusal::parameter(format!(
                    "{kind} must have either id or link"
                )));
            }
            if text("caption").is_some_and(|caption| caption.chars().count() > CAPTION_CHARS_MAX) {
                return Err(Refusal::parameter(
                    "caption must have at most 1024 characters",
                ));
            }
        }
    }
    Ok(Price::Service)
}

/// A template's category is not part of the call: it is the account's, and where nobody made the
/// template its name tells.
fn template(world: &mut World, template: &Value) -> Result<Price, Refusal> {
    let name = template
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let language = template
        .get("language")
        .and_then(|language| language.get("code"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() || language.is_empty() {
        return Err(Refusal::parameter(
            "template.name and template.language.code must be given",
        ));
    }
    let components = template.get("components").and_then(Value::as_array);
    let body: Vec<Value> = components
        .into_iter()
        .flatten()
        .filter(|component| component.get("type").and_then(Value::as_str) == Some("body"))
        .filter_map(|component| component.get("parameters").and_then(Value::as_array))
        .flatten()
        .cloned()
        .collect();
    for parameter in &body {
        if parameter.get("type").and_then(Value::as_str) == Some("group_id") {
            let group_id = parameter.get("group_id").and_then(Value::as_str);
            seen(world, group_id.unwrap_or_default())?;
        }
    }
    let category = world.sendable(name, language, body.len())?;
    let marketing = category.map_or(name.contains("marketing"), |category| {
        category == "marketing"
    });
    Ok(if marketing {
        Price::Marketing
    } else {
        Price::Utility
    })
}

fn pin(
    world: &mut World,
    parameters: &Parameters,
    number: usize,
    group_id: &str,
) -> Result<String, Refusal> {
    let pin = parameters
        .value("pin")
        .ok_or_else(|| Refusal::parameter("pin must be given"))?;
    let message_id = pin
        .get("message_id")
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::parameter("pin.message_id must be given"))?;
    let pinned = match pin.get("type").and_then(Value::as_str) {
        Some("pin") => true,
        Some("unpin") => false,
        _ => return Err(Refusal::parameter("pin.type must be pin or unpin")),
    };
    let days = pin.get("expiration_days").and_then(Value::as_u64);
    if pinned && !days.is_some_and(|days| (1..=30).contains(&days)) {
        return Err(Refusal::parameter(
            "pin.expiration_days must be from 1 to 30",
        ));
    }
    world.count_message(number)?;
    world.pin(number, group_id, message_id, pinned)
}
