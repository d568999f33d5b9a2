#![doc = include_str!("../README.md")]

pub mod api;
pub mod limits;
pub mod webhook;

mod json;
