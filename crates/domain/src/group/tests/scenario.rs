//! Given, when, then; and how a view is written in one line.

use crate::{
    event::{About, Event, GroupEvent, GroupRead, JoinRequest, Person},
    group::{Applied, Existence, FieldChange, Group, Participant, View},
    ids::{PersonId, Second, Text},
    testing::*,
};

/// A group, and what the last event did to it.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) group: Group,
    pub(super) applied: Applied<FieldChange>,
    offset: i64,
}

pub(super) fn given(events: impl IntoIterator<Item = Event>) -> Scenario {
    let nothing = Scenario {
        group: Group::default(),
        applied: Applied::Unchanged,
        offset: 0,
    };
    events.into_iter().fold(nothing, Scenario::when)
}

impl Scenario {
    pub(super) fn when(mut self, event: Event) -> Self {
        self.offset += 1;
        self.applied = self.group.apply(&group_id(), &event, position(self.offset));
        let fresh = Group::restore(self.group.core.clone(), self.group.envelope);
        assert_eq!(self.group.view(), fresh.view(), "the kept view is the view");
        self
    }

    #[track_caller]
    pub(super) fn then(self, shown: &str) -> Self {
        assert_eq!(show(self.group.view()), shown);
        self
    }

    #[track_caller]
    pub(super) fn hinted(self, is_hinted: bool) -> Self {
        assert_eq!(self.group.core.hint.is_some(), is_hinted);
        self
    }
}

/// The view in one line: only what is known.
pub(super) fn show(view: Option<View>) -> String {
    let Some(view) = view else {
        return "nothing".into();
    };
    let View {
        phone_number_id,
        waba_id,
        existence,
        suspended,
        subject,
        description,
        join_approval_mode,
        invite_link,
        picture_sha256,
        created_at,
        participants,
        join_requests,
        in_doubt,
        overflow,
    } = view;
    let mut parts = vec![match existence {
        None => "unconfirmed".to_owned(),
        Some(Existence::Active) => "active".to_owned(),
        Some(Existence::Gone) => "gone".to_owned(),
    }];
    let texts = [
        ("number", phone_number_id),
        ("waba", waba_id),
        ("subject", subject),
        ("description", description),
        ("mode", join_approval_mode),
        ("invite", invite_link),
        ("picture", picture_sha256),
        ("suspended", suspended.map(|is| Text::from(is.to_string()))),
        ("created", created_at.map(|at| Text::from(at.to_string()))),
    ];
    for (name, text) in texts {
        parts.extend(text.map(|text| format!("{name}={text}")));
    }
    if !participants.is_empty() {
        let all: Vec<String> = participants.iter().map(name).collect();
        parts.push(format!("in[{}]", all.join(" ")));
    }
    for waiting in join_requests {
        let id = waiting.join_request_id.unwrap_or_default();
        let at = waiting.requested_at.unwrap_or_default();
        parts.push(format!("waits[{} {id} {at}]", name(&waiting.person)));
    }
    if !in_doubt.is_empty() {
        let fields: Vec<&str> = in_doubt.iter().map(|field| field.name()).collect();
        parts.push(format!("doubt[{}]", fields.join(" ")));
    }
    if overflow {
        parts.push("overflow".into());
    }
    parts.join(" ")
}

/// `wa_id/user_id`, with `^parent` and `@username` where known.
fn name(person: &Participant) -> String {
    let Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    let mut name = match (wa_id, user_id) {
        (Some(wa_id), Some(user_id)) => format!("{wa_id}/{user_id}"),
        (Some(id), None) | (None, Some(id)) => id.to_string(),
        (None, None) => "nobody".into(),
    };
    name.extend(parent_user_id.iter().map(|parent| format!("^{parent}")));
    name.extend(username.iter().map(|username| format!("@{username}")));
    name
}

pub(super) fn group_event(event: &Event) -> &GroupEvent {
    match &event.about {
        About::Group(_, what) => what,
        About::Message(..) | About::Number(..) | About::Request(..) => panic!("no group's event"),
    }
}

pub(super) fn added<const N: usize>(at: Second, persons: [Person; N]) -> Event {
    let participants = persons.to_vec();
    of_group(at, GroupEvent::ParticipantsAdded { participants })
}

pub(super) fn removed<const N: usize>(at: Second, persons: [Person; N]) -> Event {
    let participants = persons.to_vec();
    of_group(at, GroupEvent::ParticipantsRemoved { participants })
}

pub(super) fn wrote(at: Second, sender: Person) -> Event {
    of_group(at, GroupEvent::MessageReceived { sender })
}

pub(super) fn asked(at: Second, person: Person, join_request_id: &str) -> Event {
    of_group(
        at,
        GroupEvent::JoinRequestCreated {
            person,
            join_request_id: some(join_request_id),
        },
    )
}

pub(super) fn ask_closed(at: Second, person: Person, join_request_id: &str) -> Event {
    of_group(
        at,
        GroupEvent::JoinRequestClosed {
            person,
            join_request_id: some(join_request_id),
        },
    )
}

pub(super) fn settings(at: Second, subject: &str) -> Event {
    of_group(
        at,
        GroupEvent::SettingsUpdated {
            subject: some(subject),
            description: None,
            picture_sha256: None,
        },
    )
}

/// A complete read that gives nothing but participants.
pub(super) fn whole<const N: usize>(at: Second, persons: [Person; N]) -> Event {
    let read = GroupRead {
        participants: persons.to_vec(),
        is_complete: true,
        ..GroupRead::default()
    };
    of_group(at, GroupEvent::Read(read))
}

/// A read that does not identify all.
pub(super) fn partial<const N: usize>(at: Second, persons: [Person; N]) -> Event {
    let read = GroupRead {
        participants: persons.to_vec(),
        ..GroupRead::default()
    };
    of_group(at, GroupEvent::Read(read))
}

pub(super) fn join_requests(at: Second, join_requests: Vec<JoinRequest>) -> Event {
    of_group(at, GroupEvent::JoinRequestsRead { join_requests })
}

pub(super) fn waiting(
    person: Person,
    join_request_id: &str,
    created: Option<Second>,
) -> JoinRequest {
    JoinRequest {
        person,
        join_request_id: Text::new(join_request_id),
        created,
    }
}

pub(super) fn listed(subject: &str) -> GroupEvent {
    GroupEvent::Listed {
        subject: some(subject),
        created: Some(50),
    }
}

pub(super) fn linked(at: Second, old: &[&str], new: &str) -> Event {
    let old = old.iter().map(|id| PersonId::new(id)).collect();
    let new = PersonId::new(new);
    of_group(at, GroupEvent::IdentityLinked { old, new })
}

pub(super) fn answered(at: Second, ids: &[&str]) -> Event {
    let join_request_ids = ids.iter().map(|id| Text::new(id)).collect();
    of_group(at, GroupEvent::JoinRequestsAnswered { join_request_ids })
}

pub(super) fn invite(at: Second, invite_link: &str) -> Event {
    let invite_link = Text::new(invite_link);
    of_group(at, GroupEvent::InviteLinkAnswered { invite_link })
}
