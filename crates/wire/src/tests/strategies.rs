//! Anything that the domain's types can hold.
//!
//! The large ones are boxed: their types are so deep that a debug build runs out of stack.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    event::{
        About, Answer, Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest,
        ListPass, MessageEvent, MessageStatus, MetaError, NumberEvent, Operation, Outcome, Person,
        Pricing, RequestEvent, Source, Status,
    },
    group::{self, Ask, AskDetail, Existence, Field, FieldChange, Presence},
    ids::{EventId, Id, Second, Text},
    message, number,
    position::{Envelope, Position, Stream},
    register::{Doubt, Latest, Rank, Register, Registers, Stamp},
    request,
};
use proptest::{collection::vec, option::of, prelude::*, sample::select};

use crate::{
    Cause, Change, Changed, Completion, Gap, NumberChange, Progress, RequestAbout, RequestChange,
    digest::Digest,
};

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![Just(String::new()), ".{1,8}", "[a-z0-9.]{20,40}"].prop_map(Text::from)
}

fn texts() -> impl Strategy<Value = Vec<Text>> {
    vec(text(), 0..3)
}

fn id<K: 'static>() -> impl Strategy<Value = Id<K>> {
    "[!-~]{1,60}".prop_map(|text| Id::parse(&text).unwrap())
}

fn second() -> impl Strategy<Value = Second> {
    prop_oneof![Just(0), 1_700_000_000..1_900_000_000_i64, any::<i64>()]
}

fn event_id() -> impl Strategy<Value = EventId> {
    any::<[u8; 16]>().prop_map(EventId)
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

fn person() -> impl Strategy<Value = Person> {
    (of(text()), of(text()), of(text()), of(text()), of(text())).prop_map(
        |(input, wa_id, user_id, parent_user_id, username)| Person {
            input,
            wa_id,
            user_id,
            parent_user_id,
            username,
        },
    )
}

fn persons() -> impl Strategy<Value = Vec<Person>> {
    vec(person(), 0..4)
}

fn meta_error() -> impl Strategy<Value = MetaError> {
    (any::<i64>(), text(), text()).prop_map(|(code, title, details)| MetaError {
        code,
        title,
        details,
    })
}

fn meta_errors() -> impl Strategy<Value = Vec<MetaError>> {
    vec(meta_error(), 0..3)
}

fn position() -> impl Strategy<Value = Position> {
    (
        one_of(&[Stream::Events, Stream::Receipts]),
        any::<u32>(),
        any::<u32>(),
        prop_oneof![Just(-1), 0..=i64::MAX],
    )
        .prop_map(|(stream, generation, partition, offset)| Position {
            stream,
            generation,
            partition,
            offset,
        })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (position(), of(position())).prop_map(|(position, version)| Envelope { position, version })
}

const SOURCES: &[Source] = &[
    Source::Webhook,
    Source::Read,
    Source::Command,
    Source::Rollcall,
];
const RANKS: &[Rank] = &[Rank::Read, Rank::Circumstance, Rank::Statement];
const REASONS: &[HintReason] = &[
    HintReason::Quarantined,
    HintReason::RemovedByInput,
    HintReason::IdentityChanged,
    HintReason::Asked,
];
const STATUSES: &[Status] = &[
    Status::Sent,
    Status::Delivered,
    Status::Read,
    Status::Played,
    Status::Failed,
];
const OUTCOMES: &[Outcome] = &[Outcome::Done, Outcome::Failed, Outcome::Partly];
const EXISTENCES: &[Existence] = &[Existence::Active, Existence::Gone];
const OPERATIONS: &[Operation] = &[
    Operation::CreateGroup,
    Operation::DeleteGroup,
    Operation::UpdateSettings,
    Operation::RemoveParticipants,
    Operation::ApproveJoinRequests,
    Operation::RejectJoinRequests,
    Operation::InviteLink,
    Operation::SendMessage,
    Operation::Other,
];
const FIELDS: &[Field] = &[
    Field::PhoneNumberId,
    Field::WabaId,
    Field::Existence,
    Field::Suspended,
    Field::Subject,
    Field::Description,
    Field::JoinApprovalMode,
    Field::InviteLink,
    Field::PictureSha256,
    Field::CreatedAt,
    Field::Participants,
    Field::JoinRequests,
    Field::InDoubt,
    Field::Overflow,
];

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

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Accepted),
        meta_error().prop_map(Answer::Refused),
        Just(Answer::Unknown)
    ]
}

