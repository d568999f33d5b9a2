//! What is read again from its files while the process runs, so that a secret can be replaced without a restart.
//!
//! Files are read again rather than watched: Kubernetes replaces a mounted secret by moving a link, editors
//! replace files by others, and both would have to be watched in ways of their own.

use std::fmt::Display;

use crate::{CancellationToken, Clock, limits::RELOAD_EVERY};

/// Reads again and again, until shutdown.
#[derive(Debug)]
pub struct Reload {
    /// What is read, for the log: `the app secrets`.
    pub what: &'static str,
    /// Whose time it goes by.
    pub clock: Clock,
    /// Ends it.
    pub shutdown: CancellationToken,
}

impl Reload {
    /// Gives what `read` returns to `take`, which says whether it was new and is in use from now on.
    ///
    /// What cannot be read is told once, and leaves everything as it is: a file that is being replaced may be
    /// away for a moment.
    pub async fn run<T, E, R>(self, read: R, mut take: impl FnMut(T) -> bool)
    where
        T: Send + 'static,
        E: Display + Send + 'static,
        R: Fn() -> Result<T, E> + Clone + Send + 'static,
    {
        let Self {
            what,
            clock,
            shutdown,
        } = self;
        let mut is_readable = true;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = clock.sleep(RELOAD_EVERY) => {}
            }
            // Reading a file may block.
            match tokio::task::spawn_blocking(read.clone()).await {
                Ok(Ok(value)) => {
                    is_readable = true;
                    if take(value) {
                        tracing::info!("{what} changed; the new is in use from now on");
                    }
                }
                Ok(Err(error)) => {
                    if is_readable {
                        tracing::warn!(%error, "{what} cannot be read again; what was read before stays in use");
                    }
                    is_readable = false;
                }
                // Given up because the runtime ends.
                Err(_) => return,
            }
        }
    }
}
