//! What can go wrong with a call, and whether trying again can help.

use std::fmt;

use super::Sent;
use crate::{
    json::{Kind, Value},
    webhook::Refusal,
};

/// Why a call has no answer. Nothing of it shows an id, a number or a sentence of Meta's.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Meta answered with an error of its own.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// No connection, or it broke before an answer began: unknown whether Meta saw the call.
    #[error("no connection to the Graph API")]
    Connect(#[source] reqwest::Error),
    /// No complete answer in time: unknown whether Meta saw the call.
    #[error("no answer from the Graph API in time")]
    Timeout,
    /// An answer that is no JSON object of the API: an HTML page of something in between, a redirect.
    #[error("HTTP {status} without an answer of the Graph API")]
    NotJson {
        /// HTTP status.
        status: u16,
        /// What surrounded it.
        sent: Sent,
    },
    /// An answer that ends in the middle.
    #[error("HTTP {status} with an answer cut off")]
    Truncated {
        /// HTTP status.
        status: u16,
        /// What surrounded it.
        sent: Sent,
    },
    /// An answer longer than [`crate::limits::RESPONSE_BYTES_MAX`].
    #[error("HTTP {status} with an answer too long")]
    TooLarge {
        /// HTTP status.
        status: u16,
        /// What surrounded it.
        sent: Sent,
    },
    /// JSON, but not what this call answers.
    #[error("HTTP {status} with an answer not understood")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// What surrounded it.
        sent: Sent,
        /// What in it.
        source: Refusal,
    },
    /// The call could not be made of what was asked for; nothing was sent.
    #[error(transparent)]
    Request(#[from] BadId),
}

/// An id that is empty or a step in a path: no call can be made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id that no call can be made with")]
pub struct BadId;

/// Whether trying the same call again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Not until something else changes.
    Permanent,
    /// Later.
    Transient,
    /// We did something wrong.
    Bug,
}

/// What an error code of Meta's means for us (reference §5.3, §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The call asks for something impossible.
    BadInput,
    /// Token or permission: nothing will work until a person acts.
    Auth,
    /// Meta does not let this business or number do it.
    Policy,
    /// Too many calls.
    Throttled,
    /// Meta's own trouble.
    Transient,
    /// A request for several participants succeeded for some (131201).
    Partly,
    /// The group does not exist, or the number is not in it (131041).
    GroupUnknown,
    /// The group is suspended (131207).
    GroupSuspended,
    /// Start again at the first page (131059).
    CursorExpired,
    /// A code that is not in the reference.
    Unknown,
}

impl Meaning {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "bad_input",
            Self::Auth => "auth",
            Self::Policy => "policy",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Partly => "partly",
            Self::GroupUnknown => "group_unknown",
            Self::GroupSuspended => "group_suspended",
            Self::CursorExpired => "cursor_expired",
            Self::Unknown => "unknown",
        }
    }

    const fn of(code: i64) -> Self {
        match code {
            131_041 => Self::GroupUnknown,
            131_207 => Self::GroupSuspended,
            131_059 => Self::CursorExpired,
            131_201 => Self::Partly,
            0 | 3 | 10 | 190 | 200..=299 | 131_005 => Self::Auth,
            // 131214: creation paused for too much marketing; 131215: number not eligible for groups.
            368 | 130_497 | 131_031 | 131_214 | 131_215 => Self::Policy,
            // 17, 32 and 613 are Graph's general limits of user, page and call.
            4 | 17 | 32 | 613 | 80_007 | 80_008 | 130_429 | 131_048 | 131_056 | 131_208
            | 133_016 => Self::Throttled,
            1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => Self::Transient,
            33
            | 100
            | 131_008
            | 131_009
            | 131_020
            | 131_202
            | 131_203
            | 131_204
            | 131_209..=131_213 => Self::BadInput,
            _ => Self::Unknown,
        }
    }
}

/// A sentence of Meta's, which may hold phone numbers: for the one who asked, not for logs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Option<String>);

impl Hidden {
    /// The sentence, if there is one.
    #[must_use]
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "[hidden]"
        } else {
            "[none]"
        })
    }
}

