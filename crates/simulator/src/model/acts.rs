//! What people do, and what Meta does to groups: join, leave, ask, cancel, move, suspend.

use std::sync::Arc;

use rand::RngExt;
use serde_json::{Value, json};

use super::{
    World,
    group::{Ask, Group},
    people::Person,
};
use crate::{
    limits::PEOPLE_MAX,
    webhook::{self, Payload},
};

/// Which group a person means.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// By id: through its present link.
    Group(String),
    /// By a link they hold, which may be dead.
    Link(String),
}

/// Why an act is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("unknown_group")]
    UnknownGroup,
    #[error("unknown_link")]
    UnknownLink,
    #[error("unknown_person")]
    UnknownPerson,
    #[error("unknown_message")]
    UnknownMessage,
    #[error("bad_number")]
    BadNumber,
    #[error("number_taken")]
    NumberTaken,
    #[error("too_many_people")]
    TooManyPeople,
    #[error("already_member")]
    AlreadyMember,
    #[error("not_member")]
    NotMember,
    #[error("already_asked")]
    AlreadyAsked,
    #[error("not_asked")]
    NotAsked,
    #[error("group_full")]
    GroupFull,
    #[error("group_suspended")]
    GroupSuspended,
    #[error("not_suspended")]
    NotSuspended,
    #[error("approval_required")]
    ApprovalRequired,
    #[error("no_approval_needed")]
    NoApprovalNeeded,
    #[error("removed_by_business")]
    RemovedByBusiness,
    #[error("not_recipient")]
    NotRecipient,
    #[error("already_read")]
    AlreadyRead,
    #[error("already_told")]
    AlreadyTold,
}

