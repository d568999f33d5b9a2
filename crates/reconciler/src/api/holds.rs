//! Holds of the interlock: what they are about, and releasing them.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{
    extract::{Path, Query},
    problem::{ErrorCode, Problem},
};
use domain::{
    event::NumberEvent,
    ids::{PhoneNumberId, Second, Text},
    number::{Hold, Number},
    register::Register,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::json::{Page, Time};

use super::{Api, json, record::Refusal};
use crate::{limits::HOLDS_PAGE_MAX, upstream::Read};

/// Holds on a page unless more are asked for.
const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    phone_number_id: Option<String>,
    released: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    phone_number_id: Option<String>,
}

/// A hold as it is answered.
#[derive(Debug, Serialize)]
struct Shown {
    hold_id: String,
    phone_number_id: String,
    released: bool,
    groups: u32,
    suspects: Vec<String>,
    released_by: Option<String>,
    /// When it was made, or released.
    since: Time,
}

impl Shown {
    fn new(number: &PhoneNumberId, hold_id: &Text, register: &Register<Hold>) -> Self {
        let Hold {
            is_released,
            groups,
            suspects,
            by,
        } = &register.value;
        Self {
            hold_id: hold_id.to_string(),
            phone_number_id: number.to_string(),
            released: *is_released,
            groups: *groups,
            suspects: suspects.iter().map(ToString::to_string).collect(),
            released_by: by.as_ref().map(ToString::to_string),
            since: Time(register.stamp.at),
        }
    }
}

/// `GET /v1/holds`
pub(super) async fn list<R: Read>(
    State(api): State<Api<R>>,
    Query(listing): Query<Listing>,
) -> Result<Response, Problem> {
    let Listing {
        phone_number_id,
        released,
        limit,
        cursor,
    } = listing;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=HOLDS_PAGE_MAX).contains(&limit) {
        return Err(bad(format!("limit must be from 1 to {HOLDS_PAGE_MAX}")));
    }
    let after = cursor.as_deref().map(decode).transpose()?;
    api.check_ready()?;
    let numbers = api.parts().snapshots.held().numbers();
    let numbers = numbers.iter().filter(|(id, _)| {
        phone_number_id
            .as_deref()
            .is_none_or(|named| named == id.as_str())
    });
    let holds = numbers.flat_map(|(number, state)| {
        let holds = state.core.holds.iter();
        holds.map(move |(hold_id, register)| (number, hold_id, register))
    });
    let mut holds = holds
        .filter(|(_, _, hold)| released.is_none_or(|released| released == hold.value.is_released))
        .filter(|(number, hold_id, _)| {
            let key = (number.as_str().to_owned(), hold_id.to_string());
            after.as_ref().is_none_or(|after| key > *after)
        });
    let items: Vec<Shown> = holds
        .by_ref()
        .take(limit)
        .map(|(number, hold_id, register)| Shown::new(number, hold_id, register))
        .collect();
    let last = items.last().filter(|_| holds.next().is_some());
    let next_cursor = last
        .map(|last| URL_SAFE_NO_PAD.encode(format!("{}\n{}", last.phone_number_id, last.hold_id)));
    Ok(json(
        StatusCode::OK,
        api.positions(),
        &Page { items, next_cursor },
    ))
}

/// `POST /v1/holds/{hold_id}/release`
pub(super) async fn release<R: Read>(
    State(api): State<Api<R>>,
    Path(hold_id): Path<String>,
    Query(Which { phone_number_id }): Query<Which>,
) -> Result<Response, Problem> {
    api.check_ready()?;
    let (number, state) = find(&api, &hold_id, phone_number_id.as_deref())?;
    let hold_id = Text::from(hold_id);
    let Some(hold) = state.core.holds.get(&hold_id) else {
        return Err(missing());
    };
    if hold.value.is_released {
        let shown = Shown::new(&number, &hold_id, hold);
        return Ok(json(StatusCode::OK, api.positions(), &shown));
    }
    let by = Text::new(api.parts().by);
    let what = NumberEvent::Released {
        hold_id: hold_id.clone(),
        groups: hold.value.groups,
        by: Some(by.clone()),
    };
    // Within a second releasing has the last word; the hold's second is Meta's, which may be ahead of ours.
    let at: Second = api.now().max(hold.stamp.at);
    let recorded = api.record(&number, at, what).await?;
    tracing::info!(phone_number_id = %number, hold_id = %hold_id, by = %by, "hold {hold_id} of number {number} was released");
    let released = |state: &Number| {
        let hold = state.core.holds.get(&hold_id)?;
        let is_released = hold.value.is_released;
        is_released.then(|| Shown::new(&number, &hold_id, hold))
    };
    let position = api.position(recorded);
    Ok(match api.until(&number, released).await {
        Some(shown) => json(StatusCode::OK, position, &shown),
        // It is in the log; the projector will come to it.
        None => {
            let shown = Shown::new(&number, &hold_id, hold);
            json(StatusCode::ACCEPTED, position, &shown)
        }
    })
}

/// The number whose hold it is: ids of before this version name none, and two numbers may have held in the same second.
fn find<R: Read>(
    api: &Api<R>,
    hold_id: &str,
    phone_number_id: Option<&str>,
) -> Result<(PhoneNumberId, Arc<Number>), Problem> {
    let numbers = api.parts().snapshots.held().numbers();
    let mut found = numbers.into_iter().filter(|(id, state)| {
        phone_number_id.is_none_or(|named| named == id.as_str())
            && state.core.holds.get(&Text::new(hold_id)).is_some()
    });
    let Some(first) = found.next() else {
        return Err(missing());
    };
    if found.next().is_some() {
        return Err(Problem::new(Refusal::Conflict)
            .detail("several numbers have a hold of that id: name one with phone_number_id"));
    }
    Ok(first)
}

fn missing() -> Problem {
    Problem::new(ErrorCode::NotFound).detail("no number has such a hold")
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::BadRequest).detail(detail)
}

fn decode(cursor: &str) -> Result<(String, String), Problem> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once('\n'));
    let (number, hold_id) = parts.ok_or_else(|| bad("cursor is none that was answered"))?;
    Ok((number.to_owned(), hold_id.to_owned()))
}
