//! What can be wrong with bytes.

/// Why bytes are no record.
/// Trying again never helps, and no variant shows a value: records hold personal data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not Protocol Buffers, or another message's.
    #[error("record is malformed")]
    Malformed(#[source] Malformed),
    /// A field that must be there is not.
    #[error("field {field} is missing")]
    Missing {
        /// Which, as `Message.field` of `proto/`.
        field: &'static str,
    },
    /// A field holds what it cannot hold.
    #[error("field {field} is invalid")]
    Invalid {
        /// Which, as `Message.field` of `proto/`.
        field: &'static str,
    },
}

/// What the Protocol Buffers decoder says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct Malformed(prost::DecodeError);

impl From<prost::DecodeError> for Error {
    fn from(source: prost::DecodeError) -> Self {
        Self::Malformed(Malformed(source))
    }
}

/// Something read, or something newer than this reader.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded<T> {
    /// Understood.
    Known(T),
    /// Well formed, but of a kind, or with a word, that this reader does not know: count it and go on.
    Unknown,
}

impl<T> Decoded<T> {
    /// What was read, if it was understood.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

/// Why reading stopped inside a record.
#[derive(Debug)]
pub(crate) enum Stop {
    /// At something newer than this reader.
    Unknown {
        /// Where, as `Message.field`.
        field: &'static str,
    },
    /// At something wrong.
    Bad(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Bad(error)
    }
}

impl From<prost::DecodeError> for Stop {
    fn from(source: prost::DecodeError) -> Self {
        Self::Bad(source.into())
    }
}

/// `Missing`, for the ways out of a function.
pub(crate) fn missing(field: &'static str) -> Error {
    Error::Missing { field }
}

/// `Invalid`, for the ways out of a function.
pub(crate) fn invalid(field: &'static str) -> Error {
    Error::Invalid { field }
}

/// Turns what stopped a reader into what its caller is told.
pub(crate) fn decoded<T>(read: Result<T, Stop>) -> Result<Decoded<T>, Error> {
    match read {
        Ok(value) => Ok(Decoded::Known(value)),
        Err(Stop::Unknown { field: _ }) => Ok(Decoded::Unknown),
        Err(Stop::Bad(error)) => Err(error),
    }
}
