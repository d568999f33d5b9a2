//! Rollcall as it is run: the real binary, the real broker, a simulated WhatsApp.

#[cfg(test)]
mod asyncapi;
#[cfg(test)]
mod baddays;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod collector;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod config;
#[cfg(test)]
mod consumer;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod help;
#[cfg(test)]
mod http;
#[cfg(test)]
mod kafka_security;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod meta_away;
#[cfg(test)]
mod once;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod personal;
#[cfg(test)]
mod posts;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod projectors;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod records;
#[cfg(test)]
mod runbook;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod services;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod store;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod topics;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod tutorial;
