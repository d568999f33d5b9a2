//! What can go wrong with a call, and whether trying again can help.

use std::fmt;

use super::{Cause, Code, Invalid, Sent};
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
    /// Meta would refuse it: nothing was sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),
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

    fn of(code: i64) -> Self {
        let Some(code) = Code::of(code) else {
            return Self::Unknown;
        };
        let own = [
            (Code::GroupUnknown, Self::GroupUnknown),
            (Code::GroupSuspended, Self::GroupSuspended),
            (Code::CursorExpired, Self::CursorExpired),
            (Code::PartialSuccess, Self::Partly),
        ];
        if let Some((_, meaning)) = own.into_iter().find(|(own, _)| *own == code) {
            return meaning;
        }
        match code.cause() {
            Cause::BadInput => Self::BadInput,
            Cause::Auth => Self::Auth,
            Cause::Policy => Self::Policy,
            Cause::Throttled => Self::Throttled,
            Cause::Transient => Self::Transient,
            Cause::Unknown => Self::Unknown,
        }
    }

    /// The kind of trouble behind it.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::BadInput | Self::Partly | Self::GroupUnknown | Self::CursorExpired => {
                Cause::BadInput
            }
            Self::Auth => Cause::Auth,
            Self::Policy | Self::GroupSuspended => Cause::Policy,
            Self::Throttled => Cause::Throttled,
            Self::Transient => Cause::Transient,
            Self::Unknown => Cause::Unknown,
        }
    }
}

/// Whether Meta did what a call asked for that ended in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Executed {
    /// Surely not: it was not sent, or Meta refused it.
    No,
    /// It may have been done.
    Unknown,
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

impl Refused {
    /// The code, if it is one that is known.
    #[must_use]
    pub fn known(&self) -> Option<Code> {
        Code::of(self.code)
    }

    /// The kind of trouble.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.meaning().cause()
    }

    /// Whether it may have been done all the same: Meta's general errors do not say at which step they
    /// happened, nor does a code that nobody knows of a server that failed.
    #[must_use]
    pub fn executed(&self) -> Executed {
        let unknown = match self.known() {
            Some(code) => code.may_be_done(),
            None => self.status >= 500,
        };
        if unknown {
            Executed::Unknown
        } else {
            Executed::No
        }
    }

    /// Meta's title: its message without the code before it. For the one who asked, not for logs.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        let message = self.message.reveal()?;
        let title = message
            .strip_prefix("(#")
            .and_then(|rest| rest.split_once(") "));
        Some(title.map_or(message, |(_, title)| title))
    }

    /// What a person can do about it, in a sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        if let Some(code) = self.known() {
            return code.advice();
        }
        match self.cause() {
            Cause::Auth => Code::TokenExpired.advice(),
            Cause::Throttled => Code::AppCalls.advice(),
            Cause::Transient => Code::ApiService.advice(),
            Cause::BadInput | Cause::Policy | Cause::Unknown => {
                "Look the code up on Meta's page of error codes: it is not one that is known here."
            }
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
            Self::Invalid(_) => Class::Permanent,
            Self::Request(_) => Class::Bug,
        }
    }

    /// What kind of trouble it is: by Meta's code, and where there is none by what happened.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Refused(refused) => refused.cause(),
            Self::Connect(_) | Self::Timeout | Self::Truncated { .. } => Cause::Transient,
            Self::NotJson { status, .. } => match status {
                401 => Cause::Auth,
                429 => Cause::Throttled,
                500..=599 => Cause::Transient,
                _ => Cause::Unknown,
            },
            Self::TooLarge { .. } | Self::Unexpected { .. } => Cause::Unknown,
            Self::Request(_) | Self::Invalid(_) => Cause::BadInput,
        }
    }

    /// Whether Meta may have done what was asked. Where it is unknown, a call that does something
    /// twice must not be made again.
    #[must_use]
    pub fn executed(&self) -> Executed {
        match self {
            Self::Refused(refused) => refused.executed(),
            Self::Connect(source) if source.is_connect() => Executed::No,
            Self::Connect(_)
            | Self::Timeout
            | Self::NotJson { .. }
            | Self::Truncated { .. }
            | Self::TooLarge { .. }
            | Self::Unexpected { .. } => Executed::Unknown,
            Self::Request(_) | Self::Invalid(_) => Executed::No,
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
            | Self::Request(_)
            | Self::Invalid(_) => None,
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
            Self::Connect(_) | Self::Timeout | Self::Request(_) | Self::Invalid(_) => None,
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
            Self::Invalid(_) => "invalid",
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
