//! What events make of a group: given these, when that, then this is shown.

mod campaign;
mod catalogue;
mod envelope;
mod identity;
mod own;
mod properties;
mod reads;
mod scenario;
mod seen;
mod webhooks;
mod world;
