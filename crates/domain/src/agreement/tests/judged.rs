//! How what a read finds is judged, case by case.

use super::*;
use crate::{event::GroupEvent, limits::REPAIRS_KEPT_MAX};

fn suspended(at: Second, is: bool) -> Event {
    of_group(at, GroupEvent::Suspended(is))
}

fn listed(at: Second, subject: Option<&str>) -> Event {
    let subject = subject.map(Into::into);
    let created = Some(T);
    of_group(at, GroupEvent::Listed { subject, created })
}

fn renamed(at: Second, subject: &str) -> Event {
    of_group(
        at,
        GroupEvent::SettingsUpdated {
            subject: some(subject),
            description: None,
            picture_sha256: None,
        },
    )
}

fn hinted(at: Second, reason: HintReason) -> Event {
    of_group(at, GroupEvent::Hinted { reason })
}

fn asks(at: Second, persons: &[Person]) -> Event {
    let asks = persons.iter().map(|person| JoinRequest {
        person: person.clone(),
        join_request_id: J1.into(),
        created: Some(T + 90),
    });
    let join_requests = asks.collect();
    of_group(at, GroupEvent::JoinRequestsRead { join_requests })
}

/// What a read that asserts this finds wrong with a group to which these happened.
fn found(held: &[Event], events: &[Event]) -> Vec<(Kind, Cause, u64)> {
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &after(held), events, T + 1_300));
    drift(&ledger)
}

/// Is an answer that says this contradicted by newer evidence of a group to which these happened?
fn is_contradicted(held: &[Event], event: Event) -> bool {
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &after(held), &[event], T + 1_300));
    ledger.counts().contradicted > 0
}

#[test]
fn each_part_of_an_answer_is_looked_at() {
    let held = [created(), read_at(T + 100, "s", &[])];
    let events = [
        read_at(T + 1_000, "other", &[]),
        asks(T + 1_000, &[nu(N1, U1)]),
    ];
    assert_eq!(
        found(&held, &events),
        [
            (Kind::Subject, Cause::Lost, 1),
            (Kind::JoinRequest, Cause::Lost, 1)
        ]
    );
}

#[test]
fn one_more_is_told_apart_from_those_who_were_in() {
    let held = [created(), read_at(T + 100, "s", &[n(N1), u(U2)])];
    let events = [read_at(T + 1_000, "s", &[n(N1), u(U2), n(N3)])];
    assert_eq!(found(&held, &events), [(Kind::Member, Cause::Lost, 1)]);
    let events = [read_at(T + 1_000, "s", &[n(N1), n(N3)])];
    assert_eq!(found(&held, &events), [(Kind::Member, Cause::Lost, 2)]);
}

#[test]
fn what_was_never_known_of_a_group_was_not_lost() {
    let held = [listed(T + 100, Some("s"))];
    let events = [
        read_at(T + 1_000, "s", &[nu(N1, U1)]),
        asks(T + 1_000, &[nu(N2, U2)]),
    ];
    assert_eq!(found(&held, &events), []);
}

#[test]
fn only_a_quarantine_that_no_read_has_followed_is_a_cause_of_ours() {
    let events = [read_at(T + 1_000, "other", &[])];
    for (hint, cause) in [
        (hinted(T + 200, HintReason::Quarantined), Cause::Ours),
        (hinted(T + 50, HintReason::Quarantined), Cause::Lost),
        (hinted(T + 200, HintReason::Asked), Cause::Lost),
    ] {
        let held = [created(), read_at(T + 100, "s", &[]), hint];
        assert_eq!(found(&held, &events), [(Kind::Subject, cause, 1)]);
    }
}

#[test]
fn nothing_is_known_of_why_where_the_evidence_was_in_doubt() {
    let held = [
        created(),
        read_at(T + 100, "s", &[]),
        renamed(T + 200, "one"),
        renamed(T + 200, "other"),
    ];
    let events = [read_at(T + 1_000, "third", &[])];
    assert_eq!(found(&held, &events), [(Kind::Subject, Cause::Unknown, 1)]);
    // Of the others something is known all the same.
    let events = [read_at(T + 1_000, "third", &[n(N1)])];
    assert_eq!(
        found(&held, &events),
        [
            (Kind::Subject, Cause::Unknown, 1),
            (Kind::Member, Cause::Lost, 1)
        ]
    );
}

