mod attempts;
mod compare;
mod complete;
mod identity;
mod interlock;
mod pages;
mod random;
mod reads;
mod step;
mod suspects;

use super::*;
use crate::{
    event::{About, Event, GroupCreated, GroupEvent, GroupRead, HintReason, Person, Source},
    group::Group,
    ids::{EventId, GroupId, Second},
    limits::{CONTROL_SECONDS_MAX, CONTROLLED_CALLS},
    number::Number,
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
        ended: t0,
        is_complete: true,
        pages: 1,
        groups,
    }
}

const LIMITS: Limits = Limits {
    lag: LAG,
    again_after: 600,
};

/// All that a plan looks at, to be changed by a test.
#[derive(Default)]
struct Given {
    held: BTreeMap<GroupId, Group>,
    number: Number,
    memory: Memory,
    signals: Signals,
    gathers: bool,
}

impl Given {
    fn new(held: &[(&str, Group)]) -> Self {
        let held = held.iter();
        Self {
            held: held
                .map(|(name, group)| (id(name), group.clone()))
                .collect(),
            ..Self::default()
        }
    }

    fn plan(&self, listing: Option<&Listing>, now: Second, reads: usize) -> Plan {
        let projection = Projection {
            held: &self.held,
            number: Some(&self.number),
            memory: &self.memory,
            signals: &self.signals,
        };
        let clock = Clock {
            now,
            monotonic_ms: now.unsigned_abs() * 1_000,
        };
        let budget = Budget {
            reads,
            gathers: self.gathers,
        };
        super::plan(&projection, listing, clock, budget, &LIMITS)
    }

    /// Carries a plan out, as far as it needs no answer.
    fn carry_out(&mut self, plan: &Plan) {
        for step in &plan.steps {
            for (at, source, what) in step.events() {
                let group_id = step.group_id();
                let event = Event {
                    id: EventId([at as u8; 16]),
                    at,
                    source,
                    phone_number_id: None,
                    waba_id: None,
                    about: About::Group(group_id.clone(), what),
                };
                let group = self.held.entry(group_id.clone()).or_default();
                let offset = group.envelope.position.offset + 1;
                let position = Position {
                    generation: 1,
                    offset,
                    ..Position::default()
                };
                group.apply(group_id, &event, position);
            }
        }
        self.memory.took(plan);
    }
}

fn plan(listing: &Listing, held: &[(&str, Group)]) -> Plan {
    Given::new(held).plan(Some(listing), listing.t0, 0)
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
    assert_eq!(plan_before.summary.as_ref().unwrap().unknown_to_us, 1);
    let [Step::Assert { why, .. }] = plan_before.steps.as_slice() else {
        panic!("{plan_before}")
    };
    assert_eq!(*why, Difference::UnknownToUs);
    let mut given = Given::new(&[]);
    given.carry_out(&plan_before);
    let again = given.plan(Some(&listing(9_300, &[("a", "s")])), 9_300, 0);
    assert!(again.is_empty(), "{again}");
}

#[test]
fn another_subject_is_asserted_unless_ours_is_newer_than_the_list_can_be() {
    let old = group("a", [(1_000, Source::Webhook, created("old"))]);
    assert_eq!(
        plan(&listing(9_000, &[("a", "new")]), &[("a", old)])
            .summary
            .unwrap()
            .subject_differs,
        1
    );
    let fresh = group("a", [(8_700, Source::Webhook, created("fresh"))]);
    assert!(plan(&listing(9_000, &[("a", "old")]), &[("a", fresh)]).is_empty());
    for (at, differs) in [(8_699, 1), (8_700, 0)] {
        let renamed = GroupEvent::SettingsUpdated {
            subject: Some("renamed".into()),
            description: None,
            picture_sha256: None,
        };
        let events = [
            (1_000, Source::Webhook, created("old")),
            (at, Source::Webhook, renamed),
        ];
        let plan = plan(
            &listing(9_000, &[("a", "old")]),
            &[("a", group("a", events))],
        );
        assert_eq!(plan.summary.unwrap().subject_differs, differs);
    }
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
            .unwrap()
            .unknown_to_us,
        1
    );
    assert!(plan(&listing(9_000, &[("a", "s")]), &[("a", gone_at(8_700))]).is_empty());
}

#[test]
fn absence_from_a_complete_list_only_asks() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    let plan = plan(&listing(9_000, &[]), &[("a", held)]);
    assert_eq!(
        plan.steps,
        [Step::Suspect {
            group_id: id("a"),
            ended: 9_000
        }]
    );
    assert_eq!(
        plan.to_string(),
        "ask by id      a: held as alive, not listed\n\
         0 repairs, 1 ask; 0 groups listed on 1 pages, complete\n\
         0 groups worth a read"
    );
}

