//! How much is being worked on at a time: requests, and bytes of their bodies.
//!
//! Nothing here waits: what does not fit is refused at once, for Meta sends it again.

use prometheus_client::metrics::gauge::Gauge;

use crate::limits::{BYTES_IN_FLIGHT_MAX, REQUESTS_IN_FLIGHT_MAX};

/// A place among the requests in flight, and the bytes it has taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    requests: &'a Gauge,
    bytes: &'a Gauge,
    taken: i64,
}

impl<'a> Place<'a> {
    /// A place, or none if all are taken.
    pub(crate) fn take(requests: &'a Gauge, bytes: &'a Gauge) -> Option<Self> {
        // Counted first and looked at after: of two at once both may be refused, never both let over.
        let before = requests.inc();
        let place = Self {
            requests,
            bytes,
            taken: 0,
        };
        (before < limit(REQUESTS_IN_FLIGHT_MAX)).then_some(place)
    }

    /// Takes room for more bytes of the body; `false` if there is none.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let bytes = limit(bytes);
        let before = self.bytes.inc_by(bytes);
        self.taken = self.taken.saturating_add(bytes);
        before.saturating_add(bytes) <= limit(BYTES_IN_FLIGHT_MAX)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.requests.dec();
        self.bytes.dec_by(self.taken);
    }
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes_are_bounded_and_given_back() {
        let (requests, bytes) = (Gauge::default(), Gauge::default());
        let mut places: Vec<_> = (0..REQUESTS_IN_FLIGHT_MAX)
            .map(|_| Place::take(&requests, &bytes).unwrap())
            .collect();
        assert!(Place::take(&requests, &bytes).is_none());
        let mut last = places.pop().unwrap();
        assert!(last.grow(BYTES_IN_FLIGHT_MAX));
        assert!(!places[0].grow(1));
        drop(last);
        assert!(Place::take(&requests, &bytes).is_some());
        assert!(places[1].grow(BYTES_IN_FLIGHT_MAX - 1));
        drop(places);
        assert_eq!((requests.get(), bytes.get()), (0, 0));
    }
}
