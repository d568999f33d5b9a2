//! A deep read of one group: its info, and its open join requests where there may be any.

use std::collections::HashSet;

use domain::{
    event::{About, Event, GroupEvent, JoinRequest, Source},
    group::{Ask, Core, Group},
    ids::{GroupId, PhoneNumberId, Second, Text},
    plan::{Memory, Outcome, carry, complete},
};

use crate::{
    append::event,
    limits::{JOIN_REQUEST_PAGES_MAX, JOIN_REQUESTS_MAX},
    upstream::{Answer, Info, JoinRequestPage, Load, Read, Refused},
};

/// What a visit to a group brought.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) group_id: GroupId,
    /// Of its first call.
    pub(crate) t0: Second,
    pub(crate) calls: u32,
    pub(crate) load: Load,
    /// What it asserts; some may be there even though a later call was refused.
    pub(crate) events: Vec<Event>,
    pub(crate) refused: Option<Refused>,
    /// Did the info answer: is the group alive?
    pub(crate) is_alive: bool,
    /// Did it name everybody whom it counts?
    pub(crate) is_complete: bool,
}

impl Visit {
    /// An answer of a second far from ours is of no certain second, and asserts nothing.
    pub(crate) fn unless_incredible(self, asked: Second) -> Self {
        if self.t0 == 0 || Memory::is_credible(self.t0, asked) {
            return self;
        }
        tracing::warn!(
            "an answer of Meta's is of a second far from our clock, and asserts nothing"
        );
        Self {
            events: Vec::new(),
            refused: Some(self.refused.unwrap_or(Refused::Failed)),
            is_alive: false,
            ..self
        }
        .failed()
    }

    /// What Meta said of the group is of no certain second either.
    fn failed(mut self) -> Self {
        if matches!(
            self.refused,
            Some(Refused::GroupUnknown | Refused::GroupSuspended)
        ) {
            self.refused = Some(Refused::Failed);
        }
        self
    }

    /// What it came to.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.refused {
            None => Outcome::Full {
                is_complete: self.is_complete,
            },
            Some(Refused::GroupSuspended) => Outcome::Suspended,
            Some(refused) if self.is_alive => Outcome::Part {
                is_throttled: refused == Refused::Throttled,
            },
            Some(Refused::GroupUnknown) => Outcome::Unknown,
            Some(Refused::Throttled) => Outcome::Throttled,
            Some(Refused::CursorExpired | Refused::Token | Refused::Input | Refused::Failed) => {
                Outcome::Failed
            }
        }
    }
}

/// Reads a group and says what that asserts, all of it at `t0 − lag`.
pub(crate) async fn visit(
    upstream: &impl Read,
    number: &PhoneNumberId,
    group_id: GroupId,
    held: Option<&Group>,
    lag: Second,
) -> Visit {
    let nothing = Core::default();
    let core = held.map_or(&nothing, |group| &group.core);
    let Answer { t0, load, result } = upstream.group(&group_id).await;
    let mut visit = Visit {
        group_id,
        t0,
        calls: 1,
        load,
        events: Vec::new(),
        refused: None,
        is_alive: false,
        is_complete: false,
    };
    let about = |what| About::Group(visit.group_id.clone(), what);
    let info = match result {
        Ok(info) => info,
        Err(refused) => {
            if refused == Refused::GroupSuspended {
                visit.events.push(event(
                    number,
                    t0 - lag,
                    Source::Read,
                    about(GroupEvent::Suspended(true)),
                ));
                visit.is_alive = true;
            }
            visit.refused = Some(refused);
            return visit;
        }
    };
    let Info {
        read,
        total_participant_count,
        unreadable,
    } = info;
    let business = business_number(&visit.group_id);
    let read = complete(
        core,
        read,
        total_participant_count,
        unreadable,
        business.as_deref(),
    );
    visit.is_complete = read.is_complete;
    let may_have_asks =
        read.join_approval_mode.as_deref() != Some("auto_approve") || has_open_ask(core);
    visit.events.push(event(
        number,
        t0 - lag,
        Source::Read,
        about(GroupEvent::Read(read)),
    ));
    visit.is_alive = true;
    if may_have_asks {
        asks(upstream, number, lag, core, &mut visit).await;
    }
    visit
}

async fn asks(
    upstream: &impl Read,
    number: &PhoneNumberId,
    lag: Second,
    core: &Core,
    visit: &mut Visit,
) {
    let mut join_requests: Vec<JoinRequest> = Vec::new();
    let mut asked_at = None;
    let mut cursors: HashSet<String> = HashSet::new();
    let mut after: Option<String> = None;
    for _ in 0..JOIN_REQUEST_PAGES_MAX {
        visit.calls += 1;
        let Answer { t0, load, result } = upstream
            .join_requests(&visit.group_id, after.as_deref())
            .await;
        visit.load = load;
        let page = match result {
            Ok(page) => page,
            Err(refused) => {
                visit.refused = Some(refused);
                return;
            }
        };
        let JoinRequestPage {
            join_requests: these,
            unreadable,
            after: next,
        } = page;
        let at = *asked_at.get_or_insert(t0);
        let is_empty = these.is_empty();
        join_requests.extend(these);
        // An item that cannot be read, or more than an event can say, proves nothing of the others.
        if unreadable > 0 || join_requests.len() > JOIN_REQUESTS_MAX {
            return;
        }
        let Some(next) = next else {
            for join_request in &mut join_requests {
                carry(core, &mut join_request.person);
            }
            let what = GroupEvent::JoinRequestsRead { join_requests };
            visit.events.push(event(
                number,
                at - lag,
                Source::Read,
                About::Group(visit.group_id.clone(), what),
            ));
            return;
        };
        // Neither does an empty page before the end, or a cursor that comes again.
        if is_empty || !cursors.insert(next.clone()) {
            return;
        }
        after = Some(next);
    }
}

fn has_open_ask(core: &Core) -> bool {
    core.ask.iter().any(|(_, ask)| ask.value == Ask::Open)
}

/// The digits of the business number, which Meta's group ids embed: `capi_group:<digits>:<id>` in base64 (reference §6.1).
///
/// Only used not to count the business among the participants, should Meta ever list it.
fn business_number(group_id: &GroupId) -> Option<Text> {
    use base64::Engine as _;
    let text = group_id.as_str().replace("ZD", "=");
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    text.strip_prefix("capi_group:")?
        .split(':')
        .next()
        .map(Text::new)
}

#[cfg(test)]
mod tests;
