//! A group: its state now, and its states of the last minutes for an API that lags.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    ids,
    people::{Person, PersonKey},
};
use crate::limits::{JOURNAL_STATES_MAX, LAG_SECONDS_MAX};

/// A request to join that is open.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) person: Arc<Person>,
    pub(crate) join_request_id: String,
    /// Unix seconds.
    pub(crate) created_at: i64,
}

/// A group's state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) group_id: Arc<str>,
    /// Index of the business number.
    pub(crate) number: usize,
    pub(crate) subject: String,
    pub(crate) description: String,
    pub(crate) approval_required: bool,
    /// None after it was revoked.
    pub(crate) invite_link: Option<String>,
    pub(crate) suspended: bool,
    /// Unix seconds.
    pub(crate) created_at: i64,
    /// In the order they came.
    pub(crate) participants: Vec<Arc<Person>>,
    /// In the order they asked.
    pub(crate) asks: Vec<Ask>,
    pub(crate) deleted: bool,
}

impl View {
    pub(crate) fn member(&self, key: PersonKey) -> Option<&Arc<Person>> {
        self.participants.iter().find(|person| person.key == key)
    }

    pub(crate) fn ask(&self, key: PersonKey) -> Option<&Ask> {
        self.asks.iter().find(|ask| ask.person.key == key)
    }

    pub(crate) fn join_approval_mode(&self) -> &'static str {
        if self.approval_required {
            "approval_required"
        } else {
            "auto_approve"
        }
    }

    /// The group as `/sim/state` shows it: sorted by what identifies.
    pub(crate) fn truth(&self) -> Value {
        let participants: BTreeMap<&str, Value> = self
            .participants
            .iter()
            .map(|person| {
                let mut shown = json!({"wa_id": person.wa_id, "user_id": person.user_id, "username": person.username});
                let parent = person.parent_user_id.as_ref().map(|id| json!(id));
                crate::webhook::set(&mut shown, "parent_user_id", parent);
                (person.wa_id.as_str(), shown)
            })
            .collect();
        let asks: BTreeMap<&str, Value> = self
            .asks
            .iter()
            .map(|ask| {
                let shown = json!({"join_request_id": ask.join_request_id, "wa_id": ask.person.wa_id,
                    "user_id": ask.person.user_id, "created_at": ask.created_at});
                (ask.join_request_id.as_str(), shown)
            })
            .collect();
        json!({
            "group_id": &*self.group_id,
            "subject": self.subject,
            "description": self.description,
            "join_approval_mode": self.join_approval_mode(),
            "invite_link": self.invite_link,
            "suspended": self.suspended,
            "created_at": self.created_at,
            "participants": participants.into_values().collect::<Vec<_>>(),
            "join_requests": asks.into_values().collect::<Vec<_>>(),
        })
    }
}

/// A group with what its rules remember.
#[derive(Debug)]
pub(crate) struct Group {
    now: Arc<View>,
    /// States with the millisecond each began, oldest first, `now` last; bounded by the longest lag.
    journal: VecDeque<(i64, Arc<View>)>,
    /// The digits inside the group id.
    group_number: String,
    /// Whom the business removed: they cannot come back by link.
    pub(crate) removed: BTreeSet<PersonKey>,
    /// Pinned message ids, oldest first.
    pub(crate) pins: Vec<String>,
    /// The last webhook's second.
    pub(crate) stamped: i64,
}

impl Group {
    pub(crate) fn new(view: View, group_number: String, since_ms: i64) -> Self {
        let now = Arc::new(view);
        Self {
            journal: VecDeque::from([(since_ms, Arc::clone(&now))]),
            now,
            group_number,
            removed: BTreeSet::new(),
            pins: Vec::new(),
            stamped: i64::MIN,
        }
    }

    /// The state now.
    pub(crate) fn view(&self) -> &Arc<View> {
        &self.now
    }

    /// The state at `ms`, or none if the group was not there then.
    pub(crate) fn view_at(&self, ms: i64) -> Option<&Arc<View>> {
        let later = self.journal.partition_point(|(since, _)| *since <= ms);
        let (_, view) = self.journal.get(later.checked_sub(1)?)?;
        (!view.deleted).then_some(view)
    }

    /// Changes the state at `now_ms` and forgets states that no lag reaches any more.
    pub(crate) fn change(&mut self, now_ms: i64, change: impl FnOnce(&mut View)) {
        let mut view = View::clone(&self.now);
        change(&mut view);
        self.now = Arc::new(view);
        self.journal.push_back((now_ms, Arc::clone(&self.now)));
        let horizon = now_ms - i64::try_from(LAG_SECONDS_MAX * 1000).unwrap_or(i64::MAX);
        while self.journal.len() > JOURNAL_STATES_MAX
            || self
                .journal
                .get(1)
                .is_some_and(|(since, _)| *since <= horizon)
        {
            self.journal.pop_front();
        }
    }

    /// The id of this person's request to join.
    pub(crate) fn join_request_id(&self, person: &Person, hidden: bool) -> String {
        let who = if hidden && person.username.is_some() {
            &person.user_id
        } else {
            &person.wa_id
        };
        ids::join_request_id(who, &self.group_number)
    }
}
