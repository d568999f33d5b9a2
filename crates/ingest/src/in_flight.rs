//! How much is being worked on at a time: requests, and bytes of their bodies.
//!
//! Nothing here waits: what does not fit is refused at once, for Meta sends it again.

use prometheus_client::metrics::gauge::Gauge;

use crate::limits::{BYTES_IN_FLIGHT_MAX, REQUESTS_IN_FLIGHT_MAX};

/// The bytes of a body that arrives, and then a place among the requests in flight; given back when dropped.
///
/// A body that is still arriving takes only the bytes that are there: hundreds of senders who drip would else
/// hold all places, and lock out those whose bodies come at once.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    requests: &'a Gauge,
    bytes: &'a Gauge,
    taken: i64,
    is_request: bool,
}

impl<'a> Place<'a> {
    pub(crate) fn new(requests: &'a Gauge, bytes: &'a Gauge) -> Self {
        Self {
            requests,
            bytes,
            taken: 0,
            is_request: false,
        }
    }

    /// Takes room for more bytes of the body; `false` if there is none.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let bytes = limit(bytes);
        let before = self.bytes.inc_by(bytes);
        self.taken = self.taken.saturating_add(bytes);
        before.saturating_add(bytes) <= limit(BYTES_IN_FLIGHT_MAX)
    }

    /// Takes a place for a body that is whole; `false` if all are taken.
    pub(crate) fn take(&mut self) -> bool {
        // Counted first and looked at after: of two at once both may be refused, never both let over.
        self.is_request = true;
        self.requests.inc() < limit(REQUESTS_IN_FLIGHT_MAX)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_request {
            self.requests.dec();
        }
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
        let place = || Place::new(&requests, &bytes);
        let mut places: Vec<_> = (0..REQUESTS_IN_FLIGHT_MAX).map(|_| place()).collect();
        assert!(places.iter_mut().all(Place::take));
        // One that is still arriving needs none.
        let mut arriving = place();
        assert!(arriving.grow(1));
        assert!(!arriving.take());
        drop(arriving);
        let mut last = places.pop().unwrap();
        assert!(last.grow(BYTES_IN_FLIGHT_MAX));
        assert!(!places[0].grow(1));
        drop(last);
        assert!(place().take());
        assert!(places[1].grow(BYTES_IN_FLIGHT_MAX - 1));
        drop(places);
        assert_eq!((requests.get(), bytes.get()), (0, 0));
    }
}
