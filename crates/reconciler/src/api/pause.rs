//! Stopping and resuming the judgement of a number.

use axum::{extract::State, response::Response};
use chassis::{
    extract::{Json, Path},
    problem::Problem,
};
use domain::{event::NumberEvent, ids::PhoneNumberId, number::Number};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::json::Time;

use super::{Api, json};
use crate::upstream::Read;

/// What is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    paused: bool,
}

/// How things stand.
#[derive(Debug, Serialize)]
struct Shown {
    phone_number_id: String,
    paused: bool,
    /// When it was last paused or resumed; null if never.
    since: Option<Time>,
}

impl Shown {
    fn new(id: &PhoneNumberId, number: &Number) -> Self {
        let paused = number.core.paused.as_ref();
        Self {
            phone_number_id: id.to_string(),
            paused: paused.is_some_and(|paused| paused.value),
            since: paused.map(|paused| Time(paused.stamp.at)),
        }
    }
}

/// `GET /v1/numbers/{phone_number_id}/pause`
pub(super) async fn show<R: Read>(
    State(api): State<Api<R>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let number = api.number(&id)?;
    api.check_ready()?;
    let shown = Shown::new(&number, &api.held(&number));
    Ok(json(StatusCode::OK, api.positions(), &shown))
}

/// `PUT /v1/numbers/{phone_number_id}/pause`
pub(super) async fn set<R: Read>(
    State(api): State<Api<R>>,
    Path(id): Path<String>,
    Json(Wanted { paused }): Json<Wanted>,
) -> Result<Response, Problem> {
    let number = api.number(&id)?;
    api.check_ready()?;
    let held = api.held(&number);
    let last = held.core.paused.as_ref();
    let is_so = last.map_or(!paused, |last| last.value == paused && !last.doubt);
    if is_so && last.is_some() {
        let shown = Shown::new(&number, &held);
        return Ok(json(StatusCode::OK, api.positions(), &shown));
    }
    // Two in one second would leave it in doubt, and the number paused.
    let at = last.map_or(api.now(), |last| api.now().max(last.stamp.at + 1));
    let recorded = api.record(&number, at, NumberEvent::Paused(paused)).await?;
    let word = if paused { "paused" } else { "resumed" };
    tracing::info!(phone_number_id = %number, by = api.parts().by, "number {number} was {word}");
    let folded = |state: &Number| {
        let last = state.core.paused.as_ref()?;
        (last.stamp.at >= at).then(|| Shown::new(&number, state))
    };
    let position = api.position(recorded);
    Ok(match api.until(&number, folded).await {
        Some(shown) => json(StatusCode::OK, position, &shown),
        None => {
            let shown = Shown {
                paused,
                since: Some(Time(at)),
                phone_number_id: number.to_string(),
            };
            json(StatusCode::ACCEPTED, position, &shown)
        }
    })
}
