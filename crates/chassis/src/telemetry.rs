//! Logging: lines on standard error, as text for people or JSON for machines.
//!
//! Personal data belongs into no line, at any level: ids of things only, never of people.

use std::{
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
    str::FromStr,
};

use clap::{Args, ValueEnum};
use tracing_subscriber::{
    EnvFilter, filter::ParseError, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::trace::TraceArgs;

/// Options about logging.
#[derive(Args, Clone, Debug)]
pub struct TelemetryArgs {
    /// How log lines look [default: text on a terminal, else json]
    #[arg(
        long,
        env = "ROLLCALL_LOG_FORMAT",
        value_name = "FORMAT",
        global = true
    )]
    pub log_format: Option<LogFormat>,

    /// What is logged: a level, or levels by target, such as info,eventlog=debug [default: info]
    #[arg(long, env = "ROLLCALL_LOG", value_name = "FILTER", global = true)]
    pub log: Option<LogFilter>,

    /// Traces.
    #[command(flatten)]
    pub traces: TraceArgs,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A filter in the syntax of `tracing_subscriber::EnvFilter`, checked when parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl FromStr for LogFilter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        EnvFilter::builder().parse(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// Installs logging and the panic hook for the whole process; a second call changes nothing.
/// `default_filter` holds where `--log` does not say.
pub fn install(args: &TelemetryArgs, default_filter: &str) {
    let TelemetryArgs {
        log_format,
        log,
        traces: _,
    } = args;
    let filter = log
        .as_ref()
        .map_or(default_filter, |LogFilter(text)| text.as_str());
    let on_terminal = io::stderr().is_terminal();
    let format = log_format.unwrap_or(if on_terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(on_terminal);
    // It fails only if a subscriber is there already: the first one then goes on.
    let _already_there = match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_ansi(false))
            .try_init(),
    };
    panic::set_hook(Box::new(log_panic));
}

/// Says where. The message of a formatted panic may hold any value, also a person's,
/// so it is shown only if it was written as a literal.
fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("an unknown place");
    let message = info.payload().downcast_ref::<&'static str>();
    let message = message
        .copied()
        .unwrap_or("(message withheld: it may hold data)");
    tracing::error!(
        panic.place = place,
        panic.message = message,
        "panicked at {place}"
    );
}
