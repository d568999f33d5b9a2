//! Puts the reconciler together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use chassis::{Ctx, SecretFile, Tasks, auth::Access};
use domain::{
    agreement::Counts,
    ids::{PhoneNumberId, Second},
};
use eventlog::Log;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OnceCell, watch};

use crate::{
    Args, Error,
    api::{Api, Parts},
    append::Appender,
    args::{Member, lag_seconds},
    budget::Budget,
    commands::{Bench, Desk, settle},
    dry,
    limits::BEAT_LIMIT,
    metrics::Metrics,
    number::{Alarms, Keeper, Memory},
    owner,
    snapshots::Snapshots,
    subscription, token,
    upstream::{Meta, Read},
};

/// The reconciler, opened and not yet running: its API answers from the moment it runs.
#[derive(Debug)]
pub struct Reconciler<R> {
    settings: Settings,
    ctx: Ctx,
    log: Log,
    metrics: Metrics,
    upstream: Arc<R>,
    snapshots: Snapshots,
    budgets: BTreeMap<PhoneNumberId, Budget>,
    appender: watch::Sender<Option<Appender>>,
    desk: Desk,
    bench: Bench,
    subscriptions: Option<(SecretFile, Meta)>,
}

/// What of the arguments is needed while it runs.
#[derive(Debug, Clone)]
struct Settings {
    member: Member,
    lag: Second,
    list_every: Duration,
    access_token_file: SecretFile,
}

impl Reconciler<Meta> {
    /// One that reads Meta's API.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] where address or token cannot be used.
    pub fn open(
        args: Args,
        member: Member,
        ctx: Ctx,
        log: Log,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let meta = Meta::new(&args).map_err(Error::Client)?;
        let subscriptions = match &args.app_token_file {
            Some(file) => {
                // Refused now rather than at the first look.
                meta.with_token(file.secret()).map_err(Error::Client)?;
                Some((file.clone(), meta.clone()))
            }
            None => None,
        };
        let mut reconciler = Self::with(args, member, ctx, log, metrics, meta);
        reconciler.subscriptions = subscriptions;
        Ok(reconciler)
    }
}

impl<R: Read> Reconciler<R> {
    /// One that reads any upstream, and checks no subscriptions.
    pub fn with(
        args: Args,
        member: Member,
        ctx: Ctx,
        log: Log,
        metrics: Metrics,
        upstream: R,
    ) -> Self {
        let Args {
            phone_number_id,
            api_lag,
            list_every,
            reads_per_hour,
            access_token_file,
            graph_url: _,
            graph_version: _,
            app_token_file: _,
            dry_run: _,
        } = args;
        // One named twice would be kept twice.
        let numbers: BTreeSet<_> = phone_number_id.into_iter().collect();
        let now_ms = ctx.clock.monotonic_ms();
        let (desk, bench) = Desk::new();
        let budgets = numbers
            .into_iter()
            .map(|number| (number, Budget::new(reads_per_hour.get(), now_ms)));
        Self {
            settings: Settings {
                member,
                lag: lag_seconds(api_lag),
                list_every,
                access_token_file,
            },
            budgets: budgets.collect(),
            snapshots: Snapshots::new(metrics.state_records.clone()),
            appender: watch::channel(None).0,
            desk,
            bench,
            upstream: Arc::new(upstream),
            subscriptions: None,
            ctx,
            log,
            metrics,
        }
    }

    /// The routes of the command API, guarded, without fallbacks: whoever serves them adds those after merging.
    pub fn router(&self, access: &Access) -> Router {
        let Settings {
            lag, list_every, ..
        } = self.settings;
        let api = Api::new(Parts {
            ctx: self.ctx.clone(),
            snapshots: self.snapshots.clone(),
            budgets: self.budgets.clone(),
            appender: self.appender.subscribe(),
            upstream: Arc::clone(&self.upstream),
            metrics: self.metrics.clone(),
            lag,
            list_every,
            desk: self.desk.clone(),
            by: match access {
                Access::Open => "open",
                Access::Tokens(_) => "operate",
            },
        });
        api.router(access)
    }

    /// [`Self::router`] with the document where a process of its own has it.
    pub fn router_alone(&self, access: &Access) -> Router {
        let document = Router::new().route("/openapi.json", axum::routing::get(crate::api::show));
        self.router(access).merge(chassis::auth::protect(
            document,
            access,
            chassis::auth::Role::Read,
        ))
    }

