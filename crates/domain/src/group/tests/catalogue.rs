//! Events of every kind about two persons with two identifiers each, in few seconds, so that they meet.

use super::scenario::*;
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person},
    testing::*,
};

/// The seconds at which they happen; reads speak of the same ones.
const A: i64 = 1_780_000_000;
const B: i64 = A + 1;
const C: i64 = A + 2;
/// So late that a complete read then drops links of the others.
const LATE: i64 = A + 8 * 86_400 + 1;

/// Events of every kind whose outcome may not depend on order, about two persons with two identifiers each.
pub(super) fn catalogue() -> Vec<Event> {
    let mut events = webhooks();
    events.extend(reads());
    events.extend(others());
    events
}

fn webhooks() -> Vec<Event> {
    let created = GroupCreated {
        subject: some("one"),
        description: some(""),
        invite_link: some("https://chat.whatsapp.com/1"),
        join_approval_mode: some("auto_approve"),
        participants: vec![nu(N1, U1), n(N2)],
    };
    let named = Person {
        parent_user_id: some("US.ENT.1"),
        username: some("@rosa.k"),
        ..nu(N1, U1)
    };
    let renamed = Person {
        username: some("rosa"),
        ..n(N1)
    };
    let redialled = Person {
        input: some(N3),
        ..n(N1)
    };
    vec![
        with_metadata(of_group(A, GroupEvent::Created(created.clone()))),
        of_group(B, GroupEvent::Created(GroupCreated::default())),
        of_group(A, GroupEvent::Deleted),
        of_group(B, GroupEvent::Deleted),
        added(A, [n(N1)]),
        added(A, [nu(N1, U1), u(U2)]),
        with_metadata(added(B, [u(U1)])),
        added(B, [named]),
        added(B, [redialled]),
        added(C, [nu(N2, U2)]),
        added(C, [renamed]),
        removed(A, [u(U1)]),
        removed(A, [input(N1)]),
        removed(B, [nu(N1, U1), n(N2)]),
        removed(B, [input(U2)]),
        removed(C, [n(N1)]),
        with_metadata(removed(C, [input("US.ENT.1")])),
        wrote(A, nu(N1, U1)),
        wrote(B, u(U1)),
        wrote(B, n(N2)),
        wrote(C, nu(N2, U1)),
        asked(A, n(N1), J1),
        asked(B, nu(N1, U1), J1),
        asked(B, nobody(), J1),
        asked(C, u(U2), J2),
        ask_closed(A, n(N1), J1),
        ask_closed(B, nobody(), J1),
        ask_closed(C, nu(N2, U2), J2),
        settings(A, "one"),
        settings(A, "two"),
        with_metadata(settings(B, "one")),
        of_group(B, GroupEvent::Suspended(true)),
        of_group(B, GroupEvent::Suspended(false)),
    ]
}

fn reads() -> Vec<Event> {
    let plain = || GroupRead {
        subject: some("two"),
        ..GroupRead::default()
    };
    let whole = || GroupRead {
        description: some(""),
        join_approval_mode: some("approval_required"),
        suspended: Some(false),
        created: Some(A),
        is_complete: true,
        ..plain()
    };
    let read = |at, read: GroupRead, participants| {
        of_group(
            at,
            GroupEvent::Read(GroupRead {
                participants,
                ..read
            }),
        )
    };
    let waiting = |created, person, id| JoinRequest {
        person,
        join_request_id: crate::ids::Text::new(id),
        created,
    };
    vec![
        read(A, plain(), vec![n(N1)]),
        read(B, whole(), vec![u(U1), nu(N2, U2)]),
        with_metadata(read(B, whole(), vec![n(N1)])),
        read(C, whole(), vec![u(U1)]),
        read(C, whole(), vec![]),
        read(LATE, whole(), vec![u(U2)]),
        join_requests(A, vec![waiting(Some(B), n(N1), J1)]),
        join_requests(B, vec![]),
        join_requests(
            B,
            vec![waiting(None, u(U2), J2), waiting(Some(A), u(U1), J1)],
        ),
        join_requests(C, vec![waiting(Some(A), nobody(), J1)]),
        of_group(A, listed("one")),
        of_group(B, listed("two")),
        of_group(B, GroupEvent::Unknown),
        of_group(C, GroupEvent::Unknown),
    ]
}

