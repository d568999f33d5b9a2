//! The history of a group: its changes, newest first.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chassis::{
    extract::{Path, Query},
    problem::Problem,
};
use domain::{
    ids::{Entity, GroupId},
    position::Position,
};
use http::HeaderMap;
use serde::Deserialize;
use wire::{Change, Decoded};

use super::{Api, bad, groups, json, not_found, paging, read};
use crate::{place, projection::Projection, store};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// `GET /v1/groups/{group_id}/changes`
pub(super) async fn changes(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    let id = groups::parse(&id)?;
    let limit = paging::limit(paging.limit)?;
    let from = match paging::after(paging.cursor.as_deref())? {
        None => None,
        Some(place) => Some(
            Position::parse(&place).ok_or_else(|| bad("the cursor is not one that was given"))?,
        ),
    };
    let fresh = api
        .fresh(&headers, |projection| groups::scope(projection, &id))
        .await?;
    let found = read(&fresh.projection, move |projection| {
        chain(projection, &id, from, limit)
    })
    .await?;
    let Some((changes, next)) = found else {
        return Ok(fresh.mark(not_found().into_response()));
    };
    let page = wire::json::Page {
        items: changes.iter().map(wire::json::Change).collect(),
        next_cursor: next.map(|next| place::cursor(&next.to_string())),
    };
    Ok(fresh.mark(json(&page)?))
}

/// Changes, and where to go on.
type Chain = (Vec<Change>, Option<Position>);

/// Follows the chain of previous versions; `None` if nothing was ever known of the group.
///
/// A group that was forgotten and made again begins a new chain; the old one is reached from where it ended.
fn chain(
    projection: &Projection,
    id: &GroupId,
    from: Option<Position>,
    limit: usize,
) -> Result<Option<Chain>, store::Error> {
    let key = wire::topics::key(&Entity::Group(id.clone()));
    let store = projection.store();
    let ended = store.ended(&key)?.map(|ended| Position {
        partition: projection.partition_of(&key),
        ..ended.version
    });
    let mut at = match from {
        Some(from) => Some(from),
        None => {
            let stored = store.state(&key)?;
            if stored.is_none() && ended.is_none() {
                return Ok(None);
            }
            let head = stored.and_then(|stored| wire::peek(&stored.record).ok().flatten());
            head.and_then(|head| head.envelope.version).or(ended)
        }
    };
    let mut changes: Vec<Change> = Vec::new();
    while let Some(version) = at {
        if changes.len() == limit {
            return Ok(Some((changes, Some(version))));
        }
        let Some(change) = of_group(store.change(&version)?, id) else {
            break;
        };
        // A chain only ever leads back; anything else ends it.
        let before_it = |other: &Position| version.is_after(other);
        at = change.previous_version.or(ended).filter(before_it);
        changes.push(change);
    }
    Ok(Some((changes, None)))
}

/// A change, if it is one of this group.
fn of_group(record: Option<Bytes>, id: &GroupId) -> Option<Change> {
    match wire::decode_change(&record?) {
        Ok(Decoded::Known(change)) => {
            Some(change).filter(|change| change.entity() == Entity::Group(id.clone()))
        }
        Ok(Decoded::Unknown) | Err(_) => None,
    }
}