#[test]
fn a_list_is_contradicted_by_another_subject_and_by_an_end_that_are_newer() {
    let held = [created(), read_at(T + 100, "s", &[])];
    let later = |event| [created(), read_at(T + 100, "s", &[]), event];
    let at = T + 1_000;
    assert!(!is_contradicted(&held, listed(at, Some("s"))));
    assert!(!is_contradicted(&held, listed(at, Some("other"))));
    assert!(!is_contradicted(&held, listed(at, None)));
    let newer = later(renamed(T + 1_100, "newer"));
    assert!(is_contradicted(&newer, listed(at, Some("s"))));
    assert!(!is_contradicted(&newer, listed(at, None)));
    let ended = later(of_group(T + 1_100, GroupEvent::Deleted));
    assert!(is_contradicted(&ended, listed(at, None)));
}

#[test]
fn an_answer_of_whether_it_is_there_or_suspended_is_contradicted_by_newer_webhooks() {
    let held = [created(), read_at(T + 100, "s", &[])];
    let later = |event| [created(), read_at(T + 100, "s", &[]), event];
    let unknown = || of_group(T + 1_000, GroupEvent::Unknown);
    assert!(!is_contradicted(&held, unknown()));
    let told = [created(), suspended(T + 1_100, true)];
    assert!(!is_contradicted(&told, suspended(T + 1_200, false)));
    assert!(is_contradicted(&told, suspended(T + 1_000, false)));
    assert!(!is_contradicted(&told, suspended(T + 1_000, true)));
    let came_back = later(of_group(
        T + 1_100,
        GroupEvent::Created(GroupCreated {
            subject: some("s"),
            ..GroupCreated::default()
        }),
    ));
    assert!(is_contradicted(&came_back, unknown()));
}

#[test]
fn a_read_is_contradicted_by_who_came_or_went_after_its_second() {
    let read = |persons: &[Person]| read_at(T + 1_000, "s", persons);
    let swapped = [
        created(),
        read_at(T + 100, "s", &[n(N1)]),
        left(T + 1_100, n(N1)),
        joined(T + 1_100, n(N2)),
    ];
    assert!(is_contradicted(&swapped, read(&[n(N1)])));
    assert!(!is_contradicted(&swapped, read(&[n(N2)])));
    let named = [created(), joined(T + 10, nu(N1, U1))];
    assert!(!is_contradicted(&named, read(&[u(U1)])));
    let ended = [created(), of_group(T + 1_100, GroupEvent::Deleted)];
    assert!(is_contradicted(&ended, read(&[])));
    let renamed = [created(), renamed(T + 1_100, "newer")];
    assert!(is_contradicted(&renamed, read(&[])));
}

#[test]
fn what_was_told_counts_only_where_a_read_can_show_that_it_is_all() {
    let before = [created(), read_at(T + 100, "s", &[])];
    let told = [
        created(),
        read_at(T + 100, "s", &[]),
        joined(T + 200, n(N1)),
    ];
    let (id, now) = (group_id(), after(&told));
    let counted = |look: Look<'_>| {
        let mut ledger = Ledger::default();
        ledger.followed(&id, Some(&after(&before)), &now);
        ledger.looked(&look);
        ledger.counts().told
    };
    let events = [read_at(T + 1_000, "s", &[n(N1)])];
    let usual = || look(&id, &now, &events, T + 1_300);
    assert_eq!(counted(usual()), 1);
    assert_eq!(
        counted(Look {
            is_first: true,
            ..usual()
        }),
        0
    );
    assert_eq!(
        counted(Look {
            is_behind_gap: true,
            ..usual()
        }),
        0
    );
    // Two webhooks of one second contradict each other: nobody knows which was the last.
    let mut doubted = told.to_vec();
    doubted.push(left(T + 200, n(N1)));
    let doubted = after(&doubted);
    assert_eq!(counted(look(&id, &doubted, &events, T + 1_300)), 0);
    // A list shows nobody: it waits for the next read.
    let mut ledger = Ledger::default();
    ledger.followed(&id, Some(&after(&before)), &now);
    let shown = [listed(T + 1_000, Some("s"))];
    ledger.looked(&look(&id, &now, &shown, T + 1_300));
    assert_eq!(ledger.counts().told, 0);
    ledger.looked(&usual());
    assert_eq!(ledger.counts().told, 1);
}

#[test]
fn a_new_subject_that_a_webhook_tells_counts_at_once_and_one_that_a_list_shows_does_not() {
    let told = |events: &[Event]| {
        let before = after(&[created()]);
        let mut all = vec![created()];
        all.extend_from_slice(events);
        let mut ledger = Ledger::default();
        ledger.followed(&group_id(), Some(&before), &after(&all));
        ledger.counts().told
    };
    assert_eq!(told(&[renamed(T + 10, "new")]), 1);
    assert_eq!(told(&[renamed(T + 10, "s")]), 0);
    assert_eq!(told(&[listed(T + 10, Some("new"))]), 0);
}

