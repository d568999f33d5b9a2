//! Pauses that double.

pub(crate) use domain::plan::doubled;
