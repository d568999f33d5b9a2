//! What goes wrong on demand, and how the dice fall for one event or one call.

pub(crate) mod script;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::script::{FailItems, FailLater, FailNext, LoseNext};
use crate::{
    limits::{
        COMPLETE_SECONDS_MAX, DELAY_SECONDS_MAX, GROUPS_PER_NUMBER_MAX, LAG_SECONDS_MAX,
        LOSE_SECONDS_MAX, PARTICIPANTS_MAX, REORDER_HOLD_MS, SCRIPT_MAX, SENDS_PER_SECOND_MAX,
    },
    webhook,
};

/// All faults; the default is a WhatsApp without any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Faults of webhooks.
    pub webhooks: WebhookFaults,
    /// Faults of the Graph API.
    pub api: ApiFaults,
}

/// Faults of webhooks. Shares are 0 to 1, per event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookFaults {
    /// Share of events never delivered.
    pub lose: f64,
    /// Share of events delivered a second time, in another POST or batch.
    pub duplicate: f64,
    /// Share of events held back for up to two seconds more, so that later ones pass them.
    pub reorder: f64,
    /// Events are delivered after 0 to this many seconds, each its own.
    pub delay_seconds: f64,
    /// Share of events that carry the second of the group's event before, if that is at most one second old;
    /// in traffic, share of acts that follow at once in the same group.
    pub same_second: f64,
    /// Withhold `wa_id` of people with a username.
    pub hide_wa_id: bool,
    /// Statuses carry a `conversation` object, as up to v23.0.
    pub conversations: bool,
    /// Share of events in another documented spelling or shape (numbers for strings, the other field names).
    pub variants: f64,
    /// Fields that the app is not subscribed to: their events are never sent, and `GET /{app-id}/subscriptions` leaves them out.
    pub unsubscribed: Vec<String>,
}

/// Faults of the Graph API. Shares are 0 to 1, per call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiFaults {
    /// List, group info and join requests show the model as of this long ago (at most 600).
    pub lag_seconds: f64,
    /// Share of calls refused by a transient error (1, 2 or 131000) before anything happens.
    pub error_rate: f64,
    /// Share of calls refused by throttling (4, 80007, 80008, 130429, 131208); usage headers appear above 0.
    pub throttle: f64,
    /// `estimated_time_to_regain_access` of a throttled answer, in minutes.
    pub regain_minutes: u64,
    /// Calls an hour after which every call is throttled; 0 is no limit. Usage headers show the share used.
    pub calls_per_hour: u64,
    /// A page has half its rows and no `next`.
    pub truncate_list: bool,
    /// Every cursor is refused with 131059.
    pub expire_cursors: bool,
    /// The shape of `data` in the list.
    pub list_shape: ListShape,
    /// Numbers and booleans of a group are quoted, as in the guide's sample.
    pub quoted_scalars: bool,
    /// Withhold `wa_id` of people with a username.
    pub hide_wa_id: bool,
    /// Leave suspended groups out of the list.
    pub unlist_suspended: bool,
    /// Refuse to read suspended groups with 131207.
    pub refuse_suspended: bool,
    /// Share of accepted asynchronous requests that fail later, by webhook.
    pub fail_requests: f64,
    /// Every call is refused with 190, as an expired token is.
    pub token_expired: bool,
    /// Every call is answered 503 or its connection broken off.
    pub down: bool,
    /// What completes by webhook takes effect, and is told of, this many seconds after it was accepted.
    pub complete_seconds: f64,
    /// Share of answers lost after the call was done: the connection is cut.
    pub lose_answers: f64,
    /// Answers of what completes by webhook carry no `request_id`, as Meta's guide shows none.
    pub no_request_id: bool,
    /// Partial success is an error envelope with HTTP 206 beside what was done, instead of `errors`.
    pub partial_envelope: bool,
    /// `POST /{group}/participants` adds people, as Meta's OpenAPI has it; its guide says that nobody can be added.
    pub allow_add: bool,
    /// Messages are only `sent`; what follows are acts of people (`deliver`, `read`, `play`, `fail`).
    pub hold_delivery: bool,
    /// Templates that nobody made are refused with 132001, instead of being taken as approved.
    pub known_templates_only: bool,
    /// Seconds that a template made from the library waits for approval.
    pub approval_seconds: f64,
    /// Participants of a group; Meta's limit is 8, and a test may need more to be approved at once.
    pub participants_max: usize,
    /// Groups of a number.
    pub groups_max: usize,
    /// Messages a second of a number, beyond which they are refused with 130429; 0 is no limit.
    pub messages_per_second: u64,
    /// Messages to one person beyond one in 6 seconds and a burst of 45 are refused with 131056.
    pub pair_limit: bool,
    /// Group operations (what changes something) an hour of a number, beyond which they are refused with 131208; 0 is no limit.
    pub operations_per_hour: u64,
    /// Calls to be refused.
    pub fail_next: Vec<FailNext>,
    /// Calls to be left without an answer.
    pub lose_next: Vec<LoseNext>,
    /// Requests to fail after they were accepted.
    pub fail_later: Vec<FailLater>,
    /// Items of calls to fail.
    pub fail_items: Vec<FailItems>,
}

