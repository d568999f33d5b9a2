//! Campaigns: sets of events folded in every order, each event any number of times.
//!
//! A set of n events has n! orders, but they need not be walked one by one.
//! Let `core(S)` be what the events of S give in the order of the list.
//! If for every subset T of S and every event e of T, folding e into `core(T ∖ e)` gives `core(T)`, then every order of S gives `core(S)`:
//! whichever event comes last, it is folded into what all orders of the others give, by induction.
//! If besides folding e into `core(T)` changes nothing, then so does an event folded again, however often and wherever in the order.
//! So a set costs two steps an event once its subsets are checked, and all sets of up to six of thirty events are seconds instead of days:
//! nothing is sampled, every order of every one of these sets is proven, with all duplicates.
//!
//! The core holds nothing that its record does not (a test of `wire` holds that both ways), so equal cores are equal bytes.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use super::Random;
use crate::event::Event;

/// Seconds for which each random campaign runs.
const SECONDS: &str = "ROLLCALL_CAMPAIGN_SECONDS";
/// First seed of each random campaign.
const SEED: &str = "ROLLCALL_CAMPAIGN_SEED";

/// Seeds, one a round, until the time is over; a failure names the seed of its round, which is then the first one to give.
#[derive(Debug)]
pub(crate) struct Rounds {
    next: u64,
    /// Rounds that are run however slow the machine is.
    least: u64,
    until: Instant,
}

impl Rounds {
    /// At least so many rounds, and as many as fit into so many milliseconds, or into the seconds that the environment gives.
    pub(crate) fn new(least: u64, milliseconds: u64) -> Self {
        let time = given(SECONDS).map_or(Duration::from_millis(milliseconds), Duration::from_secs);
        Self {
            next: given(SEED).unwrap_or(1),
            least,
            until: Instant::now() + time,
        }
    }
}

impl Iterator for Rounds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.least == 0 && Instant::now() >= self.until {
            return None;
        }
        self.least = self.least.saturating_sub(1);
        let seed = self.next;
        self.next = seed.wrapping_add(1);
        Some(seed)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no arguments, and how long it runs is no setting of a service"
)]
fn given(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}

/// Folds an event into a core; tells whether that is said to have changed it.
pub(crate) type Fold<C> = fn(&mut C, &Event) -> bool;

/// What was proven so far.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Covered {
    /// Sets of events.
    pub(crate) sets: u64,
    /// Those of them with four events or more.
    pub(crate) large: u64,
    /// Orders of these sets, without duplicates.
    pub(crate) orders: u128,
}

/// Proves sets of events to have one core.
#[derive(Debug)]
pub(crate) struct Campaign<C> {
    fold: Fold<C>,
    seed: u64,
    pub(crate) covered: Covered,
}

impl<C: Clone + Default + PartialEq + Debug> Campaign<C> {
    pub(crate) fn new(fold: Fold<C>) -> Self {
        Self {
            fold,
            seed: 0,
            covered: Covered::default(),
        }
    }

    /// Every set of up to `size` of these events.
    pub(crate) fn all(&mut self, events: &[Event], size: usize) -> Covered {
        let before = self.covered;
        self.extend(events, size, &mut Vec::new(), &C::default(), &[]);
        Covered {
            sets: self.covered.sets - before.sets,
            large: self.covered.large - before.large,
            orders: self.covered.orders - before.orders,
        }
    }

    /// For each round twelve of the events, some moved to other seconds, and of these every set of up to six.
    pub(crate) fn drawn(&mut self, events: &[Event], rounds: Rounds) {
        for seed in rounds {
            self.seed = seed;
            let mut random = Random(seed);
            let drawn: Vec<Event> = (0..12).map(|_| draw(events, &mut random)).collect();
            self.all(&drawn, 6);
        }
    }

