//! `rollcall standalone`: the three services in one process on a local log.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc};

use ::projector::{LogKind, Projector};
use ::reconciler::Reconciler;
use anyhow::Context as _;
use chassis::{ConfigProblems, Ctx, Tasks, admin::AdminArgs, http};
use clap::Args as ClapArgs;
use eventlog::Log;
use futures::FutureExt as _;
use url::Url;

use crate::topics::specs;

/// Settings of `rollcall standalone`.
#[derive(Debug, Clone, ClapArgs)]
#[command(mut_arg("data_dir", |arg| arg.help(
    "Directory of everything that is kept: log/ is the truth and worth a backup, store/ is a cache"
)))]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) ingest: ::ingest::Args,
    #[command(flatten)]
    pub(crate) projector: ::projector::Args,
    #[command(flatten)]
    pub(crate) reconciler: ::reconciler::Args,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

/// Services that run, and how they are reached.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) tasks: Tasks,
    pub(crate) webhook_url: Url,
    pub(crate) query_url: Url,
    pub(crate) metrics: ::reconciler::Metrics,
}

/// Runs until told to end.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    start(args, ctx)
        .await?
        .tasks
        .join()
        .await
        .map_err(Into::into)
}

/// Opens the log and starts everything; the log and the store lie side by side in the data directory.
pub(crate) async fn start(args: Args, mut ctx: Ctx) -> anyhow::Result<Running> {
    let Args {
        ingest,
        mut projector,
        reconciler,
        admin,
    } = args;
    let mut problems = ConfigProblems::new();
    projector.check(&mut problems);
    admin.check(&projector.access, &mut problems);
    ctx.tls = projector.access.tls.open(&mut problems);
    problems.finish()?;
    let log = open(projector.data_dir.join("log"), &ctx).await?;
    projector.data_dir = projector.data_dir.join("store");
    let mut tasks = Tasks::new(&ctx.shutdown);
    let server = chassis::admin::bind(&admin, &projector.access, &ctx)
        .await
        .context("listen for administration")?;
    tasks.spawn("admin", server.run());

    let webhooks = http::bind("--webhook-listen", ingest.webhook_listen).await?;
    let webhooks = webhooks.with_tls(ctx.tls.clone());
    let webhook_url = url(webhooks.address(), "/webhooks")?;
    webhooks.print("webhooks");
    let server = ::ingest::Server::start(webhooks, &ingest.settings(), &ctx, log.clone()).await?;
    tasks.spawn("ingest", server.run());

    let queries = http::bind("--listen", projector.listen).await?;
    let queries = queries.with_tls(ctx.tls.clone());
    let address = queries.address();
    let ::projector::Args {
        data_dir,
        listen: _,
        access,
        tuning,
    } = projector;
    let settings = ::projector::Settings {
        data_dir,
        tuning,
        log_kind: LogKind::Local,
        // The local log has one process, which leads everything.
        member: ::projector::Member::default(),
        steps: Arc::new(::projector::Unobserved),
    };
    let projector = Projector::open(settings, ctx.clone(), log.clone()).await?;
    let metrics = ctx.metrics.register(::reconciler::Metrics::register);
    let reconciler = Reconciler::open(
        reconciler,
        ::reconciler::Member::default(),
        ctx.clone(),
        log,
        metrics.clone(),
    )?;
    let access = access.access();
    let router = projector.router(&access).merge(reconciler.router(&access));
    let router = http::with_fallbacks(router);
    queries.print("query API");
    let (limits, shutdown) = (http::Limits::STANDARD, ctx.shutdown.clone());
    let serving = http::serve(queries, router, limits, shutdown);
    tasks.spawn("query API", serving.map(Ok::<(), Infallible>));
    tasks.spawn("projector", projector.run());

    tasks.spawn("reconciler", reconciler.run());
    let query_url = url(address, "/")?;
    Ok(Running {
        tasks,
        webhook_url,
        query_url,
        metrics,
    })
}

async fn open(directory: PathBuf, ctx: &Ctx) -> anyhow::Result<Log> {
    let (clock, metrics) = (ctx.clock.clone(), ctx.metrics.clone());
    let opened = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("make {}", directory.display()))?;
        let now_ms = move || i64::try_from(clock.now_ms()).unwrap_or(i64::MAX);
        let log = metrics.register(|registry| Log::local(&directory, &specs(1), now_ms, registry));
        log.context("open the local log")
    });
    opened.await.context("open the local log")?
}

fn url(address: SocketAddr, path: &str) -> anyhow::Result<Url> {
    Url::parse(&format!("http://{address}{path}")).context("an address that was bound is no URL")
}
