//! The bodies Meta sends: one event each, before batching (reference 2 and 3).
//!
//! Timestamps are strings and codes integers, the forms most clients accept.

use serde_json::{Map, Value, json};

use crate::model::{
    Number,
    group::{Ask, View},
    people::Person,
};

/// Field of creation and deletion.
pub(crate) const LIFECYCLE: &str = "group_lifecycle_update";
/// Field of members and join requests.
pub(crate) const PARTICIPANTS: &str = "group_participants_update";
/// Field of subject, description and picture.
pub(crate) const SETTINGS: &str = "group_settings_update";
/// Field of suspension.
pub(crate) const STATUS: &str = "group_status_update";
/// Field of messages and their statuses.
pub(crate) const MESSAGES: &str = "messages";

/// All of them, in the order of their names.
pub(crate) const FIELDS: [&str; 5] = [LIFECYCLE, PARTICIPANTS, SETTINGS, STATUS, MESSAGES];

/// What one event tells.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// An item of `groups[]`.
    Group(Value),
    /// An incoming or system message, with its sender if it has one.
    Message {
        contacts: Vec<Value>,
        message: Value,
    },
    /// Statuses of one message and kind, of one recipient or aggregated.
    Statuses {
        contacts: Vec<Value>,
        statuses: Vec<Value>,
    },
}

/// One event of one business number.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) field: &'static str,
    pub(crate) phone_number_id: String,
    display: String,
    pub(crate) payload: Payload,
}

impl Event {
    pub(crate) fn new(field: &'static str, number: &Number, payload: Payload) -> Self {
        Self {
            field,
            phone_number_id: number.phone_number_id.clone(),
            display: number.display.clone(),
            payload,
        }
    }

    /// The event as an item of `changes[]`.
    pub(crate) fn change(&self) -> Value {
        let mut value = Map::new();
        value.insert("messaging_product".to_owned(), json!("whatsapp"));
        value.insert(
            "metadata".to_owned(),
            json!({"display_phone_number": self.display, "phone_number_id": self.phone_number_id}),
        );
        let (contacts, key, items) = match &self.payload {
            Payload::Group(group) => (&Vec::new(), "groups", vec![group.clone()]),
            Payload::Message { contacts, message } => (contacts, "messages", vec![message.clone()]),
            Payload::Statuses { contacts, statuses } => (contacts, "statuses", statuses.clone()),
        };
        if !contacts.is_empty() {
            value.insert("contacts".to_owned(), json!(contacts));
        }
        value.insert(key.to_owned(), json!(items));
        json!({"field": self.field, "value": value})
    }

    /// The same event in the other documented spelling: numbers for strings and the names of Meta's OpenAPI.
    pub(crate) fn varied(mut self) -> Self {
        if self.field == PARTICIPANTS {
            self.field = "group_participant_update";
        }
        match &mut self.payload {
            Payload::Group(group) => vary_group(group),
            Payload::Message { message, .. } => number_timestamp(message),
            Payload::Statuses { statuses, .. } => {
                for status in statuses {
                    vary_status(status);
                }
            }
        }
        self
    }
}

fn number_timestamp(item: &mut Value) {
    if let Some(stamp) = item.get_mut("timestamp")
        && let Some(number) = stamp.as_str().and_then(|text| text.parse::<i64>().ok())
    {
        *stamp = json!(number);
    }
}

fn vary_group(group: &mut Value) {
    number_timestamp(group);
    if let Some(kind) = group.get_mut("type") {
        match kind.as_str() {
            Some("group_participants_add") => *kind = json!("group_add_participants"),
            Some("group_participants_remove") => *kind = json!("group_remove_participants"),
            _ => {}
        }
    }
}

fn vary_status(status: &mut Value) {
    number_timestamp(status);
    let Some(fields) = status.as_object_mut() else {
        return;
    };
    if let Some(person) = fields.remove("recipient_participant_id") {
        fields.insert("participant_recipient_id".to_owned(), person);
    }
    if let Some(pricing) = fields.remove("pricing") {
        fields.insert(
            "conversation".to_owned(),
            json!({"id": "conversation", "pricing": pricing}),
        );
    }
}

/// An error object of a webhook.
pub(crate) fn error(code: u32, title: &str, details: &str) -> Value {
    json!({"code": code, "title": title, "message": format!("(#{code}) {title}"), "error_data": {"details": details}})
}

/// The identifiers of a person. What is withheld is left out.
pub(crate) fn identity(person: &Person, hidden: bool) -> Map<String, Value> {
    let mut fields = Map::new();
    if !(hidden && person.username.is_some()) {
        fields.insert("wa_id".to_owned(), json!(person.wa_id));
    }
    fields.insert("user_id".to_owned(), json!(person.user_id));
    if let Some(parent) = &person.parent_user_id {
        fields.insert("parent_user_id".to_owned(), json!(parent));
    }
    if let Some(username) = &person.username {
        fields.insert("username".to_owned(), json!(username));
    }
    fields
}

/// An item of `contacts[]`.
pub(crate) fn contact(person: &Person, hidden: bool) -> Value {
    let mut fields = identity(person, hidden);
    let mut profile = json!({"name": person.name});
    if let (Some(username), Some(profile)) = (fields.remove("username"), profile.as_object_mut()) {
        profile.insert("username".to_owned(), username);
    }
    fields.insert("profile".to_owned(), profile);
    Value::Object(fields)
}

/// `group_create` that succeeded. It carries no description (reference 2.2).
pub(crate) fn created(view: &View, stamp: i64, request_id: &str) -> Payload {
    Payload::Group(json!({
        "timestamp": stamp.to_string(), "group_id": &*view.group_id, "type": "group_create", "request_id": request_id,
        "subject": view.subject, "invite_link": view.invite_link, "join_approval_mode": view.join_approval_mode(),
    }))
}

