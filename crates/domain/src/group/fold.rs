//! How an event changes what is known of a group.
//!
//! Every line of the design's "what webhooks assert", "what reads assert" and "what answers to our commands assert" is a line of [`fold`].

use super::{
    Ask, AskDetail, Core, Existence, Links, Named, Presence, named,
    writer::{Touched, Writer, raise},
};
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person, Source},
    ids::{PersonId, Second, Text},
    limits::ASKED_AHEAD_SECONDS_MAX,
    register::{Doubt, Effect, Rank, Stamp, assert},
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

/// Folds an event in.
///
/// The effect is less than a `Value` only where what is shown is certain to be as before; where it is one, what was not touched is certain to be.
pub(super) fn fold(core: &mut Core, event: &Event, what: &GroupEvent) -> (Effect, Touched) {
    let stamp = Stamp {
        at: event.at,
        rank: rank(what, event.source),
        tie: event.id,
    };
    let mut writer = Writer::new(core, stamp);
    // What Rollcall says by itself was not said by Meta for a number.
    if event.source != Source::Rollcall {
        writer.metadata(event);
    }
    writer.assert_all(what);
    writer.finish()
}

/// The kind of evidence that an event is.
fn rank(what: &GroupEvent, source: Source) -> Rank {
    match (what, source) {
        (GroupEvent::MessageReceived { .. } | GroupEvent::JoinRequestCreated { .. }, _) => {
            Rank::Circumstance
        }
        (
            GroupEvent::IdentityLinked { .. }
            | GroupEvent::JoinRequestsAnswered { .. }
            | GroupEvent::InviteLinkAnswered { .. },
            _,
        ) => Rank::Statement,
        (_, Source::Read | Source::Rollcall) => Rank::Read,
        (_, Source::Webhook | Source::Command) => Rank::Statement,
    }
}

impl Writer<'_> {
    /// Every line of the design's section 4 on what events assert is a line of this.
    fn assert_all(&mut self, what: &GroupEvent) {
        match what {
            GroupEvent::Created(created) => self.created(created),
            GroupEvent::Deleted | GroupEvent::Unknown => self.gone(),
            GroupEvent::ParticipantsAdded { participants } => self.added(participants),
            GroupEvent::ParticipantsRemoved { participants } => self.removed(participants),
            GroupEvent::MessageReceived { sender } => self.present(sender),
            GroupEvent::JoinRequestCreated {
                person,
                join_request_id,
            } => {
                let at = self.stamp.at;
                self.asked(person, join_request_id.as_ref(), at, at);
            }
            GroupEvent::JoinRequestClosed {
                person,
                join_request_id,
            } => self.ask_closed(person, join_request_id.as_ref()),
            GroupEvent::SettingsUpdated {
                subject,
                description,
                picture_sha256,
            } => {
                self.text(|core| &mut core.subject, subject.as_ref());
                self.text(|core| &mut core.description, description.as_ref());
                self.text(|core| &mut core.picture, picture_sha256.as_ref());
            }
            GroupEvent::Suspended(suspended) => self.suspended(*suspended),
            GroupEvent::Hinted { reason } => self.hint(*reason),
            GroupEvent::Read(read) => self.read(read),
            GroupEvent::JoinRequestsRead { join_requests } => {
                self.join_requests_read(join_requests)
            }
            GroupEvent::Listed { subject, created } => {
                self.exists(Existence::Active);
                self.text(|core| &mut core.subject, subject.as_ref());
                self.creation(*created);
            }
            GroupEvent::Unlisted => {
                let effect = assert(&mut self.core.unlisted, self.stamp, (), Doubt::Never);
                self.note(effect);
            }
            GroupEvent::IdentityLinked { old, new } => {
                old.iter().for_each(|old| self.link(old, new));
            }
            GroupEvent::JoinRequestsAnswered { join_request_ids } => {
                for id in join_request_ids {
                    self.ask(id, Ask::Closed);
                }
            }
            GroupEvent::InviteLinkAnswered { invite_link } => {
                self.text(|core| &mut core.invite, Some(invite_link));
            }
            GroupEvent::Forgotten { .. } => {}
            GroupEvent::Erased { ids } => self.erase(ids),
        }
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
        if self.stamp.rank == Rank::Statement {
            let effect = assert(&mut self.core.deleted, self.stamp, (), Doubt::Never);
            self.note(effect);
        }
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

    /// Open since `at`; what the naming shows is no younger than the event for that.
    fn asked(
        &mut self,
        person: &Person,
        join_request_id: Option<&Text>,
        at: Second,
        created: Second,
    ) {
        let join_request_id = join_request_id.filter(|id| !id.is_empty());
        let Some(id) = self.person(person).or_else(|| join_request_id.cloned()) else {
            return;
        };
        let said_at = self.stamp;
        self.stamp.at = at;
        self.ask(&id, Ask::Open);
        if let Some(join_request_id) = join_request_id
            && at >= self.core.asks
        {
            let Named { label, parent, .. } = named(person);
            let detail = AskDetail {
                join_request_id: join_request_id.clone(),
                created,
                username: label,
                parent_user_id: parent,
            };
            let details = &mut self.core.ask_detail;
            let effect = details.assert(&id, self.stamp, detail, Doubt::Never);
            self.note_of_person(effect);
        }
        self.stamp = said_at;
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
            if raise(&mut self.core.verified, self.stamp.at) {
                self.note(Effect::Stamp);
            }
        }
    }

    fn join_requests_read(&mut self, join_requests: &[JoinRequest]) {
        let read_at = self.stamp.at;
        for JoinRequest {
            person,
            join_request_id,
            created,
        } in join_requests
        {
            // One made after the second that the read speaks of is as new as its making; but nothing is made after the answer,
            // and one second in milliseconds would freeze a register for ever.
            let is_credible =
                |created: &Second| *created <= read_at.saturating_add(ASKED_AHEAD_SECONDS_MAX);
            let created = created.filter(is_credible).unwrap_or(read_at);
            let at = read_at.max(created);
            self.asked(person, Some(join_request_id), at, created);
        }
        self.raise_asks();
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
        let mut erased: Vec<Text> = ids.iter().filter(|id| !present(id)).cloned().collect();
        // A join request id embeds the phone number (reference §6.1).
        let asked = |id: &Text| self.core.ask_detail.get(id);
        let asks: Vec<&AskDetail> = erased.iter().filter_map(asked).map(|r| &r.value).collect();
        let asks: Vec<Text> = asks.iter().map(|ask| ask.join_request_id.clone()).collect();
        erased.extend(asks);
        let is_kept = |id: &str| !erased.iter().any(|erased| *erased == id);
        let core = &mut *self.core;
        let drops = core.member.retain(|id, _| is_kept(id))
            | core.ask.retain(|id, _| is_kept(id))
            | core.ask_detail.retain(|id, _| is_kept(id))
            | core.label.retain(|id, _| is_kept(id))
            | core.parent.retain(|id, _| is_kept(id))
            | core
                .is
                .retain(|id, link| is_kept(id) && is_kept(&link.value));
        if drops {
            self.note_all();
        }
    }
}
