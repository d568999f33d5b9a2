//! Join requests: list, approve, reject.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Answer, Call, Outcome,
    groups::{partially, seen},
    list::page,
    refusal::{self, Refusal},
};
use crate::{
    limits::JOIN_REQUESTS_PER_CALL_MAX,
    model::{World, business::Decided, snapshots::Rows},
    webhook,
};

pub(super) fn list(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let view = seen(world, group_id)?;
    let page = page(world, call, |_| Rows::Asks(Arc::new(view.asks.clone())))?;
    let Rows::Asks(asks) = &page.rows else {
        return Err(Refusal::no_object());
    };
    let hidden = world.faults.api.hide_wa_id;
    let data: Vec<Value> = asks
        .get(page.start..page.end)
        .unwrap_or_default()
        .iter()
        .map(|ask| {
            let mut row = webhook::identity(&ask.person, hidden);
            row.insert("join_request_id".to_owned(), json!(ask.join_request_id));
            row.insert("creation_timestamp".to_owned(), json!(ask.created_at));
            Value::Object(row)
        })
        .collect();
    let mut body = json!({ "data": data });
    webhook::set(&mut body, "paging", page.paging);
    Ok(Answer::ok(body))
}

pub(super) fn approve(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let ids = named(call)?;
    let decided = world.approve(group_id, &ids)?;
    Ok(decision(world, "approved_join_requests", decided))
}

pub(super) fn reject(world: &mut World, call: &Call, group_id: &str) -> Outcome {
    let ids = named(call)?;
    let decided = world.reject(group_id, &ids)?;
    Ok(decision(world, "rejected_join_requests", decided))
}

fn named(call: &Call) -> Result<Vec<String>, Refusal> {
    let parameters = call.parameters()?;
    let list = parameters.list("join_requests")?;
    if list.is_empty() || list.len() > JOIN_REQUESTS_PER_CALL_MAX {
        return Err(Refusal::parameter("join_requests must have 1 to 100 items"));
    }
    let ids: Option<Vec<String>> = list
        .iter()
        .map(|id| id.as_str().map(str::to_owned))
        .collect();
    ids.ok_or_else(|| Refusal::parameter("join_requests must be a list of ids"))
}

/// The synchronous answer: 200 if all went well, 206 if some, 400 as an answer with errors if none.
fn decision(world: &World, name: &str, decided: Decided) -> Answer {
    let mut body = Map::new();
    body.insert("messaging_product".to_owned(), json!("whatsapp"));
    let partial = !decided.done.is_empty() && !decided.failed.is_empty();
    body.insert(name.to_owned(), json!(decided.done));
    if decided.failed.is_empty() {
        return Answer::ok(Value::Object(body));
    }
    let failed: Vec<Value> = decided
        .failed
        .iter()
        .map(|(id, refusal)| json!({"join_request_id": id, "errors": [refusal.item()]}))
        .collect();
    body.insert("failed_join_requests".to_owned(), json!(failed));
    let body = Value::Object(body);
    if partial {
        let whole = Refusal::new(refusal::PARTIAL, "Not all join requests could be settled");
        return partially(world, Answer::ok(body), &whole);
    }
    let first = decided.failed.into_iter().next();
    let whole = first.map_or_else(Refusal::no_object, |(_, refusal)| refusal);
    let mut body = body;
    webhook::set(&mut body, "errors", Some(json!([whole.item()])));
    Answer::ok(body)
}