impl Default for ApiFaults {
    fn default() -> Self {
        Self {
            lag_seconds: 0.0,
            error_rate: 0.0,
            throttle: 0.0,
            regain_minutes: 1,
            calls_per_hour: 0,
            truncate_list: false,
            expire_cursors: false,
            list_shape: ListShape::Array,
            quoted_scalars: false,
            hide_wa_id: false,
            unlist_suspended: false,
            refuse_suspended: false,
            fail_requests: 0.0,
            token_expired: false,
            down: false,
            complete_seconds: 0.0,
            lose_answers: 0.0,
            no_request_id: false,
            partial_envelope: false,
            allow_add: false,
            hold_delivery: false,
            known_templates_only: false,
            approval_seconds: 0.0,
            participants_max: PARTICIPANTS_MAX,
            groups_max: GROUPS_PER_NUMBER_MAX,
            messages_per_second: SENDS_PER_SECOND_MAX,
            pair_limit: true,
            operations_per_hour: 0,
            fail_next: Vec::new(),
            lose_next: Vec::new(),
            fail_later: Vec::new(),
            fail_items: Vec::new(),
        }
    }
}

/// The two documented shapes of the list of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListShape {
    /// `{"data": [{"id", "creation_timestamp", "subject"}]}`, as providers show it.
    Array,
    /// `{"data": {"groups": [{"id", "subject", "created_at"}]}}`, as Meta's guide shows it.
    Object,
}

/// Why a set of faults was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field is unknown or of the wrong type.
    #[error("faults: {0}")]
    Shape(#[source] serde_json::Error),
    /// A value is out of its range.
    #[error("faults: {field} must be from 0 to {max}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its greatest value.
        max: f64,
    },
    /// A field is none that Meta has.
    #[error("faults: webhooks.unsubscribed must name fields of {}", webhook::FIELDS.join(", "))]
    Field,
    /// A list of what strikes calls names none, or is too long.
    #[error("faults: {field} must have at most {SCRIPT_MAX} items, each with a call that is one of {}", script::CALLS.join(", "))]
    Call {
        /// The list.
        field: &'static str,
    },
}

impl Faults {
    /// These faults with `change` laid over them: what is absent keeps its value.
    pub(crate) fn with(&self, change: &Value) -> Result<Self, Error> {
        let mut whole = serde_json::to_value(self).map_err(Error::Shape)?;
        lay_over(&mut whole, change);
        let faults: Self = serde_json::from_value(whole).map_err(Error::Shape)?;
        faults.check()?;
        Ok(faults)
    }

