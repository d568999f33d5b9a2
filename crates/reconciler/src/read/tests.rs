use domain::event::{Event, GroupRead, Person};

use super::*;
use crate::upstream::Page;

/// A group as Meta would answer, and its join requests.
struct Group1 {
    info: Result<Info, Refused>,
    join_requests: Vec<Result<JoinRequestPage, Refused>>,
}

impl Read for Group1 {
    async fn list(&self, _: &PhoneNumberId, _: Option<&str>) -> Answer<Page> {
        unreachable!("a read of a group lists nothing")
    }

    async fn group(&self, _: &GroupId) -> Answer<Info> {
        Answer {
            t0: 1_000,
            load: Load::default(),
            result: self.info.clone(),
        }
    }

    async fn join_requests(&self, _: &GroupId, after: Option<&str>) -> Answer<JoinRequestPage> {
        let place: usize = after.map_or(0, |after| after.parse().unwrap());
        Answer {
            t0: 1_010,
            load: Load::default(),
            result: self.join_requests[place].clone(),
        }
    }
}

fn user(user_id: &str) -> Person {
    Person {
        user_id: Some(user_id.into()),
        ..Person::default()
    }
}

fn info(participants: Vec<Person>, total: u32, mode: &str) -> Info {
    let read = GroupRead {
        subject: Some("s".into()),
        join_approval_mode: Some(mode.into()),
        participants,
        ..GroupRead::default()
    };
    Info {
        read,
        total_participant_count: Some(total),
        unreadable: 0,
    }
}

async fn visit_with(upstream: Group1, held: Option<&Group>) -> Visit {
    visit(
        &upstream,
        &PhoneNumberId::parse("1").unwrap(),
        GroupId::parse("g").unwrap(),
        held,
        300,
    )
    .await
}

fn read_in(events: &[Event]) -> &GroupRead {
    let About::Group(_, GroupEvent::Read(read)) = &events[0].about else {
        panic!("not a read: {events:?}")
    };
    read
}

#[tokio::test]
async fn a_read_asserts_at_its_second_less_the_lag() {
    let upstream = Group1 {
        info: Ok(info(vec![user("US.1")], 1, "auto_approve")),
        join_requests: vec![],
    };
    let visit = visit_with(upstream, None).await;
    assert_eq!(
        (visit.events.len(), visit.events[0].at, visit.calls),
        (1, 700, 1)
    );
    let read = read_in(&visit.events);
    assert!(read.is_complete);
    assert_eq!(read.description.as_deref(), Some(""));
}

#[tokio::test]
async fn a_count_that_does_not_match_is_not_complete() {
    let upstream = Group1 {
        info: Ok(info(vec![user("US.1")], 2, "auto_approve")),
        join_requests: vec![],
    };
    let visit = visit_with(upstream, None).await;
    let read = read_in(&visit.events);
    assert!(!read.is_complete);
    assert_eq!(read.description, None);
}

#[tokio::test]
async fn a_person_listed_twice_counts_once() {
    let upstream = Group1 {
        info: Ok(info(vec![user("US.1"), user("US.1")], 2, "auto_approve")),
        join_requests: vec![],
    };
    assert!(!read_in(&visit_with(upstream, None).await.events).is_complete);
}

#[tokio::test]
async fn what_meta_leaves_out_is_carried() {
    let mut held = Group::default();
    let group_id = GroupId::parse("g").unwrap();
    let both = Person {
        wa_id: Some("155".into()),
        user_id: Some("US.1".into()),
        username: Some("@mo".into()),
        ..Person::default()
    };
    let joined = event(
        &PhoneNumberId::parse("1").unwrap(),
        500,
        Source::Webhook,
        About::Group(
            group_id.clone(),
            GroupEvent::ParticipantsAdded {
                participants: vec![both],
            },
        ),
    );
    held.apply(
        &group_id,
        &joined,
        domain::position::Position {
            generation: 1,
            ..Default::default()
        },
    );
    let upstream = Group1 {
        info: Ok(info(vec![user("US.1")], 1, "auto_approve")),
        join_requests: vec![],
    };
    let visit = visit_with(upstream, Some(&held)).await;
    let person = &read_in(&visit.events).participants[0];
    assert_eq!(
        (person.wa_id.as_deref(), person.username.as_deref()),
        (Some("155"), Some("mo"))
    );
}

