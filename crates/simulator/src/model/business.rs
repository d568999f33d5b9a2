//! What a business does with its groups. What completes by webhook is done at once; the webhook follows.

use std::sync::Arc;

use super::{World, group::View, ids, people::Person, requests::Work};
use crate::{
    graph_http::refusal::{self, Refusal},
    limits::{DESCRIPTION_CHARS_MAX, SUBJECT_CHARS_MAX},
    webhook,
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

    pub(super) fn names(&self, person: &Person) -> bool {
        match self {
            Self::Number(input) => input
                .bytes()
                .filter(u8::is_ascii_digit)
                .eq(person.wa_id.bytes()),
            Self::UserId(input) => {
                *input == person.user_id || person.parent_user_id.as_ref() == Some(input)
            }
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

    fn actionable_view(&self, group_id: &str) -> Result<Arc<View>, Refusal> {
        self.actionable(group_id)?;
        let group = self.group(group_id).ok_or_else(Refusal::group_unknown)?;
        Ok(Arc::clone(group.view()))
    }

    /// Makes a group; the request id.
    pub(crate) fn create(&mut self, number: usize, new: NewGroup) -> Result<String, Refusal> {
        if self.groups_of(number) >= self.faults.api.groups_max {
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
        let group_number = self.ids.group_number();
        let created_at = self.now_ms().div_euclid(1000);
        let view = View {
            group_id: ids::group_id(&display, &group_number).into(),
            number,
            subject: new.subject,
            description: new.description,
            approval_required: new.approval_required,
            invite_link: Some(self.ids.invite_link()),
            suspended: false,
            created_at,
            participants: Vec::new(),
            asks: Vec::new(),
            deleted: false,
        };
        Ok(self.accept("create", Work::Create { view, group_number }))
    }

    /// Deletes a group with everybody in it; the request id. No event per member (reference 8.11).
    pub(crate) fn delete(&mut self, group_id: &str) -> Result<String, Refusal> {
        let view = Arc::clone(
            self.group(group_id)
                .ok_or_else(Refusal::group_unknown)?
                .view(),
        );
        Ok(self.accept("delete", Work::Delete { view }))
    }

    /// Changes settings; the request id. A bad picture fails by webhook, the other parts apply.
    pub(crate) fn update(&mut self, group_id: &str, update: Update) -> Result<String, Refusal> {
        let view = self.actionable_view(group_id)?;
        Ok(self.accept("update", Work::Update { view, update }))
    }

    /// Removes participants; the request id and whether some, but not all, will go.
    pub(crate) fn remove(
        &mut self,
        group_id: &str,
        named: &[Named],
    ) -> Result<(String, bool), Refusal> {
        let view = self.actionable_view(group_id)?;
        let known = named
            .iter()
            .filter(|one| view.participants.iter().any(|person| one.names(person)))
            .count();
        let named = named.to_vec();
        let partial = (1..named.len()).contains(&known);
        let request_id = self.accept("participants_remove", Work::Remove { view, named });
        Ok((request_id, partial))
    }

    /// Adds people by phone number, where that is allowed; the request id.
    pub(crate) fn add(&mut self, group_id: &str, numbers: &[String]) -> Result<String, Refusal> {
        let view = self.actionable_view(group_id)?;
        let mut people = Vec::new();
        for number in numbers {
            let bad = |_| Refusal::parameter("user is not a phone number");
            people.push(self.person(number).map_err(bad)?);
        }
        if view.participants.len() + people.len() > self.faults.api.participants_max {
            return Err(Refusal::new(
                refusal::PARTICIPANT_LIMIT,
                "The group would have too many participants",
            ));
        }
        Ok(self.accept("participants_add", Work::Add { view, people }))
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
            let full = view.participants.len() >= self.faults.api.participants_max;
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
            if let Some(refusal) = self.doomed_item("join_requests_approve") {
                decided.failed.push((id.clone(), refusal));
                continue;
            }
            if full {
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
            if known && let Some(refusal) = self.doomed_item("join_requests_reject") {
                decided.failed.push((id.clone(), refusal));
            } else if known {
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
