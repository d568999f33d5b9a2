//! Rollcall's own events: hints, forgetting, erasing; and overflow. They follow the order of the log.

use super::scenario::*;
use crate::{
    event::{GroupEvent, HintReason, Person},
    group::{Applied, Ask, AskDetail, Core, Group, Presence},
    ids::{PersonId, Text},
    limits::REGISTERS_MAX,
    position::Envelope,
    register::{Doubt, Rank, Register, Registers, Stamp},
    testing::*,
};

fn forgotten(stamp: i64) -> crate::event::Event {
    of_group(1_000, GroupEvent::Forgotten { stamp })
}

fn erased(ids: &[&str]) -> crate::event::Event {
    let ids = ids.iter().map(|id| PersonId::new(id)).collect();
    of_group(1_000, GroupEvent::Erased { ids })
}

#[test]
fn a_hint_keeps_its_second_and_reason_and_is_never_in_doubt() {
    let hint = |at, reason| of_group(at, GroupEvent::Hinted { reason });
    let core = given([
        hint(10, HintReason::Quarantined),
        hint(10, HintReason::Asked),
    ])
    .group
    .core;
    let hint = core.hint.unwrap();
    assert_eq!(
        (hint.stamp.at, hint.value, hint.doubt),
        (10, HintReason::Asked, false)
    );
}

#[test]
fn alive_though_not_listed_is_remembered_and_shows_nothing() {
    let scenario = given([of_group(10, GroupEvent::Unlisted)]).then("nothing");
    assert_eq!(scenario.group.core.unlisted.unwrap().stamp.at, 10);
}

#[test]
fn forgetting_drops_a_group_that_is_still_gone_with_that_stamp() {
    let scenario = given([settings(9, "one"), of_group(10, GroupEvent::Deleted)]);
    let version = scenario.group.envelope.version;
    let scenario = scenario.when(forgotten(10));
    let Applied::Forgotten {
        previous_version,
        changes,
    } = scenario.applied
    else {
        panic!("{:?}", scenario.applied);
    };
    assert_eq!(previous_version, version);
    assert_eq!(changes.len(), 2, "existence and subject: {changes:?}");
    assert_eq!(scenario.group, Group::default());
    assert_eq!(scenario.group.envelope, Envelope::default());
}

#[test]
fn forgetting_leaves_a_group_that_is_back_or_went_again() {
    given([
        of_group(10, GroupEvent::Deleted),
        of_group(11, listed("one")),
    ])
    .when(forgotten(10))
    .then("active subject=one created=50");
    given([
        of_group(10, GroupEvent::Deleted),
        of_group(12, GroupEvent::Unknown),
    ])
    .when(forgotten(10))
    .then("gone");
    given([settings(9, "one")])
        .when(forgotten(9))
        .then("unconfirmed subject=one");
    let scenario = given([of_group(10, GroupEvent::Deleted)]).when(forgotten(9));
    assert_eq!(scenario.applied, Applied::Unchanged);
}

#[test]
fn erasing_drops_all_that_is_known_of_an_absent_person() {
    let person = Person {
        parent_user_id: some("US.ENT.1"),
        username: some("@rosa"),
        ..nu(N1, U1)
    };
    let scenario = given([
        added(10, [person, n(N2)]),
        asked(10, u(U1), J1),
        answered(11, &[J1]),
        removed(12, [nu(N1, U1)]),
    ])
    .when(erased(&[N1, U1]))
    .then("unconfirmed in[15550100002]");
    let text = format!("{:?}", scenario.group.core);
    for trace in [N1, U1, J1, "US.ENT.1", "rosa"] {
        assert!(!text.contains(trace), "{trace} in {text}");
    }
}

#[test]
fn erasing_somebody_who_waits_is_shown() {
    let scenario = given([asked(10, u(U1), J1), settings(11, "one")])
        .when(erased(&[U1]))
        .then("unconfirmed subject=one");
    let Applied::View { changes, .. } = scenario.applied else {
        panic!("{:?}", scenario.applied);
    };
    assert_eq!(changes.len(), 1, "who waits: {changes:?}");
}

