//! `/webhooks`: the handshake, and the POSTs (interfaces §2).
//!
//! A POST is answered 200 only after the log has every record made of it.
//! Everything that is refused is refused with an empty body or a problem document of fixed text:
//! nothing of a body, a token or a signature is ever echoed, logged or counted.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::{Bytes, BytesMut};
use chassis::{
    Clock,
    problem::{ErrorCode, Problem},
    trace::{self, Span, TraceParent},
};
use eventlog::{Class, Health, Log, Trouble};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use crate::{
    in_flight::Place,
    judge::Window,
    limits,
    metrics::Metrics,
    records::Topics,
    secrets::Secrets,
    signature,
    webhook::{self, Reading},
};

/// What every request needs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) secrets: Secrets,
    pub(crate) window: Window,
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    /// Set once the log has told its partitions; until then nothing can be taken.
    pub(crate) topics: OnceLock<Topics>,
    pub(crate) metrics: Metrics,
    /// Where an error goes that means a fault of our own: it ends the service.
    pub(crate) faults: mpsc::Sender<eventlog::Error>,
}

/// How a POST is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Over [`limits::BODY_BYTES_MAX`].
    TooLarge,
    /// Not signed with an app secret.
    Unsigned,
    /// Its content type is not JSON.
    NotJsonContent,
    /// Its body is not JSON.
    NotJson,
    /// Its body did not arrive in time.
    Slow,
    /// Its sender broke off.
    BrokenOff,
    /// The log does not take it now, or too much is in flight.
    Unavailable,
    /// A fault of our own.
    Internal,
}

impl Refusal {
    /// Word for traces.
    fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Unsigned => "unsigned",
            Self::NotJsonContent => "not_json_content",
            Self::NotJson => "not_json",
            Self::Slow => "slow",
            Self::BrokenOff => "broken_off",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

/// The route, for [`chassis::http::serve`].
pub(crate) fn router(app: Arc<App>) -> Router {
    let router = Router::new().route("/webhooks", any(webhooks));
    chassis::http::with_fallbacks(router).with_state(app)
}

async fn webhooks(State(app): State<Arc<App>>, request: Request) -> Response {
    let began = Instant::now();
    let (method, response) = if request.method() == Method::POST {
        ("POST", answer(app.receive(request).await))
    } else if request.method() == Method::GET {
        ("GET", app.handshake(request).await)
    } else {
        let allow = HeaderValue::from_static("GET, POST");
        let problem = Problem::new(ErrorCode::MethodNotAllowed).header(header::ALLOW, allow);
        ("other", problem.into_response())
    };
    app.metrics
        .answered(method, response.status(), began.elapsed());
    response
}

fn answer(outcome: Result<(), Refusal>) -> Response {
    let problem = match outcome {
        Ok(()) => return Response::new(Body::empty()),
        Err(Refusal::TooLarge) => Problem::new(ErrorCode::TooLarge),
        Err(Refusal::Unsigned) => {
            Problem::new(ErrorCode::Unauthenticated).detail("the signature is missing or wrong")
        }
        Err(Refusal::NotJsonContent) => Problem::new(ErrorCode::UnsupportedMediaType),
        Err(Refusal::NotJson) => Problem::new(ErrorCode::BadRequest).detail("not JSON"),
        Err(Refusal::Slow) => Problem::new(ErrorCode::TimedOut).status(StatusCode::REQUEST_TIMEOUT),
        Err(Refusal::BrokenOff) => Problem::new(ErrorCode::BadRequest).detail("the body broke off"),
        Err(Refusal::Unavailable) => {
            Problem::new(ErrorCode::Unavailable).retry_after(limits::RETRY_AFTER_SECONDS)
        }
        Err(Refusal::Internal) => Problem::new(ErrorCode::Internal),
    };
    problem.into_response()
}

impl App {
    async fn receive(&self, request: Request) -> Result<(), Refusal> {
        let (head, body) = request.into_parts();
        if content_length(&head.headers).is_some_and(|length| length > limits::BODY_BYTES_MAX) {
            return Err(Refusal::TooLarge);
        }
        let metrics = &self.metrics;
        let mut place = Place::new(&metrics.requests_in_flight, &metrics.bytes_in_flight);
        let body = tokio::time::timeout(limits::BODY_READ, collect(body, &mut place))
            .await
            .unwrap_or(Err(Refusal::Slow))?;
        if !place.take() {
            return Err(Refusal::Unavailable);
        }
        metrics.received(body.len());
        let (batch, tally, span) = self.read(&head.headers, &body)?;
        drop(body);
        let (began, records) = (Instant::now(), batch.len());
        if records > 0 {
            let appended = self.append(batch).await;
            if let (Some(span), Err(refusal)) = (&span, &appended) {
                span.fail(refusal.word());
            }
            appended?;
        }
        metrics.appended(&tally, records, began.elapsed());
        Ok(())
    }

