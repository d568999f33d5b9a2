//! Seeded randomness: one stream per purpose, so that no purpose disturbs another.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for. The numbers are `ChaCha` stream ids: changing one changes what a seed gives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The groups and people there are at the start.
    Population = 1,
    /// Ids that calls of the two APIs bring about.
    CallerIds = 2,
    /// Ids that traffic brings about.
    TrafficIds = 3,
    /// What people do in traffic.
    Traffic = 4,
    /// Loss, doubling, delay and shape of webhooks: a fixed number of draws per event.
    WebhookFaults = 5,
    /// Errors and throttling of Graph calls.
    ApiFaults = 6,
    /// `fbtrace_id`.
    Trace = 7,
    /// How statuses are aggregated and which documented variant of a shape is sent.
    Shapes = 8,
}

/// The stream of `purpose` under `seed`.
pub(crate) fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose as u64);
    rng
}
