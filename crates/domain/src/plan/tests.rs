use super::*;
use crate::{
    event::{About, Event, GroupCreated, GroupEvent, GroupRead, HintReason, Person, Source},
    group::Group,
    ids::{EventId, GroupId, Second},
    position::Position,
};

const LAG: Second = 300;

fn id(text: &str) -> GroupId {
    GroupId::parse(text).unwrap()
}

/// A group to which these happened.
fn group(group_id: &str, events: impl IntoIterator<Item = (Second, Source, GroupEvent)>) -> Group {
    let mut group = Group::default();
    for (offset, (at, source, what)) in (0..).zip(events) {
        let event = Event {
            id: EventId([offset as u8; 16]),
            at,
            source,
            phone_number_id: None,
            waba_id: None,
            about: About::Group(id(group_id), what),
        };
        group.apply(
            &id(group_id),
            &event,
            Position {
                generation: 1,
                offset,
                ..Position::default()
            },
        );
    }
    group
}

fn created(subject: &str) -> GroupEvent {
    GroupEvent::Created(GroupCreated {
        subject: Some(subject.into()),
        ..GroupCreated::default()
    })
}

fn read_complete() -> GroupEvent {
    GroupEvent::Read(GroupRead {
        subject: Some("s".into()),
        is_complete: true,
        ..GroupRead::default()
    })
}

fn listing(t0: Second, groups: &[(&str, &str)]) -> Listing {
    let listed = |subject: &str| Listed {
        subject: Some(subject.into()),
        created: Some(1),
    };
    let groups = groups
        .iter()
        .map(|(group_id, subject)| (id(group_id), listed(subject)))
        .collect();
    Listing {
        t0,
        is_complete: true,
        pages: 1,
        groups,
    }
}

fn plan(listing: &Listing, held: &[(&str, Group)]) -> Plan {
    let held: Vec<(GroupId, Group)> = held
        .iter()
        .map(|(group_id, group)| (id(group_id), group.clone()))
        .collect();
    compare(
        listing,
        held.iter().map(|(group_id, group)| (group_id, group)),
        LAG,
        false,
    )
}

#[test]
fn equal_sides_give_an_empty_plan() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    assert!(plan(&listing(9_000, &[("a", "s")]), &[("a", held)]).is_empty());
}

#[test]
fn an_unknown_group_is_asserted_active_and_then_the_plan_is_empty() {
    let first = listing(9_000, &[("a", "s")]);
    let plan_before = plan(&first, &[]);
    assert_eq!(plan_before.summary.unknown_to_us, 1);
    let [Step::AssertActive { listed, .. }] = plan_before.steps.as_slice() else {
        panic!("{plan_before}")
    };
    let what = GroupEvent::Listed {
        subject: listed.subject.clone(),
        created: listed.created,
    };
    let held = group("a", [(9_000 - LAG, Source::Read, what)]);
    assert!(plan(&listing(9_300, &[("a", "s")]), &[("a", held)]).is_empty());
}

#[test]
fn another_subject_is_asserted_unless_ours_is_newer_than_the_list_can_be() {
    let old = group("a", [(1_000, Source::Webhook, created("old"))]);
    assert_eq!(
        plan(&listing(9_000, &[("a", "new")]), &[("a", old)])
            .summary
            .subject_differs,
        1
    );
    let fresh = group("a", [(8_700, Source::Webhook, created("fresh"))]);
    assert!(plan(&listing(9_000, &[("a", "old")]), &[("a", fresh)]).is_empty());
}

#[test]
fn a_group_that_went_before_the_list_is_listed_again_and_one_that_went_after_is_left_alone() {
    let gone_at = |at| {
        group(
            "a",
            [
                (1_000, Source::Webhook, created("s")),
                (at, Source::Webhook, GroupEvent::Deleted),
            ],
        )
    };
    assert_eq!(
        plan(&listing(9_000, &[("a", "s")]), &[("a", gone_at(8_699))])
            .summary
            .unknown_to_us,
        1
    );
    assert!(plan(&listing(9_000, &[("a", "s")]), &[("a", gone_at(8_700))]).is_empty());
}

