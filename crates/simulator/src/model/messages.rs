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
    business::Named,
    people::{Person, PersonKey},
};
use crate::{
    graph_http::refusal::{self, Code, Refusal},
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
    /// The price to a group, or to one person: then without the prefix, and with that type's name.
    fn pricing(self, group: bool) -> Option<Value> {
        let (category, free) = match self {
            Self::Service => ("service", true),
            Self::Utility => ("utility", false),
            Self::Marketing => ("marketing", false),
            Self::None => return None,
        };
        let (category, kind) = match (group, free) {
            (true, true) => (format!("group_{category}"), "free_group_customer_service"),
            (true, false) => (format!("group_{category}"), "regular"),
            (false, true) => (category.to_owned(), "free_customer_service"),
            (false, false) => (category.to_owned(), "regular"),
        };
        Some(json!({"billable": !free, "pricing_model": "PMP", "type": kind, "category": category}))
    }

    /// Meta's word for the origin of a conversation, up to v23.0.
    const fn origin(self) -> &'static str {
        match self {
            Self::Service | Self::None => "service",
            Self::Utility => "utility",
            Self::Marketing => "marketing",
        }
    }
}

/// A message that was sent to a group, or to one person.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// None if it went to one person.
    group_id: Option<Arc<str>>,
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
    Played,
    Failed,
}

