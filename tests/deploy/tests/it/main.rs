//! `deploy/` and the operators' documents, held against the program.

mod alerts;
mod files;
mod metrics;
mod stage;
mod topics;
