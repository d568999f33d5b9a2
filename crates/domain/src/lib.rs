#![doc = include_str!("../README.md")]

pub mod agreement;
pub mod event;
pub mod group;
pub mod ids;
pub mod limits;
pub mod message;
pub mod number;
pub mod plan;
pub mod position;
pub mod register;
pub mod request;
#[cfg(test)]
mod testing;
