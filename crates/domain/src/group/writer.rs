//! How an assertion reaches the core of a group, and what of that is to be seen.

use super::{Ask, Core, Existence, Presence, named};
use crate::{
    event::{Event, HintReason, Person},
    ids::{PersonId, Second, Text, is_number},
    limits::{LINK_GRACE_SECONDS, REGISTERS_MAX},
    register::{Doubt, Effect, Rank, Register, Stamp, assert},
};

/// A core being written to, with the stamp of the event.
///
/// What lies under a floor is not written at all, so that the effect means that a byte changed.
pub(super) struct Writer<'a> {
    pub(super) core: &'a mut Core,
    pub(super) stamp: Stamp,
    effect: Effect,
    /// Something that is shown of the group itself may be another.
    of_group: bool,
    /// Something that is shown of persons may be another.
    of_persons: bool,
    /// A register of a person says the same by younger evidence: that is seen only where it competes with another.
    renewed: bool,
    /// A floor rose, so that something may lie under it.
    rose: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(core: &'a mut Core, stamp: Stamp) -> Self {
        Self {
            core,
            stamp,
            effect: Effect::Nothing,
            of_group: false,
            of_persons: false,
            renewed: false,
            rose: false,
        }
    }

    /// Notes what became of a register of the group itself.
    pub(super) fn note(&mut self, effect: Effect) {
        self.effect = self.effect.max(effect);
        self.of_group |= effect == Effect::Value;
    }

    /// Notes what became of a register that is merged with others of the same person.
    pub(super) fn note_of_person(&mut self, effect: Effect) {
        self.note_link(effect);
        self.renewed |= effect == Effect::Stamp;
    }

    /// Notes what became of a register that tells which identifiers are one person.
    fn note_link(&mut self, effect: Effect) {
        self.effect = self.effect.max(effect);
        self.of_persons |= effect == Effect::Value;
    }

    /// Notes that anything may be shown otherwise.
    pub(super) fn note_all(&mut self) {
        self.note(Effect::Value);
        self.of_persons = true;
    }

    /// Links, labels, parents, number and account have the rank of a statement whatever the webhook, and that of the read in a read.
    pub(super) fn firm(&self) -> Stamp {
        let rank = if self.stamp.rank == Rank::Read {
            Rank::Read
        } else {
            Rank::Statement
        };
        Stamp { rank, ..self.stamp }
    }

    pub(super) fn metadata(&mut self, event: &Event) {
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

    pub(super) fn text(
        &mut self,
        field: impl Fn(&mut Core) -> &mut Option<Register<Text>>,
        value: Option<&Text>,
    ) {
        if let Some(value) = value {
            let effect = assert(field(self.core), self.stamp, value.clone(), Doubt::Kept);
            self.note(effect);
        }
    }

    pub(super) fn exists(&mut self, existence: Existence) {
        let effect = assert(&mut self.core.exists, self.stamp, existence, Doubt::Kept);
        self.note(effect);
    }

    pub(super) fn creation(&mut self, created: Option<Second>) {
        if let Some(created) = created {
            let effect = assert(&mut self.core.created, self.stamp, created, Doubt::Never);
            self.note(effect);
        }
    }

    pub(super) fn suspended(&mut self, suspended: bool) {
        let effect = assert(&mut self.core.suspended, self.stamp, suspended, Doubt::Kept);
        self.note(effect);
    }

    pub(super) fn hint(&mut self, reason: HintReason) {
        let effect = assert(&mut self.core.hint, self.stamp, reason, Doubt::Never);
        self.note(effect);
    }

    pub(super) fn member(&mut self, id: &str, presence: Presence) {
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
            self.note_link(Effect::Value);
        }
    }

    pub(super) fn ask(&mut self, id: &str, ask: Ask) {
        if id.is_empty() || self.stamp.at < self.core.asks {
            return;
        }
        let effect = self.core.ask.assert(id, self.stamp, ask, Doubt::Kept);
        self.note_of_person(effect);
        // Asks are joined by join request too.
        if effect == Effect::Stamp && !self.core.ask_detail.is_empty() {
            self.note_link(Effect::Value);
        }
    }

    pub(super) fn link(&mut self, from: &PersonId, to: &PersonId) {
        let is_allowed = from != to && (is_number(from) || !is_number(to));
        if !is_allowed || self.stamp.at < link_floor(self.core) {
            return;
        }
        let stamp = self.firm();
        let effect = self.core.is.assert(from, stamp, to.clone(), Doubt::Kept);
        self.note_link(effect);
        // Of several numbers the one with the youngest link is shown.
        let competes = || {
            let same = self.core.is.iter().filter(|(_, link)| link.value == *to);
            self.core.is.get(to).is_some() || same.count() > 1
        };
        if effect == Effect::Stamp && competes() {
            self.note_link(Effect::Value);
        }
    }

    /// Asserts what the naming of a person shows; gives the identifier to key their registers by.
    pub(super) fn person(&mut self, person: &Person) -> Option<PersonId> {
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

    pub(super) fn raise_roster(&mut self) {
        if raise(&mut self.core.roster, self.stamp.at) {
            self.rose = true;
            self.note_all();
        }
    }

    pub(super) fn raise_asks(&mut self) {
        if raise(&mut self.core.asks, self.stamp.at) {
            self.rose = true;
            self.note_all();
        }
    }

    /// Raises what every event of its rank raises, drops what lies under the floors, and bounds the rest.
    pub(super) fn finish(mut self) -> (Effect, Touched) {
        if self.stamp.rank >= Rank::Circumstance && raise(&mut self.core.changed, self.stamp.at) {
            self.note(Effect::Stamp);
        }
        if self.renewed && !self.of_persons && !is_one_id_each(self.core) {
            self.note_link(Effect::Value);
        }
        if self.effect == Effect::Stamp && is_gone(self.core) {
            self.note(Effect::Value);
        }
        if self.rose {
            drop_under_floors(self.core);
        }
        if self.effect == Effect::Value && bound(self.core) {
            self.note_all();
        }
        let touched = match (self.of_group, self.of_persons) {
            (true, true) => Touched::All,
            (false, true) => Touched::Persons,
            (_, false) => Touched::Group,
        };
        (self.effect, touched)
    }
}

/// What of that which is shown may be another after an event whose effect is a `Value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touched {
    /// What is shown of the group itself, and not who is in it or waits.
    Group,
    /// Who is in it and who waits, and nothing else.
    Persons,
    /// Anything.
    All,
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

/// Keeps the greatest stamps of too many registers; follows the order of the log. Says whether anything that is shown may be another by it.
fn bound(core: &mut Core) -> bool {
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
    let was_full = core.overflow;
    core.overflow = drops || was_full && is_full;
    drops || core.overflow != was_full
}

/// Links outlive the roster floor, for a late webhook must still find whom it names.
fn link_floor(core: &Core) -> Second {
    core.roster.saturating_sub(LINK_GRACE_SECONDS)
}

pub(super) fn raise(floor: &mut Second, to: Second) -> bool {
    let rises = to > *floor;
    if rises {
        *floor = to;
    }
    rises
}
