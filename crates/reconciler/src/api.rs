//! The command API: what people and programs may ask of the reconciler (interfaces §5).
//!
//! Any instance answers: what is asked for is appended as an event on the number, and the instance that owns it acts on it.
//! [`holds`] and [`pause`] are the interlock, [`reconcile`] a pass now or its plan; [`record`] is how a request becomes an event.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::{get, patch, post, put},
};
use chassis::{
    Ctx,
    auth::{Access, Role, protect},
    problem::{ErrorCode, Problem},
    trace,
};
use domain::{
    ids::{PhoneNumberId, Second},
    number::Number,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use crate::{
    append::Appender,
    budget::Budget,
    commands::Desk,
    limits::{BODY_BYTES_MAX, DRY_RUNS_MAX, PICTURE_BYTES_MAX, WAITERS_MAX},
    metrics::Metrics,
    snapshots::Snapshots,
    upstream::Read,
};

mod bodies;
mod commands;
mod groups;
mod holds;
mod live;
mod openapi;
mod pause;
mod reconcile;
mod record;

pub(crate) use openapi::show;

const POSITION: HeaderName = HeaderName::from_static("rollcall-position");

/// All routes, as method and path; the same as in the OpenAPI document.
pub const ROUTES: [(&str, &str); 23] = [
    ("GET", "/commands/openapi.json"),
    ("POST", "/v1/reconcile"),
    ("GET", "/v1/holds"),
    ("POST", "/v1/holds/{hold_id}/release"),
    ("GET", "/v1/numbers/{phone_number_id}/pause"),
    ("PUT", "/v1/numbers/{phone_number_id}/pause"),
    ("POST", "/v1/numbers/{phone_number_id}/groups"),
    ("POST", "/v1/numbers/{phone_number_id}/invites"),
    ("GET", "/v1/numbers/{phone_number_id}/live-groups"),
    ("PATCH", "/v1/groups/{group_id}"),
    ("DELETE", "/v1/groups/{group_id}"),
    ("PUT", "/v1/groups/{group_id}/picture"),
    ("GET", "/v1/groups/{group_id}/live"),
    ("GET", "/v1/groups/{group_id}/invite-link"),
    ("POST", "/v1/groups/{group_id}/invite-link"),
    ("DELETE", "/v1/groups/{group_id}/invite-link"),
    ("POST", "/v1/groups/{group_id}/participants/remove"),
    ("GET", "/v1/groups/{group_id}/join-requests"),
    ("POST", "/v1/groups/{group_id}/join-requests/approve"),
    ("POST", "/v1/groups/{group_id}/join-requests/reject"),
    ("POST", "/v1/groups/{group_id}/messages"),
    ("POST", "/v1/groups/{group_id}/messages/pin"),
    ("POST", "/v1/groups/{group_id}/messages/unpin"),
];

/// What the handlers need; clones share.
pub(crate) struct Api<R>(Arc<Inner<R>>);

/// What an [`Api`] is made of.
pub(crate) struct Parts<R> {
    pub(crate) ctx: Ctx,
    pub(crate) snapshots: Snapshots,
    /// Of the numbers in the settings.
    pub(crate) budgets: BTreeMap<PhoneNumberId, Budget>,
    /// There once the log was reached.
    pub(crate) appender: watch::Receiver<Option<Appender>>,
    pub(crate) upstream: Arc<R>,
    pub(crate) metrics: Metrics,
    /// `L`, in seconds.
    pub(crate) lag: Second,
    pub(crate) list_every: Duration,
    /// Where commands are done.
    pub(crate) desk: Desk,
    /// By what right callers act: their role, or `open` where no token is asked for.
    pub(crate) by: &'static str,
}

struct Inner<R> {
    parts: Parts<R>,
    dry_runs: Semaphore,
    waiters: Semaphore,
}

impl<R> Clone for Api<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Read> Api<R> {
    pub(crate) fn new(parts: Parts<R>) -> Self {
        Self(Arc::new(Inner {
            parts,
            dry_runs: Semaphore::new(DRY_RUNS_MAX),
            waiters: Semaphore::new(WAITERS_MAX),
        }))
    }

    /// The routes, guarded by role. In `standalone` they stand beside those of the query API, so the document has a path of its own.
    pub(crate) fn router(self, access: &Access) -> Router {
        let reading = Router::new()
            .route("/commands/openapi.json", get(openapi::show))
            .route("/v1/holds", get(holds::list::<R>))
            .route("/v1/numbers/{phone_number_id}/pause", get(pause::show::<R>));
        let operating = Router::new()
            .route("/v1/reconcile", post(reconcile::reconcile::<R>))
            .route("/v1/holds/{hold_id}/release", post(holds::release::<R>))
            .route("/v1/numbers/{phone_number_id}/pause", put(pause::set::<R>))
            .merge(Self::commands());
        let (reading, operating) = (trace::with_spans(reading), trace::with_spans(operating));
        protect(reading, access, Role::Read)
            .merge(protect(operating, access, Role::Operate))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self)
    }

    /// What calls Meta: also reads, for they take of the budget.
    fn commands() -> Router<Self> {
        let picture = DefaultBodyLimit::max(PICTURE_BYTES_MAX);
        let group = "/v1/groups/{group_id}";
        let of = |rest: &str| format!("{group}{rest}");
        let number = |rest: &str| format!("/v1/numbers/{{phone_number_id}}{rest}");
        Router::new()
            .route(&number("/groups"), post(groups::create::<R>))
            .route(&number("/invites"), post(groups::invite::<R>))
            .route(&number("/live-groups"), get(live::groups::<R>))
            .route(
                group,
                patch(groups::update::<R>).delete(groups::delete::<R>),
            )
            .route(&of("/picture"), put(groups::picture::<R>).layer(picture))
            .route(&of("/live"), get(live::group::<R>))
            .route(
                &of("/invite-link"),
                get(live::invite_link::<R>)
                    .post(groups::reset_link::<R>)
                    .delete(groups::revoke_link::<R>),
            )
            .route(&of("/participants/remove"), post(groups::remove::<R>))
            .route(&of("/join-requests"), get(live::join_requests::<R>))
            .route(&of("/join-requests/approve"), post(groups::approve::<R>))
            .route(&of("/join-requests/reject"), post(groups::reject::<R>))
            .route(&of("/messages"), post(groups::message::<R>))
            .route(&of("/messages/pin"), post(groups::pin::<R>))
            .route(&of("/messages/unpin"), post(groups::unpin::<R>))
    }

    fn parts(&self) -> &Parts<R> {
        &self.0.parts
    }

    /// Now, by our clock.
    fn now(&self) -> Second {
        i64::try_from(self.parts().ctx.clock.now_seconds()).unwrap_or(i64::MAX)
    }

    /// A number of the settings; others are not ours to act on.
    fn number(&self, id: &str) -> Result<PhoneNumberId, Problem> {
        let known = self.parts().budgets.keys();
        let mut known = known.filter(|number| number.as_str() == id);
        known.next().cloned().ok_or_else(|| {
            Problem::new(ErrorCode::NotFound).detail("no such number in --phone-number-id")
        })
    }

    /// Numbers of the settings, or the one that was named.
    fn numbers(&self, named: Option<&str>) -> Result<Vec<PhoneNumberId>, Problem> {
        match named {
            Some(named) => Ok(vec![self.number(named)?]),
            None => Ok(self.parts().budgets.keys().cloned().collect()),
        }
    }

    /// What is held of a number, which may be nothing yet.
    fn held(&self, number: &PhoneNumberId) -> Arc<Number> {
        let held = self.parts().snapshots.held().number(number);
        held.unwrap_or_default()
    }

    /// Refuses to answer from a view that is not read yet.
    fn check_ready(&self) -> Result<(), Problem> {
        if self.parts().snapshots.is_caught_up() {
            return Ok(());
        }
        Err(Problem::new(ErrorCode::Unavailable)
            .detail("the state topics are not read yet")
            .retry_after(1))
    }

    /// The positions up to which answers are true, where the projector told them.
    fn positions(&self) -> Option<HeaderValue> {
        let held = self.parts().snapshots.held();
        let positions: Vec<String> = held.progress().values().map(ToString::to_string).collect();
        HeaderValue::try_from(positions.join(","))
            .ok()
            .filter(|value| !value.is_empty())
    }
}

/// An answer in JSON, with a position.
fn json(status: StatusCode, position: Option<HeaderValue>, value: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(value) else {
        return Problem::new(ErrorCode::Internal).into_response();
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.extend(position.map(|position| (POSITION, position)));
    response
}

#[cfg(test)]
mod tests;
