//! A pass over the list of active groups, with proof that it is complete.
//!
//! Complete is: every page was answered, every item could be read, no cursor came twice, no page was empty before the end.
//! Anything else still shows which groups are alive, and says nothing of those it does not show.

use std::collections::{BTreeMap, HashSet};

use domain::{ids::PhoneNumberId, plan::Listing};

use crate::{
    limits::{LIST_PAGES_MAX, LIST_STARTS_MAX, USAGE_STOP_PERCENT},
    upstream::{Answer, Load, Page, Read, Refused},
};

/// How a pass ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passed {
    /// What was listed; `is_complete` says what it proves.
    pub(crate) listing: Listing,
    /// Calls made.
    pub(crate) calls: u32,
    /// Times that it began at the first page.
    pub(crate) starts: u32,
    /// Load of the last answer.
    pub(crate) load: Load,
    /// What stopped it, if a refusal did.
    pub(crate) refused: Option<Refused>,
    /// Why it proves nothing, in a word for logs.
    pub(crate) unproven: Option<&'static str>,
}

/// Reads the list from its first page to its end, or until that is impossible; calls `turned` after each page.
pub(crate) async fn pass(
    upstream: &impl Read,
    number: &PhoneNumberId,
    turned: impl Fn(),
) -> Passed {
    let (mut calls, mut starts) = (0, 0);
    loop {
        starts += 1;
        let counted = || {
            calls += 1;
            turned();
        };
        let passed = attempt(upstream, number, counted).await;
        if passed.refused != Some(Refused::CursorExpired) || starts >= LIST_STARTS_MAX {
            return Passed {
                calls,
                starts,
                ..passed
            };
        }
    }
}

async fn attempt(upstream: &impl Read, number: &PhoneNumberId, mut turned: impl FnMut()) -> Passed {
    let mut listing = Listing {
        groups: BTreeMap::new(),
        ..Listing::default()
    };
    let mut cursors: HashSet<String> = HashSet::new();
    let mut after: Option<String> = None;
    let mut unproven = None;
    let load = loop {
        let Answer { t0, load, result } = upstream.list(number, after.as_deref()).await;
        turned();
        if listing.pages == 0 {
            listing.t0 = t0;
        }
        let page = match result {
            Ok(page) => page,
            Err(refused) => {
                return Passed {
                    listing,
                    calls: 0,
                    starts: 0,
                    load,
                    refused: Some(refused),
                    unproven: Some("a page was refused"),
                };
            }
        };
        listing.pages += 1;
        let Page {
            groups,
            unreadable,
            after: next,
        } = page;
        if unreadable > 0 {
            unproven = Some("an item could not be read");
        }
        let is_empty = groups.is_empty();
        listing.groups.extend(groups);
        let Some(next) = next else { break load };
        if is_empty {
            unproven = Some("a page before the end was empty");
            break load;
        }
        if load
            .usage_percent
            .is_some_and(|percent| percent >= USAGE_STOP_PERCENT)
        {
            unproven = Some("Meta's limit is nearly used up");
            break load;
        }
        if listing.pages >= LIST_PAGES_MAX {
            unproven = Some("there were too many pages");
            break load;
        }
        if !cursors.insert(next.clone()) {
            unproven = Some("a cursor came twice");
            break load;
        }
        after = Some(next);
    };
    listing.is_complete = unproven.is_none();
    Passed {
        listing,
        calls: 0,
        starts: 0,
        load,
        refused: None,
        unproven,
    }
}

#[cfg(test)]
mod tests;
