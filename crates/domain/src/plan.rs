//! The reconciler's judgement, as pure functions: what a list of active groups says against what is held,
//! which groups are worth a read, and when too many would vanish to believe it.
//!
//! The one who executes a plan makes no choices; a plan can be printed and thrown away (`--dry-run`).

mod carry;
mod compare;
mod read;
#[cfg(test)]
mod tests;
mod vanish;

pub use carry::carry;
pub use compare::{Listed, Listing, Plan, Step, compare};
pub use read::{Candidate, Reason, candidate, choose};
pub use vanish::{Verdict, vanish_limit, verdict};
