//! Everything that is only read, as values, so that a read too can be shown without being sent.

use http::Method;

use super::{Body, Invalid, LibraryQuery, Rendered};
use crate::limits::LIST_PAGE_MAX;

/// Everything that group info can tell; without naming fields it tells nothing.
const INFO_FIELDS: &str = "join_approval_mode,subject,description,suspended,creation_timestamp,participants,total_participant_count";

/// A call that changes nothing (reference §4, by its number there). It may always be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<'a> {
    /// 3: group info.
    Group {
        /// Which.
        group_id: &'a str,
    },
    /// 4: a page of active groups.
    Groups {
        /// Whose.
        phone_number_id: &'a str,
        /// Groups a page, 1 to 1,024.
        limit: u16,
        /// Cursor of the page before.
        after: Option<&'a str>,
    },
    /// 6: the invite link.
    InviteLink {
        /// Whose.
        group_id: &'a str,
    },
    /// 11: a page of open join requests.
    JoinRequests {
        /// Whose.
        group_id: &'a str,
        /// Cursor of the page before.
        after: Option<&'a str>,
    },
    /// 16: a page of the template library.
    TemplateLibrary {
        /// What to look for.
        query: &'a LibraryQuery,
        /// Cursor of the page before.
        after: Option<&'a str>,
    },
}

impl Read<'_> {
    /// A word for logs and metric labels.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Group { .. } => "group",
            Self::Groups { .. } => "list_groups",
            Self::InviteLink { .. } => "invite_link",
            Self::JoinRequests { .. } => "join_requests",
            Self::TemplateLibrary { .. } => "template_library",
        }
    }

    /// The call as it is or would be sent.
    ///
    /// # Errors
    ///
    /// [`Invalid::Id`] for an id that no path can be made with.
    pub fn render(&self) -> Result<Rendered, Invalid> {
        let (path, mut query) = match *self {
            Self::Group { group_id } => (vec![group_id], vec![("fields", INFO_FIELDS.to_owned())]),
            Self::Groups {
                phone_number_id,
                limit,
                ..
            } => {
                let limit = limit.clamp(1, LIST_PAGE_MAX).to_string();
                (vec![phone_number_id, "groups"], vec![("limit", limit)])
            }
            Self::InviteLink { group_id } => (vec![group_id, "invite_link"], Vec::new()),
            Self::JoinRequests { group_id, .. } => (vec![group_id, "join_requests"], Vec::new()),
            Self::TemplateLibrary { query, .. } => {
                let pairs = [
                    ("category", &query.category),
                    ("topic", &query.topic),
                    ("language", &query.language),
                    ("search", &query.search),
                ];
                let given = pairs
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value.clone()?)));
                (vec!["message_template_library"], given.collect())
            }
        };
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(Invalid::Id);
        }
        let after = match *self {
            Self::Groups { after, .. }
            | Self::JoinRequests { after, .. }
            | Self::TemplateLibrary { after, .. } => after,
            Self::Group { .. } | Self::InviteLink { .. } => None,
        };
        query.extend(after.map(|after| ("after", after.to_owned())));
        Ok(Rendered {
            method: Method::GET,
            path: path.into_iter().map(str::to_owned).collect(),
            query,
            body: Body::None,
        })
    }
}
