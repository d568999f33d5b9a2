//! Groups: lists, search, one, and why it is so.

use std::ops::ControlFlow;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chassis::{
    extract::{Json, Path, Query},
    problem::Problem,
};
use domain::{
    group::{Existence, Group, Participant, View},
    ids::{GroupId, Text},
    position::Stream,
};
use http::HeaderMap;
use serde::Deserialize;
use wire::Record;

use super::{Api, bad, freshness::Scope, json, not_found, paging, read, read_one};
use crate::{
    index::GroupEntry,
    limits::PAGE_SCAN_MAX,
    place,
    projection::Projection,
    store::{self, keys::Entities},
};

/// What a list is filtered by.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    phone_number_id: Option<String>,
    existence: Option<Shown>,
    subject: Option<String>,
    in_doubt: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
    /// In a search only: in a query it would be logged.
    #[serde(skip)]
    participant: Option<Named>,
}

/// `existence` as in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    Unconfirmed,
    Active,
    Gone,
}

/// The body of a search.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    participant: Option<Named>,
    phone_number_id: Option<String>,
    existence: Option<Shown>,
    subject: Option<String>,
    in_doubt: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A person, by any of their identifiers; all that are given must fit.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    wa_id: Option<String>,
    user_id: Option<String>,
    username: Option<String>,
}

/// Identifiers of people are not for logs.
impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Named").finish_non_exhaustive()
    }
}

/// A group as it is answered: computed on the thread that read it.
#[derive(Debug)]
struct Answer {
    group_id: GroupId,
    group: Group,
    view: View,
    verified: i64,
}

impl Answer {
    fn json(&self) -> wire::json::Group<'_> {
        wire::json::Group {
            group_id: &self.group_id,
            view: &self.view,
            verified: self.verified,
            changed: self.group.core.changed,
            envelope: &self.group.envelope,
        }
    }
}

/// Where events about a group lie.
pub(super) fn scope(projection: &Projection, id: &GroupId) -> Scope {
    let key = wire::topics::key(&domain::ids::Entity::Group(id.clone()));
    Scope::Partition(Stream::Events, projection.partition_of(&key))
}

pub(super) fn parse(id: &str) -> Result<GroupId, Problem> {
    GroupId::parse(id).map_err(|_| not_found())
}

/// `GET /v1/groups`
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    page(&api, &headers, filters).await
}

/// `POST /v1/groups/search`
pub(super) async fn search(
    State(api): State<Api>,
    headers: HeaderMap,
    Json(search): Json<Search>,
) -> Result<Response, Problem> {
    let Search {
        participant,
        phone_number_id,
        existence,
        subject,
        in_doubt,
        limit,
        cursor,
    } = search;
    if let Some(named) = &participant
        && named.wa_id.is_none()
        && named.user_id.is_none()
        && named.username.is_none()
    {
        return Err(bad(
            "a participant is searched by wa_id, user_id or username",
        ));
    }
    let filters = Filters {
        phone_number_id,
        existence,
        subject,
        in_doubt,
        limit,
        cursor,
        participant,
    };
    page(&api, &headers, filters).await
}

/// `GET /v1/groups/{group_id}`
pub(super) async fn one(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let fresh = api
        .fresh(&headers, |projection| scope(projection, &id))
        .await?;
    let answer = read_one(&api, &fresh.projection, move |projection| {
        answer(projection, id)
    })
    .await?;
    let answer = answer.ok_or_else(|| fresh.mark(not_found().into_response()));
    match answer {
        Ok(answer) => Ok(fresh.mark(json(&answer.json())?)),
        Err(response) => Ok(response),
    }
}

/// `GET /v1/groups/{group_id}/explain`
pub(super) async fn explain(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let fresh = api
        .fresh(&headers, |projection| scope(projection, &id))
        .await?;
    let answer = read_one(&api, &fresh.projection, move |projection| {
        answer(projection, id)
    })
    .await?;
    let Some(Answer {
        group_id, group, ..
    }) = answer
    else {
        return Ok(fresh.mark(not_found().into_response()));
    };
    let explain = wire::json::Explain {
        group_id: &group_id,
        group: &group,
    };
    Ok(fresh.mark(json(&explain)?))
}

/// A group that is shown, read from the store.
fn answer(projection: &Projection, group_id: GroupId) -> Result<Option<Answer>, store::Error> {
    let key = wire::topics::key(&domain::ids::Entity::Group(group_id.clone()));
    let Some(stored) = projection.store().state(&key)? else {
        return Ok(None);
    };
    let Ok(Record::State(stored)) = wire::decode_group(&stored.record) else {
        return Ok(None);
    };
    let group = stored.state;
    let verified = projection.verified(group.core.verified, projection.partition_of(&key));
    Ok(group.view().map(|view| Answer {
        group_id,
        group,
        view,
        verified,
    }))
}

/// What was found of a page, and where to go on.
#[derive(Debug, Default)]
struct Found {
    answers: Vec<Answer>,
    looked_at: usize,
    next: Option<String>,
}

