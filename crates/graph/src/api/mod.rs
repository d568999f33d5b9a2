//! Meta's Graph API: the calls about groups.
//!
//! Start at [`Client`]; what changes something is a [`Command`], a value that can be checked, shown and
//! sent. Each call is made once: whether and when to try again is for the caller, who knows the budget;
//! [`Command::may_repeat`], [`Error::back_off`], [`Error::class`] and [`Sent`] say what it needs for that.
//! Answers are read leniently (every scalar perhaps in quotes, both shapes of the list), but a list
//! with an entry that cannot be read is an error: nobody may take it for complete.
//! Not here: paging loops, retries, what an answer means for a group.

mod call;
mod code;
mod command;
mod content;
mod error;
mod groups;
mod invalid;
mod picture;
mod reads;
mod render;
mod reply;
mod retry;
mod sent;
mod subscriptions;
mod templates;

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

pub use crate::webhook::{ItemError, Person, Refusal};
pub use code::{Cause, Code};
pub use command::{Command, Completion, JoinApprovalMode, Repeat};
pub use content::{Content, MediaKind, MediaSource, Recipient, Template};
pub use error::{BadId, Class, Error, Executed, Hidden, Meaning, Refused};
pub use groups::{GroupInfo, JoinRequest, ListedGroup, Page};
pub use invalid::Invalid;
pub use picture::Picture;
pub use reads::Read;
pub use render::{Body, Rendered};
pub use reply::{Accepted, Decided, FailedJoinRequest, InviteLink, Reply, SentMessage};
pub use sent::{Answer, Sent, Usage};
pub use subscriptions::Subscription;
pub use templates::{LibraryQuery, LibraryTemplate};

use crate::limits::{CONNECT_TIMEOUT, REQUEST_TIMEOUT};

/// Where and as whom to call.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Base of all calls, as `https://graph.facebook.com`.
    pub graph_url: Url,
    /// First segment of every path, as `v25.0`; empty for none.
    pub graph_version: String,
    /// System-user token; sent in the `Authorization` header and nowhere else.
    pub access_token: SecretString,
    /// Longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer.
    pub request_timeout: Duration,
}

impl ClientConfig {
    /// With the time-outs of [`crate::limits`].
    #[must_use]
    pub const fn new(graph_url: Url, graph_version: String, access_token: SecretString) -> Self {
        Self {
            graph_url,
            graph_version,
            access_token,
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
        }
    }
}

/// Why a client cannot be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A path cannot be added to the URL, or it is not one of HTTP.
    #[error("the Graph URL is not an http or https URL")]
    GraphUrl,
    /// The token has characters that no header can hold.
    #[error("the access token is not one line of visible ASCII")]
    AccessToken,
    /// The machine's TLS could not be set up.
    #[error("set up HTTP client")]
    Http(#[source] reqwest::Error),
}

/// Calls the Graph API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: http::HeaderValue,
    /// Whether participants may be added.
    offers_add: bool,
}

impl std::fmt::Debug for Client {
    /// Without the token, which `HeaderValue` would only hide as long as it is marked sensitive.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}
