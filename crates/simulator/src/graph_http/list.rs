//! Lists with cursors: active groups, and the pages of join requests.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Answer, Call, Outcome,
    groups::fields,
    refusal::{self, Refusal},
};
use crate::{
    faults::ListShape,
    limits::{PAGE_DEFAULT, PAGE_MAX},
    model::{
        World,
        snapshots::{Cursor, Rows},
    },
};

/// A page of a list.
pub(super) struct Page {
    /// The whole list it is of.
    pub(super) rows: Rows,
    pub(super) start: usize,
    pub(super) end: usize,
    /// None for a page without rows.
    pub(super) paging: Option<Value>,
}

/// Active groups of a number, newest first.
pub(super) fn groups(world: &mut World, call: &Call, number: usize) -> Outcome {
    let seen_ms = world.seen_ms();
    let page = page(world, call, |world| {
        let mut rows = world.groups_at(number, seen_ms);
        if world.faults.api.unlist_suspended {
            rows.retain(|view| !view.suspended);
        }
        Rows::Groups(Arc::new(rows))
    })?;
    let (Rows::Groups(rows), shape) = (&page.rows, world.faults.api.list_shape) else {
        return Err(Refusal::no_object());
    };
    let views = rows.get(page.start..page.end).unwrap_or_default();
    let rows: Result<Vec<Value>, Refusal> = views
        .iter()
        .map(|view| match (shape, call.fields()) {
            (ListShape::Array, "") => Ok(json!({"id": &*view.group_id, "subject": view.subject, "creation_timestamp": view.created_at})),
            (ListShape::Object, "") => Ok(json!({"id": &*view.group_id, "subject": view.subject, "created_at": view.created_at.to_string()})),
            // As every edge of Graph's takes `fields`; a public client asks for all of them.
            (_, asked) => fields(world, asked, view).map(Value::Object),
        })
        .collect();
    let rows = rows?;
    let mut body = Map::new();
    let data = match shape {
        ListShape::Array => json!(rows),
        ListShape::Object => json!({ "groups": rows }),
    };
    body.insert("data".to_owned(), data);
    if let Some(paging) = page.paging {
        body.insert("paging".to_owned(), paging);
    }
    Ok(Answer::ok(Value::Object(body)))
}

/// Cuts a page out of a list: a new one, or the one that the caller's cursor leads into.
pub(super) fn page(
    world: &mut World,
    call: &Call,
    fresh: impl FnOnce(&mut World) -> Rows,
) -> Result<Page, Refusal> {
    let limit = limit(call)?;
    let owner = call.path.join("/");
    let now_ms = world.now_ms();
    let given = |name: &str| call.query.get(name).filter(|cursor| !cursor.is_empty());
    let (after, before) = (given("after"), given("before"));
    let expired = || {
        Refusal::new(
            refusal::CURSOR,
            "The cursor expired or is corrupted, start over",
        )
    };
    let (rows, version, start, mut end) = match after.or(before) {
        Some(text) => {
            let cursor = Cursor::decode(text)
                .filter(|_| !world.faults.api.expire_cursors)
                .ok_or_else(expired)?;
            let rows = world
                .snapshots
                .find(&owner, cursor, now_ms)
                .ok_or_else(expired)?;
            let (start, end) = match after {
                Some(_) => (cursor.offset, (cursor.offset + limit).min(rows.len())),
                None => (cursor.offset.saturating_sub(limit), cursor.offset),
            };
            (rows, cursor.version, start, end)
        }
        None => {
            let rows = fresh(world);
            let version = world.snapshots.keep(&owner, rows.clone(), now_ms);
            let end = limit.min(rows.len());
            (rows, version, 0, end)
        }
    };
    let mut more = end < rows.len();
    if world.faults.api.truncate_list {
        end = start + (end - start) / 2;
        more = false;
    }
    let paging = (start < end).then(|| paging(call, version, start, end, more));
    Ok(Page {
        rows,
        start,
        end,
        paging,
    })
}

fn limit(call: &Call) -> Result<usize, Refusal> {
    let Some(text) = call.query.get("limit") else {
        return Ok(PAGE_DEFAULT);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| Refusal::parameter("limit must be from 1 to 1024"))
}

/// The `paging` object. The end of the list is where `next` is missing, an `after` there is all the same.
fn paging(call: &Call, version: i64, start: usize, end: usize, more: bool) -> Value {
    let before = Cursor {
        offset: start,
        version,
    }
    .encode();
    let after = Cursor {
        offset: end,
        version,
    }
    .encode();
    let mut paging = json!({"cursors": {"before": before, "after": after}});
    if start > 0 {
        crate::webhook::set(
            &mut paging,
            "previous",
            Some(json!(link(call, "before", &before))),
        );
    }
    if more {
        crate::webhook::set(
            &mut paging,
            "next",
            Some(json!(link(call, "after", &after))),
        );
    }
    paging
}

/// An absolute URL to another page, with the caller's other parameters.
fn link(call: &Call, direction: &str, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in call
        .query
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "after" | "before"))
    {
        query.append_pair(key, value);
    }
    query.append_pair(direction, cursor);
    format!(
        "{}{}/{}?{}",
        call.base,
        call.version,
        call.path.join("/"),
        query.finish()
    )
}
