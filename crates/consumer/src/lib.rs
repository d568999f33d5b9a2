#![doc = include_str!("../README.md")]

mod changes;
mod check;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub use changes::{ChangeOutcome, Changes, Link, Remembered};
pub use check::{Check, Freshness, Unproven};
pub use state::State;
pub use table::{Held, Incoming, Outcome, Skip, Table, Taken};
pub use view::View;
