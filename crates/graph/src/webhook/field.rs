//! Names of webhook fields and of group item types, in all spellings.

use super::Text;

/// `changes[].field`: what a webhook is about.
///
/// Meta's pages and its OpenAPI spell some of them differently; both are read, one is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field<'a> {
    /// `group_lifecycle_update`: created, deleted.
    GroupLifecycleUpdate,
    /// `group_participants_update` (or `group_participant_update`): joined, left, removed, asked to join.
    GroupParticipantsUpdate,
    /// `group_settings_update`: outcome of a change of subject, description or picture.
    GroupSettingsUpdate,
    /// `group_status_update`: suspended by Meta, and no longer.
    GroupStatusUpdate,
    /// `messages`: messages, statuses and system messages, of groups and one-to-one.
    Messages,
    /// Any other.
    Unknown(Text<'a>),
}

impl<'a> Field<'a> {
    pub(super) fn read(name: Text<'a>) -> Self {
        match &*name {
            "group_lifecycle_update" => Self::GroupLifecycleUpdate,
            "group_participants_update" | "group_participant_update" => {
                Self::GroupParticipantsUpdate
            }
            "group_settings_update" => Self::GroupSettingsUpdate,
            "group_status_update" => Self::GroupStatusUpdate,
            "messages" => Self::Messages,
            _ => Self::Unknown(name),
        }
    }

    /// The name, in one spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::GroupLifecycleUpdate => "group_lifecycle_update",
            Self::GroupParticipantsUpdate => "group_participants_update",
            Self::GroupSettingsUpdate => "group_settings_update",
            Self::GroupStatusUpdate => "group_status_update",
            Self::Messages => "messages",
            Self::Unknown(name) => name,
        }
    }

    /// Whether it is one of the four fields about groups alone.
    #[must_use]
    pub const fn is_group(&self) -> bool {
        match self {
            Self::GroupLifecycleUpdate
            | Self::GroupParticipantsUpdate
            | Self::GroupSettingsUpdate
            | Self::GroupStatusUpdate => true,
            Self::Messages | Self::Unknown(_) => false,
        }
    }
}

/// `groups[].type`: what happened to a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupType<'a> {
    /// `group_create`
    Create,
    /// `group_delete`
    Delete,
    /// `group_participants_add` (or `group_add_participants`)
    ParticipantsAdd,
    /// `group_participants_remove` (or `group_remove_participants`)
    ParticipantsRemove,
    /// `group_join_request_created`
    JoinRequestCreated,
    /// `group_join_request_revoked`
    JoinRequestRevoked,
    /// `group_settings_update`
    SettingsUpdate,
    /// `group_suspend`
    Suspend,
    /// `group_suspend_cleared`
    SuspendCleared,
    /// Any other.
    Unknown(Text<'a>),
}

impl<'a> GroupType<'a> {
    pub(super) fn read(name: Text<'a>) -> Self {
        match &*name {
            "group_create" => Self::Create,
            "group_delete" => Self::Delete,
            "group_participants_add" | "group_add_participants" | "group_participant_add" => {
                Self::ParticipantsAdd
            }
            "group_participants_remove"
            | "group_remove_participants"
            | "group_participant_remove" => Self::ParticipantsRemove,
            "group_join_request_created" => Self::JoinRequestCreated,
            "group_join_request_revoked" => Self::JoinRequestRevoked,
            "group_settings_update" => Self::SettingsUpdate,
            "group_suspend" => Self::Suspend,
            "group_suspend_cleared" => Self::SuspendCleared,
            _ => Self::Unknown(name),
        }
    }

    /// The name, in one spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "group_create",
            Self::Delete => "group_delete",
            Self::ParticipantsAdd => "group_participants_add",
            Self::ParticipantsRemove => "group_participants_remove",
            Self::JoinRequestCreated => "group_join_request_created",
            Self::JoinRequestRevoked => "group_join_request_revoked",
            Self::SettingsUpdate => "group_settings_update",
            Self::Suspend => "group_suspend",
            Self::SuspendCleared => "group_suspend_cleared",
            Self::Unknown(name) => name,
        }
    }

    /// The field that such an item comes under; `None` for an unknown type.
    #[must_use]
    pub const fn field(&self) -> Option<Field<'static>> {
        match self {
            Self::Create | Self::Delete => Some(Field::GroupLifecycleUpdate),
            Self::ParticipantsAdd
            | Self::ParticipantsRemove
            | Self::JoinRequestCreated
            | Self::JoinRequestRevoked => Some(Field::GroupParticipantsUpdate),
            Self::SettingsUpdate => Some(Field::GroupSettingsUpdate),
            Self::Suspend | Self::SuspendCleared => Some(Field::GroupStatusUpdate),
            Self::Unknown(_) => None,
        }
    }
}
