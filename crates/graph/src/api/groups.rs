//! The calls that read groups, and what they answer.

use super::{Answer, Client, Error, Person, Read};
use crate::{
    json::{Kind, Value},
    webhook::{Refusal, Text, read},
};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Entries in Meta's order.
    pub items: Vec<T>,
    /// Cursor of the next page, if Meta says that there is one. An `after` cursor alone says nothing.
    /// Valid for a while and for this list alone; it may repeat, which proves nothing complete.
    pub next: Option<String>,
}

/// A group as the list of active groups has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Opaque.
    pub id: String,
    /// Subject, if given.
    pub subject: Option<String>,
    /// Second of creation (`created_at` or `creation_timestamp`).
    pub created_at: Option<i64>,
}

/// A group as group info has it; what Meta left out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupInfo {
    /// Opaque; the id that was asked for.
    pub id: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Description; left out by Meta if there is none.
    pub description: Option<String>,
    /// `auto_approve` or `approval_required`.
    pub join_approval_mode: Option<String>,
    /// Second of creation.
    pub creation_timestamp: Option<i64>,
    /// Suspended by Meta.
    pub suspended: Option<bool>,
    /// Participants, the business itself not counted.
    pub total_participant_count: Option<u32>,
    /// Participants; may lack phone numbers that webhooks gave.
    pub participants: Option<Vec<Person<'static>>>,
}

/// Somebody who waits to join.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinRequest {
    /// Embeds a phone number.
    pub join_request_id: Option<String>,
    /// Who.
    pub person: Person<'static>,
    /// Second of the request.
    pub creation_timestamp: Option<i64>,
}

