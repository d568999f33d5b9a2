#![doc = include_str!("../README.md")]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

mod bodies;
mod events;
mod fill;
mod histogram;
mod ingest;
mod latency;
mod load;
mod log;
mod machine;
mod pace;
mod process;
mod projector;
mod query;
mod restore;

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
    #[arg(long, alias = "open-seconds", default_value_t = 20)]
    seconds: u32,
    /// Events appended for the projector.
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// Groups that they are about [default: 100,000], or that are restored and queried [default: 1,000,000].
    #[arg(long)]
    groups: Option<usize>,
    /// Events a second while the way from event to state is timed [default: half of what appending and folding did before, one
    /// after the other].
    #[arg(long)]
    event_rate: Option<u32>,
    /// Bytes of a group's record that is restored and queried, on average.
    #[arg(long, default_value_t = 1_000)]
    bytes: usize,
    /// Rates of queries, GETs a second.
    #[arg(long, value_delimiter = ',', default_value = "500,2000")]
    query_rates: Vec<u32>,
    /// Connections that query.
    #[arg(long, default_value_t = 16)]
    query_connections: usize,
    /// Events a second written while there are queries.
    #[arg(long, default_value_t = 2_000)]
    write_rate: u32,
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
    Restore,
    Query,
}

impl Cli {
    fn does(&self, what: What) -> bool {
        self.what == What::All || self.what == what
    }
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
    if cli.does(What::Ingest) {
        println!("\n{}", machine::load());
        ingest::measure(cli, &binary)?;
    }
    if cli.does(What::Projector) {
        println!("\n{}", machine::load());
        projector::measure(cli, &binary)?;
    }
    if cli.does(What::Restore) || cli.does(What::Query) {
        let world = restore::World::start(cli, &binary)?;
        if cli.does(What::Restore) {
            println!("\n{}", machine::load());
            restore::measure(&binary, &world)?;
        }
        if cli.does(What::Query) {
            println!("\n{}", machine::load());
            query::measure(cli, &binary, &world)?;
        }
    }
    Ok(())
}
