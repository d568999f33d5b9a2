//! What Meta's API answers: late, wrongly, or not at all.

use domain::{
    event::{About, Event, GroupEvent, Source},
    group::{Ask, Core},
    ids::{GroupId, Second},
    plan::{Listed, Listing, Outcome, Pages, Turn, complete},
};

use super::{Faults, Rollcall};
use crate::{
    meta::{Meta, event},
    random::Random,
};

/// Groups on a page of a small world, so that there are several.
const PAGE: usize = 4;

/// A pass over the list.
pub(super) struct Passed {
    pub(super) calls: u32,
    pub(super) is_throttled: bool,
    pub(super) is_refused: bool,
    /// The second that the list shows.
    pub(super) seen: Second,
    pub(super) listing: Listing,
}

/// A visit to a group.
pub(super) struct Answered {
    pub(super) t0: Second,
    /// The second that the answer shows.
    pub(super) seen: Second,
    pub(super) calls: u32,
    pub(super) outcome: Outcome,
    pub(super) events: Vec<Event>,
}

/// What is wrong with a call before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Throttled,
    Failed,
}

impl Rollcall {
    fn refuses(&mut self, now: Second, faults: &Faults, random: &mut Random) -> Option<Refused> {
        self.asked += 1;
        if faults
            .down
            .is_some_and(|(from, to)| (from..to).contains(&now))
        {
            return Some(Refused::Failed);
        }
        if faults.every_second && self.asked.is_multiple_of(2) || random.chance(faults.throttled) {
            return Some(Refused::Throttled);
        }
        random.chance(faults.failed).then_some(Refused::Failed)
    }

    /// Reads the list from its first page to its end.
    pub(super) fn list(
        &mut self,
        now: Second,
        meta: &Meta,
        faults: &Faults,
        random: &mut Random,
    ) -> Passed {
        let t0 = now + random.within(-faults.skew_max, faults.skew_max);
        if faults.is_fast {
            return self.list_fast(now, t0, faults, random);
        }
        let seen = now - random.within(0, faults.lag_max);
        let shown = shown(meta, seen, faults);
        let mut pages = Pages::begin();
        let (mut calls, mut from) = (0, 0);
        let (mut is_throttled, mut is_refused) = (false, false);
        loop {
            calls += 1;
            if let Some(refused) = self.refuses(now, faults, random) {
                is_throttled = refused == Refused::Throttled;
                is_refused = true;
                pages.refused();
                break;
            }
            if from > 0 && random.chance(faults.expired) {
                from = 0;
                if pages.expired() == Turn::End {
                    is_refused = true;
                    break;
                }
                continue;
            }
            let mut page: Vec<(GroupId, Listed)> =
                shown.iter().skip(from).take(PAGE).cloned().collect();
            from += PAGE;
            let mut next = (from < shown.len()).then(|| from.to_string());
            if random.chance(faults.truncated) {
                page.truncate(page.len() / 2);
                next = None;
            }
            if random.chance(faults.empty) {
                page.clear();
                next = Some("empty".to_owned());
            }
            if random.chance(faults.repeated) && next.is_some() {
                next = Some(PAGE.to_string());
            }
            let unreadable = u32::from(random.chance(faults.partial));
            match pages.page(t0, page, unreadable, next, false) {
                Turn::Ask(next) => {
                    // A cursor that came before leads there again.
                    from = next.and_then(|next| next.parse().ok()).unwrap_or(0);
                }
                Turn::End => break,
            }
        }
        Passed {
            calls,
            is_throttled,
            is_refused,
            seen,
            listing: pages.finish().0,
        }
    }