impl World {
    /// The person with a number, made if nobody has it.
    pub(crate) fn person(&mut self, wa_id: &str) -> Result<Arc<Person>, Refused> {
        if let Some(person) = self.people.find(wa_id) {
            return Ok(Arc::clone(person));
        }
        if !(5..=20).contains(&wa_id.len()) || !wa_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refused::BadNumber);
        }
        if self.people.len() >= PEOPLE_MAX {
            return Err(Refused::TooManyPeople);
        }
        let name = format!("José {}", self.people.len());
        self.people
            .add(&mut self.ids, wa_id, name, None)
            .ok_or(Refused::NumberTaken)
    }

    fn enter(&mut self, door: &Door) -> Result<Arc<str>, Refused> {
        let group_id: Arc<str> = match door {
            Door::Group(id) => {
                Arc::clone(&self.group(id).ok_or(Refused::UnknownGroup)?.view().group_id)
            }
            Door::Link(link) => self.group_of_link(link).ok_or(Refused::UnknownLink)?,
        };
        let group = self.group(&group_id).ok_or(Refused::UnknownGroup)?;
        if group.view().invite_link.is_none() {
            return Err(Refused::UnknownLink);
        }
        Ok(group_id)
    }

    fn admissible(group: &Group, person: &Person) -> Result<(), Refused> {
        let view = group.view();
        if view.member(person.key).is_some() {
            Err(Refused::AlreadyMember)
        } else if view.suspended {
            Err(Refused::GroupSuspended)
        } else if group.removed.contains(&person.key) {
            Err(Refused::RemovedByBusiness)
        } else {
            Ok(())
        }
    }

    /// Joins by link, where no approval is needed.
    pub(crate) fn join(&mut self, wa_id: &str, door: &Door) -> Result<Value, Refused> {
        let person = self.person(wa_id)?;
        let group_id = self.enter(door)?;
        let group = self.group(&group_id).ok_or(Refused::UnknownGroup)?;
        Self::admissible(group, &person)?;
        if group.view().approval_required {
            return Err(Refused::ApprovalRequired);
        }
        if group.view().participants.len() >= self.faults.api.participants_max {
            return Err(Refused::GroupFull);
        }
        self.change(&group_id, |view| {
            view.participants.push(Arc::clone(&person))
        });
        let stamp = self.stamp(&group_id);
        let payload = webhook::joined(&group_id, stamp, &person, self.faults.webhooks.hide_wa_id);
        self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        Ok(acted(&group_id, &person, stamp))
    }

    /// Leaves; such a person may come back by link.
    pub(crate) fn leave(&mut self, wa_id: &str, group_id: &str) -> Result<Value, Refused> {
        let group = self.group(group_id).ok_or(Refused::UnknownGroup)?;
        let person = self
            .people
            .find(wa_id)
            .map(Arc::clone)
            .ok_or(Refused::NotMember)?;
        group.view().member(person.key).ok_or(Refused::NotMember)?;
        let group_id = Arc::clone(&group.view().group_id);
        self.change(&group_id, |view| {
            view.participants.retain(|other| other.key != person.key)
        });
        let stamp = self.stamp(&group_id);
        let payload = webhook::left(&group_id, stamp, &person, self.faults.webhooks.hide_wa_id);
        self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        Ok(acted(&group_id, &person, stamp))
    }

    /// Asks to join a group that needs approval.
    pub(crate) fn request_join(&mut self, wa_id: &str, door: &Door) -> Result<Value, Refused> {
        let person = self.person(wa_id)?;
        let group_id = self.enter(door)?;
        let group = self.group(&group_id).ok_or(Refused::UnknownGroup)?;
        Self::admissible(group, &person)?;
        if !group.view().approval_required {
            return Err(Refused::NoApprovalNeeded);
        }
        if group.view().ask(person.key).is_some() {
            return Err(Refused::AlreadyAsked);
        }
        let hidden = self.faults.webhooks.hide_wa_id || self.faults.api.hide_wa_id;
        let join_request_id = group.join_request_id(&person, hidden);
        let stamp = self.stamp(&group_id);
        let ask = Ask {
            person: Arc::clone(&person),
            join_request_id,
            created_at: stamp,
        };
        self.change(&group_id, |view| view.asks.push(ask.clone()));
        let payload = webhook::asked(
            &group_id,
            stamp,
            &ask,
            false,
            self.faults.webhooks.hide_wa_id,
        );
        self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        let mut answer = acted(&group_id, &person, stamp);
        webhook::set(
            &mut answer,
            "join_request_id",
            Some(json!(ask.join_request_id)),
        );
        Ok(answer)
    }

    /// Takes a request to join back.
    pub(crate) fn cancel_request(&mut self, wa_id: &str, group_id: &str) -> Result<Value, Refused> {
        let group = self.group(group_id).ok_or(Refused::UnknownGroup)?;
        let person = self
            .people
            .find(wa_id)
            .map(Arc::clone)
            .ok_or(Refused::NotAsked)?;
        let ask = group
            .view()
            .ask(person.key)
            .cloned()
            .ok_or(Refused::NotAsked)?;
        let group_id = Arc::clone(&group.view().group_id);
        self.change(&group_id, |view| {
            view.asks.retain(|other| other.person.key != person.key)
        });
        let stamp = self.stamp(&group_id);
        let payload = webhook::asked(
            &group_id,
            stamp,
            &ask,
            true,
            self.faults.webhooks.hide_wa_id,
        );
        self.emit_for(&group_id, webhook::PARTICIPANTS, payload);
        Ok(acted(&group_id, &person, stamp))
    }

    /// Moves to another number: the BSUID is regenerated, and a system message tells each business that knows the person.
    pub(crate) fn change_number(&mut self, wa_id: &str, new_wa_id: &str) -> Result<Value, Refused> {
        let old = self
            .people
            .find(wa_id)
            .map(Arc::clone)
            .ok_or(Refused::UnknownPerson)?;
        if !(5..=20).contains(&new_wa_id.len())
            || !new_wa_id.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(Refused::BadNumber);
        }
        if self.people.find(new_wa_id).is_some() {
            return Err(Refused::NumberTaken);
        }
        let user_id = self.ids.user_id();
        // Regenerated with the number, as the BSUID is.
        let parent_user_id = old
            .parent_user_id
            .as_ref()
            .map(|_| self.ids.parent_user_id());
        let new = self.people.replace(Person {
            wa_id: new_wa_id.to_owned(),
            user_id,
            parent_user_id,
            ..Person::clone(&old)
        });
        let groups = self.groups_with(old.key);
        let mut numbers = Vec::new();
        for group_id in &groups {
            let Some(number) = self.group(group_id).map(|group| group.view().number) else {
                continue;
            };
            if !numbers.contains(&number) {
                numbers.push(number);
            }
            self.replace_in(group_id, &new);
        }
        self.messages.replace(&new);
        let stamp = self.now_ms().div_euclid(1000);
        for number in numbers {
            let message = self.moved(&old, &new, stamp);
            self.emit(
                webhook::MESSAGES,
                number,
                Payload::Message {
                    contacts: Vec::new(),
                    message,
                },
            );
        }
        Ok(
            json!({"wa_id": new.wa_id, "user_id": new.user_id, "previous_user_id": old.user_id, "timestamp": stamp}),
        )
    }

    /// Makes a person, or gives one a name and a username.
    /// Nobody is told: Meta sends no webhook when a username changes (reference 2.6).
    pub(crate) fn describe(
        &mut self,
        wa_id: &str,
        name: Option<String>,
        username: Option<String>,
        parent_user_id: Option<String>,
    ) -> Result<Arc<Person>, Refused> {
        let person = self.person(wa_id)?;
        let name = name.unwrap_or_else(|| person.name.clone());
        let new = self.people.replace(Person {
            name,
            username,
            parent_user_id,
            ..Person::clone(&person)
        });
        for group_id in self.groups_with(new.key) {
            self.replace_in(&group_id, &new);
        }
        self.messages.replace(&new);
        Ok(new)
    }

    fn replace_in(&mut self, group_id: &Arc<str>, new: &Arc<Person>) {
        let hidden = self.faults.webhooks.hide_wa_id || self.faults.api.hide_wa_id;
        let Some(join_request_id) = self
            .group(group_id)
            .map(|group| group.join_request_id(new, hidden))
        else {
            return;
        };
        self.change(group_id, |view| {
            for person in view
                .participants
                .iter_mut()
                .filter(|person| person.key == new.key)
            {
                *person = Arc::clone(new);
            }
            for ask in view.asks.iter_mut().filter(|ask| ask.person.key == new.key) {
                ask.person = Arc::clone(new);
                ask.join_request_id.clone_from(&join_request_id);
            }
        });
    }

    /// The system message of a move. The old identity is in `previous_user_id`,
    /// and in one of four only in `from` and the text, as in Meta's sample (reference 9.3).
    fn moved(&mut self, old: &Person, new: &Person, stamp: i64) -> Value {
        let hidden = self.faults.webhooks.hide_wa_id && new.username.is_some();
        let told = self.shapes.random_bool(0.75);
        let (from, to) = if hidden {
            (&old.user_id, &new.user_id)
        } else {
            (&old.wa_id, &new.wa_id)
        };
        let mut system = json!({"user_id": new.user_id, "body": format!("User {} changed from {from} to {to}", old.name)});
        if hidden {
            webhook::set(&mut system, "type", Some(json!("user_changed_user_id")));
        } else {
            webhook::set(&mut system, "type", Some(json!("user_changed_number")));
            webhook::set(&mut system, "wa_id", Some(json!(new.wa_id)));
        }
        if told {
            webhook::set(&mut system, "previous_user_id", Some(json!(old.user_id)));
        }
        webhook::set(
            &mut system,
            "parent_user_id",
            new.parent_user_id.as_ref().map(|id| json!(id)),
        );
        if let (true, Some(parent)) = (told, &old.parent_user_id) {
            webhook::set(&mut system, "previous_parent_user_id", Some(json!(parent)));
        }
        let from_user_id = told.then(|| json!(old.user_id));
        let mut message = json!({
            "id": self.ids.message(), "timestamp": stamp.to_string(), "type": "system", "system": system,
        });
        webhook::set(&mut message, "from_user_id", from_user_id);
        if !hidden {
            webhook::set(&mut message, "from", Some(json!(old.wa_id)));
        }
        message
    }

    /// Meta suspends a group or lifts that.
    pub(crate) fn set_suspended(
        &mut self,
        group_id: &str,
        suspended: bool,
    ) -> Result<Value, Refused> {
        let view = self.group(group_id).ok_or(Refused::UnknownGroup)?.view();
        if view.suspended == suspended {
            return Err(if suspended {
                Refused::GroupSuspended
            } else {
                Refused::NotSuspended
            });
        }
        let group_id = Arc::clone(&view.group_id);
        self.change(&group_id, |view| view.suspended = suspended);
        let stamp = self.stamp(&group_id);
        self.emit_for(
            &group_id,
            webhook::STATUS,
            webhook::suspension(&group_id, stamp, suspended),
        );
        Ok(json!({"group_id": &*group_id, "suspended": suspended, "timestamp": stamp}))
    }

    /// Changes a group's state now.
    pub(crate) fn change(
        &mut self,
        group_id: &Arc<str>,
        change: impl FnOnce(&mut super::group::View),
    ) {
        let now_ms = self.now_ms();
        if let Some(group) = self.group_mut(group_id) {
            group.change(now_ms, change);
        }
    }

    /// Emits an event of a group's business number.
    pub(crate) fn emit_for(&mut self, group_id: &str, field: &'static str, payload: Payload) {
        if let Some(number) = self.group(group_id).map(|group| group.view().number) {
            self.emit(field, number, payload);
        }
    }
}

fn acted(group_id: &str, person: &Person, stamp: i64) -> Value {
    json!({"group_id": group_id, "wa_id": person.wa_id, "user_id": person.user_id, "timestamp": stamp})
}
