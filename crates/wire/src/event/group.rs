//! Events about groups.

use domain::event::{GroupCreated, GroupEvent, GroupRead, JoinRequest};

use crate::{
    enums::Word,
    error::{Stop, invalid},
    person::{person, persons, text_opt, texts, write_person},
    proto::{self, event::Kind},
    writer::Writer,
};

/// Writes the kind of the envelope.
pub(super) fn write(w: &mut Writer<'_>, event: &GroupEvent) {
    match event {
        GroupEvent::Created(created) => w.message(16, |w| write_created(w, created)),
        GroupEvent::Deleted => w.message(17, |_| {}),
        GroupEvent::ParticipantsAdded { participants } => {
            w.message(18, |w| w.message_each(1, participants, write_person))
        }
        GroupEvent::ParticipantsRemoved { participants } => {
            w.message(19, |w| w.message_each(1, participants, write_person))
        }
        GroupEvent::JoinRequestCreated {
            person,
            join_request_id,
        } => w.message(20, |w| {
            w.message(1, |w| write_person(w, person));
            w.text_opt(2, join_request_id.as_deref());
        }),
        GroupEvent::JoinRequestClosed {
            person,
            join_request_id,
        } => w.message(21, |w| {
            w.message(1, |w| write_person(w, person));
            w.text_opt(2, join_request_id.as_deref());
        }),
        GroupEvent::SettingsUpdated {
            subject,
            description,
            picture_sha256,
        } => w.message(22, |w| {
            w.text_opt(1, subject.as_deref());
            w.text_opt(2, description.as_deref());
            w.text_opt(3, picture_sha256.as_deref());
        }),
        GroupEvent::Suspended(suspended) => w.message(23, |w| w.flag(1, *suspended)),
        GroupEvent::MessageReceived { sender } => {
            w.message(24, |w| w.message(1, |w| write_person(w, sender)))
        }
        GroupEvent::Hinted { reason } => w.message(25, |w| w.uint(1, reason.number())),
        GroupEvent::Read(read) => w.message(26, |w| write_read(w, read)),
        GroupEvent::JoinRequestsRead { join_requests } => {
            w.message(27, |w| w.message_each(1, join_requests, write_join_request));
        }
        GroupEvent::Listed { subject, created } => w.message(28, |w| {
            w.text_opt(1, subject.as_deref());
            w.int_opt(2, *created);
        }),
        GroupEvent::Unknown => w.message(29, |_| {}),
        GroupEvent::Unlisted => w.message(30, |_| {}),
        GroupEvent::IdentityLinked { old, new } => w.message(31, |w| {
            w.text_each(1, old);
            w.text(2, new);
        }),
        GroupEvent::JoinRequestsAnswered { join_request_ids } => {
            w.message(32, |w| w.text_each(1, join_request_ids))
        }
        GroupEvent::InviteLinkAnswered { invite_link } => w.message(33, |w| w.text(1, invite_link)),
        GroupEvent::Forgotten { stamp } => w.message(34, |w| w.int(1, *stamp)),
        GroupEvent::Erased { ids } => w.message(35, |w| w.text_each(1, ids)),
    }
}

fn write_created(w: &mut Writer<'_>, created: &GroupCreated) {
    let GroupCreated {
        subject,
        description,
        invite_link,
        join_approval_mode,
        participants,
    } = created;
    w.text_opt(1, subject.as_deref());
    w.text_opt(2, description.as_deref());
    w.text_opt(3, invite_link.as_deref());
    w.text_opt(4, join_approval_mode.as_deref());
    w.message_each(5, participants, write_person);
}

fn write_read(w: &mut Writer<'_>, read: &GroupRead) {
    let GroupRead {
        subject,
        description,
        join_approval_mode,
        suspended,
        created,
        participants,
        is_complete,
    } = read;
    w.text_opt(1, subject.as_deref());
    w.text_opt(2, description.as_deref());
    w.text_opt(3, join_approval_mode.as_deref());
    w.flag_opt(4, *suspended);
    w.int_opt(5, *created);
    w.message_each(6, participants, write_person);
    w.flag(7, *is_complete);
}

fn write_join_request(w: &mut Writer<'_>, join_request: &JoinRequest) {
    let JoinRequest {
        person,
        join_request_id,
        created,
    } = join_request;
    w.message(1, |w| write_person(w, person));
    w.text(2, join_request_id);
    w.int_opt(3, *created);
}

