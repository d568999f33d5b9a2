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
