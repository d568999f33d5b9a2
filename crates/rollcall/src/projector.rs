//! `rollcall projector`: events to state, and queries.

use ::projector::LogKind;
use anyhow::Context as _;
use chassis::{ConfigProblems, Ctx, Tasks, admin::AdminArgs};
use clap::Args as ClapArgs;
use eventlog::KafkaArgs;
use wire::topics::Topic;

use crate::kafka;

/// Settings of `rollcall projector`.
#[derive(Debug, Clone, ClapArgs)]
#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9091")))]
pub(crate) struct Args {
    #[command(flatten)]
    projector: ::projector::Args,
    #[command(flatten)]
    member: ::projector::Member,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Runs until told to end.
pub(crate) async fn run(args: Args, mut ctx: Ctx) -> anyhow::Result<()> {
    let Args {
        projector,
        member,
        kafka,
        admin,
    } = args;
    let mut problems = ConfigProblems::new();
    projector.check(&mut problems);
    admin.check(&projector.access, &mut problems);
    ctx.tls = projector.access.tls.open(&mut problems);
    problems.finish()?;
    let log = kafka::open(&kafka, "rollcall-projector", &Topic::ALL, &ctx).await?;
    let mut tasks = Tasks::new(&ctx.shutdown);
    let server = chassis::admin::bind(&admin, &projector.access, &ctx)
        .await
        .context("listen for administration")?;
    tasks.spawn("admin", server.run());
    tasks.spawn(
        "projector",
        ::projector::run(projector, member, ctx, log, LogKind::Kafka),
    );
    tasks.join().await.map_err(Into::into)
}