fn request_event() -> impl Strategy<Value = RequestEvent> {
    prop_oneof![
        (
            one_of(OPERATIONS),
            of(id()),
            any::<u64>(),
            any::<[u8; 32]>()
        )
            .prop_map(|(operation, group_id, nonce, body_hash)| {
                RequestEvent::Intended {
                    operation,
                    group_id,
                    nonce,
                    body_hash,
                }
            }),
        (answer(), of(id())).prop_map(|(answer, meta_request_id)| RequestEvent::Answered {
            answer,
            meta_request_id
        }),
        (
            one_of(OPERATIONS),
            of(id()),
            one_of(OUTCOMES),
            meta_errors()
        )
            .prop_map(|(operation, group_id, outcome, errors)| {
                RequestEvent::Completed {
                    operation,
                    group_id,
                    outcome,
                    errors,
                }
            }),
    ]
}

fn list_pass() -> impl Strategy<Value = ListPass> {
    (second(), any::<bool>(), any::<bool>(), any::<[u32; 5]>()).prop_map(
        |(
            started,
            is_complete,
            is_first,
            [pages, listed, unknown_to_us, unlisted, subject_differs],
        )| ListPass {
            started,
            is_complete,
            is_first,
            pages,
            listed,
            unknown_to_us,
            unlisted,
            subject_differs,
        },
    )
}

fn number_event() -> impl Strategy<Value = NumberEvent> {
    prop_oneof![
        (texts(), person()).prop_map(|(old, new)| NumberEvent::IdentityChanged { old, new }),
        list_pass().prop_map(NumberEvent::ListPassed),
        (text(), any::<u32>()).prop_map(|(hold_id, groups)| NumberEvent::Held { hold_id, groups }),
        text().prop_map(|hold_id| NumberEvent::Released { hold_id }),
        any::<bool>().prop_map(NumberEvent::Paused),
    ]
}

