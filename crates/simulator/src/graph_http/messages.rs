//! Sending: to a group, a pin, or an invite template to one person.

use serde_json::{Value, json};

use super::{Answer, Call, Outcome, body::Parameters, refusal::Refusal};
use crate::model::{World, messages::Price};

/// What can be sent to a group (reference 3.1).
const GROUP_TYPES: &[&str] = &[
    "text", "image", "video", "audio", "document", "sticker", "template",
];

pub(super) fn send(world: &mut World, call: &Call, number: usize) -> Outcome {
    let parameters = call.parameters()?;
    let to = parameters
        .text("to")?
        .ok_or_else(|| Refusal::parameter("to must be given"))?;
    let kind = parameters.text("type")?.unwrap_or("text");
    let id = match (parameters.text("recipient_type")?, kind) {
        (Some("group"), "pin") => pin(world, &parameters, number, to)?,
        (Some("group"), kind) => {
            if !GROUP_TYPES.contains(&kind) {
                return Err(Refusal::parameter(
                    "This type of message cannot be sent to a group",
                ));
            }
            if parameters.value(kind).is_none() {
                return Err(Refusal::parameter(format!("{kind} must be given")));
            }
            world.send(number, to, price(&parameters, kind))?
        }
        _ => world.send_directly(number, to)?,
    };
    Ok(Answer::ok(json!({
        "messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": to}], "messages": [{"id": id}],
    })))
}

/// A template's category is not part of the call; here its name tells.
fn price(parameters: &Parameters, kind: &str) -> Price {
    if kind != "template" {
        return Price::Service;
    }
    let name = parameters
        .value("template")
        .and_then(|template| template.get("name"))
        .and_then(Value::as_str);
    if name.is_some_and(|name| name.contains("marketing")) {
        Price::Marketing
    } else {
        Price::Utility
    }
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
    world.pin(number, group_id, message_id, pinned)
}
