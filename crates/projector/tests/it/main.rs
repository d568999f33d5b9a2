//! The whole projector in process: a real log, a real store, real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod api;
mod crash;
#[path = "../damage/mod.rs"]
mod damage;
mod kafka;
mod killed;
mod oddities;
mod openapi;
mod order;
mod raise;
mod reads;
mod restart;
mod several;
mod traffic;
mod watch;
mod world;