impl Client {
    /// One page of a number's active groups; at most [`crate::limits::LIST_PAGE_MAX`] a page.
    /// `after` is the [`Page::next`] of the page before.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`super::Meaning::CursorExpired`] means to start again.
    pub async fn list_groups(
        &self,
        phone_number_id: &str,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Answer<Page<ListedGroup>>, Error> {
        let read = Read::Groups {
            phone_number_id,
            limit,
            after,
        };
        self.read(read, |root| page(root, listed)).await
    }

    /// All that Meta tells about one group.
    ///
    /// # Errors
    ///
    /// [`Error`]; [`super::Meaning::GroupUnknown`] and [`super::Meaning::GroupSuspended`] say something about the group.
    pub async fn group(&self, group_id: &str) -> Result<Answer<GroupInfo>, Error> {
        self.read(Read::Group { group_id }, |root| info(root, group_id))
            .await
    }

    /// One page of the open join requests of a group.
    /// `after` is the [`Page::next`] of the page before.
    ///
    /// # Errors
    ///
    /// [`Error`], as of the list and of the group.
    pub async fn join_requests(
        &self,
        group_id: &str,
        after: Option<&str>,
    ) -> Result<Answer<Page<JoinRequest>>, Error> {
        let read = Read::JoinRequests { group_id, after };
        self.read(read, |root| page(root, join_request)).await
    }

    /// The invite link of a group; `None` if Meta answers without one.
    ///
    /// # Errors
    ///
    /// [`Error`], as of the group.
    pub async fn invite_link(&self, group_id: &str) -> Result<Answer<Option<String>>, Error> {
        self.read(Read::InviteLink { group_id }, |root| {
            read::object(root)?;
            let link = root.get("invite_link").map(read::ident).transpose();
            Ok(owned(
                link.map_err(|refusal| refusal.under("invite_link"))?
                    .flatten(),
            ))
        })
        .await
    }
}

fn owned(text: Option<Text<'_>>) -> Option<String> {
    text.map(Text::into_owned)
}

/// Reads a page. An entry that cannot be read fails the page: a list with a hole is not a list.
pub(super) fn page<'a, T>(
    root: Value<'a>,
    entry: impl Fn(Value<'a>) -> Result<T, Refusal>,
) -> Result<Page<T>, Refusal> {
    read::object(root)?;
    let data = root.get("data").ok_or(Refusal::Missing { path: "data" })?;
    // Meta's guide has an object with `groups` here, what integrators saw is an array.
    let (array, path) = match data.kind() {
        Kind::Object => (
            data.get("groups").ok_or(Refusal::Missing {
                path: "data.groups",
            })?,
            "data.groups",
        ),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String | Kind::Array => (data, "data"),
    };
    if array.kind() != Kind::Array {
        return Err(Refusal::wrong("an array").under(path));
    }
    let items = read::array(array, entry).map_err(|refusal| refusal.under(path))?;
    Ok(Page {
        items,
        next: next(root)?,
    })
}

/// The cursor of the next page. `paging.next` is never followed: it is a URL, and who knows whose.
fn next(root: Value<'_>) -> Result<Option<String>, Refusal> {
    let Some(paging) = root.get("paging") else {
        return Ok(None);
    };
    let Some(url) = paging.get("next").map(read::ident).transpose()?.flatten() else {
        return Ok(None);
    };
    let after = paging
        .get("cursors")
        .and_then(|cursors| cursors.get("after"))
        .map(read::ident)
        .transpose()?
        .flatten();
    let after = owned(after).or_else(|| {
        let url = url::Url::parse(&url).ok()?;
        url.query_pairs()
            .find(|(name, _)| name == "after")
            .map(|(_, after)| after.into_owned())
    });
    after
        .filter(|after| !after.is_empty())
        .map(Some)
        .ok_or(Refusal::Missing {
            path: "paging.cursors.after",
        })
}

fn listed(value: Value<'_>) -> Result<ListedGroup, Refusal> {
    let mut group = ListedGroup {
        id: String::new(),
        subject: None,
        created_at: None,
    };
    for (key, value) in read::object(value)? {
        let read = match &*key {
            "id" => read::ident(value).map(|id| group.id = owned(id).unwrap_or_default()),
            "subject" => read::text(value).map(|subject| group.subject = owned(subject)),
            "created_at" | "creation_timestamp" => {
                read::seconds(value).map(|second| group.created_at = second.or(group.created_at))
            }
            _ => Ok(()),
        };
        read.map_err(|refusal| refusal.under(&key))?;
    }
    if group.id.is_empty() {
        return Err(Refusal::wrong("a text").under("id"));
    }
    Ok(group)
}

fn info(root: Value<'_>, asked: &str) -> Result<GroupInfo, Refusal> {
    let mut info = GroupInfo::default();
    for (key, value) in read::object(root)? {
        let read = match &*key {
            "id" => read::ident(value).map(|id| info.id = owned(id)),
            "subject" => read::text(value).map(|text| info.subject = owned(text)),
            "description" => read::text(value).map(|text| info.description = owned(text)),
            "join_approval_mode" => {
                read::ident(value).map(|text| info.join_approval_mode = owned(text))
            }
            "creation_timestamp" | "created_at" => read::seconds(value)
                .map(|second| info.creation_timestamp = second.or(info.creation_timestamp)),
            "suspended" => read::flag(value).map(|flag| info.suspended = flag),
            "total_participant_count" => {
                count(value).map(|count| info.total_participant_count = count)
            }
            "participants" => participants(value).map(|all| info.participants = all),
            _ => Ok(()),
        };
        read.map_err(|refusal| refusal.under(&key))?;
    }
    // What is said about another group must not be taken for an answer about this one.
    if info.id.as_deref().is_some_and(|id| id != asked) {
        return Err(Refusal::wrong("the group that was asked for").under("id"));
    }
    Ok(info)
}

fn count(value: Value<'_>) -> Result<Option<u32>, Refusal> {
    match read::seconds(value) {
        Ok(count) => count
            .map(u32::try_from)
            .transpose()
            .map_err(|_| Refusal::wrong("a count")),
        Err(_) => Err(Refusal::wrong("a count")),
    }
}

fn participants(value: Value<'_>) -> Result<Option<Vec<Person<'static>>>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    // The list may be wrapped, as every list of Graph's may: `{"data": […]}`.
    let array = value.get("data").unwrap_or(value);
    read::array(array, |value| {
        let mut person = Person::default();
        for (key, value) in read::object(value)? {
            person
                .set(&key, value)
                .map_err(|refusal| refusal.under(&key))?;
        }
        Ok(person.into_owned())
    })
    .map(Some)
}

fn join_request(value: Value<'_>) -> Result<JoinRequest, Refusal> {
    let mut request = JoinRequest::default();
    let mut person = Person::default();
    for (key, value) in read::object(value)? {
        let read = match &*key {
            "join_request_id" => read::ident(value).map(|id| request.join_request_id = owned(id)),
            "creation_timestamp" | "created_at" => read::seconds(value)
                .map(|second| request.creation_timestamp = second.or(request.creation_timestamp)),
            key => person.set(key, value).map(|_| ()),
        };
        read.map_err(|refusal| refusal.under(&key))?;
    }
    request.person = person.into_owned();
    Ok(request)
}
