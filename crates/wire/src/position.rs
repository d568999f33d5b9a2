//! Positions, and how a state stands to the log.

use domain::position::{Envelope, Position};

use crate::{
    enums::Word,
    error::{Error, Stop, invalid, missing},
    proto,
    reader::Reader,
    writer::Writer,
};

/// Writes a `Position`.
pub(crate) fn write_position(w: &mut Writer<'_>, position: &Position) {
    let Position {
        stream,
        generation,
        partition,
        offset,
    } = position;
    w.uint(1, stream.number());
    w.uint(2, (*generation).into());
    w.uint(3, (*partition).into());
    w.int(4, *offset);
}

/// Reads a `Position` that may be absent.
pub(crate) fn position_opt(
    position: Option<proto::Position>,
    field: &'static str,
) -> Result<Option<Position>, Error> {
    let Some(proto::Position {
        stream,
        generation,
        partition,
        offset,
    }) = position
    else {
        return Ok(None);
    };
    // There are two inputs; a third would need another reader altogether.
    let stream = Word::read(stream, field).map_err(|stop| match stop {
        Stop::Unknown { field } => invalid(field),
        Stop::Bad(error) => error,
    })?;
    Ok(Some(Position {
        stream,
        generation,
        partition,
        offset,
    }))
}

/// Reads a `Position` that must be there.
pub(crate) fn position(
    position: Option<proto::Position>,
    field: &'static str,
) -> Result<Position, Error> {
    position_opt(position, field)?.ok_or(missing(field))
}

/// Writes fields 3 and 4 of every state.
pub(crate) fn write_envelope(w: &mut Writer<'_>, envelope: &Envelope) {
    let Envelope { position, version } = envelope;
    w.message(3, |w| write_position(w, position));
    w.message_opt(4, version.as_ref(), write_position);
}

/// Reads fields 3 and 4 of every state as they are written.
pub(crate) fn read_envelope(r: &mut Reader<'_>) -> Option<Envelope> {
    let position = |r: &mut Reader<'_>| {
        Some(Position {
            stream: Word::read(r.uint(1)?, "Position.stream").ok()?,
            generation: r.uint(2)?,
            partition: r.uint(3)?,
            offset: r.int(4)?,
        })
    };
    Some(Envelope {
        position: r.message_opt(3, position)??,
        version: r.message_opt(4, position)?,
    })
}

/// Reads fields 3 and 4 of every state.
pub(crate) fn envelope(
    at: Option<proto::Position>,
    version: Option<proto::Position>,
) -> Result<Envelope, Error> {
    Ok(Envelope {
        position: position(at, "state.position")?,
        version: position_opt(version, "state.version")?,
    })
}
