//! What a pass would do now: the list is read and compared, and nothing is appended.

use std::{collections::BTreeMap, fmt, time::Duration};

use domain::{
    ids::{PhoneNumberId, Second},
    plan::{Plan, Reason, candidate},
};

use crate::{Error, args::lag_seconds, list, snapshots::Snapshots, upstream::Read};

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
    /// What the list says against what is held.
    pub(crate) plan: Plan,
    /// Groups worth a read, by reason.
    pub(crate) reads: BTreeMap<Reason, usize>,
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
        let plan = crate::number::compare_with(snapshots, number, &listing, self.lag);
        Ok(Found {
            plan,
            reads: self.reads(snapshots, number, listing.t0),
            calls: passed.calls,
        })
    }

    /// How many groups are worth a read at `now`, by reason.
    fn reads(
        &self,
        snapshots: &Snapshots,
        number: &PhoneNumberId,
        now: Second,
    ) -> BTreeMap<Reason, usize> {
        let again_after = lag_seconds(self.list_every).max(self.lag);
        let mut due: BTreeMap<Reason, usize> = BTreeMap::new();
        for (group_id, group) in snapshots.held().groups_of(number) {
            if let Some(found) = candidate(&group_id, &group, now, self.lag, None, again_after) {
                *due.entry(found.reason).or_default() += 1;
            }
        }
        due
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plan)?;
        write!(
            f,
            "{} groups worth a read",
            self.reads.values().sum::<usize>()
        )?;
        for (reason, groups) in &self.reads {
            write!(f, ", {groups} {}", reason.as_str())?;
        }
        Ok(())
    }
}