    /// Keeps all numbers of the settings, whenever they belong to this instance, until shutdown.
    ///
    /// # Errors
    ///
    /// [`Error`], and whichever long-lived task ended by itself.
    pub async fn run(self) -> anyhow::Result<()> {
        let ctx = self.ctx.clone();
        let (clock, shutdown) = (ctx.clock.clone(), ctx.shutdown.clone());
        let (log, metrics) = (self.log.clone(), self.metrics.clone());
        let opened = Appender::open(log.clone(), clock, shutdown, metrics).await;
        let Some(appender) = opened.map_err(Error::Log)? else {
            return Ok(());
        };
        self.appender.send_replace(Some(appender.clone()));
        let mut tasks = Tasks::new(&ctx.shutdown);
        let (follower, shutdown) = (self.snapshots.clone(), ctx.shutdown.clone());
        let (clock, check) = (ctx.clock.clone(), ctx.health.check("state topics"));
        tasks.spawn("follower of the state topics", async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                ended = follower.follow(log, clock, check) => ended,
            }
        });
        if self.settings.list_every.is_zero() {
            tracing::warn!(
                "--list-every 0: nothing is compared with Meta, and what a lost webhook left wrong stays wrong"
            );
        } else {
            self.keep(&appender, &mut tasks);
        }
        self.look_after(&mut tasks);
        self.settle(appender, &mut tasks);
        tasks.spawn("commands", self.bench.run(ctx.shutdown.clone()));
        tasks.join().await?;
        Ok(())
    }

    /// A task for each number, which keeps it while it is ours.
    fn keep(&self, appender: &Appender, tasks: &mut Tasks) {
        let group = Arc::new(OnceCell::new());
        for (number, budget) in &self.budgets {
            let partition = appender.partition(number);
            let owned = self.metrics.owned(number.as_str());
            let seat = Seat {
                number: number.clone(),
                budget: budget.clone(),
                appender: appender.clone(),
                settings: self.settings.clone(),
                upstream: Arc::clone(&self.upstream),
                snapshots: self.snapshots.clone(),
                metrics: self.metrics.clone(),
                ctx: self.ctx.clone(),
            };
            let (log, member) = (self.log.clone(), self.settings.member.clone());
            let (group, shutdown) = (Arc::clone(&group), self.ctx.shutdown.clone());
            tasks.spawn("keeper of a number", async move {
                // Only who is warm joins: until then the number is another's.
                tokio::select! {
                    () = shutdown.cancelled() => return Ok(()),
                    () = seat.snapshots.caught_up() => {}
                }
                let join = || async { owner::Group::join(&log, &member) };
                let title = group.get_or_try_init(join).await?.title(partition);
                let keep = |stop| {
                    let (seat, owned) = (seat.clone(), owned.clone());
                    async move {
                        tracing::info!(phone_number_id = %seat.number, "number {} belongs to this instance", seat.number);
                        owned.set(1);
                        let ended = seat.keep(stop).await;
                        owned.set(0);
                        ended
                    }
                };
                owner::run(title, shutdown, keep).await
            });
        }
    }

    /// Requests whose answer was lost.
    fn settle(&self, appender: Appender, tasks: &mut Tasks) {
        let numbers = self.budgets.keys().cloned().collect();
        let (clock, shutdown) = (self.ctx.clock.clone(), self.ctx.shutdown.clone());
        let settling = settle(
            self.snapshots.clone(),
            appender,
            numbers,
            clock,
            self.settings.lag,
        );
        tasks.spawn("open requests", async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                ended = settling => ended,
            }
        });
    }

    /// The token's file, and the app's subscriptions.
    fn look_after(&self, tasks: &mut Tasks) {
        let (clock, shutdown) = (self.ctx.clock.clone(), self.ctx.shutdown.clone());
        tasks.spawn(
            "access token",
            token::run(
                self.settings.access_token_file.clone(),
                Arc::clone(&self.upstream),
                self.budgets.values().cloned().collect(),
                clock.clone(),
                shutdown.clone(),
            ),
        );
        if let Some((file, meta)) = &self.subscriptions {
            let check = subscription::Check {
                app_token: file.clone(),
                meta: meta.clone(),
                snapshots: self.snapshots.clone(),
                alarm: self.ctx.health.alarm("subscriptions"),
                missing: self.metrics.subscriptions_missing.clone(),
            };
            tasks.spawn("subscriptions", check.run(clock, shutdown));
        }
    }
}

