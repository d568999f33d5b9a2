//! How an event changes what is known of a group.
//!
//! Every line of the design's "what webhooks assert", "what reads assert" and "what answers to our commands assert" is a line of [`fold`].

use super::{Ask, AskDetail, Core, Existence, Links, Presence, named};
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person, Source},
    ids::{PersonId, Second, Text, is_number},
    limits::{LINK_GRACE_SECONDS, REGISTERS_MAX},
    register::{Doubt, Rank, Register, Stamp, assert},
};

/// Should the group be dropped? Follows the order of the log.
pub(super) fn is_forgotten(core: &Core, what: &GroupEvent) -> bool {
    let GroupEvent::Forgotten { stamp } = what else {
        return false;
    };
    core.exists
        .as_ref()
        .is_some_and(|exists| exists.value == Existence::Gone && exists.stamp.at == *stamp)
}

/// Folds an event in; tells whether any byte changed.
pub(super) fn fold(core: &mut Core, event: &Event, what: &GroupEvent) -> bool {
    let rank = rank(what, event.source);
    let mut writer = Writer {
        core,
        stamp: Stamp {
            at: event.at,
            rank,
            tie: event.id,
        },
        changed: false,
    };
    if event.source != Source::Rollcall {
        writer.metadata(event);
    }
    match what {
        GroupEvent::Created(created) => writer.created(created),
        GroupEvent::Deleted | GroupEvent::Unknown => writer.gone(),
        GroupEvent::ParticipantsAdded { participants } => writer.added(participants),
        GroupEvent::ParticipantsRemoved { participants } => writer.removed(participants),
        GroupEvent::MessageReceived { sender } => writer.present(sender),
        GroupEvent::JoinRequestCreated {
            person,
            join_request_id,
        } => {
            let created = writer.stamp.at;
            writer.asked(person, join_request_id.as_ref(), created);
        }
        GroupEvent::JoinRequestClosed {
            person,
            join_request_id,
        } => writer.ask_closed(person, join_request_id.as_ref()),
        GroupEvent::SettingsUpdated {
            subject,
            description,
            picture_sha256,
        } => {
            writer.text(|core| &mut core.subject, subject.as_ref());
            writer.text(|core| &mut core.description, description.as_ref());
            writer.text(|core| &mut core.picture, picture_sha256.as_ref());
        }
        GroupEvent::Suspended(suspended) => writer.suspended(*suspended),
        GroupEvent::Hinted { reason } => writer.hint(*reason),
        GroupEvent::Read(read) => writer.read(read),
        GroupEvent::JoinRequestsRead { join_requests } => writer.join_requests_read(join_requests),
        GroupEvent::Listed { subject, created } => {
            writer.exists(Existence::Active);
            writer.text(|core| &mut core.subject, subject.as_ref());
            writer.creation(*created);
        }
        GroupEvent::Unlisted => {
            let stamp = writer.stamp;
            writer.changed |= assert(&mut writer.core.unlisted, stamp, (), Doubt::Never);
        }
        GroupEvent::IdentityLinked { old, new } => old.iter().for_each(|old| writer.link(old, new)),
        GroupEvent::JoinRequestsAnswered { join_request_ids } => {
            join_request_ids
                .iter()
                .for_each(|id| writer.ask(id, Ask::Closed));
        }
        GroupEvent::InviteLinkAnswered { invite_link } => {
            writer.text(|core| &mut core.invite, Some(invite_link))
        }
        GroupEvent::Forgotten { .. } => {}
        GroupEvent::Erased { ids } => writer.erase(ids),
    }
    writer.finish()
}

/// The kind of evidence that an event is.
fn rank(what: &GroupEvent, source: Source) -> Rank {
    match (what, source) {
        (GroupEvent::MessageReceived { .. } | GroupEvent::JoinRequestCreated { .. }, _) => {
            Rank::Circumstance
        }
        (GroupEvent::IdentityLinked { .. }, _) => Rank::Statement,
        (_, Source::Read | Source::Rollcall) => Rank::Read,
        (_, Source::Webhook | Source::Command) => Rank::Statement,
    }
}

/// A core being written to, with the stamp of the event.
///
/// What lies under a floor is not written at all, so that `changed` means that a byte changed.
struct Writer<'a> {
    core: &'a mut Core,
    stamp: Stamp,
    changed: bool,
}

