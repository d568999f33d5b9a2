//! What events of a group make of it, event by event: record, change and view.

use domain::{
    event::{
        About, Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person, Source,
    },
    group::{Applied, FieldChange, Group},
    ids::{EventId, GroupId, Second, Text},
    position::Position,
};
use serde_json::{Value, json};

use super::{check, json};
use crate::{
    Cause, Change, Changed, encode_change, encode_event, encode_group, event::event_kind,
    id::identify, json as api, tests::samples,
};

const T: Second = samples::CREATED;

fn text(text: &str) -> Option<Text> {
    Some(Text::new(text))
}

fn number_only(wa_id: &str) -> Person {
    Person {
        wa_id: text(wa_id),
        ..Person::default()
    }
}

fn user_only(user_id: &str) -> Person {
    Person {
        user_id: text(user_id),
        ..Person::default()
    }
}

fn tom() -> Person {
    number_only("15550100043")
}

fn whole(wa_id: &str, user_id: &str) -> Person {
    Person {
        wa_id: text(wa_id),
        user_id: text(user_id),
        ..Person::default()
    }
}

fn added(person: Person) -> GroupEvent {
    GroupEvent::ParticipantsAdded {
        participants: vec![person],
    }
}

fn removed(person: Person) -> GroupEvent {
    GroupEvent::ParticipantsRemoved {
        participants: vec![person],
    }
}

fn subject(subject: &str) -> GroupEvent {
    GroupEvent::SettingsUpdated {
        subject: text(subject),
        description: None,
        picture_sha256: None,
    }
}

fn created() -> GroupEvent {
    GroupEvent::Created(GroupCreated {
        subject: text("Repair 4711"),
        description: text(""),
        invite_link: text("https://chat.whatsapp.com/EXAMPLE"),
        join_approval_mode: text("approval_required"),
        participants: Vec::new(),
    })
}

fn read(participants: Vec<Person>) -> GroupEvent {
    GroupEvent::Read(GroupRead {
        subject: text("Repair 4711"),
        description: text(""),
        join_approval_mode: text("auto_approve"),
        suspended: Some(false),
        created: Some(T),
        participants,
        is_complete: true,
    })
}

fn asks(person: Person) -> GroupEvent {
    GroupEvent::JoinRequestCreated {
        person,
        join_request_id: text("JR-1"),
    }
}

/// Name, why it is there, and what happens at which second.
type Story = (&'static str, &'static str, Vec<(Second, GroupEvent)>);

