//! Gone is asserted of what is proven, refused where too much would vanish, and done once a person has consented.

use super::*;
use crate::{
    event::NumberEvent,
    ids::{PhoneNumberId, Text},
    limits::VANISH_WINDOW_SECONDS,
};

/// So many groups, of which none but the first `listed` is listed; each missing one was unknown at these seconds.
fn given(groups: usize, listed: usize, unknown: &[Second]) -> (Given, Listing) {
    let held = (0..groups).map(|n| {
        let name = format!("g{n:03}");
        let group = group(&name, [(1_000, Source::Webhook, created("s"))]);
        (id(&name), group)
    });
    let mut given = Given {
        held: held.collect(),
        ..Given::default()
    };
    let shown = given.held.keys().take(listed).cloned();
    let shown = Listing {
        t0: 9_000,
        ended: 9_000,
        is_complete: true,
        pages: 1,
        groups: shown
            .map(|id| {
                let subject = Some("s".into());
                let created = Some(1);
                (id, Listed { subject, created })
            })
            .collect(),
    };
    given.pass(&shown);
    for t0 in unknown {
        given.unknown(*t0, listed);
    }
    (given, shown)
}

impl Given {
    fn pass(&mut self, listing: &Listing) -> Plan {
        self.memory.listed(listing, &self.held);
        let plan = self.plan(Some(listing), listing.t0, 0);
        self.carry_out(&plan);
        plan
    }

    /// All that are missing are unknown, and others are seen before and after: the token works.
    fn unknown(&mut self, t0: Second, listed: usize) {
        self.sighted(t0, listed);
        let suspects: Vec<GroupId> = self.memory.suspects().iter().cloned().collect();
        for group_id in suspects {
            self.memory
                .answered(&group_id, (t0, LAG), Outcome::Unknown, 0);
        }
        self.sighted(t0, listed);
    }

    fn released(&mut self, at: Second, groups: u32) {
        let by = NumberEvent::Released {
            hold_id: Text::new("h"),
            groups,
            by: None,
        };
        self.number_event(at, by);
    }

    /// The first of the listed answers by its id.
    fn sighted(&mut self, t0: Second, listed: usize) {
        if listed > 0 {
            let full = Outcome::Full { is_complete: true };
            self.memory.answered(&id("g000"), (t0, LAG), full, 0);
        }
    }

    fn later(&mut self, listing: &Listing, t0: Second) -> Plan {
        self.pass(&Listing {
            t0,
            ended: t0,
            ..listing.clone()
        })
    }

    fn number_event(&mut self, at: Second, what: NumberEvent) {
        let number = PhoneNumberId::parse("1").unwrap();
        let event = Event {
            id: EventId::default(),
            at,
            source: Source::Rollcall,
            phone_number_id: None,
            waba_id: None,
            about: About::Number(number.clone(), what),
        };
        let offset = self.number.envelope.position.offset + 1;
        let position = Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        self.number.apply(&number, &event, position);
    }
}

#[test]
fn one_that_is_unknown_twice_with_the_lag_between_is_gone_once_another_was_seen() {
    let (mut given, listing) = given(20, 19, &[9_010, 9_311]);
    assert_eq!(given.memory.last_complete(), 9_000);
    assert!(!given.memory.suspects().is_empty());
    // Nothing of the number was seen since it was first unknown.
    assert!(given.plan(None, 9_312, 0).is_empty());
    let plan = given.later(&listing, 9_320);
    assert_eq!(
        plan.to_string(),
        "assert gone    g019: not in a complete list, and unknown by id twice, 301 s apart\n\
         1 repairs, 1 gone; 19 groups listed on 1 pages, complete\n\
         0 groups worth a read"
    );
    assert!(given.later(&listing, 9_330).is_empty());
    assert_eq!(given.memory.last_complete(), 9_330);
    assert!(given.memory.suspects().is_empty());
}

#[test]
fn one_that_is_unknown_once_or_twice_within_the_lag_is_not() {
    for unknown in [&[9_010][..], &[9_010, 9_310]] {
        let (mut given, listing) = given(20, 19, unknown);
        assert!(given.later(&listing, 9_311).is_empty());
    }
}

#[test]
fn too_many_are_refused_and_asserted_when_a_person_has_released_so_many() {
    let (mut given, listing) = given(20, 12, &[9_010, 9_311]);
    let plan = given.later(&listing, 9_320);
    let refused = plan.refused.unwrap();
    assert_eq!((refused.vanishing, refused.limit), (6, 5));
    assert_eq!(
        refused.to_string(),
        "refused        6 groups would be asserted gone, and 0 went within a day; 5 may"
    );
    assert_eq!(plan.steps, []);
    let hold_id = Text::new("h");
    let held = NumberEvent::Held {
        hold_id: hold_id.clone(),
        groups: 6,
        suspects: refused.groups,
    };
    // Also before it is in the projection.
    given.memory.held(hold_id.clone());
    assert!(given.plan(None, 9_325, 0).is_empty());
    given.number_event(9_320, held);
    assert!(given.later(&listing, 9_330).is_empty());
    given.released(9_340, 6);
    let plan = given.later(&listing, 9_350);
    // Of eight missing six were in question.
    assert_eq!(plan.counts()["gone"], 6);
    assert_eq!(plan.refused, None);
    // And of the rest none more than else may vanish.
    let plan = given.later(&listing, 9_360);
    assert_eq!(plan.counts().get("gone"), None);
}

