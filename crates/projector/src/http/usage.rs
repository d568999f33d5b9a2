//! Messages and prices, counted.

use std::{collections::BTreeMap, ops::ControlFlow};

use axum::{extract::State, response::Response};
use chassis::{extract::Query, problem::Problem};
use domain::{
    ids::{Second, Text},
    message::{PricingView, View},
    position::Stream,
};
use http::HeaderMap;
use serde::Deserialize;
use wire::{Record, json::UsageItem};

use super::{Api, bad, freshness::Scope, json};
use crate::store::keys::Entities;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    phone_number_id: Option<String>,
    group_id: Option<String>,
    day: Option<String>,
}

/// What is counted apart: day, number, group, and the price's category, type, model and billable.
type Apart = (
    Text,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<Text>,
    Option<bool>,
);

/// Messages and recipients.
type Counts = BTreeMap<Apart, (u64, u64)>;

/// `GET /v1/usage`
pub(super) async fn usage(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    if filters.day.as_deref().is_some_and(|day| !is_day(day)) {
        return Err(bad("day is a date such as 2026-05-28"));
    }
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Receipts))
        .await?;
    let counts = api
        .scan(
            &fresh.projection,
            Entities::Messages,
            None,
            Counts::new(),
            move |counts, _, _, state| {
                if let Ok(Record::State(stored)) = wire::decode_message(&state.record) {
                    count(counts, &filters, &stored.state.view());
                }
                ControlFlow::Continue(())
            },
        )
        .await?;
    let item = |(apart, (messages, recipients))| {
        let (day, phone_number_id, group_id, category, kind, model, billable): Apart = apart;
        UsageItem {
            day,
            phone_number_id,
            group_id,
            category,
            kind,
            model,
            billable,
            messages,
            recipients,
        }
    };
    let usage = wire::json::Usage {
        items: counts.into_iter().map(item).collect(),
    };
    Ok(fresh.mark(json(&usage)?))
}

fn count(counts: &mut Counts, filters: &Filters, view: &View) {
    let fits = |wanted: &Option<String>, held: &Option<Text>| {
        wanted
            .as_deref()
            .is_none_or(|wanted| held.as_deref() == Some(wanted))
    };
    let Some(at) = first_second(view) else {
        return;
    };
    let Some(day) = wire::time::day(at) else {
        return;
    };
    if !fits(&filters.phone_number_id, &view.phone_number_id)
        || !fits(&filters.group_id, &view.group_id)
        || filters.day.as_deref().is_some_and(|wanted| wanted != day)
    {
        return;
    }
    // The price of the message as a whole stands where no recipient's is known.
    let mut prices: BTreeMap<_, u64> = BTreeMap::new();
    for recipient in &view.recipients {
        let price = recipient.pricing.as_ref().or(view.pricing.as_ref());
        *prices.entry(apart(price)).or_default() += 1;
    }
    if prices.is_empty() {
        prices.insert(apart(view.pricing.as_ref()), 0);
    }
    for ((category, kind, model, billable), recipients) in prices {
        let (number, group) = (view.phone_number_id.clone(), view.group_id.clone());
        let held = counts
            .entry((day.clone(), number, group, category, kind, model, billable))
            .or_default();
        held.0 += 1;
        held.1 += recipients;
    }
}

fn apart(price: Option<&PricingView>) -> (Option<Text>, Option<Text>, Option<Text>, Option<bool>) {
    let Some(price) = price else {
        return (None, None, None, None);
    };
    let PricingView {
        category,
        kind,
        model,
        billable,
        origin: _,
    } = price;
    (category.clone(), kind.clone(), model.clone(), *billable)
}

/// When it was sent, or the first that is known of it.
fn first_second(view: &View) -> Option<Second> {
    let statuses = view.recipients.iter().flat_map(|recipient| {
        let failed = recipient.failed.as_ref().map(|failure| failure.at);
        [
            recipient.delivered_at,
            recipient.read_at,
            recipient.played_at,
            failed,
        ]
    });
    let failed = view.failed.as_ref().map(|failure| failure.at);
    view.sent_at
        .or_else(|| statuses.chain([failed]).flatten().min())
}

fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