    /// For each round up to forty events, folded in several random orders with random duplicates.
    pub(crate) fn larger(&mut self, events: &[Event], rounds: Rounds) -> u64 {
        let mut orders = 0;
        for seed in rounds {
            let mut random = Random(seed);
            let set: Vec<Event> = (0..7 + random.below(34))
                .map(|_| draw(events, &mut random))
                .collect();
            let whole = self.core(&set);
            for _ in 0..4 {
                let order = with_duplicates(&set, &mut random);
                orders += 1;
                assert_same(&self.core(&order), &whole, seed, &order);
            }
        }
        orders
    }

    fn core(&self, events: &[Event]) -> C {
        let mut core = C::default();
        for event in events {
            (self.fold)(&mut core, event);
        }
        core
    }

    /// Proves every set that adds later events to `chosen`.
    /// `core` is that of `chosen`, and each of `without` that of all of them but the one at its place.
    fn extend(
        &mut self,
        events: &[Event],
        size: usize,
        chosen: &mut Vec<usize>,
        core: &C,
        without: &[C],
    ) {
        let first = chosen.last().map_or(0, |last| last + 1);
        for next in first..events.len() {
            let whole = self.with(core, &events[next]);
            let mut parts: Vec<C> = without
                .iter()
                .map(|part| self.with(part, &events[next]))
                .collect();
            parts.push(core.clone());
            chosen.push(next);
            self.check(events, chosen, &whole, &parts);
            if chosen.len() < size {
                self.extend(events, size, chosen, &whole, &parts);
            }
            chosen.pop();
        }
    }

    fn check(&mut self, events: &[Event], chosen: &[usize], whole: &C, parts: &[C]) {
        let with_last = |last: &Event| -> Vec<Event> {
            let all = chosen.iter().map(|index| &events[*index]);
            all.chain([last]).cloned().collect()
        };
        let mut again = whole.clone();
        for (index, part) in chosen.iter().zip(parts) {
            let event = &events[*index];
            let last = self.with(part, event);
            if last != *whole {
                assert_same(&last, whole, self.seed, &with_last(event));
            }
            let is_told = (self.fold)(&mut again, event);
            if is_told || again != *whole {
                assert_same(&again, whole, self.seed, &with_last(event));
                panic!("said to have changed what it did not: {event:#?}");
            }
        }
        self.covered.sets += 1;
        self.covered.large += u64::from(chosen.len() >= 4);
        self.covered.orders += (1..=chosen.len() as u128).product::<u128>();
    }

    fn with(&self, core: &C, event: &Event) -> C {
        let mut after = core.clone();
        let is_told = (self.fold)(&mut after, event);
        assert!(
            is_told == (after != *core),
            "seed {}: told {is_told} of {event:#?}\n{core:#?}\n{after:#?}",
            self.seed
        );
        after
    }
}

/// The set in a random order, about half of it once more.
pub(crate) fn with_duplicates(set: &[Event], random: &mut Random) -> Vec<Event> {
    let mut order = set.to_vec();
    for _ in 0..set.len() / 2 {
        order.push(set[random.below(set.len())].clone());
    }
    random.shuffle(&mut order);
    order
}

/// One of the events, perhaps moved to another second: near enough to meet others, or far enough for links to lapse.
pub(crate) fn draw(events: &[Event], random: &mut Random) -> Event {
    const DAYS: i64 = 8 * 86_400;
    const BY: [i64; 10] = [0, 0, 0, 0, 1, -1, 2, DAYS, DAYS + 1, -DAYS];
    let mut event = events[random.below(events.len())].clone();
    let by = BY[random.below(BY.len())];
    event.at += by;
    for (byte, moved) in event.id.0.iter_mut().zip(by.to_be_bytes()) {
        *byte ^= moved;
    }
    event
}

fn assert_same<C: PartialEq + Debug>(core: &C, whole: &C, seed: u64, events: &[Event]) {
    assert!(
        core == whole,
        "the order matters, seed {seed}:\n{events:#?}\n{core:#?}\n{whole:#?}"
    );
}
