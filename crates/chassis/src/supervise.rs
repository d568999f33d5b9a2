//! The long-lived tasks of a process: one that ends, ends the process.
//!
//! A task that fails, panics or merely returns while nothing asked it to begins the shutdown;
//! the others then have [`limits::TASKS_DRAIN`] to end, and what is left is aborted.

use std::{collections::HashMap, future::Future, time::Duration};

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{duration, limits};

/// What a task may fail with.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How a task ended that should not have.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It returned, though no shutdown had begun.
    #[error("task {task} ended though nothing asked it to")]
    Ended {
        /// Its name.
        task: String,
    },
    /// It returned an error.
    #[error("task {task}")]
    Failed {
        /// Its name.
        task: String,
        /// The error.
        #[source]
        source: Cause,
    },
    /// It panicked; the panic hook has logged where.
    #[error("task {task} panicked")]
    Panicked {
        /// Its name.
        task: String,
    },
    /// They did not end within the limit after shutdown began, and were aborted.
    #[error("still running {} after shutdown began: {}", duration::format(*limit), tasks.join(", "))]
    Stuck {
        /// Their names.
        tasks: Vec<String>,
        /// The limit.
        limit: Duration,
    },
}

/// Tasks that live as long as the process. Dropping it aborts them.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<Result<(), Cause>>,
    names: HashMap<Id, String>,
    shutdown: CancellationToken,
    drain: Duration,
}

impl Tasks {
    /// None yet. `shutdown` tells them to end, and is cancelled when one ends by itself.
    pub fn new(shutdown: &CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            names: HashMap::new(),
            shutdown: shutdown.clone(),
            drain: limits::TASKS_DRAIN,
        }
    }

    /// Another limit for ending than [`limits::TASKS_DRAIN`].
    #[must_use]
    pub fn drain_within(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// Starts a task. It should return `Ok` soon after shutdown began, and never before.
    pub fn spawn<E: Into<Cause> + 'static>(
        &mut self,
        name: impl Into<String>,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let handle = self
            .set
            .spawn(async move { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), name.into());
    }

    /// Starts a task on a thread of its own, for code that blocks. It cannot be aborted,
    /// so it must itself see the shutdown.
    pub fn spawn_blocking<E: Into<Cause> + 'static>(
        &mut self,
        name: impl Into<String>,
        task: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) {
        let handle = self.set.spawn_blocking(move || task().map_err(Into::into));
        self.names.insert(handle.id(), name.into());
    }

    /// Waits for shutdown, or for a task that ends by itself and so begins it;
    /// then for all tasks, as long as the limit allows.
    ///
    /// # Errors
    /// The first task that ended otherwise than asked; later ones are logged here.
    pub async fn join(mut self) -> Result<(), Error> {
        let mut first = None;
        if !self.set.is_empty() {
            let shutdown = self.shutdown.clone();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                error = self.next_error(true) => first = error,
            }
            shutdown.cancel();
        }
        let drained = tokio::time::timeout(self.drain, async {
            while !self.set.is_empty() {
                if let Some(error) = self.next_error(false).await {
                    keep_first(&mut first, error);
                }
            }
        });
        if drained.await.is_err() {
            let mut tasks: Vec<String> = self.names.drain().map(|(_, name)| name).collect();
            tasks.sort();
            let limit = self.drain;
            keep_first(&mut first, Error::Stuck { tasks, limit });
        }
        first.map_or(Ok(()), Err)
    }

    /// The next task's end, as an error unless it was asked to end and did so well.
    async fn next_error(&mut self, unasked: bool) -> Option<Error> {
        let joined = self.set.join_next_with_id().await?;
        let id = match &joined {
            Ok((id, _)) => *id,
            Err(error) => JoinError::id(error),
        };
        let task = self.names.remove(&id).unwrap_or_else(|| id.to_string());
        match joined {
            Ok((_, Ok(()))) if unasked => Some(Error::Ended { task }),
            Ok((_, Ok(()))) => None,
            Ok((_, Err(source))) => Some(Error::Failed { task, source }),
            // Nobody but us holds a handle to abort it, so it is a panic.
            Err(_) => Some(Error::Panicked { task }),
        }
    }
}

fn keep_first(first: &mut Option<Error>, error: Error) {
    if first.is_none() {
        *first = Some(error);
    } else {
        tracing::error!(
            error = chain(&error),
            "a further task ended badly in the shutdown"
        );
    }
}

/// An error with its sources, as `a: b: c`.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