#[test]
fn absence_from_a_list_that_is_not_proven_complete_asks_nothing() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    let mut listing = listing(9_000, &[]);
    listing.is_complete = false;
    let plan = plan(&listing, &[("a", held)]);
    assert!(plan.is_empty());
    assert_eq!(plan.summary.unwrap().unlisted, 1);
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
    assert_eq!(verdict(100, 0, 5, 0, 0), Verdict::Assert);
    assert_eq!(verdict(100, 0, 6, 0, 0), Verdict::Hold);
    assert_eq!(verdict(97, 3, 3, 0, 0), Verdict::Hold);
    assert_eq!(verdict(1_000, 0, 20, 0, 0), Verdict::Assert);
    assert_eq!(verdict(1_000, 0, 21, 0, 0), Verdict::Hold);
    assert_eq!(verdict(0, 0, 0, 0, 0), Verdict::Assert);
}

#[test]
fn nothing_vanishes_while_those_in_question_could_make_it_too_many() {
    assert_eq!(verdict(100, 0, 3, 2, 0), Verdict::Assert);
    assert_eq!(verdict(100, 0, 3, 3, 0), Verdict::Wait);
    assert_eq!(verdict(100, 4, 1, 1, 0), Verdict::Wait);
    assert_eq!(verdict(100, 0, 6, 9, 0), Verdict::Hold);
}

