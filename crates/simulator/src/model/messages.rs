//! Messages to and from groups, and their statuses with prices (reference 3).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use rand::RngExt;
use serde_json::{Value, json};

use super::{
    World,
    acts::Refused,
    people::{Person, PersonKey},
};
use crate::{
    graph_http::refusal::{self, Refusal},
    limits::{MESSAGES_MAX, PINS_MAX},
    webhook::{self, Payload},
};

/// What a message costs, per recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    /// Free text inside the customer service window.
    Service,
    /// A utility template.
    Utility,
    /// A marketing template.
    Marketing,
    /// A pin, which costs nothing and has no pricing object.
    None,
}

impl Price {
    fn pricing(self) -> Option<Value> {
        let (category, kind, billable) = match self {
            Self::Service => ("group_service", "free_group_customer_service", false),
            Self::Utility => ("group_utility", "regular", true),
            Self::Marketing => ("group_marketing", "regular", true),
            Self::None => return None,
        };
        Some(
            json!({"billable": billable, "pricing_model": "PMP", "type": kind, "category": category}),
        )
    }
}

/// A message that was sent to a group.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    group_id: Arc<str>,
    number: usize,
    price: Price,
    /// The recipients, and whether each has read it.
    recipients: BTreeMap<PersonKey, (Arc<Person>, Progress)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Sent,
    Delivered,
    Read,
}

/// The last messages, for reads that come later.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    by_id: BTreeMap<String, Message>,
    order: VecDeque<String>,
}

impl Messages {
    fn insert(&mut self, id: &str, message: Message) {
        self.by_id.insert(id.to_owned(), message);
        self.order.push_back(id.to_owned());
        while self.order.len() > MESSAGES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// A message of the last few, and a phone number that has not read it.
    pub(crate) fn unread(&self, pick: usize) -> Option<(String, String)> {
        let recent = self.order.len().min(64);
        let id = self
            .order
            .get(self.order.len().checked_sub(1 + pick % recent.max(1))?)?;
        let message = self.by_id.get(id)?;
        let (person, _) = message
            .recipients
            .values()
            .find(|(_, progress)| *progress != Progress::Read)?;
        Some((id.clone(), person.wa_id.clone()))
    }

    /// Puts a person's new identifiers in place.
    pub(crate) fn replace(&mut self, person: &Arc<Person>) {
        for message in self.by_id.values_mut() {
            if let Some((recipient, _)) = message.recipients.get_mut(&person.key) {
                *recipient = Arc::clone(person);
            }
        }
    }

    fn in_group(&self, id: &str, group_id: &str) -> bool {
        self.by_id
            .get(id)
            .is_some_and(|message| &*message.group_id == group_id)
    }
}

impl World {
    /// A participant writes to the group; the message id.
    pub(crate) fn write(
        &mut self,
        wa_id: &str,
        group_id: &str,
        text: &str,
    ) -> Result<String, Refused> {
        let group = self.group(group_id).ok_or(Refused::UnknownGroup)?;
        let person = self
            .people
            .find(wa_id)
            .map(Arc::clone)
            .ok_or(Refused::NotMember)?;
        group.view().member(person.key).ok_or(Refused::NotMember)?;
        if group.view().suspended {
            return Err(Refused::GroupSuspended);
        }
        let stamp = self.stamp(group_id);
        let message = self.incoming(&person, stamp, text, Some(group_id));
        let id = message
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let contacts = vec![webhook::contact(&person, self.faults.webhooks.hide_wa_id)];
        let group_id: Arc<str> = group_id.into();
        self.emit_for(
            &group_id,
            webhook::MESSAGES,
            Payload::Message { contacts, message },
        );
        Ok(id)
    }

    /// A person writes to a business number directly, outside any group.
    pub(crate) fn write_directly(&mut self, person: &Arc<Person>, number: usize, text: &str) {
        let stamp = self.now_ms().div_euclid(1000);
        let message = self.incoming(person, stamp, text, None);
        let contacts = vec![webhook::contact(person, self.faults.webhooks.hide_wa_id)];
        self.emit(
            webhook::MESSAGES,
            number,
            Payload::Message { contacts, message },
        );
    }

    fn incoming(
        &mut self,
        person: &Person,
        stamp: i64,
        text: &str,
        group_id: Option<&str>,
    ) -> Value {
        let mut message = json!({
            "from_user_id": person.user_id, "id": self.ids.message(), "timestamp": stamp.to_string(),
            "type": "text", "text": {"body": text},
        });
        if !(self.faults.webhooks.hide_wa_id && person.username.is_some()) {
            webhook::set(&mut message, "from", Some(json!(person.wa_id)));
        }
        webhook::set(&mut message, "group_id", group_id.map(|id| json!(id)));
        message
    }

    /// Sends to a group: `sent`, then `delivered` for every participant; the message id.
    pub(crate) fn send(
        &mut self,
        number: usize,
        group_id: &str,
        price: Price,
    ) -> Result<String, Refusal> {
        let group = self
            .group(group_id)
            .filter(|group| group.view().number == number)
            .ok_or_else(Refusal::group_unknown)?;
        let view = Arc::clone(group.view());
        if view.suspended {
            return Err(Refusal::new(refusal::SUSPENDED, "The group is suspended"));
        }
        if view.participants.is_empty() {
            return Err(Refusal::new(
                refusal::ONE_MEMBER,
                "The group has no participant but the business",
            ));
        }
        let id = self.ids.message();
        let recipients = view
            .participants
            .iter()
            .map(|person| (person.key, (Arc::clone(person), Progress::Sent)))
            .collect();
        let message = Message {
            group_id: Arc::clone(&view.group_id),
            number,
            price,
            recipients,
        };
        self.messages.insert(&id, message);
        let stamp = self.stamp(group_id);
        let sent = json!({"id": id, "status": "sent", "timestamp": stamp.to_string(), "recipient_id": group_id, "recipient_type": "group"});
        self.emit(
            webhook::MESSAGES,
            number,
            Payload::Statuses {
                contacts: Vec::new(),
                statuses: vec![sent],
            },
        );
        self.deliver(&id, &view.participants);
        Ok(id)
    }

