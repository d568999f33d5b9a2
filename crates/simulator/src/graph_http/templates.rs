//! Templates: the library, and those of the account.

use serde_json::{Value, json};

use super::{Answer, Call, Outcome, list::page, refusal::Refusal};
use crate::model::{World, snapshots::Rows, templates::LIBRARY};
use std::sync::Arc;

/// `GET /message_template_library`, filtered by what the caller gives.
pub(super) fn library(world: &mut World, call: &Call) -> Outcome {
    let given = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    let matches =
        |name: &str, value: &str| given(name).is_none_or(|asked| asked.eq_ignore_ascii_case(value));
    let found: Vec<Value> = LIBRARY
        .iter()
        .filter(|template| {
            matches("category", template.category)
                && matches("topic", template.topic)
                && matches("language", template.language)
                && matches("name_or_content", template.name)
                && given("search").is_none_or(|words| {
                    let words = words.to_lowercase();
                    template.name.contains(&words) || template.body.to_lowercase().contains(&words)
                })
        })
        .map(|template| template.json())
        .collect();
    answer(world, call, found)
}

/// `GET /{WABA}/message_templates`.
pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let mut templates = world.templates();
    if let Some(name) = call.query.get("name") {
        templates.retain(|template| template.get("name").and_then(Value::as_str) == Some(name));
    }
    answer(world, call, templates)
}

/// `POST /{WABA}/message_templates`: one made of the library, or the caller's own.
pub(super) fn make(world: &mut World, call: &Call) -> Outcome {
    let parameters = call.any_parameters()?;
    let name = parameters.text("name")?.unwrap_or_default();
    let language = parameters.text("language")?.unwrap_or_default();
    if name.is_empty() || language.is_empty() {
        return Err(Refusal::parameter("name and language must be given"));
    }
    let category = parameters.text("category")?.unwrap_or("UTILITY");
    let library = parameters.text("library_template_name")?;
    let (id, status) = world.make_template(name, language, library, category)?;
    Ok(Answer::ok(
        json!({"id": id, "status": status, "category": category}),
    ))
}

fn answer(world: &mut World, call: &Call, rows: Vec<Value>) -> Outcome {
    let page = page(world, call, |_| Rows::Values(Arc::new(rows)))?;
    let Rows::Values(rows) = &page.rows else {
        return Err(Refusal::no_object());
    };
    let data = rows.get(page.start..page.end).unwrap_or_default();
    let mut body = json!({ "data": data });
    crate::webhook::set(&mut body, "paging", page.paging);
    Ok(Answer::ok(body))
}
