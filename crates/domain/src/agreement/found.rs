//! What a read is about to change in what is held: that is what was wrong.

use std::{collections::BTreeSet, fmt};

use super::{Cause, Kind, told::is_known};
use crate::{
    event::{About, Event, GroupEvent, GroupRead, HintReason, Person},
    group::{Applied, Existence, Field, FieldChange, Group, JoinRequest, Participant, View, named},
    ids::{GroupId, PersonId, Second},
    plan::Reason,
    position::Position,
    register::Rank,
};

/// What was asked, and what is about to be appended for it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Which group.
    pub group_id: &'a GroupId,
    /// As it is held now.
    pub held: Option<&'a Group>,
    /// What the read asserts.
    pub events: &'a [Event],
    /// Why it was made.
    pub reason: Reason,
    /// Second at which it was asked, in Meta's clock.
    pub t0: Second,
    /// Is this the first hydration of the number? Then nothing that is learnt is drift.
    pub is_first: bool,
    /// Was the group last verified before a gap of the log? Then what is missing is ours.
    pub is_behind_gap: bool,
}

/// One thing that was wrong, and is right when the events are folded.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// Which group.
    pub group_id: GroupId,
    /// What was wrong.
    pub kind: Kind,
    /// Why, as far as it can be known.
    pub cause: Cause,
    /// What led there.
    pub reason: Reason,
    /// When it was found, in Meta's clock: when the read was asked.
    pub found: Second,
    /// The change's own second, where Meta tells it.
    pub since: Option<Second>,
    /// When the group was last known to be right; 0 is never.
    pub verified: Second,
    /// Whom it is about; personal data, never printed.
    pub(super) ids: BTreeSet<PersonId>,
    /// Did somebody come, was it suspended? `None` where there is no contrary.
    pub(super) comes: Option<bool>,
    /// The second of a webhook whose word it takes back.
    pub(super) undoes: Option<Second>,
}

impl Repair {
    /// How long it stood, in seconds: from its own second, or else at most since the group was last verified.
    pub fn stood(&self) -> Second {
        let since = self.since.unwrap_or(self.verified);
        if since == 0 {
            0
        } else {
            (self.found - since).max(0)
        }
    }
}

impl fmt::Display for Repair {
    /// Why in words, without a name, a number or a subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Created => "Meta has this group, and it was not held as active",
            Kind::Gone => {
                "it was held as alive, and Meta does not know it: missing from a complete list, and unknown by id twice"
            }
            Kind::Subject => "Meta shows another subject",
            Kind::Member => "somebody is in it who was not shown, or was shown and is not",
            Kind::JoinRequest => {
                "somebody waits to join who was not shown, or was shown and does not"
            }
            Kind::Settings => "Meta shows other settings",
            Kind::Suspended => "Meta says otherwise whether it is suspended",
        };
        let why = match self.cause {
            Cause::Lost => "no webhook had told it",
            Cause::Late => "the webhook that tells it came later",
            Cause::Ours => "Rollcall had missed it by itself",
            Cause::Unknown => "no webhook tells this for certain",
        };
        write!(f, "{}: {what}; {why}; ", self.group_id)?;
        match (self.since, self.verified) {
            (Some(_), _) => write!(f, "it had stood for {} s", self.stood())?,
            (None, 0) => write!(f, "it had never been verified")?,
            (None, _) => write!(f, "it was verified {} s before", self.stood())?,
        }
        write!(f, "; looked at because {}", self.reason.in_words())
    }
}

/// What looking brought.
pub(super) struct Examined {
    pub(super) repairs: Vec<Repair>,
    /// Did it say something else than newer evidence?
    pub(super) contradicts: bool,
    /// Is it known now what of the group's changes was told, and what was not?
    pub(super) span: Span,
}

/// What becomes of the changes told since a group was last verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Nothing was verified.
    Open,
    /// What was not told was found: both count.
    Closed,
    /// What was not told can not be known, so what was told does not count either.
    Void,
}

pub(super) fn examine(look: &Look<'_>) -> Examined {
    let before = look.held.cloned().unwrap_or_default();
    let mut group = before.clone();
    let mut repairs = Vec::new();
    let mut is_verified = false;
    for (offset, event) in (0..).zip(look.events) {
        let verified = group.core.verified;
        let position = Position {
            generation: u32::MAX,
            offset,
            ..group.envelope.position
        };
        let applied = group.apply(look.group_id, event, position);
        is_verified |= group.core.verified > verified;
        let (Applied::View { changes, .. } | Applied::Forgotten { changes, .. }) = applied else {
            continue;
        };
        if !look.is_first {
            judge(look, &before, &group, event, &changes, &mut repairs);
        }
    }
    let contradicts = look
        .events
        .iter()
        .any(|event| contradicts(&group, &event.about));
    Examined {
        repairs,
        contradicts,
        span: span(look, &before, &group, is_verified),
    }
}

