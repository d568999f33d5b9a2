//! From `main` to the end: runtime, logging, signals, exit status.

use std::{
    fmt,
    future::Future,
    io::{self, Write},
    process::ExitCode,
};

use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::ConfigProblems,
    duration,
    health::Health,
    limits,
    metrics::Metrics,
    supervise,
    telemetry::{self, TelemetryArgs},
    tls::Tls,
    trace,
};

/// The version of Rollcall: all crates share one.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Exit status of bad usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// What a service gets from the process it runs in; a cheap handle.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// The time.
    pub clock: Clock,
    /// Cancelled when the process is to end.
    pub shutdown: CancellationToken,
    /// Where metrics are registered.
    pub metrics: Metrics,
    /// Where checks and heartbeats are registered.
    pub health: Health,
    /// What every listener presents; none is plain HTTP.
    pub tls: Option<Tls>,
}

impl Ctx {
    /// A context with nothing registered; for tests, and for parts run on a clock of their own.
    pub fn new(clock: Clock) -> Self {
        let shutdown = CancellationToken::new();
        Self {
            health: Health::new(clock.clone(), shutdown.clone()),
            metrics: Metrics::new(),
            tls: None,
            clock,
            shutdown,
        }
    }
}

/// What runs: decides how much it says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Runs until told to end: logs its start and its end, and `info` by default.
    Service(&'static str),
    /// Does one thing for a person: `warn` by default, and errors as plain lines.
    Command(&'static str),
}

/// Why a process ended that was not `run`'s doing.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    #[error("catch {name}")]
    Signal {
        name: &'static str,
        #[source]
        source: io::Error,
    },
    #[error(
        "still running {} after shutdown began",
        duration::format(limits::SHUTDOWN)
    )]
    Stuck,
}

/// Runs a process from its parsed arguments to its exit status: 0 well, 1 failed,
/// 2 bad configuration (an error that is, or was caused by, [`ConfigProblems`]).
///
/// `settings` is logged once at start by its `Debug`, which must hide secrets as
/// [`SecretFile`](crate::SecretFile) does. SIGTERM or SIGINT cancels `ctx.shutdown`;
/// `run` then has [`limits::SHUTDOWN`] to return. A second signal exits at once.
pub fn main<F, Fut>(
    process: Process,
    telemetry: &TelemetryArgs,
    settings: &dyn fmt::Debug,
    run: F,
) -> ExitCode
where
    F: FnOnce(Ctx) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let (name, default_filter) = match process {
        Process::Service(name) => (name, "info"),
        Process::Command(name) => (name, "warn"),
    };
    telemetry::install(telemetry, default_filter);
    // Commands are of interest to who debugs them; the filter above hides this otherwise.
    tracing::info!(service = name, version = VERSION, settings = ?settings, "{name} {VERSION} starts");
    let _sending = match trace::install(name, VERSION, &telemetry.traces) {
        Ok(sending) => sending,
        Err(problems) => return print_problems(&problems),
    };
    match run_to_end(name, run) {
        Ok(()) => {
            tracing::info!(service = name, "{name} ended");
            ExitCode::SUCCESS
        }
        Err(error) => report(process, &error),
    }
}

fn run_to_end<F, Fut>(name: &'static str, run: F) -> anyhow::Result<()>
where
    F: FnOnce(Ctx) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let ctx = Ctx::new(Clock::system());
    ctx.metrics.describe_process(name, VERSION);
    let outcome = runtime.block_on(async {
        let terminate = catch("SIGTERM", SignalKind::terminate())?;
        let interrupt = catch("SIGINT", SignalKind::interrupt())?;
        // Joined by the end of the runtime: it must outlive `run`'s shutdown.
        tokio::spawn(heed_signals(terminate, interrupt, ctx.shutdown.clone()));
        let shutdown = ctx.shutdown.clone();
        tokio::select! {
            biased;
            outcome = Box::pin(run(ctx)) => outcome,
            () = overdue(&shutdown) => Err(Error::Stuck.into()),
        }
    });
    runtime.shutdown_timeout(limits::RUNTIME_DRAIN);
    outcome
}

fn catch(name: &'static str, kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(|source| Error::Signal { name, source })
}

async fn heed_signals(mut terminate: Signal, mut interrupt: Signal, shutdown: CancellationToken) {
    loop {
        let name = tokio::select! {
            Some(()) = terminate.recv() => "SIGTERM",
            Some(()) = interrupt.recv() => "SIGINT",
            else => return,
        };
        if shutdown.is_cancelled() {
            tracing::warn!(signal = name, "{name} during shutdown: ending at once");
            std::process::exit(1);
        }
        tracing::info!(signal = name, "{name}: shutting down");
        shutdown.cancel();
    }
}

async fn overdue(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(limits::SHUTDOWN).await;
}

fn report(process: Process, error: &anyhow::Error) -> ExitCode {
    let problems = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<ConfigProblems>());
    if let Some(problems) = problems {
        return print_problems(problems);
    }
    let text = supervise::chain(error.as_ref());
    match process {
        Process::Service(name) => {
            tracing::error!(service = name, error = text, "{name} failed: {text}")
        }
        Process::Command(_) => print_line(&text),
    }
    ExitCode::FAILURE
}

/// Prints each problem as a line on standard error; the exit status to end with.
pub(crate) fn print_problems(problems: &ConfigProblems) -> ExitCode {
    for problem in &problems.0 {
        print_line(problem);
    }
    ExitCode::from(USAGE)
}

fn print_line(text: &str) {
    let _closed = writeln!(io::stderr().lock(), "error: {text}");
}
