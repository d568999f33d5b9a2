//! What reads and answers to our commands assert, and the floors they raise.

use super::scenario::*;
use crate::{
    event::{GroupEvent, GroupRead, Person, Source},
    group::{Ask, Presence},
    limits::LINK_GRACE_SECONDS,
    register::Rank,
    testing::*,
};

#[test]
fn a_deep_read_gives_existence_and_the_fields_given() {
    let read = GroupRead {
        subject: some("one"),
        description: some(""),
        join_approval_mode: some("auto_approve"),
        suspended: Some(false),
        created: Some(5),
        participants: vec![nu(N1, U1)],
        is_complete: true,
    };
    given([]).when(of_group(10, GroupEvent::Read(read))).then(
        "active subject=one description= mode=auto_approve suspended=false created=5 in[15550100001/US.1]",
    );
}

#[test]
fn what_a_read_did_not_give_stays_unknown() {
    given([]).when(partial(10, [])).then("active");
    given([settings(9, "one")])
        .when(whole(10, []))
        .then("active subject=one");
}

#[test]
fn whoever_is_listed_is_present_and_does_not_wait() {
    let core = given([whole(10, [nu(N1, U1)])]).group.core;
    let member = core.member.get(U1).unwrap();
    assert_eq!(
        (member.value, member.stamp.rank),
        (Presence::Present, Rank::Read)
    );
    let ask = core.ask.get(U1).unwrap();
    assert_eq!((ask.value, ask.stamp.rank), (Ask::Closed, Rank::Read));
    let link = core.is.get(N1).unwrap();
    assert_eq!((link.value.as_str(), link.stamp.rank), (U1, Rank::Read));
}

#[test]
fn a_complete_read_takes_out_whoever_it_does_not_list() {
    given([added(9, [n(N1), n(N2)])])
        .when(whole(10, [n(N1)]))
        .then("active in[15550100001]");
}

#[test]
fn an_incomplete_read_takes_nobody_out() {
    given([added(9, [n(N1), n(N2)])])
        .when(partial(10, [n(N1)]))
        .then("active in[15550100001 15550100002]");
    let core = given([partial(10, [n(N1)])]).group.core;
    assert_eq!((core.roster, core.verified), (0, 0));
}

#[test]
fn a_complete_read_of_nobody_empties_the_group() {
    given([added(9, [n(N1)])])
        .when(whole(10, []))
        .then("active");
    let core = given([whole(10, [])]).group.core;
    assert_eq!((core.roster, core.verified), (10, 10));
}

#[test]
fn a_read_does_not_undo_what_happened_after_the_second_it_speaks_of() {
    given([added(11, [n(N1)])])
        .when(whole(10, []))
        .then("active in[15550100001]");
    given([removed(11, [n(N1)])])
        .when(whole(10, [n(N1)]))
        .then("active");
    given([settings(11, "one")])
        .when(of_group(10, listed("two")))
        .then("active subject=one created=50");
}

#[test]
fn a_webhook_of_the_second_that_a_read_speaks_of_wins_without_doubt() {
    given([removed(10, [n(N1)])])
        .when(whole(10, [n(N1)]))
        .then("active");
    given([whole(10, [n(N1)])])
        .when(removed(10, [n(N1)]))
        .then("active");
}

#[test]
fn a_webhook_below_the_floor_changes_nothing() {
    given([whole(10, [])])
        .when(added(9, [n(N1)]))
        .then("active");
    given([whole(10, [])]).when(wrote(9, n(N1))).then("active");
    given([whole(10, [])])
        .when(added(10, [n(N1)]))
        .then("active in[15550100001]");
}

#[test]
fn the_roster_floor_drops_members_labels_and_parents_and_not_asks() {
    let person = crate::event::Person {
        parent_user_id: some("US.ENT.1"),
        username: some("@rosa"),
        ..nu(N1, U1)
    };
    let core = given([added(9, [person]), asked(9, n(N2), J2)])
        .when(whole(10, []))
        .group
        .core;
    assert!(core.member.is_empty() && core.label.is_empty() && core.parent.is_empty());
    assert_eq!(core.is.len(), 1, "links stay for a while");
    assert!(core.ask.get(N2).is_some() && core.ask_detail.get(N2).is_some());
}

#[test]
fn a_label_below_the_floor_is_not_taken_up() {
    let person = crate::event::Person {
        username: some("@rosa"),
        ..n(N1)
    };
    given([whole(10, [n(N1)])])
        .when(added(9, [person]))
        .then("active in[15550100001]");
}

