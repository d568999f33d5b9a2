//! The access token, which may be replaced while the process runs: its file is read again and again.

use std::sync::Arc;

use chassis::{
    CancellationToken, Clock, ExposeSecret as _, SecretFile, SecretString, reload::Reload,
};

use crate::{budget::Budget, upstream::Read};

/// Presents whatever the file holds, until shutdown.
pub(crate) async fn run<R: Read>(
    file: SecretFile,
    upstream: Arc<R>,
    budgets: Vec<Budget>,
    clock: Clock,
    shutdown: CancellationToken,
) -> Result<(), eventlog::Error> {
    let mut presented = file.secret().clone();
    let reload = Reload {
        what: "the access token",
        clock,
        shutdown,
    };
    let take = |token: SecretString| {
        if token.expose_secret() == presented.expose_secret() {
            return false;
        }
        let is_taken = upstream.present(&token).inspect_err(|error| {
            tracing::error!(%error, "the access token was replaced by one that cannot be sent; the former stays");
        });
        presented = token;
        if is_taken.is_ok() {
            budgets.iter().for_each(Budget::token_changed);
        }
        is_taken.is_ok()
    };
    reload.run(move || file.reread(), take).await;
    Ok(())
}
