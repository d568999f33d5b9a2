//! What the reconciler needs of Meta's API, in the words of the domain, so that its judgement can be run against a model.

use std::{future::Future, time::Duration};

use chassis::SecretString;
use domain::{
    event::{GroupRead, JoinRequest},
    ids::{GroupId, PhoneNumberId, Second},
    plan::Listed,
};

mod meta;

pub use meta::Meta;
pub(crate) use meta::{load, refused, traced};

/// What an answer says of Meta's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// The greatest share used of any limit, in percent.
    pub usage_percent: Option<u32>,
    /// Time to wait, where Meta names one.
    pub retry_after: Option<Duration>,
}

/// An answer: of which second, at what load, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// Second in Meta's clock at which it was asked, at the latest.
    pub t0: Second,
    /// What it says of limits.
    pub load: Load,
    /// What was read, or why not.
    pub result: Result<T, Refused>,
}

/// Why something was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// Meta knows no such group (131041).
    GroupUnknown,
    /// The group is suspended (131207).
    GroupSuspended,
    /// The cursor expired (131059).
    CursorExpired,
    /// Too many calls.
    Throttled,
    /// The token is not accepted, or may not do this.
    Token,
    /// What we asked is wrong.
    Input,
    /// No answer, or one that another try may better.
    Failed,
}

impl Refused {
    /// Word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GroupUnknown => "group_unknown",
            Self::GroupSuspended => "group_suspended",
            Self::CursorExpired => "cursor_expired",
            Self::Throttled => "throttled",
            Self::Token => "token",
            Self::Input => "input",
            Self::Failed => "failed",
        }
    }
}

/// A page of the list of active groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// Groups on it.
    pub groups: Vec<(GroupId, Listed)>,
    /// Items on it whose id could not be read: then nothing is proven.
    pub unreadable: u32,
    /// Cursor of the next page; `None` at the end.
    pub after: Option<String>,
}

/// A group as its info shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    /// What it shows; `is_complete` and what is carried are not decided yet.
    pub read: GroupRead,
    /// How many participants there are, the business not counted; `None` if not said.
    pub total_participant_count: Option<u32>,
    /// Participants that were listed and could not be read.
    pub unreadable: u32,
}

/// A page of a group's open join requests.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinRequestPage {
    /// Join requests on it.
    pub join_requests: Vec<JoinRequest>,
    /// Items that could not be read: then the floor must not rise.
    pub unreadable: u32,
    /// Cursor of the next page; `None` at the end.
    pub after: Option<String>,
}

/// Reads of Meta's API. Every call ends within a time limit of its own.
pub trait Read: Send + Sync + 'static {
    /// From now on calls present another access token.
    ///
    /// # Errors
    ///
    /// Where the token cannot be sent; the former stays.
    fn present(&self, _token: &SecretString) -> Result<(), graph::api::ConfigError> {
        Ok(())
    }

    /// The client that makes commands and live reads; `None` where there is only a model of Meta.
    fn client(&self) -> Option<graph::api::Client> {
        None
    }

    /// A page of the list of active groups.
    fn list(
        &self,
        number: &PhoneNumberId,
        after: Option<&str>,
    ) -> impl Future<Output = Answer<Page>> + Send;
    /// A group's info.
    fn group(&self, group_id: &GroupId) -> impl Future<Output = Answer<Info>> + Send;
    /// A page of a group's open join requests.
    fn join_requests(
        &self,
        group_id: &GroupId,
        after: Option<&str>,
    ) -> impl Future<Output = Answer<JoinRequestPage>> + Send;
}
