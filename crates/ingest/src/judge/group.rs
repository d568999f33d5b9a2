//! Items of the four group fields.

use domain::{
    event::{
        About, GroupCreated, GroupEvent, ItemFailure, MetaError, Operation, Outcome, Person,
        RequestEvent,
    },
    ids::{Entity, GroupId, RequestId, Text},
};
use graph::webhook::{self, Field, GroupItem, GroupType, InitiatedBy, Part, Participant};

use super::{
    Refused, Scribe, Verdict,
    naming::{self, is_identified},
};
use crate::reason::Reason;

/// The type, as a word of a closed set.
pub(super) fn kind(item: &GroupItem<'_>) -> &'static str {
    match &item.kind {
        Some(GroupType::Create) => "group_create",
        Some(GroupType::Delete) => "group_delete",
        Some(GroupType::ParticipantsAdd) => "group_participants_add",
        Some(GroupType::ParticipantsRemove) => "group_participants_remove",
        Some(GroupType::JoinRequestCreated) => "group_join_request_created",
        Some(GroupType::JoinRequestRevoked) => "group_join_request_revoked",
        Some(GroupType::SettingsUpdate) => "group_settings_update",
        Some(GroupType::Suspend) => "group_suspend",
        Some(GroupType::SuspendCleared) => "group_suspend_cleared",
        Some(GroupType::Unknown(_)) | None => "unknown",
    }
}

/// Success becomes an event of the group, and whatever the outcome the request that asked for it is settled.
pub(super) fn judge(scribe: &mut Scribe<'_>, item: &GroupItem<'_>) -> Result<Verdict, Refused> {
    item.canonical(scribe.canonical);
    let (group_id, request_id) = (group_id(item), request_id(item));
    let about = Entities {
        group: group_id.clone().ok().flatten(),
        request: request_id.clone().ok().flatten(),
    };
    let refuse = |reason| about.refused(reason);
    if matches!(scribe.field, Field::Unknown(_)) {
        return Err(refuse(Reason::UnknownField));
    }
    if item.direct {
        return Err(refuse(Reason::NoGroups));
    }
    let Some(kind) = item
        .kind
        .as_ref()
        .filter(|kind| !matches!(kind, GroupType::Unknown(_)))
    else {
        return Err(refuse(Reason::UnknownType));
    };
    if !item.agrees(scribe.field) {
        return Err(refuse(Reason::Disagreement));
    }
    let at = scribe.second(item.timestamp).map_err(refuse)?;
    let (group_id, request_id) = match (group_id, request_id) {
        (Ok(group_id), Ok(request_id)) => (group_id, request_id),
        (Err(reason), _) | (_, Err(reason)) => return Err(refuse(reason)),
    };
    let outcome = item.outcome();
    let event = match (outcome, &group_id) {
        (webhook::Outcome::Failed, None) if request_id.is_none() => {
            return Err(refuse(Reason::NoGroupNorRequest));
        }
        (webhook::Outcome::Failed, _) => None,
        (webhook::Outcome::Applied | webhook::Outcome::Partly, _) => {
            Some(succeeded(kind, item).map_err(refuse)?)
        }
    };
    let is_settled = request_id.is_some();
    let no_group = event.is_some() && group_id.is_none();
    if let Some(request_id) = request_id {
        let completed = completed(kind, item, outcome, group_id.clone());
        scribe.add(at, About::Request(request_id, completed));
    }
    if let (Some(event), Some(group_id)) = (event, group_id) {
        scribe.add(at, About::Group(group_id, event));
    }
    if no_group {
        return Err(refuse(Reason::NoGroup));
    }
    let nothing = outcome == webhook::Outcome::Failed && !is_settled;
    Ok(if nothing {
        Verdict::Nothing
    } else {
        Verdict::Asserted
    })
}

/// What an item names, for the key of what goes to quarantine.
struct Entities {
    group: Option<GroupId>,
    request: Option<RequestId>,
}

impl Entities {
    fn refused(&self, reason: Reason) -> Refused {
        let group = self.group.clone().map(Entity::Group);
        let request = || self.request.clone().map(Entity::Request);
        Refused {
            entity: group.or_else(request),
            ..reason.into()
        }
    }
}

fn group_id(item: &GroupItem<'_>) -> Result<Option<GroupId>, Reason> {
    let parse = |id: &webhook::Text<'_>| GroupId::parse(id).map_err(|_| Reason::InvalidId);
    item.group_id.as_ref().map(parse).transpose()
}

fn request_id(item: &GroupItem<'_>) -> Result<Option<RequestId>, Reason> {
    let parse = |id: &webhook::Text<'_>| RequestId::parse(id).map_err(|_| Reason::InvalidId);
    item.request_id.as_ref().map(parse).transpose()
}

/// The event of an item that succeeded, wholly or in part: only what succeeded is in it.
fn succeeded(kind: &GroupType<'_>, item: &GroupItem<'_>) -> Result<GroupEvent, Reason> {
    Ok(match kind {
        GroupType::Create => GroupEvent::Created(GroupCreated {
            subject: naming::text(item.subject.as_ref()),
            description: naming::text(item.description.as_ref()),
            invite_link: naming::text(item.invite_link.as_ref()),
            join_approval_mode: naming::text(item.join_approval_mode.as_ref()),
            participants: participants(&item.added_participants),
        }),
        GroupType::Delete => GroupEvent::Deleted,
        GroupType::ParticipantsAdd => {
            let participants = participants(&item.added_participants);
            if !participants.iter().any(is_identified) {
                return Err(Reason::NobodyNamed);
            }
            GroupEvent::ParticipantsAdded { participants }
        }
        GroupType::ParticipantsRemove => {
            let participants = participants(&item.removed_participants);
            // One who is named by nothing that identifies is kept: the fold hints at it.
            if participants.is_empty() {
                return Err(Reason::NobodyNamed);
            }
            GroupEvent::ParticipantsRemoved { participants }
        }
        GroupType::JoinRequestCreated => {
            let (person, join_request_id) = asker(item)?;
            GroupEvent::JoinRequestCreated {
                person,
                join_request_id,
            }
        }
        GroupType::JoinRequestRevoked => {
            let (person, join_request_id) = asker(item)?;
            GroupEvent::JoinRequestClosed {
                person,
                join_request_id,
            }
        }
        GroupType::SettingsUpdate => settings(item)?,
        GroupType::Suspend => GroupEvent::Suspended(true),
        GroupType::SuspendCleared => GroupEvent::Suspended(false),
        GroupType::Unknown(_) => return Err(Reason::UnknownType),
    })
}

/// Those for whom it succeeded.
fn participants(participants: &[Participant<'_>]) -> Vec<Person> {
    participants
        .iter()
        .filter(|participant| participant.errors.is_empty())
        .map(naming::participant)
        .collect()
}

fn asker(item: &GroupItem<'_>) -> Result<(Person, Option<Text>), Reason> {
    let person = naming::person(&item.person);
    let join_request_id = naming::text(item.join_request_id.as_ref());
    if join_request_id.is_none() && !is_identified(&person) {
        return Err(Reason::NobodyNamed);
    }
    Ok((person, join_request_id))
}

fn settings(item: &GroupItem<'_>) -> Result<GroupEvent, Reason> {
    if item.settings().next().is_none() {
        return Err(Reason::NothingSaid);
    }
    fn applied<'i, 'a>(item: &GroupItem<'a>, part: &'i Option<Part<'a>>) -> Option<&'i Part<'a>> {
        part.as_ref().filter(|part| item.applied(part))
    }
    let text = |part| applied(item, part).and_then(|part| naming::text(part.text.as_ref()));
    let picture = applied(item, &item.profile_picture);
    Ok(GroupEvent::SettingsUpdated {
        subject: text(&item.group_subject),
        description: text(&item.group_description),
        picture_sha256: picture.and_then(|part| naming::text(part.sha256.as_ref())),
    })
}

fn completed(
    kind: &GroupType<'_>,
    item: &GroupItem<'_>,
    outcome: webhook::Outcome,
    group_id: Option<GroupId>,
) -> RequestEvent {
    RequestEvent::Completed {
        operation: operation(kind, item),
        group_id,
        outcome: match outcome {
            webhook::Outcome::Applied => Outcome::Done,
            webhook::Outcome::Partly => Outcome::Partly,
            webhook::Outcome::Failed => Outcome::Failed,
        },
        errors: errors(item),
        failed: failures(item),
    }
}

/// Those named as failed, and those named as done with errors.
fn failures(item: &GroupItem<'_>) -> Vec<ItemFailure> {
    let named = [&item.added_participants, &item.removed_participants];
    let named = named.into_iter().flatten();
    let with_errors = named.filter(|one| !one.errors.is_empty());
    let failed = item.failed_participants.iter().chain(with_errors);
    failed.map(failure).collect()
}

/// One for whom it failed, as the caller named them.
fn failure(participant: &Participant<'_>) -> ItemFailure {
    let Person {
        input,
        wa_id,
        user_id,
        ..
    } = naming::participant(participant);
    ItemFailure {
        input: input.or(wa_id).or(user_id).unwrap_or_default(),
        errors: naming::errors(&participant.errors),
    }
}

fn operation(kind: &GroupType<'_>, item: &GroupItem<'_>) -> Operation {
    match kind {
        GroupType::Create => Operation::CreateGroup,
        GroupType::Delete => Operation::DeleteGroup,
        GroupType::SettingsUpdate => Operation::UpdateSettings,
        // Some samples give a request id to a participant who left (reference §2.3 h): that was no removal.
        GroupType::ParticipantsRemove => match item.initiated_by {
            Some(InitiatedBy::Participant) => Operation::Other,
            Some(InitiatedBy::Business | InitiatedBy::Unknown(_)) | None => {
                Operation::RemoveParticipants
            }
        },
        GroupType::ParticipantsAdd
        | GroupType::JoinRequestCreated
        | GroupType::JoinRequestRevoked
        | GroupType::Suspend
        | GroupType::SuspendCleared
        | GroupType::Unknown(_) => Operation::Other,
    }
}

/// Those of the item, then those of its parts.
fn errors(item: &GroupItem<'_>) -> Vec<MetaError> {
    let named = [
        &item.failed_participants,
        &item.added_participants,
        &item.removed_participants,
    ];
    let participants = named.into_iter().flatten().flat_map(|one| &one.errors);
    let settings = item.settings().flat_map(|part| &part.errors);
    naming::errors(item.errors.iter().chain(participants).chain(settings))
}