async fn page(api: &Api, headers: &HeaderMap, filters: Filters) -> Result<Response, Problem> {
    let limit = paging::limit(filters.limit)?;
    let after = paging::after(filters.cursor.as_deref())?;
    let fresh = api
        .fresh(headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let participant = filters.participant.clone();
    let is_match = filters.matcher();
    let found = match participant {
        None => {
            let by_index = move |projection: &Projection| {
                by_index(projection, after.as_deref(), limit, is_match)
            };
            read(&fresh.projection, by_index).await?
        }
        Some(named) => {
            by_participant(api, &fresh.projection, after, limit, (named, is_match)).await?
        }
    };
    let page = wire::json::Page {
        items: found.answers.iter().map(Answer::json).collect(),
        next_cursor: found.next.as_deref().map(place::cursor),
    };
    Ok(fresh.mark(json(&page)?))
}

impl Filters {
    /// What the index can tell of the filters.
    fn matcher(self) -> impl Fn(&GroupEntry) -> bool + Clone + Send + 'static {
        let subject = self.subject.as_ref().map(|subject| subject.to_lowercase());
        let (number, existence, in_doubt) = (self.phone_number_id, self.existence, self.in_doubt);
        move |entry| {
            number
                .as_deref()
                .is_none_or(|number| entry.number.as_deref() == Some(number))
                && existence.is_none_or(|existence| existence == shown(entry.existence))
                && in_doubt.is_none_or(|in_doubt| entry.is_in_doubt == in_doubt)
                && subject.as_deref().is_none_or(|prefix| {
                    let subject = entry.subject.as_deref();
                    subject.is_some_and(|subject| subject.starts_with(prefix))
                })
        }
    }
}

/// A page of groups that a person is in: their records are looked through.
async fn by_participant(
    api: &Api,
    projection: &Projection,
    after: Option<String>,
    limit: usize,
    (named, is_match): (Named, impl Fn(&GroupEntry) -> bool + Clone + Send + 'static),
) -> Result<Found, Problem> {
    let after = after.map(|id| Bytes::from(format!("g/{id}")));
    let each = move |found: &mut Found,
                     projection: &Projection,
                     key: &Bytes,
                     state: &store::values::State| {
        if found.answers.len() == limit || found.looked_at == PAGE_SCAN_MAX {
            return ControlFlow::Break(());
        }
        let id = key
            .get(2..)
            .and_then(|id| std::str::from_utf8(id).ok())
            .unwrap_or_default();
        found.looked_at += 1;
        found.next = Some(id.to_owned());
        let is_listed = projection
            .index()
            .read()
            .groups
            .get(id)
            .is_some_and(&is_match);
        if is_listed && named.may_be_in(&state.record) {
            let group_id = GroupId::parse(id).ok();
            let answer = group_id.and_then(|id| answer(projection, id).ok().flatten());
            found
                .answers
                .extend(answer.filter(|answer| named.is_in(&answer.view)));
        }
        ControlFlow::Continue(())
    };
    let scan = api.scan(projection, Entities::Groups, after, Found::default(), each);
    let mut found = scan.await?;
    if found.answers.len() < limit && found.looked_at < PAGE_SCAN_MAX {
        found.next = None;
    }
    Ok(found)
}

/// A page of groups that the index can tell.
fn by_index(
    projection: &Projection,
    after: Option<&str>,
    limit: usize,
    is_match: impl Fn(&GroupEntry) -> bool,
) -> Result<Found, store::Error> {
    let (mut ids, mut looked_at, mut more) = (Vec::new(), 0, false);
    let mut last: Option<Text> = None;
    for (id, entry) in projection.index().read().groups_after(after) {
        if ids.len() == limit || looked_at == PAGE_SCAN_MAX {
            more = true;
            break;
        }
        looked_at += 1;
        last = Some(id.clone());
        if is_match(entry) {
            ids.push(id.clone());
        }
    }
    let mut found = Found {
        next: last.filter(|_| more).map(|id| id.to_string()),
        ..Found::default()
    };
    for id in ids {
        if let Ok(id) = GroupId::parse(&id) {
            found.answers.extend(answer(projection, id)?);
        }
    }
    Ok(found)
}

fn shown(existence: Option<Existence>) -> Shown {
    match existence {
        None => Shown::Unconfirmed,
        Some(Existence::Active) => Shown::Active,
        Some(Existence::Gone) => Shown::Gone,
    }
}

impl Named {
    /// Could this person be in a record? Looks for the identifiers as bytes, which is cheaper than decoding it.
    fn may_be_in(&self, record: &[u8]) -> bool {
        [&self.wa_id, &self.user_id, &self.username]
            .into_iter()
            .flatten()
            .all(|id| {
                let id = id.as_bytes();
                !id.is_empty() && record.windows(id.len()).any(|window| window == id)
            })
    }

    fn is_in(&self, view: &View) -> bool {
        let fits = |wanted: &Option<String>, held: &Option<Text>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| held.as_deref() == Some(wanted))
        };
        view.participants.iter().any(|participant| {
            let Participant {
                wa_id,
                user_id,
                parent_user_id: _,
                username,
            } = participant;
            fits(&self.wa_id, wa_id)
                && fits(&self.user_id, user_id)
                && fits(&self.username, username)
        })
    }
}
