//! One management request, by our id or by Meta's.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::{extract::Path, problem::Problem};
use domain::{
    ids::{Entity, RequestId},
    position::Stream,
    request::Request,
};
use http::HeaderMap;
use wire::Record;

use super::{Api, freshness::Scope, json, not_found, read_one};
use crate::{projection::Projection, store};

/// `GET /v1/requests/{request_id}`
pub(super) async fn one(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = RequestId::parse(&id).map_err(|_| not_found())?;
    // Ours and Meta's lie in partitions of their own.
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let found = read_one(&api, &fresh.projection, move |projection| {
        find(projection, id)
    })
    .await?;
    let Some((request_id, request, outcome)) = found else {
        return Ok(fresh.mark(not_found().into_response()));
    };
    let answer = wire::json::Request {
        request_id: &request_id,
        request: &request,
        outcome: outcome.as_ref(),
    };
    Ok(fresh.mark(json(&answer)?))
}

type Found = (RequestId, Request, Option<Request>);

/// The request of ours, joined with what Meta's webhook said under Meta's id; asked for by either.
fn find(projection: &Projection, id: RequestId) -> Result<Option<Found>, store::Error> {
    let ours = projection
        .index()
        .read()
        .by_meta_id
        .get(id.as_str())
        .cloned();
    let ours = ours.and_then(|ours| RequestId::parse(&ours).ok());
    let id = ours.unwrap_or(id);
    let Some(request) = request(projection, &id)? else {
        return Ok(None);
    };
    let meta = request.core.meta_request_id.as_ref();
    let meta = meta.and_then(|meta| RequestId::parse(&meta.value).ok());
    let outcome = match meta.filter(|meta| *meta != id) {
        Some(meta) => self::request(projection, &meta)?,
        None => None,
    };
    Ok(Some((id, request, outcome)))
}

fn request(projection: &Projection, id: &RequestId) -> Result<Option<Request>, store::Error> {
    let key = wire::topics::key(&Entity::Request(id.clone()));
    let stored = projection.store().state(&key)?;
    Ok(
        match stored.map(|stored| wire::decode_request(&stored.record)) {
            Some(Ok(Record::State(stored))) => Some(stored.state),
            Some(Ok(Record::Progress(_) | Record::Unknown) | Err(_)) | None => None,
        },
    )
}
