//! Events about business numbers.

use domain::event::{ListPass, NumberEvent};

use crate::{
    error::{Stop, invalid, missing},
    person::{person, texts, write_person},
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
        NumberEvent::Held { hold_id, groups } => w.message(66, |w| {
            w.text(1, hold_id);
            w.uint(2, (*groups).into());
        }),
        NumberEvent::Released { hold_id } => w.message(67, |w| w.text(1, hold_id)),
        NumberEvent::Paused(paused) => w.message(68, |w| w.flag(1, *paused)),
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
    } = pass;
    w.int(1, *started);
    w.flag(2, *is_complete);
    w.flag(3, *is_first);
    w.uint(4, (*pages).into());
    w.uint(5, (*listed).into());
    w.uint(6, (*unknown_to_us).into());
    w.uint(7, (*unlisted).into());
    w.uint(8, (*subject_differs).into());
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
        Kind::NumberHeld(proto::NumberHeld { hold_id, groups }) => NumberEvent::Held {
            hold_id: hold_id.into(),
            groups,
        },
        Kind::NumberReleased(proto::NumberReleased { hold_id }) => NumberEvent::Released {
            hold_id: hold_id.into(),
        },
        Kind::NumberPaused(proto::NumberPaused { paused }) => NumberEvent::Paused(paused),
        _ => return Err(invalid("Event.entity").into()),
    })
}
