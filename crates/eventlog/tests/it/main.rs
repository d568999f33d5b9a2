//! The contract of the log, held by both engines, and what each engine promises beyond it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and a child process says what it has done"
)]

mod contract;
mod kafka;
mod local;
mod members;
mod murmur;
mod world;
