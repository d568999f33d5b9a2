mod judged;

use super::*;
use crate::{
    event::{
        About, Event, GroupCreated, GroupEvent, GroupRead, HintReason, JoinRequest, Person, Source,
    },
    group::Group,
    ids::{GroupId, Second},
    plan::Reason,
    testing::*,
};

const T: Second = 1_780_000_000;

fn after(events: &[Event]) -> Group {
    let mut group = Group::default();
    for (offset, event) in (1..).zip(events) {
        group.apply(&group_id(), event, position(offset));
    }
    group
}

fn created() -> Event {
    of_group(
        T,
        GroupEvent::Created(GroupCreated {
            subject: some("s"),
            ..GroupCreated::default()
        }),
    )
}

fn read_at(at: Second, subject: &str, participants: &[Person]) -> Event {
    of_group(
        at,
        GroupEvent::Read(GroupRead {
            subject: some(subject),
            participants: participants.to_vec(),
            is_complete: true,
            ..GroupRead::default()
        }),
    )
}

fn joined(at: Second, person: Person) -> Event {
    of_group(
        at,
        GroupEvent::ParticipantsAdded {
            participants: vec![person],
        },
    )
}

fn look<'a>(id: &'a GroupId, held: &'a Group, events: &'a [Event], t0: Second) -> Look<'a> {
    Look {
        group_id: id,
        held: Some(held),
        events,
        reason: Reason::Changed,
        t0,
        is_first: false,
        is_behind_gap: false,
    }
}

fn drift(ledger: &Ledger) -> Vec<(Kind, Cause, u64)> {
    let drift = ledger.counts().drift.iter();
    drift
        .filter(|(_, count)| **count > 0)
        .map(|((kind, cause), count)| (*kind, *cause, *count))
        .collect()
}

#[test]
fn a_read_that_shows_what_is_held_finds_nothing() {
    let held = after(&[created(), joined(T + 5, nu(N1, U1))]);
    let events = [read_at(T + 1_000, "s", &[nu(N1, U1)])];
    let mut ledger = Ledger::default();
    assert_eq!(
        ledger.looked(&look(&group_id(), &held, &events, T + 1_300)),
        []
    );
    assert_eq!(drift(&ledger), []);
    assert_eq!(ledger.counts().contradicted, 0);
}

#[test]
fn a_member_whom_no_webhook_told_of_is_lost_and_late_once_it_comes() {
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let events = [read_at(T + 1_000, "s", &[nu(N1, U1)])];
    let mut ledger = Ledger::default();
    let repairs = ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Lost, 1)]);
    assert_eq!(repairs[0].stood(), 1_200);
    assert_eq!(
        repairs[0].to_string(),
        format!(
            "{}: somebody is in it who was not shown, or was shown and is not; no webhook had told it; \
             it was verified 1200 s before; looked at because something happened since it was last verified",
            group_id()
        )
    );
    assert_eq!((ledger.counts().lost, ledger.counts().told), (1, 0));
    // Another's webhook changes nothing.
    ledger.heard(&joined(T + 700, nu(N2, U2)));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Lost, 1)]);
    ledger.heard(&joined(T + 700, n(N1)));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Late, 1)]);
    assert_eq!((ledger.counts().lost, ledger.counts().told), (0, 1));
    // A second delivery is no second finding.
    ledger.heard(&joined(T + 700, n(N1)));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Late, 1)]);
}

#[test]
fn somebody_shown_with_one_more_identifier_is_no_drift() {
    let held = after(&[created(), read_at(T + 100, "s", &[n(N1)])]);
    let events = [read_at(T + 1_000, "s", &[nu(N1, U1)])];
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    assert_eq!(drift(&ledger), []);
}

#[test]
fn the_first_hydration_is_no_drift() {
    let held = Group::default();
    let events = [read_at(T, "s", &[n(N1)])];
    let id = group_id();
    let mut ledger = Ledger::default();
    let first = Look {
        is_first: true,
        ..look(&id, &held, &events, T + 300)
    };
    ledger.looked(&first);
    assert_eq!(drift(&ledger), []);
}