#[test]
fn links_outlive_the_roster_floor_by_eight_days() {
    let at = 1_000_000;
    let links = |read_at| {
        given([added(at, [nu(N1, U1)]), whole(read_at, [])])
            .group
            .core
            .is
            .len()
    };
    assert_eq!(links(at + LINK_GRACE_SECONDS), 1);
    assert_eq!(links(at + LINK_GRACE_SECONDS + 1), 0);
    // And so where the link comes after the read.
    let late = |read_at| {
        given([whole(read_at, []), linked(at, &[N1], U1)])
            .group
            .core
            .is
            .len()
    };
    assert_eq!(late(at + LINK_GRACE_SECONDS), 1);
    assert_eq!(late(at + LINK_GRACE_SECONDS + 1), 0);
}

#[test]
fn open_join_requests_are_asserted_at_the_later_of_the_read_and_their_making() {
    given([])
        .when(join_requests(
            10,
            vec![waiting(n(N1), J1, Some(5)), waiting(u(U2), J2, Some(12))],
        ))
        .then(&format!(
            "unconfirmed waits[15550100001 {J1} 5] waits[US.2 {J2} 12]"
        ));
    let core = given([join_requests(
        10,
        vec![waiting(n(N1), J1, Some(5)), waiting(u(U2), J2, Some(12))],
    )])
    .group
    .core;
    assert_eq!(core.ask.get(N1).unwrap().stamp.at, 10);
    assert_eq!(core.ask.get(U2).unwrap().stamp.at, 12);
    assert_eq!(core.asks, 10);
}

#[test]
fn join_requests_that_are_not_among_those_read_are_over() {
    given([asked(9, n(N1), J1), asked(9, n(N2), J2)])
        .when(join_requests(10, vec![waiting(n(N2), J2, Some(9))]))
        .then(&format!("unconfirmed waits[15550100002 {J2} 9]"));
    given([asked(9, n(N1), J1)])
        .when(join_requests(10, vec![]))
        .then("unconfirmed");
}

#[test]
fn an_ask_below_the_asks_floor_changes_nothing() {
    given([join_requests(10, vec![])])
        .when(asked(9, n(N1), J1))
        .then("unconfirmed");
    let core = given([join_requests(10, vec![])])
        .when(added(9, [n(N1)]))
        .when(answered(9, &[J1]))
        .group
        .core;
    assert!(core.ask.is_empty());
}

#[test]
fn a_join_request_made_after_the_second_read_of_outlives_that_read() {
    let read = || join_requests(10, vec![waiting(n(N1), J1, Some(12))]);
    given([read()])
        .when(ask_closed(11, n(N1), J1))
        .then(&format!("unconfirmed waits[15550100001 {J1} 12]"));
}

#[test]
fn a_join_request_of_a_second_that_cannot_be_freezes_nothing() {
    let milliseconds = 1_780_000_000_000;
    let core = given([join_requests(
        1_780_000_000,
        vec![waiting(nu(N1, U1), J1, Some(milliseconds))],
    )])
    .group
    .core;
    assert_eq!(core.ask.get(U1).unwrap().stamp.at, 1_780_000_000);
    assert_eq!(
        core.ask_detail.get(U1).unwrap().value.created,
        1_780_000_000
    );
}

#[test]
fn what_a_join_request_shows_of_a_person_is_as_old_as_its_read() {
    let core = given([join_requests(10, vec![waiting(nu(N1, U1), J1, Some(12))])])
        .group
        .core;
    assert_eq!(core.ask.get(U1).unwrap().stamp.at, 12);
    assert_eq!(core.is.get(N1).unwrap().stamp.at, 10);
}

#[test]
fn an_empty_join_request_id_is_none() {
    given([])
        .when(asked(10, nobody(), ""))
        .when(join_requests(10, vec![waiting(nobody(), "", None)]))
        .then("unconfirmed");
    let core = given([asked(10, n(N1), ""), answered(11, &[""])])
        .group
        .core;
    assert_eq!((core.ask.len(), core.ask_detail.len()), (1, 0));
}

