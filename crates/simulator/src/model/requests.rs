//! Requests that complete by webhook: accepted at the call, done when they are due.

use std::{collections::VecDeque, sync::Arc};

use rand::RngExt;
use serde_json::{Map, Value, json};

use super::{
    World,
    business::{Named, Update},
    group::{Group, View},
    people::{Person, PersonKey},
};
use crate::{
    faults::script,
    graph_http::refusal::{self, Code, Refusal},
    limits::PENDING_MAX,
    webhook::{self, Removal},
};

/// How an accepted request is to fail.
#[derive(Clone, Debug)]
pub(crate) struct Doom {
    errors: Value,
    /// Only these parts of an update; all if empty.
    only: Vec<String>,
}

impl Doom {
    /// The errors, as they stand in webhooks.
    pub(super) fn errors(self) -> Value {
        self.errors
    }

    /// The same as a refusal.
    pub(super) fn refusal(self) -> Option<Refusal> {
        let code = self.errors.get(0)?.get("code")?.as_u64()?;
        let code = Code::of(u32::try_from(code).ok()?);
        Some(Refusal::new(code, "The request failed"))
    }

    fn strikes(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Work {
    Create {
        view: View,
        group_number: String,
    },
    Delete {
        view: Arc<View>,
    },
    Update {
        view: Arc<View>,
        update: Update,
    },
    Remove {
        view: Arc<View>,
        named: Vec<Named>,
    },
    Add {
        view: Arc<View>,
        people: Vec<Arc<Person>>,
    },
}

/// A request that was accepted.
#[derive(Debug)]
pub(crate) struct Request {
    due_ms: i64,
    request_id: String,
    doom: Option<Doom>,
    work: Work,
}

impl World {
    /// Whether an accepted request is to fail later, and with what.
    pub(super) fn doomed(&mut self, call: &str) -> Option<Doom> {
        let share = self.faults.api.fail_requests;
        let failed = self.api_faults.random::<f64>() < share;
        if let Some(fault) = script::take(&mut self.faults.api.fail_later, call) {
            let refusal = Refusal::new(Code::of(fault.code), "The request failed");
            return Some(Doom {
                errors: json!([refusal.item()]),
                only: fault.only,
            });
        }
        failed.then(|| Doom {
            errors: json!([
                Refusal::new(refusal::SOMETHING_WENT_WRONG, "The request failed").item()
            ]),
            only: Vec::new(),
        })
    }

    /// Whether the next item of a call is to fail, and how.
    pub(super) fn doomed_item(&mut self, call: &str) -> Option<Refusal> {
        let fault = script::take(&mut self.faults.api.fail_items, call)?;
        Some(Refusal::new(Code::of(fault.code), "The item failed"))
    }

    /// Accepts a request; it completes now or when it is due. Its id.
    pub(super) fn accept(&mut self, call: &str, work: Work) -> String {
        let request_id = self.ids.request();
        let doom = self.doomed(call);
        let wait_ms = (self.faults.api.complete_seconds * 1000.0) as i64;
        let request = Request {
            due_ms: self.now_ms() + wait_ms,
            request_id: request_id.clone(),
            doom,
            work,
        };
        if wait_ms == 0 || self.requests.len() >= PENDING_MAX {
            self.complete(request);
        } else {
            self.requests.push_back(request);
        }
        request_id
    }

    /// Completes what is due.
    pub(crate) fn complete_due(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let now_ms = self.now_ms();
        let (due, waiting): (VecDeque<Request>, _) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition(|request| request.due_ms <= now_ms);
        self.requests = waiting;
        for request in due {
            self.complete(request);
        }
    }

    /// Completes everything, due or not.
    pub(crate) fn complete_all(&mut self) {
        while let Some(request) = self.requests.pop_front() {
            self.complete(request);
        }
    }

    fn complete(&mut self, request: Request) {
        let Request {
            due_ms: _,
            request_id,
            doom,
            work,
        } = request;
        match work {
            Work::Create { view, group_number } => {
                self.complete_create(view, group_number, &request_id, doom);
            }
            Work::Delete { view } => self.complete_delete(&view, &request_id, doom),
            Work::Update { view, update } => self.complete_update(&view, update, &request_id, doom),
            Work::Remove { view, named } => self.complete_remove(&view, &named, &request_id, doom),
            Work::Add { view, people } => self.complete_add(&view, people),
        }
    }

    /// What became of the group meanwhile: the error of a request that found it gone.
    fn gone(&self, view: &View) -> Option<Doom> {
        self.group(&view.group_id).is_none().then(|| Doom {
            errors: json!([Refusal::group_unknown().item()]),
            only: Vec::new(),
        })
    }

    fn complete_create(
        &mut self,
        mut view: View,
        group_number: String,
        request_id: &str,
        doom: Option<Doom>,
    ) {
        let now_ms = self.now_ms();
        view.created_at = now_ms.div_euclid(1000);
        let number = view.number;
        if let Some(doom) = doom {
            let payload = webhook::create_failed(&view, view.created_at, request_id, doom.errors);
            self.emit(webhook::LIFECYCLE, number, payload);
            return;
        }
        let group_id = Arc::clone(&view.group_id);
        self.insert_group(Group::new(view.clone(), group_number, now_ms));
        let stamp = self.stamp(&group_id);
        let payload = webhook::created(&view, stamp, request_id);
        self.emit(webhook::LIFECYCLE, number, payload);
    }

    fn complete_delete(&mut self, view: &View, request_id: &str, doom: Option<Doom>) {
        let doom = doom.or_else(|| self.gone(view));
        let stamp = self.stamp(&view.group_id);
        if doom.is_none() {
            self.remove_group(&view.group_id);
        }
        let errors = doom.map(|doom| doom.errors);
        let payload = webhook::deleted(&view.group_id, stamp, request_id, errors);
        self.emit(webhook::LIFECYCLE, view.number, payload);
    }

    fn complete_update(
        &mut self,
        view: &View,
        update: Update,
        request_id: &str,
        doom: Option<Doom>,
    ) {
        let doom = doom.or_else(|| self.gone(view));
        let (mut parts, mut refused) = (Map::new(), Vec::new());
        let mut flagged = |name: &str, mut part: Value, own: Option<Value>| {
            let struck = doom.as_ref().filter(|doom| doom.strikes(name));
            let errors = own.or_else(|| struck.map(|doom| doom.errors.clone()));
            let succeeds = errors.is_none();
            webhook::set(&mut part, "update_successful", Some(json!(succeeds)));
            refused.extend(errors.clone());
            webhook::set(&mut part, "errors", errors);
            parts.insert(name.to_owned(), part);
            succeeds
        };
        let group_id = &view.group_id;
        if let Some(subject) = update.subject
            && flagged("group_subject", json!({"text": subject}), None)
        {
            self.change(group_id, |view| view.subject = subject);
        }
        if let Some(description) = update.description
            && flagged("group_description", json!({"text": description}), None)
        {
            self.change(group_id, |view| view.description = description);
        }
        if let Some(picture) = update.picture {
            let own = picture.refused.map(|refused| json!([refused.item()]));
            let part = json!({"mime_type": "image/jpeg", "sha256": picture.sha256});
            flagged("profile_picture", part, own);
        }
        let errors = match (&doom, refused.is_empty()) {
            (_, true) => None,
            (Some(doom), false) if doom.only.is_empty() => Some(doom.errors.clone()),
            (_, false) => Some(json!([Refusal::new(
                refusal::SOMETHING_WENT_WRONG,
                "Not all settings were updated"
            )
            .item()])),
        };
        let stamp = self.stamp(group_id);
        let payload = webhook::settings(group_id, stamp, request_id, parts, errors);
        self.emit(webhook::SETTINGS, view.number, payload);
    }

    fn complete_remove(
        &mut self,
        view: &View,
        named: &[Named],
        request_id: &str,
        doom: Option<Doom>,
    ) {
        let group_id = &view.group_id;
        let doom = doom.or_else(|| self.gone(view));
        let mut removal = Removal {
            request_id,
            removed: Vec::new(),
            failed: Vec::new(),
            errors: doom.map(|doom| doom.errors),
        };
        let mut keys: Vec<PersonKey> = Vec::new();
        for one in named {
            let input = one.input().to_owned();
            let now = self.group(group_id).map(|group| Arc::clone(group.view()));
            let member = now
                .as_ref()
                .and_then(|view| view.participants.iter().find(|person| one.names(person)));
            if let Some(errors) = &removal.errors {
                removal.failed.push((input, errors.clone()));
            } else if let Some(refusal) = self.doomed_item("participants_remove") {
                removal.failed.push((input, json!([refusal.item()])));
            } else if let Some(person) = member {
                keys.push(person.key);
                removal.removed.push(input);
            } else {
                let refusal = Refusal::new(
                    refusal::NOT_PARTICIPANT,
                    "The participant is not in the group",
                );
                removal.failed.push((input, json!([refusal.item()])));
            }
        }
        if !removal.failed.is_empty() && removal.errors.is_none() {
            let refusal = if removal.removed.is_empty() {
                Refusal::new(refusal::NOT_PARTICIPANT, "No participant was removed")
            } else {
                Refusal::new(refusal::PARTIAL, "Not all participants were removed")
            };
            removal.errors = Some(json!([refusal.item()]));
        }
        self.drop_members(group_id, &keys);
        let stamp = self.stamp(group_id);
        let payload = webhook::removed(group_id, stamp, &removal);
        self.emit(webhook::PARTICIPANTS, view.number, payload);
    }

    /// Those who were removed cannot come back by link.
    fn drop_members(&mut self, group_id: &Arc<str>, keys: &[PersonKey]) {
        if keys.is_empty() {
            return;
        }
        self.change(group_id, |view| {
            view.participants
                .retain(|person| !keys.contains(&person.key))
        });
        if let Some(group) = self.group_mut(group_id) {
            group.removed.extend(keys);
        }
    }

    /// Puts people in, as far as there is room. Told of like an approval, for nothing else is documented.
    fn complete_add(&mut self, view: &View, people: Vec<Arc<Person>>) {
        let (group_id, max) = (&view.group_id, self.faults.api.participants_max);
        self.change(group_id, |view| {
            for person in &people {
                if view.member(person.key).is_none() && view.participants.len() < max {
                    view.participants.push(Arc::clone(person));
                }
            }
        });
        let stamp = self.stamp(group_id);
        let people: Vec<&Person> = people.iter().map(AsRef::as_ref).collect();
        let payload = webhook::approved(group_id, stamp, &people, self.faults.webhooks.hide_wa_id);
        self.emit_for(group_id, webhook::PARTICIPANTS, payload);
    }
}
