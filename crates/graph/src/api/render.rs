//! What a call looks like on the wire, whether or not it is sent.

use std::fmt;

use http::Method;
use serde_json::{Map, Value, json};

use super::{Command, Content, Invalid, Picture, Recipient, Template};

/// A call as it is or would be sent. The token is not part of it.
#[derive(Clone, PartialEq)]
pub struct Rendered {
    /// HTTP method.
    pub method: Method,
    /// Path segments below the version, not encoded: `["300000000000001", "groups"]`.
    pub path: Vec<String>,
    /// Query parameters, not encoded.
    pub query: Vec<(&'static str, String)>,
    /// What is sent with it; a DELETE may have one too.
    pub body: Body,
}

/// What a call carries.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    None,
    /// A JSON object.
    Json(Value),
    /// Fields and a picture, as `multipart/form-data`; the picture's part is
    /// `profile_picture_file`, which Meta's parser takes (its guide says `file`; reference §4).
    Multipart {
        /// Text parts.
        fields: Vec<(&'static str, String)>,
        /// The file's part.
        picture: Picture,
    },
}

impl Rendered {
    /// The path with its query, ids encoded, as `/300000000000001/groups?limit=25`.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        // A URL encodes segments; which host does not matter.
        let Ok(mut url) = url::Url::parse("http://localhost") else {
            return String::new();
        };
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let query = url.query().map(|query| format!("?{query}"));
        format!("{}{}", url.path(), query.unwrap_or_default())
    }
}

impl fmt::Display for Rendered {
    /// For people: request line, then the body. For who asked alone: it holds what was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path_and_query())?;
        match &self.body {
            Body::None => Ok(()),
            Body::Json(body) => write!(f, "\nContent-Type: application/json\n\n{body:#}"),
            Body::Multipart { fields, picture } => {
                write!(f, "\nContent-Type: multipart/form-data\n")?;
                for (name, value) in fields {
                    write!(f, "\n{name}: {value}")?;
                }
                write!(
                    f,
                    "\nprofile_picture_file: image/jpeg, {} bytes, {side} by {side} pixels",
                    picture.bytes().len(),
                    side = picture.side()
                )
            }
        }
    }
}

impl fmt::Debug for Rendered {
    /// Without ids and body, which hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Json(_) => "Json",
            Self::Multipart { .. } => "Multipart",
        })
    }
}

