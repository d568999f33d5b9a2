//! The control API: people act, traffic runs, faults are set, and the truth is told.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::{
    graph_http::{self, Call, Reply},
    limits::{
        CONTROL_BODY_BYTES_MAX, FLUSH_WAIT, FLUSH_WAIT_MAX, GRAPH_BODY_BYTES_MAX, SENT_PAGE_MAX,
        TRAFFIC_RATE_MAX, TRAFFIC_STEP_MAX,
    },
    model::acts::{Door, Refused},
    run::{Shared, lock},
    traffic::Crowd,
};

/// All routes: `/sim/…`, and everything else is the Graph API.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/sim/state", get(state))
        .route("/sim/counts", get(counts))
        .route("/sim/users/{wa_id}", put(describe))
        .route("/sim/users/{wa_id}/{act}", post(person))
        .route("/sim/groups/{group_id}/{act}", post(group))
        .route("/sim/traffic", post(traffic))
        .route("/sim/traffic/step", post(step))
        .route("/sim/faults", get(faults).put(set_faults))
        .route("/sim/templates/{name}", put(set_template))
        .route("/sim/webhook", put(set_webhook).post(set_webhook))
        .route("/sim/flush", post(flush))
        .route("/sim/sent", get(sent))
        .fallback(graph)
        .with_state(shared)
}

/// An answer of 4xx: `{"error": "<what>"}`.
struct Bad(StatusCode, String);

impl IntoResponse for Bad {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<Refused> for Bad {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::BadNumber => StatusCode::BAD_REQUEST,
            Refused::UnknownGroup
            | Refused::UnknownLink
            | Refused::UnknownPerson
            | Refused::UnknownMessage => StatusCode::NOT_FOUND,
            Refused::NumberTaken
            | Refused::TooManyPeople
            | Refused::AlreadyMember
            | Refused::NotMember
            | Refused::AlreadyAsked
            | Refused::NotAsked
            | Refused::GroupFull
            | Refused::GroupSuspended
            | Refused::NotSuspended
            | Refused::ApprovalRequired
            | Refused::NoApprovalNeeded
            | Refused::RemovedByBusiness
            | Refused::NotRecipient
            | Refused::AlreadyRead
            | Refused::AlreadyTold => StatusCode::CONFLICT,
        };
        Self(status, refused.to_string())
    }
}

async fn body<T: for<'de> Deserialize<'de>>(request: Request) -> Result<T, Bad> {
    let bytes = to_bytes(request.into_body(), CONTROL_BODY_BYTES_MAX)
        .await
        .map_err(|_| {
            Bad(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body too large or broken off".to_owned(),
            )
        })?;
    // An empty body is an empty object: some acts need nothing.
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(bytes).map_err(|error| Bad(StatusCode::BAD_REQUEST, error.to_string()))
}

async fn state(State(shared): State<Shared>) -> Json<Value> {
    Json(lock(&shared.world).truth())
}

async fn counts(State(shared): State<Shared>) -> Response {
    Json(shared.outbox.counts()).into_response()
}

/// Every field that an act of a person may need.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActBody {
    group_id: Option<String>,
    invite_link: Option<String>,
    text: Option<String>,
    message_id: Option<String>,
    wa_id: Option<String>,
    /// Of a message that fails for this person.
    code: Option<u32>,
}

/// The code of a message that does not reach its recipient, if the caller names no other.
const UNDELIVERABLE: u32 = 131_026;

fn needed(value: Option<String>, name: &str) -> Result<String, Bad> {
    value.ok_or_else(|| Bad(StatusCode::BAD_REQUEST, format!("{name} is missing")))
}

