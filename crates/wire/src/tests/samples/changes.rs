//! Changes.

use domain::{
    event::{Answer, Operation, Outcome, Person, Source},
    group::{self, Existence, Field, FieldChange},
    ids::{EventId, Text},
    number,
};

use super::{
    CREATED, error, group_id, identity_change, list_pass, number_id, position, request_id, rosa,
    text, tom,
};
use crate::{Cause, Change, Changed, Completion, NumberChange, RequestAbout, RequestChange};

fn cause() -> Cause {
    Cause {
        event_id: EventId([2; 16]),
        source: Source::Webhook,
        occurred_at: CREATED + 100,
    }
}

fn participant(person: Person) -> group::Participant {
    let Person {
        input: _,
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    group::Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    }
}

/// A change of every field of a group, each in its way.
pub(in crate::tests) fn group_change() -> Change {
    let asked = group::JoinRequest {
        join_request_id: text("JR-15550100043"),
        person: participant(tom()),
        requested_at: Some(CREATED + 200),
    };
    let fields = vec![
        FieldChange::Existence {
            before: None,
            after: Some(Existence::Active),
        },
        FieldChange::Flag {
            field: Field::Suspended,
            before: None,
            after: Some(false),
        },
        FieldChange::Text {
            field: Field::Subject,
            before: text(""),
            after: text("Repair 4711"),
        },
        FieldChange::Time {
            field: Field::CreatedAt,
            before: None,
            after: Some(CREATED),
        },
        FieldChange::Participants {
            before: vec![participant(tom())],
            after: vec![participant(rosa())],
        },
        FieldChange::JoinRequests {
            before: Vec::new(),
            after: vec![asked],
        },
        FieldChange::InDoubt {
            before: Vec::new(),
            after: vec![Field::Subject, Field::Participants],
        },
    ];
    Change {
        version: position(812),
        previous_version: Some(position(700)),
        phone_number_id: Some(number_id()),
        cause: cause(),
        is_forgotten: false,
        what: Changed::Group {
            group_id: group_id(),
            fields,
        },
    }
}

pub(in crate::tests) fn request_change() -> Change {
    let about = RequestAbout {
        operation: Some(Operation::RemoveParticipants),
        phone_number_id: text("300000000000001"),
        group_id: text(group_id().as_str()),
    };
    let fields = vec![
        RequestChange::About {
            before: RequestAbout::default(),
            after: about,
        },
        RequestChange::Asked {
            before: None,
            after: Some(CREATED + 10),
        },
        RequestChange::Answered {
            before: None,
            after: Some(Answer::Refused(error())),
            meta_request_id: text("MetaRequest1"),
        },
        RequestChange::Completed {
            before: None,
            after: Some(Completion {
                outcome: Outcome::Partly,
                errors: vec![error()],
            }),
        },
    ];
    Change {
        what: Changed::Request {
            request_id: request_id(),
            fields,
        },
        previous_version: None,
        ..group_change()
    }
}

pub(in crate::tests) fn number_change() -> Change {
    let hold = number::Hold {
        is_released: false,
        groups: 7,
        ..number::Hold::default()
    };
    let fields = vec![
        NumberChange::Waba {
            before: None,
            after: text("200000000000001"),
        },
        NumberChange::Identities {
            after: vec![identity_change()],
        },
        NumberChange::ListPass {
            before: None,
            after: Some(list_pass()),
        },
        NumberChange::Hold {
            hold_id: Text::new("hold-1"),
            before: None,
            after: Some(hold),
        },
        NumberChange::Paused {
            before: None,
            after: Some(true),
        },
    ];
    Change {
        what: Changed::Number {
            phone_number_id: number_id(),
            fields,
        },
        is_forgotten: true,
        phone_number_id: None,
        ..group_change()
    }
}
