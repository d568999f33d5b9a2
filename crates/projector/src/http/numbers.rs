//! Business numbers, and how well what is shown of their groups is known to agree with Meta.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::{
    extract::{Path, Query},
    problem::Problem,
};
use domain::{
    agreement::AGES,
    group::Existence,
    ids::{Entity, PhoneNumberId, Second, Text},
    number::Number,
    position::Stream,
};
use http::HeaderMap;
use serde::Deserialize;
use wire::{
    Record,
    json::{Agreement, AgreementAnswer, GroupCounts, NumberAgreement, RequestCounts},
};

use super::{Api, freshness::Scope, json, not_found, paging, read};
use crate::{
    index::{Entries, GroupEntry},
    place,
    projection::Projection,
    store::{self, keys::Entities},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Counts of one number.
#[derive(Debug, Clone, Default)]
struct Counts {
    groups: GroupCounts,
    requests: RequestCounts,
    agreement: Agreement,
}

/// A number as it is answered.
#[derive(Debug)]
struct Answer {
    phone_number_id: PhoneNumberId,
    number: Number,
    counts: Counts,
}

impl Counts {
    /// Takes what the reconciler counted of the number.
    fn take(&mut self, number: Option<&Number>) {
        if let Some(figures) = number.and_then(|number| number.core.figures.as_ref()) {
            self.agreement.count(&figures.value, figures.stamp.at);
        }
    }
}

impl Answer {
    fn json(&self) -> wire::json::Number<'_> {
        wire::json::Number {
            phone_number_id: &self.phone_number_id,
            number: &self.number,
            groups: self.counts.groups,
            requests: self.counts.requests,
            agreement: &self.counts.agreement,
        }
    }
}

/// `GET /v1/numbers`
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    let limit = paging::limit(paging.limit)?;
    let after = paging::after(paging.cursor.as_deref())?;
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let now = api.now();
    let (answers, next) = read(&fresh.projection, move |projection| {
        page(projection, after, limit, now)
    })
    .await?;
    let page = wire::json::Page {
        items: answers.iter().map(Answer::json).collect(),
        next_cursor: next.as_deref().map(place::cursor),
    };
    Ok(fresh.mark(json(&page)?))
}

/// `GET /v1/numbers/{phone_number_id}`
pub(super) async fn one(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = PhoneNumberId::parse(&id).map_err(|_| not_found())?;
    // Its groups lie in all partitions.
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let now = api.now();
    let found = read(&fresh.projection, move |projection| {
        let counts = count(projection, now);
        let known = counts.contains_key(id.as_str());
        let number = number(projection, &id)?;
        if number.is_none() && !known {
            return Ok(None);
        }
        let mut counts = counts.get(id.as_str()).cloned().unwrap_or_default();
        counts.take(number.as_ref());
        Ok(Some(Answer {
            phone_number_id: id,
            number: number.unwrap_or_default(),
            counts,
        }))
    });
    match found.await? {
        Some(answer) => Ok(fresh.mark(json(&answer.json())?)),
        None => Ok(fresh.mark(not_found().into_response())),
    }
}

/// `GET /v1/agreement`
pub(super) async fn agreement(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let now = api.now();
    let answer = read(&fresh.projection, move |projection| {
        let mut total = Agreement::default();
        let entries = projection.index().read();
        for entry in entries.groups.values() {
            agree(&mut total, projection, entry, now);
        }
        drop(entries);
        let mut numbers = Vec::new();
        for (id, mut counts) in count(projection, now) {
            let Ok(phone_number_id) = PhoneNumberId::parse(&id) else {
                continue;
            };
            let state = number(projection, &phone_number_id)?;
            counts.take(state.as_ref());
            if let (Some(figures), Some(at)) =
                (&counts.agreement.figures, counts.agreement.counted_at)
            {
                total.count(figures, at);
            }
            numbers.push(NumberAgreement {
                phone_number_id,
                agreement: counts.agreement,
            });
        }
        Ok(AgreementAnswer { total, numbers })
    })
    .await?;
    Ok(fresh.mark(json(&answer)?))
}