impl Progress {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// Where an error code of a status is explained.
const HREF: &str = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/";

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
            .find(|(_, progress)| matches!(progress, Progress::Sent | Progress::Delivered))?;
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
            .is_some_and(|message| message.group_id.as_deref() == Some(group_id))
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
        let parent = person.parent_user_id.as_ref().map(|id| json!(id));
        webhook::set(&mut message, "from_parent_user_id", parent);
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
            group_id: Some(Arc::clone(&view.group_id)),
            number,
            price,
            recipients,
        };
        self.messages.insert(&id, message);
        let call = if price == Price::None {
            "pin"
        } else {
            "message"
        };
        if let Some(doom) = self.doomed(call) {
            self.tell(number, &id, "failed", group_id, Some(doom.errors()));
            return Ok(id);
        }
        self.tell(number, &id, "sent", group_id, None);
        if !self.faults.api.hold_delivery {
            self.deliver(&id, call, &view.participants);
        }
        Ok(id)
    }

    /// Emits a status of a message to a group as a whole.
    fn tell(
        &mut self,
        number: usize,
        id: &str,
        status: &str,
        group_id: &str,
        errors: Option<Value>,
    ) {
        let stamp = self.stamp(group_id);
        let mut item = json!({"id": id, "status": status, "timestamp": stamp.to_string(),
            "recipient_id": group_id, "recipient_type": "group"});
        webhook::set(&mut item, "errors", errors.map(linked));
        self.emit(
            webhook::MESSAGES,
            number,
            Payload::Statuses {
                contacts: Vec::new(),
                statuses: vec![item],
            },
        );
    }

    /// Emits `delivered` for each, sometimes aggregated. One in five in traffic reads at once, and `delivered` is skipped.
    fn deliver(&mut self, id: &str, call: &str, people: &[Arc<Person>]) {
        let aggregated = self.shapes.random_bool(0.4);
        let mut remaining: Vec<PersonKey> = Vec::new();
        for person in people {
            if let Some(refusal) = self.doomed_item(call) {
                self.progress_with(id, &[person.key], Progress::Failed, Some(&refusal));
                continue;
            }
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

    fn progress(&mut self, id: &str, keys: &[PersonKey], to: Progress) {
        self.progress_with(id, keys, to, None);
    }

    /// Moves recipients on and emits one webhook with their statuses. The price comes with the first of each.
    fn progress_with(
        &mut self,
        id: &str,
        keys: &[PersonKey],
        to: Progress,
        failed: Option<&Refusal>,
    ) {
        let hidden = self.faults.webhooks.hide_wa_id;
        let conversations = self.faults.webhooks.conversations;
        let Some(group_id) = self
            .messages
            .by_id
            .get(id)
            .map(|message| message.group_id.clone())
        else {
            return;
        };
        let stamp = match &group_id {
            Some(group_id) => self.stamp(group_id),
            None => self.now_ms().div_euclid(1000),
        };
        let Some(message) = self.messages.by_id.get_mut(id) else {
            return;
        };
        let (number, price) = (message.number, message.price);
        let (mut contacts, mut statuses) = (Vec::new(), Vec::new());
        for key in keys {
            let Some((person, progress)) = message.recipients.get_mut(key) else {
                continue;
            };
            let mut status =
                json!({"id": id, "status": to.as_str(), "timestamp": stamp.to_string()});
            addressed(&mut status, group_id.as_deref(), person, hidden);
            let errors = failed.map(|refusal| linked(json!([refusal.item()])));
            webhook::set(&mut status, "errors", errors);
            if *progress == Progress::Sent && failed.is_none() {
                webhook::set(&mut status, "pricing", price.pricing(group_id.is_some()));
                let conversation =
                    json!({"id": format!("c-{id}"), "origin": {"type": price.origin()}});
                webhook::set(
                    &mut status,
                    "conversation",
                    conversations.then_some(conversation),
                );
            }
            *progress = to;
            // A failure names no contacts (reference 3.2).
            if failed.is_none() {
                contacts.push(webhook::contact(person, hidden));
            }
            statuses.push(status);
        }
        if !statuses.is_empty() {
            self.emit(
                webhook::MESSAGES,
                number,
                Payload::Statuses { contacts, statuses },
            );
        }
    }

    /// Who a message went to and how far it got with that person.
    fn recipient(&self, wa_id: &str, message_id: &str) -> Result<(PersonKey, Progress), Refused> {
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
        Ok((person.key, *progress))
    }

    /// A message reaches a person, or the person plays it (a voice message).
    pub(crate) fn receive(
        &mut self,
        wa_id: &str,
        message_id: &str,
        played: bool,
    ) -> Result<Value, Refused> {
        let (key, progress) = self.recipient(wa_id, message_id)?;
        let to = match (played, progress) {
            (_, Progress::Failed | Progress::Played) => return Err(Refused::AlreadyTold),
            (true, _) => Progress::Played,
            (false, Progress::Sent) => Progress::Delivered,
            (false, Progress::Delivered | Progress::Read) => return Err(Refused::AlreadyTold),
        };
        self.progress(message_id, &[key], to);
        Ok(json!({"message_id": message_id}))
    }

    /// A message does not reach a person.
    pub(crate) fn fail(
        &mut self,
        wa_id: &str,
        message_id: &str,
        code: u32,
    ) -> Result<Value, Refused> {
        let (key, progress) = self.recipient(wa_id, message_id)?;
        if progress != Progress::Sent {
            return Err(Refused::AlreadyTold);
        }
        let refusal = Refusal::new(Code::of(code), "The message did not reach the recipient");
        self.progress_with(message_id, &[key], Progress::Failed, Some(&refusal));
        Ok(json!({"message_id": message_id}))
    }

    /// A person reads a message.
    pub(crate) fn read(&mut self, wa_id: &str, message_id: &str) -> Result<Value, Refused> {
        let (key, progress) = self.recipient(wa_id, message_id)?;
        match progress {
            Progress::Sent | Progress::Delivered => {}
            Progress::Read | Progress::Played => return Err(Refused::AlreadyRead),
            Progress::Failed => return Err(Refused::AlreadyTold),
        }
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

    /// Sends to one person, outside any group: `sent` and `delivered`; the message id and who it is.
    pub(crate) fn send_directly(
        &mut self,
        number: usize,
        to: &Named,
        price: Price,
    ) -> Result<(String, Arc<Person>), Refusal> {
        let person = match to {
            Named::Number(digits) => {
                let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
                self.person(&digits)
                    .map_err(|_| Refusal::parameter("to is not a phone number"))?
            }
            Named::UserId(user_id) => self
                .people
                .find_by_user_id(user_id)
                .map(Arc::clone)
                .ok_or_else(|| Refusal::parameter("recipient is nobody's user id"))?,
        };
        self.count_message(number)?;
        self.count_pair(number, person.key)?;
        let id = self.ids.message();
        let recipients = BTreeMap::from([(person.key, (Arc::clone(&person), Progress::Sent))]);
        let message = Message {
            group_id: None,
            number,
            price,
            recipients,
        };
        self.messages.insert(&id, message);
        let failed = self
            .doomed("invite")
            .and_then(|doom| doom.refusal())
            .or_else(|| self.doomed_item("invite"));
        if let Some(refusal) = failed {
            self.progress_with(&id, &[person.key], Progress::Failed, Some(&refusal));
            return Ok((id, person));
        }
        self.sent_directly(&id, number, &person);
        if !self.faults.api.hold_delivery {
            self.progress(&id, &[person.key], Progress::Delivered);
        }
        Ok((id, person))
    }

    fn sent_directly(&mut self, id: &str, number: usize, person: &Arc<Person>) {
        let hidden = self.faults.webhooks.hide_wa_id;
        let stamp = self.now_ms().div_euclid(1000);
        let mut item = json!({"id": id, "status": "sent", "timestamp": stamp.to_string()});
        addressed(&mut item, None, person, hidden);
        let contacts = vec![webhook::contact(person, hidden)];
        self.emit(
            webhook::MESSAGES,
            number,
            Payload::Statuses {
                contacts,
                statuses: vec![item],
            },
        );
    }
}

/// Puts in whom a status is about: a participant of a group, or the one recipient.
fn addressed(status: &mut Value, group_id: Option<&str>, person: &Person, hidden: bool) {
    let (number, user_id, parent) = match group_id {
        Some(group_id) => {
            webhook::set(status, "recipient_id", Some(json!(group_id)));
            webhook::set(status, "recipient_type", Some(json!("group")));
            (
                "recipient_participant_id",
                "recipient_participant_user_id",
                "recipient_participant_parent_user_id",
            )
        }
        None => (
            "recipient_id",
            "recipient_user_id",
            "recipient_parent_user_id",
        ),
    };
    if !(hidden && person.username.is_some()) {
        webhook::set(status, number, Some(json!(person.wa_id)));
    }
    webhook::set(status, user_id, Some(json!(person.user_id)));
    let id = person.parent_user_id.as_ref().map(|id| json!(id));
    webhook::set(status, parent, id);
}

/// Errors of a status, which say where they are explained.
fn linked(mut errors: Value) -> Value {
    for error in errors.as_array_mut().into_iter().flatten() {
        webhook::set(error, "href", Some(json!(HREF)));
    }
    errors
}