fn reason(group: &Group, now: Second, attempted: Option<Second>) -> Option<Reason> {
    let known = Known {
        attempted,
        ..Known::default()
    };
    candidate(&id("a"), group, now, &LIMITS, known).map(|candidate| candidate.reason)
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
    let ids = |letter: &str| {
        (0..50)
            .map(|n| id(&format!("{letter}{n:02}")))
            .collect::<Vec<_>>()
    };
    let (urgent, old) = (ids("u"), ids("o"));
    let urgent = (0..).zip(&urgent).map(|(n, group_id)| Candidate {
        reason: Reason::Hinted,
        last: 9_000 + n,
        group_id,
    });
    let old = (0..).zip(&old).map(|(n, group_id)| Candidate {
        reason: Reason::LongestUnverified,
        last: n,
        group_id,
    });
    let candidates: Vec<Candidate<'_>> = urgent.chain(old).collect();
    let shares = |chosen: &[Candidate<'_>]| {
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
    let ids: Vec<GroupId> = (0..7).map(|n| id(&format!("g{n}"))).collect();
    let candidates: Vec<Candidate<'_>> = (0..)
        .zip(&ids)
        .map(|(last, group_id)| Candidate {
            reason: Reason::Changed,
            last,
            group_id,
        })
        .collect();
    let mut chosen: Vec<&GroupId> = choose(candidates, 100, 0)
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
    // Of whom nothing else is held stays as given.
    for given in [
        person(None, Some("US.2"), None),
        person(Some("157"), None, None),
    ] {
        let mut stranger = given.clone();
        carry(&held.core, &mut stranger);
        assert_eq!(stranger, given);
    }
}

#[test]
fn reads_are_planned_by_urgency_within_the_budget_and_counted_beyond_it() {
    let hinted = group(
        "h",
        [
            (1_000, Source::Read, read_complete()),
            (
                2_000,
                Source::Rollcall,
                GroupEvent::Hinted {
                    reason: HintReason::Asked,
                },
            ),
        ],
    );
    let verified = |name| group(name, [(8_600, Source::Read, read_complete())]);
    let mut given = Given::new(&[
        ("a", verified("a")),
        ("b", verified("b")),
        ("c", verified("c")),
        ("h", hinted),
    ]);
    given.signals.overdue.insert(id("b"), 8_650);
    let plan = given.plan(None, 9_000, 1);
    assert_eq!(
        plan.to_string(),
        "read           h: something about it could not be understood, or somebody asked\n\
         0 repairs, 1 read\n\
         2 groups worth a read, 1 hinted, 1 request_overdue"
    );
    given.memory.took(&plan);
    // What is being read is not read again.
    let plan = given.plan(None, 9_000, 5);
    let reads: Vec<_> = plan.reads().collect();
    assert_eq!(reads, [(&id("b"), Reason::RequestOverdue)]);
    given.memory.took(&plan);
    let full = Outcome::Full { is_complete: true };
    given.memory.answered(&id("b"), (9_000, LAG), full, 0);
    given.signals.gap = Some(8_650);
    let plan = given.plan(None, 9_000, 5);
    let reads: Vec<_> = plan.reads().collect();
    assert_eq!(
        reads,
        [(&id("a"), Reason::AfterGap), (&id("c"), Reason::AfterGap)]
    );
}

#[test]
fn a_read_that_counts_others_than_it_names_is_made_again_later_each_time() {
    let verified = group("a", [(100, Source::Read, read_complete())]);
    let mut given = Given::new(&[("a", verified)]);
    let partial = Outcome::Full { is_complete: false };
    given.memory.answered(&id("a"), (10_000, LAG), partial, 0);
    let due = |given: &Given, now| {
        let plan = given.plan(None, now, 1);
        plan.reads().map(|(_, reason)| reason).next()
    };
    assert_eq!(due(&given, 10_300), None);
    assert_eq!(due(&given, 10_301), Some(Reason::CountMismatch));
    given.memory.answered(&id("a"), (10_301, LAG), partial, 0);
    assert_ne!(due(&given, 10_901), Some(Reason::CountMismatch));
    assert_eq!(due(&given, 10_902), Some(Reason::CountMismatch));
    let full = Outcome::Full { is_complete: true };
    given.memory.answered(&id("a"), (10_902, LAG), full, 0);
    assert_ne!(due(&given, 11_900), Some(Reason::CountMismatch));
}

#[test]
fn what_the_list_shows_otherwise_is_read_deeply_afterwards() {
    let held = group("a", [(1_000, Source::Read, read_complete())]);
    let mut given = Given::new(&[("a", held)]);
    given.memory.answered(
        &id("a"),
        (8_900, LAG),
        Outcome::Full { is_complete: true },
        0,
    );
    let plan = given.plan(Some(&listing(9_000, &[("a", "new")])), 9_000, 0);
    given.carry_out(&plan);
    // A read that speaks of an earlier second than the list was asked might take its word back.
    assert_eq!(given.plan(None, 9_300, 1).reads().count(), 0);
    let plan = given.plan(None, 9_301, 1);
    assert_eq!(plan.reads().next(), Some((&id("a"), Reason::Listed)));
}

#[test]
fn a_group_that_is_alive_though_not_listed_rests_a_day_unless_it_is_listed_meanwhile() {
    let held = group(
        "a",
        [
            (1_000, Source::Webhook, created("s")),
            (8_000, Source::Read, GroupEvent::Unlisted),
        ],
    );
    let mut given = Given::new(&[("a", held)]);
    let empty = |t0| listing(t0, &[]);
    assert!(given.plan(Some(&empty(9_000)), 9_000, 0).is_empty());
    let suspects = |plan: &Plan| plan.counts().get("ask").copied();
    let later = 8_000 + 86_400;
    assert_eq!(
        suspects(&given.plan(Some(&empty(later)), later, 0)),
        Some(1)
    );
    let shown = listing(9_300, &[("a", "s")]);
    let plan = given.plan(Some(&shown), 9_300, 0);
    given.carry_out(&plan);
    assert_eq!(
        suspects(&given.plan(Some(&empty(9_600)), 9_600, 0)),
        Some(1)
    );
}

#[test]
fn groups_gone_for_thirty_days_are_forgotten_with_exactly_their_stamp() {
    let gone = group("a", [(1_000, Source::Webhook, GroupEvent::Deleted)]);
    let given = Given::new(&[("a", gone)]);
    let at = |now| given.plan(Some(&listing(now, &[])), now, 0);
    assert!(at(1_000 + 30 * 86_400).is_empty());
    assert_eq!(
        at(1_001 + 30 * 86_400).steps,
        [Step::Forget {
            group_id: id("a"),
            at: 1_001 + 30 * 86_400,
            stamp: 1_000
        }]
    );
}

#[test]
fn an_answer_stamped_far_from_our_clock_is_believed_in_nothing() {
    assert!(Memory::is_credible(1_600, 1_000) && Memory::is_credible(400, 1_000));
    assert!(!Memory::is_credible(1_601, 1_000) && !Memory::is_credible(399, 1_000));
    let mut memory = Memory::default();
    memory.learn_clock(1_005, 1_000);
    memory.learn_clock(9_000_000, 1_000);
    assert_eq!(memory.now(2_000), 2_005);
}

#[test]
fn of_ten_reads_no_more_than_five_follow_what_was_heard_while_others_wait() {
    let ids = |letter: char| {
        let all = (0..30).map(|n| id(&format!("{letter}{n:02}")));
        all.collect::<Vec<_>>()
    };
    let of = |reason, first: Second, ids: &'static [GroupId]| {
        (first..).zip(ids).map(move |(last, group_id)| Candidate {
            reason,
            last,
            group_id,
        })
    };
    let (heard, old, asked) = (ids('h').leak(), ids('o').leak(), ids('a').leak());
    let all: Vec<Candidate<'_>> = of(Reason::Changed, 9_000, heard)
        .chain(of(Reason::LongestUnverified, 1, old))
        .collect();
    let count = |chosen: &[Candidate<'_>], reason| {
        let of_it = chosen.iter().filter(|one| one.reason == reason);
        of_it.count()
    };
    let chosen = choose(all.clone(), 10, 0);
    assert_eq!(count(&chosen, Reason::Changed), 5);
    assert_eq!(count(&chosen, Reason::LongestUnverified), 5);
    // What somebody asked for comes before both, in seven of ten.
    let all: Vec<Candidate<'_>> = all
        .into_iter()
        .chain(of(Reason::Hinted, 9_000, asked))
        .collect();
    let chosen = choose(all, 10, 0);
    assert_eq!(count(&chosen, Reason::Hinted), 7);
    assert_eq!(count(&chosen, Reason::LongestUnverified), 3);
}