#[test]
fn a_group_that_was_never_told_of_has_stood_since_it_was_created() {
    let listed = of_group(
        T + 1_000,
        GroupEvent::Listed {
            subject: some("s"),
            created: Some(T + 300),
        },
    );
    let events = [listed];
    let id = group_id();
    let mut ledger = Ledger::default();
    let repairs = ledger.looked(&Look {
        held: None,
        reason: Reason::Listed,
        ..look(&id, &Group::default(), &events, T + 1_300)
    });
    assert_eq!(drift(&ledger), [(Kind::Created, Cause::Lost, 1)]);
    assert_eq!(repairs[0].stood(), 1_000);
    assert_eq!(ledger.counts().stood[&Kind::Created].exact, 1);
}

#[test]
fn what_lies_in_quarantine_was_not_lost_on_the_way_to_us() {
    let hint = of_group(
        T + 200,
        GroupEvent::Hinted {
            reason: HintReason::Quarantined,
        },
    );
    let held = after(&[created(), read_at(T + 100, "s", &[]), hint]);
    let events = [read_at(T + 1_000, "other", &[])];
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    assert_eq!(drift(&ledger), [(Kind::Subject, Cause::Ours, 1)]);
    assert_eq!(ledger.counts().lost, 0);
}

#[test]
fn a_join_request_that_is_no_more_may_have_been_rejected_which_nobody_tells() {
    let ask = JoinRequest {
        person: nu(N1, U1),
        join_request_id: J1.into(),
        created: Some(T + 90),
    };
    let asks = |at, join_requests| of_group(at, GroupEvent::JoinRequestsRead { join_requests });
    let held = after(&[
        created(),
        read_at(T + 100, "s", &[]),
        asks(T + 100, vec![ask.clone()]),
    ]);
    let id = group_id();
    let mut ledger = Ledger::default();
    let none = [asks(T + 1_000, Vec::new())];
    ledger.looked(&look(&id, &held, &none, T + 1_300));
    assert_eq!(drift(&ledger), [(Kind::JoinRequest, Cause::Unknown, 1)]);
    let without = after(&[created(), read_at(T + 100, "s", &[])]);
    let one = [asks(T + 1_000, vec![ask])];
    let repairs = ledger.looked(&look(&id, &without, &one, T + 1_300));
    assert_eq!(repairs[0].cause, Cause::Lost);
    assert_eq!(repairs[0].stood(), 1_210);
}

#[test]
fn a_read_that_says_otherwise_than_newer_evidence_is_counted_and_repairs_nothing() {
    let held = after(&[
        created(),
        read_at(T + 100, "s", &[n(N1)]),
        joined(T + 1_100, n(N2)),
    ]);
    let events = [read_at(T + 1_000, "s", &[n(N1)])];
    let mut ledger = Ledger::default();
    assert_eq!(
        ledger.looked(&look(&group_id(), &held, &events, T + 1_300)),
        []
    );
    assert_eq!(ledger.counts().contradicted, 1);
}

#[test]
fn what_webhooks_told_counts_once_a_read_has_shown_that_it_is_all() {
    let before = after(&[created(), read_at(T + 100, "s", &[])]);
    let now = after(&[
        created(),
        read_at(T + 100, "s", &[]),
        joined(T + 200, n(N1)),
        joined(T + 210, n(N2)),
    ]);
    let id = group_id();
    let mut ledger = Ledger::default();
    ledger.followed(&id, Some(&before), &now);
    assert_eq!(ledger.counts().told, 0);
    let events = [read_at(T + 1_000, "s", &[n(N1), n(N2), n(N3)])];
    ledger.looked(&look(&id, &now, &events, T + 1_300));
    assert_eq!((ledger.counts().lost, ledger.counts().told), (1, 2));
    // A state that moved by a read alone tells nothing.
    let read = after(&[created(), read_at(T + 100, "s", &[n(N1)])]);
    ledger.followed(&id, Some(&before), &read);
    ledger.looked(&look(
        &id,
        &read,
        &[read_at(T + 2_000, "s", &[n(N1)])],
        T + 2_300,
    ));
    assert_eq!((ledger.counts().lost, ledger.counts().told), (1, 2));
}

