//! One message: delivery per recipient, and price.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::{extract::Path, problem::Problem};
use domain::{
    ids::{Entity, MessageId},
    position::Stream,
};
use http::HeaderMap;
use wire::Record;

use super::{Api, freshness::Scope, json, not_found, read_one};

/// `GET /v1/messages/{wamid}`
pub(super) async fn one(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = MessageId::parse(&id).map_err(|_| not_found())?;
    let key = wire::topics::key(&Entity::Message(id.clone()));
    let scope = |projection: &crate::projection::Projection| {
        Scope::Partition(Stream::Receipts, projection.partition_of(&key))
    };
    let fresh = api.fresh(&headers, scope).await?;
    let reading = key.clone();
    let stored = read_one(&api, &fresh.projection, move |projection| {
        projection.store().state(&reading)
    })
    .await?;
    let decoded = stored.map(|stored| wire::decode_message(&stored.record));
    let Some(Ok(Record::State(stored))) = decoded else {
        return Ok(fresh.mark(not_found().into_response()));
    };
    let view = stored.state.view();
    let message = wire::json::Message {
        message_id: &id,
        view: &view,
        envelope: &stored.state.envelope,
    };
    Ok(fresh.mark(json(&message)?))
}
