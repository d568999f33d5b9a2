//! Everything that changes something at Meta, as values: checked, shown and sent from one description.
//!
//! A [`Command`] is data. [`Command::render`] makes the HTTP request of it (and refuses what Meta would
//! refuse), [`super::Client::execute`] sends it, [`Command::repeat`] says what a second time would do.

use std::{collections::BTreeSet, fmt};

use super::{Cause, Content, Error, Executed, Invalid, Picture, Recipient, content::within};
use crate::limits::{
    DESCRIPTION_CHARS_MAX, JOIN_REQUESTS_PER_CALL_MAX, PARTICIPANTS_PER_CALL_MAX, PIN_DAYS_MAX,
    SUBJECT_CHARS_MAX,
};

/// Who may join by link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinApprovalMode {
    /// Everybody with the link; Meta's default.
    AutoApprove,
    /// Whose request the business approves.
    ApprovalRequired,
}

impl JoinApprovalMode {
    /// Meta's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AutoApprove => "auto_approve",
            Self::ApprovalRequired => "approval_required",
        }
    }

    /// Reads Meta's word.
    ///
    /// # Errors
    ///
    /// [`Invalid::JoinApprovalMode`] for any other.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto_approve" => Ok(Self::AutoApprove),
            "approval_required" => Ok(Self::ApprovalRequired),
            _ => Err(Invalid::JoinApprovalMode),
        }
    }
}

/// A call that changes something (reference §4, by its number there).
#[derive(Clone, PartialEq)]
pub enum Command {
    /// 1: make a group. Completes by webhook.
    Create {
        /// The number that the group is of.
        phone_number_id: String,
        /// 1 to 128 characters once trimmed; sent trimmed.
        subject: String,
        /// At most 2,048 characters.
        description: Option<String>,
        /// Meta's default is [`JoinApprovalMode::AutoApprove`].
        join_approval_mode: Option<JoinApprovalMode>,
    },
    /// 2: delete a group. Completes by webhook.
    Delete {
        /// Which.
        group_id: String,
    },
    /// 5: change what is given. Completes by webhook.
    Update {
        /// Which.
        group_id: String,
        /// As of a create.
        subject: Option<String>,
        /// As of a create; empty takes it away.
        description: Option<String>,
        /// With one the call is multipart.
        picture: Option<Picture>,
    },
    /// 7: a new invite link; all former ones die. No webhook.
    ResetInviteLink {
        /// Which.
        group_id: String,
    },
    /// 8: no invite link any more. No webhook.
    RevokeInviteLink {
        /// Which.
        group_id: String,
    },
    /// 9: remove 1 to 8 participants, who cannot come back by link. Completes by webhook.
    RemoveParticipants {
        /// Which.
        group_id: String,
        /// Whom, each once.
        participants: Vec<Recipient>,
    },
    /// 10: add participants. In Meta's OpenAPI only, refused by its guide: sent only by a client that
    /// is [`super::Client::offering_add`].
    AddParticipants {
        /// Which.
        group_id: String,
        /// Whom, 1 to 8, each once.
        participants: Vec<Recipient>,
    },
    /// 12: let those in who ask. Answered at once, with partial failures.
    ApproveJoinRequests {
        /// Which.
        group_id: String,
        /// Ids, each once.
        join_requests: Vec<String>,
    },
    /// 13: turn those away who ask. Answered at once, with partial failures. No webhook.
    RejectJoinRequests {
        /// Which.
        group_id: String,
        /// Ids, each once.
        join_requests: Vec<String>,
    },
    /// 14: write to a group. Statuses follow by webhook.
    SendMessage {
        /// The number that writes.
        phone_number_id: String,
        /// To which group.
        group_id: String,
        /// What.
        content: Content,
        /// The message that it answers, shown above it.
        reply_to: Option<String>,
    },
    /// 15: pin a message; of four the oldest is unpinned.
    Pin {
        /// The number that pins.
        phone_number_id: String,
        /// In which group.
        group_id: String,
        /// Which message.
        message_id: String,
        /// 1 to 30.
        expiration_days: u8,
    },
    /// 15: unpin a message.
    Unpin {
        /// The number that unpins.
        phone_number_id: String,
        /// In which group.
        group_id: String,
        /// Which message.
        message_id: String,
    },
    /// 16: send a group's invite link to a person, by an approved template of the library.
    SendInvite {
        /// The number that writes.
        phone_number_id: String,
        /// To whom.
        to: Recipient,
        /// Which group's link.
        group_id: String,
        /// Name of the template.
        template: String,
        /// Its language, as `en`.
        language: String,
        /// Texts of the body's further parameters, after the group's.
        parameters: Vec<String>,
    },
}

