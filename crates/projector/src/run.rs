//! Wiring: the store is opened, each partition is recovered and led, and the query API sees it once all are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use bytes::Bytes;
use chassis::{CancellationToken, Ctx, auth::Access, health::Check, retry};
use eventlog::{JoinOptions, Log, Membership};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use wire::{Progress, topics::Topic};

use crate::{
    args::{Args, Member, Tuning},
    ends,
    error::{End, Error, Misfit},
    flush,
    follow::state_topics,
    http,
    index::{Brief, Index},
    intake::{Findings, Intake},
    lead,
    limits::{
        HEARTBEAT, PENDING_BYTES_MAX, PENDING_ENTRIES_MAX, PRUNE_EVERY, RECOVER_PARTITIONS,
        STOP_GRACE, STORE_RESTARTS_MAX, WATCHERS_MAX,
    },
    logs::Logs,
    metrics::{From, Input, Metrics, Rebuild},
    outbox::Digests,
    projection::Projection,
    prune,
    seat::{Mandate, Seat},
    states::{topic_of, topic_of_key},
    steps::{Observe, Unobserved},
    store::{Directory, Lock, Store, Visited},
};

/// Name of the consumer group that decides who leads which partition; offsets are committed to it for monitors of lag only.
pub const GROUP: &str = "rollcall-projector";

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
    /// What this instance is in the consumer group that decides who leads.
    pub member: Member,
    /// Who is told of each step.
    pub steps: Arc<dyn Observe>,
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
    /// Keys of records that are to be published again.
    stale: Vec<Bytes>,
}

impl Found {
    /// Keys that are to be published again by whoever leads one partition.
    fn stale_of(&self, input: Input, partition: u32, partitions: u32) -> BTreeSet<Bytes> {
        let is_of = |key: &&Bytes| {
            state_topics(input).contains(&topic_of_key(key))
                && eventlog::partition_of(key, partitions) == partition
        };
        self.stale.iter().filter(is_of).cloned().collect()
    }
}