#[test]
fn one_that_a_webhook_has_ended_meanwhile_is_not_asserted_gone_again() {
    let (mut given, listing) = given(20, 19, &[9_010, 9_311]);
    let gone = [
        (1_000, Source::Webhook, created("s")),
        (9_315, Source::Webhook, GroupEvent::Deleted),
    ];
    given.held.insert(id("g019"), group("g019", gone));
    assert!(given.later(&listing, 9_320).is_empty());
}

#[test]
fn a_persons_consent_is_over_after_a_day() {
    let (mut given, _) = given(2, 2, &[]);
    let released = 9_340;
    given.released(released, 6);
    let allowance = |now| crate::plan::interlock::allowance(Some(&given.number), now);
    assert_eq!(allowance(released), 6);
    assert_eq!(allowance(released + VANISH_WINDOW_SECONDS - 1), 6);
    assert_eq!(allowance(released + VANISH_WINDOW_SECONDS), 0);
    assert_eq!(crate::plan::interlock::allowance(None, released), 0);
}

#[test]
fn nothing_is_gone_by_a_token_that_sees_nothing_and_a_person_is_asked() {
    let (mut given, listing) = given(4, 0, &[9_010, 9_311]);
    let plan = given.later(&listing, 9_320);
    assert!(plan.refused.is_some_and(|refused| refused.is_everything));
    assert_eq!(plan.steps, []);
}

#[test]
fn before_and_after_a_suspect_another_group_is_read_to_see_that_the_token_works() {
    let (mut given, _) = given(20, 19, &[]);
    let reads = |plan: &Plan| -> Vec<(String, Reason)> {
        let reads = plan.reads();
        reads.map(|(id, reason)| (id.to_string(), reason)).collect()
    };
    let verified: Vec<GroupId> = given.held.keys().take(19).cloned().collect();
    for group_id in verified {
        let full = Outcome::Full { is_complete: true };
        given.memory.answered(&group_id, (9_000, LAG), full, 0);
    }
    let plan = given.plan(None, 9_100, 9);
    let read = |id: &str, reason| (id.to_owned(), reason);
    assert_eq!(
        reads(&plan),
        [
            read("g000", Reason::Control),
            read("g019", Reason::Unlisted),
            read("g001", Reason::Control)
        ]
    );
    // Of two calls both are taken up by what comes first.
    assert_eq!(reads(&given.plan(None, 9_100, 2)).len(), 2);
    given.memory.took(&plan);
    given.sighted(9_100, 1);
    given
        .memory
        .answered(&id("g019"), (9_100, LAG), Outcome::Unknown, 0);
    // The last was not answered yet, or not at all.
    let plan = given.plan(None, 9_101, 9);
    assert_eq!(reads(&plan), [read("g002", Reason::Control)]);
}

#[test]
fn the_last_call_beside_suspects_is_another_groups_so_that_their_answers_count() {
    let ids = ["g000", "g001", "g002", "g003", "g004"];
    let held = ids.map(|name| (name, group(name, [(1_000, Source::Webhook, created("s"))])));
    let mut given = Given::new(&held);
    let shown = listing(9_000, &[("g000", "s"), ("g004", "s")]);
    given.pass(&shown);
    given.sighted(9_010, 1);
    let plan = given.plan(None, 9_011, 3);
    let reads: Vec<_> = plan.reads().map(|(id, _)| id.to_string()).collect();
    assert_eq!(reads, ["g001", "g002", "g004"]);
}

#[test]
fn where_all_others_are_alive_and_never_listed_an_empty_list_is_enough() {
    for is_unlisted in [true, false] {
        let events = [
            Some((1_000, Source::Webhook, created("s"))),
            is_unlisted.then_some((8_000, Source::Read, GroupEvent::Unlisted)),
        ];
        let suspended = group("g000", events.into_iter().flatten());
        let other = group("g001", [(1_000, Source::Webhook, created("s"))]);
        let mut given = Given::new(&[("g000", suspended), ("g001", other)]);
        let empty = listing(9_000, &[]);
        given.pass(&empty);
        for t0 in [9_010, 9_311] {
            given.sighted(t0, 1);
            given
                .memory
                .answered(&id("g001"), (t0, LAG), Outcome::Unknown, 0);
            given.sighted(t0, 1);
        }
        let plan = given.later(&empty, 9_320);
        assert_eq!(plan.counts().contains_key("gone"), is_unlisted, "{plan}");
    }
}

