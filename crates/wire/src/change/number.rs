//! Changes of business numbers.

use domain::{
    event::ListPass,
    ids::Text,
    number::{Core, Hold, IdentityChange},
    register::{Register, differ},
};

use crate::{
    error::Stop,
    event::{list_pass, write_list_pass},
    person::{ids, text_opt, write_ids},
    proto::{self, number_part_change::Kind},
    state::{identity_change, write_identity_change},
    writer::Writer,
};

/// One part of a number, before and after.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberChange {
    /// The account became known.
    Waba {
        /// Before.
        before: Option<Text>,
        /// After.
        after: Option<Text>,
    },
    /// Identities changed.
    Identities {
        /// Newly remembered; those that lapse are not told.
        after: Vec<IdentityChange>,
    },
    /// The list was passed.
    ListPass {
        /// Before.
        before: Option<ListPass>,
        /// After.
        after: Option<ListPass>,
    },
    /// A hold was made or released.
    Hold {
        /// Which.
        hold_id: Text,
        /// Before.
        before: Option<Hold>,
        /// After.
        after: Option<Hold>,
    },
    /// Judging was stopped or resumed.
    Paused {
        /// Before.
        before: Option<bool>,
        /// After.
        after: Option<bool>,
    },
}

/// The parts in which two cores differ to whoever is shown them; a new number is compared with [`Core::default`].
///
/// Doubt alone, and identity changes that lapse, make a part that says the same before and after: the version moves on with them.
pub fn number_changes(before: &Core, after: &Core) -> Vec<NumberChange> {
    let Core {
        waba,
        identity_changes,
        list_pass,
        holds,
        paused,
        figures: _,
        pass_asked: _,
        seen: _,
    } = before;
    let mut changes = Vec::new();
    if differ(waba, &after.waba) {
        changes.push(NumberChange::Waba {
            before: value(waba),
            after: value(&after.waba),
        });
    }
    if *identity_changes != after.identity_changes {
        let newly = after
            .identity_changes
            .iter()
            .filter(|change| identity_changes.binary_search(change).is_err());
        changes.push(NumberChange::Identities {
            after: newly.cloned().collect(),
        });
    }
    if differ(list_pass, &after.list_pass) {
        changes.push(NumberChange::ListPass {
            before: value(list_pass),
            after: value(&after.list_pass),
        });
    }
    let dropped = holds
        .iter()
        .map(|(id, _)| id)
        .filter(|id| after.holds.get(id).is_none());
    for hold_id in after.holds.iter().map(|(id, _)| id).chain(dropped) {
        let (before, after) = (hold(holds.get(hold_id)), hold(after.holds.get(hold_id)));
        if before != after {
            changes.push(NumberChange::Hold {
                hold_id: hold_id.clone(),
                before,
                after,
            });
        }
    }
    if differ(paused, &after.paused) {
        changes.push(NumberChange::Paused {
            before: value(paused),
            after: value(&after.paused),
        });
    }
    changes
}

fn value<V: Clone>(register: &Option<Register<V>>) -> Option<V> {
    register.as_ref().map(|register| register.value.clone())
}

fn hold(register: Option<&Register<Hold>>) -> Option<Hold> {
    register.map(|register| register.value.clone())
}

/// Writes a `NumberPartChange`.
pub(super) fn write(w: &mut Writer<'_>, change: &NumberChange) {
    match change {
        NumberChange::Waba { before, after } => w.message(1, |w| {
            w.text_opt(1, before.as_deref());
            w.text_opt(2, after.as_deref());
        }),
        NumberChange::Identities { after } => {
            w.message(2, |w| w.message_each(1, after, write_identity_change))
        }
        NumberChange::ListPass { before, after } => w.message(3, |w| {
            w.message_opt(1, before.as_ref(), write_list_pass);
            w.message_opt(2, after.as_ref(), write_list_pass);
        }),
        NumberChange::Hold {
            hold_id,
            before,
            after,
        } => w.message(4, |w| {
            w.text(1, hold_id);
            w.message_opt(2, before.as_ref(), write_hold);
            w.message_opt(3, after.as_ref(), write_hold);
        }),
        NumberChange::Paused { before, after } => w.message(5, |w| {
            w.flag_opt(1, *before);
            w.flag_opt(2, *after);
        }),
    }
}

fn write_hold(w: &mut Writer<'_>, hold: &Hold) {
    let Hold {
        is_released,
        groups,
        suspects,
        by,
    } = hold;
    w.flag(1, *is_released);
    w.uint(2, (*groups).into());
    write_ids(w, 3, suspects);
    w.text_opt(4, by.as_deref());
}

/// Reads a `NumberPartChange`.
pub(super) fn read(change: proto::NumberPartChange) -> Result<NumberChange, Stop> {
    let proto::NumberPartChange { kind } = change;
    Ok(
        match kind.ok_or(Stop::Unknown {
            field: "NumberPartChange.kind",
        })? {
            Kind::Waba(proto::WabaChange { before, after }) => NumberChange::Waba {
                before: text_opt(before),
                after: text_opt(after),
            },
            Kind::Identities(proto::IdentitiesChange { after }) => NumberChange::Identities {
                after: after
                    .into_iter()
                    .map(identity_change)
                    .collect::<Result<_, _>>()?,
            },
            Kind::ListPass(proto::ListPassChange { before, after }) => NumberChange::ListPass {
                before: before.map(list_pass),
                after: after.map(list_pass),
            },
            Kind::Hold(proto::HoldChange {
                hold_id,
                before,
                after,
            }) => NumberChange::Hold {
                hold_id: hold_id.into(),
                before: before.map(read_hold).transpose()?,
                after: after.map(read_hold).transpose()?,
            },
            Kind::Paused(proto::PausedChange { before, after }) => {
                NumberChange::Paused { before, after }
            }
        },
    )
}

fn read_hold(hold: proto::Hold) -> Result<Hold, Stop> {
    let proto::Hold {
        is_released,
        groups,
        suspects,
        by,
    } = hold;
    Ok(Hold {
        is_released,
        groups,
        suspects: ids(&suspects, "Hold.suspects")?,
        by: text_opt(by),
    })
}
