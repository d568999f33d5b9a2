//! The description of the API, and a line for who comes with a browser.

use axum::{extract::State, response::IntoResponse, response::Response};
use chassis::problem::Problem;
use http::{HeaderMap, HeaderValue, header};

use super::{Api, freshness::Scope};

/// OpenAPI 3.1.
pub(crate) const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn document(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(marked(&api, &headers, "application/json", DOCUMENT).await)
}

/// `GET /`
pub(super) async fn front(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let line = "Rollcall, the query API: it is described at /openapi.json\n";
    Ok(marked(&api, &headers, "text/plain; charset=utf-8", line).await)
}

/// These are answered also while there is nothing to see.
async fn marked(
    api: &Api,
    headers: &HeaderMap,
    kind: &'static str,
    body: &'static str,
) -> Response {
    let mut response = body.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    match api.fresh(headers, |_| Scope::All).await {
        Ok(fresh) => fresh.mark(response),
        Err(_) => response,
    }
}
