//! Whether the log takes records now.

use std::{fmt, time::Instant};

use tokio::sync::watch;

use crate::refusal::Refusal;

/// Whether an append is likely to succeed now; cheap to ask before every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The last that was heard of the log was good.
    Ready,
    /// Appends are likely to fail or to wait: better refuse work at once than queue it.
    InTrouble {
        /// When the trouble was noticed.
        since: Instant,
        /// What it is.
        trouble: Trouble,
    },
}

impl Health {
    /// Whether it is [`Health::Ready`].
    #[must_use]
    pub fn is_ready(self) -> bool {
        self == Self::Ready
    }
}

/// What keeps the log from taking records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Kafka: no broker is connected.
    BrokersDown,
    /// Kafka: no broker lets us in.
    Refused(Refusal),
    /// Kafka: records are pending and none has been delivered for a while.
    Stalled,
    /// Kafka: the client met an error that it cannot go on after, and is being replaced.
    ClientLost,
    /// Local: the last write to the disk did not succeed.
    Storage,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BrokersDown => "no broker is connected",
            Self::Refused(refusal) => return refusal.fmt(f),
            Self::Stalled => "records are pending and none is delivered",
            Self::ClientLost => "the client is being replaced after a fatal error",
            Self::Storage => "the disk does not take writes",
        })
    }
}

/// The present health, set by the engine and read by everybody.
#[derive(Debug)]
pub(crate) struct Pulse(watch::Sender<Health>);

impl Pulse {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Health::Ready))
    }

    pub(crate) fn get(&self) -> Health {
        *self.0.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }

    /// Keeps the time at which trouble began; says whether this is news.
    pub(crate) fn trouble(&self, trouble: Trouble) -> bool {
        self.0.send_if_modified(|health| {
            let (since, news) = match *health {
                Health::Ready => (Instant::now(), true),
                Health::InTrouble {
                    since,
                    trouble: known,
                } => (since, known != trouble),
            };
            *health = Health::InTrouble { since, trouble };
            news
        })
    }

    /// Says whether this is news.
    pub(crate) fn ready(&self) -> bool {
        self.0.send_if_modified(|health| {
            let news = !health.is_ready();
            *health = Health::Ready;
            news
        })
    }
}
