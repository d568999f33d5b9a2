//! One call of Meta, and what its answer becomes in the log.

use std::time::Duration;

use chassis::problem::{ErrorCode, Problem};
use domain::{
    event::{Answer, GroupEvent, ItemFailure, MetaError, Particulars},
    ids::{RequestId, Second, Text},
};
use graph::api::{
    self, Cause, Code, Command, Decided, Error, Executed, ItemError, Refused, Repeat, Reply, Sent,
};

use super::Asked;
use crate::{
    api::Parts,
    budget::{Budget, Denied},
    limits::{CALL_PAUSE_MAX, CALL_TRIES_MAX, CALL_TRIES_WITHIN},
    upstream::{self, Load, Read},
};

/// What a call brought, as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Second of the answer, by Meta's clock where it says.
    pub(super) at: Option<Second>,
    pub(super) answer: Answer,
    pub(super) meta_request_id: Option<RequestId>,
    pub(super) particulars: Option<Box<Particulars>>,
    /// What it says of the group, which is known from this second on.
    pub(super) group: Option<GroupEvent>,
}

/// Calls, again where that is safe and can help while somebody waits. The first call is taken from the budget already.
pub(super) async fn call<R: Read>(parts: &Parts<R>, budget: &Budget, asked: &Asked) -> Told {
    let Some(client) = parts.upstream.client() else {
        return refused_by_us("there is no client of Meta's API");
    };
    let (clock, command) = (&parts.ctx.clock, &asked.command);
    let begun_ms = clock.monotonic_ms();
    let mut may_be_done = false;
    let mut tries = 0;
    loop {
        tries += 1;
        let answered = upstream::traced(command.as_str(), client.execute(command)).await;
        parts.metrics.calls.add(command.as_str(), 1);
        spent(budget, command, &answered, clock.monotonic_ms());
        let error = match answered {
            Ok(answer) => return of_reply(command, answer),
            Err(error) => error,
        };
        parts.metrics.refusals.add(error.as_str(), 1);
        tracing::warn!(%error, command = command.as_str(), tries, "Meta's API did not do as it was asked");
        if may_be_done && is_done_already(command, &error) {
            return Told {
                at: error.sent().and_then(date),
                answer: Answer::Accepted,
                meta_request_id: None,
                particulars: None,
                group: None,
            };
        }
        may_be_done |= error.executed() == Executed::Unknown;
        let pause = error.back_off(tries).filter(|_| command.may_repeat(&error));
        let passed = Duration::from_millis(clock.monotonic_ms().saturating_sub(begun_ms));
        let again = pause.filter(|pause| {
            *pause <= CALL_PAUSE_MAX && tries < CALL_TRIES_MAX && passed < CALL_TRIES_WITHIN
        });
        let Some(pause) = again else {
            return of_error(&error, may_be_done);
        };
        tokio::select! {
            () = parts.ctx.shutdown.cancelled() => return of_error(&error, may_be_done),
            () = clock.sleep(pause) => {}
        }
        if budget.take_for_command(clock.monotonic_ms()).is_err() {
            return of_error(&error, may_be_done);
        }
    }
}

/// Tells the budget what an answer says of Meta's limits.
pub(crate) fn told<T>(budget: &Budget, answered: &Result<api::Answer<T>, Error>, now_ms: u64) {
    let sent = match answered {
        Ok(answer) => Some(&answer.sent),
        Err(error) => error.sent(),
    };
    let load = sent.map(upstream::load).unwrap_or_default();
    match answered {
        Ok(_) => budget.answered(&load, now_ms),
        Err(error) => {
            let mut refused = upstream::refused(error);
            // One call that may not be made says nothing of the others; a token that is not taken does.
            if refused == upstream::Refused::Token && !is_of_token(error) {
                refused = upstream::Refused::Input;
            }
            budget.refused(&refused, &load, now_ms);
        }
    }
}

fn spent(
    budget: &Budget,
    command: &Command,
    answered: &Result<api::Answer<Reply>, Error>,
    now_ms: u64,
) {
    let is_message = matches!(
        command,
        Command::SendMessage { .. } | Command::SendInvite { .. }
    );
    if is_message && answered.as_ref().is_err_and(is_of_messages) {
        // What is asked of whoever writes too much is not asked of whoever reads.
        let load = Load::default();
        return budget.refused(&upstream::Refused::Input, &load, now_ms);
    }
    told(budget, answered, now_ms);
}

fn is_of_token(error: &Error) -> bool {
    let known = error.refused().and_then(Refused::known);
    matches!(known, Some(Code::AuthException | Code::TokenExpired))
}

/// Limits on how much is written, to whom: the call limits of the app are others.
fn is_of_messages(error: &Error) -> bool {
    matches!(error.code(), Some(130_429 | 131_048 | 131_049 | 131_056))
}