#[test]
fn absence_from_a_complete_list_only_asks() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    let plan = plan(&listing(9_000, &[]), &[("a", held)]);
    assert_eq!(plan.steps, [Step::Ask { group_id: id("a") }]);
    assert_eq!(
        plan.to_string(),
        "ask by id      a: held as alive, not listed\n1 steps; 0 groups listed on 1 pages, complete"
    );
}

#[test]
fn absence_from_a_list_that_is_not_proven_complete_asks_nothing() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    let mut listing = listing(9_000, &[]);
    listing.is_complete = false;
    let plan = plan(&listing, &[("a", held)]);
    assert!(plan.is_empty());
    assert_eq!(plan.summary.unlisted, 1);
}

#[test]
fn a_group_created_within_the_lag_is_not_missed_yet() {
    let held = group("a", [(8_800, Source::Webhook, created("s"))]);
    assert!(plan(&listing(9_000, &[]), &[("a", held)]).is_empty());
}

#[test]
fn gone_groups_and_bare_hints_are_not_missed() {
    let gone = group("a", [(1_000, Source::Webhook, GroupEvent::Deleted)]);
    let hint = group(
        "b",
        [(
            1_000,
            Source::Webhook,
            GroupEvent::Hinted {
                reason: HintReason::Quarantined,
            },
        )],
    );
    assert!(plan(&listing(9_000, &[]), &[("a", gone), ("b", hint)]).is_empty());
}

#[test]
fn five_groups_may_vanish_or_two_percent_and_not_one_more() {
    assert_eq!(verdict(100, 0, 5, 0), Verdict::Assert);
    assert_eq!(verdict(100, 0, 6, 0), Verdict::Hold);
    assert_eq!(verdict(97, 3, 3, 0), Verdict::Hold);
    assert_eq!(verdict(1_000, 0, 20, 0), Verdict::Assert);
    assert_eq!(verdict(1_000, 0, 21, 0), Verdict::Hold);
    assert_eq!(verdict(0, 0, 0, 0), Verdict::Assert);
}

#[test]
fn nothing_vanishes_while_those_in_question_could_make_it_too_many() {
    assert_eq!(verdict(100, 0, 3, 2), Verdict::Assert);
    assert_eq!(verdict(100, 0, 3, 3), Verdict::Wait);
    assert_eq!(verdict(100, 4, 1, 1), Verdict::Wait);
    assert_eq!(verdict(100, 0, 6, 9), Verdict::Hold);
}

fn reason(group: &Group, now: Second, attempted: Option<Second>) -> Option<Reason> {
    candidate(&id("a"), group, now, LAG, attempted, 600).map(|candidate| candidate.reason)
}

#[test]
fn a_group_is_read_once_a_read_can_settle_what_happened() {
    let changed = group(
        "a",
        [
            (1_000, Source::Read, read_complete()),
            (2_000, Source::Webhook, GroupEvent::Suspended(true)),
        ],
    );
    assert_eq!(reason(&changed, 2_300, Some(2_290)), None);
    assert_eq!(reason(&changed, 2_301, None), Some(Reason::Changed));
    // A read on its way has settled it.
    assert_eq!(reason(&changed, 2_310, Some(2_301)), None);
}

#[test]
fn reasons_are_told_apart() {
    let fresh = group("a", [(1_000, Source::Webhook, created("s"))]);
    assert_eq!(reason(&fresh, 1_301, None), Some(Reason::NeverVerified));
    let hinted = group(
        "a",
        [(
            1_000,
            Source::Webhook,
            GroupEvent::Hinted {
                reason: HintReason::Asked,
            },
        )],
    );
    assert_eq!(reason(&hinted, 1_301, None), Some(Reason::Hinted));
    let doubtful = group(
        "a",
        [
            (1_000, Source::Webhook, GroupEvent::Suspended(true)),
            (1_000, Source::Webhook, GroupEvent::Suspended(false)),
        ],
    );
    assert_eq!(reason(&doubtful, 1_301, None), Some(Reason::InDoubt));
    let verified = group("a", [(1_000, Source::Read, read_complete())]);
    assert_eq!(reason(&verified, 1_899, None), None);
    assert_eq!(
        reason(&verified, 1_900, None),
        Some(Reason::LongestUnverified)
    );
}

