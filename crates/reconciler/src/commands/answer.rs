//! How a request is answered: from its folded state alone, so that whoever asks again is answered the same.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chassis::problem::{CONTENT_TYPE, Problem};
use domain::{
    event::{Answer, MetaError, Operation},
    ids::RequestId,
    request::Request,
};
use graph::api::{Cause, Code};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use wire::json::RequestStatus;

use super::call::NO_CODE;
use crate::limits::{FAILED_RETRY, THROTTLED_RETRY};

const POSITION: HeaderName = HeaderName::from_static("rollcall-position");

/// The answer to a command: what Meta answered at first, whatever became of it since.
pub(crate) fn shown(id: &RequestId, request: &Request) -> Response {
    let mut first = request.clone();
    first.core.completed = None;
    let is_create = first.core.operation.as_ref();
    if is_create.is_some_and(|operation| operation.value == Operation::CreateGroup) {
        // Known by the webhook alone.
        first.core.group = None;
    }
    let mut response = match first.core.answered.as_ref().map(|register| &register.value) {
        Some(Answer::Refused(error)) => {
            let told = first.core.particulars.as_ref();
            let trace = told.and_then(|told| told.value.fbtrace_id.as_deref());
            refusal(error, trace, Some(id))
        }
        Some(Answer::Accepted | Answer::Unknown) | None => accepted(id, &first),
    };
    let headers = response.headers_mut();
    let location = HeaderValue::try_from(format!("/v1/requests/{id}"));
    headers.extend(location.ok().map(|location| (header::LOCATION, location)));
    let position = HeaderValue::try_from(request.envelope.position.to_string());
    headers.extend(position.ok().map(|position| (POSITION, position)));
    response
}

fn accepted(id: &RequestId, request: &Request) -> Response {
    let answer = wire::json::Request {
        request_id: id,
        request,
        outcome: None,
    };
    let mut body = serde_json::to_value(answer).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        for later in ["completed_at", "version", "position"] {
            body.remove(later);
        }
    }
    let status = if RequestStatus::of(request, None).is_pending() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    (status, axum::Json(body)).into_response()
}

/// A refusal of Meta's as a problem document, with Meta's own words.
pub(crate) fn refusal(
    error: &MetaError,
    fbtrace_id: Option<&str>,
    id: Option<&RequestId>,
) -> Response {
    let MetaError {
        code,
        title,
        details,
    } = error;
    let known = Code::of(*code);
    let cause = match known {
        Some(code) => code.cause(),
        // The call was never made: there was no connection.
        None if *code == NO_CODE => Cause::Transient,
        None => Cause::Unknown,
    };
    let status = status(*code, cause);
    let mut problem = json!({
        "type": format!("/problems/meta-{}", cause.as_str().replace('_', "-")),
        "title": &**title,
        "status": status.as_u16(),
        "code": (*code != NO_CODE).then_some(*code),
        "details": (!details.is_empty()).then_some(&**details),
        "class": cause.as_str(),
        "detail": known.map_or(
            "Look the code up on Meta's page of error codes: it is not one that is known here.",
            Code::advice,
        ),
    });
    if *code == NO_CODE {
        problem["detail"] = Value::from("Nothing was done: Meta could not be reached. Try again.");
    }
    if let Some(trace) = fbtrace_id {
        problem["fbtrace_id"] = Value::from(trace);
    }
    if let Some(id) = id {
        problem["request_id"] = Value::from(id.as_str());
    }
    let mut response = (status, problem.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Some(wait) = back_off(*code, cause) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    response
}

/// The status by what kind of trouble it is. Never 401 or 403: those are about the caller's own token.
fn status(code: i64, cause: Cause) -> StatusCode {
    match (code, cause) {
        (131_041, _) => StatusCode::NOT_FOUND,
        (131_207, _) | (_, Cause::Policy) => StatusCode::CONFLICT,
        (_, Cause::BadInput) => StatusCode::BAD_REQUEST,
        (_, Cause::Throttled) => StatusCode::TOO_MANY_REQUESTS,
        (_, Cause::Transient) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Cause::Auth | Cause::Unknown) => StatusCode::BAD_GATEWAY,
    }
}

/// When to ask again, where later helps.
fn back_off(code: i64, cause: Cause) -> Option<Duration> {
    match cause {
        // Meta's rule for one recipient: 4^n seconds.
        Cause::Throttled if code == 131_056 => Some(Duration::from_secs(4)),
        Cause::Throttled => Some(THROTTLED_RETRY),
        Cause::Transient => Some(FAILED_RETRY),
        Cause::BadInput | Cause::Auth | Cause::Policy | Cause::Unknown => None,
    }
}

/// The key was used for something else.
#[derive(Debug, Clone, Copy)]
struct KeyReused;

impl chassis::problem::Code for KeyReused {
    fn slug(&self) -> &'static str {
        "idempotency-key-reused"
    }

    fn status(&self) -> StatusCode {
        StatusCode::UNPROCESSABLE_ENTITY
    }

    fn title(&self) -> &'static str {
        "The Idempotency-Key was used for something else"
    }
}

/// Refuses a key that was used with another body.
pub(crate) fn conflict(id: &RequestId) -> Problem {
    Problem::new(KeyReused)
        .detail("within the last 24 hours this key came with another call or body: give this one a key of its own")
        .with("request_id", id.as_str())
}
