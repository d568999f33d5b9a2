//! `rollcall ingest`: webhooks to Kafka.

use anyhow::Context as _;
use chassis::{ConfigProblems, Ctx, Tasks, admin::AdminArgs, auth::AccessArgs};
use clap::Args as ClapArgs;
use eventlog::KafkaArgs;
use wire::topics::Topic;

use crate::kafka;

/// Settings of `rollcall ingest`.
#[derive(Debug, Clone, ClapArgs)]
#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9090")))]
pub(crate) struct Args {
    #[command(flatten)]
    ingest: ::ingest::Args,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    access: AccessArgs,
}

/// Runs until told to end.
pub(crate) async fn run(args: Args, mut ctx: Ctx) -> anyhow::Result<()> {
    let Args {
        ingest,
        kafka,
        admin,
        access,
    } = args;
    let mut problems = ConfigProblems::new();
    admin.check(&access, &mut problems);
    ctx.tls = access.tls.open(&mut problems);
    problems.finish()?;
    let log = kafka::open(
        &kafka,
        "rollcall-ingest",
        &[Topic::Events, Topic::Receipts, Topic::Quarantine],
        &ctx,
    )
    .await?;
    let mut tasks = Tasks::new(&ctx.shutdown);
    let server = chassis::admin::bind(&admin, &access, &ctx)
        .await
        .context("listen for administration")?;
    tasks.spawn("admin", server.run());
    tasks.spawn("ingest", ::ingest::run(ingest, ctx, log));
    tasks.join().await.map_err(Into::into)
}
