//! Traces: what one webhook, command or pass made happen, across services and the log, told by OTLP.
//!
//! Off while no endpoint is given; then everything here costs a look at a static, and nothing is allocated.
//! A span's context goes on with the log's records as the header `traceparent` ([W3C Trace Context]), so whoever folds a
//! record goes on with the trace that it came of. Names and attributes are words of closed sets and places in the log:
//! nothing of a person, as in logs.
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

use std::{borrow::Cow, future::Future, sync::OnceLock};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderMap, Uri},
    middleware::{self, Next},
    response::Response,
};
use clap::Args;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{
        FutureExt, SpanContext, SpanKind, Status, TraceContextExt, TraceState, Tracer,
        TracerProvider,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

use crate::{ConfigProblems, limits};

/// The header of records and requests.
pub const HEADER: &str = "traceparent";

/// Where OTLP over HTTP takes traces, below the endpoint (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Options about traces.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traces")]
pub struct TraceArgs {
    /// Where traces go: a collector that takes OTLP over HTTP, such as `http://localhost:4318` [default: nowhere]
    #[arg(
        long,
        env = "ROLLCALL_OTLP_ENDPOINT",
        value_name = "URL",
        global = true,
        value_parser = endpoint
    )]
    pub otlp_endpoint: Option<Uri>,

    /// Of how many traces that begin here all is told, 0 to 1; one that began elsewhere is told if it was there
    #[arg(
        long,
        env = "ROLLCALL_OTLP_SAMPLE",
        value_name = "SHARE",
        global = true,
        default_value_t = 0.01,
        value_parser = share
    )]
    pub otlp_sample: f64,
}

fn endpoint(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.authority().is_some() && uri.query().is_none() => Ok(uri),
        _ => Err("an http or https address is needed, such as http://localhost:4318".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1 is needed".to_owned())
}

/// What sends spans, until it is dropped.
#[derive(Debug)]
pub(crate) struct Sending(Option<SdkTracerProvider>);

/// Begins to send, if there is an endpoint; must not be called on a thread of a runtime.
///
/// Spans wait in a queue of a bounded length on a thread of their own: what a collector does not take is dropped, and nothing
/// waits for it.
///
/// # Errors
///
/// Where the exporter cannot be made, as with TLS that the system does not have.
pub(crate) fn install(
    service: &'static str,
    version: &'static str,
    args: &TraceArgs,
) -> Result<Sending, ConfigProblems> {
    let Some(endpoint) = &args.otlp_endpoint else {
        return Ok(Sending(None));
    };
    let base = endpoint.to_string();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}{PATH}", base.trim_end_matches('/')))
        .with_timeout(limits::TRACE_EXPORT)
        .build()
        .map_err(|error| ConfigProblems(vec![format!("--otlp-endpoint: {error}")]))?;
    let resource = Resource::builder()
        .with_service_name(format!("rollcall-{service}"))
        .with_attribute(KeyValue::new("service.version", version))
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(args.otlp_sample)));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    // The first stays, as with logging.
    let _already_there = TRACER.set(provider.tracer("rollcall"));
    Ok(Sending(Some(provider)))
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(provider) = &self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(limits::TRACE_FLUSH) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// Are traces sent?
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

/// The place of a span in its trace, as text: `00-<trace id>-<span id>-<flags>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent([u8; 55]);

impl TraceParent {
    /// One of version 00; `None` if it is none.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let bytes: [u8; 55] = value.try_into().ok()?;
        let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        let mut parts = bytes.split(|byte| *byte == b'-');
        let fits = parts.next() == Some(b"00")
            && [32, 16, 2].into_iter().all(|length| {
                parts
                    .next()
                    .is_some_and(|part| part.len() == length && part.iter().all(is_digit))
            });
        fits.then_some(Self(bytes))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Is it told of the trace's other spans?
    pub fn is_sampled(&self) -> bool {
        let [.., flags] = self.0;
        // The lowest bit of the two digits.
        matches!(flags, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f')
    }

    fn of(span: &SpanContext) -> Option<Self> {
        let flags = span.trace_flags().to_u8();
        let text = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
        span.is_valid()
            .then(|| Self::parse(text.as_bytes()))
            .flatten()
    }

    fn context(&self) -> Option<Context> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let span = SpanContext::new(
            TraceId::from_hex(text.get(3..35)?).ok()?,
            SpanId::from_hex(text.get(36..52)?).ok()?,
            TraceFlags::new(u8::from_str_radix(text.get(53..)?, 16).ok()?),
            true,
            TraceState::NONE,
        );
        span.is_valid()
            .then(|| Context::new().with_remote_span_context(span))
    }
}

