//! Which groups are read when, plan after plan.

use super::*;

fn verified(name: &str, at: Second) -> Group {
    group(name, [(at, Source::Read, read_complete())])
}

#[test]
fn the_shares_hold_where_each_plan_has_one_read() {
    let asked = GroupEvent::Hinted {
        reason: HintReason::Asked,
    };
    let mut given = Given::default();
    for n in 0..20 {
        let name = format!("old{n:02}");
        given.held.insert(id(&name), verified(&name, 1_000 + n));
        let name = format!("asked{n:02}");
        let events = [
            (8_000, Source::Read, read_complete()),
            (8_100, Source::Rollcall, asked.clone()),
        ];
        given.held.insert(id(&name), group(&name, events));
    }
    let mut reasons = Vec::new();
    for _ in 0..20 {
        let plan = given.plan(None, 9_000, 1);
        reasons.extend(plan.reads().map(|(_, reason)| reason));
        given.memory.took(&plan);
    }
    let count = |reason| reasons.iter().filter(|one| **one == reason).count();
    assert_eq!(count(Reason::LongestUnverified), 6);
    assert_eq!(count(Reason::Hinted), 14);
}

#[test]
fn groups_never_verified_do_not_say_how_long_a_round_takes() {
    const NOW: Second = 360_000;
    let heard = group(
        "heard",
        [
            (NOW - 500, Source::Read, read_complete()),
            (NOW - LAG - 10, Source::Webhook, GroupEvent::Suspended(true)),
        ],
    );
    let never = group("never", [(1_000, Source::Webhook, created("s"))]);
    let given = Given::new(&[("heard", heard), ("never", never)]);
    let worth = given.plan(None, NOW, 1).worth;
    assert_eq!(
        worth,
        BTreeMap::from([(Reason::NeverVerified, 1), (Reason::Changed, 1)])
    );
}

#[test]
fn a_suspect_that_could_not_be_read_rests_like_any_other() {
    let held = group("a", [(1_000, Source::Webhook, created("s"))]);
    let mut given = Given::new(&[("a", held)]);
    let plan = given.plan(Some(&listing(9_000, &[])), 9_000, 0);
    given.carry_out(&plan);
    let is_asked = |given: &Given, now| {
        let plan = given.plan(None, now, 1);
        plan.reads().any(|(_, reason)| reason == Reason::Unlisted)
    };
    assert!(is_asked(&given, 9_001));
    let at_ms = 9_001_000;
    given
        .memory
        .answered(&id("a"), (9_001, LAG), Outcome::Failed, at_ms);
    assert!(!is_asked(&given, 9_005));
    assert!(is_asked(&given, 9_006));
    // Nor is it asked for while it is being asked for.
    let plan = given.plan(None, 9_006, 1);
    given.memory.took(&plan);
    assert!(!is_asked(&given, 9_400));
}

#[test]
fn a_group_that_holds_more_than_sixty_four_members_is_crowded_once_it_is_its_turn() {
    let held = |members: usize| {
        let persons = 0..members;
        let participants = persons.map(|n| person(None, Some(&format!("US.{n}")), None));
        let read = GroupRead {
            subject: Some("s".into()),
            participants: participants.collect(),
            is_complete: true,
            ..GroupRead::default()
        };
        group("a", [(1_000, Source::Read, GroupEvent::Read(read))])
    };
    assert_eq!(
        reason(&held(64), 1_900, None),
        Some(Reason::LongestUnverified)
    );
    for members in [65, 66, 100] {
        assert_eq!(reason(&held(members), 1_899, None), None);
        assert_eq!(reason(&held(members), 1_900, None), Some(Reason::Crowded));
    }
}

#[test]
fn a_group_that_the_list_alone_knows_is_read_deeply_once_it_is_held() {
    let shown = listing(9_000, &[("a", "s")]);
    let mut given = Given::default();
    let plan = given.plan(Some(&shown), 9_000, 0);
    given.memory.took(&plan);
    let full = Outcome::Full { is_complete: true };
    // Not in the projection yet, and listed again.
    given
        .memory
        .listed(&listing(9_100, &[("a", "s")]), &given.held);
    let listed = GroupEvent::Listed {
        subject: Some("s".into()),
        created: Some(1),
    };
    let events = [
        (8_000, Source::Read, read_complete()),
        (8_700, Source::Read, listed),
    ];
    given.held.insert(id("a"), group("a", events));
    // Held, and in the list no more.
    given.memory.listed(&listing(9_200, &[]), &given.held);
    let plan = given.plan(None, 9_301, 1);
    assert_eq!(plan.reads().next(), Some((&id("a"), Reason::Listed)));
    given.memory.answered(&id("a"), (9_301, LAG), full, 0);
    assert_eq!(given.plan(None, 9_302, 1).reads().count(), 0);
}

#[test]
fn a_count_that_never_fits_is_asked_for_again_every_six_hours() {
    let mut given = Given::new(&[("a", verified("a", 100))]);
    let partial = Outcome::Full { is_complete: false };
    for _ in 0..20 {
        given.memory.answered(&id("a"), (10_000, LAG), partial, 0);
    }
    let due = |now| {
        let plan = given.plan(None, now, 1);
        plan.reads()
            .any(|(_, reason)| reason == Reason::CountMismatch)
    };
    assert!(!due(10_000 + 6 * 3_600));
    assert!(due(10_001 + 6 * 3_600));
}

#[test]
fn a_part_of_an_answer_is_read_again_at_once_where_everybody_waits_and_else_after_a_rest() {
    for (is_throttled, at_once) in [(true, 1), (false, 0)] {
        let mut given = Given::new(&[("a", verified("a", 8_600))]);
        let part = Outcome::Part { is_throttled };
        let now_ms = 9_000_000;
        given.memory.answered(&id("a"), (9_000, LAG), part, now_ms);
        assert_eq!(given.plan(None, 9_001, 1).reads().count(), at_once);
        assert_eq!(given.plan(None, 9_005, 1).reads().count(), 1);
    }
}