#[test]
fn the_list_gives_existence_subject_and_creation_and_nothing_else() {
    given([added(9, [n(N1)])])
        .when(of_group(10, listed("one")))
        .then("active subject=one created=50 in[15550100001]");
    let core = given([of_group(10, listed("one"))]).group.core;
    assert_eq!((core.roster, core.asks, core.verified), (0, 0, 0));
    assert_eq!(core.exists.unwrap().stamp.rank, Rank::Read);
}

#[test]
fn unknown_by_id_is_as_deleted() {
    given([added(9, [n(N1)]), asked(9, n(N2), J2)])
        .when(of_group(10, GroupEvent::Unknown))
        .then("gone");
    let core = given([of_group(10, GroupEvent::Unknown)]).group.core;
    assert_eq!((core.roster, core.asks), (10, 10));
    assert_eq!(core.exists.unwrap().stamp.rank, Rank::Read);
}

#[test]
fn a_read_after_its_going_brings_a_group_back() {
    given([of_group(10, GroupEvent::Unknown)])
        .when(whole(11, [n(N1)]))
        .then("active in[15550100001]");
}

#[test]
fn suspended_by_a_read_has_the_rank_of_a_read() {
    let read = crate::testing::event(
        10,
        Source::Read,
        crate::event::About::Group(group_id(), GroupEvent::Suspended(true)),
    );
    given([read.clone()]).then("unconfirmed suspended=true");
    given([read, of_group(10, GroupEvent::Suspended(false))]).then("unconfirmed suspended=false");
}

#[test]
fn an_answered_join_request_is_closed_for_whoever_made_it() {
    given([asked(10, n(N1), J1), asked(10, n(N2), J2)])
        .when(answered(11, &[J1]))
        .then(&format!("unconfirmed waits[15550100002 {J2} 10]"));
    // In the other order of arrival, too.
    given([answered(11, &[J1])])
        .when(asked(10, n(N1), J1))
        .then("unconfirmed");
    // And whoever asks again waits again.
    given([asked(10, n(N1), J1), answered(11, &[J1])])
        .when(asked(12, n(N1), J1))
        .then(&format!("unconfirmed waits[15550100001 {J1} 12]"));
}

#[test]
fn an_answer_to_a_join_request_makes_nobody_a_member() {
    given([asked(10, n(N1), J1)])
        .when(answered(11, &[J1]))
        .then("unconfirmed");
}

#[test]
fn an_answer_about_the_invite_link_is_a_statement() {
    given([])
        .when(invite(10, "https://chat.whatsapp.com/1"))
        .then("unconfirmed invite=https://chat.whatsapp.com/1")
        .when(invite(11, ""))
        .then("unconfirmed invite=");
    let core = given([invite(10, "")]).group.core;
    assert_eq!(core.invite.unwrap().stamp.rank, Rank::Statement);
}

#[test]
fn floors_only_rise() {
    let core = given([whole(10, []), join_requests(10, vec![])])
        .when(whole(9, [n(N1)]))
        .when(join_requests(9, vec![waiting(n(N2), J2, None)]))
        .group
        .core;
    assert_eq!((core.roster, core.asks, core.verified), (10, 10, 10));
    assert!(core.member.is_empty() && core.ask.is_empty());
}

#[test]
fn a_complete_read_leaves_who_waits_their_username() {
    let person = Person {
        user_id: Some(U1.into()),
        username: Some("@rosa".into()),
        ..Person::default()
    };
    let join_request_id = Some(J1.into());
    let asked = GroupEvent::JoinRequestCreated {
        person,
        join_request_id,
    };
    let read = GroupRead {
        is_complete: true,
        ..GroupRead::default()
    };
    let scenario = given([of_group(10, asked), of_group(20, GroupEvent::Read(read))]);
    assert!(scenario.group.core.label.is_empty());
    let view = scenario.group.view().unwrap();
    assert_eq!(
        view.join_requests[0].person.username.as_deref(),
        Some("rosa")
    );
}

#[test]
fn who_told_of_a_deletion_is_kept_whichever_came_first() {
    let (deleted, unknown) = (
        of_group(10, GroupEvent::Deleted),
        of_group(20, GroupEvent::Unknown),
    );
    for events in [
        [deleted.clone(), unknown.clone()],
        [unknown.clone(), deleted],
    ] {
        let core = given(events).group.core;
        assert_eq!(core.deleted.map(|register| register.stamp.at), Some(10));
        assert_eq!(core.exists.map(|register| register.stamp.at), Some(20));
    }
    assert!(given([unknown]).group.core.deleted.is_none());
}
