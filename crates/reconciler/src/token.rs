//! The access token, which may be replaced while the process runs: its file is looked at again and again.

use std::{sync::Arc, time::Duration};

use chassis::{CancellationToken, Clock, ExposeSecret as _, SecretFile, SecretString};

use crate::{budget::Budget, limits::TOKEN_EVERY, upstream::Read};

/// Presents whatever the file holds, until shutdown.
pub(crate) async fn run<R: Read>(
    file: SecretFile,
    upstream: Arc<R>,
    budgets: Vec<Budget>,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<(), eventlog::Error> {
    let mut presented = file.secret().clone();
    let mut is_readable = true;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = clock.sleep(TOKEN_EVERY) => {}
        }
        let read = reread(file.clone()).await;
        match read {
            Ok(token) if is_same(&token, &presented) => is_readable = true,
            Ok(token) => {
                is_readable = true;
                match upstream.present(&token) {
                    Ok(()) => {
                        tracing::info!(
                            "the access token was replaced, and is presented from now on"
                        );
                        budgets.iter().for_each(Budget::token_changed);
                    }
                    Err(error) => {
                        tracing::error!(%error, "the access token was replaced by one that cannot be sent; the former stays");
                    }
                }
                presented = token;
            }
            // A file that is being replaced may be away for a moment; said once.
            Err(error) if is_readable => {
                is_readable = false;
                tracing::warn!(%error, "the access token's file cannot be read; the former token stays");
            }
            Err(_) => {}
        }
    }
}

/// Reading a file may block; it ends with the disk's own time.
async fn reread(file: SecretFile) -> Result<SecretString, String> {
    let read = tokio::task::spawn_blocking(move || file.reread());
    match read.await {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("reading it was given up".to_owned()),
    }
}

fn is_same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}

/// So that no wait here is longer than a rotation should take.
const _: () = assert!(TOKEN_EVERY.as_nanos() <= Duration::from_secs(60).as_nanos());
