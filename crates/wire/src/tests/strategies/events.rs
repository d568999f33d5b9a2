//! Events.

use domain::event::{
    About, Event, GroupCreated, GroupEvent, GroupRead, JoinRequest, MessageEvent, MessageStatus,
    NumberEvent, Pricing, RequestEvent,
};
use proptest::{collection::vec, option::of, prelude::*, sample::select};

use super::{
    OPERATIONS, OUTCOMES, REASONS, SOURCES, STATUSES, answer, event_id, figures, id, list_pass,
    meta_errors, one_of, person, persons, second, text, texts,
};

#[expect(clippy::too_many_lines, reason = "a list")]
fn group_event() -> impl Strategy<Value = GroupEvent> {
    prop_oneof![
        (of(text()), of(text()), of(text()), of(text()), persons()).prop_map(
            |(subject, description, invite_link, join_approval_mode, participants)| {
                GroupEvent::Created(GroupCreated {
                    subject,
                    description,
                    invite_link,
                    join_approval_mode,
                    participants,
                })
            }
        ),
        select(vec![
            GroupEvent::Deleted,
            GroupEvent::Unknown,
            GroupEvent::Unlisted
        ]),
        persons().prop_map(|participants| GroupEvent::ParticipantsAdded { participants }),
        persons().prop_map(|participants| GroupEvent::ParticipantsRemoved { participants }),
        (person(), of(text())).prop_map(|(person, join_request_id)| {
            GroupEvent::JoinRequestCreated {
                person,
                join_request_id,
            }
        }),
        (person(), of(text())).prop_map(|(person, join_request_id)| {
            GroupEvent::JoinRequestClosed {
                person,
                join_request_id,
            }
        }),
        (of(text()), of(text()), of(text())).prop_map(|(subject, description, picture_sha256)| {
            GroupEvent::SettingsUpdated {
                subject,
                description,
                picture_sha256,
            }
        }),
        any::<bool>().prop_map(GroupEvent::Suspended),
        person().prop_map(|sender| GroupEvent::MessageReceived { sender }),
        one_of(REASONS).prop_map(|reason| GroupEvent::Hinted { reason }),
        (
            of(text()),
            of(text()),
            of(text()),
            of(any::<bool>()),
            of(second()),
            persons(),
            any::<bool>()
        )
            .prop_map(
                |(
                    subject,
                    description,
                    join_approval_mode,
                    suspended,
                    created,
                    participants,
                    is_complete,
                )| {
                    GroupEvent::Read(GroupRead {
                        subject,
                        description,
                        join_approval_mode,
                        suspended,
                        created,
                        participants,
                        is_complete,
                    })
                }
            ),
        vec(join_request(), 0..3)
            .prop_map(|join_requests| GroupEvent::JoinRequestsRead { join_requests }),
        (of(text()), of(second()))
            .prop_map(|(subject, created)| GroupEvent::Listed { subject, created }),
        (texts(), text()).prop_map(|(old, new)| GroupEvent::IdentityLinked { old, new }),
        texts().prop_map(|join_request_ids| GroupEvent::JoinRequestsAnswered { join_request_ids }),
        text().prop_map(|invite_link| GroupEvent::InviteLinkAnswered { invite_link }),
        second().prop_map(|stamp| GroupEvent::Forgotten { stamp }),
        texts().prop_map(|ids| GroupEvent::Erased { ids }),
    ]
}

fn join_request() -> impl Strategy<Value = JoinRequest> {
    (person(), text(), of(second())).prop_map(|(person, join_request_id, created)| JoinRequest {
        person,
        join_request_id,
        created,
    })
}

fn message_event() -> impl Strategy<Value = MessageEvent> {
    let pricing = (
        of(text()),
        of(text()),
        of(text()),
        of(any::<bool>()),
        of(text()),
    )
        .prop_map(|(category, kind, model, billable, origin)| Pricing {
            category,
            kind,
            model,
            billable,
            origin,
        });
    (
        one_of(STATUSES),
        of(id()),
        of(person()),
        meta_errors(),
        of(pricing),
    )
        .prop_map(|(status, group_id, recipient, errors, pricing)| {
            MessageEvent::Status(MessageStatus {
                status,
                group_id,
                recipient,
                errors,
                pricing,
            })
        })
}

fn request_event() -> impl Strategy<Value = RequestEvent> {
    prop_oneof![
        (
            one_of(OPERATIONS),
            of(id()),
            any::<u64>(),
            any::<[u8; 32]>(),
            of(text()),
        )
            .prop_map(|(operation, group_id, nonce, body_hash, subject)| {
                RequestEvent::Intended {
                    operation,
                    group_id,
                    nonce,
                    body_hash,
                    subject,
                }
            }),
        (answer(), of(id()), of(super::particulars())).prop_map(
            |(answer, meta_request_id, told)| RequestEvent::Answered {
                answer,
                meta_request_id,
                particulars: told.map(Box::new),
            }
        ),
        (
            one_of(OPERATIONS),
            of(id()),
            one_of(OUTCOMES),
            meta_errors(),
            super::failures()
        )
            .prop_map(|(operation, group_id, outcome, errors, failed)| {
                RequestEvent::Completed {
                    operation,
                    group_id,
                    outcome,
                    errors,
                    failed,
                }
            }),
    ]
}

fn number_event() -> impl Strategy<Value = NumberEvent> {
    prop_oneof![
        (texts(), person()).prop_map(|(old, new)| NumberEvent::IdentityChanged { old, new }),
        list_pass().prop_map(NumberEvent::ListPassed),
        (text(), any::<u32>(), vec(id(), 0..3)).prop_map(|(hold_id, groups, suspects)| {
            NumberEvent::Held {
                hold_id,
                groups,
                suspects,
            }
        }),
        (text(), any::<u32>(), of(text())).prop_map(|(hold_id, groups, by)| {
            NumberEvent::Released {
                hold_id,
                groups,
                by,
            }
        }),
        of(text()).prop_map(|by| NumberEvent::PassAsked { by }),
        figures().prop_map(NumberEvent::Counted),
        any::<bool>().prop_map(NumberEvent::Paused),
    ]
}

pub(in crate::tests) fn event() -> BoxedStrategy<Event> {
    let about = prop_oneof![
        4 => (id(), group_event()).prop_map(|(id, event)| About::Group(id, event)),
        1 => (id(), message_event()).prop_map(|(id, event)| About::Message(id, event)),
        1 => (id(), request_event()).prop_map(|(id, event)| About::Request(id, event)),
        1 => (id(), number_event()).prop_map(|(id, event)| About::Number(id, event)),
    ];
    (
        event_id(),
        second(),
        one_of(SOURCES),
        of(id()),
        of(text()),
        about,
    )
        .prop_map(|(id, at, source, phone_number_id, waba_id, about)| Event {
            id,
            at,
            source,
            phone_number_id,
            waba_id,
            about,
        })
        .boxed()
}
