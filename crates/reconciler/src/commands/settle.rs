//! How requests end that a dead instance or a lost answer left open: by what webhooks and the list say (design §7).
//!
//! Nothing is called here. What may not be called twice is *unknown* until it is seen: a webhook's outcome of the same kind, group
//! and time that belongs to no other request; for a create a group of that subject, made then; for a delete a group that went.
//! A complete list, begun long enough after, that shows no such group proves that there is none.
//! Every instance looks; two that see the same append the same, which changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chassis::Clock;
use domain::{
    event::{Answer, Event, MetaError, Operation, Outcome, Particulars, RequestEvent},
    group::{Existence, Group},
    ids::{GroupId, PhoneNumberId, RequestId, Second, Text},
    request::{Core, FirstIntent, Request},
};

use super::{
    call::NO_CODE,
    execute::settled,
    held::{Requests, seconds},
};
use crate::{
    append::Appender,
    limits::{CLOCK_SKEW, COMPLETES_WITHIN, CORRELATE_WITHIN, ORPHAN_AFTER, SETTLE_EVERY},
    snapshots::{Held, Snapshots},
};

/// Settles what can be settled, for ever.
///
/// # Errors
///
/// The log refused for good.
pub(crate) async fn settle(
    snapshots: Snapshots,
    appender: Appender,
    numbers: BTreeSet<PhoneNumberId>,
    clock: Clock,
    lag: Second,
) -> Result<(), eventlog::Error> {
    snapshots.caught_up().await;
    let mut listed = Listed::new();
    loop {
        snapshots
            .until(|held| held.requests().has_open().then_some(()))
            .await;
        let now = Second::try_from(clock.now_seconds()).unwrap_or(Second::MAX);
        let events = find(&snapshots.held(), &numbers, &mut listed, now, lag);
        if !events.is_empty() {
            let count = events.len();
            tracing::info!(
                events = count,
                "{count} open requests are settled by what is known since"
            );
        }
        appender.append(&events).await?;
        clock.sleep(SETTLE_EVERY).await;
    }
}

/// When a complete list was first known that was begun long enough after each of the creates that are unknown.
type Listed = BTreeMap<RequestId, Second>;

/// What is known now of requests that were open.
fn find(
    held: &Held,
    numbers: &BTreeSet<PhoneNumberId>,
    listed: &mut Listed,
    now: Second,
    lag: Second,
) -> Vec<Event> {
    let requests = held.requests();
    let mut pending = requests.open();
    let is_open: BTreeSet<&RequestId> = pending.iter().map(|(id, _)| id).collect();
    listed.retain(|id, _| is_open.contains(id));
    pending.sort_by_key(|(id, request)| (asked_at(&request.core), id.clone()));
    let mut claims = Claims::of(requests);
    let mut events = Vec::new();
    for (id, request) in pending {
        let Some(open) = Open::of(&id, &request, numbers) else {
            continue;
        };
        events.extend(open.settle(held, &mut claims, listed, now, lag));
    }
    events
}

fn asked_at(core: &Core) -> Second {
    core.first_intent.as_ref().map_or(0, |first| first.at)
}

/// Outcomes and groups that belong to a request already.
struct Claims {
    meta_ids: BTreeSet<Text>,
    groups: BTreeSet<Text>,
}

impl Claims {
    fn of(requests: &Requests) -> Self {
        let ours = requests
            .all()
            .filter(|(_, request)| request.core.first_intent.is_some());
        let (mut meta_ids, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for (_, request) in ours {
            let meta_id = request.core.meta_request_id.as_ref();
            meta_ids.extend(meta_id.map(|register| register.value.clone()));
            // A create of ours that ended names its group by its own completion, or by that of Meta's id.
            if request.core.completed.is_some() && is_create(&request.core) {
                let group = request.core.group.as_ref();
                groups.extend(group.map(|register| register.value.clone()));
            }
            let meta_id = meta_id.and_then(|register| RequestId::parse(&register.value).ok());
            let outcome = meta_id.and_then(|id| requests.get(&id));
            let outcome = outcome.filter(|outcome| is_create(&outcome.core));
            let group = outcome.and_then(|outcome| outcome.core.group.clone());
            groups.extend(group.map(|register| register.value));
        }
        Self { meta_ids, groups }
    }
}

fn is_create(core: &Core) -> bool {
    let operation = core.operation.as_ref();
    operation.is_some_and(|register| register.value == Operation::CreateGroup)
}

/// A request that nobody is at, and that has no outcome of its own.
struct Open<'a> {
    id: &'a RequestId,
    core: &'a Core,
    first: &'a FirstIntent,
    number: PhoneNumberId,
    operation: Operation,
}