/// In doubt nothing is counted as lost, and so nothing as told.
fn span(look: &Look<'_>, before: &Group, after: &Group, is_verified: bool) -> Span {
    let is_doubted = || {
        let view = before.shown();
        view.is_some_and(|view| view.in_doubt.contains(&Field::Participants))
    };
    if is_gone(after) {
        Span::Void
    } else if !is_verified {
        Span::Open
    } else if look.is_first || !is_known(&before.core) || is_ours(look, before) || is_doubted() {
        Span::Void
    } else {
        Span::Closed
    }
}

fn is_gone(group: &Group) -> bool {
    let exists = group.core.exists.as_ref();
    exists.is_some_and(|exists| exists.value == Existence::Gone)
}

/// One kind of change, its persons, its own second, and whether any webhook tells it.
struct Change {
    kind: Kind,
    ids: BTreeSet<PersonId>,
    since: Option<Second>,
    is_told: bool,
    comes: Option<bool>,
}

fn judge(
    look: &Look<'_>,
    before: &Group,
    after: &Group,
    event: &Event,
    changes: &[FieldChange],
    repairs: &mut Vec<Repair>,
) {
    let created = after.core.created.as_ref().map(|created| created.value);
    // Members of a group that was never read and never told of its creation were never known.
    let was_known = is_known(&before.core);
    // Being taken out with the whole group is one change.
    let is_of_persons = |change: &&FieldChange| {
        matches!(
            change,
            FieldChange::Participants { .. } | FieldChange::JoinRequests { .. }
        )
    };
    let was_taken_out = is_gone(after) && !is_gone(before);
    for change in changes
        .iter()
        .filter(|change| !(was_taken_out && is_of_persons(change)))
    {
        let doubted = before.shown().is_some_and(|view| is_doubted(&view, change));
        for Change {
            kind,
            ids,
            since,
            is_told,
            comes,
        } in changes_of(change, was_known, created)
        {
            let cause = if is_ours(look, before) {
                Cause::Ours
            } else if doubted || !is_told {
                Cause::Unknown
            } else {
                Cause::Lost
            };
            repairs.push(Repair {
                group_id: look.group_id.clone(),
                kind,
                cause,
                reason: look.reason,
                found: look.t0.max(event.at),
                since,
                verified: before.core.verified,
                undoes: undone(before, kind, &ids),
                comes,
                ids,
            });
        }
    }
}

/// When a webhook said what is now taken back.
fn undone(before: &Group, kind: Kind, ids: &BTreeSet<PersonId>) -> Option<Second> {
    let core = &before.core;
    let told = |stamp: &crate::register::Stamp| (stamp.rank > Rank::Read).then_some(stamp.at);
    match kind {
        Kind::Created | Kind::Gone => told(&core.exists.as_ref()?.stamp),
        Kind::Subject => told(&core.subject.as_ref()?.stamp),
        Kind::Suspended => told(&core.suspended.as_ref()?.stamp),
        Kind::Member => {
            let members = ids.iter().filter_map(|id| core.member.get(id));
            members.filter_map(|member| told(&member.stamp)).max()
        }
        Kind::JoinRequest | Kind::Settings => None,
    }
}

/// Had Rollcall itself lost what it was told?
fn is_ours(look: &Look<'_>, before: &Group) -> bool {
    let core = &before.core;
    let quarantined = core
        .hint
        .as_ref()
        .is_some_and(|hint| hint.value == HintReason::Quarantined && hint.stamp.at > core.verified);
    look.is_behind_gap || core.overflow || quarantined
}

fn is_doubted(view: &View, change: &FieldChange) -> bool {
    let field = match change {
        FieldChange::Existence { .. } => Field::Existence,
        FieldChange::Text { field, .. }
        | FieldChange::Flag { field, .. }
        | FieldChange::Time { field, .. } => *field,
        FieldChange::Participants { .. } => Field::Participants,
        FieldChange::JoinRequests { .. } => Field::JoinRequests,
        FieldChange::InDoubt { .. } => Field::InDoubt,
    };
    view.in_doubt.contains(&field)
}

/// What was wrong, from what changes; nothing where something was learnt that had not been known at all.
fn changes_of(change: &FieldChange, is_known: bool, created: Option<Second>) -> Vec<Change> {
    let one = |kind, is_told| {
        vec![Change {
            kind,
            ids: BTreeSet::new(),
            since: None,
            is_told,
            comes: None,
        }]
    };
    match change {
        FieldChange::Existence {
            after: Some(Existence::Gone),
            ..
        } => one(Kind::Gone, true),
        FieldChange::Existence {
            before: None | Some(Existence::Gone),
            after: Some(Existence::Active),
        } => vec![Change {
            kind: Kind::Created,
            ids: BTreeSet::new(),
            since: created,
            is_told: true,
            comes: None,
        }],
        FieldChange::Existence { .. } | FieldChange::Time { .. } | FieldChange::InDoubt { .. } => {
            Vec::new()
        }
        FieldChange::Text { before: None, .. } => Vec::new(),
        FieldChange::Text { field, .. } => match field {
            Field::Subject => one(Kind::Subject, true),
            Field::Description | Field::PictureSha256 => one(Kind::Settings, true),
            Field::JoinApprovalMode | Field::InviteLink => one(Kind::Settings, false),
            Field::PhoneNumberId
            | Field::WabaId
            | Field::Existence
            | Field::Suspended
            | Field::CreatedAt
            | Field::Participants
            | Field::JoinRequests
            | Field::InDoubt
            | Field::Overflow => Vec::new(),
        },
        FieldChange::Flag {
            field: Field::Suspended,
            before,
            after,
        } if before.is_some() || *after == Some(true) => vec![Change {
            kind: Kind::Suspended,
            ids: BTreeSet::new(),
            since: None,
            is_told: true,
            comes: *after,
        }],
        FieldChange::Flag { .. } => Vec::new(),
        FieldChange::Participants { before, after } if is_known => {
            let gone = strangers(before, after).map(|person| (person, false));
            let come = strangers(after, before).map(|person| (person, true));
            of_persons(Kind::Member, true, gone.chain(come))
        }
        FieldChange::JoinRequests { before, after } if is_known => of_asks(before, after),
        FieldChange::Participants { .. } | FieldChange::JoinRequests { .. } => Vec::new(),
    }
}