impl fmt::Debug for Command {
    /// Its name alone: subjects, texts and numbers are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What doing a call a second time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// The same as once; after an answer that was lost it may be called again.
    Idempotent,
    /// Nothing more is done, but the answer of the second may refuse what the first did
    /// (131041 after a delete, 131212 for who is already removed, 131213 for who is already decided).
    /// After a lost answer it may be called again, and such a refusal then means done.
    SameEnd,
    /// Something is done twice (a second group, message, link): never call again unless the first was
    /// surely not done.
    Twice,
}

/// Where the outcome of a call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// In the answer.
    Answer,
    /// By a group webhook with the answer's `request_id`.
    Webhook,
    /// The answer has a message id; its statuses come by webhook.
    Statuses,
}

impl Command {
    /// A word for logs, metric labels and requests.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Delete { .. } => "delete",
            Self::Update { .. } => "update",
            Self::ResetInviteLink { .. } => "invite_link_reset",
            Self::RevokeInviteLink { .. } => "invite_link_revoke",
            Self::RemoveParticipants { .. } => "participants_remove",
            Self::AddParticipants { .. } => "participants_add",
            Self::ApproveJoinRequests { .. } => "join_requests_approve",
            Self::RejectJoinRequests { .. } => "join_requests_reject",
            Self::SendMessage { .. } => "message",
            Self::Pin { .. } => "pin",
            Self::Unpin { .. } => "unpin",
            Self::SendInvite { .. } => "invite",
        }
    }

    /// The group it is about; none for a create.
    #[must_use]
    pub fn group_id(&self) -> Option<&str> {
        match self {
            Self::Create { .. } => None,
            Self::Delete { group_id }
            | Self::Update { group_id, .. }
            | Self::ResetInviteLink { group_id }
            | Self::RevokeInviteLink { group_id }
            | Self::RemoveParticipants { group_id, .. }
            | Self::AddParticipants { group_id, .. }
            | Self::ApproveJoinRequests { group_id, .. }
            | Self::RejectJoinRequests { group_id, .. }
            | Self::SendMessage { group_id, .. }
            | Self::Pin { group_id, .. }
            | Self::Unpin { group_id, .. }
            | Self::SendInvite { group_id, .. } => Some(group_id),
        }
    }

    /// What doing it again would do.
    #[must_use]
    pub const fn repeat(&self) -> Repeat {
        match self {
            Self::Update { .. } | Self::RevokeInviteLink { .. } => Repeat::Idempotent,
            Self::Delete { .. }
            | Self::RemoveParticipants { .. }
            | Self::AddParticipants { .. }
            | Self::ApproveJoinRequests { .. }
            | Self::RejectJoinRequests { .. } => Repeat::SameEnd,
            // A pin pushes out the oldest of three and is a message of its own.
            Self::Create { .. }
            | Self::ResetInviteLink { .. }
            | Self::SendMessage { .. }
            | Self::Pin { .. }
            | Self::Unpin { .. }
            | Self::SendInvite { .. } => Repeat::Twice,
        }
    }

    /// Where its outcome is told.
    #[must_use]
    pub const fn completion(&self) -> Completion {
        match self {
            Self::Create { .. }
            | Self::Delete { .. }
            | Self::Update { .. }
            | Self::RemoveParticipants { .. }
            | Self::AddParticipants { .. } => Completion::Webhook,
            Self::ResetInviteLink { .. }
            | Self::RevokeInviteLink { .. }
            | Self::ApproveJoinRequests { .. }
            | Self::RejectJoinRequests { .. } => Completion::Answer,
            Self::SendMessage { .. }
            | Self::Pin { .. }
            | Self::Unpin { .. }
            | Self::SendInvite { .. } => Completion::Statuses,
        }
    }

    /// Whether the call may be made again after this error: only if later can help, and if it was
    /// surely not done or doing it twice does no harm.
    #[must_use]
    pub fn may_repeat(&self, error: &Error) -> bool {
        let later_helps = matches!(error.cause(), Cause::Throttled | Cause::Transient);
        let harmless = match error.executed() {
            Executed::No => true,
            Executed::Unknown => self.repeat() != Repeat::Twice,
        };
        later_helps && harmless
    }

    /// Whether everything is within Meta's limits, in Meta's terms. Rendering checks it too.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Create {
                subject,
                description,
                ..
            } => {
                check_subject(subject)?;
                description.as_deref().map_or(Ok(()), check_description)
            }
            Self::Update {
                subject,
                description,
                picture,
                ..
            } => {
                if subject.is_none() && description.is_none() && picture.is_none() {
                    return Err(Invalid::NothingToUpdate);
                }
                subject.as_deref().map_or(Ok(()), check_subject)?;
                description.as_deref().map_or(Ok(()), check_description)
            }
            Self::RemoveParticipants { participants, .. }
            | Self::AddParticipants { participants, .. } => check_participants(participants),
            Self::ApproveJoinRequests { join_requests, .. }
            | Self::RejectJoinRequests { join_requests, .. } => check_join_requests(join_requests),
            Self::SendMessage {
                content, reply_to, ..
            } => {
                if reply_to.as_deref() == Some("") {
                    return Err(Invalid::MessageId);
                }
                content.check()
            }
            Self::Pin {
                message_id,
                expiration_days,
                ..
            } => {
                if !(1..=PIN_DAYS_MAX).contains(expiration_days) {
                    return Err(Invalid::PinDays {
                        days: *expiration_days,
                    });
                }
                check_message(message_id)
            }
            Self::Unpin { message_id, .. } => check_message(message_id),
            Self::SendInvite { .. } => self.invite().check(),
            Self::Delete { .. } | Self::ResetInviteLink { .. } | Self::RevokeInviteLink { .. } => {
                Ok(())
            }
        }
    }
}

