//! The query API: all of interfaces §4.

mod digests;
mod freshness;
mod groups;
mod history;
mod messages;
mod numbers;
mod openapi;
mod paging;
mod requests;
mod scan;
mod usage;
mod watch;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chassis::{
    Ctx,
    auth::{Access, Role, protect},
    problem::{ErrorCode, Problem},
};
use domain::ids::Second;
use http::{HeaderValue, header};
use serde::Serialize;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch as channel},
};

use crate::{
    limits::{BODY_BYTES_MAX, REQUESTS_MAX, SCANS_MAX, WAITERS_MAX, WATCHERS_MAX},
    metrics::{Metrics, RouteLabels},
    projection::Projection,
    store,
};

/// What every handler needs; a cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: channel::Receiver<Option<Projection>>,
    ctx: Ctx,
    read_wait: Duration,
    metrics: Metrics,
    requests: Semaphore,
    waiters: Semaphore,
    scans: Semaphore,
    /// Reads on threads of the runtime: one thread less than it has.
    in_place: Semaphore,
    watchers: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(
        current: channel::Receiver<Option<Projection>>,
        ctx: Ctx,
        read_wait: Duration,
        metrics: Metrics,
    ) -> Self {
        let threads = Handle::current().metrics().num_workers();
        Self(Arc::new(Inner {
            current,
            ctx,
            read_wait,
            metrics,
            requests: Semaphore::new(REQUESTS_MAX),
            waiters: Semaphore::new(WAITERS_MAX),
            scans: Semaphore::new(SCANS_MAX),
            in_place: Semaphore::new(threads.saturating_sub(1)),
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
        }))
    }

    /// Now, in seconds: what is told of ages, and of nothing else.
    fn now(&self) -> Second {
        i64::try_from(self.0.ctx.clock.now_seconds()).unwrap_or(i64::MAX)
    }

    /// What there is to see, if anything.
    fn projection(&self) -> Result<Projection, Problem> {
        let current = self.0.current.borrow().clone();
        current.ok_or_else(|| {
            Problem::new(ErrorCode::Unavailable)
                .detail("the projection is being read from the log")
                .retry_after(1)
        })
    }
}

/// Every method with its path; `openapi.json` has the same, which a test holds.
pub const ROUTES: [(&str, &str); 15] = [
    ("get", "/"),
    ("get", "/openapi.json"),
    ("get", "/v1/agreement"),
    ("get", "/v1/digests"),
    ("get", "/v1/groups"),
    ("post", "/v1/groups/search"),
    ("get", "/v1/groups/{group_id}"),
    ("get", "/v1/groups/{group_id}/changes"),
    ("get", "/v1/groups/{group_id}/explain"),
    ("get", "/v1/messages/{wamid}"),
    ("get", "/v1/numbers"),
    ("get", "/v1/numbers/{phone_number_id}"),
    ("get", "/v1/requests/{request_id}"),
    ("get", "/v1/usage"),
    ("get", "/v1/watch"),
];

/// All routes, guarded, without fallbacks.
pub(crate) fn router(api: Api, access: &Access) -> Router {
    let router = Router::new()
        .route("/", get(openapi::front))
        .route("/openapi.json", get(openapi::document))
        .route("/v1/agreement", get(numbers::agreement))
        .route("/v1/digests", get(digests::digests))
        .route("/v1/groups", get(groups::list))
        .route("/v1/groups/search", post(groups::search))
        .route("/v1/groups/{group_id}", get(groups::one))
        .route("/v1/groups/{group_id}/changes", get(history::changes))
        .route("/v1/groups/{group_id}/explain", get(groups::explain))
        .route("/v1/messages/{wamid}", get(messages::one))
        .route("/v1/numbers", get(numbers::list))
        .route("/v1/numbers/{phone_number_id}", get(numbers::one))
        .route("/v1/requests/{request_id}", get(requests::one))
        .route("/v1/usage", get(usage::usage))
        .route("/v1/watch", get(watch::watch))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let router = protect(chassis::trace::with_spans(router), access, Role::Read);
    chassis::http::with_timeout(router, chassis::limits::REQUEST)
        .route_layer(middleware::from_fn_with_state(api.clone(), bounded))
        .with_state(api)
}

/// Refuses what is too much at once. What waits for a position has a limit of its own, and watchers too.
async fn bounded(State(api): State<Api>, request: Request, next: Next) -> Response {
    let waits = request.headers().contains_key(freshness::AT_LEAST);
    let places = if waits {
        &api.0.waiters
    } else {
        &api.0.requests
    };
    let Ok(_place) = places.try_acquire() else {
        return Problem::new(ErrorCode::Unavailable)
            .detail("too many requests at once")
            .retry_after(1)
            .into_response();
    };
    let path = request.extensions().get::<MatchedPath>();
    let route = path.and_then(|path| ROUTES.iter().find(|(_, known)| *known == path.as_str()));
    let started = Instant::now();
    let response = next.run(request).await;
    if let Some((_, route)) = route.filter(|(_, route)| *route != "/v1/watch") {
        api.0
            .metrics
            .request_seconds
            .get_or_create(&RouteLabels { route })
            .observe(started.elapsed().as_secs_f64());
    }
    response
}

/// An answer in JSON.
fn json(body: &impl Serialize) -> Result<Response, Problem> {
    // What is serialised has text keys and finite numbers only.
    let body = serde_json::to_vec(body).map_err(|_| Problem::new(ErrorCode::Internal))?;
    let mut response = body.into_response();
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn not_found() -> Problem {
    Problem::new(ErrorCode::NotFound)
}

fn bad(detail: &'static str) -> Problem {
    Problem::new(ErrorCode::BadRequest).detail(detail)
}

/// Reads one entity.
///
/// In place, for a change of threads takes longer than most such reads; elsewhere if no thread would be left that surely does not wait
/// for a disk.
async fn read_one<T: Send + 'static>(
    api: &Api,
    projection: &Projection,
    work: impl FnOnce(&Projection) -> Result<T, store::Error> + Send + 'static,
) -> Result<T, Problem> {
    let Ok(_place) = api.0.in_place.try_acquire() else {
        return read(projection, work).await;
    };
    work(projection).map_err(|error| failed(projection, error))
}

/// Reads the store on a thread that may block.
async fn read<T: Send + 'static>(
    projection: &Projection,
    work: impl FnOnce(&Projection) -> Result<T, store::Error> + Send + 'static,
) -> Result<T, Problem> {
    let working = projection.clone();
    let outcome = tokio::task::spawn_blocking(move || work(&working)).await;
    // The panic hook has logged it; it is ours, for panics of the store are errors.
    let outcome = outcome.map_err(|_| Problem::new(ErrorCode::Internal))?;
    outcome.map_err(|error| failed(projection, error))
}

/// A store that fails takes the projection with it, and the caller may come again.
fn failed(projection: &Projection, error: store::Error) -> Problem {
    projection.fail(error);
    Problem::new(ErrorCode::Unavailable)
        .detail("the store is being made anew")
        .retry_after(1)
}
