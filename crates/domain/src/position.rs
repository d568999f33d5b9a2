//! Where in the log a state stands.

use std::{cmp::Ordering, fmt};

#[cfg(test)]
mod tests;

/// The two inputs of the fold, each with its own positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stream {
    /// `events.v1`
    #[default]
    Events,
    /// `receipts.v1`
    Receipts,
}

/// A place in the log: written `1:3:812`, for receipts `r1:3:812`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// Which input.
    pub stream: Stream,
    /// Raised when partitions are added or topics made again; compared first.
    pub generation: u32,
    /// Partition of the input.
    pub partition: u32,
    /// Offset of the event in it.
    pub offset: i64,
}

impl Position {
    /// Is this later in the log of one entity than `other`?
    pub fn is_after(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Greater
    }

    /// Order within one entity: generation, then offset.
    pub fn compare(&self, other: &Self) -> Ordering {
        (self.generation, self.offset).cmp(&(other.generation, other.offset))
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let (stream, rest) = match text.strip_prefix('r') {
            Some(rest) => (Stream::Receipts, rest),
            None => (Stream::Events, text),
        };
        let mut parts = rest.split(':');
        let (generation, partition, offset) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some()
            || [generation, partition, offset]
                .iter()
                .any(|part| part.starts_with('+'))
        {
            return None;
        }
        let offset = offset.parse().ok().filter(|offset| *offset >= 0)?;
        Some(Self {
            stream,
            generation: generation.parse().ok()?,
            partition: partition.parse().ok()?,
            offset,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stream,
            generation,
            partition,
            offset,
        } = self;
        let mark = match stream {
            Stream::Events => "",
            Stream::Receipts => "r",
        };
        write!(f, "{mark}{generation}:{partition}:{offset}")
    }
}

/// How an entity's state stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The last event that changed a byte of the core.
    pub position: Position,
    /// The last event that changed the view; `None` while nothing was ever shown.
    pub version: Option<Position>,
}
