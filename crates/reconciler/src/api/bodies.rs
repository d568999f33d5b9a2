//! Bodies of commands, in Meta's own names. What is not known is refused: a name that is misspelt must not be left out silently.

use graph::api::{Content, Invalid, JoinApprovalMode, MediaKind, MediaSource, Recipient, Template};
use serde::Deserialize;
use serde_json::Value;

/// A group to be made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    pub(super) subject: String,
    pub(super) description: Option<String>,
    join_approval_mode: Option<String>,
}

impl Create {
    pub(super) fn mode(&self) -> Result<Option<JoinApprovalMode>, Invalid> {
        let mode = self.join_approval_mode.as_deref();
        mode.map(JoinApprovalMode::parse).transpose()
    }
}

/// Settings to be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    pub(super) subject: Option<String>,
    pub(super) description: Option<String>,
}

/// Who is to be removed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    participants: Vec<Participant>,
}

/// A person: a number or user id as such, or as Meta writes it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Participant {
    Plain(String),
    User { user: String },
    UserId { user_id: String },
}

impl Remove {
    pub(super) fn participants(&self) -> Result<Vec<Recipient>, Invalid> {
        let participants = self.participants.iter();
        participants
            .map(|participant| match participant {
                Participant::Plain(text)
                | Participant::User { user: text }
                | Participant::UserId { user_id: text } => Recipient::parse(text),
            })
            .collect()
    }
}

/// Join requests to be decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    pub(super) join_requests: Vec<String>,
}

/// A message to be pinned.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pin {
    pub(super) message_id: String,
    pub(super) expiration_days: u8,
}

/// A message to be unpinned.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unpin {
    pub(super) message_id: String,
}

/// An invite to a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invite {
    pub(super) to: String,
    pub(super) group_id: String,
    pub(super) template: InviteTemplate,
    /// Texts of the body's further parameters, after the group's.
    #[serde(default)]
    pub(super) parameters: Vec<String>,
}

/// Its template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteTemplate {
    pub(super) name: String,
    pub(super) language: Language,
}

/// A language, as Meta writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    pub(super) code: String,
}

/// A message to a group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// `text` if left out, as for Meta.
    #[serde(rename = "type")]
    kind: Option<Kind>,
    text: Option<TextBody>,
    audio: Option<Media>,
    document: Option<Media>,
    image: Option<Media>,
    sticker: Option<Media>,
    video: Option<Media>,
    template: Option<TemplateBody>,
    context: Option<Context>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Audio,
    Document,
    Image,
    Sticker,
    Template,
    Text,
    Video,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextBody {
    body: String,
    #[serde(default)]
    preview_url: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    id: Option<String>,
    link: Option<String>,
    caption: Option<String>,
    filename: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateBody {
    name: String,
    language: Language,
    #[serde(default)]
    components: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Context {
    message_id: String,
}

impl Message {
    /// What is sent, and the message that it answers; or what is missing.
    pub(super) fn content(self) -> Result<(Content, Option<String>), &'static str> {
        let media = |kind, media: Option<Media>| {
            let Media {
                id,
                link,
                caption,
                filename,
            } = media.ok_or("the object of the message's type is missing")?;
            let source = match (id, link) {
                (Some(id), None) => MediaSource::Id(id),
                (None, Some(link)) => MediaSource::Link(link),
                _ => return Err("media has either an id or a link"),
            };
            Ok(Content::Media {
                kind,
                source,
                caption,
                filename,
            })
        };
        let content = match self.kind.unwrap_or(Kind::Text) {
            Kind::Text => {
                let TextBody { body, preview_url } = self.text.ok_or("text is missing")?;
                Content::Text { body, preview_url }
            }
            Kind::Template => {
                let TemplateBody {
                    name,
                    language,
                    components,
                } = self.template.ok_or("template is missing")?;
                Content::Template(Template {
                    name,
                    language: language.code,
                    components,
                })
            }
            Kind::Audio => media(MediaKind::Audio, self.audio)?,
            Kind::Document => media(MediaKind::Document, self.document)?,
            Kind::Image => media(MediaKind::Image, self.image)?,
            Kind::Sticker => media(MediaKind::Sticker, self.sticker)?,
            Kind::Video => media(MediaKind::Video, self.video)?,
        };
        Ok((content, self.context.map(|context| context.message_id)))
    }
}