#[expect(clippy::too_many_lines, reason = "a list")]
fn stories() -> Vec<Story> {
    let rosa = samples::rosa;
    vec![
        (
            "members come and go",
            "A repeated delivery changes nothing; a removal of who never was in leaves a trace that is not shown.",
            vec![
                (T, created()),
                (T + 10, added(rosa())),
                (T + 10, added(rosa())),
                (T + 20, added(tom())),
                (T + 30, removed(rosa())),
                (T + 40, removed(number_only("15550100099"))),
            ],
        ),
        (
            "late and out of order",
            "What is older than the register changes nothing that is shown, whenever it comes.",
            vec![
                (T + 50, subject("Newer")),
                (T + 40, subject("Older")),
                (T + 30, added(tom())),
                (T + 60, removed(tom())),
                (T + 45, added(tom())),
                (T, created()),
            ],
        ),
        (
            "one second, two answers",
            "Contradicting evidence of one second and rank: the greater value stays and the field is in doubt, until newer evidence.",
            vec![
                (T, subject("Alpha")),
                (T, subject("Beta")),
                (T, subject("Alpha")),
                (T + 5, added(tom())),
                (T + 5, removed(tom())),
                (T + 9, subject("Gamma")),
                (T + 9, removed(tom())),
            ],
        ),
        (
            "one person, two identifiers",
            "Identifiers that lead to one another by `is` are one person, shown once and with all that is known.",
            vec![
                (T, added(number_only("15550100042"))),
                (T + 1, added(user_only("US.42"))),
                (
                    T + 2,
                    GroupEvent::MessageReceived {
                        sender: whole("15550100042", "US.42"),
                    },
                ),
                (T + 3, removed(number_only("15550100042"))),
                (T + 4, added(whole("15550100042", "US.42"))),
                (
                    T + 5,
                    GroupEvent::IdentityLinked {
                        old: vec![Text::new("US.42")],
                        new: Text::new("US.43"),
                    },
                ),
            ],
        ),
        (
            "a complete read",
            "It drops whoever has no newer evidence and is not listed, and never overwrites what a webhook said of the same second or later.",
            vec![
                (T, created()),
                (T + 10, added(tom())),
                (T + 20, added(number_only("15550100044"))),
                (T + 15, read(vec![rosa()])),
                (T + 30, read(vec![rosa()])),
                (T + 30, subject("Repair 4712")),
            ],
        ),
        (
            "who asks to join",
            "Closed wins a shared second; whoever is in waits no more; a complete reading of the requests drops the others.",
            vec![
                (T, created()),
                (T + 10, asks(tom())),
                (
                    T + 10,
                    GroupEvent::JoinRequestClosed {
                        person: tom(),
                        join_request_id: text("JR-1"),
                    },
                ),
                (T + 20, asks(tom())),
                (T + 30, added(tom())),
                (
                    T + 40,
                    GroupEvent::JoinRequestCreated {
                        person: Person::default(),
                        join_request_id: text("JR-2"),
                    },
                ),
                (
                    T + 60,
                    GroupEvent::JoinRequestsRead {
                        join_requests: vec![JoinRequest {
                            person: rosa(),
                            join_request_id: Text::new("JR-3"),
                            created: Some(T + 50),
                        }],
                    },
                ),
                (
                    T + 70,
                    GroupEvent::JoinRequestsAnswered {
                        join_request_ids: vec![Text::new("JR-3")],
                    },
                ),
            ],
        ),
        (
            "suspended, listed, revoked",
            "Suspension, the list and the invite link; a list asserts existence, subject and creation alone.",
            vec![
                (T, GroupEvent::Suspended(true)),
                (
                    T + 1,
                    GroupEvent::Listed {
                        subject: text("Repair 4711"),
                        created: Some(T - 1_000),
                    },
                ),
                (
                    T + 2,
                    GroupEvent::InviteLinkAnswered {
                        invite_link: Text::new("https://chat.whatsapp.com/EXAMPLE"),
                    },
                ),
                (T + 3, GroupEvent::Suspended(false)),
                (
                    T + 4,
                    GroupEvent::InviteLinkAnswered {
                        invite_link: Text::default(),
                    },
                ),
                (T + 5, GroupEvent::Unlisted),
            ],
        ),
        (
            "gone, contradicted, forgotten",
            "A gone group shows nobody; newer evidence puts its going in doubt; forgetting takes its record away, and only with the right stamp.",
            vec![
                (T, created()),
                (T + 10, added(tom())),
                (T + 20, GroupEvent::Deleted),
                (T + 30, GroupEvent::MessageReceived { sender: tom() }),
                (T + 40, GroupEvent::Forgotten { stamp: T + 21 }),
                (T + 50, GroupEvent::Forgotten { stamp: T + 20 }),
                (T + 60, added(tom())),
            ],
        ),
        (
            "only a hint",
            "That somebody should look makes no group that is shown, though it is kept.",
            vec![(
                T,
                GroupEvent::Hinted {
                    reason: HintReason::Quarantined,
                },
            )],
        ),
        (
            "erased",
            "An absent person's registers are dropped; a present one's are not.",
            vec![
                (T, added(rosa())),
                (T + 1, added(tom())),
                (T + 2, removed(rosa())),
                (
                    T + 3,
                    GroupEvent::Erased {
                        ids: vec![
                            Text::new("15550100042"),
                            Text::new("US.10000000000000000042"),
                        ],
                    },
                ),
                (
                    T + 4,
                    GroupEvent::Erased {
                        ids: vec![Text::new("15550100043")],
                    },
                ),
            ],
        ),
    ]
}

fn event(id: &GroupId, at: Second, what: GroupEvent) -> Event {
    let source = match what {
        GroupEvent::Read(_)
        | GroupEvent::JoinRequestsRead { .. }
        | GroupEvent::Listed { .. }
        | GroupEvent::Unknown => Source::Read,
        GroupEvent::InviteLinkAnswered { .. } | GroupEvent::JoinRequestsAnswered { .. } => {
            Source::Command
        }
        GroupEvent::Hinted { .. }
        | GroupEvent::Unlisted
        | GroupEvent::IdentityLinked { .. }
        | GroupEvent::Forgotten { .. }
        | GroupEvent::Erased { .. } => Source::Rollcall,
        GroupEvent::Created(_)
        | GroupEvent::Deleted
        | GroupEvent::ParticipantsAdded { .. }
        | GroupEvent::ParticipantsRemoved { .. }
        | GroupEvent::JoinRequestCreated { .. }
        | GroupEvent::JoinRequestClosed { .. }
        | GroupEvent::SettingsUpdated { .. }
        | GroupEvent::Suspended(_)
        | GroupEvent::MessageReceived { .. } => Source::Webhook,
    };
    let mut event = Event {
        id: EventId::default(),
        at,
        source,
        phone_number_id: Some(samples::number_id()),
        waba_id: text("200000000000001"),
        about: About::Group(id.clone(), what),
    };
    identify(&mut event);
    event
}