    /// Emits `delivered` for each, sometimes aggregated. One in five in traffic reads at once, and `delivered` is skipped.
    fn deliver(&mut self, id: &str, people: &[Arc<Person>]) {
        let aggregated = self.shapes.random_bool(0.4);
        let mut remaining: Vec<PersonKey> = Vec::new();
        for person in people {
            let at_once =
                self.ids.origin == super::ids::Origin::Traffic && self.shapes.random_bool(0.2);
            if at_once {
                self.progress(id, &[person.key], Progress::Read);
            } else {
                remaining.push(person.key);
            }
        }
        if aggregated {
            self.progress(id, &remaining, Progress::Delivered);
        } else {
            for key in remaining {
                self.progress(id, &[key], Progress::Delivered);
            }
        }
    }

    /// Moves recipients on and emits one webhook with their statuses. The price comes with the first of each.
    fn progress(&mut self, id: &str, keys: &[PersonKey], to: Progress) {
        let hidden = self.faults.webhooks.hide_wa_id;
        let Some(group_id) = self
            .messages
            .by_id
            .get(id)
            .map(|message| Arc::clone(&message.group_id))
        else {
            return;
        };
        let stamp = self.stamp(&group_id);
        let Some(message) = self.messages.by_id.get_mut(id) else {
            return;
        };
        let (mut contacts, mut statuses) = (Vec::new(), Vec::new());
        for key in keys {
            let Some((person, progress)) = message.recipients.get_mut(key) else {
                continue;
            };
            let mut status = json!({
                "id": id, "status": if to == Progress::Read { "read" } else { "delivered" }, "timestamp": stamp.to_string(),
                "recipient_id": &*group_id, "recipient_type": "group", "recipient_participant_user_id": person.user_id,
            });
            if !(hidden && person.username.is_some()) {
                webhook::set(
                    &mut status,
                    "recipient_participant_id",
                    Some(json!(person.wa_id)),
                );
            }
            if *progress == Progress::Sent {
                webhook::set(&mut status, "pricing", message.price.pricing());
            }
            *progress = to;
            contacts.push(webhook::contact(person, hidden));
            statuses.push(status);
        }
        let number = message.number;
        if !statuses.is_empty() {
            self.emit(
                webhook::MESSAGES,
                number,
                Payload::Statuses { contacts, statuses },
            );
        }
    }

    /// A person reads a message.
    pub(crate) fn read(&mut self, wa_id: &str, message_id: &str) -> Result<Value, Refused> {
        let message = self
            .messages
            .by_id
            .get(message_id)
            .ok_or(Refused::UnknownMessage)?;
        let person = self.people.find(wa_id).ok_or(Refused::NotRecipient)?;
        let (_, progress) = message
            .recipients
            .get(&person.key)
            .ok_or(Refused::NotRecipient)?;
        if *progress == Progress::Read {
            return Err(Refused::AlreadyRead);
        }
        let key = person.key;
        self.progress(message_id, &[key], Progress::Read);
        Ok(json!({"message_id": message_id}))
    }

    /// Pins or unpins a message; the id of the pin message.
    pub(crate) fn pin(
        &mut self,
        number: usize,
        group_id: &str,
        message_id: &str,
        pinned: bool,
    ) -> Result<String, Refusal> {
        if !self.messages.in_group(message_id, group_id) {
            return Err(Refusal::parameter(
                "pin.message_id names no message of this group",
            ));
        }
        let id = self.send(number, group_id, Price::None)?;
        if let Some(group) = self.group_mut(group_id) {
            group.pins.retain(|other| other != message_id);
            if pinned {
                group.pins.push(message_id.to_owned());
                let surplus = group.pins.len().saturating_sub(PINS_MAX);
                group.pins.drain(..surplus);
            }
        }
        Ok(id)
    }

    /// Sends to one person, outside any group: `sent` and `delivered`; the message id.
    pub(crate) fn send_directly(&mut self, number: usize, wa_id: &str) -> Result<String, Refusal> {
        let person = self
            .person(wa_id)
            .map_err(|_| Refusal::parameter("to is not a phone number"))?;
        let id = self.ids.message();
        let stamp = self.now_ms().div_euclid(1000);
        for status in ["sent", "delivered"] {
            let mut item = json!({"id": id, "status": status, "timestamp": stamp.to_string(),
                "recipient_user_id": person.user_id});
            if !(self.faults.webhooks.hide_wa_id && person.username.is_some()) {
                webhook::set(&mut item, "recipient_id", Some(json!(person.wa_id)));
            }
            let contacts = vec![webhook::contact(&person, self.faults.webhooks.hide_wa_id)];
            self.emit(
                webhook::MESSAGES,
                number,
                Payload::Statuses {
                    contacts,
                    statuses: vec![item],
                },
            );
        }
        Ok(id)
    }
}
