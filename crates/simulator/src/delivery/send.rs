//! The loop that delivers: what is due goes out, a bounded number at a time.

use std::sync::Arc;

use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Outbox, post::Post};
use crate::{
    clock::Clock,
    error::Error,
    limits::{MANUAL_CLOCK_POLL, WEBHOOK_TIMEOUT},
};

/// The client for webhooks: no redirects, for only 200 counts, and no proxy, for nothing leaves the machine by itself.
pub(crate) fn client() -> Result<Client, Error> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(WEBHOOK_TIMEOUT)
        .build()
        .map_err(Error::Client)
}

/// Delivers until `stop`; what is in flight then is given up.
pub(crate) async fn run(
    outbox: Arc<Outbox>,
    clock: Clock,
    client: Client,
    concurrency: usize,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut flights = JoinSet::new();
    loop {
        while flights.len() < concurrency
            && let Some((target, post)) = outbox.next(clock.now_ms())
        {
            flights.spawn(deliver(Arc::clone(&outbox), client.clone(), target, post));
        }
        let free = flights.len() < concurrency;
        let wait = outbox.wait(clock.now_ms()).filter(|_| free);
        let wait = if clock.is_manual() {
            wait.map(|wait| wait.min(MANUAL_CLOCK_POLL))
        } else {
            wait
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(flight) = flights.join_next() => flight.map_err(|_| Error::Task { task: "webhook" })?,
            () = outbox.woken.notified() => {}
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

async fn deliver(outbox: Arc<Outbox>, client: Client, target: Url, post: Post) {
    let answer = client
        .post(target)
        .header(CONTENT_TYPE, "application/json")
        .header("X-Hub-Signature-256", &post.signature)
        .body(post.body.clone())
        .send()
        .await;
    match answer {
        Ok(answer) if answer.status() == StatusCode::OK => {
            // The answer is read, so that the connection is used again.
            let _ = answer.bytes().await;
            outbox.settle(&post);
        }
        Ok(answer) => {
            tracing::debug!(
                status = answer.status().as_u16(),
                attempts = post.attempts,
                "webhook not answered 200"
            );
            outbox.retry(post);
        }
        Err(error) => {
            tracing::debug!(
                attempts = post.attempts,
                timeout = error.is_timeout(),
                "webhook not answered"
            );
            outbox.retry(post);
        }
    }
}
