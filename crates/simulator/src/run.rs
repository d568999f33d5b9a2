//! A simulator that runs: in this process, or as a command.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::Response,
};
use reqwest::Client;
use secrecy::SecretString;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    args::Args,
    clock::{Clock, http_date},
    control_http,
    delivery::{self, Counts, Outbox},
    error::Error,
    faults::{self, Faults},
    graph_http::Tokens,
    limits::STOP_WAIT,
    model::{Shape, World},
    traffic,
};

/// The challenge of the handshake, in the style of Meta's sample.
const CHALLENGE: &str = "1158201444";

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Decides every id and what people do.
    pub seed: u64,
    /// Business numbers.
    pub numbers: u32,
    /// Groups of each number at the start.
    pub groups: u32,
    /// Where webhooks go; none holds them back.
    pub webhook_url: Option<Url>,
    /// Signs webhooks.
    pub app_secret: SecretString,
    /// The only token accepted; none accepts any.
    pub access_token: Option<SecretString>,
    /// Webhooks in flight at once, at least 1.
    pub webhook_concurrency: usize,
    /// Seconds ago that the groups of the start were created.
    pub api_past_seconds: u64,
    /// Meta's clock.
    pub clock: Clock,
}

impl Default for Config {
    /// A free port on loopback, seed 1, one number, no groups, no endpoint, the reference's sample secret.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            numbers: 1,
            groups: 0,
            webhook_url: None,
            app_secret: SecretString::from("sample-app-secret"),
            access_token: None,
            webhook_concurrency: 16,
            api_past_seconds: 3600,
            clock: Clock::System,
        }
    }
}

/// What the routes share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) tokens: Arc<Tokens>,
    /// `http://address`, for callers that send no `Host`.
    pub(crate) url: Arc<str>,
    rate: Arc<Mutex<f64>>,
    client: Client,
}

impl Shared {
    pub(crate) fn set_traffic(&self, events_per_second: f64) {
        *lock(&self.rate) = events_per_second;
    }

    pub(crate) fn set_faults(&self, change: &Value) -> Result<Faults, faults::Error> {
        let mut world = lock(&self.world);
        let faults = world.faults.with(change)?;
        world.faults = faults.clone();
        Ok(faults)
    }

    /// Asks an endpoint whether it knows the verify token (reference 1.1).
    pub(crate) async fn handshake(&self, url: &Url, token: &str) -> Result<(), &'static str> {
        let mut url = url.clone();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.verify_token", token)
            .append_pair("hub.challenge", CHALLENGE);
        let answer = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|_| "the endpoint did not answer the handshake")?;
        if answer.status() != StatusCode::OK {
            return Err("the endpoint refused the handshake");
        }
        let text = answer
            .text()
            .await
            .map_err(|_| "the endpoint broke the handshake off")?;
        if text == CHALLENGE {
            Ok(())
        } else {
            Err("the endpoint answered another challenge")
        }
    }
}

/// Locks for a moment. A panic elsewhere ends the process by its task; the data is still whole enough to tell of it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A simulator running in this process.
#[derive(Debug)]
pub struct Simulator {
    shared: Shared,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: Tasks,
}

#[derive(Debug)]
struct Tasks {
    server: JoinHandle<std::io::Result<()>>,
    dispatch: JoinHandle<Result<(), Error>>,
    traffic: JoinHandle<()>,
}

