#![doc = include_str!("../README.md")]

mod fold;
mod place;
mod record;
mod webhook;

pub use fold::fold;
pub use place::place;
pub use record::record;
pub use webhook::webhook;

/// A target by its name, which is also its corpus's.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 4] = [
    ("fold", fold),
    ("place", place),
    ("record", record),
    ("webhook", webhook),
];