#[test]
fn the_interval_is_the_one_that_tables_show() {
    // Clopper and Pearson, 95 %.
    let close = |a: f64, b: f64| (a - b).abs() < 1e-5;
    for (lost, told, low, high) in [
        (0, 10, 0.0, 0.308_497),
        (1, 9, 0.002_529, 0.445_016),
        (5, 5, 0.187_086, 0.812_914),
        (10, 0, 0.691_503, 1.0),
        (10, 990, 0.004_806, 0.018_314),
    ] {
        let rate = loss_rate(lost, told).unwrap();
        assert!(close(rate.low, low) && close(rate.high, high), "{rate:?}");
    }
    assert_eq!(loss_rate(0, 0), None);
    let many = loss_rate(10_000, 990_000).unwrap();
    assert!(many.low > 0.0098 && many.high < 0.0102, "{many:?}");
}

#[test]
fn shares_by_age_count_groups_that_live() {
    let verified = after(&[created(), read_at(T + 100, "s", &[])]);
    let gone = after(&[created(), of_group(T + 1, GroupEvent::Deleted)]);
    let never = after(&[created()]);
    let mut ledger = Ledger::default();
    ledger.called(Call::List, 10);
    let report = ledger.report(T + 100 + 7_200, [&verified, &gone, &never], Some(7));
    assert_eq!(report.groups, 2);
    assert_eq!(report.verified_within, [0, 1, 1, 1]);
    assert_eq!(report.never_verified, 1);
    assert_eq!(report.oldest, Some(7_200));
    let mut all = report.clone();
    all.add(&report);
    assert_eq!((all.groups, all.budget_left), (4, Some(14)));
    assert_eq!(all.counts.calls[&Call::List], 20);
}

#[test]
fn words_name_nobody() {
    let event = Event {
        source: Source::Read,
        ..read_at(T + 1_000, "a secret subject", &[nu(N1, U1)])
    };
    assert!(matches!(event.about, About::Group(..)));
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let events = [event];
    let mut ledger = Ledger::default();
    for repair in ledger.looked(&look(&group_id(), &held, &events, T + 1_300)) {
        let words = repair.to_string();
        assert!(
            ![N1, U1, "secret"]
                .iter()
                .any(|secret| words.contains(secret)),
            "{words}"
        );
    }
}

#[test]
fn a_repair_that_a_later_read_takes_back_names_the_lag_that_misled_it() {
    let id = group_id();
    let mut ledger = Ledger::default();
    let held = after(&[
        created(),
        read_at(T + 100, "s", &[]),
        joined(T + 900, n(N1)),
    ]);
    // Asked 401 s after the join, the API does not know of it: more than L.
    let stale = [read_at(T + 1_001, "s", &[])];
    ledger.looked(&look(&id, &held, &stale, T + 1_301));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Lost, 1)]);
    let misled = after(&[
        created(),
        read_at(T + 100, "s", &[]),
        joined(T + 900, n(N1)),
        stale[0].clone(),
    ]);
    let fresh = [read_at(T + 2_000, "s", &[n(N1)])];
    ledger.looked(&look(&id, &misled, &fresh, T + 2_300));
    assert_eq!(drift(&ledger), [(Kind::Member, Cause::Ours, 2)]);
    let misled = ledger.misled();
    assert_eq!((misled.times, misled.lag_max), (1, 401));
    assert_eq!(ledger.counts().lost, 0);
    let report = ledger.report(T + 2_300, [], None).to_string();
    assert!(report.contains("--api-lag is too small"), "{report}");
}

fn left(at: Second, person: Person) -> Event {
    of_group(
        at,
        GroupEvent::ParticipantsRemoved {
            participants: vec![person],
        },
    )
}

fn wrote(at: Second, sender: Person) -> Event {
    of_group(at, GroupEvent::MessageReceived { sender })
}

