//! Wiring: the store is opened, each partition is recovered and led, and the query API sees it once all are.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use chassis::{CancellationToken, Ctx, auth::Access, health::Check, retry};
use eventlog::Log;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use wire::{digest::record_hash, topics::Topic};

use crate::{
    args::{Args, Tuning},
    cache::Cache,
    error::{End, Error},
    flush,
    fold::Folder,
    follow::{Follower, Recovered},
    http,
    index::Index,
    intake::{Findings, Intake},
    lead::{self, Leader},
    limits::{
        HEARTBEAT, PENDING_ENTRIES_MAX, PRUNE_EVERY, RECOVER_PARTITIONS, STOP_GRACE,
        STORE_RESTARTS_MAX, WATCHERS_MAX,
    },
    logs::Logs,
    metrics::{From, Input, Metrics, Rebuild},
    outbox::Digests,
    projection::Projection,
    prune,
    states::{decode_state, topic_of},
    store::{Directory, Lock, Store},
};

/// Pauses while the log does not answer at the start: some five minutes in all, then the process ends and is started anew.
const START: retry::Backoff = retry::Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(5),
    tries_max: Some(60),
};

/// Which engine the log has, as far as a projector behaves differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Kafka: progress every second while idle, so that a follower can tell quiet from dead.
    Kafka,
    /// The local log, which nobody follows: progress only after a change, and once a day so that it does not lapse.
    Local,
}

/// What a projector is made of, however its process was started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Directory of the store.
    pub data_dir: PathBuf,
    /// How it reads and what it keeps in memory.
    pub tuning: Tuning,
    /// Which engine the log has.
    pub log_kind: LogKind,
}

/// A projector: its query API is [`Projector::router`], its work [`Projector::run`].
#[derive(Debug)]
pub struct Projector {
    settings: Settings,
    ctx: Ctx,
    log: Log,
    directory: Directory,
    _lock: Lock,
    partitions: u32,
    metrics: Metrics,
    /// What queries see; nothing while the store is opened or made anew.
    current: watch::Sender<Option<Projection>>,
    /// Ok while there is something to see.
    served: Check,
}

/// What opening the store found in it.
#[derive(Debug, Default)]
struct Found {
    states: u64,
    digests: BTreeMap<u32, Digests>,
}

/// Runs a projector with its query API on a listener of its own, until shutdown.
///
/// # Errors
/// See [`Error`].
pub async fn run(args: Args, ctx: Ctx, log: Log, log_kind: LogKind) -> Result<(), Error> {
    let Args {
        data_dir,
        listen,
        access,
        tuning,
    } = args;
    let settings = Settings {
        data_dir,
        tuning,
        log_kind,
    };
    let projector = Projector::open(settings, ctx.clone(), log).await?;
    let listener = chassis::http::bind("--listen", listen)
        .await
        .map_err(Error::Http)?;
    if let Ok(address) = listener.local_addr() {
        chassis::http::print_listening("query API", address);
    }
    let router = chassis::http::with_fallbacks(projector.router(&access.access()));
    let stop = ctx.shutdown.child_token();
    let serving = chassis::http::serve(
        listener,
        router,
        chassis::http::Limits::STANDARD,
        stop.clone(),
    );
    let serving = tokio::spawn(serving);
    let outcome = projector.run().await;
    stop.cancel();
    serving
        .await
        .map_err(|_| Error::Panicked { task: "query API" })?;
    outcome
}