/// What a number's keeper is made of, each time the number becomes ours.
#[derive(Debug)]
struct Seat<R> {
    number: PhoneNumberId,
    budget: Budget,
    appender: Appender,
    settings: Settings,
    upstream: Arc<R>,
    snapshots: Snapshots,
    metrics: Metrics,
    ctx: Ctx,
}

impl<R> Clone for Seat<R> {
    fn clone(&self) -> Self {
        Self {
            number: self.number.clone(),
            budget: self.budget.clone(),
            appender: self.appender.clone(),
            settings: self.settings.clone(),
            upstream: Arc::clone(&self.upstream),
            snapshots: self.snapshots.clone(),
            metrics: self.metrics.clone(),
            ctx: self.ctx.clone(),
        }
    }
}

impl<R: Read> Seat<R> {
    /// What whoever kept the number before had counted.
    fn counts(&self) -> Counts {
        let held = self.snapshots.held().number(&self.number);
        let figures = held.and_then(|number| number.core.figures.clone());
        figures.map_or_else(Counts::default, |figures| figures.value.counts)
    }

    async fn keep(self, stop: chassis::CancellationToken) -> Result<(), eventlog::Error> {
        let health = &self.ctx.health;
        let beat = health.heartbeat(format!("number {}", self.number), BEAT_LIMIT);
        let counts = self.counts();
        let (book, _open) = self.snapshots.ledgers().open(&self.number, counts);
        let keeper = Keeper {
            alarms: Alarms {
                token: health.alarm(format!("access token for {}", self.number)),
                hold: health.alarm(format!("hold of {}", self.number)),
            },
            number: self.number.clone(),
            upstream: self.upstream,
            appender: self.appender,
            snapshots: self.snapshots,
            clock: self.ctx.clock.clone(),
            gauges: self.metrics.gauges(self.number.as_str()),
            metrics: self.metrics,
            lag: self.settings.lag,
            list_every: self.settings.list_every,
            budget: self.budget,
            beat,
            book,
            memory: Memory::default(),
        };
        keeper.run(stop).await
    }
}

/// Keeps all numbers named in `args` until shutdown, as the only instance or by the name of a member.
///
/// # Errors
///
/// [`Error`], and whichever long-lived task ended by itself.
pub async fn run(
    args: Args,
    member: Member,
    ctx: Ctx,
    log: Log,
    metrics: Metrics,
) -> anyhow::Result<()> {
    Reconciler::open(args, member, ctx, log, metrics)?
        .run()
        .await
}

/// [`run`] against any upstream.
pub async fn run_with(
    args: Args,
    ctx: Ctx,
    log: Log,
    metrics: Metrics,
    upstream: impl Read,
) -> anyhow::Result<()> {
    Reconciler::with(args, Member::default(), ctx, log, metrics, upstream)
        .run()
        .await
}

/// One comparison of every number, as text; nothing is appended. Empty if shutdown came first.
///
/// # Errors
///
/// [`Error::List`] if Meta's list could not be read, [`Error::Log`] if the state topics could not.
pub async fn dry_run(args: &Args, ctx: &Ctx, log: Log) -> anyhow::Result<String> {
    let meta = Meta::new(args).map_err(Error::Client)?;
    let snapshots = Snapshots::new(Counter::default());
    let follower =
        snapshots
            .clone()
            .follow(log, ctx.clock.clone(), ctx.health.check("state topics"));
    tokio::select! {
        () = ctx.shutdown.cancelled() => return Ok(String::new()),
        ended = follower => ended.map_err(Error::Log)?,
        () = snapshots.caught_up() => {}
    }
    let question = dry::Question {
        lag: lag_seconds(args.api_lag),
        list_every: args.list_every,
    };
    let mut text = String::new();
    for number in &args.phone_number_id {
        tokio::select! {
            () = ctx.shutdown.cancelled() => return Ok(String::new()),
            found = question.ask(&meta, number, &snapshots) => {
                let found = found?;
                text.push_str(&format!("number {number}\n{found}\n"));
            }
        }
    }
    Ok(text)
}