fn others() -> Vec<Event> {
    let hinted = |reason| GroupEvent::Hinted { reason };
    vec![
        of_group(A, hinted(HintReason::Asked)),
        of_group(A, hinted(HintReason::Quarantined)),
        of_group(B, GroupEvent::Unlisted),
        linked(A, &[N1], U1),
        linked(B, &[U1, N1], U2),
        linked(B, &[N2], N1),
        linked(C, &[N1], N2),
        linked(LATE, &[U2], U1),
        answered(B, &[J1]),
        answered(C, &[J1, J2]),
        invite(A, "https://chat.whatsapp.com/1"),
        invite(A, ""),
    ]
}

/// So few of them that all sets of six can be folded, and still every kind, and both identifiers of both persons.
///
/// Two seconds, and one so late that links lapse: more would only make fewer of them meet.
pub(super) fn alphabet() -> Vec<Event> {
    let mut events = told_of_members();
    events.extend(told_of_the_group());
    events
}

fn told_of_members() -> Vec<Event> {
    let named = Person {
        parent_user_id: some("US.ENT.1"),
        username: some("@rosa.k"),
        ..nu(N1, U1)
    };
    vec![
        added(A, [n(N1)]),
        added(B, [named]),
        removed(A, [u(U1)]),
        removed(B, [input(N1)]),
        removed(B, [nu(N2, U2)]),
        with_metadata(wrote(A, nu(N1, U1))),
        wrote(B, n(N2)),
        wrote(B, nu(N2, U1)),
        asked(A, n(N1), J1),
        asked(B, u(U2), J2),
        ask_closed(B, nobody(), J1),
        ask_closed(B, n(N2), J2),
        linked(B, &[U1, N1], U2),
        answered(B, &[J1]),
        partial(A, [n(N1)]),
        whole(B, [u(U1), nu(N2, U2)]),
        whole(LATE, [u(U2)]),
        join_requests(A, vec![waiting(n(N1), J1, Some(B))]),
        join_requests(B, vec![]),
    ]
}

fn told_of_the_group() -> Vec<Event> {
    let created = GroupCreated {
        subject: some("one"),
        invite_link: some("https://chat.whatsapp.com/1"),
        participants: vec![n(N1), u(U2)],
        ..GroupCreated::default()
    };
    let hinted = GroupEvent::Hinted {
        reason: HintReason::Asked,
    };
    vec![
        with_metadata(of_group(A, GroupEvent::Created(created))),
        of_group(B, GroupEvent::Deleted),
        settings(A, "two"),
        of_group(B, GroupEvent::Suspended(true)),
        of_group(B, GroupEvent::Suspended(false)),
        of_group(A, listed("one")),
        of_group(B, GroupEvent::Unknown),
        of_group(B, hinted),
        of_group(B, GroupEvent::Unlisted),
        invite(A, ""),
    ]
}

/// Names the kind of an event; a new kind must find its place here and in the catalogue.
pub(super) fn kind(what: &GroupEvent) -> &'static str {
    match what {
        GroupEvent::Created(_) => "created",
        GroupEvent::Deleted => "deleted",
        GroupEvent::ParticipantsAdded { .. } => "added",
        GroupEvent::ParticipantsRemoved { .. } => "removed",
        GroupEvent::JoinRequestCreated { .. } => "asked",
        GroupEvent::JoinRequestClosed { .. } => "ask closed",
        GroupEvent::SettingsUpdated { .. } => "settings",
        GroupEvent::Suspended(_) => "suspended",
        GroupEvent::MessageReceived { .. } => "message received",
        GroupEvent::Hinted { .. } => "hinted",
        GroupEvent::Read(_) => "read",
        GroupEvent::JoinRequestsRead { .. } => "join requests read",
        GroupEvent::Listed { .. } => "listed",
        GroupEvent::Unknown => "unknown",
        GroupEvent::Unlisted => "unlisted",
        GroupEvent::IdentityLinked { .. } => "identity linked",
        GroupEvent::JoinRequestsAnswered { .. } => "join requests answered",
        GroupEvent::InviteLinkAnswered { .. } => "invite link answered",
        // These follow the order of the log, and are not in the catalogue.
        GroupEvent::Forgotten { .. } => "forgotten",
        GroupEvent::Erased { .. } => "erased",
    }
}
