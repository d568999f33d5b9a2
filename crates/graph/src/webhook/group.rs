//! Items of the four group fields.

use super::{
    Field, GroupType, ItemError, Participant, Person, Text,
    read::{self, Refusal},
};
use crate::json::Value;

/// One element of `groups[]`: something that happened to one group, or failed to.
///
/// Everything is optional, for samples and schemas differ in all of it; which fields a type needs is
/// for the reader to say. Source: Meta "Webhooks for Groups API".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupItem<'a> {
    /// The fields stood directly in `value`, with no `groups[]` around them.
    pub direct: bool,
    /// Second of the event, or of the webhook: Meta does not say.
    pub timestamp: Option<i64>,
    /// Opaque; absent on some failed creations.
    pub group_id: Option<Text<'a>>,
    /// `type`
    pub kind: Option<GroupType<'a>>,
    /// Of the API call that caused it, if one did.
    pub request_id: Option<Text<'a>>,
    /// As `invite_link`; undocumented otherwise.
    pub reason: Option<Text<'a>>,
    /// Subject of a created group.
    pub subject: Option<Text<'a>>,
    /// Description of a created group; may be empty, which is not absent.
    pub description: Option<Text<'a>>,
    /// Invite link of a created group.
    pub invite_link: Option<Text<'a>>,
    /// `auto_approve` or `approval_required`.
    pub join_approval_mode: Option<Text<'a>>,
    /// Who was added.
    pub added_participants: Vec<Participant<'a>>,
    /// Who was removed or left.
    pub removed_participants: Vec<Participant<'a>>,
    /// Whom the request failed for.
    pub failed_participants: Vec<Participant<'a>>,
    /// Who removed a participant: the business, or the participant by leaving.
    pub initiated_by: Option<InitiatedBy<'a>>,
    /// Embeds a phone number; not unique to one request.
    pub join_request_id: Option<Text<'a>>,
    /// Person fields on the item itself: who asked to join.
    pub person: Person<'a>,
    /// Outcome of a change of subject.
    pub group_subject: Option<Part<'a>>,
    /// Outcome of a change of description.
    pub group_description: Option<Part<'a>>,
    /// Outcome of a change of picture.
    pub profile_picture: Option<Part<'a>>,
    /// Errors of the item as a whole; not empty is a failure whatever is in it.
    pub errors: Vec<ItemError<'a>>,
}

/// `initiated_by`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InitiatedBy<'a> {
    /// `business`: an API call of the business.
    Business,
    /// `participant`: the participant left.
    Participant,
    /// Any other.
    Unknown(Text<'a>),
}

impl InitiatedBy<'_> {
    /// Meta's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Business => "business",
            Self::Participant => "participant",
            Self::Unknown(word) => word,
        }
    }
}

/// One setting of a `group_settings_update`, changed or attempted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// Whether it was applied, if Meta says.
    pub update_successful: Option<bool>,
    /// New or attempted subject or description; may be empty, which is not absent.
    pub text: Option<Text<'a>>,
    /// Of the picture, as `image/jpeg`.
    pub mime_type: Option<Text<'a>>,
    /// Of the picture; hexadecimal or base64, as it came.
    pub sha256: Option<Text<'a>>,
    /// Why it was refused.
    pub errors: Vec<ItemError<'a>>,
}

/// What became of what an item is about, judged by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing was refused.
    Applied,
    /// Some parts succeeded, others not.
    Partly,
    /// Something was refused and nothing succeeded.
    Failed,
}

impl<'a> GroupItem<'a> {
    pub(super) fn parse(value: Value<'a>, direct: bool) -> Result<Self, Refusal> {
        let mut item = Self {
            direct,
            ..Self::default()
        };
        for (key, value) in read::object(value)? {
            item.set(&key, value)
                .map_err(|refusal| refusal.under(&key))?;
        }
        Ok(item)
    }

    fn set(&mut self, key: &str, value: Value<'a>) -> Result<(), Refusal> {
        match key {
            "timestamp" => self.timestamp = read::seconds(value)?,
            "group_id" => self.group_id = read::ident(value)?,
            "type" => self.kind = read::ident(value)?.map(GroupType::read),
            "request_id" => self.request_id = read::ident(value)?,
            "reason" => self.reason = read::ident(value)?,
            "subject" => self.subject = read::text(value)?,
            "description" => self.description = read::text(value)?,
            "invite_link" => self.invite_link = read::ident(value)?,
            "join_approval_mode" => self.join_approval_mode = read::ident(value)?,
            "added_participants" => {
                self.added_participants = read::array(value, Participant::read)?
            }
            "removed_participants" => {
                self.removed_participants = read::array(value, Participant::read)?
            }
            "failed_participants" => {
                self.failed_participants = read::array(value, Participant::read)?
            }
            "initiated_by" => self.initiated_by = read::ident(value)?.map(initiated_by),
            "join_request_id" => self.join_request_id = read::ident(value)?,
            "group_subject" => self.group_subject = part(value)?,
            "group_description" => self.group_description = part(value)?,
            "profile_picture" => self.profile_picture = part(value)?,
            "errors" => self.errors = read::errors(value)?,
            _ => {
                self.person.set(key, value)?;
            }
        }
        Ok(())
    }