    /// Is it Meta's, and what does it say? In the order of interfaces §2.
    /// A span begins where it is known to be: strangers decide nothing that is told.
    fn read(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(eventlog::Batch, crate::metrics::Tally, Option<Span>), Refusal> {
        let signature = only(headers, signature::HEADER).ok_or(Refusal::Unsigned)?;
        let body = self
            .secrets
            .keys()
            .verify(signature.as_bytes(), body)
            .ok_or(Refusal::Unsigned)?;
        if !is_json(headers) {
            return Err(Refusal::NotJsonContent);
        }
        let span = trace::of_request(headers, "POST /webhooks");
        // Without spans of our own, what was given goes on.
        let trace = match &span {
            Some(span) => span.traceparent(),
            None => trace::given(headers),
        };
        let reading = Reading {
            window: self.window,
            topics: self.topics.get().copied(),
            now_ms: i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX),
            traceparent: trace.as_ref().map(TraceParent::as_bytes),
        };
        match webhook::read(body, &reading) {
            Ok((batch, tally)) => Ok((batch, tally, span)),
            Err(webhook::Error::NotJson(_)) => Err(Refusal::NotJson),
            Err(webhook::Error::TopicsUnknown) => Err(Refusal::Unavailable),
        }
    }

    /// Waits until every record is durable.
    ///
    /// What was given up on may become durable all the same; then it comes twice, which does no harm.
    async fn append(&self, batch: eventlog::Batch) -> Result<(), Refusal> {
        let mut health = self.log.health_watch();
        if is_in_vain(*health.borrow_and_update()) {
            return Err(Refusal::Unavailable);
        }
        let appended = tokio::select! {
            biased;
            appended = tokio::time::timeout(limits::APPEND_WAIT, self.log.append(batch)) => appended,
            // Nor is it worth the wait for those that came just before the log was away.
            _lost = health.wait_for(|health| is_in_vain(*health)) => return Err(Refusal::Unavailable),
        };
        let Ok(appended) = appended else {
            return Err(Refusal::Unavailable);
        };
        let Err(error) = appended else { return Ok(()) };
        match error.class() {
            Class::Transient => {
                // Said once by the readiness check, and counted; here it would be said for every POST.
                tracing::debug!(error = %error, "a webhook was not taken");
                Err(Refusal::Unavailable)
            }
            Class::Permanent => {
                tracing::error!(error = %error, "the log refuses the records of a webhook for good");
                Err(Refusal::Internal)
            }
            Class::Bug => {
                // One is enough to end the service; of more there is nothing to tell.
                let _full = self.faults.try_send(error);
                Err(Refusal::Internal)
            }
        }
    }

    /// Meta asks whether this address is meant for it (reference §1.1).
    async fn handshake(&self, request: Request) -> Response {
        let Ok(Query(asked)) = Query::<Handshake>::try_from_uri(request.uri()) else {
            return Problem::new(ErrorCode::BadRequest).into_response();
        };
        let Handshake {
            mode,
            verify_token,
            challenge,
        } = asked;
        let fits = (1..=limits::CHALLENGE_BYTES_MAX).contains(&challenge.len());
        if mode != "subscribe" || !fits {
            return Problem::new(ErrorCode::BadRequest).into_response();
        }
        if !self.secrets.is_verify_token(&verify_token) {
            return Problem::new(ErrorCode::Forbidden)
                .detail("the verify token is wrong")
                .into_response();
        }
        let plain = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (plain, challenge).into_response()
    }
}

/// Would an append wait for a log that is known to be away? It is asked by others whether it is back.
fn is_in_vain(health: Health) -> bool {
    match health {
        Health::Ready => false,
        Health::InTrouble { since: _, trouble } => match trouble {
            Trouble::BrokersDown | Trouble::Refused(_) | Trouble::Stalled | Trouble::ClientLost => {
                true
            }
            // The disk answers at once, and only a write tells that it is well again.
            Trouble::Storage => false,
        },
    }
}

/// The query of the handshake; the dots are literal.
#[derive(serde::Deserialize)]
struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: String,
    #[serde(rename = "hub.verify_token")]
    verify_token: String,
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

/// The whole body, within the limits of one and of all.
async fn collect(mut body: Body, place: &mut Place<'_>) -> Result<Bytes, Refusal> {
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BrokenOff)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if !place.grow(data.len()) {
            return Err(Refusal::Unavailable);
        }
        if whole.len() + parts.len() + data.len() > limits::BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        // A body that comes in one piece, as most do, is not copied.
        if whole.is_empty() && parts.is_empty() {
            whole = data;
        } else {
            parts.extend_from_slice(&std::mem::take(&mut whole));
            parts.extend_from_slice(&data);
        }
    }
    Ok(if parts.is_empty() {
        whole
    } else {
        parts.freeze()
    })
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    // Digits that do not fit are more than any limit.
    Some(length.parse().unwrap_or(usize::MAX))
}

/// The value of a header that must not come twice: two readers might take one each.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// `application/json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    only(headers, header::CONTENT_TYPE.as_str())
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