async fn person(
    State(shared): State<Shared>,
    Path((wa_id, act)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, Bad> {
    let body: ActBody = body(request).await?;
    let mut world = lock(&shared.world);
    let door = match (&body.group_id, &body.invite_link) {
        (Some(id), _) => Some(Door::Group(id.clone())),
        (None, Some(link)) => Some(Door::Link(link.clone())),
        (None, None) => None,
    };
    let door = door.ok_or_else(|| {
        Bad(
            StatusCode::BAD_REQUEST,
            "group_id or invite_link is missing".to_owned(),
        )
    });
    // A link also names a group for acts that need no link.
    let group_id = |door: Door| match door {
        Door::Group(id) => Ok(id),
        Door::Link(link) => world
            .group_of_link(&link)
            .map(|id| id.to_string())
            .ok_or(Refused::UnknownLink),
    };
    let answer = match act.as_str() {
        "join" => world.join(&wa_id, &door?)?,
        "request-join" => world.request_join(&wa_id, &door?)?,
        "leave" => {
            let id = group_id(door?)?;
            world.leave(&wa_id, &id)?
        }
        "cancel-request" => {
            let id = group_id(door?)?;
            world.cancel_request(&wa_id, &id)?
        }
        "message" => {
            let id = group_id(door?)?;
            let text = needed(body.text, "text")?;
            json!({"message_id": world.write(&wa_id, &id, &text)?})
        }
        "read" => world.read(&wa_id, &needed(body.message_id, "message_id")?)?,
        "deliver" | "play" => {
            let id = needed(body.message_id, "message_id")?;
            world.receive(&wa_id, &id, act == "play")?
        }
        "fail" => {
            let id = needed(body.message_id, "message_id")?;
            world.fail(&wa_id, &id, body.code.unwrap_or(UNDELIVERABLE))?
        }
        "change-number" => world.change_number(&wa_id, &needed(body.wa_id, "wa_id")?)?,
        _ => return Err(Bad(StatusCode::NOT_FOUND, "unknown act".to_owned())),
    };
    Ok(Json(answer))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribeBody {
    username: Option<String>,
    name: Option<String>,
    /// `US.ENT.…`; only people of enrolled businesses have one.
    parent_user_id: Option<String>,
}

/// Makes a person, or gives one a name and a username (null takes it away).
async fn describe(
    State(shared): State<Shared>,
    Path(wa_id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Bad> {
    let body: DescribeBody = body(request).await?;
    let mut world = lock(&shared.world);
    let person = world.describe(&wa_id, body.name, body.username, body.parent_user_id)?;
    Ok(Json(
        json!({"wa_id": person.wa_id, "user_id": person.user_id, "username": person.username}),
    ))
}

async fn group(
    State(shared): State<Shared>,
    Path((group_id, act)): Path<(String, String)>,
) -> Result<Json<Value>, Bad> {
    let suspended = match act.as_str() {
        "suspend" => true,
        "unsuspend" => false,
        _ => return Err(Bad(StatusCode::NOT_FOUND, "unknown act".to_owned())),
    };
    Ok(Json(
        lock(&shared.world).set_suspended(&group_id, suspended)?,
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateBody {
    language: Option<String>,
    status: Option<String>,
    category: Option<String>,
    /// Parameters of its body; absent is any number.
    parameters: Option<usize>,
}

/// A template of the account, in the state that Meta's reviewers gave it.
async fn set_template(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>, Bad> {
    let body: TemplateBody = body(request).await?;
    let language = body.language.as_deref().unwrap_or("en");
    let status = body.status.as_deref().unwrap_or("APPROVED");
    let category = body.category.as_deref().unwrap_or("UTILITY");
    if !["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"].contains(&status) {
        let text = "status must be APPROVED, PENDING, REJECTED, PAUSED or DISABLED";
        return Err(Bad(StatusCode::BAD_REQUEST, text.to_owned()));
    }
    lock(&shared.world)
        .set_template(&name, language, status, category, None, body.parameters)
        .map_err(|refusal| Bad(StatusCode::CONFLICT, refusal.details))?;
    Ok(Json(
        json!({"name": name, "language": language, "status": status, "category": category}),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrafficBody {
    events_per_second: f64,
}

async fn traffic(State(shared): State<Shared>, request: Request) -> Result<Json<Value>, Bad> {
    let TrafficBody { events_per_second } = body(request).await?;
    if !(0.0..=TRAFFIC_RATE_MAX).contains(&events_per_second) {
        return Err(Bad(
            StatusCode::BAD_REQUEST,
            "events_per_second must be from 0 to 100000".to_owned(),
        ));
    }
    shared.set_traffic(events_per_second);
    Ok(Json(json!({"events_per_second": events_per_second})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    acts: u64,
}

/// Lets people act a given number of times, at once: the same acts for the same seed, whatever the time.
async fn step(State(shared): State<Shared>, request: Request) -> Result<Json<Value>, Bad> {
    let StepBody { acts } = body(request).await?;
    if acts > TRAFFIC_STEP_MAX {
        return Err(Bad(
            StatusCode::BAD_REQUEST,
            "acts must be at most 100000".to_owned(),
        ));
    }
    let mut world = lock(&shared.world);
    let mut crowd = Crowd::default();
    let before = world.emitted();
    for _ in 0..acts {
        crowd.act(&mut world);
    }
    Ok(Json(
        json!({"acts": acts, "events": world.emitted() - before}),
    ))
}

async fn faults(State(shared): State<Shared>) -> Response {
    let faults = lock(&shared.world).faults.clone();
    Json(faults).into_response()
}

async fn set_faults(State(shared): State<Shared>, request: Request) -> Result<Response, Bad> {
    let change: Value = body(request).await?;
    let faults = shared
        .set_faults(&change)
        .map_err(|error| Bad(StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(Json(faults).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookBody {
    url: Option<String>,
    verify_token: Option<String>,
}

/// Sets where webhooks go; with a verify token only after the handshake of reference 1.1. Null holds them back.
async fn set_webhook(State(shared): State<Shared>, request: Request) -> Result<Json<Value>, Bad> {
    let WebhookBody { url, verify_token } = body(request).await?;
    let url: Option<Url> = url
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| Bad(StatusCode::BAD_REQUEST, "url is not a URL".to_owned()))?;
    if let (Some(url), Some(token)) = (&url, &verify_token) {
        shared
            .handshake(url, token)
            .await
            .map_err(|what| Bad(StatusCode::BAD_GATEWAY, what.to_owned()))?;
    }
    shared.outbox.set_target(url.clone());
    Ok(Json(json!({"url": url.map(String::from)})))
}

/// Seconds from a query, within a limit.
fn seconds(query: &BTreeMap<String, String>) -> Result<Duration, Bad> {
    let Some(text) = query.get("timeout_seconds") else {
        return Ok(FLUSH_WAIT);
    };
    let wait = text
        .parse()
        .ok()
        .map(Duration::from_secs)
        .filter(|wait| *wait <= FLUSH_WAIT_MAX);
    wait.ok_or_else(|| {
        Bad(
            StatusCode::BAD_REQUEST,
            "timeout_seconds must be from 0 to 3600".to_owned(),
        )
    })
}

async fn flush(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Bad> {
    let limit = seconds(&query)?;
    lock(&shared.world).complete_all();
    Ok(match shared.outbox.flush(limit).await {
        Ok(counts) => Json(counts).into_response(),
        Err(counts) => {
            let body =
                json!({"error": "not everything was answered 200 in time", "counts": counts});
            (StatusCode::GATEWAY_TIMEOUT, Json(body)).into_response()
        }
    })
}

async fn sent(
    State(shared): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Bad> {
    let after = match query.get("after") {
        None => 0,
        Some(text) => text
            .parse()
            .map_err(|_| Bad(StatusCode::BAD_REQUEST, "after must be a number".to_owned()))?,
    };
    match shared.outbox.sent(after) {
        Ok(lines) => Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()),
        Err(first) => {
            let text = format!(
                "bodies before {first} are no longer kept; ask in time, {SENT_PAGE_MAX} come at once"
            );
            Err(Bad(StatusCode::GONE, text))
        }
    }
}

async fn graph(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, GRAPH_BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call::new(parts.method, &parts.uri, parts.headers, body, &shared.url);
    let Reply {
        response,
        wait,
        is_cut,
    } = {
        let mut world = lock(&shared.world);
        graph_http::answer(&mut world, &call, &shared.tokens)
    };
    tokio::time::sleep(wait).await;
    if is_cut { graph_http::cut() } else { response }
}