    /// Whether type and content are what the field is for.
    ///
    /// Meta's own examples contradict themselves (a `group_create` with `removed_participants` under
    /// `group_participants_update`); deciding by one of them alone would create a group.
    #[must_use]
    pub fn agrees(&self, field: &Field<'_>) -> bool {
        let Some(kind) = &self.kind else { return false };
        if kind.field().as_ref() != Some(field) {
            return false;
        }
        let (added, removed) = (
            !self.added_participants.is_empty(),
            !self.removed_participants.is_empty(),
        );
        let settings = self.settings().next().is_some();
        match kind {
            GroupType::Create | GroupType::ParticipantsAdd => !removed && !settings,
            GroupType::ParticipantsRemove => !added && !settings,
            GroupType::SettingsUpdate => !added && !removed,
            GroupType::JoinRequestCreated
            | GroupType::JoinRequestRevoked
            | GroupType::Suspend
            | GroupType::SuspendCleared => !added && !removed && !settings,
            GroupType::Delete => !added && !settings,
            GroupType::Unknown(_) => false,
        }
    }

    /// The settings that were changed or attempted.
    pub fn settings(&self) -> impl Iterator<Item = &Part<'a>> {
        [
            &self.group_subject,
            &self.group_description,
            &self.profile_picture,
        ]
        .into_iter()
        .flatten()
    }

    /// Whether a setting of this item was applied: the flag decides where there is one; without it,
    /// it was if there are no errors, neither its own nor the item's.
    #[must_use]
    pub fn applied(&self, part: &Part<'_>) -> bool {
        part.update_successful
            .unwrap_or(part.errors.is_empty() && self.errors.is_empty())
    }

    /// What became of it. Each part is judged by itself, for errors of the item also come with partial success.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let by_parts = match &self.kind {
            Some(
                GroupType::ParticipantsAdd
                | GroupType::ParticipantsRemove
                | GroupType::SettingsUpdate,
            ) => true,
            Some(
                GroupType::Create
                | GroupType::Delete
                | GroupType::JoinRequestCreated
                | GroupType::JoinRequestRevoked
                | GroupType::Suspend
                | GroupType::SuspendCleared
                | GroupType::Unknown(_),
            )
            | None => false,
        };
        let named = || {
            self.added_participants
                .iter()
                .chain(&self.removed_participants)
        };
        let succeeded = by_parts
            && (named().any(|participant| participant.errors.is_empty())
                || self.settings().any(|part| self.applied(part)));
        let refused = !self.errors.is_empty()
            || by_parts
                && (!self.failed_participants.is_empty()
                    || named().any(|participant| !participant.errors.is_empty())
                    || self.settings().any(|part| !self.applied(part)));
        match (succeeded, refused) {
            (_, false) => Outcome::Applied,
            (true, true) => Outcome::Partly,
            (false, true) => Outcome::Failed,
        }
    }
}

fn initiated_by(word: Text<'_>) -> InitiatedBy<'_> {
    match &*word {
        "business" => InitiatedBy::Business,
        "participant" => InitiatedBy::Participant,
        _ => InitiatedBy::Unknown(word),
    }
}

fn part(value: Value<'_>) -> Result<Option<Part<'_>>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let mut part = Part::default();
    for (key, value) in read::object(value)? {
        set_part(&mut part, &key, value).map_err(|refusal| refusal.under(&key))?;
    }
    Ok(Some(part))
}

fn set_part<'a>(part: &mut Part<'a>, key: &str, value: Value<'a>) -> Result<(), Refusal> {
    match key {
        "update_successful" => part.update_successful = read::flag(value)?,
        "text" => part.text = read::text(value)?,
        "mime_type" => part.mime_type = read::ident(value)?,
        "sha256" => part.sha256 = read::ident(value)?,
        "errors" => part.errors = read::errors(value)?,
        _ => {}
    }
    Ok(())
}
