//! The contract, held from outside and from inside: whatever the domain can say comes back the same, the bytes are those that prost
//! itself would write, and bytes of any kind are read without a panic.

mod asyncapi;
mod bytes;
mod change;
mod digest;
mod event;
mod golden;
mod headers;
mod json;
mod read;
mod restarts;
mod samples;
mod strategies;
mod time;
mod topics;
mod vectors;
