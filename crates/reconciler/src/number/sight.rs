//! What is held of a number when a plan is made.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    group::Group,
    ids::{GroupId, PhoneNumberId},
    number::Number,
    plan::{Listing, Memory, Projection, Signals},
};

use crate::snapshots::Snapshots;

/// The groups of a number and the number itself, as they were at one moment.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) held: BTreeMap<GroupId, Arc<Group>>,
    pub(crate) number: Option<Arc<Number>>,
}

impl Sight {
    /// As they are now. A listed group may be held without its number, or under another of ours.
    pub(crate) fn new(
        snapshots: &Snapshots,
        number: &PhoneNumberId,
        listing: Option<&Listing>,
    ) -> Self {
        let held = snapshots.held();
        let listed = listing
            .into_iter()
            .flat_map(|listing| listing.groups.keys());
        let listed = listed.filter_map(|id| Some((id.clone(), held.group(id)?)));
        Self {
            held: held.groups_of(number).into_iter().chain(listed).collect(),
            number: held.number(number),
        }
    }

    /// What a plan looks at.
    pub(crate) fn projection<'a>(
        &'a self,
        memory: &'a Memory,
        signals: &'a Signals,
    ) -> Projection<'a, BTreeMap<GroupId, Arc<Group>>> {
        Projection {
            held: &self.held,
            number: self.number.as_deref(),
            memory,
            signals,
        }
    }
}