/// What a span is to others (OpenTelemetry's `SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers a request.
    Server,
    /// Asks somebody else.
    Client,
    /// Takes a record of the log.
    Consumer,
    /// Begins by itself.
    Internal,
}

/// Something that takes its time, from its making to its drop.
#[derive(Clone, Debug)]
pub struct Span(Context);

/// A span below the current one, or the first of a trace; `None` where nothing is sent.
pub fn span(kind: Kind, name: impl Into<Cow<'static, str>>) -> Option<Span> {
    start(kind, name.into(), &Context::current())
}

/// A span below one that a record or a request names; `None` where nothing is sent, or nothing was there.
pub fn span_below(
    parent: &TraceParent,
    kind: Kind,
    name: impl Into<Cow<'static, str>>,
) -> Option<Span> {
    if !is_on() || !parent.is_sampled() {
        return None;
    }
    start(kind, name.into(), &parent.context()?)
}

fn start(kind: Kind, name: Cow<'static, str>, parent: &Context) -> Option<Span> {
    let tracer = TRACER.get()?;
    let kind = match kind {
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Consumer => SpanKind::Consumer,
        Kind::Internal => SpanKind::Internal,
    };
    let span = tracer.span_builder(name).with_kind(kind);
    let span = span.start_with_context(tracer, parent);
    Some(Span(parent.with_span(span)))
}

impl Span {
    /// Says something of it: `value` is a word of a closed set, or a number that is nobody's.
    pub fn set(&self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.0
            .span()
            .set_attribute(KeyValue::new(key, value.into()));
    }

    /// It did not do what it was for; `why` is a word of a closed set.
    pub fn fail(&self, why: &'static str) {
        self.set("error.type", why);
        self.0.span().set_status(Status::error(why));
    }

    /// Its place, for a header.
    pub fn traceparent(&self) -> Option<TraceParent> {
        TraceParent::of(self.0.span().span_context())
    }
}

/// The place of the span that is current, for a header.
pub fn current() -> Option<TraceParent> {
    if !is_on() {
        return None;
    }
    TraceParent::of(Context::current().span().span_context())
}

/// Runs a future with a span as the current one, which ends with it.
pub async fn within<F: Future>(span: Option<Span>, work: F) -> F::Output {
    match span {
        Some(Span(context)) => work.with_context(context).await,
        None => work.await,
    }
}

/// Keeps the current span for a future that somebody else will run.
pub fn carried<F: Future + Send>(work: F) -> impl Future<Output = F::Output> + Send {
    work.with_current_context()
}

/// Makes every request to a route a span, as [`of_request`] does.
///
/// To be put inside of whatever refuses strangers: they would decide what is told.
pub fn with_spans<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    if is_on() {
        router.layer(middleware::from_fn(answer))
    } else {
        router
    }
}

async fn answer(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
    // Of a closed set: anybody may send another.
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let Some(span) = of_request(request.headers(), format!("{method} {route}")) else {
        return next.run(request).await;
    };
    span.set("http.request.method", method);
    span.set("http.route", route);
    let response = within(Some(span.clone()), next.run(request)).await;
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail("5xx");
    }
    response
}

/// The answering of a request, below the span that its header names; `None` where nothing is sent.
///
/// The caller decides by its header whether the trace is told, so it must be known by now to be nobody who may not.
pub fn of_request(headers: &HeaderMap, name: impl Into<Cow<'static, str>>) -> Option<Span> {
    let parent = given(headers).and_then(|parent| parent.context());
    start(Kind::Server, name.into(), &parent.unwrap_or_default())
}

/// What a request's header names; none if there are two, for two readers might take one each.
pub fn given(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    TraceParent::parse(value.as_bytes())
}

#[cfg(test)]
mod tests;
