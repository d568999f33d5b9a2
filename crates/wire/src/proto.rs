//! What prost generates from `proto/rollcall/v1`.
#![expect(
    unreachable_pub,
    clippy::doc_markdown,
    clippy::large_enum_variant,
    reason = "generated code, whose shape and comments are prost's choice"
)]

include!(concat!(env!("OUT_DIR"), "/rollcall.v1.rs"));
