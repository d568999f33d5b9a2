//! A service's own histogram of its requests, if it tells one.

use std::collections::BTreeMap;

/// Requests by the upper bound of their time in microseconds; all but the last bound are finite.
#[derive(Debug)]
pub(crate) struct Histogram(Vec<(u64, f64)>);

impl Histogram {
    /// What was counted between two scrapes, of the routes that contain `route` where routes are told apart.
    pub(crate) fn between(before: &str, after: &str, route: &str) -> Option<Self> {
        let (before, after) = (buckets(before, route), buckets(after, route));
        let counted = after.into_iter().map(|(bound, count)| {
            let earlier = before.get(&bound).copied().unwrap_or_default();
            (bound, count - earlier)
        });
        let counted: Vec<(u64, f64)> = counted.collect();
        let all = counted.last()?.1;
        (all > 0.0).then_some(Self(counted))
    }

    /// The bound that this share of all is not above, in milliseconds.
    fn bound(&self, share: f64) -> String {
        let all = self.0.last().map_or(0.0, |(_, count)| *count);
        let place = self.0.iter().position(|(_, count)| *count >= all * share);
        match place.and_then(|place| self.0.get(place)) {
            Some((u64::MAX, _)) | None => "more".to_owned(),
            Some((bound, _)) => format!("≤ {:.2}", *bound as f64 / 1e3),
        }
    }

    pub(crate) fn cell(&self) -> String {
        [0.5, 0.99, 0.999]
            .map(|share| self.bound(share))
            .join(" / ")
    }
}

/// Cumulative counts by bound, summed over all labels.
fn buckets(text: &str, route: &str) -> BTreeMap<u64, f64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('{') else {
            continue;
        };
        if !name.contains("request") || !name.ends_with("_seconds_bucket") {
            continue;
        }
        let (Some((labels, value)), true) = (
            rest.rsplit_once("} "),
            !rest.contains("route=\"") || rest.contains(&format!("{route}\"")),
        ) else {
            continue;
        };
        let bound = labels
            .split("le=\"")
            .nth(1)
            .and_then(|le| le.split('"').next());
        let (Some(bound), Ok(count)) = (bound, value.parse::<f64>()) else {
            continue;
        };
        let micros = match bound.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() => (seconds * 1e6).round() as u64,
            _ => u64::MAX,
        };
        *counts.entry(micros).or_default() += count;
    }
    counts
}
