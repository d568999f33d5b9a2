//! Messages to a group, and its link to a person.

use anyhow::Context as _;
use chassis::Clock;
use clap::{Args as ClapArgs, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Manage, OfGroup, Sent};

/// What to write.
#[derive(Debug, Clone, ClapArgs)]
#[command(group(clap::ArgGroup::new("content").required(true).args(["text", "media", "template"])))]
pub(crate) struct Send {
    #[command(flatten)]
    of: OfGroup,
    /// Text, at most 4,096 characters.
    #[arg(long)]
    text: Option<String>,
    /// Show a preview of a link in the text.
    #[arg(long, requires = "text")]
    preview_url: bool,
    /// Kind of a file.
    #[arg(long, value_enum)]
    media: Option<Media>,
    /// Id of a file that was uploaded to Meta.
    #[arg(long, requires = "media", conflicts_with = "media_link")]
    media_id: Option<String>,
    /// Address from which Meta fetches the file.
    #[arg(long, requires = "media")]
    media_link: Option<String>,
    /// Text below the file.
    #[arg(long, requires = "media")]
    caption: Option<String>,
    /// Name of a document.
    #[arg(long, requires = "media")]
    filename: Option<String>,
    /// Name of an approved template.
    #[arg(long, requires = "language")]
    template: Option<String>,
    /// Language of the template, such as en.
    #[arg(long)]
    language: Option<String>,
    /// The template's components, as JSON in Meta's form.
    #[arg(long, value_name = "JSON", requires = "template", value_parser = components)]
    components: Option<Value>,
    /// Id of the message that this one answers.
    #[arg(long, value_name = "MESSAGE_ID")]
    reply_to: Option<String>,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Media {
    Audio,
    Document,
    Image,
    Sticker,
    Video,
}

impl Media {
    fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Image => "image",
            Self::Sticker => "sticker",
            Self::Video => "video",
        }
    }
}

fn components(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_array() {
        Ok(value)
    } else {
        Err("must be a JSON array".to_owned())
    }
}

impl Send {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let body = self.body()?;
        let path = &["messages"];
        self.of
            .call(clock, Method::POST, path, Some(Sent::Json(body)))
            .await
    }

    fn body(&self) -> anyhow::Result<Value> {
        let mut body = if let Some(text) = &self.text {
            json!({"type": "text", "text": {"body": text, "preview_url": self.preview_url}})
        } else if let Some(name) = &self.template {
            let language = self.language.as_deref().context("--language is missing")?;
            let mut template = json!({"name": name, "language": {"code": language}});
            if let Some(components) = &self.components {
                template["components"] = components.clone();
            }
            json!({"type": "template", "template": template})
        } else {
            let kind = self.media.context("--media is missing")?.as_str();
            let mut media = json!({});
            let given = [
                ("id", &self.media_id),
                ("link", &self.media_link),
                ("caption", &self.caption),
                ("filename", &self.filename),
            ];
            for (name, value) in given {
                if let Some(value) = value {
                    media[name] = Value::from(value.as_str());
                }
            }
            json!({"type": kind, kind: media})
        };
        if let Some(message_id) = &self.reply_to {
            body["context"] = json!({"message_id": message_id});
        }
        Ok(body)
    }
}

/// What to pin.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Pin {
    #[command(flatten)]
    of: OfGroup,
    /// Id of the message.
    message_id: String,
    /// Days that it stays pinned, 1 to 30.
    #[arg(long, default_value_t = 7)]
    days: u8,
}

impl Pin {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let body = json!({"message_id": self.message_id, "expiration_days": self.days});
        let path = &["messages", "pin"];
        self.of
            .call(clock, Method::POST, path, Some(Sent::Json(body)))
            .await
    }
}

/// What to unpin.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Unpin {
    #[command(flatten)]
    of: OfGroup,
    /// Id of the message.
    message_id: String,
}

impl Unpin {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let body = json!({"message_id": self.message_id});
        let path = &["messages", "unpin"];
        self.of
            .call(clock, Method::POST, path, Some(Sent::Json(body)))
            .await
    }
}

/// Whom to invite.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct SendInvite {
    /// Id of the group, as Meta names it.
    group_id: String,
    #[command(flatten)]
    manage: Manage,
    /// Business number that writes, as Meta names it.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: String,
    /// Phone number or business-scoped user id of the person.
    #[arg(long)]
    to: String,
    /// Name of the approved template.
    #[arg(long)]
    template: String,
    /// Language of the template, such as en.
    #[arg(long, default_value = "en")]
    language: String,
    /// A text of the template's body after the group's; repeat for several.
    #[arg(long, value_name = "TEXT")]
    parameter: Vec<String>,
}

impl SendInvite {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let Self {
            group_id,
            manage,
            phone_number_id,
            to,
            template,
            language,
            parameter,
        } = self;
        let body = json!({
            "to": to,
            "group_id": group_id,
            "template": {"name": template, "language": {"code": language}},
            "parameters": parameter,
        });
        let path = ["v1", "numbers", &phone_number_id, "invites"];
        manage
            .call(clock, Method::POST, &path, &[], Sent::Json(body))
            .await
    }
}
