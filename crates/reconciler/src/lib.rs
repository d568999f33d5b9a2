#![doc = include_str!("../README.md")]

mod append;
pub mod args;
mod attempts;
mod budget;
pub mod error;
pub mod limits;
mod list;
pub mod metrics;
mod number;
mod read;
pub mod run;
mod snapshots;
mod suspects;
pub mod upstream;

pub use args::Args;
pub use error::Error;
pub use metrics::Metrics;
pub use run::{dry_run, run, run_with};
