#![doc = include_str!("../README.md")]

mod broker;
mod clock;
mod jars;
mod process;
mod wait;

pub use broker::{Broker, Cluster, LetsIn, Listener};
pub use clock::Skew;
pub use jars::{KAFKA_VERSION, jars, java};
pub use process::{Process, binary, workspace};
pub use wait::{await_until, eventually};