    /// The list of ten thousand groups, kept as it changes.
    fn list_fast(
        &mut self,
        now: Second,
        t0: Second,
        faults: &Faults,
        random: &mut Random,
    ) -> Passed {
        while self
            .list_changes
            .front()
            .is_some_and(|(shows, ..)| *shows <= now)
        {
            let Some((_, group_id, listed)) = self.list_changes.pop_front() else {
                break;
            };
            match listed {
                Some(listed) => self.listing.groups.insert(group_id, listed),
                None => self.listing.groups.remove(&group_id),
            };
        }
        let mut listing = std::mem::take(&mut self.listing);
        let pages = listing.groups.len().div_ceil(1_024).max(1);
        listing.t0 = t0;
        listing.ended = t0;
        let mut calls = 0;
        let mut refused = None;
        for _ in 0..pages {
            calls += 1;
            refused = self.refuses(now, faults, random);
            if refused.is_some() {
                break;
            }
        }
        listing.is_complete = refused.is_none();
        listing.pages = match refused {
            None => calls,
            Some(_) => 0,
        };
        if refused.is_some() {
            // Nothing of it is used, but what it would have shown is kept for the next.
            self.listing = listing;
            listing = Listing::default();
        }
        Passed {
            calls,
            is_throttled: refused == Some(Refused::Throttled),
            is_refused: refused.is_some(),
            seen: now - 20,
            listing,
        }
    }

    /// Reads one group.
    pub(super) fn visit(
        &mut self,
        group_id: &GroupId,
        now: Second,
        meta: &Meta,
        faults: &Faults,
        random: &mut Random,
    ) -> Answered {
        let t0 = now + random.within(-faults.skew_max, faults.skew_max);
        let seen = now - random.within(0, faults.lag_max);
        let mut answered = Answered {
            t0,
            seen,
            calls: 1,
            outcome: Outcome::Failed,
            events: Vec::new(),
        };
        match self.refuses(now, faults, random) {
            Some(Refused::Throttled) => {
                answered.outcome = Outcome::Throttled;
                return answered;
            }
            Some(Refused::Failed) => return answered,
            None => {}
        }
        let place = meta.index.get(group_id).copied();
        let info = place.and_then(|place| Some((place, meta.info(place, seen, random)?)));
        let Some((place, (mut read, counted))) = info else {
            answered.outcome = Outcome::Unknown;
            return answered;
        };
        let at = t0 - self.limits.lag;
        let about = |what| event(at, Source::Read, About::Group(group_id.clone(), what));
        // In the great worlds all are read alike, for what nobody can read nobody finds.
        if read.suspended == Some(true) && !faults.is_fast && random.below(3) == 0 {
            answered.events.push(about(GroupEvent::Suspended(true)));
            answered.outcome = Outcome::Suspended;
            return answered;
        }
        if random.chance(faults.partial) {
            let kept = random.below(read.participants.len() as u64 + 1);
            read.participants
                .truncate(usize::try_from(kept).unwrap_or(0));
        }
        let nothing = Core::default();
        let core = self.groups.get(group_id).map_or(&nothing, |g| &g.core);
        let read = complete(core, read, Some(counted), 0, None);
        let is_complete = read.is_complete;
        let has_open_ask = core.ask.iter().any(|(_, ask)| ask.value == Ask::Open);
        let may_have_asks =
            read.join_approval_mode.as_deref() != Some("auto_approve") || has_open_ask;
        answered.events.push(about(GroupEvent::Read(read)));
        answered.outcome = Outcome::Full { is_complete };
        if !may_have_asks {
            return answered;
        }
        answered.calls += 1;
        if let Some(refused) = self.refuses(now, faults, random) {
            answered.outcome = Outcome::Part {
                is_throttled: refused == Refused::Throttled,
            };
            return answered;
        }
        let asked_of = now - random.within(0, faults.lag_max);
        answered.seen = seen.min(asked_of);
        let core = self.groups.get(group_id).map_or(&nothing, |g| &g.core);
        let mut join_requests = meta.join_requests(place, asked_of, random);
        for join_request in &mut join_requests {
            domain::plan::carry(core, &mut join_request.person);
        }
        answered
            .events
            .push(about(GroupEvent::JoinRequestsRead { join_requests }));
        answered
    }
}

/// What the list shows of a second, newest first.
fn shown(meta: &Meta, seen: Second, faults: &Faults) -> Vec<(GroupId, Listed)> {
    let groups = meta.groups.iter().enumerate().rev();
    groups
        .filter_map(|(place, group)| {
            let state = group.at(seen)?;
            let is_hidden = state.is_gone || faults.hides_suspended && state.suspended;
            (!is_hidden).then(|| (group.group_id.clone(), meta.listed(place, state)))
        })
        .collect()
}
