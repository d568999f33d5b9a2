//! From a command to its answer: intent, fold, call, answer, fold.

use std::sync::Arc;

use chassis::problem::{ErrorCode, Problem};
use domain::event::Answer;
use domain::{
    event::{About, Event, RequestEvent, Source},
    ids::{GroupId, PhoneNumberId, RequestId, Second, Text},
    request::Request,
};
use graph::api::{Command, Repeat};

use super::{
    Asked, Desk, Turn,
    call::{Told, call, denied},
    conflict,
    held::seconds,
    operation,
};
use crate::{
    api::Parts,
    append::{Appender, event},
    budget::Budget,
    limits::{ANSWER_WAIT, INTENT_WAIT, KEY_LIFE, KEY_USES_MAX, RECORD_WAIT},
    upstream::Read,
};

/// A request, as far as it came while its caller waited.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) id: RequestId,
    pub(crate) request: Arc<Request>,
}

/// Does what is asked for, or finds out what became of it when it was asked for before.
///
/// # Errors
///
/// A problem document: nothing was called, or the log does not answer.
pub(crate) async fn execute<R: Read>(
    parts: &Parts<R>,
    desk: &Desk,
    asked: &Asked,
) -> Result<Ended, Problem> {
    let run = Run { parts, desk, asked };
    for uses in 0..KEY_USES_MAX {
        let id = asked.request_id(uses).ok_or(ErrorCode::Internal)?;
        let known = match run.known(&id) {
            Some(known) => known,
            None => match run.begin(&id).await? {
                Begun::Called(ended) => return Ok(ended),
                Begun::Another(known) => known,
            },
        };
        match run.judge(&id, &known)? {
            Known::Expired => {}
            Known::Ours => return run.follow(id).await,
        }
    }
    Err(Problem::new(ErrorCode::BadRequest)
        .detail("this Idempotency-Key was used too often: take another"))
}

struct Run<'a, R> {
    parts: &'a Parts<R>,
    desk: &'a Desk,
    asked: &'a Asked,
}

/// What came of an intent.
enum Begun {
    /// Ours was the first, so we called.
    Called(Ended),
    /// Another's was.
    Another(Arc<Request>),
}

/// What a request of this id is to whoever asks now.
enum Known {
    /// The key's life is over since: this is another request.
    Expired,
    /// The same.
    Ours,
}

