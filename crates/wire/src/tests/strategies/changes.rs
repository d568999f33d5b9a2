//! Changes.

use domain::group::{self, FieldChange};
use proptest::{collection::vec, option::of, prelude::*};

use super::{
    EXISTENCES, FIELDS, OPERATIONS, OUTCOMES, SOURCES, answer, event_id, hold, id, identity_change,
    list_pass, meta_errors, one_of, position, second, text,
};
use crate::{Cause, Change, Changed, Completion, NumberChange, RequestAbout, RequestChange};

fn participant() -> impl Strategy<Value = group::Participant> {
    (of(text()), of(text()), of(text()), of(text())).prop_map(
        |(wa_id, user_id, parent_user_id, username)| group::Participant {
            wa_id,
            user_id,
            parent_user_id,
            username,
        },
    )
}

fn shown_join_request() -> impl Strategy<Value = group::JoinRequest> {
    (of(text()), participant(), of(second())).prop_map(|(join_request_id, person, requested_at)| {
        group::JoinRequest {
            join_request_id,
            person,
            requested_at,
        }
    })
}

fn field_change() -> impl Strategy<Value = FieldChange> {
    let participants = || vec(participant(), 0..3);
    let join_requests = || vec(shown_join_request(), 0..3);
    let doubts = || vec(one_of(FIELDS), 0..4);
    prop_oneof![
        (of(one_of(EXISTENCES)), of(one_of(EXISTENCES)))
            .prop_map(|(before, after)| FieldChange::Existence { before, after }),
        (one_of(FIELDS), of(text()), of(text())).prop_map(|(field, before, after)| {
            FieldChange::Text {
                field,
                before,
                after,
            }
        }),
        (one_of(FIELDS), of(any::<bool>()), of(any::<bool>())).prop_map(
            |(field, before, after)| FieldChange::Flag {
                field,
                before,
                after
            }
        ),
        (one_of(FIELDS), of(second()), of(second())).prop_map(|(field, before, after)| {
            FieldChange::Time {
                field,
                before,
                after,
            }
        }),
        (participants(), participants())
            .prop_map(|(before, after)| FieldChange::Participants { before, after }),
        (join_requests(), join_requests())
            .prop_map(|(before, after)| FieldChange::JoinRequests { before, after }),
        (doubts(), doubts()).prop_map(|(before, after)| FieldChange::InDoubt { before, after }),
    ]
}

fn request_change() -> impl Strategy<Value = RequestChange> {
    let about = || {
        (of(one_of(OPERATIONS)), of(text()), of(text())).prop_map(
            |(operation, phone_number_id, group_id)| RequestAbout {
                operation,
                phone_number_id,
                group_id,
            },
        )
    };
    let completion = || {
        (one_of(OUTCOMES), meta_errors())
            .prop_map(|(outcome, errors)| Completion { outcome, errors })
    };
    prop_oneof![
        (about(), about()).prop_map(|(before, after)| RequestChange::About { before, after }),
        (of(second()), of(second()))
            .prop_map(|(before, after)| RequestChange::Asked { before, after }),
        (of(answer()), of(answer()), of(text())).prop_map(|(before, after, meta_request_id)| {
            RequestChange::Answered {
                before,
                after,
                meta_request_id,
            }
        }),
        (of(completion()), of(completion()))
            .prop_map(|(before, after)| RequestChange::Completed { before, after }),
    ]
}

fn number_change() -> impl Strategy<Value = NumberChange> {
    prop_oneof![
        (of(text()), of(text())).prop_map(|(before, after)| NumberChange::Waba { before, after }),
        vec(identity_change(), 0..3).prop_map(|after| NumberChange::Identities { after }),
        (of(list_pass()), of(list_pass()))
            .prop_map(|(before, after)| NumberChange::ListPass { before, after }),
        (text(), of(hold()), of(hold())).prop_map(|(hold_id, before, after)| NumberChange::Hold {
            hold_id,
            before,
            after
        }),
        (of(any::<bool>()), of(any::<bool>()))
            .prop_map(|(before, after)| NumberChange::Paused { before, after }),
    ]
}

pub(in crate::tests) fn change() -> BoxedStrategy<Change> {
    let what = prop_oneof![
        (id(), vec(field_change(), 0..4))
            .prop_map(|(group_id, fields)| Changed::Group { group_id, fields }),
        (id(), vec(request_change(), 0..4))
            .prop_map(|(request_id, fields)| Changed::Request { request_id, fields }),
        (id(), vec(number_change(), 0..4)).prop_map(|(phone_number_id, fields)| Changed::Number {
            phone_number_id,
            fields
        }),
    ];
    let cause =
        (event_id(), one_of(SOURCES), second()).prop_map(|(event_id, source, occurred_at)| Cause {
            event_id,
            source,
            occurred_at,
        });
    (
        position(),
        of(position()),
        of(id()),
        cause,
        any::<bool>(),
        what,
    )
        .prop_map(
            |(version, previous_version, phone_number_id, cause, is_forgotten, what)| Change {
                version,
                previous_version,
                phone_number_id,
                cause,
                is_forgotten,
                what,
            },
        )
        .boxed()
}
