//! Why something is in quarantine: a closed set, each with a word and a sentence.

use graph::webhook;

use crate::limits::{PIECES_MAX, VALUE_BYTES_MAX};

/// Why an item, or a part of a body, went to quarantine instead of becoming an event.
///
/// `Display` is the sentence that stands in the record's header beside the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// An array that should hold something is empty.
    #[error("an array that should hold something is empty")]
    Empty,
    /// Field and type, or type and content, disagree (reference §9.4).
    #[error("field, type and content do not agree")]
    Disagreement,
    /// An object has a key twice.
    #[error("an object has a key twice")]
    DuplicateKey,
    /// The event made of it does not fit into a record.
    #[error("the event made of it is larger than {VALUE_BYTES_MAX} bytes")]
    EventTooLarge,
    /// An identifier is empty, too long, or has white space in it.
    #[error("an identifier is not one")]
    InvalidId,
    /// A level of the envelope lacks what it is there for.
    #[error("a part of the envelope lacks what it is there for")]
    Incomplete,
    /// A field without which the item says nothing is not there.
    #[error("a field that is needed is missing")]
    Missing,
    /// It succeeded, and no group is named.
    #[error("no group is named")]
    NoGroup,
    /// It failed, and neither group nor request is named.
    #[error("neither group nor request is named")]
    NoGroupNorRequest,
    /// The fields of a group stand directly in `value`, without `groups[]`.
    #[error("there is no groups array")]
    NoGroups,
    /// Nobody is named where somebody must be.
    #[error("nobody is named")]
    NobodyNamed,
    /// An identity change without the business number it is for.
    #[error("no business number is named")]
    NoNumber,
    /// It has no `timestamp`.
    #[error("there is no timestamp")]
    NoTimestamp,
    /// A level of the envelope should be an array.
    #[error("a part of the envelope is not an array")]
    NotAnArray,
    /// A level of the envelope should be an object.
    #[error("a part of the envelope is not an object")]
    NotAnObject,
    /// Settings were updated, and none is named.
    #[error("nothing is said of what changed")]
    NothingSaid,
    /// JSON, but no WhatsApp webhook.
    #[error("not a WhatsApp webhook")]
    NotWhatsApp,
    /// Its second lies further ahead than allowed.
    #[error("the timestamp is too far ahead")]
    TimestampAhead,
    /// Its second lies further back than allowed.
    #[error("the timestamp is too far behind")]
    TimestampBehind,
    /// Nested too deep.
    #[error("nested too deep")]
    TooDeep,
    /// The POST has more pieces, or makes more records, than one POST may.
    #[error("beyond the {PIECES_MAX} pieces, or the bytes of records, that one webhook may make")]
    TooManyPieces,
    /// A field of the webhook that Rollcall does not know.
    #[error("the field is not known")]
    UnknownField,
    /// A type of item or status that Rollcall does not know, or none.
    #[error("the type is not known")]
    UnknownType,
    /// A text has half a surrogate pair.
    #[error("a text has half a surrogate pair")]
    UnpairedSurrogate,
    /// A field that matters has a value that cannot be read.
    #[error("a field has a value that cannot be read")]
    WrongType,
}

impl Reason {
    /// The word: for a header and for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Disagreement => "disagreement",
            Self::DuplicateKey => "duplicate_key",
            Self::EventTooLarge => "event_too_large",
            Self::InvalidId => "invalid_id",
            Self::Incomplete => "incomplete",
            Self::Missing => "missing",
            Self::NoGroup => "no_group",
            Self::NoGroupNorRequest => "no_group_nor_request",
            Self::NoGroups => "no_groups",
            Self::NobodyNamed => "nobody_named",
            Self::NoNumber => "no_number",
            Self::NoTimestamp => "no_timestamp",
            Self::NotAnArray => "not_an_array",
            Self::NotAnObject => "not_an_object",
            Self::NothingSaid => "nothing_said",
            Self::NotWhatsApp => "not_whatsapp",
            Self::TimestampAhead => "timestamp_ahead",
            Self::TimestampBehind => "timestamp_behind",
            Self::TooDeep => "too_deep",
            Self::TooManyPieces => "too_many_pieces",
            Self::UnknownField => "unknown_field",
            Self::UnknownType => "unknown_type",
            Self::UnpairedSurrogate => "unpaired_surrogate",
            Self::WrongType => "wrong_type",
        }
    }
}

impl From<webhook::Problem> for Reason {
    fn from(problem: webhook::Problem) -> Self {
        match problem {
            webhook::Problem::TooDeep => Self::TooDeep,
            webhook::Problem::DuplicateKey => Self::DuplicateKey,
            webhook::Problem::UnpairedSurrogate => Self::UnpairedSurrogate,
            webhook::Problem::NotJson => Self::WrongType,
        }
    }
}

impl From<&webhook::Refusal> for Reason {
    fn from(refusal: &webhook::Refusal) -> Self {
        match refusal {
            webhook::Refusal::Problem(problem) => (*problem).into(),
            webhook::Refusal::Wrong { .. } => Self::WrongType,
            webhook::Refusal::Missing { .. } => Self::Missing,
        }
    }
}

impl From<webhook::Reason> for Reason {
    fn from(reason: webhook::Reason) -> Self {
        match reason {
            webhook::Reason::NotAnObject => Self::NotAnObject,
            webhook::Reason::NotAnArray => Self::NotAnArray,
            webhook::Reason::DuplicateKey => Self::DuplicateKey,
            webhook::Reason::Incomplete => Self::Incomplete,
            webhook::Reason::Empty => Self::Empty,
        }
    }
}