impl Command {
    /// The call, after [`Command::check`]: what [`super::Client::execute`] sends, and what a dry run shows.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what Meta would refuse, or an id that no path can be made with.
    pub fn render(&self) -> Result<Rendered, Invalid> {
        self.check()?;
        let (method, path) = self.line();
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(Invalid::Id);
        }
        Ok(Rendered {
            method,
            path: path.into_iter().map(str::to_owned).collect(),
            query: Vec::new(),
            body: self.body(),
        })
    }

    fn line(&self) -> (Method, Vec<&str>) {
        match self {
            Self::Create {
                phone_number_id, ..
            } => (Method::POST, vec![phone_number_id, "groups"]),
            Self::Delete { group_id } => (Method::DELETE, vec![group_id]),
            Self::Update { group_id, .. } => (Method::POST, vec![group_id]),
            Self::ResetInviteLink { group_id } => (Method::POST, vec![group_id, "invite_link"]),
            Self::RevokeInviteLink { group_id } => (Method::DELETE, vec![group_id, "invite_link"]),
            Self::RemoveParticipants { group_id, .. } => {
                (Method::DELETE, vec![group_id, "participants"])
            }
            Self::AddParticipants { group_id, .. } => {
                (Method::POST, vec![group_id, "participants"])
            }
            Self::ApproveJoinRequests { group_id, .. } => {
                (Method::POST, vec![group_id, "join_requests"])
            }
            Self::RejectJoinRequests { group_id, .. } => {
                (Method::DELETE, vec![group_id, "join_requests"])
            }
            Self::SendMessage {
                phone_number_id, ..
            }
            | Self::Pin {
                phone_number_id, ..
            }
            | Self::Unpin {
                phone_number_id, ..
            }
            | Self::SendInvite {
                phone_number_id, ..
            } => (Method::POST, vec![phone_number_id, "messages"]),
        }
    }

    fn body(&self) -> Body {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("messaging_product", json!("whatsapp"));
        match self {
            Self::Create {
                subject,
                description,
                join_approval_mode,
                ..
            } => {
                put("subject", json!(subject.trim()));
                if let Some(description) = description {
                    put("description", json!(description));
                }
                if let Some(mode) = join_approval_mode {
                    put("join_approval_mode", json!(mode.as_str()));
                }
            }
            Self::Delete { .. } => return Body::None,
            Self::Update {
                subject,
                description,
                picture,
                ..
            } => {
                return update(subject.as_deref(), description.as_deref(), picture.as_ref());
            }
            Self::ResetInviteLink { .. } | Self::RevokeInviteLink { .. } => {}
            Self::RemoveParticipants { participants, .. }
            | Self::AddParticipants { participants, .. } => {
                let items: Value = participants.iter().map(Recipient::participant).collect();
                put("participants", items);
            }
            Self::ApproveJoinRequests { join_requests, .. }
            | Self::RejectJoinRequests { join_requests, .. } => {
                put("join_requests", json!(join_requests));
            }
            Self::SendMessage { .. }
            | Self::Pin { .. }
            | Self::Unpin { .. }
            | Self::SendInvite { .. } => self.message(&mut put),
        }
        Body::Json(Value::Object(fields))
    }

    /// The parameters of a message.
    fn message(&self, put: &mut impl FnMut(&str, Value) -> Option<Value>) {
        if let (Some(group_id), false) = (self.group_id(), matches!(self, Self::SendInvite { .. }))
        {
            put("recipient_type", json!("group"));
            put("to", json!(group_id));
        }
        match self {
            Self::SendMessage {
                content, reply_to, ..
            } => {
                put("type", json!(content.kind()));
                put(content.kind(), content.json());
                if let Some(id) = reply_to {
                    put("context", json!({"message_id": id}));
                }
            }
            Self::Pin {
                message_id,
                expiration_days,
                ..
            } => {
                put("type", json!("pin"));
                put(
                    "pin",
                    json!({"type": "pin", "message_id": message_id, "expiration_days": expiration_days}),
                );
            }
            Self::Unpin { message_id, .. } => {
                put("type", json!("pin"));
                put("pin", json!({"type": "unpin", "message_id": message_id}));
            }
            Self::SendInvite { to, .. } => {
                put("recipient_type", json!("individual"));
                match to {
                    Recipient::Number(digits) => put("to", json!(digits)),
                    // A BSUID in `to` is dropped without a word (reference §7).
                    Recipient::UserId(id) => put("recipient", json!(id)),
                };
                let content = Content::Template(self.invite());
                put("type", json!(content.kind()));
                put(content.kind(), content.json());
            }
            Self::Create { .. }
            | Self::Delete { .. }
            | Self::Update { .. }
            | Self::ResetInviteLink { .. }
            | Self::RevokeInviteLink { .. }
            | Self::RemoveParticipants { .. }
            | Self::AddParticipants { .. }
            | Self::ApproveJoinRequests { .. }
            | Self::RejectJoinRequests { .. } => {}
        }
    }

    /// The template of an invite: the group is a body parameter of a type of its own.
    pub(super) fn invite(&self) -> Template {
        let Self::SendInvite {
            group_id,
            template,
            language,
            parameters,
            ..
        } = self
        else {
            return Template {
                name: String::new(),
                language: String::new(),
                components: Vec::new(),
            };
        };
        let mut body = vec![json!({"type": "group_id", "group_id": group_id})];
        body.extend(
            parameters
                .iter()
                .map(|text| json!({"type": "text", "text": text})),
        );
        Template {
            name: template.clone(),
            language: language.clone(),
            components: vec![json!({"type": "body", "parameters": body})],
        }
    }
}

fn update(subject: Option<&str>, description: Option<&str>, picture: Option<&Picture>) -> Body {
    let mut fields = vec![("messaging_product", "whatsapp".to_owned())];
    fields.extend(subject.map(|subject| ("subject", subject.trim().to_owned())));
    fields.extend(description.map(|description| ("description", description.to_owned())));
    match picture {
        Some(picture) => Body::Multipart {
            fields,
            picture: picture.clone(),
        },
        None => Body::Json(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Value::String(value)))
                .collect::<Map<_, _>>()
                .into(),
        ),
    }
}