/// `group_create` that failed.
pub(crate) fn create_failed(view: &View, stamp: i64, request_id: &str, errors: Value) -> Payload {
    Payload::Group(json!({
        "timestamp": stamp.to_string(), "group_id": &*view.group_id, "type": "group_create", "request_id": request_id,
        "subject": view.subject, "description": view.description, "errors": errors,
    }))
}

/// `group_delete`; with errors it failed.
pub(crate) fn deleted(
    group_id: &str,
    stamp: i64,
    request_id: &str,
    errors: Option<Value>,
) -> Payload {
    let mut item = json!({"timestamp": stamp.to_string(), "group_id": group_id, "type": "group_delete", "request_id": request_id});
    set(&mut item, "errors", errors);
    Payload::Group(item)
}

/// Somebody joined by link.
pub(crate) fn joined(group_id: &str, stamp: i64, person: &Person, hidden: bool) -> Payload {
    Payload::Group(json!({
        "timestamp": stamp.to_string(), "group_id": group_id, "type": "group_participants_add", "reason": "invite_link",
        "added_participants": [identity(person, hidden)],
    }))
}

/// Join requests were approved: only `input` and `wa_id`, neither request id (reference 2.3 c).
pub(crate) fn approved(group_id: &str, stamp: i64, people: &[&Person], hidden: bool) -> Payload {
    let added: Vec<Value> = people
        .iter()
        .map(|person| {
            if hidden && person.username.is_some() {
                json!({"input": person.user_id, "user_id": person.user_id})
            } else {
                json!({"input": person.wa_id, "wa_id": person.wa_id})
            }
        })
        .collect();
    Payload::Group(json!({
        "timestamp": stamp.to_string(), "group_id": group_id, "type": "group_participants_add", "reason": "invite_link",
        "added_participants": added,
    }))
}

/// A join request was created, or revoked by its person. Identifiers stand on the group object.
pub(crate) fn asked(group_id: &str, stamp: i64, ask: &Ask, revoked: bool, hidden: bool) -> Payload {
    let kind = if revoked {
        "group_join_request_revoked"
    } else {
        "group_join_request_created"
    };
    let mut item = identity(&ask.person, hidden);
    item.insert("timestamp".to_owned(), json!(stamp.to_string()));
    item.insert("group_id".to_owned(), json!(group_id));
    item.insert("type".to_owned(), json!(kind));
    item.insert("reason".to_owned(), json!("admin_approval"));
    item.insert("join_request_id".to_owned(), json!(ask.join_request_id));
    Payload::Group(Value::Object(item))
}

/// A participant left.
pub(crate) fn left(group_id: &str, stamp: i64, person: &Person, hidden: bool) -> Payload {
    Payload::Group(json!({
        "timestamp": stamp.to_string(), "group_id": group_id, "type": "group_participants_remove",
        "initiated_by": "participant", "removed_participants": [identity(person, hidden)],
    }))
}

/// The outcome of a removal: only `input`, as the caller wrote it.
pub(crate) struct Removal<'a> {
    pub(crate) request_id: &'a str,
    /// Inputs of those who went.
    pub(crate) removed: Vec<String>,
    /// Inputs of those who did not, each with its errors.
    pub(crate) failed: Vec<(String, Value)>,
    /// Errors of the request as a whole.
    pub(crate) errors: Option<Value>,
}

/// The business removed participants, or tried to.
pub(crate) fn removed(group_id: &str, stamp: i64, removal: &Removal<'_>) -> Payload {
    let mut item = json!({
        "timestamp": stamp.to_string(), "group_id": group_id, "type": "group_participants_remove",
        "request_id": removal.request_id, "initiated_by": "business",
    });
    if !removal.removed.is_empty() {
        let inputs: Vec<Value> = removal
            .removed
            .iter()
            .map(|input| json!({"input": input}))
            .collect();
        set(&mut item, "removed_participants", Some(json!(inputs)));
    }
    if !removal.failed.is_empty() {
        // On total failure the documented sample has no errors per participant.
        let total = removal.removed.is_empty();
        let inputs: Vec<Value> = removal
            .failed
            .iter()
            .map(|(input, errors)| {
                if total {
                    json!({"input": input})
                } else {
                    json!({"input": input, "errors": errors})
                }
            })
            .collect();
        set(&mut item, "failed_participants", Some(json!(inputs)));
    }
    set(&mut item, "errors", removal.errors.clone());
    Payload::Group(item)
}

/// The outcome of an update of settings: `parts` by the names of the sub-objects.
pub(crate) fn settings(
    group_id: &str,
    stamp: i64,
    request_id: &str,
    parts: Map<String, Value>,
    errors: Option<Value>,
) -> Payload {
    let mut item = json!({"timestamp": stamp.to_string(), "group_id": group_id, "type": SETTINGS, "request_id": request_id});
    for (name, part) in parts {
        set(&mut item, &name, Some(part));
    }
    set(&mut item, "errors", errors);
    Payload::Group(item)
}

/// Meta suspended a group, or lifted that.
pub(crate) fn suspension(group_id: &str, stamp: i64, suspended: bool) -> Payload {
    let kind = if suspended {
        "group_suspend"
    } else {
        "group_suspend_cleared"
    };
    Payload::Group(json!({"timestamp": stamp.to_string(), "group_id": group_id, "type": kind}))
}

/// Puts `value`, if any, under `key` of an object.
pub(crate) fn set(item: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(value), Some(fields)) = (value, item.as_object_mut()) {
        fields.insert(key.to_owned(), value);
    }
}
