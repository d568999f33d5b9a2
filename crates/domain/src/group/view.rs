//! What is shown of a group: a pure function of its core.

use std::mem;

use super::{
    Core, Existence, FieldChange, change,
    persons::{Persons, persons},
};
use crate::{
    ids::{Second, Text},
    register::{Rank, Register, Registers, Stamp},
};

/// A field of the view, named as in the JSON of the query API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `phone_number_id`
    PhoneNumberId,
    /// `waba_id`
    WabaId,
    /// `existence`
    Existence,
    /// `suspended`
    Suspended,
    /// `subject`
    Subject,
    /// `description`
    Description,
    /// `join_approval_mode`
    JoinApprovalMode,
    /// `invite_link`
    InviteLink,
    /// `picture_sha256`
    PictureSha256,
    /// `created_at`
    CreatedAt,
    /// `participants`
    Participants,
    /// `join_requests`
    JoinRequests,
    /// `in_doubt`
    InDoubt,
    /// `overflow`
    Overflow,
}

impl Field {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhoneNumberId => "phone_number_id",
            Self::WabaId => "waba_id",
            Self::Existence => "existence",
            Self::Suspended => "suspended",
            Self::Subject => "subject",
            Self::Description => "description",
            Self::JoinApprovalMode => "join_approval_mode",
            Self::InviteLink => "invite_link",
            Self::PictureSha256 => "picture_sha256",
            Self::CreatedAt => "created_at",
            Self::Participants => "participants",
            Self::JoinRequests => "join_requests",
            Self::InDoubt => "in_doubt",
            Self::Overflow => "overflow",
        }
    }
}

/// What is shown of a group. Unknown is `None`, and is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Business number that runs it.
    pub phone_number_id: Option<Text>,
    /// WhatsApp Business Account.
    pub waba_id: Option<Text>,
    /// `None` is unconfirmed: seen in an event, never confirmed.
    pub existence: Option<Existence>,
    /// Suspended by Meta?
    pub suspended: Option<bool>,
    /// Subject.
    pub subject: Option<Text>,
    /// Description; `""` is none.
    pub description: Option<Text>,
    /// Join approval mode as Meta wrote it.
    pub join_approval_mode: Option<Text>,
    /// Invite link; `""` is revoked.
    pub invite_link: Option<Text>,
    /// Hash of the picture as Meta wrote it.
    pub picture_sha256: Option<Text>,
    /// Creation second.
    pub created_at: Option<Second>,
    /// Members, in order of the identifier that stands for each.
    pub participants: Vec<Participant>,
    /// Open join requests of those who are not members, in the same order.
    pub join_requests: Vec<JoinRequest>,
    /// Fields whose evidence contradicts itself, in order of [`Field`].
    pub in_doubt: Vec<Field>,
    /// Too many registers to keep all.
    pub overflow: bool,
}

/// A member as shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Participant {
    /// Phone number.
    pub wa_id: Option<Text>,
    /// Business-scoped user id.
    pub user_id: Option<Text>,
    /// Parent user id.
    pub parent_user_id: Option<Text>,
    /// Username without `@`.
    pub username: Option<Text>,
}

/// A join request as shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct JoinRequest {
    /// Meta's id, if known.
    pub join_request_id: Option<Text>,
    /// Who waits; all `None` if Meta named nobody.
    pub person: Participant,
    /// When it was made.
    pub requested_at: Option<Second>,
}

/// Computes the view; `None` where nothing is known but that somebody should look.
pub(super) fn view(core: &Core) -> Option<View> {
    is_shown(core).then(|| assemble(core, persons_of(core)))
}

/// Is a group shown before and after with the same existence? Then what an event did not touch is shown as before.
pub(super) fn is_shown_alike(before: &View, core: &Core) -> bool {
    before.existence == existence(core)
}

impl View {
    /// Shows persons as they are now, after an event that touched nothing else; gives what changed.
    pub(super) fn renew_persons(&mut self, core: &Core) -> Vec<FieldChange> {
        let Persons {
            participants,
            join_requests,
            participants_doubt,
            join_requests_doubt,
        } = persons_of(core);
        let in_doubt = in_doubt(core, participants_doubt, join_requests_doubt);
        let participants = mem::replace(&mut self.participants, participants);
        let join_requests = mem::replace(&mut self.join_requests, join_requests);
        let in_doubt = mem::replace(&mut self.in_doubt, in_doubt);
        let mut changes = Vec::new();
        change::persons(
            (&participants, &join_requests, &in_doubt),
            self,
            &mut changes,
        );
        changes
    }