fn check_subject(subject: &str) -> Result<(), Invalid> {
    let subject = subject.trim();
    if subject.is_empty() {
        return Err(Invalid::SubjectEmpty);
    }
    within(subject, SUBJECT_CHARS_MAX).map_err(|chars| Invalid::SubjectLong { chars })
}

fn check_description(description: &str) -> Result<(), Invalid> {
    within(description, DESCRIPTION_CHARS_MAX).map_err(|chars| Invalid::DescriptionLong { chars })
}

fn check_participants(participants: &[Recipient]) -> Result<(), Invalid> {
    if !(1..=PARTICIPANTS_PER_CALL_MAX).contains(&participants.len()) {
        return Err(Invalid::Participants {
            count: participants.len(),
        });
    }
    let mut seen = BTreeSet::new();
    for (index, participant) in participants.iter().enumerate() {
        // The variants are public: what did not go through `parse` is caught here.
        if Recipient::parse(participant.as_str())? != *participant {
            return Err(Invalid::Participant);
        }
        if !seen.insert(participant) {
            return Err(Invalid::ParticipantTwice { index });
        }
    }
    Ok(())
}

fn check_join_requests(ids: &[String]) -> Result<(), Invalid> {
    if !(1..=JOIN_REQUESTS_PER_CALL_MAX).contains(&ids.len()) {
        return Err(Invalid::JoinRequests { count: ids.len() });
    }
    let mut seen = BTreeSet::new();
    for (index, id) in ids.iter().enumerate() {
        if id.is_empty() || !seen.insert(id) {
            return Err(Invalid::JoinRequest { index });
        }
    }
    Ok(())
}

fn check_message(message_id: &str) -> Result<(), Invalid> {
    if message_id.is_empty() {
        Err(Invalid::MessageId)
    } else {
        Ok(())
    }
}
