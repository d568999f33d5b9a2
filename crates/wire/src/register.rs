//! Registers and their stamps.

use domain::{
    ids::{Second, Text},
    register::{Doubt, Register, Registers, Stamp},
};

use crate::{
    enums::Word,
    error::{Error, Stop, invalid, missing},
    person::event_id,
    proto,
    reader::Reader,
    writer::Writer,
};

/// How a reader takes what it does not know.
///
/// Within a fold number nothing is unknown, so there it is an error; a state of a later fold is read as far as it is understood.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leniency {
    /// Number of the fold that wrote what is read.
    pub(crate) fold: u32,
}

impl Leniency {
    /// What was read, or nothing where it is newer than this reader and may be.
    pub(crate) fn keep<T>(self, read: Result<T, Stop>) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Unknown { field: _ }) if self.fold > domain::limits::FOLD => Ok(None),
            Err(Stop::Unknown { field }) => Err(invalid(field)),
            Err(Stop::Bad(error)) => Err(error),
        }
    }

    /// A register that may be absent.
    pub(crate) fn register<P, V>(
        self,
        register: Option<P>,
        read: impl FnOnce(P) -> Result<Register<V>, Stop>,
    ) -> Result<Option<Register<V>>, Error> {
        register.map_or(Ok(None), |register| self.keep(read(register)))
    }

    /// Registers by identifier.
    pub(crate) fn registers<P, V: Ord>(
        self,
        entries: Vec<P>,
        doubt: Doubt,
        read: impl Fn(P) -> Result<(Text, Register<V>), Stop>,
    ) -> Result<Registers<V>, Error> {
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            kept.extend(self.keep(read(entry))?);
        }
        Ok(Registers::from_unsorted(kept, doubt))
    }
}

/// Writes the stamp of a register as field `field`.
pub(crate) fn write_stamp<V>(w: &mut Writer<'_>, field: u64, register: &Register<V>) {
    let Register {
        stamp,
        value: _,
        doubt,
    } = register;
    let Stamp { at, rank, tie } = stamp;
    w.message(field, |w| {
        w.int(1, *at);
        w.uint(2, rank.number());
        w.bytes(3, &tie.0);
        w.flag(4, *doubt);
    });
}

/// Reads a register as it is written: its stamp as field `field`, then what `read` reads.
pub(crate) fn read_register<'a, V>(
    r: &mut Reader<'a>,
    field: u64,
    read: impl FnOnce(&mut Reader<'a>) -> Option<V>,
) -> Option<Register<V>> {
    let stamp = |r: &mut Reader<'a>| {
        let stamp = Stamp {
            at: r.int(1)?,
            rank: Word::read(r.uint(2)?, "Stamp.rank").ok()?,
            tie: event_id(r.bytes(3)?, "Stamp.tie").ok()?,
        };
        Some((stamp, r.flag(4)?))
    };
    let (stamp, doubt) = r.message_opt(field, stamp)??;
    let value = read(r)?;
    Some(Register {
        stamp,
        value,
        doubt,
    })
}

/// Puts a register together.
pub(crate) fn register<V>(stamp: Option<proto::Stamp>, value: V) -> Result<Register<V>, Stop> {
    let proto::Stamp {
        at,
        rank,
        tie,
        doubt,
    } = stamp.ok_or(missing("register.stamp"))?;
    let stamp = Stamp {
        at,
        rank: Word::read(rank, "Stamp.rank")?,
        tie: event_id(&tie, "Stamp.tie")?,
    };
    Ok(Register {
        stamp,
        value,
        doubt,
    })
}

/// Writes a `TextRegister`.
pub(crate) fn write_text(w: &mut Writer<'_>, register: &Register<Text>) {
    write_stamp(w, 1, register);
    w.text(2, &register.value);
}

/// Reads a `TextRegister`.
pub(crate) fn text(read: proto::TextRegister) -> Result<Register<Text>, Stop> {
    let proto::TextRegister { stamp, value } = read;
    register(stamp, Text::from(value))
}

/// Writes a `FlagRegister`.
pub(crate) fn write_flag(w: &mut Writer<'_>, register: &Register<bool>) {
    write_stamp(w, 1, register);
    w.flag(2, register.value);
}

/// Reads a `FlagRegister`.
pub(crate) fn flag(read: proto::FlagRegister) -> Result<Register<bool>, Stop> {
    let proto::FlagRegister { stamp, value } = read;
    register(stamp, value)
}

/// Writes a `SecondRegister`.
pub(crate) fn write_second(w: &mut Writer<'_>, register: &Register<Second>) {
    write_stamp(w, 1, register);
    w.int(2, register.value);
}

/// Reads a `SecondRegister`.
pub(crate) fn second(read: proto::SecondRegister) -> Result<Register<Second>, Stop> {
    let proto::SecondRegister { stamp, value } = read;
    register(stamp, value)
}

/// Writes a `TextEntry`.
pub(crate) fn write_text_entry(w: &mut Writer<'_>, (id, register): (&Text, &Register<Text>)) {
    w.text(1, id);
    write_stamp(w, 2, register);
    w.text(3, &register.value);
}

/// Reads a `TextEntry`.
pub(crate) fn text_entry(read: proto::TextEntry) -> Result<(Text, Register<Text>), Stop> {
    let proto::TextEntry { id, stamp, value } = read;
    Ok((Text::from(id), register(stamp, Text::from(value))?))
}
