//! A collector of traces: takes what services send by OTLP over HTTP, and keeps it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use harness::await_until;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message;
use tokio::runtime::Runtime;

use crate::services::READY_WITHIN;

/// One span, as it came.
#[derive(Debug, Clone)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    /// Empty where it did not fail.
    pub failed: String,
    pub nanoseconds: u64,
}

type Spans = Arc<Mutex<Vec<Span>>>;

#[derive(Debug)]
pub struct Collector {
    pub endpoint: String,
    spans: Spans,
    _runtime: Runtime,
}

impl Collector {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let spans = Spans::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            endpoint,
            spans,
            _runtime: runtime,
        }
    }

    /// What a service is started with, so that all its traces are told here.
    pub fn options(&self) -> [String; 2] {
        [
            format!("--otlp-endpoint={}", self.endpoint),
            "--otlp-sample=1".to_owned(),
        ]
    }

    /// How many came of each kind.
    fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for span in self.spans() {
            let event = span.attributes.get("rollcall.event");
            let event = event.map_or("", String::as_str);
            let kind = format!("{} {} {event}", span.service, span.name);
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }

    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// Waits for a span, and gives the first that is it.
    pub fn await_span(&self, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
        let find = || self.spans().into_iter().find(|span| is_it(span));
        match await_until(READY_WITHIN, what, find) {
            Ok(span) => span,
            Err(error) => panic!("{error}; seen are {:#?}", self.kinds()),
        }
    }
}

async fn take(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) -> Vec<u8> {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.unwrap_or_default();
        let service = attributes(&resource.attributes)["service.name"].clone();
        let all = of_resource.scope_spans.into_iter();
        for span in all.flat_map(|of_scope| of_scope.spans) {
            spans.lock().unwrap().push(Span {
                service: service.clone(),
                name: span.name,
                trace: hex::encode(span.trace_id),
                id: hex::encode(span.span_id),
                parent: hex::encode(span.parent_span_id),
                attributes: attributes(&span.attributes),
                failed: span.status.map(|status| status.message).unwrap_or_default(),
                nanoseconds: span.end_time_unix_nano - span.start_time_unix_nano,
            });
        }
    }
    // An answer without a rejection is an empty message.
    Vec::new()
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| {
        let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
        match value {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            other => format!("{other:?}"),
        }
    };
    let each = pairs.iter().map(|pair| (pair.key.clone(), text(pair)));
    each.collect()
}