/// A ledger that knows of a verified group with these members how reads lag, and what it follows from then on.
struct Followed {
    ledger: Ledger,
    events: Vec<Event>,
}

impl Followed {
    fn new(members: &[Person]) -> Self {
        let mut followed = Self {
            ledger: Ledger::default(),
            events: vec![created(), read_at(T + 100, "s", members)],
        };
        followed.read(T + 101, members);
        assert_eq!(followed.counts(), (0, 0));
        followed
    }

    fn counts(&self) -> (u64, u64) {
        (self.ledger.counts().lost, self.ledger.counts().told)
    }

    /// A webhook arrives.
    fn hears(&mut self, event: Event) {
        let before = after(&self.events);
        self.events.push(event.clone());
        let now = after(&self.events);
        self.ledger.followed(&group_id(), Some(&before), &now);
        self.ledger.heard(&event);
    }

    /// A read that speaks of a second, asked 300 s later.
    fn read(&mut self, at: Second, members: &[Person]) {
        let held = after(&self.events);
        let events = [read_at(at, "s", members)];
        self.ledger
            .looked(&look(&group_id(), &held, &events, at + 300));
        self.events.extend(events);
    }
}

#[test]
fn who_comes_twice_without_going_had_gone_and_nobody_told() {
    let mut group = Followed::new(&[nu(N1, U1)]);
    group.hears(joined(T + 1_000, nu(N1, U1)));
    group.read(T + 2_000, &[nu(N1, U1)]);
    assert_eq!(group.counts(), (1, 1));
    // The going was late, and not lost.
    group.hears(left(T + 900, nu(N1, U1)));
    assert_eq!(group.counts(), (0, 2));
}

#[test]
fn a_webhook_that_a_read_may_have_been_ahead_of_shows_nothing() {
    let mut group = Followed::new(&[nu(N1, U1)]);
    group.hears(joined(T + 400, nu(N1, U1)));
    group.read(T + 2_000, &[nu(N1, U1)]);
    assert_eq!(group.counts(), (0, 0));
}

#[test]
fn who_writes_had_come_though_nobody_told() {
    let mut group = Followed::new(&[]);
    group.hears(wrote(T + 1_000, nu(N1, U1)));
    group.read(T + 2_000, &[nu(N1, U1)]);
    assert_eq!(group.counts(), (1, 0));
    // Told a little later it was only overtaken.
    group.hears(joined(T + 990, nu(N1, U1)));
    assert_eq!(group.counts(), (0, 1));
}

#[test]
fn who_may_be_somebody_known_by_another_identifier_shows_nothing() {
    let mut group = Followed::new(&[u(U1)]);
    group.hears(wrote(T + 1_000, n(N1)));
    group.hears(left(T + 1_010, n(N2)));
    group.read(T + 2_000, &[nu(N1, U1)]);
    assert_eq!(group.counts().0, 0);
}

#[test]
fn a_removal_by_number_alone_is_told_of_whom_the_number_is_known_to_be() {
    let mut group = Followed::new(&[nu(N1, U1)]);
    group.hears(left(T + 1_000, n(N1)));
    group.read(T + 2_000, &[]);
    assert_eq!(group.counts(), (0, 1));
}

#[test]
fn what_comes_late_by_number_alone_is_whom_a_read_found_by_user_id_alone() {
    let mut group = Followed::new(&[]);
    group.read(T + 1_000, &[u(U1)]);
    assert_eq!(group.counts(), (1, 0));
    group.hears(left(T + 950, n(N1)));
    assert_eq!(group.counts().0, 1, "that is the contrary");
    group.hears(joined(T + 50, n(N1)));
    assert_eq!(group.counts().0, 1, "that is older than what was verified");
    group.hears(joined(T + 1_301, n(N1)));
    assert_eq!(group.counts().0, 1, "that is younger than the read");
    group.hears(joined(T + 950, n(N1)));
    assert_eq!(group.counts().0, 0);
}

