//! Faults that strike once, or a given number of times: what a test asks for by name.

use serde::{Deserialize, Serialize};

/// Names of calls that a fault can strike; `*` is any of them.
pub(crate) const CALLS: &[&str] = &[
    "*",
    "create",
    "delete",
    "group",
    "invite",
    "invite_link",
    "invite_link_reset",
    "invite_link_revoke",
    "join_requests",
    "join_requests_approve",
    "join_requests_reject",
    "list_groups",
    "message",
    "number",
    "participants_add",
    "participants_remove",
    "pin",
    "subscriptions",
    "template_library",
    "templates",
    "unpin",
    "update",
];

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

/// The next calls of a name are refused with a code, in Meta's envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailNext {
    /// Name of the call, or `*`.
    pub call: String,
    /// Any code; those of reference §5 come with their HTTP status and title.
    pub code: u32,
    /// How many calls.
    #[serde(default = "one")]
    pub times: u32,
    /// The call is done first, and refused all the same: what Meta's general errors may mean.
    #[serde(default)]
    pub done: bool,
    /// Meta's details instead of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// A `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// The next calls of a name get no answer, for the connection is cut, or a late one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoseNext {
    /// Name of the call, or `*`.
    pub call: String,
    /// How many calls.
    #[serde(default = "one")]
    pub times: u32,
    /// Whether the call is done before.
    #[serde(default = "yes")]
    pub done: bool,
    /// Seconds until the connection is cut: with many of them the caller gives up first.
    #[serde(default)]
    pub seconds: f64,
    /// Whether the answer comes then after all; only of a call that is done.
    #[serde(default)]
    pub answered: bool,
}

/// The next accepted requests fail when they complete, by webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailLater {
    /// `create`, `delete`, `update`, `participants_remove`, or `message`, `pin`, `invite` (status `failed`); or `*`.
    pub call: String,
    /// As of [`FailNext`].
    pub code: u32,
    /// How many requests.
    #[serde(default = "one")]
    pub times: u32,
    /// Of an update only these parts: `group_subject`, `group_description`, `profile_picture`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

/// The next single items fail: join requests (at once), participants to be removed (by webhook), or
/// recipients of a message (by status).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailItems {
    /// `join_requests_approve`, `join_requests_reject`, `participants_remove`, `message`, `invite`, `pin`; or `*`.
    pub call: String,
    /// As of [`FailNext`].
    pub code: u32,
    /// How many items.
    #[serde(default = "one")]
    pub times: u32,
}

/// What strikes calls of a name, a number of times.
pub(crate) trait Strikes {
    fn call(&self) -> &str;
    fn times(&mut self) -> &mut u32;
}

impl Strikes for FailNext {
    fn call(&self) -> &str {
        &self.call
    }
    fn times(&mut self) -> &mut u32 {
        &mut self.times
    }
}

impl Strikes for LoseNext {
    fn call(&self) -> &str {
        &self.call
    }
    fn times(&mut self) -> &mut u32 {
        &mut self.times
    }
}

impl Strikes for FailLater {
    fn call(&self) -> &str {
        &self.call
    }
    fn times(&mut self) -> &mut u32 {
        &mut self.times
    }
}

impl Strikes for FailItems {
    fn call(&self) -> &str {
        &self.call
    }
    fn times(&mut self) -> &mut u32 {
        &mut self.times
    }
}

/// Takes the first that strikes `call`, once.
pub(crate) fn take<T: Strikes + Clone>(script: &mut Vec<T>, call: &str) -> Option<T> {
    let at = script
        .iter()
        .position(|fault| fault.call() == call || fault.call() == "*")?;
    let fault = script.get_mut(at)?;
    let struck = fault.clone();
    *fault.times() = fault.times().saturating_sub(1);
    if *fault.times() == 0 {
        script.remove(at);
    }
    Some(struck)
}