fn of_asks(before: &[JoinRequest], after: &[JoinRequest]) -> Vec<Change> {
    let persons = |asks: &[JoinRequest]| -> Vec<Participant> {
        asks.iter().map(|ask| ask.person.clone()).collect()
    };
    let (before_p, after_p) = (persons(before), persons(after));
    // That somebody no longer waits may be a rejection, which no webhook tells.
    let gone = strangers(&before_p, &after_p).map(|person| (person, false));
    let mut changes = of_persons(Kind::JoinRequest, false, gone);
    for ask in after {
        let mut new = strangers(std::slice::from_ref(&ask.person), &before_p);
        if new.next().is_some() {
            changes.push(Change {
                kind: Kind::JoinRequest,
                ids: ids_of(&ask.person),
                since: ask.requested_at,
                is_told: true,
                comes: Some(true),
            });
        }
    }
    changes
}

fn of_persons<'a>(
    kind: Kind,
    is_told: bool,
    persons: impl Iterator<Item = (&'a Participant, bool)>,
) -> Vec<Change> {
    persons
        .map(|(person, comes)| Change {
            kind,
            ids: ids_of(person),
            since: None,
            is_told,
            comes: Some(comes),
        })
        .collect()
}

/// Those of `these` of whom no identifier is among `those`: who is only shown with more identifiers than before is the same.
fn strangers<'a>(
    these: &'a [Participant],
    those: &'a [Participant],
) -> impl Iterator<Item = &'a Participant> {
    these.iter().filter(move |this| {
        !those.iter().any(|that| {
            let is_same =
                |a: &Option<crate::ids::Text>, b: &Option<crate::ids::Text>| a.is_some() && a == b;
            is_same(&this.wa_id, &that.wa_id) || is_same(&this.user_id, &that.user_id)
        })
    })
}

fn ids_of(person: &Participant) -> BTreeSet<PersonId> {
    [&person.user_id, &person.wa_id]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
}

/// Does what a read says differ from what stands after it was folded? Then newer evidence stood.
fn contradicts(after: &Group, about: &About) -> bool {
    let About::Group(_, what) = about else {
        return false;
    };
    let Some(view) = after.shown() else {
        return false;
    };
    match what {
        GroupEvent::Read(read) => read_contradicts(&view, read),
        GroupEvent::Listed { subject, .. } => {
            view.existence == Some(Existence::Gone) || subject.is_some() && view.subject != *subject
        }
        GroupEvent::Unknown => view.existence != Some(Existence::Gone),
        GroupEvent::Suspended(suspended) => view.suspended != Some(*suspended),
        GroupEvent::Created(_)
        | GroupEvent::Deleted
        | GroupEvent::ParticipantsAdded { .. }
        | GroupEvent::ParticipantsRemoved { .. }
        | GroupEvent::JoinRequestCreated { .. }
        | GroupEvent::JoinRequestClosed { .. }
        | GroupEvent::SettingsUpdated { .. }
        | GroupEvent::MessageReceived { .. }
        | GroupEvent::Hinted { .. }
        | GroupEvent::JoinRequestsRead { .. }
        | GroupEvent::Unlisted
        | GroupEvent::IdentityLinked { .. }
        | GroupEvent::JoinRequestsAnswered { .. }
        | GroupEvent::InviteLinkAnswered { .. }
        | GroupEvent::Forgotten { .. }
        | GroupEvent::Erased { .. } => false,
    }
}

fn read_contradicts(view: &View, read: &GroupRead) -> bool {
    if view.existence == Some(Existence::Gone) {
        return true;
    }
    let is_shown = |person: &Person| {
        let id = named(person).id;
        let is = |shown: &Option<crate::ids::Text>| shown.is_some() && *shown == id;
        id.is_none()
            || view
                .participants
                .iter()
                .any(|shown| is(&shown.user_id) || is(&shown.wa_id))
    };
    let listed = read.participants.len();
    read.subject.is_some() && view.subject != read.subject
        || read.suspended.is_some() && view.suspended != read.suspended
        || !read.participants.iter().all(is_shown)
        || read.is_complete && view.participants.len() > listed
}
