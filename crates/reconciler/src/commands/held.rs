//! Requests as they are folded: those of the last days, which is as long as a key lives and longer than anything takes to settle.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use domain::{
    event::{Answer, Operation},
    ids::{GroupId, RequestId, Second},
    request::Request,
};

use crate::limits::{REQUESTS_HELD_MAX, REQUESTS_KEPT};

/// Requests, keeping the greatest position of each; what is old is let go.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    held: HashMap<RequestId, Arc<Request>>,
    /// By their latest word, so that the oldest are found.
    by_age: BTreeSet<(Second, RequestId)>,
    /// Ours that have no answer, or one that leaves open what became of them.
    open: BTreeSet<RequestId>,
}

impl Requests {
    /// A request by its id, ours or Meta's.
    pub(crate) fn get(&self, id: &RequestId) -> Option<Arc<Request>> {
        self.held.get(id).map(Arc::clone)
    }

    /// All that are held, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&RequestId, &Arc<Request>)> {
        self.held.iter()
    }

    /// Ours that wait to be settled, in order.
    pub(crate) fn open(&self) -> Vec<(RequestId, Arc<Request>)> {
        let open = self.open.iter();
        open.filter_map(|id| Some((id.clone(), self.get(id)?)))
            .collect()
    }

    /// Groups about which one of ours was asked for at `until` or before and waits to be settled, and when it was asked for.
    pub(crate) fn overdue(&self, until: Second) -> BTreeMap<GroupId, Second> {
        let mut overdue = BTreeMap::new();
        for core in self
            .open
            .iter()
            .filter_map(|id| Some(&self.held.get(id)?.core))
        {
            let asked = core.first_intent.as_ref().map(|first| first.at);
            let group = core.group.as_ref();
            let group = group.and_then(|group| GroupId::parse(&group.value).ok());
            if let (Some(group), Some(asked)) = (group, asked.filter(|at| *at <= until)) {
                let latest = overdue.entry(group).or_insert(asked);
                *latest = asked.max(*latest);
            }
        }
        overdue
    }

    /// Does any wait to be settled?
    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes a state, unless it is older than what is held.
    pub(crate) fn put(&mut self, id: RequestId, request: Request) {
        if let Some(held) = self.held.get(&id) {
            let held = &held.envelope.position;
            if held.is_after(&request.envelope.position) {
                return;
            }
        }
        self.forget(&id);
        self.by_age.insert((latest(&request), id.clone()));
        if is_open(&request) {
            self.open.insert(id.clone());
        }
        self.held.insert(id, Arc::new(request));
        self.let_go();
    }

    /// Forgets one, whose record is gone.
    pub(crate) fn forget(&mut self, id: &RequestId) {
        if let Some(former) = self.held.remove(id) {
            self.by_age.remove(&(latest(&former), id.clone()));
            self.open.remove(id);
        }
    }

    fn let_go(&mut self) {
        let Some((newest, _)) = self.by_age.last() else {
            return;
        };
        let kept_from = newest.saturating_sub(seconds(REQUESTS_KEPT));
        while let Some((at, id)) = self.by_age.first().cloned() {
            if at >= kept_from && self.held.len() <= REQUESTS_HELD_MAX {
                return;
            }
            self.forget(&id);
        }
    }
}

/// Whole seconds of a limit.
pub(crate) fn seconds(duration: std::time::Duration) -> Second {
    Second::try_from(duration.as_secs()).unwrap_or(Second::MAX)
}

/// Of ours, asked, without an outcome, and without an id of Meta's under which one will come.
fn is_open(request: &Request) -> bool {
    let core = &request.core;
    let is_ours = core.first_intent.is_some() && core.completed.is_none();
    if !is_ours || core.meta_request_id.is_some() {
        return false;
    }
    let operation = core.operation.as_ref().map(|register| register.value);
    match core.answered.as_ref().map(|register| &register.value) {
        None => true,
        Some(Answer::Refused(_)) => false,
        // The others end with their answer, and nothing tells of one that was lost.
        Some(Answer::Accepted | Answer::Unknown) => matches!(
            operation,
            Some(
                Operation::CreateGroup
                    | Operation::DeleteGroup
                    | Operation::UpdateSettings
                    | Operation::RemoveParticipants
            )
        ),
    }
}

fn latest(request: &Request) -> Second {
    let core = &request.core;
    let stamps = [
        core.asked.as_ref().map(|register| register.stamp.at),
        core.answered.as_ref().map(|register| register.stamp.at),
        core.completed.as_ref().map(|register| register.stamp.at),
    ];
    stamps.into_iter().flatten().max().unwrap_or_default()
}
