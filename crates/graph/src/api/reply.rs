//! What commands are answered with, read leniently: the guide documents less than Meta sends.

use std::fmt;

use super::{Code, Command, Completion};
use crate::{
    json::Value,
    webhook::{ItemError, Person, Refusal, read},
};

/// The answer to a command, by [`Command::completion`] and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Accepted; a webhook tells the outcome.
    Accepted(Accepted),
    /// The new invite link, of a reset.
    InviteLink(InviteLink),
    /// Done, of a revocation.
    Done,
    /// What became of each join request.
    Decided(Decided),
    /// The message is on its way; statuses follow.
    Sent(SentMessage),
}

/// Accepted by Meta, to be completed by webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// What the webhook will carry; not all of Meta's pages promise one, so it may be missing.
    pub request_id: Option<String>,
    /// Meta said at once that it can be done only in part (HTTP 206 or code 131201).
    pub is_partial: bool,
    /// Errors of the call as a whole.
    pub errors: Vec<ItemError<'static>>,
}

/// A group's invite link. Whoever has it can join, so Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteLink(pub String);

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What became of the join requests that a call named, each in exactly one of the lists.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// Approved or rejected, in the order asked.
    pub done: Vec<String>,
    /// Not done, each with its errors (perhaps none), in the order asked.
    pub failed: Vec<FailedJoinRequest>,
    /// Of which the answer says nothing, in the order asked: to be listed again.
    pub untold: Vec<String>,
    /// Errors of the call as a whole.
    pub errors: Vec<ItemError<'static>>,
}

impl fmt::Debug for Decided {
    /// Counts alone: the ids hold phone numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided")
            .field("done", &self.done.len())
            .field("failed", &self.failed.len())
            .field("untold", &self.untold.len())
            .finish_non_exhaustive()
    }
}

/// A join request that was not decided.
#[derive(Clone, PartialEq, Eq)]
pub struct FailedJoinRequest {
    /// Holds a phone number.
    pub join_request_id: String,
    /// Why; Meta may say nothing.
    pub errors: Vec<ItemError<'static>>,
}

impl fmt::Debug for FailedJoinRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.errors.iter().map(|error| error.code).collect();
        f.debug_struct("FailedJoinRequest")
            .field("codes", &codes)
            .finish_non_exhaustive()
    }
}

/// A message that Meta took.
#[derive(Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// `wamid.…`, which its statuses carry.
    pub message_id: String,
    /// `message_status`, as `accepted` or `held_for_quality_assessment`, where Meta says.
    pub message_status: Option<String>,
    /// Whom Meta understood to be the recipient; for a group its id stands in `wa_id` and is left out.
    pub recipient: Person<'static>,
}

impl fmt::Debug for SentMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentMessage")
            .field("message_id", &self.message_id)
            .field("message_status", &self.message_status)
            .finish_non_exhaustive()
    }
}

impl Reply {
    /// Meta's request id, of what completes by webhook.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Accepted(accepted) => accepted.request_id.as_deref(),
            Self::InviteLink(_) | Self::Done | Self::Decided(_) | Self::Sent(_) => None,
        }
    }

    /// Of an empty answer: some calls are documented with none.
    pub(super) fn empty(command: &Command) -> Option<Self> {
        match (command.completion(), command) {
            (Completion::Webhook, _) => Some(Self::Accepted(Accepted::default())),
            (Completion::Answer, Command::RevokeInviteLink { .. }) => Some(Self::Done),
            (Completion::Answer | Completion::Statuses, _) => None,
        }
    }

    pub(super) fn read(command: &Command, status: u16, root: Value<'_>) -> Result<Self, Refusal> {
        // Some answers are a bare `true`.
        if root.bool() == Some(true)
            && let Some(reply) = Self::empty(command)
        {
            return Ok(reply);
        }
        read::object(root)?;
        if flag(root, "success")? == Some(false) {
            return Err(Refusal::wrong("true").under("success"));
        }
        match command {
            Command::Create { .. }
            | Command::Delete { .. }
            | Command::Update { .. }
            | Command::RemoveParticipants { .. }
            | Command::AddParticipants { .. } => accepted(status, root).map(Self::Accepted),
            Command::ResetInviteLink { .. } => ident(root, "invite_link")?
                .map(|link| Self::InviteLink(InviteLink(link)))
                .ok_or(Refusal::Missing {
                    path: "invite_link",
                }),
            Command::RevokeInviteLink { .. } => Ok(Self::Done),
            Command::ApproveJoinRequests { join_requests, .. } => {
                decided(root, "approved_join_requests", join_requests).map(Self::Decided)
            }
            Command::RejectJoinRequests { join_requests, .. } => {
                decided(root, "rejected_join_requests", join_requests).map(Self::Decided)
            }
            Command::SendMessage { .. }
            | Command::Pin { .. }
            | Command::Unpin { .. }
            | Command::SendInvite { .. } => {
                let about_group = !matches!(command, Command::SendInvite { .. });
                sent(root, about_group).map(Self::Sent)
            }
        }
    }
}