#[test]
fn a_gone_group_is_not_read_unless_something_newer_was_seen() {
    let gone = group("a", [(1_000, Source::Webhook, GroupEvent::Deleted)]);
    assert_eq!(reason(&gone, 99_000, None), None);
    let seen = group(
        "a",
        [
            (1_000, Source::Webhook, GroupEvent::Deleted),
            (1_001, Source::Webhook, GroupEvent::Suspended(true)),
        ],
    );
    assert!(reason(&seen, 99_000, None).is_some());
}

#[test]
fn three_of_ten_reads_go_to_those_read_longest_ago() {
    let urgent = (0..50).map(|n| Candidate {
        reason: Reason::Hinted,
        last: 9_000 + n,
        group_id: id(&format!("u{n:02}")),
    });
    let old = (0..50).map(|n| Candidate {
        reason: Reason::LongestUnverified,
        last: n,
        group_id: id(&format!("o{n:02}")),
    });
    let candidates: Vec<Candidate> = urgent.chain(old).collect();
    let shares = |chosen: &[Candidate]| {
        chosen
            .iter()
            .filter(|c| c.reason == Reason::LongestUnverified)
            .count()
    };
    assert_eq!(shares(&choose(candidates.clone(), 10, 0)), 3);
    // One at a time, too.
    let mut left = candidates;
    let mut chosen = Vec::new();
    for turn in 0..20 {
        let one = choose(left.clone(), 1, turn);
        left.retain(|candidate| !one.contains(candidate));
        chosen.extend(one);
    }
    assert_eq!(shares(&chosen), 6);
    assert_eq!(
        chosen
            .iter()
            .find(|c| c.reason == Reason::LongestUnverified)
            .map(|c| c.last),
        Some(0)
    );
}

#[test]
fn nothing_is_chosen_twice_and_everything_is_in_the_end() {
    let candidates: Vec<Candidate> = (0..7)
        .map(|n| Candidate {
            reason: Reason::Changed,
            last: n,
            group_id: id(&format!("g{n}")),
        })
        .collect();
    let mut chosen: Vec<GroupId> = choose(candidates, 100, 0)
        .into_iter()
        .map(|candidate| candidate.group_id)
        .collect();
    assert_eq!(chosen.len(), 7);
    chosen.sort();
    chosen.dedup();
    assert_eq!(chosen.len(), 7);
}

fn person(wa_id: Option<&str>, user_id: Option<&str>, username: Option<&str>) -> Person {
    let text = |text: Option<&str>| text.map(Into::into);
    Person {
        wa_id: text(wa_id),
        user_id: text(user_id),
        username: text(username),
        ..Person::default()
    }
}

#[test]
fn a_read_is_completed_from_what_is_held() {
    let joined = GroupEvent::ParticipantsAdded {
        participants: vec![person(Some("155"), Some("US.1"), Some("@rosa"))],
    };
    let held = group("a", [(1_000, Source::Webhook, joined)]);
    let full = person(Some("155"), Some("US.1"), Some("rosa"));
    for mut listed in [
        person(None, Some("US.1"), None),
        person(Some("155"), None, None),
        full.clone(),
    ] {
        carry(&held.core, &mut listed);
        assert_eq!(listed, full);
    }
    let mut stranger = person(None, Some("US.2"), None);
    carry(&held.core, &mut stranger);
    assert_eq!(stranger, person(None, Some("US.2"), None));
}
