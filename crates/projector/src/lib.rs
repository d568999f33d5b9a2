#![doc = include_str!("../README.md")]

mod args;
mod cache;
mod ends;
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
pub mod place;
mod projection;
mod prune;
mod raise;
mod run;
mod seat;
mod states;
mod steps;
mod store;

pub use args::{Args, Member, Tuning};
pub use error::Error;
pub use http::ROUTES;
pub use raise::{RaiseError, RaiseOptions, RaiseStep, Raised, RaisedTopic, raise};
pub use run::{GROUP, LogKind, Projector, Settings, run};
pub use steps::{Observe, Step, Unobserved};
