//! The commands' routes: each makes a [`Command`] of path and body, and no more.

use axum::{
    body::Bytes,
    extract::{State, rejection::BytesRejection},
    response::Response,
};
use chassis::{
    extract::{Json, Path, Query},
    problem::{ErrorCode, Problem},
};
use graph::api::{Command, Picture, Recipient};
use http::HeaderMap;

use super::{
    Api,
    bodies::{Create, Decide, Invite, Message, Pin, Remove, Unpin, Update},
    commands::{Options, invalid},
};
use crate::upstream::Read;

type Answer = Result<Response, Problem>;

/// `POST /v1/numbers/{phone_number_id}/groups`
pub(super) async fn create<R: Read>(
    State(api): State<Api<R>>,
    Path(number): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Create>,
) -> Answer {
    let number = api.number(&number)?;
    let join_approval_mode = body.mode().map_err(invalid)?;
    let command = Command::Create {
        phone_number_id: number.to_string(),
        subject: body.subject,
        description: body.description,
        join_approval_mode,
    };
    api.command(&headers, &options, number, command).await
}

/// `POST /v1/numbers/{phone_number_id}/invites`
pub(super) async fn invite<R: Read>(
    State(api): State<Api<R>>,
    Path(number): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Invite>,
) -> Answer {
    let number = api.number(&number)?;
    let command = Command::SendInvite {
        phone_number_id: number.to_string(),
        to: Recipient::parse(&body.to).map_err(invalid)?,
        group_id: body.group_id,
        template: body.template.name,
        language: body.template.language.code,
        parameters: body.parameters,
    };
    api.command(&headers, &options, number, command).await
}

/// `PATCH /v1/groups/{group_id}`
pub(super) async fn update<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Update>,
) -> Answer {
    let Update {
        subject,
        description,
    } = body;
    let command = |group_id| Command::Update {
        group_id,
        subject,
        description,
        picture: None,
    };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `PUT /v1/groups/{group_id}/picture`
pub(super) async fn picture<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let body = body.map_err(|_| ErrorCode::TooLarge)?;
    let picture = Picture::new(body).map_err(invalid)?;
    let command = |group_id| Command::Update {
        group_id,
        subject: None,
        description: None,
        picture: Some(picture),
    };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `DELETE /v1/groups/{group_id}`
pub(super) async fn delete<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Answer {
    let command = |group_id| Command::Delete { group_id };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `POST /v1/groups/{group_id}/invite-link`
pub(super) async fn reset_link<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Answer {
    let command = |group_id| Command::ResetInviteLink { group_id };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `DELETE /v1/groups/{group_id}/invite-link`
pub(super) async fn revoke_link<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Answer {
    let command = |group_id| Command::RevokeInviteLink { group_id };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `POST /v1/groups/{group_id}/participants/remove`
pub(super) async fn remove<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Remove>,
) -> Answer {
    let participants = body.participants().map_err(invalid)?;
    let command = |group_id| Command::RemoveParticipants {
        group_id,
        participants,
    };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `POST /v1/groups/{group_id}/join-requests/approve`
pub(super) async fn approve<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(Decide { join_requests }): Json<Decide>,
) -> Answer {
    let command = |group_id| Command::ApproveJoinRequests {
        group_id,
        join_requests,
    };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `POST /v1/groups/{group_id}/join-requests/reject`
pub(super) async fn reject<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(Decide { join_requests }): Json<Decide>,
) -> Answer {
    let command = |group_id| Command::RejectJoinRequests {
        group_id,
        join_requests,
    };
    of_group(&api, &headers, &options, group_id, command).await
}

/// `POST /v1/groups/{group_id}/messages`
pub(super) async fn message<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Message>,
) -> Answer {
    let (content, reply_to) = body
        .content()
        .map_err(|why| Problem::new(ErrorCode::BadRequest).detail(why))?;
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let command = Command::SendMessage {
        phone_number_id: number.to_string(),
        group_id,
        content,
        reply_to,
    };
    api.command(&headers, &options, number, command).await
}

/// `POST /v1/groups/{group_id}/messages/pin`
pub(super) async fn pin<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(body): Json<Pin>,
) -> Answer {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let Pin {
        message_id,
        expiration_days,
    } = body;
    let command = Command::Pin {
        phone_number_id: number.to_string(),
        group_id,
        message_id,
        expiration_days,
    };
    api.command(&headers, &options, number, command).await
}

/// `POST /v1/groups/{group_id}/messages/unpin`
pub(super) async fn unpin<R: Read>(
    State(api): State<Api<R>>,
    Path(group_id): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    Json(Unpin { message_id }): Json<Unpin>,
) -> Answer {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    let command = Command::Unpin {
        phone_number_id: number.to_string(),
        group_id,
        message_id,
    };
    api.command(&headers, &options, number, command).await
}

async fn of_group<R: Read>(
    api: &Api<R>,
    headers: &HeaderMap,
    options: &Options,
    group_id: String,
    command: impl FnOnce(String) -> Command,
) -> Answer {
    let number = api.number_of(&group_id, options.phone_number_id.as_deref())?;
    api.command(headers, options, number, command(group_id))
        .await
}
