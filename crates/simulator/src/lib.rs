#![doc = include_str!("../README.md")]

mod args;
mod clock;
mod control_http;
mod delivery;
mod error;
mod faults;
mod graph_http;
mod limits;
mod model;
mod random;
mod run;
mod traffic;
mod webhook;

pub use args::Args;
pub use clock::Clock;
pub use delivery::Counts;
pub use error::Error;
pub use faults::{
    ApiFaults, FailItems, FailLater, FailNext, Faults, ListShape, LoseNext, WebhookFaults,
};
pub use run::{Config, Simulator, run};
