//! What surrounds an answer: when the call was sent, and what Meta says about our use.

use std::time::Duration;

use http::{HeaderMap, header};

use super::call::seconds;
use crate::json::{Document, Kind, Value};

/// An answer with what surrounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// When it was sent, and what Meta says about our use.
    pub sent: Sent,
}

/// When a call was sent, and what the answer's headers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Latest whole second, in Meta's clock, that is surely not after the call was sent: the `Date`
    /// header less the time until it came, rounded down. `None` without a usable `Date`.
    pub t0: Option<i64>,
    /// Time until the answer was complete.
    pub elapsed: Duration,
    /// How much of our rate is used, where Meta says.
    pub usage: Option<Usage>,
    /// `Retry-After`, where there is one.
    pub retry_after: Option<Duration>,
}

/// How much of a rate limit is used, from `X-App-Usage` and `X-Business-Use-Case-Usage`.
///
/// Percentages are the greatest of call count, time and CPU time; at 100 calls are refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the app's limit.
    pub app_percent: Option<u32>,
    /// Of the fullest business use case's limit.
    pub business_percent: Option<u32>,
    /// Longest time until calls are answered again, if they are refused now.
    pub regain_access: Option<Duration>,
}

impl Usage {
    /// The fullest limit.
    #[must_use]
    pub fn percent(&self) -> u32 {
        self.app_percent
            .max(self.business_percent)
            .unwrap_or_default()
    }
}

impl Sent {
    /// Reads the headers of an answer that began to come after `elapsed`.
    pub(super) fn read(headers: &HeaderMap, elapsed: Duration) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(header::DATE.as_str()).and_then(date);
        let whole = elapsed.as_secs() + u64::from(elapsed.subsec_nanos() > 0);
        let t0 = date
            .zip(i64::try_from(whole).ok())
            .map(|(date, whole)| date - whole);
        let retry_after = text(header::RETRY_AFTER.as_str()).and_then(|text| {
            seconds(text).or_else(|| {
                let wait = self::date(text)?.checked_sub(date?)?;
                u64::try_from(wait).ok().map(Duration::from_secs)
            })
        });
        let usage = usage(text("x-app-usage"), text("x-business-use-case-usage"));
        Self {
            t0,
            elapsed,
            usage,
            retry_after,
        }
    }
}

fn date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|date| date.timestamp().as_second())
}

fn usage(app: Option<&str>, business: Option<&str>) -> Option<Usage> {
    let mut usage = Usage::default();
    if let Some(document) = app.and_then(|text| Document::parse(text.as_bytes()).ok()) {
        usage.app_percent = percent(document.root());
    }
    if let Some(document) = business.and_then(|text| Document::parse(text.as_bytes()).ok()) {
        for (_, cases) in document.root().members() {
            for case in cases.elements() {
                usage.business_percent = usage.business_percent.max(percent(case));
                let minutes = case.get("estimated_time_to_regain_access").and_then(number);
                let wait = minutes
                    .filter(|minutes| *minutes > 0)
                    .map(|minutes| Duration::from_secs(minutes.into()) * 60);
                usage.regain_access = usage.regain_access.max(wait);
            }
        }
    }
    (usage != Usage::default()).then_some(usage)
}

fn percent(load: Value<'_>) -> Option<u32> {
    ["call_count", "total_time", "total_cputime"]
        .into_iter()
        .filter_map(|name| load.get(name).and_then(number))
        .max()
}

/// A whole number, perhaps in quotes; of a fraction the next greater.
fn number(value: Value<'_>) -> Option<u32> {
    let number = match value.kind() {
        Kind::Number => value.raw().parse::<f64>(),
        Kind::String => value.text()?.parse::<f64>(),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => return None,
    };
    let number = number.ok()?.ceil();
    // Between 0 and 2³² a float converts exactly enough for a percentage or minutes.
    (0.0..=f64::from(u32::MAX))
        .contains(&number)
        .then_some(number as u32)
}