/// An error envelope of Meta's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Meta's code, by which everything is decided; −1 if it could not be read.
    pub code: i64,
    /// `error_subcode`; obsolete, still sent.
    pub subcode: Option<i64>,
    /// HTTP status; throttling is mostly 400.
    pub status: u16,
    /// What Meta's support asks for.
    pub fbtrace_id: Option<String>,
    /// Whether Meta says that trying again may help.
    pub is_transient: Option<bool>,
    /// `message`
    pub message: Hidden,
    /// `error_data.details`
    pub details: Hidden,
    /// What surrounded it.
    pub sent: Sent,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "code {} of the Graph API ({}, HTTP {}",
            self.code,
            self.meaning().as_str(),
            self.status
        )?;
        if let Some(subcode) = self.subcode {
            write!(f, ", subcode {subcode}")?;
        }
        if let Some(trace) = &self.fbtrace_id {
            write!(f, ", trace {trace}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Refused {}

/// Code of an envelope without a readable one.
const NO_CODE: i64 = -1;

/// Longest trace id kept, in characters; Meta's have 11 to 32.
const TRACE_CHARS_MAX: usize = 64;

impl Refused {
    pub(super) fn read(status: u16, sent: Sent, error: Value<'_>) -> Self {
        let number = |name| error.get(name).and_then(integer);
        let text = |value: Option<Value<'_>>| {
            Hidden(value.and_then(Value::text).map(|text| text.into_owned()))
        };
        let trace = error
            .get("fbtrace_id")
            .and_then(Value::text)
            .filter(|trace| {
                trace.len() <= TRACE_CHARS_MAX
                    && trace
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            });
        Self {
            code: number("code").unwrap_or(NO_CODE),
            subcode: number("error_subcode"),
            status,
            fbtrace_id: trace.map(|trace| trace.into_owned()),
            is_transient: error.get("is_transient").and_then(Value::bool),
            message: text(error.get("message")),
            details: text(error.get("error_data").and_then(|data| data.get("details"))),
            sent,
        }
    }

    /// What it means: by the code, and by the status only for a code nobody knows.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match (Meaning::of(self.code), self.status) {
            (Meaning::Unknown, 401) => Meaning::Auth,
            (Meaning::Unknown, 429) => Meaning::Throttled,
            (Meaning::Unknown, 500..=599) => Meaning::Transient,
            (Meaning::Unknown, _) if self.is_transient == Some(true) => Meaning::Transient,
            (meaning, _) => meaning,
        }
    }
}

fn integer(value: Value<'_>) -> Option<i64> {
    match value.kind() {
        Kind::Number => value.raw().parse().ok(),
        Kind::String => value.text()?.parse().ok(),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}

impl Error {
    /// Whether trying the same call again can help. (A create is not to be tried again even so:
    /// it may have been done.)
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Refused(refused) => match refused.meaning() {
                Meaning::Throttled | Meaning::Transient => Class::Transient,
                Meaning::BadInput
                | Meaning::Auth
                | Meaning::Policy
                | Meaning::Partly
                | Meaning::GroupUnknown
                | Meaning::GroupSuspended
                | Meaning::CursorExpired
                | Meaning::Unknown => Class::Permanent,
            },
            Self::Connect(_) | Self::Timeout | Self::Truncated { .. } => Class::Transient,
            // A page of a proxy or of Meta's front is nobody's judgement, except that a redirect stays one.
            Self::NotJson { status, .. } if (300..400).contains(status) => Class::Permanent,
            Self::NotJson { .. } => Class::Transient,
            Self::TooLarge { .. } | Self::Unexpected { .. } => Class::Permanent,
            Self::Request(_) => Class::Bug,
        }
    }

    /// What Meta means; `None` if the error is not Meta's.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        self.refused().map(Refused::meaning)
    }

    /// Meta's code; `None` if the error is not Meta's.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        self.refused().map(|refused| refused.code)
    }

    /// Meta's error; `None` if the error is not Meta's.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Connect(_)
            | Self::Timeout
            | Self::NotJson { .. }
            | Self::Truncated { .. }
            | Self::TooLarge { .. }
            | Self::Unexpected { .. }
            | Self::Request(_) => None,
        }
    }

    /// What surrounded the answer, if one began.
    #[must_use]
    pub fn sent(&self) -> Option<&Sent> {
        match self {
            Self::Refused(refused) => Some(&refused.sent),
            Self::NotJson { sent, .. }
            | Self::Truncated { sent, .. }
            | Self::TooLarge { sent, .. }
            | Self::Unexpected { sent, .. } => Some(sent),
            Self::Connect(_) | Self::Timeout | Self::Request(_) => None,
        }
    }

    /// A word for a metric label.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.meaning().as_str(),
            Self::Connect(_) => "connect",
            Self::Timeout => "timeout",
            Self::NotJson { .. } => "not_json",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too_large",
            Self::Unexpected { .. } => "unexpected",
            Self::Request(_) => "request",
        }
    }
}

/// Sorts what the HTTP client says; `began` if an answer had begun. The URL is left out: it holds ids.
pub(super) fn classify_transport(source: reqwest::Error, began: Option<(u16, Sent)>) -> Error {
    match began {
        _ if source.is_timeout() => Error::Timeout,
        Some((status, sent)) => Error::Truncated { status, sent },
        None => Error::Connect(source.without_url()),
    }
}
