//! What a business does with its groups. What completes by webhook is done at once; the webhook follows.

use std::sync::Arc;

use rand::RngExt;
use serde_json::{Map, Value, json};

use super::{
    World,
    group::{Group, View},
    ids,
    people::Person,
};
use crate::{
    graph_http::refusal::{self, Refusal},
    limits::{DESCRIPTION_CHARS_MAX, GROUPS_PER_NUMBER_MAX, SUBJECT_CHARS_MAX},
    webhook::{self, Removal},
};

/// A group to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewGroup {
    pub(crate) subject: String,
    pub(crate) description: String,
    pub(crate) approval_required: bool,
}

/// Settings to be changed; what is none stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    pub(crate) subject: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) picture: Option<Picture>,
}

/// A picture, already judged.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) sha256: String,
    pub(crate) refused: Option<Refusal>,
}

/// A participant to be removed, as the caller named them.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// By phone number.
    Number(String),
    /// By BSUID.
    UserId(String),
}

impl Named {
    pub(crate) fn input(&self) -> &str {
        match self {
            Self::Number(input) | Self::UserId(input) => input,
        }
    }

    fn names(&self, person: &Person) -> bool {
        match self {
            Self::Number(input) => input
                .bytes()
                .filter(u8::is_ascii_digit)
                .eq(person.wa_id.bytes()),
            Self::UserId(input) => *input == person.user_id,
        }
    }
}

/// The outcome of approving or rejecting join requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decided {
    pub(crate) done: Vec<String>,
    pub(crate) failed: Vec<(String, Refusal)>,
}

impl World {
    /// A group the business may act on.
    fn actionable(&self, group_id: &str) -> Result<Arc<str>, Refusal> {
        let view = self
            .group(group_id)
            .ok_or_else(Refusal::group_unknown)?
            .view();
        if view.suspended {
            return Err(Refusal::new(refusal::SUSPENDED, "The group is suspended"));
        }
        Ok(Arc::clone(&view.group_id))
    }

    /// Whether an accepted request is to fail later, and with what.
    fn doomed(&mut self) -> Option<Value> {
        let share = self.faults.api.fail_requests;
        let failed = self.api_faults.random::<f64>() < share;
        failed.then(|| {
            json!([Refusal::new(refusal::SOMETHING_WENT_WRONG, "The request failed").item()])
        })
    }

    /// Makes a group; the request id.
    pub(crate) fn create(&mut self, number: usize, new: NewGroup) -> Result<String, Refusal> {
        if self.groups_of(number) >= GROUPS_PER_NUMBER_MAX {
            return Err(Refusal::new(
                refusal::GROUP_LIMIT,
                "The number has as many groups as it may have",
            ));
        }
        let display = self
            .numbers
            .get(number)
            .map(|number| number.display.clone())
            .unwrap_or_default();
        let request_id = self.ids.request();
        let group_number = self.ids.group_number();
        let now_ms = self.now_ms();
        let view = View {
            group_id: ids::group_id(&display, &group_number).into(),
            number,
            subject: new.subject,
            description: new.description,
            approval_required: new.approval_required,
            invite_link: Some(self.ids.invite_link()),
            suspended: false,
            created_at: now_ms.div_euclid(1000),
            participants: Vec::new(),
            asks: Vec::new(),
            deleted: false,
        };
        if let Some(errors) = self.doomed() {
            let stamp = now_ms.div_euclid(1000);
            self.emit(
                webhook::LIFECYCLE,
                number,
                webhook::create_failed(&view, stamp, &request_id, errors),
            );
            return Ok(request_id);
        }
        let group_id = Arc::clone(&view.group_id);
        self.insert_group(Group::new(view.clone(), group_number, now_ms));
        let stamp = self.stamp(&group_id);
        self.emit(
            webhook::LIFECYCLE,
            number,
            webhook::created(&view, stamp, &request_id),
        );
        Ok(request_id)
    }

