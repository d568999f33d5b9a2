#![doc = include_str!("../README.md")]

pub mod admin;
pub mod args;
pub mod auth;
pub mod clock;
pub mod config;
pub mod duration;
pub mod extract;
pub mod health;
pub mod http;
pub mod limits;
pub mod metrics;
pub mod problem;
mod process;
pub mod reload;
pub mod retry;
pub mod secret;
pub mod supervise;
pub mod telemetry;
pub mod time;
pub mod tls;
pub mod trace;

pub use clock::{Clock, ManualClock};
pub use config::ConfigProblems;
pub use health::Health;
pub use metrics::Metrics;
pub use process::{Ctx, Process, VERSION, main};
pub use secret::SecretFile;
pub use supervise::Tasks;

pub use secrecy::{ExposeSecret, SecretString};
pub use tokio_util::sync::CancellationToken;
