//! What webhooks assert (design, section 4), a line a test.

use super::scenario::*;
use crate::{
    event::{GroupCreated, GroupEvent, HintReason, Person},
    register::Rank,
    testing::*,
};

#[test]
fn an_item_tells_the_number_and_the_account() {
    given([with_metadata(added(10, [n(N1)]))])
        .then("unconfirmed number=300000000000001 waba=200000000000001 in[15550100001]");
}

#[test]
fn number_account_links_and_labels_have_the_rank_of_a_statement_whatever_the_webhook() {
    let person = Person {
        parent_user_id: some("US.ENT.1"),
        username: some("rosa"),
        ..nu(N1, U1)
    };
    let core = given([with_metadata(wrote(10, person))]).group.core;
    let rank = |stamp: crate::register::Stamp| stamp.rank;
    assert_eq!(rank(core.number.unwrap().stamp), Rank::Statement);
    assert_eq!(rank(core.waba.unwrap().stamp), Rank::Statement);
    assert_eq!(rank(core.is.get(N1).unwrap().stamp), Rank::Statement);
    assert_eq!(rank(core.label.get(U1).unwrap().stamp), Rank::Statement);
    assert_eq!(rank(core.parent.get(U1).unwrap().stamp), Rank::Statement);
    assert_eq!(rank(core.member.get(U1).unwrap().stamp), Rank::Circumstance);
    assert_eq!(rank(core.ask.get(U1).unwrap().stamp), Rank::Circumstance);
}

#[test]
fn a_number_or_account_said_twice_otherwise_in_one_second_is_no_doubt() {
    let one = with_metadata(added(10, [n(N1)]));
    let mut other = with_metadata(added(10, [n(N2)]));
    other.waba_id = some("200000000000002");
    given([one, other]).then(
        "unconfirmed number=300000000000001 waba=200000000000002 in[15550100001 15550100002]",
    );
}

#[test]
fn what_rollcall_says_by_itself_asserts_no_number() {
    let hint = GroupEvent::Hinted {
        reason: HintReason::Asked,
    };
    let core = given([with_metadata(of_group(10, hint))]).group.core;
    assert_eq!((core.number, core.waba), (None, None));
}

#[test]
fn added_is_present() {
    given([])
        .when(added(10, [nu(N1, U1), n(N2)]))
        .then("unconfirmed in[15550100002 15550100001/US.1]");
}

#[test]
fn added_closes_the_ask() {
    given([asked(9, n(N1), J1)])
        .when(added(10, [n(N1)]))
        .then("unconfirmed in[15550100001]");
    // Also later, when the person is gone again.
    given([asked(9, n(N1), J1), added(10, [n(N1)])])
        .when(removed(11, [n(N1)]))
        .then("unconfirmed");
}

#[test]
fn removed_is_absent_and_closes_the_ask() {
    given([added(10, [n(N1), n(N2)]), asked(11, n(N1), J1)])
        .when(removed(12, [n(N1)]))
        .then("unconfirmed in[15550100002]")
        .hinted(false);
}

#[test]
fn an_ask_after_a_removal_stands() {
    given([removed(12, [n(N1)])])
        .when(asked(13, n(N1), J1))
        .then(&format!("unconfirmed waits[15550100001 {J1} 13]"));
}

#[test]
fn an_older_removal_that_comes_late_changes_nothing_that_is_shown() {
    given([added(10, [n(N1)])])
        .when(removed(9, [n(N1)]))
        .then("unconfirmed in[15550100001]");
}

#[test]
fn added_and_removed_in_one_second_is_present_and_in_doubt() {
    for events in [
        [added(10, [n(N1)]), removed(10, [n(N1)])],
        [removed(10, [n(N1)]), added(10, [n(N1)])],
    ] {
        given(events).then("unconfirmed in[15550100001] doubt[participants]");
    }
}