    /// Shows all but persons as it is now, after an event that did not touch these; gives what changed.
    pub(super) fn renew_group(&mut self, core: &Core) -> Vec<FieldChange> {
        let is_in_doubt = |field| self.in_doubt.contains(&field);
        let persons = Persons {
            participants_doubt: is_in_doubt(Field::Participants),
            join_requests_doubt: is_in_doubt(Field::JoinRequests),
            ..Persons::default()
        };
        let mut after = assemble(core, persons);
        after.participants = mem::take(&mut self.participants);
        after.join_requests = mem::take(&mut self.join_requests);
        let before = mem::replace(self, after);
        let mut changes = Vec::new();
        change::group(&before, self, &mut changes);
        changes
    }
}

fn existence(core: &Core) -> Option<Existence> {
    core.exists.as_ref().map(|register| register.value)
}

/// Who is shown. A gone group shows nobody, and what it does not show is not in doubt.
fn persons_of(core: &Core) -> Persons {
    match existence(core) {
        Some(Existence::Gone) => Persons::default(),
        Some(Existence::Active) | None => persons(core),
    }
}

fn assemble(core: &Core, persons: Persons) -> View {
    let Persons {
        participants,
        join_requests,
        participants_doubt,
        join_requests_doubt,
    } = persons;
    View {
        phone_number_id: value(&core.number),
        waba_id: value(&core.waba),
        existence: existence(core),
        suspended: value(&core.suspended),
        subject: value(&core.subject),
        description: value(&core.description),
        join_approval_mode: value(&core.approval),
        invite_link: value(&core.invite),
        picture_sha256: value(&core.picture),
        created_at: value(&core.created),
        participants,
        join_requests,
        in_doubt: in_doubt(core, participants_doubt, join_requests_doubt),
        overflow: core.overflow,
    }
}

fn in_doubt(core: &Core, participants_doubt: bool, join_requests_doubt: bool) -> Vec<Field> {
    [
        (Field::Existence, doubt(&core.exists) || outlived(core)),
        (Field::Suspended, doubt(&core.suspended)),
        (Field::Subject, doubt(&core.subject)),
        (Field::Description, doubt(&core.description)),
        (Field::JoinApprovalMode, doubt(&core.approval)),
        (Field::InviteLink, doubt(&core.invite)),
        (Field::PictureSha256, doubt(&core.picture)),
        (Field::Participants, participants_doubt),
        (Field::JoinRequests, join_requests_doubt),
    ]
    .into_iter()
    .filter_map(|(field, doubt)| doubt.then_some(field))
    .collect()
}

fn value<V: Clone>(register: &Option<Register<V>>) -> Option<V> {
    register.as_ref().map(|register| register.value.clone())
}

fn doubt<V>(register: &Option<Register<V>>) -> bool {
    register.as_ref().is_some_and(|register| register.doubt)
}

/// A hint alone, with the number it came by, makes no group that is shown.
fn is_shown(core: &Core) -> bool {
    core.exists.is_some()
        || [
            &core.subject,
            &core.description,
            &core.picture,
            &core.invite,
            &core.approval,
        ]
        .iter()
        .any(|r| r.is_some())
        || core.suspended.is_some()
        || core.created.is_some()
        || !core.member.is_empty()
        || !core.ask.is_empty()
        || core.roster > 0
        || core.asks > 0
}

/// Is there evidence of more than a read that is newer than the group's going?
fn outlived(core: &Core) -> bool {
    let Some(exists) = core.exists.as_ref().filter(|r| r.value == Existence::Gone) else {
        return false;
    };
    let gone = exists.stamp.at;
    let is_newer = |stamp: &Stamp| stamp.rank >= Rank::Circumstance && stamp.at > gone;
    let texts = [
        &core.number,
        &core.waba,
        &core.subject,
        &core.description,
        &core.picture,
        &core.invite,
        &core.approval,
    ];
    let singles = texts.map(stamp_of).into_iter().chain([
        stamp_of(&core.suspended),
        stamp_of(&core.created),
        stamp_of(&core.hint),
        stamp_of(&core.unlisted),
    ]);
    singles.flatten().any(is_newer)
        || stamps_of(&core.member).any(is_newer)
        || stamps_of(&core.ask).any(is_newer)
        || stamps_of(&core.ask_detail).any(is_newer)
        || [&core.is, &core.label, &core.parent]
            .into_iter()
            .any(|registers| stamps_of(registers).any(is_newer))
}

fn stamp_of<V>(register: &Option<Register<V>>) -> Option<&Stamp> {
    register.as_ref().map(|register| &register.stamp)
}

fn stamps_of<V: Ord>(registers: &Registers<V>) -> impl Iterator<Item = &Stamp> {
    registers.iter().map(|(_, register)| &register.stamp)
}