pub(super) fn event() -> BoxedStrategy<Event> {
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

fn stamp() -> impl Strategy<Value = Stamp> {
    (second(), one_of(RANKS), event_id()).prop_map(|(at, rank, tie)| Stamp { at, rank, tie })
}

fn register<V: std::fmt::Debug>(
    value: impl Strategy<Value = V>,
) -> impl Strategy<Value = Register<V>> {
    (stamp(), value, any::<bool>()).prop_map(|(stamp, value, doubt)| Register {
        stamp,
        value,
        doubt,
    })
}

fn registers<V: std::fmt::Debug + Ord>(
    value: impl Strategy<Value = V>,
) -> impl Strategy<Value = Registers<V>> {
    vec((text(), register(value)), 0..4)
        .prop_map(|entries| Registers::from_unsorted(entries, Doubt::Kept))
}

pub(super) fn group() -> BoxedStrategy<group::Group> {
    let text_register = || of(register(text()));
    let texts = (
        text_register(),
        text_register(),
        text_register(),
        text_register(),
        text_register(),
        text_register(),
        text_register(),
    );
    let others = (
        of(register(one_of(EXISTENCES))),
        of(register(any::<bool>())),
        of(register(second())),
        of(register(one_of(REASONS))),
        of(register(Just(()))),
    );
    let detail = (text(), second()).prop_map(|(join_request_id, created)| AskDetail {
        join_request_id,
        created,
    });
    let people = (
        registers(one_of(&[Presence::Absent, Presence::Present])),
        registers(one_of(&[Ask::Closed, Ask::Open])),
        registers(detail),
        registers(text()),
        registers(text()),
        registers(text()),
    );
    let floors = (second(), second(), second(), second(), any::<bool>());
    (texts, others, people, floors, envelope())
        .prop_map(|(texts, others, people, floors, envelope)| {
            let (number, waba, subject, description, picture, invite, approval) = texts;
            let (exists, suspended, created, hint, unlisted) = others;
            let (member, ask, ask_detail, is, label, parent) = people;
            let (roster, asks, verified, changed, overflow) = floors;
            let core = group::Core {
                exists,
                number,
                waba,
                subject,
                description,
                picture,
                invite,
                approval,
                suspended,
                created,
                member,
                ask,
                ask_detail,
                is,
                label,
                parent,
                hint,
                unlisted,
                roster,
                asks,
                verified,
                changed,
                overflow,
            };
            group::Group::restore(core, envelope)
        })
        .boxed()
}

fn failure() -> impl Strategy<Value = message::Failure> {
    (second(), meta_errors()).prop_map(|(at, errors)| message::Failure { at, errors })
}

fn latest<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Latest<V>> {
    (second(), value).prop_map(|(at, value)| Latest { at, value })
}

fn pricing() -> impl Strategy<Value = message::Pricing> {
    let said = || of(latest(text()));
    (said(), said(), said(), of(latest(any::<bool>())), said()).prop_map(
        |(category, kind, model, billable, origin)| message::Pricing {
            category,
            kind,
            model,
            billable,
            origin,
        },
    )
}

pub(super) fn message() -> BoxedStrategy<message::Message> {
    let recipient = (
        of(second()),
        of(second()),
        of(second()),
        of(second()),
        of(failure()),
        pricing(),
    )
        .prop_map(
            |(sent, delivered, read, played, failed, pricing)| message::Recipient {
                sent,
                delivered,
                read,
                played,
                failed,
                pricing,
            },
        );
    let recipients =
        vec((text(), recipient), 0..4).prop_map(|all| all.into_iter().collect::<BTreeMap<_, _>>());
    let core = (
        of(register(text())),
        of(register(text())),
        of(second()),
        of(failure()),
        pricing(),
        recipients,
        registers(text()),
    );
    (core, envelope())
        .prop_map(
            |((group, number, sent, failed, pricing, recipients, is), envelope)| {
                let recipients = recipients.into_iter().collect();
                message::Message {
                    core: message::Core {
                        group,
                        number,
                        sent,
                        failed,
                        pricing,
                        recipients,
                        is,
                    },
                    envelope,
                }
            },
        )
        .boxed()
}

pub(super) fn request() -> BoxedStrategy<request::Request> {
    let asked = (any::<u64>(), any::<[u8; 32]>())
        .prop_map(|(nonce, body_hash)| request::Asked { nonce, body_hash });
    let completed = (one_of(OUTCOMES), meta_errors())
        .prop_map(|(outcome, errors)| request::Completed { outcome, errors });
    let core = (
        of(register(one_of(OPERATIONS))),
        of(register(text())),
        of(register(text())),
        of(register(asked)),
        of(register(answer())),
        of(register(text())),
        of(register(completed)),
        of(any::<u64>()),
    );
    (core, envelope())
        .prop_map(|(core, envelope)| {
            let (
                operation,
                number,
                group,
                asked,
                answered,
                meta_request_id,
                completed,
                first_intent,
            ) = core;
            let core = request::Core {
                operation,
                number,
                group,
                asked,
                answered,
                meta_request_id,
                completed,
                first_intent,
            };
            request::Request { core, envelope }
        })
        .boxed()
}

fn identity_change() -> impl Strategy<Value = number::IdentityChange> {
    (second(), event_id(), texts(), person()).prop_map(|(at, event_id, old, new)| {
        number::IdentityChange {
            at,
            event_id,
            old,
            new,
        }
    })
}

fn hold() -> impl Strategy<Value = number::Hold> {
    (any::<bool>(), any::<u32>()).prop_map(|(is_released, groups)| number::Hold {
        is_released,
        groups,
    })
}

pub(super) fn number() -> BoxedStrategy<number::Number> {
    let identity_changes =
        vec(identity_change(), 0..4).prop_map(|all| all.into_iter().collect::<BTreeSet<_>>());
    let core = (
        of(register(text())),
        identity_changes,
        of(register(list_pass())),
        registers(hold()),
        of(register(any::<bool>())),
        second(),
    );
    (core, envelope())
        .prop_map(
            |((waba, identity_changes, list_pass, holds, paused, seen), envelope)| {
                let identity_changes = identity_changes.into_iter().collect();
                number::Number {
                    core: number::Core {
                        waba,
                        identity_changes,
                        list_pass,
                        holds,
                        paused,
                        seen,
                    },
                    envelope,
                }
            },
        )
        .boxed()
}

pub(super) fn progress() -> BoxedStrategy<Progress> {
    let gap =
        (any::<i64>(), any::<i64>(), second()).prop_map(|(from, to, at)| Gap { from, to, at });
    let digest = any::<[u8; 32]>().prop_map(Digest::from_bytes);
    (
        position(),
        of(event_id()),
        any::<i64>(),
        any::<u32>(),
        of(gap),
        of(digest),
        any::<u32>(),
        any::<i64>(),
    )
        .prop_map(
            |(position, event_id, log_time_ms, partitions, gap, digest, fold, written_at_ms)| {
                Progress {
                    position,
                    event_id,
                    log_time_ms,
                    partitions,
                    gap,
                    digest,
                    fold,
                    written_at_ms,
                }
            },
        )
        .boxed()
}

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

pub(super) fn change() -> BoxedStrategy<Change> {
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

/// An identifier of any kind of thing.
pub(super) fn any_id<K: 'static>() -> impl Strategy<Value = Id<K>> {
    id()
}
