//! What a pass would do now: the list is read and compared, and nothing is appended.

use std::{fmt, time::Duration};

use domain::{
    ids::{PhoneNumberId, Second},
    plan::{Budget, Clock, Limits, Memory, Plan, Signals, plan},
};

use crate::{
    Error, args::lag_seconds, limits::READS_IN_FLIGHT_MAX, list, number::Sight,
    snapshots::Snapshots, upstream::Read,
};

/// The settings that a comparison depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// `L`, in seconds.
    pub(crate) lag: Second,
    /// How often the list is read: a group rests that long between two reads.
    pub(crate) list_every: Duration,
}

/// What would be done about one number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// What the list says against what is held, and which groups would be read first.
    pub(crate) plan: Plan,
    /// Calls that it took to find out.
    pub(crate) calls: u32,
}

impl Question {
    /// Reads the list and compares.
    ///
    /// # Errors
    ///
    /// [`Error::List`] where a page was refused.
    pub(crate) async fn ask(
        &self,
        upstream: &impl Read,
        number: &PhoneNumberId,
        snapshots: &Snapshots,
    ) -> Result<Found, Error> {
        let passed = list::pass(upstream, number, || {}).await;
        if let Some(refused) = passed.refused {
            return Err(Error::List {
                reason: refused.as_str(),
            });
        }
        let listing = passed.listing;
        let sight = Sight::new(snapshots, number, Some(&listing));
        let mut memory = Memory::default();
        memory.listed(&listing, &sight.held);
        let signals = Signals::default();
        let limits = Limits {
            lag: self.lag,
            again_after: lag_seconds(self.list_every).max(self.lag),
        };
        let clock = Clock {
            now: listing.t0,
            monotonic_ms: 0,
        };
        let budget = Budget {
            reads: READS_IN_FLIGHT_MAX,
            gathers: false,
        };
        let projection = sight.projection(&memory, &signals);
        Ok(Found {
            plan: plan(&projection, Some(&listing), clock, budget, &limits),
            calls: passed.calls,
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}
