//! A pass over the list now, or the plan of one.

use std::time::Duration;

use axum::{extract::State, response::Response};
use chassis::{
    extract::Query,
    problem::{ErrorCode, Problem},
};
use domain::{
    event::{ListPass, NumberEvent},
    ids::{PhoneNumberId, Second, Text},
    number::Number,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wire::json::Time;

use super::{Api, json, record::Refusal};
use crate::{
    Error,
    budget::{Budget, Denied},
    dry::{Found, Question},
    limits::PASS_WAIT,
    upstream::Read,
};

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    dry_run: bool,
    phone_number_id: Option<String>,
}

/// Passes that were asked for.
#[derive(Debug, Serialize)]
struct Passes {
    numbers: Vec<Passed>,
}

/// What came of one.
#[derive(Debug, Serialize)]
struct Passed {
    phone_number_id: String,
    /// `passed`, or `pending` while the instance that owns the number has not come to it.
    status: &'static str,
    started_at: Option<Time>,
    complete: Option<bool>,
    pages: Option<u32>,
    listed: Option<u32>,
    unknown_to_us: Option<u32>,
    unlisted: Option<u32>,
    subject_differs: Option<u32>,
}

/// Plans that were asked for.
#[derive(Debug, Serialize)]
struct Plans {
    numbers: Vec<Planned>,
}

/// `POST /v1/reconcile`
pub(super) async fn reconcile<R: Read>(
    State(api): State<Api<R>>,
    Query(Asked {
        dry_run,
        phone_number_id,
    }): Query<Asked>,
) -> Result<Response, Problem> {
    let numbers = api.numbers(phone_number_id.as_deref())?;
    api.check_ready()?;
    if dry_run {
        return plan(&api, &numbers).await;
    }
    pass(&api, &numbers).await
}

async fn pass<R: Read>(api: &Api<R>, numbers: &[PhoneNumberId]) -> Result<Response, Problem> {
    if api.parts().list_every.is_zero() {
        return Err(Problem::new(Refusal::Conflict)
            .detail("the reconciler is switched off: --list-every 0"));
    }
    for number in numbers {
        let paused = api.held(number).core.paused.clone();
        if paused.is_some_and(|paused| paused.value) {
            return Err(Problem::new(Refusal::Conflict)
                .detail("the number is paused: resume it first")
                .with("phone_number_id", number.as_str()));
        }
    }
    let mut asked: Vec<(&PhoneNumberId, Second)> = Vec::new();
    for number in numbers {
        // Asked twice in a second is asked once, unless a pass has begun between.
        let at = api.now().max(api.held(number).core.pass_asked + 1);
        let by = Some(Text::new(api.parts().by));
        api.record(number, at, NumberEvent::PassAsked { by })
            .await?;
        asked.push((number, at));
    }
    tracing::info!(
        by = api.parts().by,
        numbers = numbers.len(),
        "a pass was asked for"
    );
    let begun_ms = api.parts().ctx.clock.monotonic_ms();
    let mut passes = Vec::new();
    for (number, at) in asked {
        let since_ms = api
            .parts()
            .ctx
            .clock
            .monotonic_ms()
            .saturating_sub(begun_ms);
        let wait = PASS_WAIT.saturating_sub(Duration::from_millis(since_ms));
        let answered = |state: &Number| {
            let last = &state.core.list_pass.as_ref()?.value;
            (last.asked >= at).then(|| last.clone())
        };
        let found = api.until_within(number, wait, answered).await;
        passes.push(Passed::new(number, found));
    }
    let is_over = passes.iter().all(|passed| passed.started_at.is_some());
    let status = if is_over {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok(json(status, api.positions(), &Passes { numbers: passes }))
}

impl Passed {
    fn new(number: &PhoneNumberId, pass: Option<ListPass>) -> Self {
        let phone_number_id = number.to_string();
        let status = if pass.is_some() { "passed" } else { "pending" };
        let of = |count: fn(&ListPass) -> u32| pass.as_ref().map(count);
        Self {
            phone_number_id,
            status,
            started_at: pass.as_ref().map(|pass| Time(pass.started)),
            complete: pass.as_ref().map(|pass| pass.is_complete),
            pages: of(|pass| pass.pages),
            listed: of(|pass| pass.listed),
            unknown_to_us: of(|pass| pass.unknown_to_us),
            unlisted: of(|pass| pass.unlisted),
            subject_differs: of(|pass| pass.subject_differs),
        }
    }
}

async fn plan<R: Read>(api: &Api<R>, numbers: &[PhoneNumberId]) -> Result<Response, Problem> {
    let parts = api.parts();
    let Ok(_turn) = api.0.dry_runs.try_acquire() else {
        return Err(Problem::new(ErrorCode::Unavailable)
            .detail("another dry run is under way")
            .retry_after(5));
    };
    let question = Question {
        lag: parts.lag,
        list_every: parts.list_every,
    };
    let mut plans = Vec::new();
    for number in numbers {
        let Some(budget) = parts.budgets.get(number) else {
            continue;
        };
        budget
            .take_for_command(parts.ctx.clock.monotonic_ms())
            .map_err(denied)?;
        let found = question.ask(&*parts.upstream, number, &parts.snapshots);
        let found = tokio::select! {
            () = parts.ctx.shutdown.cancelled() => return Err(ErrorCode::Unavailable.into()),
            found = found => found,
        };
        let found = found.map_err(unread)?;
        spent(budget, &found, parts.ctx.clock.monotonic_ms());
        parts.metrics.calls.add("list", u64::from(found.calls));
        plans.push(Planned::new(number, found));
    }
    let plans = Plans { numbers: plans };
    Ok(json(StatusCode::OK, api.positions(), &plans))
}

/// The first page is paid; the others are taken from what comes.
fn spent(budget: &Budget, found: &Found, now_ms: u64) {
    budget.spend(found.calls.saturating_sub(1), now_ms);
}

fn denied(denied: Denied) -> Problem {
    let problem = Problem::new(ErrorCode::Unavailable);
    match denied {
        Denied::Later(wait) => {
            let seconds = u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(u32::MAX);
            problem
                .detail("the calls of this hour are made, or Meta asked for a pause")
                .retry_after(seconds)
        }
        Denied::Token => problem.detail("Meta refuses the access token"),
    }
}

fn unread(error: Error) -> Problem {
    let problem = Problem::new(ErrorCode::Unavailable);
    match error {
        Error::List { reason } => problem.detail(format!(
            "the list of active groups was not read to its end: {reason}"
        )),
        Error::Log(_) | Error::Client(_) => problem,
    }
    .retry_after(5)
}

mod planned;

use planned::Planned;
