#![doc = include_str!("../README.md")]

use std::process::ExitCode;

use chassis::{Ctx, Process, telemetry::TelemetryArgs};
use clap::{Parser, Subcommand};

mod client;
mod demo;
mod digest;
mod generation;
mod group;
mod groups;
mod holds;
mod ingest;
mod kafka;
mod pause;
mod person;
mod print;
mod projector;
mod quarantine;
mod reconcile;
mod reconciler;
mod request;
mod scan;
mod simulator;
mod standalone;
mod stopped;
mod topics;

/// Less CPU for folding than the C library's, and memory that is given back; librdkafka uses it too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Keeps the true, live state of every WhatsApp group that a business runs through Meta's Cloud API.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    telemetry: TelemetryArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process against a simulated WhatsApp, on a fresh temporary directory.
    Demo(demo::Args),
    /// Ingest, projector and reconciler in one process on a durable local log: no broker needed.
    Standalone(standalone::Args),
    /// Takes Meta's webhooks and publishes them to Kafka as events.
    Ingest(ingest::Args),
    /// Folds events into the state of each group, publishes it and answers queries.
    Projector(projector::Args),
    /// Compares what is held with Meta's API and repairs what was lost.
    Reconciler(reconciler::Args),
    /// A WhatsApp: Graph API and webhooks, with faults on demand.
    Simulator(::simulator::Args),
    /// Compares the Kafka topics with what they must be, creates and configures them.
    #[command(subcommand)]
    Topics(topics::Command),
    /// Begins a new generation of positions.
    #[command(subcommand)]
    Generation(generation::Command),
    /// Compares what projectors hold.
    #[command(subcommand)]
    Digest(digest::Command),
    /// Reads the groups as Rollcall knows them.
    #[command(subcommand)]
    Groups(groups::Command),
    /// Manages groups: each call is recorded before it is made, and followed to its end with --wait.
    #[command(subcommand)]
    Group(group::Command),
    /// What became of a management request.
    #[command(subcommand)]
    Request(request::Command),
    /// Compares with Meta now: one pass over the list of active groups, or with --dry-run the plan of one.
    Reconcile(reconcile::Args),
    /// Holds of the interlock: too many groups seemed gone at once, so none is called gone until a person has looked.
    #[command(subcommand)]
    Holds(holds::Command),
    /// What could not be understood of webhooks: lists it, shows it, and reads it again.
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Prints everything that the topics hold of a person, as JSON lines, and of nobody else.
    Export(person::export::Args),
    /// Drops what groups hold of a person who is in none of them any more.
    Erase(person::erase::Args),
    /// Stops judging a number: no list, no reads and no repairs until it is resumed. Webhooks are taken all the same.
    Pause(pause::Args),
    /// Judges a paused number again.
    Resume(pause::Args),
}

impl Command {
    fn process(&self) -> Process {
        match self {
            Self::Demo(_) => Process::Command("demo"),
            Self::Standalone(_) => Process::Service("standalone"),
            Self::Ingest(_) => Process::Service("ingest"),
            Self::Projector(_) => Process::Service("projector"),
            Self::Reconciler(_) => Process::Service("reconciler"),
            Self::Simulator(_) => Process::Service("simulator"),
            Self::Topics(_) => Process::Command("topics"),
            Self::Generation(_) => Process::Command("generation"),
            Self::Digest(_) => Process::Command("digest"),
            Self::Groups(_) => Process::Command("groups"),
            Self::Group(_) => Process::Command("group"),
            Self::Request(_) => Process::Command("request"),
            Self::Reconcile(_) => Process::Command("reconcile"),
            Self::Holds(_) => Process::Command("holds"),
            Self::Quarantine(_) => Process::Command("quarantine"),
            Self::Export(_) => Process::Command("export"),
            Self::Erase(_) => Process::Command("erase"),
            Self::Pause(_) => Process::Command("pause"),
            Self::Resume(_) => Process::Command("resume"),
        }
    }

    async fn run(self, ctx: Ctx) -> anyhow::Result<()> {
        match self {
            Self::Demo(args) => demo::run(args, ctx).await,
            Self::Standalone(args) => standalone::run(args, ctx).await,
            Self::Ingest(args) => ingest::run(args, ctx).await,
            Self::Projector(args) => projector::run(args, ctx).await,
            Self::Reconciler(args) => reconciler::run(args, ctx).await,
            Self::Simulator(args) => simulator::run(args, ctx).await,
            Self::Topics(command) => topics::run(command, ctx).await,
            Self::Generation(command) => generation::run(command, ctx).await,
            Self::Digest(command) => digest::run(command, ctx).await,
            Self::Groups(command) => groups::run(command, ctx).await,
            Self::Group(command) => group::run(command, ctx).await,
            Self::Request(command) => request::run(command, ctx).await,
            Self::Reconcile(args) => reconcile::run(args, ctx).await,
            Self::Holds(command) => holds::run(command, ctx).await,
            Self::Quarantine(command) => quarantine::run(command, ctx).await,
            Self::Export(args) => person::export::run(args, ctx).await,
            Self::Erase(args) => person::erase::run(args, ctx).await,
            Self::Pause(args) => pause::run(args, true, ctx).await,
            Self::Resume(args) => pause::run(args, false, ctx).await,
        }
    }
}

fn main() -> ExitCode {
    let Cli { telemetry, command } = match chassis::args::parse::<Cli>() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    let settings = format!("{command:?}");
    let process = command.process();
    chassis::main(process, &telemetry, &settings, |ctx| command.run(ctx))
}
