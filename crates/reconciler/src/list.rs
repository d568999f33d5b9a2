//! A pass over the list of active groups; [`Pages`] decides what to ask next and what that proves.

use domain::{
    ids::PhoneNumberId,
    plan::{Listing, Pages, Turn},
};

use crate::{
    limits::USAGE_STOP_PERCENT,
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
    let mut pages = Pages::begin();
    let mut turn = Turn::Ask(None);
    let (mut calls, mut load, mut refusal) = (0, Load::default(), None);
    while let Turn::Ask(after) = turn {
        let Answer {
            t0,
            load: now,
            result,
        } = upstream.list(number, after.as_deref()).await;
        calls += 1;
        load = now;
        turned();
        turn = match result {
            Ok(page) => {
                let Page {
                    groups,
                    unreadable,
                    after,
                } = page;
                let percent = load.usage_percent.unwrap_or(0);
                pages.page(t0, groups, unreadable, after, percent >= USAGE_STOP_PERCENT)
            }
            Err(refused) => {
                let next = if refused == Refused::CursorExpired {
                    pages.expired()
                } else {
                    pages.refused();
                    Turn::End
                };
                if next == Turn::End {
                    refusal = Some(refused);
                }
                next
            }
        };
    }
    let starts = pages.starts();
    let (listing, unproven) = pages.finish();
    Passed {
        listing,
        calls,
        starts,
        load,
        refused: refusal,
        unproven,
    }
}

#[cfg(test)]
mod tests;