/// Runs a projector with its query API on a listener of its own, until shutdown.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    args: Args,
    member: Member,
    ctx: Ctx,
    log: Log,
    log_kind: LogKind,
) -> Result<(), Error> {
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
        member,
        steps: Arc::new(Unobserved),
    };
    let projector = Projector::open(settings, ctx.clone(), log).await?;
    let listener = chassis::http::bind("--listen", listen)
        .await
        .map_err(Error::Http)?;
    let listener = listener.with_tls(ctx.tls.clone());
    listener.print("query API");
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
        let restore_bytes = settings.tuning.restore_memory_mib.get() << 20;
        metrics
            .pending_bytes_limit
            .set(limit(restore_bytes.max(PENDING_BYTES_MAX)));
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
        let restore_bytes = self.settings.tuning.restore_memory_mib.get() << 20;
        projection.flushing().set_restore_bytes(restore_bytes);
        let stop = self.ctx.shutdown.child_token();
        let hard = CancellationToken::new();
        let flushed = CancellationToken::new();
        let flusher = tokio::spawn(flush::run(
            projection.clone(),
            self.ctx.clock.clone(),
            self.metrics.clone(),
            Arc::clone(&self.settings.steps),
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

    /// Recovers all partitions, joins the group, and follows and leads them; ends when the first of them does.
    async fn lead_all(
        &self,
        projection: &Projection,
        found: Found,
        stop: &CancellationToken,
        hard: &CancellationToken,
    ) -> End {
        let seats = match self.recover_all(projection, &found, stop, hard).await {
            Ok(seats) => seats,
            Err(end) => return end,
        };
        // Only who is warm joins: until then others lead.
        let membership = match self.join() {
            Ok(membership) => membership,
            Err(end) => return end,
        };
        projection.serve();
        self.current.send_replace(Some(projection.clone()));
        self.served.ok();
        let mut tasks = JoinSet::new();
        for mut seat in seats {
            seat.mandate.join(&membership);
            tasks.spawn(seat.run());
        }
        tasks.spawn(prune::run(
            projection.clone(),
            self.ctx.clock.clone(),
            PRUNE_EVERY,
            stop.clone(),
        ));
        let ends = ends::run(
            self.log.clone(),
            projection.clone(),
            self.ctx.clock.clone(),
            self.metrics.clone(),
            stop.clone(),
        );
        let asking = tokio::spawn(ends);
        let first = next_end(&mut tasks).await;
        stop.cancel();
        // What is being published is finished, so that the store has it too; but not for ever.
        let _late = self
            .ctx
            .clock
            .timeout(STOP_GRACE, async {
                while tasks.join_next().await.is_some() {}
            })
            .await;
        hard.cancel();
        while tasks.join_next().await.is_some() {}
        asking.abort();
        first
    }

    /// Joins the consumer group that decides who leads which partition.
    fn join(&self) -> Result<Membership, End> {
        let topics = [Topic::Events.name(), Topic::Receipts.name()];
        let Member {
            instance_id,
            session_timeout,
        } = &self.settings.member;
        let options = JoinOptions {
            instance: instance_id.clone(),
            session_timeout: *session_timeout,
        };
        let joined = self.log.join(GROUP, &topics, options);
        joined.map_err(|source| {
            End::Failed(Error::Log {
                doing: "join the group of",
                topic: Topic::Events.name(),
                partition: 0,
                source,
            })
        })
    }

    async fn recover_all(
        &self,
        projection: &Projection,
        found: &Found,
        stop: &CancellationToken,
        hard: &CancellationToken,
    ) -> Result<Vec<Seat>, End> {
        let inputs = [Input::Events, Input::Receipts];
        let all = (0..self.partitions).flat_map(|partition| inputs.map(|input| (partition, input)));
        let recover = |(partition, input)| {
            let mut seat = self.seat(projection, found, input, partition, stop, hard);
            async move {
                if seat.recover().await? {
                    Ok(seat)
                } else {
                    Err(End::Stopped)
                }
            }
        };
        stream::iter(all)
            .map(recover)
            .buffer_unordered(RECOVER_PARTITIONS)
            .try_collect()
            .await
    }

    fn seat(
        &self,
        projection: &Projection,
        found: &Found,
        input: Input,
        partition: u32,
        stop: &CancellationToken,
        hard: &CancellationToken,
    ) -> Seat {
        let topic = topic_of(input);
        let name = format!("{}/{partition}", topic.name());
        let share = self.settings.tuning.cache_entities.get() / self.partitions.max(1) as usize;
        let caught_up = self.ctx.health.check(format!("caught up {name}"));
        caught_up.failing("nobody is known to lead it yet");
        let intake = Intake {
            projection: projection.clone(),
            input,
            partition,
            digests: found.digests.get(&partition).copied().unwrap_or_default(),
            findings: Findings::new(found.stale_of(input, partition, self.partitions)),
            marked: None,
        };
        Seat {
            logs: Logs {
                log: self.log.clone(),
                clock: self.ctx.clock.clone(),
                shutdown: hard.clone(),
                heartbeat: self
                    .ctx
                    .health
                    .heartbeat(format!("partition {name}"), HEARTBEAT),
                partition,
            },
            projection: projection.clone(),
            metrics: self.metrics.clone(),
            input,
            intake: Some(Box::new(intake)),
            mandate: Mandate::none(topic, partition),
            stop: stop.clone(),
            caught_up,
            steps: Arc::clone(&self.settings.steps),
            idle_every: match self.settings.log_kind {
                LogKind::Kafka => crate::limits::PROGRESS_EVERY,
                LogKind::Local => crate::limits::PROGRESS_EVERY_LOCAL,
            },
            cache_entities: share.max(1),
            heard_ms: 0,
            reread_ms: BTreeMap::new(),
            pause_until_ms: 0,
            is_recovered: false,
            is_caught_up: false,
        }
    }

    /// Opens and checks the store, and fills the index from it.
    async fn open_store(&self, index: Index) -> Result<(Store, Found), End> {
        let found = Arc::new(Mutex::new(Found::default()));
        let (partitions, filling) = (self.partitions, Arc::clone(&found));
        let visit = Arc::new(move |states: Vec<Visited>| {
            let mut found = filling.lock().unwrap_or_else(PoisonError::into_inner);
            let mut listed = Vec::with_capacity(states.len());
            for Visited {
                key,
                position,
                hash,
                brief,
            } in states
            {
                let partition = eventlog::partition_of(&key, partitions);
                found.states += 1;
                if let Some(counted) = found.digests.entry(partition).or_default().of(&key) {
                    counted.replace(None, hash);
                    counted.saw(position);
                }
                listed.push((key, Brief::decode(&brief)?, partition));
            }
            drop(found);
            index.extend(listed);
            Ok(())
        });
        let (directory, started_ms) = (self.directory.clone(), self.ctx.clock.monotonic_ms());
        let opened = tokio::task::spawn_blocking(move || directory.open(visit));
        let store = opened
            .await
            .map_err(|_| End::Store(crate::store::Error::Panicked))??;
        let mut found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        found.stale = store.stale()?;
        // Its states lie in the partitions of that time.
        let of_others = |progress: Progress| progress.partitions != self.partitions;
        let meta = store.meta();
        let mut held = meta.progress.values();
        if held.any(|bytes| decode_progress(bytes).is_some_and(of_others)) {
            return Err(Misfit::Partitions.into());
        }
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

/// A progress record as the store's description has it.
fn decode_progress(bytes: &str) -> Option<Progress> {
    wire::decode_progress(&hex::decode(bytes).ok()?).ok()
}

/// Asks for the partitions of one topic, for as long as a Kafka that is away may take to come back.
async fn partitions_of(ctx: &Ctx, log: &Log, topic: &'static str) -> Result<u32, Error> {
    let ask = || async move {
        let partitions = log.partitions(topic).await;
        if let Err(error) = &partitions {
            tracing::warn!(topic, error = %error, "the log does not tell its partitions yet");
        }
        partitions
    };
    let asked = retry::retry(&ctx.clock, &ctx.shutdown, START, crate::logs::class, ask).await;
    asked.map_err(|error| match error {
        retry::Error::Stopped { .. } => Error::Stopped,
        retry::Error::Permanent { source }
        | retry::Error::Bug { source }
        | retry::Error::Exhausted { source, .. } => Error::Log {
            doing: "ask for partitions of",
            topic,
            partition: 0,
            source,
        },
    })
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