#[test]
fn counts_that_were_kept_go_on_and_the_rate_follows_from_them() {
    let counts = Counts {
        lost: 1,
        told: 9,
        ..Counts::default()
    };
    let ledger = Ledger::resume(counts.clone());
    assert_eq!(*ledger.counts(), counts);
    let report = ledger.report(T, [], None);
    assert_eq!(report.counts, counts);
    assert_eq!(report.loss, loss_rate(1, 9));
    assert!(report.loss.is_some());
}

#[test]
fn every_kind_and_cause_has_a_word_of_its_own() {
    let words = Kind::ALL.map(Kind::as_str);
    let causes = Cause::ALL.map(Cause::as_str);
    let all: std::collections::BTreeSet<_> = words.iter().chain(&causes).collect();
    assert_eq!(all.len(), words.len() + causes.len(), "{all:?}");
    assert!(!all.contains(&""));
}

#[test]
fn a_late_webhook_is_of_whom_it_names_or_could_name_and_of_nobody_else() {
    for (found, told, is_late) in [
        (n(N1), n(N1), true),
        (n(N1), n(N2), false),
        (n(N1), u(U1), true),
        (n(N1), nu(N2, U2), false),
        (n(N1), nu(N1, U2), true),
        (u(U1), u(U1), true),
        (u(U1), u(U2), false),
        (u(U1), n(N1), true),
        (u(U1), nu(N2, U2), false),
        (nu(N1, U1), n(N2), false),
        (nu(N1, U1), u(U2), false),
    ] {
        let held = after(&[created(), read_at(T + 100, "s", &[])]);
        let events = [read_at(T + 1_000, "s", std::slice::from_ref(&found))];
        let mut ledger = Ledger::default();
        ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
        ledger.heard(&joined(T + 700, told.clone()));
        let cause = if is_late { Cause::Late } else { Cause::Lost };
        let expected = [(Kind::Member, cause, 1)];
        assert_eq!(drift(&ledger), expected, "{found:?}, {told:?}");
    }
}

#[test]
fn a_webhook_that_meta_tried_to_deliver_for_seven_days_was_late_and_not_lost() {
    const DAYS: Second = 7 * 86_400;
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let events = [read_at(T + 1_000, "s", &[n(N1)])];
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    let mut folded = vec![created(), read_at(T + 100, "s", &[])];
    folded.extend(events);
    let again = [read_at(T + DAYS + 1_000, "s", &[n(N1)])];
    ledger.looked(&look(
        &group_id(),
        &after(&folded),
        &again,
        T + DAYS + 1_300,
    ));
    ledger.heard(&joined(T + 700, n(N1)));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Late, 1)]);
}

#[test]
fn that_a_group_is_not_suspended_is_news_only_where_it_was() {
    let held = [created(), read_at(T + 100, "s", &[])];
    assert_eq!(found(&held, &[suspended(T + 1_000, false)]), []);
    assert_eq!(
        found(&held, &[suspended(T + 1_000, true)]),
        [(Kind::Suspended, Cause::Lost, 1)]
    );
    let held = [created(), suspended(T + 50, true)];
    assert_eq!(
        found(&held, &[suspended(T + 1_000, false)]),
        [(Kind::Suspended, Cause::Lost, 1)]
    );
}

#[test]
fn a_read_is_contradicted_by_a_suspension_only_if_it_speaks_of_one() {
    let read = |suspended| {
        let read = GroupRead {
            subject: some("s"),
            suspended,
            is_complete: true,
            ..GroupRead::default()
        };
        of_group(T + 1_000, GroupEvent::Read(read))
    };
    let held = [created(), suspended(T + 1_100, true)];
    assert!(!is_contradicted(&held, read(None)));
    assert!(!is_contradicted(&held, read(Some(true))));
    assert!(is_contradicted(&held, read(Some(false))));
}

/// What is found by reads of these seconds and subjects, each asked 300 s later and folded before the next.
fn found_in_turn(subjects: &[(Second, &str)]) -> Ledger {
    let mut ledger = Ledger::default();
    let mut folded = vec![created(), read_at(T + 100, "s", &[])];
    for (at, subject) in subjects {
        let events = [read_at(T + at, subject, &[])];
        ledger.looked(&look(&group_id(), &after(&folded), &events, T + at + 300));
        folded.extend(events);
    }
    ledger
}

