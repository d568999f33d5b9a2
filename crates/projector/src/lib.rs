#![doc = include_str!("../README.md")]

mod args;
mod cache;
mod error;
mod flush;
mod fold;
mod follow;
mod http;
mod index;
mod intake;
mod lead;
pub mod limits;
mod logs;
mod metrics;
mod outbox;
mod projection;
mod prune;
mod run;
mod states;
mod store;

pub use args::{Args, Tuning};
pub use error::Error;
pub use http::ROUTES;
pub use run::{LogKind, Projector, Settings, run};
