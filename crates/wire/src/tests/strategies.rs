//! Anything that the domain's types can hold.
//!
//! The large ones are boxed: their types are so deep that a debug build runs out of stack.

mod changes;
mod events;

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    agreement::{Call, Cause, Counts, Kind, Stood},
    event::{
        Answer, Figures, HintReason, ListPass, MetaError, Operation, Outcome, Person, Source,
        Status,
    },
    group::{self, Ask, AskDetail, Existence, Field, Presence},
    ids::{EventId, Id, Second, Text},
    message, number,
    position::{Envelope, Position, Stream},
    register::{Doubt, Latest, Rank, Register, Registers, Stamp},
    request,
};
use proptest::{
    collection::{btree_map, vec},
    option::of,
    prelude::*,
    sample::select,
};

pub(super) use changes::change;
pub(super) use events::event;

use crate::{Gap, Progress, digest::Digest};

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

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Accepted),
        meta_error().prop_map(Answer::Refused),
        Just(Answer::Unknown)
    ]
}

fn list_pass() -> impl Strategy<Value = ListPass> {
    (second(), any::<[bool; 2]>(), any::<[u32; 5]>(), second()).prop_map(
        |(
            started,
            [is_complete, is_first],
            [pages, listed, unknown_to_us, unlisted, subject_differs],
            asked,
        )| ListPass {
            started,
            is_complete,
            is_first,
            pages,
            listed,
            unknown_to_us,
            unlisted,
            subject_differs,
            asked,
        },
    )
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
        of(register(Just(()))),
    );
    let detail = (text(), second(), of(text()), of(text())).prop_map(
        |(join_request_id, created, username, parent_user_id)| AskDetail {
            join_request_id,
            created,
            username,
            parent_user_id,
        },
    );
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
            let (exists, suspended, created, hint, unlisted, deleted) = others;
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
                deleted,
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

fn failures() -> impl Strategy<Value = Vec<domain::event::ItemFailure>> {
    let failed = (text(), meta_errors())
        .prop_map(|(input, errors)| domain::event::ItemFailure { input, errors });
    proptest::collection::vec(failed, 0..3)
}

pub(super) fn particulars() -> impl Strategy<Value = domain::event::Particulars> {
    let texts_of = (of(text()), of(text()), of(text()));
    (texts_of, texts(), failures(), texts(), meta_errors()).prop_map(
        |((fbtrace_id, message_id, invite_link), done, failed, untold, errors)| {
            domain::event::Particulars {
                fbtrace_id,
                message_id,
                invite_link,
                done,
                failed,
                untold,
                errors,
            }
        },
    )
}

pub(super) fn request() -> BoxedStrategy<request::Request> {
    let asked = (any::<u64>(), any::<[u8; 32]>())
        .prop_map(|(nonce, body_hash)| request::Asked { nonce, body_hash });
    let completed =
        (one_of(OUTCOMES), meta_errors(), failures()).prop_map(|(outcome, errors, failed)| {
            request::Completed {
                outcome,
                errors,
                failed,
            }
        });
    let core = (
        of(register(one_of(OPERATIONS))),
        of(register(text())),
        of(register(text())),
        of(register(asked)),
        of(register(answer())),
        of(register(text())),
        of(register(completed)),
        of((any::<u64>(), any::<[u8; 32]>(), 1..i64::MAX, of(text()))),
        of(register(particulars())),
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
                particulars,
            ) = core;
            let first_intent =
                first_intent.map(|(nonce, body_hash, at, subject)| request::FirstIntent {
                    nonce,
                    body_hash,
                    at,
                    subject,
                });
            let core = request::Core {
                operation,
                number,
                group,
                asked,
                answered,
                meta_request_id,
                completed,
                particulars,
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

fn figures() -> impl Strategy<Value = Figures> {
    let drift = (select(Kind::ALL.to_vec()), select(Cause::ALL.to_vec()));
    let drift = btree_map(drift, any::<u64>(), 0..4);
    let stood = (any::<[u64; 4]>(), any::<[u64; 6]>()).prop_map(
        |([count, exact, seconds, seconds_max], within)| Stood {
            count,
            exact,
            seconds,
            seconds_max,
            within,
        },
    );
    let stood = btree_map(select(Kind::ALL.to_vec()), stood, 0..3);
    let calls = btree_map(select(vec![Call::List, Call::Other]), any::<u64>(), 0..3);
    (drift, stood, calls, any::<[u64; 5]>(), any::<u32>()).prop_map(
        |(drift, stood, calls, [repaired, looked, contradicted, lost, told], budget_left)| {
            Figures {
                counts: Counts {
                    drift,
                    stood,
                    repaired,
                    looked,
                    contradicted,
                    calls,
                    lost,
                    told,
                },
                budget_left,
            }
        },
    )
}

fn hold() -> impl Strategy<Value = number::Hold> {
    (any::<bool>(), any::<u32>(), vec(id(), 0..3), of(text())).prop_map(
        |(is_released, groups, suspects, by)| number::Hold {
            is_released,
            groups,
            suspects,
            by,
        },
    )
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
        second(),
        of(register(figures())),
    );
    (core, envelope())
        .prop_map(
            |(
                (waba, identity_changes, list_pass, holds, paused, pass_asked, seen, figures),
                envelope,
            )| {
                let identity_changes = identity_changes.into_iter().collect();
                number::Number {
                    core: number::Core {
                        waba,
                        identity_changes,
                        list_pass,
                        holds,
                        paused,
                        figures,
                        pass_asked,
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
        (any::<i64>(), any::<i64>()),
    )
        .prop_map(
            |(position, event_id, log_time_ms, partitions, gap, digest, fold, last)| {
                let (written_at_ms, changes_next) = last;
                Progress {
                    position,
                    event_id,
                    log_time_ms,
                    partitions,
                    gap,
                    digest,
                    fold,
                    written_at_ms,
                    changes_next,
                }
            },
        )
        .boxed()
}

/// An identifier of any kind of thing.
pub(super) fn any_id<K: 'static>() -> impl Strategy<Value = Id<K>> {
    id()
}
