//! Whatever is held and listed: planned, carried out and planned again there is nothing left to repair.

use super::*;
use crate::testing::Random;

fn world(random: &mut Random) -> (Given, Listing) {
    let mut held = BTreeMap::new();
    let mut groups = BTreeMap::new();
    for n in 0..random.below(12) {
        let name = format!("g{n:02}");
        let subject = format!("s{}", random.below(2));
        if random.below(5) > 0 {
            let mut events = vec![(1_000 + n as Second, Source::Webhook, created(&subject))];
            match random.below(5) {
                0 => events.push((2_000, Source::Webhook, GroupEvent::Deleted)),
                1 => events.push((8_900, Source::Webhook, GroupEvent::Deleted)),
                2 => events.push((3_000, Source::Read, read_complete())),
                3 => events.push((8_900, Source::Webhook, created(&subject))),
                _ => {}
            }
            held.insert(id(&name), group(&name, events));
        }
        if random.below(4) > 0 {
            let listed = Listed {
                subject: (random.below(6) > 0).then(|| format!("s{}", random.below(2)).into()),
                created: Some(1_000),
            };
            groups.insert(id(&name), listed);
        }
    }
    let listing = Listing {
        t0: 9_000,
        ended: 9_000,
        is_complete: random.below(4) > 0,
        pages: 1,
        groups,
    };
    let given = Given {
        held,
        ..Given::default()
    };
    (given, listing)
}

#[test]
fn planning_after_a_plan_was_carried_out_gives_nothing_to_repair() {
    let mut random = Random(7);
    let mut repaired = 0;
    for round in 0..5_000 {
        let (mut given, listing) = world(&mut random);
        given.memory.listed(&listing, &given.held);
        let first = given.plan(Some(&listing), 9_000, 0);
        assert_eq!(first, given.plan(Some(&listing), 9_000, 0), "round {round}");
        let mut order: Vec<&GroupId> = first.steps.iter().map(Step::group_id).collect();
        let as_planned = order.clone();
        order.sort();
        assert_eq!(order, as_planned, "round {round}");
        repaired += first.repairs();
        given.carry_out(&first);
        let second = given.plan(Some(&listing), 9_000, 0);
        assert!(second.is_empty(), "round {round}: {second}");
    }
    assert!(repaired > 5_000, "{repaired}");
}
