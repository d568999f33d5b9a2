//! Trying again: exponential delays with full jitter, a cap, and a limit.
//!
//! Only the outermost place retries; what lies below returns its error with a class.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// What trying again can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It will fail the same way again: give up at once.
    Permanent,
    /// It may work later.
    Transient,
    /// We are wrong, not the world: give up at once, loudly.
    Bug,
}

/// How long to wait between tries, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first delay; it doubles with each try.
    pub base: Duration,
    /// Upper bound of every delay.
    pub cap: Duration,
    /// Tries in all, the first included; `None` goes on until shutdown.
    pub tries_max: Option<u32>,
}

/// Why an operation that was tried came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// Shutdown began; the last error, if there was a try.
    #[error("stopped by shutdown")]
    Stopped {
        /// How the last try ended.
        #[source]
        last: Option<E>,
    },
    /// An error that trying again cannot mend.
    #[error("permanent error")]
    Permanent {
        /// The error itself.
        #[source]
        source: E,
    },
    /// An error that means a fault of our own.
    #[error("fault of our own")]
    Bug {
        /// The error itself.
        #[source]
        source: E,
    },
    /// Every try ended in a transient error.
    #[error("no success in {tries} tries")]
    Exhausted {
        /// How many there were.
        tries: u32,
        /// How the last one ended.
        #[source]
        source: E,
    },
}

impl<E: std::error::Error + 'static> Error<E> {
    /// The error of the last try; `None` if shutdown came before its end.
    pub fn into_last(self) -> Option<E> {
        match self {
            Self::Stopped { last } => last,
            Self::Permanent { source } | Self::Bug { source } | Self::Exhausted { source, .. } => {
                Some(source)
            }
        }
    }
}

/// The delays of one series of tries, for loops that cannot be a closure.
#[derive(Clone, Debug)]
pub struct Delays {
    backoff: Backoff,
    tries: u32,
}

impl Backoff {
    /// A fresh series.
    pub fn delays(self) -> Delays {
        Delays {
            backoff: self,
            tries: 0,
        }
    }

    /// The upper bound of the delay after `tries` failed tries: `base · 2^(tries − 1)`, capped.
    fn bound(self, tries: u32) -> Duration {
        let factor = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.base.saturating_mul(factor).min(self.cap)
    }
}

impl Delays {
    /// How long to wait after one more failed try: evenly drawn from nothing to the bound,
    /// so that many callers that failed together do not come back together.
    /// `None` when the tries are used up.
    pub fn after_failure(&mut self) -> Option<Duration> {
        self.tries = self.tries.saturating_add(1);
        if self.backoff.tries_max.is_some_and(|max| self.tries >= max) {
            return None;
        }
        let bound_ms = self.backoff.bound(self.tries).as_millis();
        let bound_ms = u64::try_from(bound_ms).unwrap_or(u64::MAX);
        Some(Duration::from_millis(rand::random_range(0..=bound_ms)))
    }

    /// Failed tries so far.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Calls `operation` until it succeeds, its error is not transient, the tries are used up,
/// or shutdown begins (also in the middle of a try or a delay).
///
/// # Errors
/// [`Error`] tells these apart and carries the last error.
pub async fn retry<T, E, F, Fut>(
    clock: &Clock,
    shutdown: &CancellationToken,
    backoff: Backoff,
    mut class: impl FnMut(&E) -> Class,
    mut operation: F,
) -> Result<T, Error<E>>
where
    E: std::error::Error + 'static,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut delays = backoff.delays();
    let mut last = None;
    loop {
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Stopped { last }),
            outcome = operation() => outcome,
        };
        let source = match outcome {
            Ok(value) => return Ok(value),
            Err(source) => source,
        };
        match class(&source) {
            Class::Permanent => return Err(Error::Permanent { source }),
            Class::Bug => return Err(Error::Bug { source }),
            Class::Transient => {}
        }
        let Some(delay) = delays.after_failure() else {
            let tries = delays.tries();
            return Err(Error::Exhausted { tries, source });
        };
        last = Some(source);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Stopped { last }),
            () = clock.sleep(delay) => {}
        }
    }
}

#[cfg(test)]
mod tests;