/// Reads the kind of an envelope that is about a group.
pub(super) fn read(kind: Kind) -> Result<GroupEvent, Stop> {
    Ok(match kind {
        Kind::GroupCreated(created) => GroupEvent::Created(read_created(created)),
        Kind::GroupDeleted(proto::GroupDeleted {}) => GroupEvent::Deleted,
        Kind::ParticipantsAdded(proto::ParticipantsAdded { participants }) => {
            GroupEvent::ParticipantsAdded {
                participants: persons(participants),
            }
        }
        Kind::ParticipantsRemoved(proto::ParticipantsRemoved { participants }) => {
            GroupEvent::ParticipantsRemoved {
                participants: persons(participants),
            }
        }
        Kind::JoinRequestCreated(created) => read_join_request_created(created),
        Kind::JoinRequestClosed(closed) => read_join_request_closed(closed),
        Kind::SettingsUpdated(settings) => read_settings(settings),
        Kind::SuspensionChanged(proto::SuspensionChanged { suspended }) => {
            GroupEvent::Suspended(suspended)
        }
        Kind::MessageReceived(proto::MessageReceived { sender }) => GroupEvent::MessageReceived {
            sender: person(sender),
        },
        Kind::GroupHinted(proto::GroupHinted { reason }) => GroupEvent::Hinted {
            reason: Word::read(reason, "GroupHinted.reason")?,
        },
        Kind::GroupRead(read) => GroupEvent::Read(read_read(read)),
        Kind::JoinRequestsRead(proto::JoinRequestsRead { join_requests }) => {
            GroupEvent::JoinRequestsRead {
                join_requests: join_requests.into_iter().map(read_join_request).collect(),
            }
        }
        Kind::GroupListed(proto::GroupListed { subject, created }) => GroupEvent::Listed {
            subject: text_opt(subject),
            created,
        },
        Kind::GroupUnknown(proto::GroupUnknown {}) => GroupEvent::Unknown,
        Kind::GroupUnlisted(proto::GroupUnlisted {}) => GroupEvent::Unlisted,
        Kind::IdentityLinked(proto::IdentityLinked { old, new }) => GroupEvent::IdentityLinked {
            old: texts(old),
            new: new.into(),
        },
        Kind::JoinRequestsAnswered(proto::JoinRequestsAnswered { join_request_ids }) => {
            GroupEvent::JoinRequestsAnswered {
                join_request_ids: texts(join_request_ids),
            }
        }
        Kind::InviteLinkAnswered(proto::InviteLinkAnswered { invite_link }) => {
            GroupEvent::InviteLinkAnswered {
                invite_link: invite_link.into(),
            }
        }
        Kind::GroupForgotten(proto::GroupForgotten { stamp }) => GroupEvent::Forgotten { stamp },
        Kind::PersonErased(proto::PersonErased { ids }) => GroupEvent::Erased { ids: texts(ids) },
        Kind::MessageStatus(_)
        | Kind::RequestIntended(_)
        | Kind::RequestAnswered(_)
        | Kind::RequestCompleted(_)
        | Kind::IdentityChanged(_)
        | Kind::ListPassed(_)
        | Kind::NumberHeld(_)
        | Kind::NumberReleased(_)
        | Kind::NumberPaused(_)
        | Kind::NumberPassAsked(_)
        | Kind::NumberCounted(_) => return Err(invalid("Event.entity").into()),
    })
}

fn read_join_request_created(created: proto::JoinRequestCreated) -> GroupEvent {
    let proto::JoinRequestCreated {
        person: who,
        join_request_id,
    } = created;
    GroupEvent::JoinRequestCreated {
        person: person(who),
        join_request_id: text_opt(join_request_id),
    }
}

fn read_join_request_closed(closed: proto::JoinRequestClosed) -> GroupEvent {
    let proto::JoinRequestClosed {
        person: who,
        join_request_id,
    } = closed;
    GroupEvent::JoinRequestClosed {
        person: person(who),
        join_request_id: text_opt(join_request_id),
    }
}

fn read_settings(settings: proto::SettingsUpdated) -> GroupEvent {
    let proto::SettingsUpdated {
        subject,
        description,
        picture_sha256,
    } = settings;
    GroupEvent::SettingsUpdated {
        subject: text_opt(subject),
        description: text_opt(description),
        picture_sha256: text_opt(picture_sha256),
    }
}

fn read_created(created: proto::GroupCreated) -> GroupCreated {
    let proto::GroupCreated {
        subject,
        description,
        invite_link,
        join_approval_mode,
        participants,
    } = created;
    GroupCreated {
        subject: text_opt(subject),
        description: text_opt(description),
        invite_link: text_opt(invite_link),
        join_approval_mode: text_opt(join_approval_mode),
        participants: persons(participants),
    }
}

fn read_read(read: proto::GroupRead) -> GroupRead {
    let proto::GroupRead {
        subject,
        description,
        join_approval_mode,
        suspended,
        created,
        participants,
        is_complete,
    } = read;
    GroupRead {
        subject: text_opt(subject),
        description: text_opt(description),
        join_approval_mode: text_opt(join_approval_mode),
        suspended,
        created,
        participants: persons(participants),
        is_complete,
    }
}

fn read_join_request(join_request: proto::JoinRequest) -> JoinRequest {
    let proto::JoinRequest {
        person: who,
        join_request_id,
        created,
    } = join_request;
    JoinRequest {
        person: person(who),
        join_request_id: join_request_id.into(),
        created,
    }
}
