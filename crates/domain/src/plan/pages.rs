//! A list read page by page, with proof that it is complete.
//!
//! Complete is: every page was answered, every item could be read, no cursor came twice, no page was empty before the end.
//! Anything else still shows which groups are alive, and says nothing of those it does not show.

use std::collections::HashSet;

use super::{Listed, Listing};
use crate::{
    ids::{GroupId, Second},
    limits::{LIST_PAGES_MAX, LIST_STARTS_MAX},
};

/// What to ask next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The page after this cursor; `None` is the first.
    Ask(Option<String>),
    /// Nothing: the pass is over.
    End,
}

/// A pass under way.
#[derive(Debug, Default)]
pub struct Pages {
    listing: Listing,
    cursors: HashSet<String>,
    unproven: Option<&'static str>,
    starts: u32,
}

impl Pages {
    /// Begins; the first thing to ask is the first page.
    pub fn begin() -> Self {
        Self {
            starts: 1,
            ..Self::default()
        }
    }

    /// Takes a page that was asked for at `t0`: its groups, how many items on it could not be read, and its cursor if it has one.
    ///
    /// `is_exhausted` is whether Meta's limit is nearly used up, so that no more pages may be asked for.
    pub fn page(
        &mut self,
        t0: Second,
        groups: impl IntoIterator<Item = (GroupId, Listed)>,
        unreadable: u32,
        next: Option<String>,
        is_exhausted: bool,
    ) -> Turn {
        let listing = &mut self.listing;
        if listing.pages == 0 {
            listing.t0 = t0;
        }
        listing.ended = listing.ended.max(t0);
        listing.pages += 1;
        if unreadable > 0 {
            self.unproven = Some("an item could not be read");
        }
        let mut is_empty = true;
        for (group_id, listed) in groups {
            is_empty = false;
            listing.groups.insert(group_id, listed);
        }
        let Some(next) = next else {
            listing.is_complete = self.unproven.is_none();
            return Turn::End;
        };
        let stopped = if is_empty {
            Some("a page before the end was empty")
        } else if is_exhausted {
            Some("Meta's limit is nearly used up")
        } else if listing.pages >= LIST_PAGES_MAX {
            Some("there were too many pages")
        } else if !self.cursors.insert(next.clone()) {
            Some("a cursor came twice")
        } else {
            None
        };
        match stopped {
            Some(reason) => {
                self.unproven = Some(reason);
                Turn::End
            }
            None => Turn::Ask(Some(next)),
        }
    }

    /// A page was refused because its cursor expired: all begins again, but not for ever.
    pub fn expired(&mut self) -> Turn {
        if self.starts >= LIST_STARTS_MAX {
            self.refused();
            return Turn::End;
        }
        *self = Self {
            starts: self.starts + 1,
            ..Self::default()
        };
        Turn::Ask(None)
    }

    /// A page was refused otherwise: the pass is over, and proves nothing of what it does not show.
    pub fn refused(&mut self) {
        self.unproven = Some("a page was refused");
    }

    /// Times that it began at the first page.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// What it shows, and why it proves nothing if it does not.
    pub fn finish(self) -> (Listing, Option<&'static str>) {
        (self.listing, self.unproven)
    }
}
