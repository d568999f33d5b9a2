#![doc = include_str!("../README.md")]

/// The reconciler's own budget, as it is: it knows nothing but these, and so needs no build of a client or a log.
#[expect(dead_code, unreachable_pub, reason = "commands are not of this world")]
#[path = "../../../crates/reconciler/src"]
mod reconciler {
    pub(crate) mod budget;
    pub(crate) mod limits;
}
pub(crate) use reconciler::limits;

mod attempts {
    pub(crate) use domain::plan::doubled;
}
mod upstream;

pub mod campaign;
pub mod listings;
pub mod loss;
pub mod meta;
pub mod million;
pub mod outage;
pub mod random;
pub mod rollcall;
pub mod world;
pub mod worlds;