impl Projector {
    /// Takes the directory, and checks that the topics are what a projector needs. Nothing is folded before [`Projector::run`].
    ///
    /// # Errors
    /// [`Error::Directory`], [`Error::Topics`], [`Error::Log`].
    pub async fn open(settings: Settings, ctx: Ctx, log: Log) -> Result<Self, Error> {
        let metrics = ctx.metrics.register(Metrics::register);
        let limit = |limit: usize| i64::try_from(limit).unwrap_or(i64::MAX);
        metrics.pending_limit.set(limit(PENDING_ENTRIES_MAX));
        metrics.watchers_limit.set(limit(WATCHERS_MAX));
        for input in [Input::Events, Input::Receipts] {
            lead::show_limit(&metrics, input, settings.tuning.cache_entities.get());
        }
        let cache_bytes = (settings.tuning.store_cache_mib.get() as u64) << 20;
        let directory = Directory::new(settings.data_dir.clone(), cache_bytes);
        let lock = directory.lock().map_err(|source| Error::Directory {
            path: directory.path().to_owned(),
            source: Box::new(source),
        })?;
        let served = ctx.health.check("projection");
        served.failing("the store is being opened");
        let partitions = partitions(&ctx, &log).await?;
        Ok(Self {
            settings,
            ctx,
            log,
            directory,
            _lock: lock,
            partitions,
            metrics,
            current: watch::Sender::new(None),
            served,
        })
    }

    /// The query API: all routes of interfaces §4, guarded by `access`. Without fallbacks, so that another API may stand beside it.
    pub fn router(&self, access: &Access) -> Router {
        let api = http::Api::new(
            self.current.subscribe(),
            self.ctx.clone(),
            self.settings.tuning.read_wait,
            self.metrics.clone(),
        );
        http::router(api, access)
    }

