//! `rollcall reconciler`: the comparison with Meta, and its repairs.

use anyhow::Context as _;
use chassis::{ConfigProblems, Ctx, Tasks, admin::AdminArgs, auth::AccessArgs};
use clap::Args as ClapArgs;
use eventlog::KafkaArgs;
use wire::topics::Topic;

use crate::{kafka, print::lines};

/// Settings of `rollcall reconciler`.
#[derive(Debug, Clone, ClapArgs)]
#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9092")))]
pub(crate) struct Args {
    #[command(flatten)]
    reconciler: ::reconciler::Args,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    access: AccessArgs,
}

/// Runs until told to end; with `--dry-run`, prints one plan.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    let Args {
        reconciler,
        kafka,
        admin,
        access,
    } = args;
    let mut problems = ConfigProblems::new();
    admin.check(&access, &mut problems);
    problems.finish()?;
    let log = kafka::open(
        &kafka,
        "rollcall-reconciler",
        &[Topic::Events, Topic::Groups, Topic::Numbers],
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
    tasks.spawn(
        "reconciler",
        ::reconciler::run(reconciler, ctx, log, metrics),
    );
    tasks.join().await.map_err(Into::into)
}