/// One group, as a projector folds it.
struct Folding {
    id: GroupId,
    group: Option<Group>,
}

impl Folding {
    fn step(&mut self, offset: i64, at: Second, what: GroupEvent) -> Value {
        let event = event(&self.id, at, what);
        let position = Position {
            generation: 1,
            partition: 3,
            offset,
            ..Position::default()
        };
        let group = self.group.get_or_insert_default();
        let number = group.core.number.as_ref().map(|r| r.value.clone());
        let applied = group.apply(&self.id, &event, position);
        let number = group
            .core
            .number
            .as_ref()
            .map(|r| r.value.clone())
            .or(number);
        let (outcome, change) = match applied {
            Applied::Unchanged => ("unchanged", None),
            Applied::Core => ("state", None),
            Applied::View {
                previous_version,
                changes,
            } => (
                "view",
                Some(self.change(&event, position, previous_version, changes, number, false)),
            ),
            Applied::Forgotten {
                previous_version,
                changes,
            } => {
                self.group = None;
                (
                    "forgotten",
                    Some(self.change(&event, position, previous_version, changes, number, true)),
                )
            }
        };
        if outcome == "unchanged"
            && self
                .group
                .as_ref()
                .is_some_and(|group| *group == Group::default())
        {
            self.group = None;
        }
        let mut encoded = Vec::new();
        encode_event(&event, &mut encoded);
        let record = self.group.as_ref().map(|group| {
            let mut record = Vec::new();
            encode_group(&self.id, group, &mut record);
            hex::encode(record)
        });
        json!({
            "kind": event_kind(&event),
            "position": position.to_string(),
            "event": hex::encode(encoded),
            "outcome": outcome,
            "change": change,
            "record": record,
            "group": self.shown(),
        })
    }

    fn change(
        &self,
        event: &Event,
        version: Position,
        previous_version: Option<Position>,
        fields: Vec<FieldChange>,
        number: Option<Text>,
        is_forgotten: bool,
    ) -> Value {
        let change = Change {
            version,
            previous_version,
            phone_number_id: number.map(|number| domain::ids::Id::parse(&number).unwrap()),
            cause: Cause::of(event),
            is_forgotten,
            what: Changed::Group {
                group_id: self.id.clone(),
                fields,
            },
        };
        let mut value = Vec::new();
        encode_change(&change, &mut value);
        json!({"value": hex::encode(value), "json": json(api::Change(&change))})
    }

    fn shown(&self) -> Value {
        let Some(group) = &self.group else {
            return Value::Null;
        };
        let view = group.view();
        json(view.as_ref().map(|view| api::Group {
            group_id: &self.id,
            view,
            verified: group.core.verified,
            changed: group.core.changed,
            envelope: &group.envelope,
        }))
    }
}

#[test]
fn groups_are_folded_and_shown_as_the_vectors_say() {
    let stories: Vec<Value> = stories()
        .into_iter()
        .map(|(name, why, events)| {
            let id = samples::group_id();
            let mut folding = Folding {
                id: id.clone(),
                group: None,
            };
            let steps: Vec<Value> = events
                .into_iter()
                .zip(100..)
                .map(|((at, what), offset)| folding.step(offset, at, what))
                .collect();
            json!({"name": name, "why": why, "key": hex::encode(format!("g/{id}")), "steps": steps})
        })
        .collect();
    for outcome in ["unchanged", "state", "view", "forgotten"] {
        let is_there = |story: &Value| {
            let mut steps = story["steps"].as_array().unwrap().iter();
            steps.any(|step| step["outcome"] == outcome)
        };
        assert!(stories.iter().any(is_there), "no event ends {outcome}");
    }
    check(
        "fold.json",
        &json!({
            "about": "Events of one group in log order, as records of events.v1 (hexadecimal). After each: what it did (unchanged; state: the record changed and not what is shown; view; forgotten), the record of changes.v1, the record of groups.v1 (null: a tombstone, or none yet) and the group as the query API shows it (null: nothing is shown). The view is a function of the record alone.",
            "stories": stories,
        }),
    );
}