/// Numbers that have a state of their own, and numbers that groups name.
fn page(
    projection: &Projection,
    after: Option<String>,
    limit: usize,
    now: Second,
) -> Result<(Vec<Answer>, Option<String>), store::Error> {
    let counts = count(projection, now);
    let is_after = |id: &&str| after.as_deref().is_none_or(|after| *id > after);
    let mut ids: BTreeSet<Text> = counts
        .keys()
        .map(Text::as_str)
        .filter(is_after)
        .take(limit + 1)
        .map(Text::new)
        .collect();
    let prefix = Entities::Numbers.prefix();
    let from = after
        .as_deref()
        .map(|after| [prefix, after.as_bytes()].concat());
    for (key, _) in projection
        .store()
        .states(prefix, from.as_deref(), limit + 1)?
    {
        let id = key
            .get(prefix.len()..)
            .and_then(|id| std::str::from_utf8(id).ok());
        ids.extend(id.map(Text::new));
    }
    let is_more = ids.len() > limit;
    let mut answers = Vec::new();
    for id in ids.into_iter().take(limit) {
        let Ok(phone_number_id) = PhoneNumberId::parse(&id) else {
            continue;
        };
        let number = number(projection, &phone_number_id)?.unwrap_or_default();
        let mut counts = counts.get(&id).cloned().unwrap_or_default();
        counts.take(Some(&number));
        answers.push(Answer {
            phone_number_id,
            number,
            counts,
        });
    }
    let last = answers
        .last()
        .map(|answer| answer.phone_number_id.to_string());
    Ok((answers, last.filter(|_| is_more)))
}

fn number(projection: &Projection, id: &PhoneNumberId) -> Result<Option<Number>, store::Error> {
    let key = wire::topics::key(&Entity::Number(id.clone()));
    let stored = projection.store().state(&key)?;
    Ok(
        match stored.map(|stored| wire::decode_number(&stored.record)) {
            Some(Ok(Record::State(stored))) => Some(stored.state),
            Some(Ok(Record::Progress(_) | Record::Unknown) | Err(_)) | None => None,
        },
    )
}

/// Counts by number.
fn count(projection: &Projection, now: Second) -> BTreeMap<Text, Counts> {
    let mut counts: BTreeMap<Text, Counts> = BTreeMap::new();
    let entries = projection.index().read();
    for entry in entries.groups.values() {
        let Some(number) = &entry.number else {
            continue;
        };
        if !counts.contains_key(number) {
            counts.insert(number.clone(), Counts::default());
        }
        let Some(counts) = counts.get_mut(number) else {
            continue;
        };
        match entry.existence {
            None => counts.groups.unconfirmed += 1,
            Some(Existence::Active) => counts.groups.active += 1,
            Some(Existence::Gone) => counts.groups.gone += 1,
        }
        agree(&mut counts.agreement, projection, entry, now);
    }
    count_requests(&entries, &mut counts);
    counts
}

fn count_requests(entries: &Entries, counts: &mut BTreeMap<Text, Counts>) {
    for (id, entry) in &entries.requests {
        // What Meta's webhook said of a request of ours counts with ours.
        let Some(number) = entry
            .number
            .as_ref()
            .filter(|_| !entries.by_meta_id.contains_key(id))
        else {
            continue;
        };
        let outcome = entry
            .meta_request_id
            .as_ref()
            .and_then(|id| entries.requests.get(id));
        let status = match outcome {
            Some(outcome) if entry.status.is_pending() => outcome.status,
            Some(_) | None => entry.status,
        };
        let counts = counts.entry(number.clone()).or_default();
        counts.requests.pending += u64::from(status.is_pending());
        counts.requests.failed += u64::from(status.is_failed());
    }
}

/// Counts one group in, if it is active.
fn agree(agreement: &mut Agreement, projection: &Projection, entry: &GroupEntry, now: Second) {
    if entry.existence != Some(Existence::Active) {
        return;
    }
    agreement.groups += 1;
    let verified = projection.verified(entry.verified, entry.partition);
    if verified == 0 {
        agreement.never_verified += 1;
    } else {
        if entry.changed > verified {
            agreement.changed_since += 1;
        } else {
            agreement.verified += 1;
        }
        let age = now.saturating_sub(verified);
        for (groups, bound) in agreement.verified_within.iter_mut().zip(AGES) {
            *groups += u64::from(age <= bound);
        }
        let oldest = agreement.oldest_verified_at;
        agreement.oldest_verified_at = Some(oldest.map_or(verified, |oldest| oldest.min(verified)));
    }
    agreement.in_doubt += u64::from(entry.is_in_doubt);
    agreement.hinted += u64::from(entry.hinted > verified);
}
