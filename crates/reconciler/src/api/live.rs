//! Reads straight from Meta, for whoever wants to see what it says now; they take of the same budget.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::{
    extract::{Path, Query},
    problem::{ErrorCode, Problem},
};
use domain::{
    event::{About, GroupEvent, MetaError, Source},
    ids::{GroupId, PhoneNumberId, Text},
};
use graph::api::{self, Client, Person};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::json::Time;

use super::{Api, commands::unavailable};
use crate::{
    append::event,
    commands::{denied, refusal, told},
    limits::{LIST_PAGE, RECORD_WAIT},
    upstream::{self, Read},
};

/// Which number, and which page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    phone_number_id: Option<String>,
    cursor: Option<String>,
    limit: Option<u16>,
}

/// `GET /v1/numbers/{phone_number_id}/live-groups`
pub(super) async fn groups<R: Read>(
    State(api): State<Api<R>>,
    Path(number): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, Problem> {
    let number = api.number(&number)?;
    let limit = options.limit.unwrap_or(100);
    if !(1..=LIST_PAGE).contains(&limit) {
        return Err(
            Problem::new(ErrorCode::BadRequest).detail(format!("limit is 1 to {LIST_PAGE}"))
        );
    }
    let after = options.cursor.as_deref();
    let read = async |client: Client| client.list_groups(number.as_str(), limit, after).await;
    let page = match read_of(&api, &number, "list", read).await? {
        Ok(answer) => answer.value,
        Err(refused) => return Ok(refused),
    };
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|group| {
            json!({
                "group_id": group.id,
                "subject": group.subject,
                "created_at": group.created_at.map(Time),
            })
        })
        .collect();
    Ok(ok(&json!({"items": items, "next_cursor": page.next})))
}

/// `GET /v1/groups/{group_id}/live`
pub(super) async fn group<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, Problem> {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let read = async |client: Client| client.group(&group_id).await;
    let info = match read_of(&api, &number, "group", read).await? {
        Ok(answer) => answer.value,
        Err(refused) => return Ok(refused),
    };
    let participants = info.participants.as_ref();
    let participants: Option<Vec<Value>> =
        participants.map(|people| people.iter().map(person).collect());
    Ok(ok(&json!({
        "group_id": info.id.as_deref().unwrap_or(&group_id),
        "phone_number_id": number.as_str(),
        "subject": info.subject,
        "description": info.description,
        "join_approval_mode": info.join_approval_mode,
        "suspended": info.suspended,
        "created_at": info.creation_timestamp.map(Time),
        "participants": participants,
        "participant_count": info.total_participant_count,
    })))
}

/// `GET /v1/groups/{group_id}/invite-link`
pub(super) async fn invite_link<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, Problem> {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let read = async |client: Client| client.invite_link(&group_id).await;
    let answer = match read_of(&api, &number, "invite_link", read).await? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    let link = answer.value;
    if let (Some(at), Ok(id)) = (answer.sent.t0, GroupId::parse(&group_id)) {
        let invite_link = Text::new(link.as_deref().unwrap_or_default());
        let about = About::Group(id, GroupEvent::InviteLinkAnswered { invite_link });
        let event = event(&number, at, Source::Command, about);
        let appender = api.parts().appender.borrow().clone();
        let appender = appender.ok_or_else(|| unavailable("the log is not reached yet"))?;
        let recorded = api
            .parts()
            .ctx
            .clock
            .timeout(RECORD_WAIT, appender.record(&event));
        if !matches!(recorded.await, Ok(Ok(Some(_)))) {
            tracing::warn!("an invite link that was read could not be recorded");
        }
    }
    Ok(ok(&json!({"group_id": group_id, "invite_link": link})))
}

/// `GET /v1/groups/{group_id}/join-requests`
pub(super) async fn join_requests<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, Problem> {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let after = options.cursor.as_deref();
    let read = async |client: Client| client.join_requests(&group_id, after).await;
    let page = match read_of(&api, &number, "join_requests", read).await? {
        Ok(answer) => answer.value,
        Err(refused) => return Ok(refused),
    };
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|item| {
            let mut shown = person(&item.person);
            shown["join_request_id"] = json!(item.join_request_id);
            shown["requested_at"] = json!(item.creation_timestamp.map(Time));
            shown
        })
        .collect();
    Ok(ok(&json!({"items": items, "next_cursor": page.next})))
}

fn person(person: &Person<'static>) -> Value {
    json!({
        "wa_id": person.wa_id,
        "user_id": person.user_id,
        "parent_user_id": person.parent_user_id,
        "username": person.username,
    })
}

fn ok(value: &Value) -> Response {
    (StatusCode::OK, axum::Json(value)).into_response()
}

/// Reads once; what Meta refuses is an answer.
async fn read_of<R: Read, T>(
    api: &Api<R>,
    number: &PhoneNumberId,
    kind: &'static str,
    read: impl AsyncFnOnce(Client) -> Result<api::Answer<T>, api::Error>,
) -> Result<Result<api::Answer<T>, Response>, Problem> {
    let parts = api.parts();
    let budget = parts.budgets.get(number).ok_or(ErrorCode::NotFound)?;
    let client = parts.upstream.client();
    let client = client.ok_or_else(|| unavailable("there is no client of Meta's API"))?;
    let clock = &parts.ctx.clock;
    budget
        .take_for_command(clock.monotonic_ms())
        .map_err(denied)?;
    let answered = upstream::traced(kind, read(client)).await;
    parts.metrics.calls.add(kind, 1);
    told(budget, &answered, clock.monotonic_ms());
    Ok(answered.map_err(|error| {
        parts.metrics.refusals.add(error.as_str(), 1);
        let said = error.refused();
        let text = |text: Option<&str>| text.map(Text::new).unwrap_or_default();
        let shown = MetaError {
            code: error.code().unwrap_or(-1),
            title: said.map_or_else(
                || Text::from(error.to_string()),
                |refused| text(refused.title()),
            ),
            details: text(said.and_then(|refused| refused.details.reveal())),
        };
        let trace = said.and_then(|refused| refused.fbtrace_id.as_deref());
        refusal(&shown, trace, None)
    }))
}