#[test]
fn erasing_leaves_a_member_whole() {
    given([added(10, [nu(N1, U1)]), asked(9, nu(N2, U2), J2)])
        .when(erased(&[N1, U1, N2, U2]))
        .then("unconfirmed in[15550100001/US.1]");
    // Also one who is a member under an identifier that was not given.
    given([added(10, [nu(N1, U1)])])
        .when(erased(&[N1]))
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn a_number_that_was_given_on_is_not_erased_with_its_former_owner() {
    given([
        added(10, [nu(N1, U1)]),
        removed(11, [u(U1)]),
        added(12, [nu(N1, U2)]),
    ])
    .when(erased(&[N1, U1]))
    .then("unconfirmed in[15550100001/US.2]");
}

#[test]
fn erasing_nobody_changes_nothing() {
    let scenario = given([added(10, [nu(N1, U1)])]).when(erased(&[N2]));
    assert_eq!(scenario.applied, Applied::Unchanged);
}

fn many(at: i64, from: usize, to: usize) -> crate::event::Event {
    let participants = (from..to)
        .map(|n| u(&format!("US.{n:06}")))
        .collect::<Vec<_>>();
    of_group(at, GroupEvent::ParticipantsAdded { participants })
}

#[test]
fn too_many_registers_are_bounded_by_the_least_stamp_and_said() {
    let full = given([many(10, 0, 10), many(11, 10, REGISTERS_MAX)]);
    assert!(!full.group.core.overflow, "as many as fit are no overflow");
    let over = full.when(many(12, REGISTERS_MAX, REGISTERS_MAX + 5));
    let core = &over.group.core;
    assert_eq!((core.member.len(), core.overflow), (REGISTERS_MAX, true));
    assert_eq!(core.ask.len(), REGISTERS_MAX);
    // Five of the oldest went, and nobody of the younger ones.
    let oldest = (0..10).filter(|n| core.member.get(&format!("US.{n:06}")).is_some());
    assert_eq!(oldest.count(), 5);
    let younger = (10..REGISTERS_MAX + 5).all(|n| core.member.get(&format!("US.{n:06}")).is_some());
    assert!(younger);
    let view = over.group.view().unwrap();
    assert!(view.overflow);
    assert_eq!(view.participants.len(), REGISTERS_MAX);
}

#[test]
fn too_many_registers_of_two_kinds_at_once_are_an_overflow_too() {
    let named = |from: usize, to: usize| {
        let person = |n: usize| Person {
            username: some(&format!("@user{n}")),
            ..u(&format!("US.{n:06}"))
        };
        let participants = (from..to).map(person).collect();
        let at = 10 + i64::from(from > 0);
        of_group(at, GroupEvent::ParticipantsAdded { participants })
    };
    let full = given([named(0, REGISTERS_MAX)]);
    assert!(!full.group.core.overflow);
    assert_eq!(full.group.core.label.len(), REGISTERS_MAX);
    let over = full.when(named(REGISTERS_MAX, REGISTERS_MAX + 1));
    let core = &over.group.core;
    assert_eq!((core.member.len(), core.overflow), (REGISTERS_MAX, true));
    assert_eq!(core.label.len(), REGISTERS_MAX);
}

#[test]
fn overflow_ends_when_floors_have_made_room() {
    let over = given([many(10, 0, REGISTERS_MAX + 1)]);
    assert!(over.group.core.overflow);
    let over = over.when(join_requests(20, vec![]));
    assert!(over.group.core.overflow, "there are too many members still");
    over.when(whole(20, [n(N1)])).then("active in[15550100001]");
}

#[test]
fn a_group_of_eight_shows_eight() {
    let scenario = given([many(10, 0, 8)]);
    assert_eq!(scenario.group.view().unwrap().participants.len(), 8);
    let ids = scenario.group.view().unwrap().participants;
    let ids: Vec<Option<Text>> = ids.into_iter().map(|one| one.user_id).collect();
    assert!(ids.is_sorted());
}

#[test]
fn those_who_asked_overflow_too_where_nobody_is_in() {
    let closed = |n: usize| {
        of_group(
            10,
            GroupEvent::JoinRequestClosed {
                person: u(&format!("US.{n:06}")),
                join_request_id: None,
            },
        )
    };
    let full = given((0..REGISTERS_MAX).map(closed));
    assert!(!full.group.core.overflow);
    let over = full.when(closed(REGISTERS_MAX));
    let core = &over.group.core;
    assert_eq!((core.ask.len(), core.overflow), (REGISTERS_MAX, true));
    assert_eq!(core.member.len(), 0);
}

/// Each of the six kinds of registers, and each with each other one.
fn one_or_two_kinds() -> impl Iterator<Item = [usize; 2]> {
    (0..6).flat_map(|one| (one..6).map(move |other| [one, other]))
}

/// A core that holds something of `count` persons in these of the six kinds of registers.
fn of_kinds(kinds: [usize; 2], count: usize) -> Core {
    fn of<V: Clone + Ord>(count: usize, value: V) -> Registers<V> {
        let register = |n: usize| {
            let stamp = Stamp {
                at: 10,
                rank: Rank::Statement,
                tie: crate::ids::EventId([0; 16]),
            };
            let (value, doubt) = (value.clone(), false);
            (
                Text::new(format!("US.{n:06}")),
                Register {
                    stamp,
                    value,
                    doubt,
                },
            )
        };
        Registers::from_unsorted((0..count).map(register), Doubt::Kept)
    }
    let count = |kind| if kinds.contains(&kind) { count } else { 0 };
    Core {
        member: of(count(0), Presence::Absent),
        ask: of(count(1), Ask::Open),
        ask_detail: of(
            count(2),
            AskDetail {
                join_request_id: J1.into(),
                created: 9,
                username: None,
                parent_user_id: None,
            },
        ),
        label: of(count(3), Text::new("rosa")),
        parent: of(count(4), Text::new("US.ENT.1")),
        is: of(count(5), Text::new("US.9")),
        ..Core::default()
    }
}

#[test]
fn erasing_is_seen_whichever_registers_it_empties() {
    for kinds in one_or_two_kinds() {
        let mut group = Group::restore(of_kinds(kinds, 1), Envelope::default());
        let applied = group.apply(&group_id(), &erased(&["US.000000"]), position(1));
        assert_ne!(applied, Applied::Unchanged, "{kinds:?}");
        assert_eq!(group.core, Core::default(), "{kinds:?}");
        assert_eq!(group.view(), None, "{kinds:?}");
    }
}

#[test]
fn too_many_registers_are_an_overflow_whichever_they_are() {
    for kinds in one_or_two_kinds() {
        for overflow in [false, true] {
            let core = Core {
                overflow,
                ..of_kinds(kinds, REGISTERS_MAX + 1)
            };
            let mut group = Group::restore(core, Envelope::default());
            group.apply(&group_id(), &settings(11, "one"), position(1));
            assert!(group.core.overflow, "{kinds:?}");
            let again = Group::restore(group.core.clone(), group.envelope);
            assert_eq!(group.view(), again.view(), "{kinds:?}");
        }
    }
}

#[test]
fn the_end_of_an_overflow_is_shown_with_whatever_ends_it() {
    for event in [settings(11, "one"), added(11, [u(U1)])] {
        let core = Core {
            overflow: true,
            ..of_kinds([0, 0], REGISTERS_MAX - 2)
        };
        let mut group = Group::restore(core, Envelope::default());
        assert!(group.view().unwrap().overflow);
        group.apply(&group_id(), &event, position(1));
        assert!(!group.view().unwrap().overflow);
    }
}
