//! Every order, with every duplicate, of sets of events of a group gives one core.

use std::collections::BTreeSet;

use super::{catalogue::*, scenario::*};
use crate::{
    event::Event,
    group::{Core, Group, fold},
    testing::*,
};

fn fold_one(core: &mut Core, event: &Event) -> bool {
    fold::fold(core, event, group_event(event)).0.is_change()
}

fn kinds(events: &[Event]) -> BTreeSet<&'static str> {
    events.iter().map(|e| kind(group_event(e))).collect()
}

#[test]
fn catalogue_and_alphabet_have_every_kind_that_any_order_is_promised_for() {
    for events in [catalogue(), alphabet()] {
        assert_eq!(kinds(&events).len(), 18, "{:?}", kinds(&events));
        let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
        assert_eq!(ids.len(), events.len(), "every event is another");
        let text = format!("{events:?}");
        assert!([N1, N2, U1, U2].iter().all(|id| text.contains(id)));
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many orders it is proven for is part of the proof"
)]
fn every_order_of_up_to_six_events_of_a_group_gives_the_same_core() {
    let (catalogue, alphabet) = (catalogue(), alphabet());
    let mut campaign = Campaign::new(fold_one);
    let all = campaign.all(&catalogue, 4);
    println!(
        "groups: every set of up to 4 of {} events: {} sets, {} orders",
        catalogue.len(),
        all.sets,
        all.orders
    );
    assert_eq!(all.sets, 489_405);
    let six = campaign.all(&alphabet, 6);
    println!(
        "groups: every set of up to 6 of {} events: {} sets, {} orders",
        alphabet.len(),
        six.sets,
        six.orders
    );
    assert_eq!(six.sets, 621_615);
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many orders it is proven for is part of the proof"
)]
fn every_order_of_random_sets_of_events_of_a_group_gives_the_same_core() {
    let catalogue = catalogue();
    let mut campaign = Campaign::new(fold_one);
    campaign.drawn(&catalogue, Rounds::new(40, 1_500));
    let Covered { large, orders, .. } = campaign.covered;
    println!("groups: {large} random sets of 4 to 6 events, {orders} orders");
    assert!(large >= 40 * 2_211, "{large}");
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how many orders were tried is part of the proof"
)]
fn larger_sets_of_events_of_a_group_give_the_same_core_in_any_batches() {
    let catalogue = catalogue();
    let mut campaign = Campaign::new(fold_one);
    let orders = campaign.larger(&catalogue, Rounds::new(200, 1_500));
    let mut batched = 0;
    for seed in Rounds::new(200, 1_500) {
        let mut random = Random(seed);
        let set: Vec<Event> = (0..7 + random.below(34))
            .map(|_| draw(&catalogue, &mut random))
            .collect();
        let mut whole = Core::default();
        for event in &set {
            fold_one(&mut whole, event);
        }
        let order = with_duplicates(&set, &mut random);
        let group = in_batches(&order, &mut random);
        assert_eq!(group.core, whole, "seed {seed}: {order:#?}");
        batched += 1;
    }
    println!("groups: {orders} orders of sets of 7 to 40 events, and {batched} in random batches");
}

/// Folds in batches, after each of which only core and envelope are kept, and some of the batch comes again, as after a crash.
fn in_batches(order: &[Event], random: &mut Random) -> Group {
    let log: Vec<(i64, &Event)> = (1..).zip(order).collect();
    let (mut stored, mut from) = (Group::default(), 0);
    while from < log.len() {
        let to = from + 1 + random.below(log.len() - from);
        let again = from - random.below(from + 1);
        let mut group = Group::restore(stored.core, stored.envelope);
        for (offset, event) in &log[again..to] {
            group.apply(&group_id(), event, position(*offset));
        }
        stored = group;
        from = to;
    }
    stored
}