impl<'a> Open<'a> {
    fn of(
        id: &'a RequestId,
        request: &'a Request,
        numbers: &BTreeSet<PhoneNumberId>,
    ) -> Option<Self> {
        let core = &request.core;
        let number = PhoneNumberId::parse(&core.number.as_ref()?.value).ok()?;
        numbers.contains(&number).then_some(())?;
        Some(Self {
            id,
            core,
            first: core.first_intent.as_ref()?,
            number,
            operation: core.operation.as_ref()?.value,
        })
    }

    fn settle(
        &self,
        held: &Held,
        claims: &mut Claims,
        listed: &mut Listed,
        now: Second,
        lag: Second,
    ) -> Option<Event> {
        match self.core.answered.as_ref().map(|register| &register.value) {
            None => {
                // Whoever intended it is dead, or never saw its intent folded and does not call any more.
                let is_orphan = now >= self.first.at + seconds(ORPHAN_AFTER);
                // Of the second of the intent, so that an answer that is recorded late all the same counts.
                is_orphan.then(|| self.answered(self.first.at, Answer::Unknown, None))
            }
            Some(Answer::Refused(_)) => None,
            Some(Answer::Accepted) if self.core.meta_request_id.is_some() => None,
            Some(Answer::Accepted) => self.found(held, claims, now),
            Some(Answer::Unknown) => self
                .found(held, claims, now)
                .or_else(|| self.never_done(held, listed, now, lag)),
        }
    }

    /// By a webhook's outcome, or by the group itself.
    fn found(&self, held: &Held, claims: &mut Claims, now: Second) -> Option<Event> {
        if let Some(meta_id) = self.outcome(held, claims) {
            claims.meta_ids.insert(Text::new(meta_id.as_str()));
            return Some(self.answered(now, Answer::Accepted, Some(meta_id)));
        }
        match self.operation {
            Operation::CreateGroup => {
                let (group_id, created) = self.created(held, claims)?;
                claims.groups.insert(Text::new(group_id.as_str()));
                Some(self.completed(created, Some(group_id), Outcome::Done, Vec::new()))
            }
            Operation::DeleteGroup => {
                let group = held.group(&self.group_id()?)?;
                let exists = group.core.exists.as_ref()?;
                let is_gone = exists.value == Existence::Gone && self.is_after(exists.stamp.at);
                is_gone.then(|| {
                    self.completed(exists.stamp.at, self.group_id(), Outcome::Done, Vec::new())
                })
            }
            Operation::UpdateSettings
            | Operation::RemoveParticipants
            | Operation::ApproveJoinRequests
            | Operation::RejectJoinRequests
            | Operation::InviteLink
            | Operation::SendMessage
            | Operation::Other => None,
        }
    }

    /// The first outcome under an id of Meta's that fits and is no other request's.
    fn outcome(&self, held: &Held, claims: &Claims) -> Option<RequestId> {
        let fits = |id: &RequestId, request: &Request| {
            let core = &request.core;
            let completed = core.completed.as_ref()?;
            let fits = core.first_intent.is_none()
                && !claims.meta_ids.contains(id.as_str())
                && core.operation.as_ref()?.value == self.operation
                && core.number.as_ref()?.value == self.number.as_str()
                && self.is_after(completed.stamp.at)
                && self.is_about(held, core.group.as_ref().map(|group| &group.value));
            fits.then(|| (completed.stamp.at, id.clone()))
        };
        let all = held.requests().all();
        all.filter_map(|(id, request)| fits(id, request))
            .min()
            .map(|(_, id)| id)
    }