/// After an answer that was lost, a refusal that says that it is done already.
fn is_done_already(command: &Command, error: &Error) -> bool {
    command.repeat() == Repeat::SameEnd
        && matches!(
            (command, error.code()),
            (Command::Delete { .. }, Some(131_041))
                | (Command::RemoveParticipants { .. }, Some(131_212))
        )
}

/// Second of an answer in Meta's clock.
pub(super) fn date(sent: &Sent) -> Option<Second> {
    let took = sent.elapsed.as_secs() + u64::from(sent.elapsed.subsec_nanos() > 0);
    Some(sent.t0? + Second::try_from(took).ok()?)
}

fn of_reply(command: &Command, answer: api::Answer<Reply>) -> Told {
    let api::Answer { value, sent } = answer;
    let meta_request_id = value.request_id().and_then(|id| RequestId::parse(id).ok());
    let mut particulars = Particulars::default();
    let mut group = None;
    match value {
        Reply::Accepted(accepted) => particulars.errors = errors(&accepted.errors),
        Reply::InviteLink(link) => {
            let invite_link = Text::from(link.0);
            group = Some(GroupEvent::InviteLinkAnswered {
                invite_link: invite_link.clone(),
            });
            particulars.invite_link = Some(invite_link);
        }
        Reply::Done => {
            let is_revoked = matches!(command, Command::RevokeInviteLink { .. });
            group = is_revoked.then(|| GroupEvent::InviteLinkAnswered {
                invite_link: Text::default(),
            });
        }
        Reply::Decided(decided) => {
            let Decided {
                done,
                failed,
                untold,
                errors: all,
            } = decided;
            particulars.done = done.into_iter().map(Text::from).collect();
            let failed = failed.into_iter().map(|failed| ItemFailure {
                input: Text::from(failed.join_request_id),
                errors: errors(&failed.errors),
            });
            particulars.failed = failed.collect();
            particulars.untold = untold.into_iter().map(Text::from).collect();
            particulars.errors = errors(&all);
            group = (!particulars.done.is_empty()).then(|| GroupEvent::JoinRequestsAnswered {
                join_request_ids: particulars.done.clone(),
            });
        }
        Reply::Sent(message) => particulars.message_id = Some(Text::from(message.message_id)),
    }
    let says_nothing = particulars == Particulars::default();
    Told {
        at: date(&sent),
        answer: Answer::Accepted,
        meta_request_id,
        particulars: (!says_nothing).then(|| Box::new(particulars)),
        // An answer of no certain second asserts nothing.
        group: group.filter(|_| sent.t0.is_some()),
    }
}

fn of_error(error: &Error, may_be_done: bool) -> Told {
    let refused = error.refused();
    let refusal = match refused {
        Some(refused) => MetaError {
            code: refused.code,
            title: text(refused.title()),
            details: text(refused.details.reveal()),
        },
        None => MetaError {
            code: NO_CODE,
            title: Text::from(error.to_string()),
            details: Text::default(),
        },
    };
    let trace = refused.and_then(|refused| refused.fbtrace_id.as_deref());
    let mut particulars = Particulars {
        fbtrace_id: trace.map(Text::new),
        ..Particulars::default()
    };
    let answer = if may_be_done {
        particulars.errors = vec![refusal];
        Answer::Unknown
    } else {
        Answer::Refused(refusal)
    };
    Told {
        at: error.sent().and_then(date),
        answer,
        meta_request_id: None,
        particulars: Some(Box::new(particulars)),
        group: None,
    }
}

/// Where an error is not Meta's.
pub(super) const NO_CODE: i64 = -1;

fn refused_by_us(why: &str) -> Told {
    Told {
        at: None,
        answer: Answer::Refused(MetaError {
            code: NO_CODE,
            title: Text::new(why),
            details: Text::default(),
        }),
        meta_request_id: None,
        particulars: None,
        group: None,
    }
}

fn errors(errors: &[ItemError<'static>]) -> Vec<MetaError> {
    let error = |error: &ItemError<'static>| MetaError {
        code: error.code.unwrap_or_default(),
        title: text(error.title.as_deref().or(error.message.as_deref())),
        details: text(error.details.as_deref()),
    };
    errors.iter().map(error).collect()
}

fn text(text: Option<&str>) -> Text {
    text.map(Text::new).unwrap_or_default()
}

/// Why no call may be made now.
pub(crate) fn denied(denied: Denied) -> Problem {
    let problem = Problem::new(ErrorCode::Unavailable);
    match denied {
        Denied::Later(wait) => {
            let seconds = u32::try_from(wait.as_secs().saturating_add(1)).unwrap_or(u32::MAX);
            problem
                .detail("the calls of this hour are made, or Meta asked for a pause: nothing was called; ask again later, with the same Idempotency-Key if there was one")
                .with("class", Cause::Throttled.as_str())
                .retry_after(seconds)
        }
        Denied::Token => problem
            .detail("Meta refuses the access token: put a valid one into the file that --access-token-file names; it is read again within seconds")
            .with("class", Cause::Auth.as_str()),
    }
}