    /// Deletes a group with everybody in it; the request id. No event per member (reference 8.11).
    pub(crate) fn delete(&mut self, group_id: &str) -> Result<String, Refusal> {
        let view = Arc::clone(
            self.group(group_id)
                .ok_or_else(Refusal::group_unknown)?
                .view(),
        );
        let request_id = self.ids.request();
        let errors = self.doomed();
        let stamp = self.stamp(group_id);
        if errors.is_none() {
            self.remove_group(&view.group_id);
        }
        self.emit(
            webhook::LIFECYCLE,
            view.number,
            webhook::deleted(group_id, stamp, &request_id, errors),
        );
        Ok(request_id)
    }

    /// Changes settings; the request id. A bad picture fails by webhook, the other parts apply.
    pub(crate) fn update(&mut self, group_id: &str, update: Update) -> Result<String, Refusal> {
        let group_id = self.actionable(group_id)?;
        let request_id = self.ids.request();
        let doomed = self.doomed();
        let succeeds = doomed.is_none();
        let mut parts = Map::new();
        let mut errors = doomed.clone();
        let flagged = |mut part: Value| {
            webhook::set(&mut part, "update_successful", Some(json!(succeeds)));
            webhook::set(&mut part, "errors", doomed.clone());
            part
        };
        if let Some(subject) = update.subject {
            parts.insert(
                "group_subject".to_owned(),
                flagged(json!({"text": subject})),
            );
            if succeeds {
                self.change(&group_id, |view| view.subject = subject);
            }
        }
        if let Some(description) = update.description {
            parts.insert(
                "group_description".to_owned(),
                flagged(json!({"text": description})),
            );
            if succeeds {
                self.change(&group_id, |view| view.description = description);
            }
        }
        if let Some(picture) = update.picture {
            let mut part = flagged(json!({"mime_type": "image/jpeg", "sha256": picture.sha256}));
            if let Some(refused) = &picture.refused {
                webhook::set(&mut part, "update_successful", Some(json!(false)));
                webhook::set(&mut part, "errors", Some(json!([refused.item()])));
                errors = Some(json!([Refusal::new(
                    refusal::SOMETHING_WENT_WRONG,
                    "Not all settings were updated"
                )
                .item()]));
            }
            parts.insert("profile_picture".to_owned(), part);
        }
        let stamp = self.stamp(&group_id);
        self.emit_for(
            &group_id,
            webhook::SETTINGS,
            webhook::settings(&group_id, stamp, &request_id, parts, errors),
        );
        Ok(request_id)
    }

    /// Removes participants; the request id and whether some, but not all, went.
    pub(crate) fn remove(
        &mut self,
        group_id: &str,
        named: &[Named],
    ) -> Result<(String, bool), Refusal> {
        let group_id = self.actionable(group_id)?;
        let view = Arc::clone(
            self.group(&group_id)
                .ok_or_else(Refusal::group_unknown)?
                .view(),
        );
        let request_id = self.ids.request();
        let doomed = self.doomed();
        let mut removal = Removal {
            request_id: &request_id,
            removed: Vec::new(),
            failed: Vec::new(),
            errors: doomed.clone(),
        };
        let mut keys = Vec::new();
        for one in named {
            let input = one.input().to_owned();
            let member = view.participants.iter().find(|person| one.names(person));
            match (member, &doomed) {
                (Some(person), None) => {
                    keys.push(person.key);
                    removal.removed.push(input);
                }
                (_, Some(errors)) => removal.failed.push((input, errors.clone())),
                (None, None) => {
                    let refusal = Refusal::new(
                        refusal::NOT_PARTICIPANT,
                        "The participant is not in the group",
                    );
                    removal.failed.push((input, json!([refusal.item()])));
                }
            }
        }
        let partial = !removal.removed.is_empty() && !removal.failed.is_empty();
        if partial {
            removal.errors = Some(json!([Refusal::new(
                refusal::PARTIAL,
                "Not all participants were removed"
            )
            .item()]));
        } else if removal.removed.is_empty() && removal.errors.is_none() {
            removal.errors = Some(json!([Refusal::new(
                refusal::NOT_PARTICIPANT,
                "No participant was removed"
            )
            .item()]));
        }
        if !keys.is_empty() {
            self.change(&group_id, |view| {
                view.participants
                    .retain(|person| !keys.contains(&person.key))
            });
            if let Some(group) = self.group_mut(&group_id) {
                group.removed.extend(keys);
            }
        }
        let stamp = self.stamp(&group_id);
        let payload = webhook::removed(&group_id, stamp, &removal);
        self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        Ok((request_id, partial))
    }