    /// Is an outcome about this group that of this request? A create is known by its subject.
    fn is_about(&self, held: &Held, group: Option<&Text>) -> bool {
        if self.operation != Operation::CreateGroup {
            let ours = self.core.group.as_ref();
            return ours.is_some_and(|ours| group == Some(&ours.value));
        }
        let group = group.and_then(|id| GroupId::parse(id).ok());
        let group = group.and_then(|id| held.group(&id));
        group.is_some_and(|group| self.has_subject(&group))
    }

    fn has_subject(&self, group: &Group) -> bool {
        let subject = group.core.subject.as_ref().map(|register| &register.value);
        subject.is_some() && subject == self.first.subject.as_ref()
    }

    /// The first group of that subject that was made then and is no other request's.
    fn created(&self, held: &Held, claims: &Claims) -> Option<(GroupId, Second)> {
        let made = |(id, group): (GroupId, Arc<Group>)| {
            let created = group.core.created.as_ref()?.value;
            let fits = self.has_subject(&group)
                && self.is_after(created)
                && !claims.groups.contains(id.as_str());
            fits.then_some((created, id))
        };
        let groups = held.groups_of(&self.number).into_iter();
        let (created, id) = groups.filter_map(made).min()?;
        Some((id, created))
    }

    /// Proven by what was read long after.
    fn never_done(
        &self,
        held: &Held,
        listed: &mut Listed,
        now: Second,
        lag: Second,
    ) -> Option<Event> {
        let by = self.first.at + seconds(COMPLETES_WITHIN) + lag;
        let is_proven = match self.operation {
            Operation::CreateGroup => {
                let number = held.number(&self.number)?;
                let pass = &number.core.list_pass.as_ref()?.value;
                if pass.is_complete && pass.started > by {
                    listed.entry(self.id.clone()).or_insert(now);
                }
                // What that pass found differs from what is held only until it is folded; later passes do not make it later.
                let listed = listed.get(self.id);
                listed.is_some_and(|since| now > since + seconds(ORPHAN_AFTER))
            }
            Operation::DeleteGroup => {
                let group = held.group(&self.group_id()?)?;
                let exists = group.core.exists.as_ref()?;
                exists.value == Existence::Active && group.core.verified > by
            }
            Operation::UpdateSettings
            | Operation::RemoveParticipants
            | Operation::ApproveJoinRequests
            | Operation::RejectJoinRequests
            | Operation::InviteLink
            | Operation::SendMessage
            | Operation::Other => false,
        };
        let why = MetaError {
            code: NO_CODE,
            title: Text::new("Not done"),
            details: Text::new(
                "No answer came, and what was read long after shows that it was not done.",
            ),
        };
        is_proven.then(|| self.completed(now, self.group_id(), Outcome::Failed, vec![why]))
    }

    fn group_id(&self) -> Option<GroupId> {
        GroupId::parse(&self.core.group.as_ref()?.value).ok()
    }

    fn is_after(&self, at: Second) -> bool {
        let from = self.first.at - seconds(CLOCK_SKEW);
        (from..from + seconds(CORRELATE_WITHIN)).contains(&at)
    }

    fn answered(&self, at: Second, answer: Answer, meta_request_id: Option<RequestId>) -> Event {
        let before = self.core.answered.as_ref();
        let at = before.map_or(at, |register| at.max(register.stamp.at + 1));
        let particulars = None::<Box<Particulars>>;
        let what = RequestEvent::Answered {
            answer,
            meta_request_id,
            particulars,
        };
        settled(&self.number, self.id, at, what)
    }

    fn completed(
        &self,
        at: Second,
        group_id: Option<GroupId>,
        outcome: Outcome,
        errors: Vec<MetaError>,
    ) -> Event {
        let what = RequestEvent::Completed {
            operation: self.operation,
            group_id,
            outcome,
            errors,
            failed: Vec::new(),
        };
        settled(&self.number, self.id, at, what)
    }
}
