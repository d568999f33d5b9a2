//! What a call is named in faults.

use serde_json::Value;

use super::Call;
use crate::model::World;

/// The name of a call; `*` of one that is none.
pub(super) fn name(world: &World, call: &Call) -> &'static str {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    match (method, path.as_slice()) {
        ("GET", ["message_template_library"]) => "template_library",
        (_, [_, "message_templates"]) => "templates",
        (_, ["app"] | [_, "subscriptions" | "subscribed_apps"]) => "subscriptions",
        ("GET", [id]) if world.number_index(id).is_some() => "number",
        ("GET", [_]) => "group",
        ("POST", [_]) => "update",
        ("DELETE", [_]) => "delete",
        ("GET", [_, "groups"]) => "list_groups",
        ("POST", [_, "groups"]) => "create",
        ("POST", [_, "messages"]) => message(call),
        ("GET", [_, "invite_link"]) => "invite_link",
        ("POST", [_, "invite_link"]) => "invite_link_reset",
        ("DELETE", [_, "invite_link"]) => "invite_link_revoke",
        ("POST", [_, "participants"]) => "participants_add",
        ("DELETE", [_, "participants"]) => "participants_remove",
        ("GET", [_, "join_requests"]) => "join_requests",
        ("POST", [_, "join_requests"]) => "join_requests_approve",
        ("DELETE", [_, "join_requests"]) => "join_requests_reject",
        _ => "*",
    }
}

/// Whether it changes a group: what counts against 131208. Messages have limits of their own.
pub(super) fn is_operation(name: &str) -> bool {
    matches!(
        name,
        "create"
            | "delete"
            | "update"
            | "invite_link_reset"
            | "invite_link_revoke"
            | "participants_add"
            | "participants_remove"
            | "join_requests_approve"
            | "join_requests_reject"
    )
}

fn message(call: &Call) -> &'static str {
    let Ok(body) = serde_json::from_slice::<Value>(&call.body) else {
        return "message";
    };
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    match (text("/recipient_type"), text("/type"), text("/pin/type")) {
        (Some("group"), Some("pin"), Some("unpin")) => "unpin",
        (Some("group"), Some("pin"), _) => "pin",
        (Some("group"), ..) => "message",
        _ => "invite",
    }
}
