//! How an event changes what is known of a group.
//!
//! Every line of the design's "what webhooks assert", "what reads assert" and "what answers to our commands assert" is a line of [`fold`].

use super::{Ask, AskDetail, Core, Existence, Links, Named, Presence, named};
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person, Source},
    ids::{PersonId, Second, Text, is_number},
    limits::{ASKED_AHEAD_SECONDS_MAX, LINK_GRACE_SECONDS, REGISTERS_MAX},
    register::{Doubt, Effect, Rank, Register, Stamp, assert},
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
/// The effect is less than a `Value` only where what is shown is certain to be as before.
pub(super) fn fold(core: &mut Core, event: &Event, what: &GroupEvent) -> Effect {
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

/// A core being written to, with the stamp of the event.
///
/// What lies under a floor is not written at all, so that the effect means that a byte changed.
struct Writer<'a> {
    core: &'a mut Core,
    stamp: Stamp,
    effect: Effect,
    /// A register of a person says the same by younger evidence: that is seen only where it competes with another.
    renewed: bool,
    /// A floor rose, so that something may lie under it.
    rose: bool,
}

impl<'a> Writer<'a> {
    fn new(core: &'a mut Core, stamp: Stamp) -> Self {
        Self {
            core,
            stamp,
            effect: Effect::Nothing,
            renewed: false,
            rose: false,
        }
    }

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

    fn note(&mut self, effect: Effect) {
        self.effect = self.effect.max(effect);
    }

    /// Notes what became of a register that is merged with others of the same person.
    fn note_of_person(&mut self, effect: Effect) {
        self.note(effect);
        self.renewed |= effect == Effect::Stamp;
    }

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
            let number = Text::new(number.as_str());
            let effect = assert(&mut self.core.number, stamp, number, Doubt::Never);
            self.note(effect);
        }
        if let Some(waba) = &event.waba_id {
            let effect = assert(&mut self.core.waba, stamp, waba.clone(), Doubt::Never);
            self.note(effect);
        }
    }

    fn text(
        &mut self,
        field: impl Fn(&mut Core) -> &mut Option<Register<Text>>,
        value: Option<&Text>,
    ) {
        if let Some(value) = value {
            let effect = assert(field(self.core), self.stamp, value.clone(), Doubt::Kept);
            self.note(effect);
        }
    }

    fn exists(&mut self, existence: Existence) {
        let effect = assert(&mut self.core.exists, self.stamp, existence, Doubt::Kept);
        self.note(effect);
    }

    fn creation(&mut self, created: Option<Second>) {
        if let Some(created) = created {
            let effect = assert(&mut self.core.created, self.stamp, created, Doubt::Never);
            self.note(effect);
        }
    }

    fn suspended(&mut self, suspended: bool) {
        let effect = assert(&mut self.core.suspended, self.stamp, suspended, Doubt::Kept);
        self.note(effect);
    }

    fn hint(&mut self, reason: HintReason) {
        let effect = assert(&mut self.core.hint, self.stamp, reason, Doubt::Never);
        self.note(effect);
    }

    fn member(&mut self, id: &str, presence: Presence) {
        let (stamp, roster) = (self.stamp, self.core.roster);
        if stamp.at < roster {
            return;
        }
        // A number seen since the last complete read may be somebody whose number that read hid.
        let emerges = is_number(id)
            && stamp.at > roster
            && self
                .core
                .member
                .get(id)
                .is_some_and(|r| r.stamp.at <= roster);
        let effect = self.core.member.assert(id, stamp, presence, Doubt::Kept);
        self.note_of_person(effect);
        if emerges {
            self.note(Effect::Value);
        }
    }

    fn ask(&mut self, id: &str, ask: Ask) {
        if id.is_empty() || self.stamp.at < self.core.asks {
            return;
        }
        let effect = self.core.ask.assert(id, self.stamp, ask, Doubt::Kept);
        self.note_of_person(effect);
        // Asks are joined by join request too.
        if effect == Effect::Stamp && !self.core.ask_detail.is_empty() {
            self.note(Effect::Value);
        }
    }

    fn link(&mut self, from: &PersonId, to: &PersonId) {
        let is_allowed = from != to && (is_number(from) || !is_number(to));
        if !is_allowed || self.stamp.at < link_floor(self.core) {
            return;
        }
        let stamp = self.firm();
        let effect = self.core.is.assert(from, stamp, to.clone(), Doubt::Kept);
        self.note(effect);
        // Of several numbers the one with the youngest link is shown.
        let competes = || {
            let same = self.core.is.iter().filter(|(_, link)| link.value == *to);
            self.core.is.get(to).is_some() || same.count() > 1
        };
        if effect == Effect::Stamp && competes() {
            self.note(Effect::Value);
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
            let effect = self.core.label.assert(&id, stamp, label, Doubt::Never);
            self.note_of_person(effect);
        }
        if let Some(parent) = named.parent {
            let effect = self.core.parent.assert(&id, stamp, parent, Doubt::Never);
            self.note_of_person(effect);
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

    fn raise_roster(&mut self) {
        if raise(&mut self.core.roster, self.stamp.at) {
            self.rose = true;
            self.note(Effect::Value);
        }
    }

    fn raise_asks(&mut self) {
        if raise(&mut self.core.asks, self.stamp.at) {
            self.rose = true;
            self.note(Effect::Value);
        }
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
            self.note(Effect::Value);
        }
    }

    /// Raises what every event of its rank raises, drops what lies under the floors, and bounds the rest.
    fn finish(mut self) -> Effect {
        if self.stamp.rank >= Rank::Circumstance && raise(&mut self.core.changed, self.stamp.at) {
            self.note(Effect::Stamp);
        }
        if self.effect == Effect::Stamp
            && (is_gone(self.core) || self.renewed && !is_one_id_each(self.core))
        {
            self.effect = Effect::Value;
        }
        if self.rose {
            drop_under_floors(self.core);
        }
        if self.effect == Effect::Value {
            bound(self.core);
        }
        self.effect
    }
}

