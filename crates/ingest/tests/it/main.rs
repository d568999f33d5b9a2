//! Ingest as a whole: a real socket, the local log in a directory of its own, and once the real broker.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod bad_input;
mod drain;
mod durability;
mod handshake;
mod identity;
mod kafka;
mod mutated;
mod payloads;
mod refusals;
mod replay;
mod service;
