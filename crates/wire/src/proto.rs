//! What prost generates from `proto/rollcall/v1`.
#![expect(
    unreachable_pub,
    clippy::doc_markdown,
    reason = "generated code, whose visibility and comments are prost's choice"
)]

include!(concat!(env!("OUT_DIR"), "/rollcall.v1.rs"));
