//! What the view shows and what it holds in doubt.

use super::scenario::*;
use crate::{
    event::{GroupCreated, GroupEvent},
    group::Field,
    testing::*,
};

#[test]
fn a_member_does_not_wait() {
    given([added(10, [n(N1)])])
        .when(asked(11, n(N1), J1))
        .then("unconfirmed in[15550100001]");
    // Nor under another identifier.
    given([
        added(10, [n(N1)]),
        asked(11, u(U1), J1),
        linked(5, &[N1], U1),
    ])
    .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn a_member_whose_request_had_no_id_does_not_wait_either() {
    let what = GroupEvent::JoinRequestCreated {
        person: n(N1),
        join_request_id: None,
    };
    given([of_group(11, what)])
        .then("unconfirmed waits[15550100001  0]")
        .when(added(10, [n(N1)]))
        .then("unconfirmed in[15550100001]");
}

#[test]
fn a_younger_stamp_alone_is_seen_where_it_decides_between_two_registers() {
    // Of one person under two identifiers.
    given([
        added(10, [n(N1)]),
        removed(11, [u(U1)]),
        linked(5, &[N1], U1),
    ])
    .then("unconfirmed")
    .when(added(12, [n(N1)]))
    .then("unconfirmed in[15550100001/US.1]");
    // Of a request that was answered before it was made again.
    given([answered(9, &[J1]), asked(10, n(N1), J1)])
        .then(&format!("unconfirmed waits[15550100001 {J1} 10]"))
        .when(answered(11, &[J1]))
        .then("unconfirmed");
    // Of a group that went, and of something else.
    given([settings(9, "one"), of_group(10, GroupEvent::Deleted)])
        .then("gone subject=one")
        .when(settings(11, "one"))
        .then("gone subject=one doubt[existence]");
}

#[test]
fn a_join_request_that_a_read_names_otherwise_is_shown_once() {
    // The webhook named a number, the API a user id, and nothing links them but the request.
    given([
        asked(10, n(N1), J1),
        join_requests(10, vec![waiting(u(U1), J1, Some(10))]),
    ])
    .then(&format!("unconfirmed waits[15550100001/US.1 {J1} 10]"))
    .when(ask_closed(11, n(N1), J1))
    .then("unconfirmed");
    // The API named nobody.
    given([
        asked(10, n(N1), J1),
        join_requests(10, vec![waiting(nobody(), J1, Some(10))]),
    ])
    .then(&format!("unconfirmed waits[15550100001 {J1} 10]"));
    // One of them joined.
    given([
        asked(10, n(N1), J1),
        join_requests(10, vec![waiting(u(U1), J1, Some(10))]),
    ])
    .when(added(11, [n(N1)]))
    .then("unconfirmed in[15550100001]");
}

#[test]
fn an_ask_in_doubt_is_shown_as_open_and_in_doubt() {
    // A message and a request of one second are equally strong; a read then says that they are not in.
    let open = format!("active waits[15550100001 {J1} 10] doubt[join_requests]");
    for events in [
        [asked(10, n(N1), J1), wrote(10, n(N1))],
        [wrote(10, n(N1)), asked(10, n(N1), J1)],
    ] {
        given(events)
            .then("unconfirmed in[15550100001]")
            .when(whole(11, []))
            .then(&open)
            .when(join_requests(12, vec![]))
            .then("active");
    }
}

#[test]
fn a_member_without_a_number_beside_a_number_without_a_user_id_may_be_the_same() {
    given([added(10, [u(U1)])])
        .when(added(11, [n(N2)]))
        .then("unconfirmed in[15550100002 US.1] doubt[participants]");
    // Also where the number is that of one who left: the removal may have been of the other.
    given([added(10, [u(U1)])])
        .when(removed(11, [n(N2)]))
        .then("unconfirmed in[US.1] doubt[participants]");
    // A read that lists both settles it, for the floor is not below them.
    given([added(10, [u(U1)]), added(11, [n(N2)])])
        .when(whole(12, [u(U1), n(N2)]))
        .then("active in[15550100002 US.1]")
        // A younger stamp above the floor opens it again.
        .when(wrote(13, n(N2)))
        .then("active in[15550100002 US.1] doubt[participants]");
    // Known numbers and known user ids: nobody can be mistaken.
    given([added(10, [nu(N1, U1)])])
        .when(added(11, [n(N2)]))
        .then("unconfirmed in[15550100002 15550100001/US.1]");
}

#[test]
fn a_gone_group_shows_nobody_and_holds_nothing_of_it_in_doubt() {
    given([
        of_group(10, GroupEvent::Deleted),
        added(10, [n(N1)]),
        removed(10, [n(N1)]),
        asked(10, n(N2), J2),
    ])
    .then("gone");
}

#[test]
fn anything_newer_than_its_going_puts_existence_in_doubt() {
    let newer = [
        added(11, [n(N1)]),
        wrote(11, n(N1)),
        asked(11, n(N1), J1),
        settings(11, "one"),
        of_group(11, GroupEvent::Suspended(true)),
        linked(11, &[N1], U1),
        invite(11, ""),
        with_metadata(removed(11, [input("US.ENT.1")])),
    ];
    for event in newer {
        let scenario = given([of_group(10, GroupEvent::Deleted)]).when(event.clone());
        let doubt = scenario.group.view().unwrap().in_doubt;
        assert_eq!(doubt, [crate::group::Field::Existence], "{event:?}");
    }
}

#[test]
fn reads_and_what_came_before_put_no_going_in_doubt() {
    let older = [
        added(10, [n(N1)]),
        settings(9, "one"),
        join_requests(11, vec![waiting(n(N1), J1, None)]),
        of_group(11, GroupEvent::Unlisted),
    ];
    for event in older {
        let scenario = given([of_group(10, GroupEvent::Deleted)]).when(event.clone());
        assert_eq!(scenario.group.view().unwrap().in_doubt, [], "{event:?}");
    }
}

#[test]
fn a_younger_stamp_alone_puts_a_going_in_doubt_and_a_second_going_settles_it() {
    given([
        with_metadata(of_group(10, GroupEvent::Created(GroupCreated::default()))),
        of_group(12, GroupEvent::Unknown),
    ])
    .then("gone number=300000000000001 waba=200000000000001 created=10")
    .when(with_metadata(removed(13, [input("US.ENT.1")])))
    .then("gone number=300000000000001 waba=200000000000001 created=10 doubt[existence]")
    .when(of_group(14, GroupEvent::Unknown))
    .then("gone number=300000000000001 waba=200000000000001 created=10");
}

#[test]
fn two_that_are_not_linked_are_two() {
    given([added(10, [nu(N1, U1), nu(N2, U2)])])
        .then("unconfirmed in[15550100001/US.1 15550100002/US.2]");
}

#[test]
fn whatever_is_known_of_a_group_itself_or_of_who_is_in_it_makes_it_shown() {
    for (event, shown) in [
        (removed(10, [n(N1)]), "unconfirmed"),
        (
            of_group(10, GroupEvent::Suspended(false)),
            "unconfirmed suspended=false",
        ),
        (settings(10, "one"), "unconfirmed subject=one"),
        (join_requests(10, vec![]), "unconfirmed"),
    ] {
        given([event]).then(shown);
    }
    let hint = GroupEvent::Hinted {
        reason: crate::event::HintReason::Asked,
    };
    given([of_group(10, hint)]).then("nothing");
}

#[test]
fn a_group_that_went_is_in_doubt_once_anything_newer_is_heard_of_it() {
    let deleted = || of_group(10, GroupEvent::Deleted);
    for newer in [
        settings(11, "one"),
        of_group(11, GroupEvent::Suspended(true)),
        added(11, [n(N1)]),
        removed(11, [n(N1)]),
        asked(11, n(N1), J1),
        wrote(11, n(N1)),
        linked(11, &[N1], U1),
    ] {
        let group = given([deleted(), newer.clone()]).group;
        let view = group.view().unwrap();
        assert!(
            view.in_doubt.contains(&Field::Existence),
            "{newer:?}: {view:?}"
        );
    }
    let group = given([deleted(), settings(10, "one")]).group;
    assert!(!group.view().unwrap().in_doubt.contains(&Field::Existence));
}