/// Of a gone group it is shown whether anything is younger than its going.
fn is_gone(core: &Core) -> bool {
    let exists = core.exists.as_ref();
    exists.is_some_and(|exists| exists.value == Existence::Gone)
}

/// Has nobody registers under two identifiers? Then no two stamps are compared when persons are shown.
fn is_one_id_each(core: &Core) -> bool {
    core.is.is_disjoint(&core.member)
        && core.is.is_disjoint(&core.ask)
        && core.is.is_disjoint(&core.ask_detail)
        && core.is.is_disjoint(&core.label)
        && core.is.is_disjoint(&core.parent)
}

/// Thresholds look at nothing else than the floors: that is what keeps forgetting a join.
fn drop_under_floors(core: &mut Core) {
    core.member.drop_before(core.roster);
    core.label.drop_before(core.roster);
    core.parent.drop_before(core.roster);
    core.ask.drop_before(core.asks);
    core.ask_detail.drop_before(core.asks);
    let floor = link_floor(core);
    core.is.drop_before(floor);
}

/// Keeps the greatest stamps of too many registers; follows the order of the log.
fn bound(core: &mut Core) {
    let drops = core.member.keep_greatest(REGISTERS_MAX)
        | core.label.keep_greatest(REGISTERS_MAX)
        | core.parent.keep_greatest(REGISTERS_MAX)
        | core.ask.keep_greatest(REGISTERS_MAX)
        | core.ask_detail.keep_greatest(REGISTERS_MAX)
        | core.is.keep_greatest(REGISTERS_MAX);
    let is_full = [
        core.member.len(),
        core.label.len(),
        core.parent.len(),
        core.ask.len(),
        core.ask_detail.len(),
        core.is.len(),
    ]
    .iter()
    .any(|len| *len >= REGISTERS_MAX);
    // A floor that took one of those that were kept lies above all that were not.
    core.overflow = drops || core.overflow && is_full;
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
