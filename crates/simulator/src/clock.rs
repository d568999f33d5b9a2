//! The simulator's clock: Meta's clock, as clients see it in `Date` and in timestamps.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;

/// Where the simulator takes its time from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Unix milliseconds that a test moves by hand.
    /// Retries still wait in real time; only what Meta's clock would say follows this.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `ms` (Unix milliseconds), and the handle that moves it.
    #[must_use]
    pub fn manual(ms: i64) -> (Self, Arc<AtomicI64>) {
        let handle = Arc::new(AtomicI64::new(ms));
        (Self::Manual(Arc::clone(&handle)), handle)
    }

    /// Unix milliseconds now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator is a WhatsApp with a clock of its own and shares no code with the services"
    )]
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                }),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }
}

/// The HTTP `Date` of a moment (RFC 9110, IMF-fixdate).
pub(crate) fn http_date(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
