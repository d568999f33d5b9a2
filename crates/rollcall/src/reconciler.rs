//! `rollcall reconciler`: the comparison with Meta, and its repairs.

use std::{convert::Infallible, net::SocketAddr};

use ::reconciler::Reconciler;
use anyhow::Context as _;
use chassis::{ConfigProblems, Ctx, Tasks, admin::AdminArgs, auth::AccessArgs, http};
use clap::Args as ClapArgs;
use eventlog::KafkaArgs;
use futures::FutureExt as _;
use wire::topics::Topic;

use crate::{kafka, print::lines};

/// Settings of `rollcall reconciler`.
#[derive(Debug, Clone, ClapArgs)]
#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9092")))]
pub(crate) struct Args {
    #[command(flatten)]
    reconciler: ::reconciler::Args,
    #[command(flatten)]
    member: ::reconciler::Member,
    /// Where the command API listens; port 0 picks a free one.
    #[arg(
        long,
        env = "ROLLCALL_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8082"
    )]
    listen: SocketAddr,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    access: AccessArgs,
}

/// Runs until told to end; with `--dry-run`, prints one plan.
pub(crate) async fn run(args: Args, mut ctx: Ctx) -> anyhow::Result<()> {
    let Args {
        reconciler,
        member,
        listen,
        kafka,
        admin,
        access,
    } = args;
    let mut problems = ConfigProblems::new();
    access.check("--listen", listen, &mut problems);
    admin.check(&access, &mut problems);
    ctx.tls = access.tls.open(&mut problems);
    problems.finish()?;
    let log = kafka::open(
        &kafka,
        "rollcall-reconciler",
        &[
            Topic::Events,
            Topic::Groups,
            Topic::Requests,
            Topic::Numbers,
        ],
        &ctx,
    )
    .await?;
    if reconciler.dry_run {
        return lines(::reconciler::dry_run(&reconciler, &ctx, log).await?);
    }
    let metrics = ctx.metrics.register(::reconciler::Metrics::register);
    let mut tasks = Tasks::new(&ctx.shutdown);
    let server = chassis::admin::bind(&admin, &access, &ctx)
        .await
        .context("listen for administration")?;
    tasks.spawn("admin", server.run());
    let commands = http::bind("--listen", listen).await?;
    let commands = commands.with_tls(ctx.tls.clone());
    let shutdown = ctx.shutdown.clone();
    let reconciler = Reconciler::open(reconciler, member, ctx, log, metrics)?;
    let router = http::with_fallbacks(reconciler.router_alone(&access.access()));
    commands.print("command API");
    let serving = http::serve(commands, router, http::Limits::STANDARD, shutdown);
    tasks.spawn("command API", serving.map(Ok::<(), Infallible>));
    tasks.spawn("reconciler", reconciler.run());
    tasks.join().await.map_err(Into::into)
}
