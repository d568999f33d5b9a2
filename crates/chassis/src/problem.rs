//! Problem documents (RFC 9457): how every refusal of an HTTP API looks.
//!
//! A service has one enum of its own codes that implements [`Code`];
//! [`ErrorCode`] is for what all services refuse alike.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{self, HeaderName},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Content type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A kind of problem: what stays the same every time it happens.
pub trait Code {
    /// The last part of its `type`, in kebab case: `not-found` gives `/problems/not-found`.
    fn slug(&self) -> &'static str;
    /// The status it answers with.
    fn status(&self) -> StatusCode;
    /// What it is, for people, the same every time.
    fn title(&self) -> &'static str;
}

/// Problems that every service has, in alphabetical order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not what the route takes.
    BadRequest,
    /// The token's role does not allow this.
    Forbidden,
    /// A fault of our own; the caller is told nothing of it.
    Internal,
    /// The route exists, but not with this method.
    MethodNotAllowed,
    /// There is no such route or thing.
    NotFound,
    /// The body is larger than the route takes.
    TooLarge,
    /// The request took longer than it may.
    TimedOut,
    /// No token, or none that is known.
    Unauthenticated,
    /// It would work at another time.
    Unavailable,
    /// The body's content type is not what the route takes.
    UnsupportedMediaType,
}

impl Code for ErrorCode {
    fn slug(&self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::Forbidden => "forbidden",
            Self::Internal => "internal",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotFound => "not-found",
            Self::TooLarge => "too-large",
            Self::TimedOut => "timed-out",
            Self::Unauthenticated => "unauthenticated",
            Self::Unavailable => "unavailable",
            Self::UnsupportedMediaType => "unsupported-media-type",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::TimedOut | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::BadRequest => "The request is not understood",
            Self::Forbidden => "This token does not allow it",
            Self::Internal => "A fault of the server",
            Self::MethodNotAllowed => "The route does not take this method",
            Self::NotFound => "There is no such thing",
            Self::TooLarge => "The body is too large",
            Self::TimedOut => "The request took too long",
            Self::Unauthenticated => "A valid token is needed",
            Self::Unavailable => "Not available at the moment",
            Self::UnsupportedMediaType => "The content type is not understood",
        }
    }
}

/// One problem document, and the answer that carries it.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this kind, with nothing yet said about this time.
    pub fn new(code: impl Code) -> Self {
        Self {
            kind: format!("/problems/{}", code.slug()),
            title: code.title(),
            status: code.status(),
            detail: None,
            extra: Map::new(),
            headers: Vec::new(),
        }
    }

    /// What happened this time. Seen by the caller: nothing internal.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A further member, such as Meta's `fbtrace_id`. Names of the standard members are not taken.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if !["type", "title", "status", "detail"].contains(&name) {
            self.extra.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Another status than the kind's own, for answers that pass a status on.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status it will answer with.
    pub fn status_code(&self) -> StatusCode {
        self.status
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A map with text keys always becomes JSON; if not, the status alone still says it.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let content_type = HeaderValue::from_static(CONTENT_TYPE);
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.extend(self.headers);
        response
    }
}

/// The fallback of a router: 404.
pub async fn not_found() -> Problem {
    Problem::new(ErrorCode::NotFound).detail("no such route")
}

/// The method fallback of a router: 405; the router adds `Allow`.
pub async fn method_not_allowed() -> Problem {
    Problem::new(ErrorCode::MethodNotAllowed)
}

fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}