    fn check(&self) -> Result<(), Error> {
        let (webhooks, api) = (&self.webhooks, &self.api);
        let lag_max = LAG_SECONDS_MAX as f64;
        let ranges = [
            ("webhooks.lose", webhooks.lose, 1.0),
            ("webhooks.duplicate", webhooks.duplicate, 1.0),
            ("webhooks.reorder", webhooks.reorder, 1.0),
            (
                "webhooks.delay_seconds",
                webhooks.delay_seconds,
                DELAY_SECONDS_MAX,
            ),
            ("webhooks.same_second", webhooks.same_second, 1.0),
            ("webhooks.variants", webhooks.variants, 1.0),
            ("api.lag_seconds", api.lag_seconds, lag_max),
            ("api.error_rate", api.error_rate, 1.0),
            ("api.throttle", api.throttle, 1.0),
            ("api.fail_requests", api.fail_requests, 1.0),
            ("api.lose_answers", api.lose_answers, 1.0),
            (
                "api.complete_seconds",
                api.complete_seconds,
                COMPLETE_SECONDS_MAX,
            ),
            (
                "api.approval_seconds",
                api.approval_seconds,
                DELAY_SECONDS_MAX,
            ),
        ];
        for (field, value, max) in ranges {
            if !(0.0..=max).contains(&value) {
                return Err(Error::Range { field, max });
            }
        }
        let is_field = |name: &String| webhook::FIELDS.contains(&name.as_str());
        if !webhooks.unsubscribed.iter().all(is_field) {
            return Err(Error::Field);
        }
        for fault in &api.lose_next {
            if !(0.0..=LOSE_SECONDS_MAX).contains(&fault.seconds) {
                let (field, max) = ("api.lose_next.seconds", LOSE_SECONDS_MAX);
                return Err(Error::Range { field, max });
            }
        }
        named("api.fail_next", &api.fail_next)?;
        named("api.lose_next", &api.lose_next)?;
        named("api.fail_later", &api.fail_later)?;
        named("api.fail_items", &api.fail_items)
    }
}

fn named(field: &'static str, script: &[impl script::Strikes]) -> Result<(), Error> {
    let all = script.len() <= SCRIPT_MAX
        && script
            .iter()
            .all(|fault| script::CALLS.contains(&fault.call()));
    if all {
        Ok(())
    } else {
        Err(Error::Call { field })
    }
}

fn lay_over(base: &mut Value, change: &Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, change) => *base = change.clone(),
    }
}

/// What happens to one webhook event on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// Never delivered.
    pub(crate) lost: bool,
    /// Milliseconds until it is delivered.
    pub(crate) delay_ms: i64,
    /// Milliseconds until its copy is delivered, if it is doubled.
    pub(crate) copy_ms: Option<i64>,
    /// Random bits that decide batching and escaping, for the event and for its copy.
    pub(crate) shapes: [u64; 2],
}

impl WebhookFaults {
    /// Draws the fate of an event of a field. Always the same number of draws, so that a setting never shifts what comes later.
    pub(crate) fn fate(&self, field: &str, rng: &mut impl Rng) -> Fate {
        let [lose, reorder, duplicate]: [f64; 3] = rng.random();
        let [delay, hold, copy_delay]: [f64; 3] = rng.random();
        let shapes: [u64; 2] = rng.random();
        let held = if reorder < self.reorder {
            whole_ms(hold, REORDER_HOLD_MS) + 1
        } else {
            0
        };
        let delay_ms = share_ms(delay, self.delay_seconds) + held;
        let copy_ms = (duplicate < self.duplicate)
            .then(|| share_ms(copy_delay, self.delay_seconds) + whole_ms(hold, REORDER_HOLD_MS));
        Fate {
            lost: lose < self.lose || self.unsubscribed.iter().any(|name| name == field),
            delay_ms,
            copy_ms,
            shapes,
        }
    }
}

fn share_ms(share: f64, seconds: f64) -> i64 {
    (share * seconds * 1000.0) as i64
}

fn whole_ms(share: f64, ms: i64) -> i64 {
    (share * ms as f64) as i64
}