    /// Folds, publishes and keeps the store, until shutdown; at the end everything is on disk.
    ///
    /// A store that is damaged or does not fit the log is made anew on the way.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(self) -> Result<(), Error> {
        let mut failures = 0;
        loop {
            let end = self.work().await;
            self.current.send_replace(None);
            self.served.failing("the store is being made anew");
            let (reason, why) = match end {
                End::Stopped => return Ok(()),
                End::Failed(error) => return Err(error),
                // A new store would not fare better: somebody must act.
                End::Store(error) if !error.is_damage() => {
                    return Err(Error::StoreFailed {
                        times: failures + 1,
                        why: error.to_string(),
                    });
                }
                End::Store(error) => (Rebuild::Damaged, error.to_string()),
                End::Misfit(misfit) => (misfit.reason(), misfit.text().to_owned()),
            };
            failures += 1;
            if failures > STORE_RESTARTS_MAX {
                return Err(Error::StoreFailed {
                    times: failures,
                    why,
                });
            }
            self.set_aside(reason, &why).await?;
        }
    }

    async fn set_aside(&self, reason: Rebuild, why: &str) -> Result<(), Error> {
        let directory = self.directory.clone();
        let aside = tokio::task::spawn_blocking(move || directory.set_aside());
        let aside = aside.await.map_err(|_| Error::Panicked { task: "store" })?;
        let aside = aside.map_err(|source| Error::Directory {
            path: self.directory.path().to_owned(),
            source: Box::new(source),
        })?;
        self.metrics.rebuild(reason, why, aside.as_deref());
        Ok(())
    }

    /// Works on one store for as long as it goes on.
    async fn work(&self) -> End {
        let index = Index::default();
        let (store, found) = match self.open_store(index.clone()).await {
            Ok(opened) => opened,
            Err(end) => return end,
        };
        let projection = Projection::new(store, index, self.partitions);
        let stop = self.ctx.shutdown.child_token();
        let hard = CancellationToken::new();
        let flushed = CancellationToken::new();
        let flusher = tokio::spawn(flush::run(
            projection.clone(),
            self.ctx.clock.clone(),
            self.metrics.clone(),
            flushed.clone(),
        ));
        let end = tokio::select! {
            biased;
            error = projection.failed() => End::Store(error),
            end = self.lead_all(&projection, found, &stop, &hard) => end,
        };
        self.current.send_replace(None);
        hard.cancel();
        match end {
            // What goes anyway need not be written, and what is damaged may not be.
            End::Store(_) | End::Misfit(_) => flusher.abort(),
            End::Stopped | End::Failed(_) => flushed.cancel(),
        }
        let end = self.finish(end, flusher).await;
        projection.end();
        end
    }

    /// Waits for the last flush.
    async fn finish(&self, end: End, flusher: JoinHandle<Result<(), crate::store::Error>>) -> End {
        match (flusher.await, end) {
            (Ok(Ok(())), end) => end,
            (Ok(Err(error)), End::Stopped) => End::Store(error),
            (Err(_), End::Stopped) => End::Failed(Error::Panicked { task: "flush" }),
            (Ok(Err(_)) | Err(_), end) => end,
        }
    }

    /// Recovers and leads all partitions; ends when the first of them does.
    async fn lead_all(
        &self,
        projection: &Projection,
        found: Found,
        stop: &CancellationToken,
        hard: &CancellationToken,
    ) -> End {
        let recovered = tokio::select! {
            biased;
            () = stop.cancelled() => return End::Stopped,
            recovered = self.recover_all(projection, &found, hard) => recovered,
        };
        let recovered = match recovered {
            Ok(recovered) => recovered,
            Err(end) => return end,
        };
        let mut leaders = JoinSet::new();
        for (logs, input, recovered) in recovered {
            let leader = self.leader(projection, logs, input, recovered, stop);
            leaders.spawn(leader.run());
        }
        let pruning = prune::run(
            projection.clone(),
            self.ctx.clock.clone(),
            PRUNE_EVERY,
            stop.clone(),
        );
        leaders.spawn(pruning);
        self.current.send_replace(Some(projection.clone()));
        self.served.ok();
        let first = next_end(&mut leaders).await;
        stop.cancel();
        // What is being published is finished, so that the store has it too; but not for ever.
        let _late = self
            .ctx
            .clock
            .timeout(STOP_GRACE, async {
                while leaders.join_next().await.is_some() {}
            })
            .await;
        hard.cancel();
        while leaders.join_next().await.is_some() {}
        first
    }

    fn leader(
        &self,
        projection: &Projection,
        logs: Logs,
        input: Input,
        recovered: Recovered,
        stop: &CancellationToken,
    ) -> Leader {
        let higher_fold = recovered.higher_fold;
        let share = self.settings.tuning.cache_entities.get() / self.partitions.max(1) as usize;
        let folder = Folder::new(
            input,
            recovered,
            Cache::new(share.max(1)),
            projection,
            self.metrics.clone(),
        );
        let name = format!("caught up {}/{}", topic_of(input).name(), logs.partition);
        Leader {
            caught_up: self.ctx.health.check(name),
            logs,
            projection: projection.clone(),
            metrics: self.metrics.clone(),
            folder: Some(Box::new(folder)),
            idle_every: match self.settings.log_kind {
                LogKind::Kafka => crate::limits::PROGRESS_EVERY,
                LogKind::Local => crate::limits::PROGRESS_EVERY_LOCAL,
            },
            stop: stop.clone(),
            higher_fold,
            haste: flush::Haste::CatchingUp,
        }
    }

    async fn recover_all(
        &self,
        projection: &Projection,
        found: &Found,
        hard: &CancellationToken,
    ) -> Result<Vec<(Logs, Input, Recovered)>, End> {
        let inputs = [Input::Events, Input::Receipts];
        let all = (0..self.partitions).flat_map(|partition| inputs.map(|input| (partition, input)));
        let recover = |(partition, input)| async move {
            let name = format!("leader {}/{partition}", topic_of(input).name());
            let logs = Logs {
                log: self.log.clone(),
                clock: self.ctx.clock.clone(),
                shutdown: hard.clone(),
                heartbeat: self.ctx.health.heartbeat(name, HEARTBEAT),
                partition,
            };
            let intake = Intake {
                projection: projection.clone(),
                partition,
                digests: found.digests.get(&partition).copied().unwrap_or_default(),
                findings: Findings::default(),
            };
            let follower = Follower {
                logs,
                projection: projection.clone(),
                metrics: self.metrics.clone(),
                input,
                is_fresh: found.states == 0,
                intake: Some(Box::new(intake)),
            };
            let (logs, recovered) = follower.recover().await?;
            Ok((logs, input, recovered))
        };
        stream::iter(all)
            .map(recover)
            .buffer_unordered(RECOVER_PARTITIONS)
            .try_collect()
            .await
    }

    /// Opens and checks the store, and fills the index from it.
    async fn open_store(&self, index: Index) -> Result<(Store, Found), End> {
        let found = Arc::new(Mutex::new(Found::default()));
        let (partitions, filling) = (self.partitions, Arc::clone(&found));
        let visit = Box::new(move |key: &[u8], state: &crate::store::values::State| {
            let partition = eventlog::partition_of(key, partitions);
            let decoded = decode_state(key, &state.record);
            index.update(key, decoded.as_ref(), partition);
            let mut found = filling.lock().unwrap_or_else(PoisonError::into_inner);
            found.states += 1;
            if let Some(counted) = found.digests.entry(partition).or_default().of(key) {
                counted.replace(None, Some(record_hash(key, &state.record)));
            }
        });
        let (directory, started_ms) = (self.directory.clone(), self.ctx.clock.monotonic_ms());
        let opened = tokio::task::spawn_blocking(move || directory.open(visit));
        let store = opened
            .await
            .map_err(|_| End::Store(crate::store::Error::Panicked))??;
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        self.metrics.count_recovered(From::Store, found.states);
        let took_ms = self.ctx.clock.monotonic_ms().saturating_sub(started_ms);
        tracing::info!(
            duration_ms = took_ms,
            "store opened with {} states",
            found.states
        );
        Ok((store, found))
    }
}

