//! Scalars and errors as Meta writes them: quoted or not, empty for absent.

use super::Text;
use crate::json::{Kind, Problem, Value};

/// Why an item was not read. Says where and what was expected there, never what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something in the item that different readers read differently.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// A field that matters has a value that cannot be read.
    #[error("{} is not {expected}", Path(path))]
    Wrong {
        /// Where in the item, as `removed_participants[1].wa_id`; empty is the item itself.
        path: String,
        /// What would have been read there.
        expected: &'static str,
    },
    /// A field without which the item says nothing is not there.
    #[error("{path} is missing")]
    Missing {
        /// Name of the field.
        path: &'static str,
    },
}

struct Path<'a>(&'a str);

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() {
            "the item"
        } else {
            self.0
        })
    }
}

impl Refusal {
    /// A word for a metric label.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Problem(problem) => problem.as_str(),
            Self::Wrong { .. } => "wrong_type",
            Self::Missing { .. } => "missing",
        }
    }

    pub(crate) fn wrong(expected: &'static str) -> Self {
        Self::Wrong {
            path: String::new(),
            expected,
        }
    }

    /// The same refusal seen from one level further out.
    pub(crate) fn under(self, outer: &str) -> Self {
        match self {
            Self::Wrong { path, expected } => {
                let path = match path.as_bytes().first() {
                    None => outer.to_owned(),
                    Some(b'[') => format!("{outer}{path}"),
                    Some(_) => format!("{outer}.{path}"),
                };
                Self::Wrong { path, expected }
            }
            Self::Problem(_) | Self::Missing { .. } => self,
        }
    }
}

/// An object's members, or a refusal.
pub(crate) fn object(value: Value<'_>) -> Result<crate::json::Members<'_>, Refusal> {
    if value.kind() == Kind::Object {
        Ok(value.members())
    } else {
        Err(Refusal::wrong("an object"))
    }
}

/// An object's members; null is an object without any.
pub(crate) fn object_or_null(value: Value<'_>) -> Result<crate::json::Members<'_>, Refusal> {
    if value.is_null() {
        Ok(value.members())
    } else {
        object(value)
    }
}

/// Each element of an array through a reader; null is an array without any.
pub(crate) fn array<'a, T>(
    value: Value<'a>,
    read: impl Fn(Value<'a>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    if value.kind() != Kind::Array {
        return Err(Refusal::wrong("an array"));
    }
    let mut out = Vec::new();
    for (index, element) in value.elements().enumerate() {
        out.push(read(element).map_err(|refusal| refusal.under(&format!("[{index}]")))?);
    }
    Ok(out)
}

/// An identifier or word: text, or an integer without quotes; empty and null are absent.
pub(crate) fn ident(value: Value<'_>) -> Result<Option<Text<'_>>, Refusal> {
    Ok(text(value)?.filter(|text| !text.is_empty()))
}

/// A text that may be empty; an integer without quotes is read as its digits; null is absent.
pub(crate) fn text(value: Value<'_>) -> Result<Option<Text<'_>>, Refusal> {
    match value.kind() {
        Kind::String => Ok(value.text()),
        Kind::Null => Ok(None),
        Kind::Number if is_digits(value.raw()) => Ok(Some(Text::Borrowed(value.raw()))),
        Kind::Number | Kind::Bool | Kind::Array | Kind::Object => Err(Refusal::wrong("a text")),
    }
}

/// Seconds since the epoch, as an integer or as digits in quotes; empty and null are absent.
pub(crate) fn seconds(value: Value<'_>) -> Result<Option<i64>, Refusal> {
    const EXPECTED: &str = "whole seconds";
    let digits = match value.kind() {
        Kind::Null => return Ok(None),
        Kind::Number => Text::Borrowed(value.raw()),
        Kind::String => value.text().unwrap_or_default(),
        Kind::Bool | Kind::Array | Kind::Object => return Err(Refusal::wrong(EXPECTED)),
    };
    if digits.is_empty() {
        return Ok(None);
    }
    if !is_digits(&digits) {
        return Err(Refusal::wrong(EXPECTED));
    }
    digits
        .parse()
        .map(Some)
        .map_err(|_| Refusal::wrong(EXPECTED))
}

/// A flag, quoted or not; null and empty are absent.
pub(crate) fn flag(value: Value<'_>) -> Result<Option<bool>, Refusal> {
    if let Some(flag) = value.bool() {
        return Ok(Some(flag));
    }
    match value.text().as_deref() {
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some("") => Ok(None),
        None if value.is_null() => Ok(None),
        Some(_) | None => Err(Refusal::wrong("true or false")),
    }
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One element of an `errors` array, as far as it is of the form that Meta documents.
///
/// An element of any other form (`{}`, a text) is an error all the same, with nothing known about it.
/// `message` and `details` may hold phone numbers: they are not for logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemError<'a> {
    /// Meta's error code, given as integer or as digits.
    pub code: Option<i64>,
    /// Meta's short name of the error.
    pub title: Option<Text<'a>>,
    /// Meta's sentence.
    pub message: Option<Text<'a>>,
    /// `error_data.details`.
    pub details: Option<Text<'a>>,
}

impl ItemError<'_> {
    /// The same, no longer borrowed from a body.
    #[must_use]
    pub fn into_owned(self) -> ItemError<'static> {
        let own = |text: Option<Text<'_>>| text.map(|text| Text::Owned(text.into_owned()));
        ItemError {
            code: self.code,
            title: own(self.title),
            message: own(self.message),
            details: own(self.details),
        }
    }
}

/// Reads `errors`: any element counts, whatever is in it. An object in the array's place is one error.
pub(crate) fn errors(value: Value<'_>) -> Result<Vec<ItemError<'_>>, Refusal> {
    match value.kind() {
        Kind::Object if value.members().next().is_none() => Ok(Vec::new()),
        Kind::Object => Ok(vec![error(value)]),
        Kind::Array | Kind::Null => array(value, |element| Ok(error(element))),
        Kind::Bool | Kind::Number | Kind::String => Err(Refusal::wrong("an array")),
    }
}

fn error(value: Value<'_>) -> ItemError<'_> {
    let mut error = ItemError::default();
    for (key, value) in value.members() {
        match &*key {
            "code" => error.code = code(value),
            "title" => error.title = value.text(),
            "message" => error.message = value.text(),
            "error_data" => error.details = value.get("details").and_then(Value::text),
            _ => {}
        }
    }
    error
}

fn code(value: Value<'_>) -> Option<i64> {
    match value.kind() {
        Kind::Number => value.raw().parse().ok(),
        Kind::String => value.text()?.parse().ok(),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}