#[tokio::test]
async fn join_requests_of_all_pages_are_one_event() {
    let request = |id: &str| JoinRequest {
        join_request_id: id.into(),
        ..JoinRequest::default()
    };
    let pages = vec![
        Ok(JoinRequestPage {
            join_requests: vec![request("a")],
            unreadable: 0,
            after: Some("1".into()),
        }),
        Ok(JoinRequestPage {
            join_requests: vec![request("b")],
            unreadable: 0,
            after: None,
        }),
    ];
    let upstream = Group1 {
        info: Ok(info(vec![], 0, "approval_required")),
        join_requests: pages,
    };
    let visit = visit_with(upstream, None).await;
    assert_eq!(
        (visit.events.len(), visit.calls, visit.events[1].at),
        (2, 3, 710)
    );
    let About::Group(_, GroupEvent::JoinRequestsRead { join_requests }) = &visit.events[1].about
    else {
        panic!()
    };
    assert_eq!(join_requests.len(), 2);
}

#[tokio::test]
async fn a_cursor_of_join_requests_that_comes_again_proves_nothing_and_ends() {
    let request = |id: &str| JoinRequest {
        join_request_id: id.into(),
        ..JoinRequest::default()
    };
    let page = |id: &str, after: &str| {
        Ok(JoinRequestPage {
            join_requests: vec![request(id)],
            unreadable: 0,
            after: Some(after.to_owned()),
        })
    };
    let upstream = Group1 {
        info: Ok(info(vec![], 0, "approval_required")),
        join_requests: vec![page("a", "1"), page("b", "2"), page("c", "1")],
    };
    let visit = visit_with(upstream, None).await;
    assert_eq!((visit.events.len(), visit.calls), (1, 4));
}

#[tokio::test]
async fn a_read_that_shows_what_is_held_changes_nothing_that_is_shown() {
    let asker = Person {
        username: Some("mo".into()),
        ..user("US.2")
    };
    let upstream = || Group1 {
        info: Ok(info(vec![user("US.1")], 1, "approval_required")),
        join_requests: vec![Ok(JoinRequestPage {
            join_requests: vec![JoinRequest {
                person: asker.clone(),
                join_request_id: "a".into(),
                created: Some(100),
            }],
            unreadable: 0,
            after: None,
        })],
    };
    let (number, group_id) = (
        PhoneNumberId::parse("1").unwrap(),
        GroupId::parse("g").unwrap(),
    );
    let mut held = Group::default();
    let mut changes = Vec::new();
    // The second read is asked for ten seconds later: its lag is less by so much.
    for (turn, lag) in [(0, 300), (1, 290)] {
        let visit = visit(&upstream(), &number, group_id.clone(), Some(&held), lag).await;
        for (offset, event) in (turn * 10..).zip(&visit.events) {
            let position = domain::position::Position {
                generation: 1,
                offset,
                ..Default::default()
            };
            let before = held.view();
            held.apply(&group_id, event, position);
            changes.push(before != held.view());
        }
    }
    assert_eq!(changes, [true, true, false, false]);
}

#[tokio::test]
async fn a_refused_page_of_join_requests_asserts_nothing_of_them() {
    let upstream = Group1 {
        info: Ok(info(vec![], 0, "approval_required")),
        join_requests: vec![Err(Refused::Throttled)],
    };
    let visit = visit_with(upstream, None).await;
    assert_eq!(
        (visit.events.len(), visit.refused, visit.is_alive),
        (1, Some(Refused::Throttled), true)
    );
}

#[tokio::test]
async fn a_suspended_group_is_alive_and_suspended() {
    let visit = visit_with(
        Group1 {
            info: Err(Refused::GroupSuspended),
            join_requests: vec![],
        },
        None,
    )
    .await;
    assert!(visit.is_alive);
    assert!(matches!(
        visit.events[0].about,
        About::Group(_, GroupEvent::Suspended(true))
    ));
}

#[tokio::test]
async fn an_unknown_group_asserts_nothing_by_itself() {
    let visit = visit_with(
        Group1 {
            info: Err(Refused::GroupUnknown),
            join_requests: vec![],
        },
        None,
    )
    .await;
    assert!(visit.events.is_empty() && !visit.is_alive);
}

#[test]
fn the_business_number_is_read_from_the_group_id() {
    let id = GroupId::parse("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0MDAwMDAwMDAwMDEZD").unwrap();
    assert_eq!(business_number(&id).as_deref(), Some("15550100001"));
    assert_eq!(business_number(&GroupId::parse("wamid.X").unwrap()), None);
}
