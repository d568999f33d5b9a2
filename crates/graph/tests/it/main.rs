//! The crate from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod api;
mod canonical;
mod payloads;
mod split;