impl Writer<'_> {
    /// Links, labels, parents, number and account have the rank of a statement whatever the webhook, and that of the read in a read.
    fn firm(&self) -> Stamp {
        let rank = if self.stamp.rank == Rank::Read {
            Rank::Read
        } else {
            Rank::Statement
        };
        Stamp { rank, ..self.stamp }
    }

    fn metadata(&mut self, event: &Event) {
        let stamp = self.firm();
        if let Some(number) = &event.phone_number_id {
            self.changed |= assert(
                &mut self.core.number,
                stamp,
                Text::new(number.as_str()),
                Doubt::Never,
            );
        }
        if let Some(waba) = &event.waba_id {
            self.changed |= assert(&mut self.core.waba, stamp, waba.clone(), Doubt::Never);
        }
    }

    fn text(
        &mut self,
        field: impl Fn(&mut Core) -> &mut Option<Register<Text>>,
        value: Option<&Text>,
    ) {
        if let Some(value) = value {
            self.changed |= assert(field(self.core), self.stamp, value.clone(), Doubt::Kept);
        }
    }

    fn exists(&mut self, existence: Existence) {
        self.changed |= assert(&mut self.core.exists, self.stamp, existence, Doubt::Kept);
    }

    fn creation(&mut self, created: Option<Second>) {
        if let Some(created) = created {
            self.changed |= assert(&mut self.core.created, self.stamp, created, Doubt::Never);
        }
    }

    fn suspended(&mut self, suspended: bool) {
        self.changed |= assert(&mut self.core.suspended, self.stamp, suspended, Doubt::Kept);
    }

    fn hint(&mut self, reason: HintReason) {
        self.changed |= assert(&mut self.core.hint, self.stamp, reason, Doubt::Never);
    }

    fn member(&mut self, id: &str, presence: Presence) {
        if self.stamp.at < self.core.roster {
            return;
        }
        self.changed |= self
            .core
            .member
            .assert(id, self.stamp, presence, Doubt::Kept);
    }

    fn ask(&mut self, id: &str, ask: Ask) {
        if self.stamp.at < self.core.asks {
            return;
        }
        self.changed |= self.core.ask.assert(id, self.stamp, ask, Doubt::Kept);
    }

    fn link(&mut self, from: &PersonId, to: &PersonId) {
        let is_allowed = from != to && (is_number(from) || !is_number(to));
        if is_allowed && self.stamp.at >= link_floor(self.core) {
            let stamp = self.firm();
            self.changed |= self.core.is.assert(from, stamp, to.clone(), Doubt::Kept);
        }
    }

    /// Asserts what the naming of a person shows; gives the identifier to key their registers by.
    fn person(&mut self, person: &Person) -> Option<PersonId> {
        let named = named(person);
        for (from, to) in &named.links {
            self.link(from, to);
        }
        let id = named.id?;
        let stamp = self.firm();
        if stamp.at < self.core.roster {
            return Some(id);
        }
        if let Some(label) = named.label {
            self.changed |= self.core.label.assert(&id, stamp, label, Doubt::Never);
        }
        if let Some(parent) = named.parent {
            self.changed |= self.core.parent.assert(&id, stamp, parent, Doubt::Never);
        }
        Some(id)
    }

    fn created(&mut self, created: &GroupCreated) {
        let GroupCreated {
            subject,
            description,
            invite_link,
            join_approval_mode,
            participants,
        } = created;
        self.exists(Existence::Active);
        self.creation(Some(self.stamp.at));
        self.text(|core| &mut core.subject, subject.as_ref());
        self.text(|core| &mut core.description, description.as_ref());
        self.text(|core| &mut core.invite, invite_link.as_ref());
        self.text(|core| &mut core.approval, join_approval_mode.as_ref());
        self.added(participants);
    }

    /// Deleting takes everybody out, so both floors rise.
    fn gone(&mut self) {
        self.exists(Existence::Gone);
        self.raise_roster();
        self.raise_asks();
    }

    fn added(&mut self, participants: &[Person]) {
        participants.iter().for_each(|person| self.present(person));
    }

    /// Whoever is in is not waiting.
    fn present(&mut self, person: &Person) {
        if let Some(id) = self.person(person) {
            self.member(&id, Presence::Present);
            self.ask(&id, Ask::Closed);
        }
    }

    /// Whoever was in was not waiting.
    fn removed(&mut self, participants: &[Person]) {
        for person in participants {
            if named(person).is_uncertain {
                self.hint(HintReason::RemovedByInput);
            }
            if let Some(id) = self.person(person) {
                self.member(&id, Presence::Absent);
                self.ask(&id, Ask::Closed);
            }
        }
    }

    fn asked(&mut self, person: &Person, join_request_id: Option<&Text>, created: Second) {
        let Some(id) = self.person(person).or_else(|| join_request_id.cloned()) else {
            return;
        };
        self.ask(&id, Ask::Open);
        if let Some(join_request_id) = join_request_id
            && self.stamp.at >= self.core.asks
        {
            let detail = AskDetail {
                join_request_id: join_request_id.clone(),
                created,
            };
            self.changed |= self
                .core
                .ask_detail
                .assert(&id, self.stamp, detail, Doubt::Never);
        }
    }

    /// Closes by person and by id, for it may have been opened under either.
    fn ask_closed(&mut self, person: &Person, join_request_id: Option<&Text>) {
        if let Some(id) = self.person(person) {
            self.ask(&id, Ask::Closed);
        }
        if let Some(id) = join_request_id {
            self.ask(id, Ask::Closed);
        }
    }

    fn read(&mut self, read: &GroupRead) {
        let GroupRead {
            subject,
            description,
            join_approval_mode,
            suspended,
            created,
            participants,
            is_complete,
        } = read;
        self.exists(Existence::Active);
        self.text(|core| &mut core.subject, subject.as_ref());
        self.text(|core| &mut core.description, description.as_ref());
        self.text(|core| &mut core.approval, join_approval_mode.as_ref());
        self.creation(*created);
        if let Some(suspended) = suspended {
            self.suspended(*suspended);
        }
        self.added(participants);
        if *is_complete {
            self.raise_roster();
            self.changed |= raise(&mut self.core.verified, self.stamp.at);
        }
    }

    fn join_requests_read(&mut self, join_requests: &[JoinRequest]) {
        let read_at = self.stamp;
        for JoinRequest {
            person,
            join_request_id,
            created,
        } in join_requests
        {
            // One made after the second that the read speaks of is as new as its making.
            let created = created.unwrap_or(read_at.at);
            self.stamp.at = read_at.at.max(created);
            self.asked(person, Some(join_request_id), created);
            self.stamp = read_at;
        }
        self.raise_asks();
    }

    fn raise_roster(&mut self) {
        self.changed |= raise(&mut self.core.roster, self.stamp.at);
    }

    fn raise_asks(&mut self) {
        self.changed |= raise(&mut self.core.asks, self.stamp.at);
    }

    /// Drops the registers and labels of persons who are not present, by all identifiers given.
    fn erase(&mut self, ids: &[PersonId]) {
        let links = Links::new(&self.core.is);
        let present = |id: &PersonId| {
            let person = links.resolve(id);
            self.core
                .member
                .iter()
                .any(|(id, r)| links.resolve(id) == person && r.value == Presence::Present)
        };
        let erased: Vec<&PersonId> = ids.iter().filter(|id| !present(id)).collect();
        let is_kept = |id: &str| !erased.iter().any(|erased| *erased == id);
        let core = &mut *self.core;
        self.changed |= core.member.retain(|id, _| is_kept(id))
            | core.ask.retain(|id, _| is_kept(id))
            | core.ask_detail.retain(|id, _| is_kept(id))
            | core.label.retain(|id, _| is_kept(id))
            | core.parent.retain(|id, _| is_kept(id))
            | core
                .is
                .retain(|id, link| is_kept(id) && is_kept(&link.value));
    }

    /// Raises what every event of its rank raises, drops what lies under the floors, and bounds the rest.
    fn finish(self) -> bool {
        let Self {
            core,
            stamp,
            mut changed,
        } = self;
        if stamp.rank >= Rank::Circumstance {
            changed |= raise(&mut core.changed, stamp.at);
        }
        if !changed {
            return false;
        }
        core.member.drop_before(core.roster);
        core.label.drop_before(core.roster);
        core.parent.drop_before(core.roster);
        core.ask.drop_before(core.asks);
        core.ask_detail.drop_before(core.asks);
        core.is
            .drop_before(core.roster.saturating_sub(LINK_GRACE_SECONDS));
        core.overflow |= core.member.keep_greatest(REGISTERS_MAX)
            | core.label.keep_greatest(REGISTERS_MAX)
            | core.parent.keep_greatest(REGISTERS_MAX)
            | core.ask.keep_greatest(REGISTERS_MAX)
            | core.ask_detail.keep_greatest(REGISTERS_MAX)
            | core.is.keep_greatest(REGISTERS_MAX);
        true
    }
}

/// Links outlive the roster floor, for a late webhook must still find whom it names.
fn link_floor(core: &Core) -> Second {
    core.roster.saturating_sub(LINK_GRACE_SECONDS)
}

fn raise(floor: &mut Second, to: Second) -> bool {
    let rises = to > *floor;
    if rises {
        *floor = to;
    }
    rises
}
