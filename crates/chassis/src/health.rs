//! Whether the process is alive and whether it is ready.
//!
//! Alive: every heartbeat turned within its limit; else a restart may help.
//! Ready: every check is ok and no shutdown has begun; else traffic should go elsewhere.
//! Handles take themselves off when dropped, so what is no longer done is no longer judged.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{clock::Clock, duration};

/// All checks and heartbeats of one process; a cheap handle.
#[derive(Clone, Debug)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    shutdown: CancellationToken,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    /// By number, so that two of one name do not take each other off.
    checks: BTreeMap<u64, (String, Result<(), String>)>,
    beats: BTreeMap<u64, (String, HeartbeatState)>,
    /// Raised with a reason; what is not raised is not shown.
    alarms: BTreeMap<u64, (String, Option<String>)>,
}

#[derive(Clone, Copy, Debug)]
struct HeartbeatState {
    turned_ms: u64,
    limit: Duration,
}

/// A condition of being ready; not ok until set so. Clones set the same condition.
#[derive(Clone, Debug)]
#[must_use = "a dropped check is no longer judged"]
pub struct Check(Arc<Handle>);

/// Something that a person must look at, though the process is ready: quiet until raised. Clones raise the same alarm.
#[derive(Clone, Debug)]
#[must_use = "a dropped alarm is no longer shown"]
pub struct Alarm(Arc<Handle>);

/// A loop that must turn; counted as just turned when made. Clones turn the same heartbeat.
#[derive(Clone, Debug)]
#[must_use = "a dropped heartbeat is no longer judged"]
pub struct Heartbeat(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    health: Health,
    number: u64,
}

/// All conditions with their state, as `/livez` and `/readyz` show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every one is ok.
    pub ok: bool,
    /// Each one, by name.
    pub checks: Vec<Entry>,
    /// What a person must look at, though it is no reason to send traffic elsewhere; those raised alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Entry>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entry {
    /// What it is about, such as `kafka` or `leader 0`.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// Why it does not, in a few words without personal data; `None` when it does.
    pub reason: Option<String>,
}

impl Health {
    /// Nothing to judge yet.
    pub fn new(clock: Clock, shutdown: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            clock,
            shutdown,
            entries: Mutex::default(),
        }))
    }

    /// Adds a condition of being ready; it fails as "starting" until it is set.
    pub fn check(&self, name: impl Into<String>) -> Check {
        let mut entries = self.entries();
        let number = entries.number();
        let state = (name.into(), Err("starting".to_owned()));
        entries.checks.insert(number, state);
        drop(entries);
        Check(self.handle(number))
    }

    /// Adds a loop that must turn at least once in every `limit`.
    pub fn heartbeat(&self, name: impl Into<String>, limit: Duration) -> Heartbeat {
        let turned_ms = self.0.clock.monotonic_ms();
        let mut entries = self.entries();
        let number = entries.number();
        let state = HeartbeatState { turned_ms, limit };
        entries.beats.insert(number, (name.into(), state));
        drop(entries);
        Heartbeat(self.handle(number))
    }

    /// Adds an alarm, which is quiet until it is raised.
    pub fn alarm(&self, name: impl Into<String>) -> Alarm {
        let mut entries = self.entries();
        let number = entries.number();
        entries.alarms.insert(number, (name.into(), None));
        drop(entries);
        Alarm(self.handle(number))
    }

    /// What `/readyz` answers.
    pub fn ready(&self) -> Report {
        let entries = self.entries();
        let mut checks: Vec<Entry> = entries
            .checks
            .values()
            .map(|(name, state)| Entry::new(name, state.as_ref().err().cloned()))
            .collect();
        let raised = entries.alarms.values();
        let mut alarms: Vec<Entry> = raised
            .filter(|(_, reason)| reason.is_some())
            .map(|(name, reason)| Entry::new(name, reason.clone()))
            .collect();
        drop(entries);
        alarms.sort();
        if self.0.shutdown.is_cancelled() {
            checks.push(Entry::new("shutdown", Some("shutting down".to_owned())));
        }
        Report {
            alarms,
            ..Report::new(checks)
        }
    }

    /// What `/livez` answers.
    pub fn live(&self) -> Report {
        let now_ms = self.0.clock.monotonic_ms();
        let checks = self
            .entries()
            .beats
            .values()
            .map(|(name, state)| Entry::new(name, state.overdue(now_ms)))
            .collect();
        Report::new(checks)
    }

    fn handle(&self, number: u64) -> Arc<Handle> {
        Arc::new(Handle {
            health: self.clone(),
            number,
        })
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No code that can panic runs under this lock.
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl HeartbeatState {
    fn overdue(self, now_ms: u64) -> Option<String> {
        let age = Duration::from_millis(now_ms.saturating_sub(self.turned_ms));
        let (age_text, limit_text) = (duration::format(age), duration::format(self.limit));
        (age > self.limit).then(|| format!("last turned {age_text} ago, limit {limit_text}"))
    }
}

impl Check {
    /// The condition holds.
    pub fn ok(&self) {
        self.set(Ok(()));
    }

    /// The condition does not hold, and why: a few words, no personal data.
    pub fn failing(&self, reason: impl Into<String>) {
        self.set(Err(reason.into()));
    }

    /// Either of the two.
    pub fn set(&self, state: Result<(), String>) {
        let mut entries = self.0.health.entries();
        if let Some((_, held)) = entries.checks.get_mut(&self.0.number) {
            *held = state;
        }
    }
}

impl Alarm {
    /// A person must look, and why: a few words, no personal data.
    pub fn raise(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    /// All is well again.
    pub fn clear(&self) {
        self.set(None);
    }

    fn set(&self, reason: Option<String>) {
        let mut entries = self.0.health.entries();
        if let Some((_, held)) = entries.alarms.get_mut(&self.0.number) {
            *held = reason;
        }
    }
}

impl Heartbeat {
    /// The loop turned once more.
    pub fn turn(&self) {
        let health = &self.0.health;
        let now_ms = health.0.clock.monotonic_ms();
        if let Some((_, state)) = health.entries().beats.get_mut(&self.0.number) {
            state.turned_ms = now_ms;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut entries = self.health.entries();
        entries.checks.remove(&self.number);
        entries.beats.remove(&self.number);
        entries.alarms.remove(&self.number);
    }
}

impl Report {
    fn new(mut checks: Vec<Entry>) -> Self {
        checks.sort();
        let ok = checks.iter().all(|entry| entry.ok);
        Self {
            ok,
            checks,
            alarms: Vec::new(),
        }
    }
}

impl Entry {
    fn new(name: &str, reason: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: reason.is_none(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