    /// Lets those in who asked. Those let in are told of by one webhook.
    pub(crate) fn approve(
        &mut self,
        group_id: &str,
        join_request_ids: &[String],
    ) -> Result<Decided, Refusal> {
        let group_id = self.actionable(group_id)?;
        let mut decided = Decided::default();
        let mut people: Vec<Arc<Person>> = Vec::new();
        for id in join_request_ids {
            let Some(group) = self.group(&group_id) else {
                continue;
            };
            let view = group.view();
            let Some(person) = view
                .asks
                .iter()
                .find(|ask| ask.join_request_id == *id)
                .map(|ask| Arc::clone(&ask.person))
            else {
                let refusal = Refusal::new(
                    refusal::NO_JOIN_REQUEST,
                    "The join request does not exist or is settled",
                );
                decided.failed.push((id.clone(), refusal));
                continue;
            };
            if view.full() {
                let refusal = Refusal::new(refusal::PARTICIPANT_LIMIT, "The group is full");
                decided.failed.push((id.clone(), refusal));
                continue;
            }
            self.change(&group_id, |view| {
                view.asks.retain(|ask| ask.person.key != person.key);
                view.participants.push(Arc::clone(&person));
            });
            people.push(person);
            decided.done.push(id.clone());
        }
        if !people.is_empty() {
            let stamp = self.stamp(&group_id);
            let people: Vec<&Person> = people.iter().map(AsRef::as_ref).collect();
            let payload =
                webhook::approved(&group_id, stamp, &people, self.faults.webhooks.hide_wa_id);
            self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        }
        Ok(decided)
    }

    /// Turns those away who asked. No webhook tells of it.
    pub(crate) fn reject(
        &mut self,
        group_id: &str,
        join_request_ids: &[String],
    ) -> Result<Decided, Refusal> {
        let group_id = self.actionable(group_id)?;
        let mut decided = Decided::default();
        for id in join_request_ids {
            let known = self.group(&group_id).is_some_and(|group| {
                group
                    .view()
                    .asks
                    .iter()
                    .any(|ask| ask.join_request_id == *id)
            });
            if known {
                self.change(&group_id, |view| {
                    view.asks.retain(|ask| ask.join_request_id != *id)
                });
                decided.done.push(id.clone());
            } else {
                let refusal = Refusal::new(
                    refusal::NO_JOIN_REQUEST,
                    "The join request does not exist or is settled",
                );
                decided.failed.push((id.clone(), refusal));
            }
        }
        Ok(decided)
    }

    /// The invite link, if it was not revoked.
    pub(crate) fn invite_link(&self, group_id: &str) -> Result<Option<String>, Refusal> {
        let group_id = self.actionable(group_id)?;
        Ok(self
            .group(&group_id)
            .and_then(|group| group.view().invite_link.clone()))
    }

    /// A new link; all former ones are dead.
    pub(crate) fn reset_link(&mut self, group_id: &str) -> Result<String, Refusal> {
        let group_id = self.actionable(group_id)?;
        let link = self.ids.invite_link();
        self.set_link(&group_id, Some(link.clone()));
        Ok(link)
    }

    /// Revokes the link.
    pub(crate) fn revoke_link(&mut self, group_id: &str) -> Result<(), Refusal> {
        let group_id = self.actionable(group_id)?;
        self.set_link(&group_id, None);
        Ok(())
    }
}

/// A subject as Meta keeps it: trimmed, 1 to 128 characters.
pub(crate) fn subject(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > SUBJECT_CHARS_MAX {
        return Err(Refusal::parameter("subject must have 1 to 128 characters"));
    }
    Ok(text.to_owned())
}

/// A description: at most 2,048 characters.
pub(crate) fn description(text: &str) -> Result<String, Refusal> {
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(Refusal::parameter(
            "description must have at most 2048 characters",
        ));
    }
    Ok(text.to_owned())
}
