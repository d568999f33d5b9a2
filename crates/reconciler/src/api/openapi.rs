//! The OpenAPI document of the command API.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

/// OpenAPI 3.1 of all routes, as JSON.
const OPENAPI: &str = include_str!("openapi.json");

/// `GET /commands/openapi.json`, and `GET /openapi.json` where no query API has it.
pub(crate) async fn show() -> Response {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], OPENAPI).into_response()
}
