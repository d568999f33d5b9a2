//! How a request becomes an event on a number, and how long it waits to see it folded.

use chassis::problem::{Code, ErrorCode, Problem};
use domain::{
    event::{About, NumberEvent, Source},
    ids::{PhoneNumberId, Second},
    number::Number,
    position::{Position, Stream},
};
use http::{HeaderValue, StatusCode};

use super::Api;
use crate::{
    append::{Appender, event},
    limits::{FOLD_WAIT, RECORD_WAIT},
    upstream::Read,
};

/// Codes of this API alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// What was asked for does not fit how things stand.
    Conflict,
}

impl Code for Refusal {
    fn slug(&self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Conflict => StatusCode::CONFLICT,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Conflict => "It does not fit how things stand",
        }
    }
}

/// Where a recorded event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recorded {
    partition: u32,
    offset: i64,
}

impl<R: Read> Api<R> {
    fn appender(&self) -> Result<Appender, Problem> {
        self.parts().appender.borrow().clone().ok_or_else(|| {
            Problem::new(ErrorCode::Unavailable)
                .detail("the log is not reached yet")
                .retry_after(1)
        })
    }

    /// Appends an event on a number, durably.
    pub(super) async fn record(
        &self,
        number: &PhoneNumberId,
        at: Second,
        what: NumberEvent,
    ) -> Result<Recorded, Problem> {
        let appender = self.appender()?;
        let about = About::Number(number.clone(), what);
        let event = event(number, at, Source::Rollcall, about);
        let clock = &self.parts().ctx.clock;
        let recorded = clock.timeout(RECORD_WAIT, appender.record(&event)).await;
        match recorded {
            Ok(Ok(Some((partition, offset)))) => Ok(Recorded { partition, offset }),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what was asked for could not be recorded");
                Err(unavailable())
            }
            // Shutdown came first, or it takes too long.
            Ok(Ok(None)) | Err(_) => Err(unavailable()),
        }
    }

    /// Waits until what is held of the number shows it, for a while.
    pub(super) async fn until<T>(
        &self,
        number: &PhoneNumberId,
        find: impl Fn(&Number) -> Option<T>,
    ) -> Option<T> {
        self.until_within(number, FOLD_WAIT, find).await
    }

    /// As [`Self::until`], for another while.
    pub(super) async fn until_within<T>(
        &self,
        number: &PhoneNumberId,
        wait: std::time::Duration,
        find: impl Fn(&Number) -> Option<T>,
    ) -> Option<T> {
        let _place = self.0.waiters.try_acquire().ok()?;
        let parts = self.parts();
        let found = parts.snapshots.until(|held| find(&*held.number(number)?));
        tokio::select! {
            () = parts.ctx.shutdown.cancelled() => None,
            found = parts.ctx.clock.timeout(wait, found) => found.ok(),
        }
    }

    /// The position of what was recorded, as `Rollcall-At-Least` takes it; the generation is known once anything was folded.
    pub(super) fn position(&self, recorded: Recorded) -> Option<HeaderValue> {
        let Recorded { partition, offset } = recorded;
        let held = self.parts().snapshots.held();
        let generation = held
            .progress()
            .values()
            .map(|known| known.generation)
            .max()?;
        let position = Position {
            stream: Stream::Events,
            generation,
            partition,
            offset,
        };
        HeaderValue::try_from(position.to_string()).ok()
    }
}

fn unavailable() -> Problem {
    Problem::new(ErrorCode::Unavailable)
        .detail("the log did not take it in time; it may be recorded all the same, and asking again does no harm")
        .retry_after(5)
}
