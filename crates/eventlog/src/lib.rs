#![doc = include_str!("../README.md")]

mod args;
mod batch;
mod budget;
mod error;
mod header;
mod health;
mod kafka;
pub mod limits;
mod local;
mod log;
mod membership;
mod metrics;
mod partition;
mod reader;
mod record;
mod refusal;
mod topic;

pub use args::KafkaArgs;
pub use batch::Batch;
pub use error::{Cause, Class, Error, Overload};
pub use header::Headers;
pub use health::{Health, Trouble};
pub use log::{Bounds, Log};
pub use membership::{Assignment, JoinOptions, Membership};
pub use partition::partition_of;
pub use reader::{At, Reader, Start};
pub use record::{RecordBatch, RecordRef};
pub use refusal::Refusal;
pub use topic::{Change, Cleanup, Problem, Rule, Setting, TopicPlan, TopicSpec, TopicState};