#[test]
fn the_sender_of_a_message_is_present() {
    given([])
        .when(wrote(10, nu(N1, U1)))
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn a_removal_in_the_second_of_a_message_wins_without_doubt() {
    given([removed(10, [n(N1)])])
        .when(wrote(10, n(N1)))
        .then("unconfirmed");
}

#[test]
fn the_sender_of_a_message_does_not_wait() {
    given([asked(9, n(N1), J1)])
        .when(wrote(10, n(N1)))
        .when(removed(11, [n(N2)]))
        .then("unconfirmed in[15550100001]");
    let core = given([wrote(10, n(N1))]).group.core;
    assert_eq!(core.ask.get(N1).unwrap().value, crate::group::Ask::Closed);
}

#[test]
fn removed_by_input_alone_is_absent_and_hints() {
    given([added(10, [n(N1)])])
        .when(removed(11, [input("+1 (555) 010-0001")]))
        .then("unconfirmed")
        .hinted(true);
}

#[test]
fn removed_by_an_input_that_is_a_user_id_is_absent_without_a_hint() {
    given([added(10, [nu(N1, U1)])])
        .when(removed(11, [input(U1)]))
        .then("unconfirmed")
        .hinted(false);
}

#[test]
fn removed_by_a_parent_alone_asserts_nothing_and_hints() {
    for person in [
        input("US.ENT.1"),
        u("US.ENT.1"),
        Person {
            parent_user_id: some("US.ENT.1"),
            ..Person::default()
        },
    ] {
        given([])
            .when(removed(11, [person.clone()]))
            .then("nothing")
            .hinted(true);
        given([added(10, [nu(N1, U1)])])
            .when(removed(11, [person]))
            .then("unconfirmed in[15550100001/US.1]")
            .hinted(true);
    }
}

#[test]
fn removed_with_a_wa_id_beside_the_input_is_certain() {
    let person = Person {
        input: some("5511 91234-5678"),
        ..n("551112345678")
    };
    given([added(10, [n("551112345678")])])
        .when(removed(11, [person]))
        .then("unconfirmed")
        .hinted(false);
}

#[test]
fn a_join_request_is_open_with_its_detail() {
    given([])
        .when(asked(10, nu(N1, U1), J1))
        .then(&format!("unconfirmed waits[15550100001/US.1 {J1} 10]"));
}

#[test]
fn a_join_request_revoked_or_expired_is_closed_and_wins_its_second() {
    for events in [
        [asked(10, n(N1), J1), ask_closed(10, n(N1), J1)],
        [ask_closed(10, n(N1), J1), asked(10, n(N1), J1)],
    ] {
        given(events).then("unconfirmed");
    }
}

#[test]
fn asking_again_after_a_revocation_is_open() {
    given([asked(10, n(N1), J1), ask_closed(11, n(N1), J1)])
        .when(asked(12, n(N1), J1))
        .then(&format!("unconfirmed waits[15550100001 {J1} 12]"));
}

#[test]
fn an_ask_without_a_person_is_kept_by_its_id_and_closed_by_it() {
    given([])
        .when(asked(10, nobody(), J1))
        .then(&format!("unconfirmed waits[nobody {J1} 10]"))
        .when(ask_closed(11, nobody(), J1))
        .then("unconfirmed");
    given([asked(10, nobody(), J1)])
        .when(ask_closed(11, n(N1), J1))
        .then("unconfirmed");
}

#[test]
fn an_ask_with_neither_person_nor_id_asserts_nothing() {
    let what = GroupEvent::JoinRequestCreated {
        person: nobody(),
        join_request_id: None,
    };
    given([]).when(of_group(10, what)).then("nothing");
}

#[test]
fn each_part_of_the_settings_is_by_itself() {
    given([settings(10, "one")])
        .when(of_group(
            11,
            GroupEvent::SettingsUpdated {
                subject: None,
                description: some("text"),
                picture_sha256: some("abc="),
            },
        ))
        .then("unconfirmed subject=one description=text picture=abc=");
}

#[test]
fn two_subjects_of_one_second_are_in_doubt_and_the_greater_is_shown() {
    for events in [
        [settings(10, "one"), settings(10, "two")],
        [settings(10, "two"), settings(10, "one")],
    ] {
        given(events)
            .then("unconfirmed subject=two doubt[subject]")
            .when(settings(11, "one"))
            .then("unconfirmed subject=one");
    }
}

#[test]
fn suspend_and_cleared_tell_whether_it_is_suspended() {
    given([of_group(10, GroupEvent::Suspended(true))])
        .then("unconfirmed suspended=true")
        .when(of_group(11, GroupEvent::Suspended(false)))
        .then("unconfirmed suspended=false");
    given([
        of_group(10, GroupEvent::Suspended(false)),
        of_group(10, GroupEvent::Suspended(true)),
    ])
    .then("unconfirmed suspended=true doubt[suspended]");
}

#[test]
fn create_gives_existence_creation_second_fields_and_members() {
    let created = GroupCreated {
        subject: some("one"),
        description: some("text"),
        invite_link: some("https://chat.whatsapp.com/1"),
        join_approval_mode: some("auto_approve"),
        participants: vec![nu(N1, U1)],
    };
    given([]).when(of_group(10, GroupEvent::Created(created))).then(
        "active subject=one description=text mode=auto_approve invite=https://chat.whatsapp.com/1 created=10 in[15550100001/US.1]",
    );
    given([])
        .when(of_group(10, GroupEvent::Created(GroupCreated::default())))
        .then("active created=10");
}

#[test]
fn delete_is_gone_and_takes_everybody_out() {
    given([added(10, [n(N1)]), asked(10, n(N2), J2)])
        .when(of_group(11, GroupEvent::Deleted))
        .then("gone");
    let core = given([added(10, [n(N1)]), asked(10, n(N2), J2)])
        .when(of_group(11, GroupEvent::Deleted))
        .group
        .core;
    assert_eq!((core.roster, core.asks, core.verified), (11, 11, 0));
    assert!(core.member.is_empty() && core.ask.is_empty() && core.ask_detail.is_empty());
}

#[test]
fn anything_that_is_told_of_a_group_after_its_end_brings_that_in_doubt() {
    let later = [
        added(20, [n(N1)]),
        asked(20, n(N1), J1),
        ask_closed(20, n(N1), J1),
    ];
    for event in later {
        let deleted = of_group(10, GroupEvent::Deleted);
        given([deleted, event]).then("gone doubt[existence]");
    }
}

#[test]
fn create_and_delete_of_one_second_are_gone_in_doubt() {
    let create = || of_group(10, GroupEvent::Created(GroupCreated::default()));
    let delete = || of_group(10, GroupEvent::Deleted);
    for events in [[create(), delete()], [delete(), create()]] {
        given(events).then("gone created=10 doubt[existence]");
    }
}

#[test]
fn no_other_webhook_writes_existence() {
    for event in super::catalogue::catalogue() {
        let writes = matches!(
            group_event(&event),
            GroupEvent::Created(_)
                | GroupEvent::Deleted
                | GroupEvent::Read(_)
                | GroupEvent::Listed { .. }
                | GroupEvent::Unknown
        );
        let exists = given([event.clone()]).group.core.exists;
        assert_eq!(exists.is_some(), writes, "{event:?}");
    }
}

#[test]
fn a_hint_alone_makes_no_group_that_is_shown() {
    let hint = GroupEvent::Hinted {
        reason: HintReason::Quarantined,
    };
    given([])
        .when(of_group(10, hint))
        .then("nothing")
        .hinted(true);
}

#[test]
fn every_event_that_is_more_than_a_read_raises_changed() {
    let changed = |events: Vec<crate::event::Event>| given(events).group.core.changed;
    assert_eq!(changed(vec![wrote(10, n(N1)), removed(9, [n(N1)])]), 10);
    assert_eq!(changed(vec![asked(10, n(N1), J1)]), 10);
    assert_eq!(changed(vec![linked(10, &[N1], U1)]), 10);
    assert_eq!(changed(vec![answered(10, &[J1])]), 10);
    assert_eq!(changed(vec![invite(10, "")]), 10);
    assert_eq!(changed(vec![whole(10, [n(N1)])]), 0);
    assert_eq!(changed(vec![join_requests(10, vec![])]), 0);
    assert_eq!(changed(vec![of_group(10, GroupEvent::Unlisted)]), 0);
    let hint = GroupEvent::Hinted {
        reason: HintReason::Asked,
    };
    assert_eq!(changed(vec![of_group(10, hint)]), 0);
}
