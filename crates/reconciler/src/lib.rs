#![doc = include_str!("../README.md")]

mod api;
mod append;
pub mod args;
mod attempts;
mod budget;
mod commands;
mod dry;
pub mod error;
mod ledgers;
pub mod limits;
mod list;
pub mod metrics;
mod number;
mod owner;
mod read;
pub mod run;
mod snapshots;
mod subscription;
mod token;
pub mod upstream;

pub use api::ROUTES;
pub use args::{Args, Member};
pub use budget::{Budget, Denied};
pub use error::Error;
pub use metrics::Metrics;
pub use run::{Reconciler, dry_run, run, run_with};
