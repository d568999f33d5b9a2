//! Records of `numbers.v1`.

use domain::{
    event::{Figures, ListPass},
    ids::{PhoneNumberId, Text},
    number::{Core, Hold, IdentityChange, Number},
    register::{Doubt, Register},
};
use prost::Message as _;

use super::{Record, Stored, write_state};
use crate::{
    error::{Error, Stop, missing},
    event::{list_pass, write_list_pass},
    figures::{figures, write_figures},
    person::{event_id, id, ids, person, text_opt, texts, write_ids, write_person},
    position::envelope,
    progress::progress,
    proto::{self, number_record::Content},
    register::{Leniency, flag, register, text, write_flag, write_stamp, write_text},
    writer::Writer,
};

/// Appends a record with the state of a business number.
pub fn encode_number(id: &PhoneNumberId, number: &Number, into: &mut Vec<u8>) {
    let Number { core, envelope } = number;
    let Core {
        waba,
        identity_changes,
        list_pass,
        holds,
        paused,
        figures,
        pass_asked,
        seen,
    } = core;
    write_state(into, id.as_str(), envelope, |w| {
        w.message_opt(5, waba.as_ref(), write_text);
        w.message_each(6, identity_changes, write_identity_change);
        w.message_opt(7, list_pass.as_ref(), write_last_list_pass);
        w.message_each(8, holds.iter(), write_hold);
        w.message_opt(9, paused.as_ref(), write_flag);
        w.int(10, *seen);
        w.int(11, *pass_asked);
        w.message_opt(12, figures.as_ref(), write_last_figures);
    });
}

/// Writes an `IdentityChange`.
pub(crate) fn write_identity_change(w: &mut Writer<'_>, change: &IdentityChange) {
    let IdentityChange {
        at,
        event_id,
        old,
        new,
    } = change;
    w.int(1, *at);
    w.bytes(2, &event_id.0);
    w.text_each(3, old);
    w.message(4, |w| write_person(w, new));
}

fn write_last_list_pass(w: &mut Writer<'_>, register: &Register<ListPass>) {
    write_stamp(w, 1, register);
    w.message(2, |w| write_list_pass(w, &register.value));
}

fn write_last_figures(w: &mut Writer<'_>, register: &Register<Figures>) {
    write_stamp(w, 1, register);
    w.message(2, |w| write_figures(w, &register.value));
}

fn read_last_figures(read: proto::FiguresRegister) -> Result<Register<Figures>, Stop> {
    let proto::FiguresRegister { stamp, value } = read;
    register(
        stamp,
        figures(value.ok_or(missing("FiguresRegister.value"))?),
    )
}

fn write_hold(w: &mut Writer<'_>, (id, register): (&Text, &Register<Hold>)) {
    let Hold {
        is_released,
        groups,
        suspects,
        by,
    } = &register.value;
    w.text(1, id);
    write_stamp(w, 2, register);
    w.flag(3, *is_released);
    w.uint(4, (*groups).into());
    write_ids(w, 5, suspects);
    w.text_opt(6, by.as_deref());
}

/// Reads a record of `numbers.v1`.
pub fn decode_number(bytes: &[u8]) -> Result<Record<PhoneNumberId, Number>, Error> {
    let proto::NumberRecord { content } = proto::NumberRecord::decode(bytes)?;
    Ok(match content {
        Some(Content::State(content)) => Record::State(state(content)?),
        Some(Content::Progress(content)) => Record::Progress(progress(content)?),
        None => Record::Unknown,
    })
}

fn state(state: proto::NumberState) -> Result<Stored<PhoneNumberId, Number>, Error> {
    let proto::NumberState {
        fold,
        phone_number_id,
        position,
        version,
        waba,
        identity_changes,
        list_pass,
        holds,
        paused,
        seen,
        pass_asked,
        figures,
    } = state;
    let read = Leniency { fold };
    let mut identity_changes = identity_changes
        .into_iter()
        .map(identity_change)
        .collect::<Result<Vec<_>, _>>()?;
    // The fold searches by order, so order is not left to whoever wrote.
    if !identity_changes.is_sorted_by(|a, b| a < b) {
        identity_changes.sort();
        identity_changes.dedup();
    }
    let core = Core {
        waba: read.register(waba, text)?,
        identity_changes,
        list_pass: read.register(list_pass, read_last_list_pass)?,
        holds: read.registers(holds, Doubt::Never, read_hold)?,
        paused: read.register(paused, flag)?,
        figures: read.register(figures, read_last_figures)?,
        pass_asked,
        seen,
    };
    let id = id(&phone_number_id, "NumberState.phone_number_id")?;
    Ok(Stored {
        fold,
        id,
        state: Number {
            core,
            envelope: envelope(position, version)?,
        },
    })
}

/// Reads an `IdentityChange`.
pub(crate) fn identity_change(change: proto::IdentityChange) -> Result<IdentityChange, Error> {
    let proto::IdentityChange {
        at,
        event_id: event,
        old,
        new,
    } = change;
    Ok(IdentityChange {
        at,
        event_id: event_id(&event, "IdentityChange.event_id")?,
        old: texts(old),
        new: person(new),
    })
}

fn read_last_list_pass(read: proto::ListPassRegister) -> Result<Register<ListPass>, Stop> {
    let proto::ListPassRegister { stamp, value } = read;
    register(
        stamp,
        list_pass(value.ok_or(missing("ListPassRegister.value"))?),
    )
}

fn read_hold(read: proto::HoldEntry) -> Result<(Text, Register<Hold>), Stop> {
    let proto::HoldEntry {
        id,
        stamp,
        is_released,
        groups,
        suspects,
        by,
    } = read;
    Ok((
        id.into(),
        register(
            stamp,
            Hold {
                is_released,
                groups,
                suspects: ids(&suspects, "HoldEntry.suspects")?,
                by: text_opt(by),
            },
        )?,
    ))
}
