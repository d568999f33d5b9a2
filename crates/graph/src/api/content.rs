//! Who is meant and what is sent.

use std::fmt;

use serde_json::{Map, Value, json};
use url::Url;

use super::Invalid;
use crate::{
    limits::{CAPTION_CHARS_MAX, TEMPLATE_NAME_CHARS_MAX, TEXT_CHARS_MAX},
    webhook::Input,
};

/// A person, as a call names one. Two that are equal name the same person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// A phone number's digits, with country code.
    Number(String),
    /// A business-scoped user id, as `US.10000000000000000042`.
    UserId(String),
}

impl Recipient {
    /// Reads a phone number (also with `+`, spaces and the like) or a BSUID.
    ///
    /// # Errors
    ///
    /// [`Invalid::Participant`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match Input::read(text.trim().into()) {
            Input::Phone(digits) => Ok(Self::Number(digits.into_owned())),
            Input::UserId(id) | Input::ParentUserId(id) => Ok(Self::UserId(id.into_owned())),
            Input::Unreadable => Err(Invalid::Participant),
        }
    }

    /// As Meta echoes it in `input`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(text) | Self::UserId(text) => text,
        }
    }

    /// An item of `participants`.
    pub(super) fn participant(&self) -> Value {
        match self {
            Self::Number(digits) => json!({"user": digits}),
            Self::UserId(id) => json!({"user_id": id}),
        }
    }
}

impl fmt::Debug for Recipient {
    /// Without the identifier: it is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(_) => "Number",
            Self::UserId(_) => "UserId",
        })
    }
}

/// What a message to a group holds. Groups take no other kinds (reference §3.1).
#[derive(Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text {
        /// 1 to 4,096 characters.
        body: String,
        /// Whether a link in it is shown with a preview.
        preview_url: bool,
    },
    /// A file.
    Media {
        /// What it is.
        kind: MediaKind,
        /// Where it is.
        source: MediaSource,
        /// Text below it; none for audio and stickers.
        caption: Option<String>,
        /// Name of a document.
        filename: Option<String>,
    },
    /// A text or media template.
    Template(Template),
}

impl fmt::Debug for Content {
    /// The kind alone: what is written is nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// Kinds of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "Meta's own words")]
pub enum MediaKind {
    Audio,
    Document,
    Image,
    Sticker,
    Video,
}

impl MediaKind {
    /// Meta's word, which names the object in the body too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Image => "image",
            Self::Sticker => "sticker",
            Self::Video => "video",
        }
    }
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// Uploaded to Meta before.
    Id(String),
    /// Meta fetches it from there.
    Link(String),
}

/// A template message.
#[derive(Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Language code, as `en` or `en_US`.
    pub language: String,
    /// Meta's `components`, as they are sent; empty for a template without parameters.
    pub components: Vec<Value>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("name", &self.name)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl Template {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let named = (1..=TEMPLATE_NAME_CHARS_MAX).contains(&self.name.chars().count());
        if named && !self.language.is_empty() && self.components.iter().all(Value::is_object) {
            Ok(())
        } else {
            Err(Invalid::Template)
        }
    }

    fn json(&self) -> Value {
        let mut template = json!({"name": self.name, "language": {"code": self.language}});
        if !self.components.is_empty()
            && let Some(fields) = template.as_object_mut()
        {
            fields.insert("components".to_owned(), json!(self.components));
        }
        template
    }
}

impl Content {
    /// Meta's `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Media { kind, .. } => kind.as_str(),
            Self::Template(_) => "template",
        }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Text { body, .. } if body.trim().is_empty() => Err(Invalid::TextEmpty),
            Self::Text { body, .. } => {
                within(body, TEXT_CHARS_MAX).map_err(|chars| Invalid::TextLong { chars })
            }
            Self::Media {
                kind,
                source,
                caption,
                filename,
            } => {
                source.check()?;
                if let Some(caption) = caption {
                    if matches!(kind, MediaKind::Audio | MediaKind::Sticker) {
                        return Err(Invalid::CaptionUnsupported);
                    }
                    within(caption, CAPTION_CHARS_MAX)
                        .map_err(|chars| Invalid::CaptionLong { chars })?;
                }
                if filename.is_some() && *kind != MediaKind::Document {
                    return Err(Invalid::FilenameUnsupported);
                }
                Ok(())
            }
            Self::Template(template) => template.check(),
        }
    }

    /// The object that stands under [`Content::kind`].
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text { body, preview_url } => json!({"body": body, "preview_url": preview_url}),
            Self::Media {
                kind: _,
                source,
                caption,
                filename,
            } => {
                let mut media = Map::new();
                let (key, value) = match source {
                    MediaSource::Id(id) => ("id", id),
                    MediaSource::Link(link) => ("link", link),
                };
                media.insert(key.to_owned(), json!(value));
                for (key, text) in [("caption", caption), ("filename", filename)] {
                    if let Some(text) = text {
                        media.insert(key.to_owned(), json!(text));
                    }
                }
                Value::Object(media)
            }
            Self::Template(template) => template.json(),
        }
    }
}

impl MediaSource {
    fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Id(id) if id.is_empty() => Err(Invalid::MediaId),
            Self::Id(_) => Ok(()),
            Self::Link(link) => Url::parse(link)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https"))
                .map(drop)
                .ok_or(Invalid::MediaLink),
        }
    }
}

/// Meta counts characters, not bytes; `Err` is their number.
pub(super) fn within(text: &str, chars_max: usize) -> Result<(), usize> {
    let chars = text.chars().count();
    if chars > chars_max {
        Err(chars)
    } else {
        Ok(())
    }
}
