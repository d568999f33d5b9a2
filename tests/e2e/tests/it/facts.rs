//! Is every webhook that was answered 200 in the log?
//!
//! Both sides are reduced to facts: bodies by a reading of Meta's documents that shares nothing with ingest's,
//! and events by what they hold.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{
    About, Event, GroupEvent, MessageEvent, MessageStatus, NumberEvent, Outcome, Person,
    RequestEvent, Source, Status,
};
use serde_json::Value;

/// Something that a webhook told: of which entity, at which second, of which kind, about whom or what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    pub entity: String,
    pub at: i64,
    pub kind: &'static str,
    pub what: Vec<String>,
}

impl Fact {
    fn new(entity: String, at: i64, kind: &'static str, mut what: Vec<String>) -> Self {
        what.sort();
        Self {
            entity,
            at,
            kind,
            what,
        }
    }
}

/// Facts told that the log does not hold.
pub fn missing(bodies: &[Value], events: &[Event]) -> Vec<Fact> {
    let held: BTreeSet<Fact> = events.iter().filter_map(recorded).collect();
    let told: BTreeSet<Fact> = bodies.iter().flat_map(told).collect();
    told.difference(&held).cloned().collect()
}

/// How many facts of each kind were told.
pub fn census(bodies: &[Value]) -> BTreeMap<&'static str, usize> {
    let mut census = BTreeMap::new();
    for fact in bodies.iter().flat_map(told) {
        *census.entry(fact.kind).or_default() += 1;
    }
    census
}