fn accepted(status: u16, root: Value<'_>) -> Result<Accepted, Refusal> {
    let errors = call_errors(root)?;
    let partial = i64::from(Code::PartialSuccess.number());
    Ok(Accepted {
        request_id: ident(root, "request_id")?,
        is_partial: status == 206 || errors.iter().any(|error| error.code == Some(partial)),
        errors,
    })
}

fn decided(root: Value<'_>, name: &'static str, asked: &[String]) -> Result<Decided, Refusal> {
    let done = match root.get(name) {
        // A bare id, or an object with one.
        Some(list) => read::array(list, |item| match item.get("join_request_id") {
            Some(id) => read::ident(id),
            None => read::ident(item),
        })
        .map_err(|refusal| refusal.under(name))?,
        None => Vec::new(),
    };
    let failed = match root.get("failed_join_requests") {
        Some(list) => read::array(list, failed_one)
            .map_err(|refusal| refusal.under("failed_join_requests"))?,
        None => Vec::new(),
    };
    let mut decided = Decided {
        errors: call_errors(root)?,
        ..Decided::default()
    };
    for id in asked {
        // One that is in both lists failed: an error is never taken for success.
        if let Some((_, errors)) = failed.iter().find(|(other, _)| other == id) {
            decided.failed.push(FailedJoinRequest {
                join_request_id: id.clone(),
                errors: errors.clone(),
            });
        } else if done.iter().flatten().any(|other| other == id) {
            decided.done.push(id.clone());
        } else {
            decided.untold.push(id.clone());
        }
    }
    Ok(decided)
}

fn failed_one(item: Value<'_>) -> Result<(String, Vec<ItemError<'static>>), Refusal> {
    // A bare id is a failure without a reason.
    let Some(id) = item.get("join_request_id") else {
        return Ok((
            read::ident(item)?.unwrap_or_default().into_owned(),
            Vec::new(),
        ));
    };
    let id = read::ident(id).map_err(|refusal| refusal.under("join_request_id"))?;
    let errors = item.get("errors").map(read::errors).transpose()?;
    Ok((
        id.unwrap_or_default().into_owned(),
        owned(errors.unwrap_or_default()),
    ))
}

fn sent(root: Value<'_>, about_group: bool) -> Result<SentMessage, Refusal> {
    let message = root.get("messages").and_then(|list| list.elements().next());
    let id = message.map(|message| ident(message, "id")).transpose()?;
    let Some(message_id) = id.flatten() else {
        return Err(Refusal::Missing {
            path: "messages[0].id",
        });
    };
    let mut recipient = Person::default();
    let contact = root.get("contacts").and_then(|list| list.elements().next());
    if let (Some(contact), false) = (contact, about_group) {
        for (key, value) in contact.members() {
            // The message is sent whatever stands here.
            let _ = recipient.set(&key, value);
        }
    }
    Ok(SentMessage {
        message_id,
        message_status: message
            .and_then(|message| ident(message, "message_status").ok())
            .flatten(),
        recipient: recipient.into_owned(),
    })
}

/// `errors`, and an envelope's `error` beside them: both have been seen with partial success.
fn call_errors(root: Value<'_>) -> Result<Vec<ItemError<'static>>, Refusal> {
    let mut all = Vec::new();
    for name in ["errors", "error"] {
        if let Some(errors) = root.get(name) {
            all.extend(owned(
                read::errors(errors).map_err(|refusal| refusal.under(name))?,
            ));
        }
    }
    Ok(all)
}

fn owned(errors: Vec<ItemError<'_>>) -> Vec<ItemError<'static>> {
    errors.into_iter().map(ItemError::into_owned).collect()
}

fn flag(root: Value<'_>, name: &'static str) -> Result<Option<bool>, Refusal> {
    let flag = root.get(name).map(read::flag).transpose();
    Ok(flag.map_err(|refusal| refusal.under(name))?.flatten())
}

pub(super) fn ident(root: Value<'_>, name: &'static str) -> Result<Option<String>, Refusal> {
    let text = root.get(name).map(read::ident).transpose();
    let text = text.map_err(|refusal| refusal.under(name))?.flatten();
    Ok(text.map(std::borrow::Cow::into_owned))
}
