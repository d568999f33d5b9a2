//! The simulator through real sockets, as clients see it that know nothing of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what is not as expected ends the test"
)]

mod api_faults;
mod calls;
mod client_python;
mod delivery;
mod lists;
mod on_demand;
mod people;
mod rig;
mod same;
mod webhooks;
