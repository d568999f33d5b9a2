//! Campaigns of a known loss rate: does the printed interval contain it?

use domain::agreement::LossRate;

use crate::{
    rollcall::{Faults, Strategy},
    world::{Churn, START, Settings, World},
};

/// One campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Campaign {
    /// The rate of the seed's world.
    pub rate: f64,
    /// What is implied.
    pub estimate: LossRate,
    /// Of the changes that count, how many were told, and how many lost.
    pub happened: (u64, u64),
}

impl Campaign {
    /// Does the interval contain the true rate?
    pub fn contains(&self) -> bool {
        self.estimate.low <= self.rate && self.rate <= self.estimate.high
    }
}

/// Two hundred busy groups for four days, webhooks late as well as lost, each group read about every hour.
pub fn settings(seed: u64, rate: f64) -> Settings {
    Settings {
        seed,
        groups: 200,
        people: 14,
        shares_people: false,
        hides: true,
        span: 4 * 86_400,
        loss: rate,
        twice: 0.01,
        late: 0.005,
        churn: Churn::Business {
            creations: 2.0,
            renames: 20.0,
            sessions: [1.0, 0.3, 0.1],
            lone: 20.0,
            moves: 0.0,
        },
        lag: 306,
        faults: Faults {
            lag_max: 300,
            skew_max: 5,
            is_fast: true,
            ..Faults::default()
        },
        list_every: 300,
        tick: 60,
        calls_per_hour: 270,
        strategy: Strategy::Ours,
        crash: 0.0,
        owners: 1,
        is_written: false,
    }
}

/// Runs one; `None` where nothing was counted.
pub fn run(seed: u64, rate: f64) -> Option<Campaign> {
    let settings = settings(seed, rate);
    let span = settings.span;
    let mut world = World::new(settings);
    // A day more to be read, and a week in which late webhooks come.
    world.run_until(START + span + 86_400);
    world.drain_until(START + span + 9 * 86_400);
    let estimate = world.rollcall.ledger.counts().loss_rate()?;
    Some(Campaign {
        rate,
        estimate,
        happened: world.trials,
    })
}