impl Simulator {
    /// Fills the world, listens, and begins to deliver.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address is taken, [`Error::Client`] if TLS is not there.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let Config {
            listen,
            seed,
            numbers,
            groups,
            webhook_url,
            app_secret,
            access_token,
            webhook_concurrency,
            api_past_seconds,
            clock,
        } = config;
        let listening = |source| Error::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let client = delivery::send::client()?;
        let tokens = Tokens::new(access_token, &app_secret);
        let outbox = Arc::new(Outbox::new(webhook_url, app_secret));
        let shape = Shape {
            seed,
            numbers,
            groups,
            api_past_seconds,
        };
        let world = Arc::new(Mutex::new(World::new(
            &shape,
            clock.clone(),
            Arc::clone(&outbox),
        )));
        let shared = Shared {
            world: Arc::clone(&world),
            outbox: Arc::clone(&outbox),
            tokens: Arc::new(tokens),
            url: format!("http://{address}").into(),
            rate: Arc::new(Mutex::new(0.0)),
            client: client.clone(),
        };
        let stop = CancellationToken::new();
        let dated = clock.clone();
        let app = control_http::router(shared.clone()).layer(from_fn(
            move |request: Request, next: Next| {
                let clock = dated.clone();
                async move { stamped(next.run(request).await, &clock) }
            },
        ));
        let graceful = stop.clone().cancelled_owned();
        let server = axum::serve(listener, app).with_graceful_shutdown(graceful);
        let tasks = Tasks {
            server: tokio::spawn(async move { server.await }),
            dispatch: tokio::spawn(delivery::send::run(
                outbox,
                clock,
                client,
                webhook_concurrency.max(1),
                stop.clone(),
            )),
            traffic: tokio::spawn(traffic::run(world, Arc::clone(&shared.rate), stop.clone())),
        };
        Ok(Self {
            shared,
            address,
            stop,
            tasks,
        })
    }

    /// `http://127.0.0.1:port`: what a client of Meta takes for `https://graph.facebook.com`.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url.to_string()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The truth, as `GET /sim/state` shows it.
    #[must_use]
    pub fn state(&self) -> Value {
        lock(&self.shared.world).truth()
    }

    /// What became of webhooks so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.outbox.counts()
    }

    /// Lets people act at a rate; 0 stops them.
    pub fn set_traffic(&self, events_per_second: f64) {
        self.shared.set_traffic(events_per_second);
    }

    /// Sends webhooks to another endpoint from now on; none holds them back.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        self.shared.outbox.set_target(url);
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.shared.world).faults = faults;
    }

    /// Delivers all that is queued now; the counts are in `Err` if not all was answered 200 within `limit`.
    ///
    /// # Errors
    /// The counts at the end of `limit`.
    pub async fn flush(&self, limit: std::time::Duration) -> Result<Counts, Counts> {
        lock(&self.shared.world).complete_all();
        self.shared.outbox.flush(limit).await
    }

    /// Stops listening, delivering and traffic. What was queued is gone.
    ///
    /// # Errors
    /// How a task had ended before, if one had.
    pub async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.ended().await
    }

    /// Waits until the simulator stops by itself or `shutdown` asks for it.
    async fn finished(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let tasks = &mut self.tasks;
        tokio::select! {
            () = shutdown.cancelled() => {
                self.stop.cancel();
                self.ended().await
            }
            ended = &mut tasks.server => {
                ended.map_err(|_| Error::Task { task: "server" })?.map_err(Error::Serve)
            }
            ended = &mut tasks.dispatch => ended.map_err(|_| Error::Task { task: "dispatch" })?,
            ended = &mut tasks.traffic => ended.map_err(|_| Error::Task { task: "traffic" }),
        }
    }

    async fn ended(self) -> Result<(), Error> {
        let Tasks {
            mut server,
            dispatch,
            traffic,
        } = self.tasks;
        dispatch
            .await
            .map_err(|_| Error::Task { task: "dispatch" })??;
        traffic.await.map_err(|_| Error::Task { task: "traffic" })?;
        match timeout(STOP_WAIT, &mut server).await {
            Ok(ended) => ended
                .map_err(|_| Error::Task { task: "server" })?
                .map_err(Error::Serve),
            // A connection kept open by a client must not keep the simulator.
            Err(_) => {
                server.abort();
                Ok(())
            }
        }
    }
}

/// Meta's clock in every answer, which is not always the machine's.
fn stamped(mut response: Response, clock: &Clock) -> Response {
    if let Ok(date) = HeaderValue::from_str(&http_date(clock.now_ms())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// `rollcall simulator`: prints `listening on simulator http://…` and runs until `shutdown`.
///
/// # Errors
/// [`Error::Configuration`] before anything is started; else whatever ended it.
pub async fn run(args: Args, shutdown: CancellationToken) -> Result<(), Error> {
    let simulator = Simulator::start(args.config()?).await?;
    writeln!(
        std::io::stdout(),
        "listening on simulator {}",
        simulator.url()
    )
    .map_err(Error::Stdout)?;
    simulator.finished(shutdown).await
}
