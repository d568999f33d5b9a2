#![doc = include_str!("../README.md")]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

mod bodies;
mod events;
mod ingest;
mod load;
mod log;
mod machine;
mod process;
mod projector;

/// Measures the services on a real broker and prints a table.
#[derive(Debug, Parser)]
#[command(name = "benches")]
struct Cli {
    /// What to measure.
    #[arg(value_enum, default_value_t = What::All)]
    what: What,
    /// Webhooks posted to ingest in the closed loop.
    #[arg(long, default_value_t = 200_000)]
    webhooks: u64,
    /// Connections that post, in the closed loop and in the open ones.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Rates of the open loops, webhooks a second.
    #[arg(long, value_delimiter = ',', default_value = "500,2000")]
    rates: Vec<u32>,
    /// How long each open loop goes on, in seconds.
    #[arg(long, default_value_t = 20)]
    open_seconds: u32,
    /// Events appended for the projector.
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Groups that they are about.
    #[arg(long, default_value_t = 100_000)]
    groups: usize,
    /// Partitions of each topic.
    #[arg(long, default_value_t = 4)]
    partitions: u32,
    /// Binary to measure [default: the release build of this workspace, built first].
    #[arg(long)]
    binary: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    All,
    Ingest,
    Projector,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let binary = match &cli.binary {
        Some(binary) => binary.clone(),
        None => process::build()?,
    };
    println!("{}", machine::description());
    if cli.what != What::Projector {
        ingest::measure(cli, &binary)?;
    }
    if cli.what != What::Ingest {
        projector::measure(cli, &binary)?;
    }
    Ok(())
}