#[test]
fn two_changes_further_apart_than_answers_lag_lost_two_webhooks() {
    let ledger = found_in_turn(&[(1_000, "new"), (1_300, "newer")]);
    assert_eq!((ledger.counts().lost, ledger.counts().looked), (1, 2));
    let ledger = found_in_turn(&[(1_000, "new"), (1_301, "newer")]);
    assert_eq!((ledger.counts().lost, ledger.counts().looked), (2, 2));
}

#[test]
fn what_is_taken_back_after_more_than_a_day_had_changed_again() {
    let misled = |later: Second| {
        let mut told = vec![
            created(),
            read_at(T + 100, "s", &[]),
            joined(T + 900, n(N1)),
        ];
        let mut ledger = Ledger::default();
        let answers: [(Second, &[Person]); 2] = [(1_001, &[]), (1_001 + later, &[n(N1)])];
        for (at, members) in answers {
            let events = [read_at(T + at, "s", members)];
            ledger.looked(&look(&group_id(), &after(&told), &events, T + at + 300));
            told.extend(events);
        }
        ledger.misled().times
    };
    assert_eq!((misled(86_400), misled(86_401)), (1, 0));
}

#[test]
fn nothing_is_late_for_a_group_that_was_forgotten() {
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let events = [read_at(T + 1_000, "s", &[n(N1)])];
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    ledger.forget(&group_id());
    ledger.heard(&joined(T + 700, n(N1)));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Lost, 1)]);
}

#[test]
fn the_rate_is_what_was_lost_of_all() {
    let rate = |lost, told| loss_rate(lost, told).unwrap().rate;
    assert_eq!((rate(1, 9), rate(1, 1), rate(0, 5)), (0.1, 0.5, 0.0));
}

#[test]
fn ages_are_an_hour_six_a_day_and_a_week() {
    assert_eq!(AGES, [3_600, 21_600, 86_400, 604_800]);
}

#[test]
fn what_no_single_webhook_tells_for_certain_is_no_part_of_the_rate() {
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let lost = |held: Option<&Group>, events: &[Event]| {
        let (id, nothing) = (group_id(), Group::default());
        let mut ledger = Ledger::default();
        ledger.looked(&Look {
            held,
            ..look(&id, &nothing, events, T + 1_300)
        });
        (drift(&ledger), ledger.counts().lost)
    };
    let asked = [asks(T + 1_000, &[nu(N1, U1)])];
    let of_asks = vec![(Kind::JoinRequest, Cause::Lost, 1)];
    assert_eq!(lost(Some(&held), &asked), (of_asks, 0));
    let shown = [listed(T + 1_000, Some("s"))];
    let of_list = vec![(Kind::Created, Cause::Lost, 1)];
    assert_eq!(lost(None, &shown), (of_list, 0));
}

#[test]
fn the_last_repairs_are_kept_and_no_more() {
    let names = |count: usize| (0..count).map(|n| n.to_string());
    let count = REPAIRS_KEPT_MAX + 2;
    let subjects: Vec<String> = names(count).collect();
    let subjects = (1..).zip(&subjects);
    let subjects: Vec<(Second, &str)> = subjects.map(|(n, s)| (n * 1_000, s.as_str())).collect();
    let ledger = found_in_turn(&subjects[..2]);
    assert_eq!(ledger.repairs().len(), 2);
    let ledger = found_in_turn(&subjects);
    let found: Vec<Second> = ledger.repairs().map(|repair| repair.found - T).collect();
    assert_eq!(found.len(), REPAIRS_KEPT_MAX);
    assert_eq!(
        (found[0], found.last()),
        (3_300, Some(&(subjects[count - 1].0 + 300)))
    );
}

#[test]
fn a_group_of_which_nothing_was_told_takes_no_room() {
    let before = after(&[created()]);
    let now = after(&[
        created(),
        wrote(T + 1, n(N1)),
        read_at(T + 5, "s", &[n(N1)]),
    ]);
    let mut ledger = Ledger::default();
    ledger.followed(&group_id(), Some(&now), &now);
    ledger.followed(&group_id(), None, &before);
    assert_eq!(ledger, Ledger::default());
}

#[test]
fn suspended_twice_by_webhooks_within_the_lag_was_released_between_too() {
    let mut group = Followed::new(&[]);
    group.hears(suspended(T + 1_000, true));
    group.hears(suspended(T + 1_001, true));
    group.read(T + 3_000, &[]);
    assert_eq!(group.counts(), (1, 2));
}

#[test]
fn an_answer_that_repairs_anything_is_counted_once() {
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let mut ledger = Ledger::default();
    for (members, repaired) in [(&[n(N1), n(N2)][..], 1), (&[], 1)] {
        let events = [read_at(T + 1_000, "s", members)];
        ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
        assert_eq!(ledger.counts().repaired, repaired);
    }
}
