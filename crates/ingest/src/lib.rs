#![doc = include_str!("../README.md")]

pub mod args;
mod http;
mod in_flight;
mod judge;
pub mod limits;
pub mod metrics;
mod reason;
mod records;
pub mod replay;
pub mod run;
mod secrets;
pub mod signature;
pub mod webhook;

pub use args::{Args, Files, Settings};
pub use judge::Window;
pub use metrics::{Metrics, Tally};
pub use reason::Reason;
pub use records::Topics;
pub use replay::{Lying, Replayed, Replayer};
pub use run::{Error, Server, run};