#[test]
fn a_session_is_read_once_it_is_over_where_a_round_takes_days_and_after_the_lag_where_it_takes_an_hour()
 {
    const HOUR: Second = 3_600;
    let quiet = |at| group("old", [(at, Source::Read, read_complete())]);
    let heard = group(
        "heard",
        [
            (100 * HOUR - 120, Source::Read, read_complete()),
            (100 * HOUR, Source::Webhook, GroupEvent::Suspended(true)),
        ],
    );
    let first = |oldest: Second, now: Second| {
        let given = Given::new(&[("heard", heard.clone()), ("old", quiet(oldest))]);
        let plan = given.plan(None, now, 1);
        let read = plan.reads().next();
        read.map(|(id, reason)| (id.to_string(), reason))
    };
    let changed = Some(("heard".to_owned(), Reason::Changed));
    let oldest = Some(("old".to_owned(), Reason::LongestUnverified));
    let now = 100 * HOUR + LAG + 10;
    assert_eq!(first(100 * HOUR - 60, now), changed);
    assert_eq!(first(60 * HOUR, now), oldest);
    assert_eq!(first(60 * HOUR, now + HOUR), changed);
    // Nobody waits for longer than an hour.
    assert_eq!(first(1, 101 * HOUR + LAG), changed);
    assert_eq!(first(1, 101 * HOUR + LAG - 1), oldest);
}

#[test]
fn where_calls_are_rare_a_question_waits_until_the_sights_around_it_can_follow_at_once() {
    let listed = listing(1_000, &[("other", "Other")]);
    let mut given = Given::new(&[
        (
            "other",
            group("other", [(100, Source::Webhook, created("Other"))]),
        ),
        (
            "gone",
            group("gone", [(100, Source::Webhook, created("Gone"))]),
        ),
    ]);
    given.gathers = true;
    given.memory.listed(&listed, &given.held);
    let plan = given.plan(Some(&listed), 1_000, 0);
    given.memory.took(&plan);
    let now = 1_000 + CONTROL_SECONDS_MAX;
    assert_eq!(
        given.plan(None, now, CONTROLLED_CALLS - 1).reads().count(),
        0
    );
    let reads = |plan: &Plan| -> Vec<(String, Reason)> {
        let reads = plan.reads();
        reads.map(|(id, reason)| (id.to_string(), reason)).collect()
    };
    let plan = given.plan(None, now, CONTROLLED_CALLS);
    let asked = reads(&plan);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(
        (asked[0].0.as_str(), asked[1].clone()),
        ("other", ("gone".to_owned(), Reason::Unlisted))
    );
    // Whoever gets no more by waiting asks with what there is.
    given.gathers = false;
    assert!(!given.plan(None, now, 1).steps.is_empty());
    given.gathers = true;
    given.memory.took(&plan);
    let now_ms = now.unsigned_abs() * 1_000;
    given.memory.answered(
        &id("other"),
        (now, LAG),
        Outcome::Full { is_complete: true },
        now_ms,
    );
    given
        .memory
        .answered(&id("gone"), (now, LAG), Outcome::Unknown, now_ms);
    // What follows the question waits for nothing.
    let asked = reads(&given.plan(None, now + 1, 1));
    assert_eq!(asked, [("other".to_owned(), Reason::Control)]);
}