impl<R: Read> Run<'_, R> {
    fn known(&self, id: &RequestId) -> Option<Arc<Request>> {
        let held = self.parts.snapshots.held();
        let request = held.requests().get(id)?;
        request.core.first_intent.is_some().then_some(request)
    }

    fn now(&self) -> Second {
        Second::try_from(self.parts.ctx.clock.now_seconds()).unwrap_or(Second::MAX)
    }

    fn budget(&self) -> Result<&Budget, Problem> {
        let budget = self.parts.budgets.get(&self.asked.number);
        budget.ok_or_else(|| ErrorCode::NotFound.into())
    }

    fn appender(&self) -> Result<Appender, Problem> {
        let appender = self.parts.appender.borrow().clone();
        appender
            .map(|appender| appender.outliving())
            .ok_or_else(|| unavailable("the log is not reached yet: nothing was called"))
    }

    fn judge(&self, id: &RequestId, known: &Request) -> Result<Known, Problem> {
        let Some(first) = &known.core.first_intent else {
            return Ok(Known::Ours);
        };
        if self.now() >= first.at + seconds(KEY_LIFE) {
            return Ok(Known::Expired);
        }
        if first.body_hash != self.asked.body_hash {
            return Err(conflict(id));
        }
        Ok(Known::Ours)
    }

    /// Appends an intent and calls if it is the first.
    async fn begin(&self, id: &RequestId) -> Result<Begun, Problem> {
        let Some(turn) = self.desk.turn(id) else {
            // Another caller of this instance is at it.
            let found = self.until(INTENT_WAIT, || self.known(id)).await;
            return found
                .map(Begun::Another)
                .ok_or_else(|| unavailable(UNFOLDED));
        };
        // It may have ended between the look and the turn.
        if let Some(known) = self.known(id) {
            return Ok(Begun::Another(known));
        }
        let budget = self.budget()?;
        let clock = &self.parts.ctx.clock;
        budget
            .check_for_command(clock.monotonic_ms())
            .map_err(denied)?;
        let appender = self.appender()?;
        let nonce = rand::random();
        self.record(
            &appender,
            id,
            self.now(),
            Source::Rollcall,
            self.intent(nonce)?,
        )
        .await
        .map_err(|()| unavailable("the log did not take it in time: nothing was called"))?;
        let found = self.until(INTENT_WAIT, || self.known(id)).await;
        let known = found.ok_or_else(|| unavailable(UNFOLDED))?;
        let first = known.core.first_intent.as_ref();
        if first.is_none_or(|first| first.nonce != nonce) {
            return Ok(Begun::Another(known));
        }
        self.call(turn, id, &appender, known)
            .await
            .map(Begun::Called)
    }

    fn intent(&self, nonce: u64) -> Result<RequestEvent, Problem> {
        let command = &self.asked.command;
        let group_id = command.group_id().map(GroupId::parse).transpose();
        let subject = match command {
            Command::Create { subject, .. } => Some(Text::new(subject.trim())),
            Command::Delete { .. }
            | Command::Update { .. }
            | Command::ResetInviteLink { .. }
            | Command::RevokeInviteLink { .. }
            | Command::RemoveParticipants { .. }
            | Command::AddParticipants { .. }
            | Command::ApproveJoinRequests { .. }
            | Command::RejectJoinRequests { .. }
            | Command::SendMessage { .. }
            | Command::Pin { .. }
            | Command::Unpin { .. }
            | Command::SendInvite { .. } => None,
        };
        Ok(RequestEvent::Intended {
            operation: operation(command),
            group_id: group_id
                .map_err(|_| Problem::new(ErrorCode::BadRequest).detail("no group has this id"))?,
            nonce,
            body_hash: self.asked.body_hash,
            subject,
        })
    }

    /// Calls, and records the answer: what Meta did is known to nobody else, so this is tried for as long as it takes.
    async fn call(
        &self,
        turn: Turn<'_>,
        id: &RequestId,
        appender: &Appender,
        known: Arc<Request>,
    ) -> Result<Ended, Problem> {
        let budget = self.budget()?;
        budget.spend(1, self.parts.ctx.clock.monotonic_ms());
        let told = call(self.parts, budget, self.asked).await;
        let before = known
            .core
            .answered
            .as_ref()
            .map(|register| register.stamp.at);
        let at = told.at.unwrap_or(self.now());
        let at = before.map_or(at, |before| at.max(before + 1));
        // Later than whoever gave the instance up says that nothing is known: see `settle`.
        let asked = known.core.first_intent.as_ref();
        let at = asked.map_or(at, |first| at.max(first.at + 1));
        let Told {
            at: of_meta,
            answer,
            meta_request_id,
            particulars,
            group,
        } = told;
        let answered = RequestEvent::Answered {
            answer,
            meta_request_id,
            particulars,
        };
        let group_id = self.asked.command.group_id();
        let group_id = group_id.and_then(|id| GroupId::parse(id).ok());
        let number = &self.asked.number;
        let mut events = Vec::new();
        if let (Some(group_id), Some(group)) = (group_id, group) {
            let about = About::Group(group_id, group);
            events.push(event(number, of_meta.unwrap_or(at), Source::Command, about));
        }
        let of_request = event(
            number,
            at,
            Source::Command,
            About::Request(id.clone(), answered),
        );
        events.push(of_request.clone());
        // Who waits is answered in time all the same, that it is on its way.
        if let Err(error) = appender.append(&events).await {
            tracing::error!(%error, request = %id, "what Meta answered could not be recorded; the request will count as unknown");
        }
        tracing::info!(
            request = %id,
            command = self.asked.command.as_str(),
            phone_number_id = %number,
            by = self.parts.by,
            "request {id} was answered"
        );
        let is_told = |request: &Request| {
            let answered = request.core.answered.as_ref();
            answered.is_some_and(|register| register.stamp.at >= at)
        };
        let folded = self
            .until(INTENT_WAIT, || {
                self.known(id).filter(|known| is_told(known))
            })
            .await;
        drop(turn);
        Ok(Ended {
            id: id.clone(),
            request: folded.unwrap_or_else(|| as_if_folded(id, &known, &of_request)),
        })
    }

    /// Waits for the answer that another's intent brings; calls again where an answer was lost and a second call does no harm.
    async fn follow(&self, id: RequestId) -> Result<Ended, Problem> {
        let answered = || {
            let known = self.known(&id)?;
            known.core.answered.is_some().then_some(known)
        };
        let Some(request) = self.until(ANSWER_WAIT, answered).await else {
            let request = self.known(&id).ok_or_else(|| unavailable(UNFOLDED))?;
            return Ok(Ended { id, request });
        };
        let answer = request
            .core
            .answered
            .as_ref()
            .map(|register| &register.value);
        let is_lost = matches!(answer, Some(Answer::Unknown));
        let is_harmless = self.asked.command.repeat() != Repeat::Twice;
        if !is_lost || !is_harmless || request.core.completed.is_some() {
            return Ok(Ended { id, request });
        }
        let Some(turn) = self.desk.turn(&id) else {
            return Ok(Ended { id, request });
        };
        let budget = self.budget()?;
        budget
            .check_for_command(self.parts.ctx.clock.monotonic_ms())
            .map_err(denied)?;
        let appender = self.appender()?;
        self.call(turn, &id, &appender, request).await
    }

    async fn record(
        &self,
        appender: &Appender,
        id: &RequestId,
        at: Second,
        source: Source,
        what: RequestEvent,
    ) -> Result<(), ()> {
        let about = About::Request(id.clone(), what);
        let event = event(&self.asked.number, at, source, about);
        let clock = &self.parts.ctx.clock;
        let recorded = clock.timeout(RECORD_WAIT, appender.record(&event)).await;
        match recorded {
            Ok(Ok(Some(_))) => Ok(()),
            Ok(Ok(None) | Err(_)) | Err(_) => Err(()),
        }
    }

    /// Waits until something is found in what is held, for a while, or until shutdown.
    async fn until<T>(&self, wait: std::time::Duration, find: impl Fn() -> Option<T>) -> Option<T> {
        let parts = self.parts;
        let found = parts.snapshots.until_told(find);
        tokio::select! {
            () = parts.ctx.shutdown.cancelled() => None,
            found = parts.ctx.clock.timeout(wait, found) => found.ok(),
        }
    }
}

const UNFOLDED: &str = "it is recorded and not folded in time: is a projector running? nothing was called; ask again with the same Idempotency-Key";

/// What the fold will say, for who cannot wait for it.
fn as_if_folded(id: &RequestId, known: &Request, answered: &Event) -> Arc<Request> {
    let mut request = known.clone();
    let mut position = request.envelope.position;
    position.offset += 1;
    request.apply(id, answered, position);
    request.envelope = known.envelope;
    Arc::new(request)
}

fn unavailable(why: &str) -> Problem {
    Problem::new(ErrorCode::Unavailable)
        .detail(why)
        .retry_after(2)
}

/// An event that settles a request.
pub(super) fn settled(
    number: &PhoneNumberId,
    id: &RequestId,
    at: Second,
    what: RequestEvent,
) -> Event {
    event(
        number,
        at,
        Source::Rollcall,
        About::Request(id.clone(), what),
    )
}
