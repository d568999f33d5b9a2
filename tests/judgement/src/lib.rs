#![doc = include_str!("../README.md")]

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
