#![doc = include_str!("../README.md")]

mod change;
pub mod digest;
mod enums;
mod error;
mod event;
mod figures;
pub mod headers;
pub mod id;
pub mod json;
pub mod limits;
mod person;
mod position;
mod progress;
mod proto;
mod reader;
mod register;
mod state;
#[cfg(test)]
mod tests;
pub mod time;
pub mod topics;
mod writer;

pub use change::{
    Cause, Change, Changed, Completion, NumberChange, RequestAbout, RequestChange, decode_change,
    encode_change, number_changes, request_changes,
};
pub use error::{Decoded, Error, Malformed};
pub use event::{decode_event, encode_event, event_kind};
pub use progress::{Gap, Progress, decode_progress, encode_progress};
pub use state::{
    Head, Record, Stored, decode_group, decode_message, decode_number, decode_request,
    encode_group, encode_message, encode_number, encode_request, peek,
};

/// The contract as a `google.protobuf.FileDescriptorSet`, comments included: for tests and tools that read records by reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rollcall.v1.bin"));
