//! Events about business numbers.

use domain::event::{ListPass, NumberEvent};

use crate::{
    error::{Stop, invalid, missing},
    figures::{figures, write_figures},
    person::{ids, person, text_opt, texts, write_ids, write_person},
    proto::{self, event::Kind},
    writer::Writer,
};

/// Writes the kind of the envelope.
pub(super) fn write(w: &mut Writer<'_>, event: &NumberEvent) {
    match event {
        NumberEvent::IdentityChanged { old, new } => w.message(64, |w| {
            w.text_each(1, old);
            w.message(2, |w| write_person(w, new));
        }),
        NumberEvent::ListPassed(pass) => {
            w.message(65, |w| w.message(1, |w| write_list_pass(w, pass)))
        }
        NumberEvent::Held {
            hold_id,
            groups,
            suspects,
        } => w.message(66, |w| {
            w.text(1, hold_id);
            w.uint(2, (*groups).into());
            write_ids(w, 3, suspects);
        }),
        NumberEvent::Released {
            hold_id,
            groups,
            by,
        } => w.message(67, |w| {
            w.text(1, hold_id);
            w.uint(2, (*groups).into());
            w.text_opt(3, by.as_deref());
        }),
        NumberEvent::Paused(paused) => w.message(68, |w| w.flag(1, *paused)),
        NumberEvent::Counted(figures) => {
            w.message(70, |w| w.message(1, |w| write_figures(w, figures)))
        }
        NumberEvent::PassAsked { by } => w.message(69, |w| w.text_opt(1, by.as_deref())),
    }
}

/// Writes a `ListPass`.
pub(crate) fn write_list_pass(w: &mut Writer<'_>, pass: &ListPass) {
    let ListPass {
        started,
        is_complete,
        is_first,
        pages,
        listed,
        unknown_to_us,
        unlisted,
        subject_differs,
        asked,
    } = pass;
    w.int(1, *started);
    w.flag(2, *is_complete);
    w.flag(3, *is_first);
    w.uint(4, (*pages).into());
    w.uint(5, (*listed).into());
    w.uint(6, (*unknown_to_us).into());
    w.uint(7, (*unlisted).into());
    w.uint(8, (*subject_differs).into());
    w.int(9, *asked);
}

/// Reads a `ListPass`.
pub(crate) fn list_pass(pass: proto::ListPass) -> ListPass {
    let proto::ListPass {
        started,
        is_complete,
        is_first,
        pages,
        listed,
        unknown_to_us,
        unlisted,
        subject_differs,
        asked,
    } = pass;
    ListPass {
        started,
        is_complete,
        is_first,
        pages,
        listed,
        unknown_to_us,
        unlisted,
        subject_differs,
        asked,
    }
}

/// Reads the kind of an envelope that is about a number.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other kind is about another entity, whatever it is"
)]
pub(super) fn read(kind: Kind) -> Result<NumberEvent, Stop> {
    Ok(match kind {
        Kind::IdentityChanged(proto::IdentityChanged { old, new }) => {
            NumberEvent::IdentityChanged {
                old: texts(old),
                new: person(new),
            }
        }
        Kind::ListPassed(proto::ListPassed { pass }) => {
            NumberEvent::ListPassed(list_pass(pass.ok_or(missing("ListPassed.pass"))?))
        }
        Kind::NumberHeld(proto::NumberHeld {
            hold_id,
            groups,
            suspects,
        }) => NumberEvent::Held {
            hold_id: hold_id.into(),
            groups,
            suspects: ids(&suspects, "NumberHeld.suspects")?,
        },
        Kind::NumberReleased(proto::NumberReleased {
            hold_id,
            groups,
            by,
        }) => NumberEvent::Released {
            hold_id: hold_id.into(),
            groups,
            by: text_opt(by),
        },
        Kind::NumberCounted(proto::NumberCounted { figures: read }) => {
            NumberEvent::Counted(figures(read.ok_or(missing("NumberCounted.figures"))?))
        }
        Kind::NumberPassAsked(proto::NumberPassAsked { by }) => {
            NumberEvent::PassAsked { by: text_opt(by) }
        }
        Kind::NumberPaused(proto::NumberPaused { paused }) => NumberEvent::Paused(paused),
        _ => return Err(invalid("Event.entity").into()),
    })
}
