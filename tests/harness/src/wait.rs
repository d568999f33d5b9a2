//! Waiting for a condition instead of for a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How long to leave a condition alone between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Blocks until `look` gives a value, and returns it.
///
/// # Errors
///
/// Names `what` when `timeout` is over.
pub fn await_until<T>(
    timeout: Duration,
    what: &str,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T> {
    let until = Instant::now() + timeout;
    loop {
        if let Some(value) = look() {
            return Ok(value);
        }
        if Instant::now() >= until {
            bail!("waited {timeout:?} in vain for {what}");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// As [`await_until`], for a condition that is asked for in async code.
///
/// # Errors
///
/// Names `what` when `timeout` is over; a look that hangs is cut off then too.
pub async fn eventually<T>(
    timeout: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let looking = async {
        loop {
            if let Some(value) = look().await {
                return value;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(timeout, looking).await {
        Ok(value) => Ok(value),
        Err(_) => bail!("waited {timeout:?} in vain for {what}"),
    }
}
