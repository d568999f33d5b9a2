//! Many small worlds with everything that goes wrong: each ends at the truth.

use crate::{
    random::Random,
    rollcall::{Faults, Strategy},
    world::{Churn, Settings, World},
};

/// How a world ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The seed.
    pub seed: u64,
    /// Where it differs from the truth.
    pub differences: Vec<String>,
    /// Newer truth replaced by older.
    pub reversed: Vec<String>,
    /// Living groups asserted gone.
    pub wrongly_gone: Vec<String>,
    /// Repairs that the ledger knows to have been misled by a lag beyond `L`.
    pub lag_named: u64,
    /// Webhooks told or lost, and lost.
    pub webhooks: (u64, u64),
    /// Groups repaired.
    pub repaired: u64,
    /// What happened.
    pub steps: Vec<String>,
    /// Everything that can be said of it, to compare two runs.
    pub digest: String,
}

impl End {
    /// Is it as it should be?
    pub fn is_right(&self) -> bool {
        self.differences.is_empty() && self.reversed.is_empty() && self.wrongly_gone.is_empty()
    }
}

/// A small world with every fault, of a seed. `L` is the greatest lag and skew and a second, and `beyond` more seconds of lag.
pub fn settings(seed: u64, beyond: i64, is_written: bool) -> Settings {
    let mut random = Random(seed ^ 0x5eed);
    let lag_max = random.within(0, 300);
    let skew_max = random.within(0, 5);
    let faults = Faults {
        lag_max: lag_max + beyond,
        skew_max,
        throttled: 0.03,
        failed: 0.03,
        expired: 0.02,
        truncated: 0.02,
        empty: 0.02,
        repeated: 0.02,
        partial: 0.05,
        hides_suspended: random.below(2) == 0,
        down: None,
        every_second: false,
        is_fast: false,
    };
    let losses = [0.001, 0.01, 0.05, 0.2];
    let loss = usize::try_from(random.below(4)).unwrap_or(0);
    Settings {
        seed,
        groups: usize::try_from(random.within(1, 7)).unwrap_or(1),
        people: 9,
        shares_people: true,
        hides: random.below(2) == 0,
        span: 0,
        loss: losses.get(loss).copied().unwrap_or(0.01),
        twice: 0.2,
        late: 0.05,
        churn: Churn::Acts { count: 90 },
        lag: lag_max + skew_max + 1,
        faults,
        list_every: 900,
        tick: 150,
        calls_per_hour: 120,
        strategy: Strategy::Ours,
        crash: 0.002,
        owners: if random.below(3) == 0 { 2 } else { 1 },
        is_written,
    }
}

/// Runs a world to its end: a week for late webhooks, and a day and a half in peace.
pub fn run(seed: u64, beyond: i64, is_written: bool) -> End {
    let mut world = World::new(settings(seed, beyond, is_written));
    while world.quiet() > world.now() {
        let until = world.quiet().min(world.now() + 86_400);
        world.run_until(until);
        // A person looks at holds once a day.
        world.rollcall.release(until);
    }
    world.run_until(world.quiet() + 130_000);
    let differences = world.differences();
    let counts = world.rollcall.ledger.counts();
    let digest = format!(
        "{:?} {:?} {:?}",
        world.rollcall.groups, world.rollcall.number, counts
    );
    End {
        seed,
        differences,
        reversed: world.rollcall.reversed.clone(),
        wrongly_gone: world.rollcall.wrongly_gone.clone(),
        lag_named: world.rollcall.ledger.misled().times,
        webhooks: (world.webhooks, world.lost),
        repaired: counts.repaired,
        steps: world.steps,
        digest,
    }
}
