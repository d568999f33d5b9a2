//! From settings to a served address, and to its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use chassis::{CancellationToken, Ctx, Tasks, health::Check, http, reload::Reload};
use eventlog::{Health, Log};
use tokio::sync::mpsc;

use crate::{
    args::{Args, Files, Settings},
    http::{App, router},
    limits,
    metrics::Metrics,
    records::Topics,
    secrets::Secrets,
};

/// Why ingest ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("listen")]
    Listen(#[from] http::Error),
    /// A task ended otherwise than asked to.
    #[error("serve webhooks")]
    Task(#[from] chassis::supervise::Error),
}

/// Takes webhooks until `ctx.shutdown`; then finishes those in flight and waits for the log to have everything.
///
/// The topics must be there, or come to be; until then every POST is answered 503.
///
/// # Errors
///
/// [`Error`]
pub async fn run(args: Args, ctx: Ctx, log: Log) -> Result<(), Error> {
    let settings = args.settings();
    let listener = http::bind("--webhook-listen", args.webhook_listen).await?;
    let listener = listener.with_tls(ctx.tls.clone());
    listener.print("webhooks");
    let server = Server::start(listener, &settings, &ctx, log).await?;
    server.run().await
}

/// Ingest with its listener bound: connections wait to be accepted until [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: http::Listener,
    app: Arc<App>,
    check: Check,
    faults: mpsc::Receiver<eventlog::Error>,
    files: Option<Files>,
    shutdown: CancellationToken,
}

impl Server {
    /// Makes ready on a listener that the caller bound, so that port 0 can be used; registers metrics and the
    /// readiness check `ingest log`, and asks the log for its partitions once.
    ///
    /// # Errors
    ///
    /// None today; the type is that of a start.
    pub async fn start(
        listener: http::Listener,
        settings: &Settings,
        ctx: &Ctx,
        log: Log,
    ) -> Result<Self, Error> {
        let Settings {
            app_secrets,
            verify_token,
            files,
            window,
        } = settings;
        if verify_token.is_none() {
            tracing::info!("no verify token is given: Meta's handshake will be refused");
        }
        let (fault, faults) = mpsc::channel(1);
        let app = Arc::new(App {
            secrets: Secrets::new(app_secrets, verify_token.as_ref()),
            window: *window,
            clock: ctx.clock.clone(),
            log,
            topics: OnceLock::new(),
            metrics: ctx.metrics.register(Metrics::register),
            faults: fault,
        });
        let check = ctx.health.check("ingest log");
        // A log that does not answer is asked again while others are answered 503.
        if let Ok(state) = tokio::time::timeout(limits::FIRST_LOOK, app.look()).await {
            check.set(state);
        }
        Ok(Self {
            listener,
            app,
            check,
            faults,
            files: files.clone(),
            shutdown: ctx.shutdown.clone(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until shutdown and drains, within [`limits::DRAIN`] and [`limits::FLUSH`].
    ///
    /// # Errors
    ///
    /// [`Error::Task`], when the log says that our program is wrong or a task panicked.
    pub async fn run(self) -> Result<(), Error> {
        let Self {
            listener,
            app,
            check,
            faults,
            files,
            shutdown,
        } = self;
        let log = app.log.clone();
        let mut tasks = Tasks::new(&shutdown).drain_within(limits::DRAIN);
        let (router, stop) = (router(Arc::clone(&app)), shutdown.clone());
        let http_limits = http::Limits {
            drain: limits::DRAIN,
            ..http::Limits::STANDARD
        };
        tasks.spawn("webhooks", async move {
            http::serve(listener, router, http_limits, stop).await;
            Ok::<(), Infallible>(())
        });
        if let Some(files) = files {
            tasks.spawn("secrets", reload(Arc::clone(&app), files, shutdown.clone()));
        }
        tasks.spawn("readiness", watch(app, check, shutdown.clone()));
        tasks.spawn("faults", first_fault(faults, shutdown));
        let ended = tasks.join().await;
        if !log.flush(limits::FLUSH).await {
            tracing::warn!("records are still pending at the end; Meta sends their webhooks again");
        }
        Ok(ended?)
    }
}

/// Keeps the secrets as their files are.
async fn reload(
    app: Arc<App>,
    files: Files,
    shutdown: CancellationToken,
) -> Result<(), Infallible> {
    let reload = Reload {
        what: "a file with an app secret or the verify token",
        clock: app.clock.clone(),
        shutdown,
    };
    let take = |(app_secrets, verify_token): (Vec<_>, Option<_>)| {
        app.secrets.replace(&app_secrets, verify_token.as_ref())
    };
    reload.run(move || files.read(), take).await;
    Ok(())
}

/// Keeps readiness as the log's health is.
async fn watch(app: Arc<App>, check: Check, shutdown: CancellationToken) -> Result<(), Infallible> {
    let mut was_ready = app.topics.get().is_some();
    let mut ticks = tokio::time::interval(limits::READY_EVERY);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let state = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            state = app.look() => state,
        };
        match (&state, was_ready) {
            (Err(reason), true) => {
                tracing::warn!(
                    reason,
                    "webhooks are answered 503, for the log is in trouble: {reason}"
                );
            }
            (Ok(()), false) => tracing::info!("the log takes webhooks again"),
            (Ok(()), true) | (Err(_), false) => {}
        }
        was_ready = state.is_ok();
        check.set(state);
    }
}

/// An error of the log that means a fault of our own ends the service.
async fn first_fault(
    mut faults: mpsc::Receiver<eventlog::Error>,
    shutdown: CancellationToken,
) -> Result<(), eventlog::Error> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        Some(fault) = faults.recv() => Err(fault),
        else => Ok(()),
    }
}

impl App {
    /// Would a webhook be taken now?
    async fn look(&self) -> Result<(), String> {
        if self.topics.get().is_none() {
            let topics = Topics::learn(&self.log).await.map_err(|e| e.to_string())?;
            let _first = self.topics.set(topics);
        }
        match self.log.health() {
            Health::Ready => Ok(()),
            Health::InTrouble { since: _, trouble } => Err(trouble.to_string()),
        }
    }
}
