//! The smallest service there is: an admin server and one task that ends as told.
//! The service tests run it as a real process.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use chassis::{
    ConfigProblems, Ctx, Process, SecretFile, Tasks,
    admin::{self, AdminArgs},
    auth::AccessArgs,
    telemetry::TelemetryArgs,
};
use clap::{Parser, ValueEnum};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: TelemetryArgs,
    #[command(flatten)]
    args: ProbeArgs,
}

#[derive(clap::Args, Clone, Debug)]
struct ProbeArgs {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    access: AccessArgs,
    /// Something that must not be seen in any log
    #[arg(long)]
    app_secret_file: Option<SecretFile>,
    /// Where it would listen
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long one of something is
    #[arg(long, value_parser = chassis::duration::parse, default_value = "5m")]
    every: Duration,
    /// How its task ends
    #[arg(long, default_value = "asked")]
    end: End,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    /// When asked, well.
    Asked,
    /// Never, also when asked.
    Never,
    /// At once, with an error.
    Fails,
    /// At once, with a panic whose message holds data.
    Panics,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull;

fn main() -> ExitCode {
    let Cli { telemetry, args } = match chassis::args::parse() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    let settings = args.clone();
    chassis::main(Process::Service("probe"), &telemetry, &settings, |ctx| {
        run(args, ctx)
    })
}

async fn run(args: ProbeArgs, ctx: Ctx) -> anyhow::Result<()> {
    let ProbeArgs {
        admin,
        access,
        app_secret_file: _,
        listen,
        every: _,
        end,
    } = args;
    let mut problems = ConfigProblems::new();
    access.check("--listen", listen, &mut problems);
    admin.check(&access, &mut problems);
    problems.finish()?;

    let mut tasks = Tasks::new(&ctx.shutdown);
    let server = admin::bind(&admin, &access, &ctx).await?;
    tasks.spawn("admin", server.run());
    tasks.spawn("worker", work(end, ctx));
    tasks.join().await?;
    Ok(())
}

#[expect(clippy::panic, reason = "a panic is what one of its ends is")]
async fn work(end: End, ctx: Ctx) -> Result<(), DiskFull> {
    let ready = ctx.health.check("worker");
    let _beat = ctx.health.heartbeat("worker", Duration::from_secs(3600));
    ready.ok();
    match end {
        End::Asked => ctx.shutdown.cancelled().await,
        End::Never => std::future::pending().await,
        End::Fails => return Err(DiskFull),
        End::Panics => panic!("about {}", std::hint::black_box("15550100042")),
    }
    Ok(())
}