#[test]
fn suspended_twice_was_released_between_and_nobody_told() {
    let suspended = |at, is| of_group(at, GroupEvent::Suspended(is));
    let mut group = Followed::new(&[]);
    group.hears(suspended(T + 1_000, true));
    group.hears(suspended(T + 2_000, true));
    group.hears(suspended(T + 2_000, true));
    group.read(T + 3_000, &[]);
    assert_eq!(group.counts(), (1, 2));
}

#[test]
fn what_was_told_of_a_group_that_went_does_not_count_but_its_end_does() {
    let mut group = Followed::new(&[]);
    group.hears(joined(T + 1_000, nu(N1, U1)));
    group.hears(of_group(T + 1_100, GroupEvent::Deleted));
    assert_eq!(group.counts(), (0, 1));
}

#[test]
fn members_of_a_group_that_went_are_one_loss_with_it() {
    let held = after(&[created(), read_at(T + 100, "s", &[nu(N1, U1), nu(N2, U2)])]);
    let events = [of_group(T + 1_000, GroupEvent::Unknown)];
    let mut ledger = Ledger::default();
    ledger.looked(&look(&group_id(), &held, &events, T + 1_300));
    assert_eq!(drift(&ledger), [(Kind::Gone, Cause::Lost, 1)]);
    assert_eq!(ledger.counts().lost, 1);
}

#[test]
fn a_group_gone_by_a_read_and_back_by_a_list_was_never_gone() {
    let mut told = vec![created()];
    let id = group_id();
    let mut ledger = Ledger::default();
    let gone = [of_group(T + 500, GroupEvent::Unknown)];
    ledger.looked(&look(&id, &after(&told), &gone, T + 800));
    assert_eq!(drift(&ledger), [(Kind::Gone, Cause::Lost, 1)]);
    told.extend(gone);
    let listed = [of_group(
        T + 2_000,
        GroupEvent::Listed {
            subject: Some(some_subject()),
            created: Some(T),
        },
    )];
    ledger.looked(&look(&id, &after(&told), &listed, T + 2_300));
    assert_eq!(
        drift(&ledger),
        [
            (Kind::Created, Cause::Ours, 1),
            (Kind::Gone, Cause::Ours, 1)
        ]
    );
    assert_eq!((ledger.misled().times, ledger.counts().lost), (1, 0));
}

fn some_subject() -> crate::ids::Text {
    "s".into()
}

#[test]
fn what_two_answers_find_before_it_is_folded_is_found_once() {
    let held = after(&[created(), read_at(T + 100, "s", &[])]);
    let events = [read_at(T + 1_000, "other", &[nu(N1, U1)])];
    let mut ledger = Ledger::default();
    let id = group_id();
    assert_eq!(
        ledger.looked(&look(&id, &held, &events, T + 1_300)).len(),
        2
    );
    assert_eq!(
        ledger.looked(&look(&id, &held, &events, T + 1_301)).len(),
        0
    );
    assert_eq!(ledger.counts().lost, 2);
}

#[test]
fn answers_that_lag_differently_and_contradict_each_other_lost_one_webhook() {
    let mut told = vec![created(), read_at(T + 100, "s", &[])];
    let id = group_id();
    let mut ledger = Ledger::default();
    for (at, subject) in [(T + 1_000, "new"), (T + 1_060, "s"), (T + 1_300, "new")] {
        let events = [read_at(at, subject, &[])];
        ledger.looked(&look(&id, &after(&told), &events, at + 300));
        told.extend(events);
    }
    assert_eq!(ledger.counts().lost, 1);
    assert_eq!(
        drift(&ledger),
        [
            (Kind::Subject, Cause::Lost, 1),
            (Kind::Subject, Cause::Unknown, 2)
        ]
    );
}

#[test]
fn every_call_has_a_word_of_its_own() {
    let calls = [
        Call::List,
        Call::Read(Reason::AfterGap),
        Call::JoinRequests,
        Call::Command,
        Call::Other,
    ];
    let words: std::collections::BTreeSet<_> = calls.iter().map(|call| call.as_str()).collect();
    assert_eq!(words.len(), calls.len(), "{words:?}");
    assert!(!words.contains(""));
}