/// Facts of a webhook's body.
pub fn told(body: &Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    for entry in list(&body["entry"]) {
        for change in list(&entry["changes"]) {
            let value = &change["value"];
            for item in list(&value["groups"]) {
                group_item(item, &mut facts);
            }
            for message in list(&value["messages"]) {
                facts.extend(message_fact(message, &value["metadata"]));
            }
            for status in list(&value["statuses"]) {
                facts.extend(status_fact(status));
            }
        }
    }
    facts
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn second(item: &Value) -> i64 {
    let stamp = &item["timestamp"];
    let text = stamp.as_str().map(|text| text.parse().unwrap());
    text.or_else(|| stamp.as_i64()).unwrap()
}

fn names(person: &Value) -> String {
    named(["input", "wa_id", "user_id"].map(|name| text(&person[name])))
}

fn named([input, wa_id, user_id]: [Option<&str>; 3]) -> String {
    format!(
        "{}/{}/{}",
        input.unwrap_or("-"),
        wa_id.unwrap_or("-"),
        user_id.unwrap_or("-")
    )
}

/// People of a list for whom it did not fail.
fn people(list_of_people: &Value) -> Vec<String> {
    let people = list(list_of_people).iter();
    people
        .filter(|person| list(&person["errors"]).is_empty())
        .map(names)
        .collect()
}

fn group_item(item: &Value, facts: &mut Vec<Fact>) {
    let at = second(item);
    let parts = ["group_subject", "group_description", "profile_picture"];
    let applied = |name: &&str| item[*name]["update_successful"] == true;
    let (added, removed) = (
        people(&item["added_participants"]),
        people(&item["removed_participants"]),
    );
    let succeeded_in_part = !added.is_empty() || !removed.is_empty() || parts.iter().any(applied);
    let failed_in_part = !list(&item["failed_participants"]).is_empty()
        || parts
            .iter()
            .any(|name| item[*name]["update_successful"] == false);
    let errors = !list(&item["errors"]).is_empty();
    let done = !errors || succeeded_in_part;
    if let Some(request) = text(&item["request_id"]) {
        let outcome = match (done, errors || failed_in_part) {
            (false, _) => "failed",
            (true, true) => "partly",
            (true, false) => "done",
        };
        facts.push(Fact::new(
            format!("r/{request}"),
            at,
            "completed",
            vec![outcome.into()],
        ));
    }
    let Some(group) = text(&item["group_id"]).filter(|_| done) else {
        return;
    };
    let join_request = || {
        let id = text(&item["join_request_id"]).unwrap();
        vec![names(item), id.to_owned()]
    };
    let (kind, what) = match text(&item["type"]).unwrap() {
        "group_create" => ("created", vec![text(&item["subject"]).unwrap().to_owned()]),
        "group_delete" => ("deleted", Vec::new()),
        "group_participants_add" | "group_add_participants" => ("added", added),
        "group_participants_remove" | "group_remove_participants" => ("removed", removed),
        "group_join_request_created" => ("asked", join_request()),
        "group_join_request_revoked" => ("revoked", join_request()),
        "group_settings_update" => {
            let value = |name: &&str| match *name {
                "profile_picture" => text(&item[*name]["sha256"]),
                _ => text(&item[*name]["text"]),
            };
            let changed = parts.iter().filter(|name| applied(name));
            let changed = changed.map(|name| format!("{name}={}", value(name).unwrap()));
            ("settings", changed.collect())
        }
        "group_suspend" => ("suspended", Vec::new()),
        "group_suspend_cleared" => ("cleared", Vec::new()),
        other => panic!("the simulator sent a type that this test does not know: {other}"),
    };
    facts.push(Fact::new(format!("g/{group}"), at, kind, what));
}

/// A message to a group, or a change of identity; what is said to the business alone is nobody's membership.
fn message_fact(message: &Value, metadata: &Value) -> Option<Fact> {
    let at = second(message);
    if message["type"] == "system" {
        let number = text(&metadata["phone_number_id"]).unwrap();
        let system = &message["system"];
        let new = [None, text(&system["wa_id"]), text(&system["user_id"])];
        return Some(Fact::new(
            format!("n/{number}"),
            at,
            "moved",
            vec![named(new)],
        ));
    }
    let group = text(&message["group_id"])?;
    let sender = [None, text(&message["from"]), text(&message["from_user_id"])];
    Some(Fact::new(
        format!("g/{group}"),
        at,
        "wrote",
        vec![named(sender)],
    ))
}

fn status_fact(status: &Value) -> Option<Fact> {
    if status["recipient_type"] != "group" {
        return None;
    }
    let recipient = [
        None,
        text(&status["recipient_participant_id"])
            .or_else(|| text(&status["participant_recipient_id"])),
        text(&status["recipient_participant_user_id"]),
    ];
    let kind = match text(&status["status"]).unwrap() {
        "sent" => "sent",
        "delivered" => "delivered",
        "read" => "read",
        other => panic!("the simulator sent a status that this test does not know: {other}"),
    };
    let message = text(&status["id"]).unwrap();
    Some(Fact::new(
        format!("m/{message}"),
        second(status),
        kind,
        vec![named(recipient)],
    ))
}

/// The fact of an event that a webhook gave rise to.
fn recorded(event: &Event) -> Option<Fact> {
    if event.source != Source::Webhook {
        return None;
    }
    let (entity, (kind, what)) = match &event.about {
        About::Group(id, event) => (format!("g/{id}"), group_event(event)?),
        About::Message(id, MessageEvent::Status(status)) => {
            (format!("m/{id}"), message_status(status))
        }
        About::Number(id, NumberEvent::IdentityChanged { new, .. }) => {
            (format!("n/{id}"), ("moved", vec![person(new)]))
        }
        About::Request(id, RequestEvent::Completed { outcome, .. }) => {
            let outcome = match outcome {
                Outcome::Done => "done",
                Outcome::Partly => "partly",
                Outcome::Failed => "failed",
            };
            (format!("r/{id}"), ("completed", vec![outcome.to_owned()]))
        }
        About::Number(..) | About::Request(..) => return None,
    };
    Some(Fact::new(entity, event.at, kind, what))
}

fn group_event(event: &GroupEvent) -> Option<(&'static str, Vec<String>)> {
    let persons = |people: &[Person]| people.iter().map(person).collect();
    let asked = |asker: &Person, id: &Option<domain::ids::Text>| {
        vec![person(asker), id.as_deref().unwrap_or("-").to_owned()]
    };
    Some(match event {
        GroupEvent::Created(created) => (
            "created",
            created.subject.iter().map(ToString::to_string).collect(),
        ),
        GroupEvent::Deleted => ("deleted", Vec::new()),
        GroupEvent::ParticipantsAdded { participants } => ("added", persons(participants)),
        GroupEvent::ParticipantsRemoved { participants } => ("removed", persons(participants)),
        GroupEvent::JoinRequestCreated {
            person,
            join_request_id,
        } => ("asked", asked(person, join_request_id)),
        GroupEvent::JoinRequestClosed {
            person,
            join_request_id,
        } => ("revoked", asked(person, join_request_id)),
        GroupEvent::SettingsUpdated {
            subject,
            description,
            picture_sha256,
        } => {
            let parts = [
                ("group_subject", subject),
                ("group_description", description),
                ("profile_picture", picture_sha256),
            ];
            let given = parts
                .into_iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
            ("settings", given.collect())
        }
        GroupEvent::Suspended(true) => ("suspended", Vec::new()),
        GroupEvent::Suspended(false) => ("cleared", Vec::new()),
        GroupEvent::MessageReceived { sender } => ("wrote", vec![person(sender)]),
        _ => return None,
    })
}

fn message_status(status: &MessageStatus) -> (&'static str, Vec<String>) {
    let kind = match status.status {
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Read => "read",
        Status::Played => "played",
        Status::Failed => "failed",
    };
    let recipient = status.recipient.clone().unwrap_or_default();
    (kind, vec![person(&recipient)])
}

fn person(person: &Person) -> String {
    named([&person.input, &person.wa_id, &person.user_id].map(Option::as_deref))
}

#[cfg(test)]
mod tests {
    use domain::{
        event::{About, Event, GroupEvent, Person, Source},
        ids::{EventId, GroupId},
    };
    use serde_json::json;

    use super::missing;

    #[test]
    fn a_webhook_that_the_log_does_not_hold_is_named() {
        let body = json!({"entry": [{"changes": [{"field": "group_participants_update", "value": {
            "metadata": {"phone_number_id": "3"},
            "groups": [{"timestamp": "17", "group_id": "A", "type": "group_participants_add",
                "added_participants": [{"wa_id": "155", "user_id": "US.1"}]}],
        }}]}]});
        let event = |at, wa_id: &str| Event {
            id: EventId::default(),
            at,
            source: Source::Webhook,
            phone_number_id: None,
            waba_id: None,
            about: About::Group(
                GroupId::parse("A").unwrap(),
                GroupEvent::ParticipantsAdded {
                    participants: vec![Person {
                        wa_id: Some(wa_id.into()),
                        user_id: Some("US.1".into()),
                        ..Person::default()
                    }],
                },
            ),
        };
        let bodies = [body];
        assert_eq!(missing(&bodies, &[event(17, "155")]), []);
        assert_eq!(
            missing(&bodies, &[event(18, "155"), event(17, "156")]).len(),
            1
        );
        let read = Event {
            source: Source::Read,
            ..event(17, "155")
        };
        assert_eq!(missing(&bodies, &[read]).len(), 1);
    }
}