#[test]
fn what_a_person_has_released_is_added_to_what_may_vanish() {
    let (mut given, listing) = given(20, 8, &[]);
    given.released(9_005, 3);
    // One more than may vanish is asked for.
    assert_eq!(given.later(&listing, 9_006).counts()["ask"], 3);
    assert_eq!(given.memory.suspects().len(), 9);
    given.unknown(9_010, 8);
    given.unknown(9_311, 8);
    let plan = given.later(&listing, 9_320);
    let refused = plan.refused.unwrap();
    assert_eq!((refused.vanishing, refused.limit), (9, 8));
}

#[test]
fn the_only_group_of_a_number_is_gone_once_the_list_was_answered_again() {
    let (mut given, listing) = given(1, 0, &[9_010, 9_311]);
    assert!(given.plan(None, 9_312, 0).is_empty());
    assert_eq!(given.later(&listing, 9_320).counts()["gone"], 1);
}

#[test]
fn all_groups_are_gone_where_a_person_has_said_so_and_the_list_was_answered_since() {
    let (mut given, listing) = given(4, 0, &[9_010, 9_311]);
    let everything = |plan: Plan| plan.refused.is_some_and(|refused| refused.is_everything);
    assert!(everything(given.later(&listing, 9_320)));
    // Of three is not of four.
    given.released(9_330, 3);
    assert!(everything(given.later(&listing, 9_340)));
    given.released(9_350, 4);
    assert!(everything(given.plan(None, 9_351, 0)));
    assert_eq!(given.later(&listing, 9_360).counts()["gone"], 4);
}

#[test]
fn an_answer_of_half_a_minute_ago_is_sight_enough_before_a_question() {
    let (mut given, _) = given(20, 19, &[]);
    let verified: Vec<GroupId> = given.held.keys().take(19).cloned().collect();
    for group_id in verified {
        let full = Outcome::Full { is_complete: true };
        given.memory.answered(&group_id, (9_000, LAG), full, 0);
    }
    let first = |now| {
        let plan = given.plan(None, now, 9);
        plan.reads().next().map(|(_, reason)| reason)
    };
    assert_eq!(first(9_030), Some(Reason::Unlisted));
    assert_eq!(first(9_031), Some(Reason::Control));
}

#[test]
fn two_calls_are_kept_for_the_sights_after_the_questions_where_calls_are_rare() {
    let (mut given, _) = given(20, 8, &[]);
    given.gathers = true;
    let counts = |reads| {
        let plan = given.plan(None, 9_100, reads);
        let unlisted = plan.reads().filter(|(_, r)| *r == Reason::Unlisted);
        (plan.reads().count(), unlisted.count())
    };
    assert_eq!(counts(CONTROLLED_CALLS - 1), (0, 0));
    assert_eq!(counts(CONTROLLED_CALLS), (3, 2));
    assert_eq!(counts(CONTROLLED_CALLS + 2), (5, 4));
}

#[test]
fn passes_that_prove_nothing_are_counted_until_one_proves_something() {
    let (mut given, shown) = given(3, 2, &[]);
    assert_eq!(given.memory.unproven(), 0);
    let partial = Listing {
        is_complete: false,
        ..shown.clone()
    };
    given.memory.listed(&partial, &given.held);
    given.memory.refused();
    assert_eq!(given.memory.unproven(), 2);
    given.memory.listed(&shown, &given.held);
    assert_eq!(given.memory.unproven(), 0);
}

#[test]
fn those_that_went_already_count_in_how_many_may_vanish() {
    let (mut given, mut listing) = given(302, 298, &[9_010, 9_311]);
    assert_eq!(given.later(&listing, 9_320).counts()["gone"], 4);
    while listing.groups.len() > 290 {
        listing.groups.pop_last();
    }
    given.later(&listing, 9_330);
    given.unknown(9_340, 290);
    given.unknown(9_641, 290);
    let refused = given.later(&listing, 9_650).refused.unwrap();
    let Refusal {
        vanishing,
        vanished,
        limit,
        ..
    } = refused;
    assert_eq!((vanishing, vanished, limit), (6, 4, 6));
}

#[test]
fn one_in_question_of_which_nothing_is_held_any_more_is_settled() {
    let (given, listing) = given(20, 19, &[]);
    let suspects = || given.memory.suspects().iter().cloned();
    let settled = |held: Vec<(GroupId, Group)>| {
        let projection = Projection {
            held: &held,
            number: Some(&given.number),
            memory: &given.memory,
            signals: &given.signals,
        };
        let now = listing.t0;
        let clock = Clock {
            now,
            monotonic_ms: 0,
        };
        super::super::plan(&projection, None, clock, Budget::default(), &LIMITS).settled
    };
    let mut held: Vec<_> = given.held.clone().into_iter().collect();
    assert_eq!(settled(held.clone()), []);
    held.retain(|(id, _)| !given.memory.suspects().contains(id));
    assert_eq!(settled(held), suspects().collect::<Vec<_>>());
}
