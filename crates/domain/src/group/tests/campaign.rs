//! All orders, with duplicates, of small sets of events of every kind that share seconds.

use std::collections::BTreeSet;

use super::scenario::*;
use crate::{
    event::{Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest},
    group::{Core, fold},
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
    let named = crate::event::Person {
        parent_user_id: some("US.ENT.1"),
        username: some("@rosa.k"),
        ..nu(N1, U1)
    };
    let renamed = crate::event::Person {
        username: some("rosa"),
        ..n(N1)
    };
    let redialled = crate::event::Person {
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

/// Names the kind of an event; a new kind must find its place here and in the catalogue.
fn kind(what: &GroupEvent) -> &'static str {
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

fn fold_one(core: &mut Core, event: &Event) {
    fold::fold(core, event, group_event(event));
}

#[test]
fn the_catalogue_has_every_kind_that_any_order_is_promised_for() {
    let catalogue = catalogue();
    let kinds: BTreeSet<&str> = catalogue.iter().map(|e| kind(group_event(e))).collect();
    assert_eq!(kinds.len(), 18, "{kinds:?}");
    let mut ids: Vec<_> = catalogue.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), catalogue.len(), "every event is another");
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the number of orders tried is part of the proof"
)]
fn any_order_of_any_group_events_with_duplicates_gives_the_same_core() {
    let catalogue = catalogue();
    let mut campaign = Campaign::new(&catalogue, fold_one);
    campaign.all(2);
    campaign.all(3);
    let exhaustive = campaign.orders;
    campaign.sample(4, 20_000);
    campaign.sample(5, 1_500);
    campaign.sample(6, 250);
    println!(
        "groups: {} events; all pairs and triples: {exhaustive} orders; with sets of 4, 5 and 6: {} orders",
        catalogue.len(),
        campaign.orders
    );
    assert!(campaign.orders >= 1_900_000, "{}", campaign.orders);
}