/// How the first task ended.
async fn next_end(tasks: &mut JoinSet<Result<(), End>>) -> End {
    match tasks.join_next().await {
        Some(Ok(Err(end))) => end,
        Some(Ok(Ok(()))) | None => End::Stopped,
        Some(Err(_)) => End::Failed(Error::Panicked { task: "leader" }),
    }
}

/// Asks for the partitions of one topic, for as long as a Kafka that is away may take to come back.
async fn partitions_of(ctx: &Ctx, log: &Log, topic: &'static str) -> Result<u32, Error> {
    let class = |error: &eventlog::Error| match error.class() {
        eventlog::Class::Transient => retry::Class::Transient,
        eventlog::Class::Permanent => retry::Class::Permanent,
        eventlog::Class::Bug => retry::Class::Bug,
    };
    let mut delays = START.delays();
    loop {
        let source = match log.partitions(topic).await {
            Ok(partitions) => return Ok(partitions),
            Err(source) => source,
        };
        let again = (class(&source) == retry::Class::Transient && !ctx.shutdown.is_cancelled())
            .then(|| delays.after_failure())
            .flatten();
        let Some(delay) = again else {
            return Err(Error::Log {
                doing: "ask for partitions of",
                topic,
                partition: 0,
                source,
            });
        };
        tracing::warn!(topic, error = %source, "the log does not tell its partitions yet");
        tokio::select! {
            () = ctx.shutdown.cancelled() => {}
            () = ctx.clock.sleep(delay) => {}
        }
    }
}

/// How many partitions every topic has.
async fn partitions(ctx: &Ctx, log: &Log) -> Result<u32, Error> {
    let mut counts = BTreeMap::new();
    for topic in Topic::ALL {
        if topic == Topic::Quarantine {
            continue;
        }
        counts.insert(topic.name(), partitions_of(ctx, log, topic.name()).await?);
    }
    let wanted = counts.get(Topic::Events.name()).copied().unwrap_or(0);
    let problems: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count != wanted)
        .map(|(topic, count)| format!("{topic} has {count} partitions and events.v1 has {wanted}"))
        .collect();
    if problems.is_empty() {
        Ok(wanted)
    } else {
        Err(Error::Topics { problems })
    }
}
