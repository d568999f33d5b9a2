//! A log in a directory, and a projector on it that can be stopped and started again.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chassis::{Clock, Ctx, ManualClock, auth::Access};
use domain::event::Event;
use eventlog::{Batch, Cleanup, KafkaArgs, Log, TopicSpec, partition_of};
use harness::Broker;
use projector::{LogKind, Member, Observe, Projector, Settings, Step, Tuning, Unobserved};
use prometheus_client::registry::Registry;
use reqwest::{Client, Response};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wire::topics::{Cleanup as Kept, TOPICS, Topic};

/// How long anything here may take before the test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn specs(partitions: u32) -> Vec<TopicSpec> {
    let ms = |duration: Duration| duration.as_millis() as u64;
    let cleanup = |kept: Kept| match kept {
        Kept::Delete { retention } => Cleanup::Delete {
            retention_ms: ms(retention),
        },
        Kept::Compact => Cleanup::Compact,
        Kept::CompactAndDelete { retention } => Cleanup::CompactAndDelete {
            retention_ms: ms(retention),
        },
    };
    TOPICS
        .iter()
        .map(|spec| TopicSpec {
            name: spec.name.to_owned(),
            partitions,
            cleanup: cleanup(spec.cleanup),
            segment_ms: ms(spec.segment),
            delete_retention_ms: ms(spec.delete_retention),
            min_compaction_lag_ms: ms(spec.min_compaction_lag),
        })
        .collect()
}

pub(crate) fn local_log(dir: &Path, clock: &Clock) -> Log {
    let clock = clock.clone();
    let now = move || clock.now_ms() as i64;
    Log::local(&dir.join("log"), &specs(1), now, &mut Registry::default()).unwrap()
}

/// The broker that all tests here share; they keep apart by the prefix of their topics.
pub(crate) async fn shared_broker() -> Arc<Broker> {
    let shared = tokio::task::spawn_blocking(Broker::shared);
    shared.await.unwrap().unwrap()
}

/// A log, and a directory for one projector on it.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    /// Deleted with the world, unless it is somebody else's.
    pub(crate) _dir: Option<TempDir>,
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    pub(crate) kind: LogKind,
    pub(crate) partitions: u32,
    pub(crate) member: Member,
    pub(crate) steps: Arc<dyn Observe>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_log_clock(&Clock::system())
    }

    /// A log that lives by another clock than its projector.
    pub(crate) fn with_log_clock(log_clock: &Clock) -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Clock::system();
        let log = local_log(dir.path(), log_clock);
        Self {
            root: dir.path().to_owned(),
            _dir: Some(dir),
            clock,
            log,
            kind: LogKind::Local,
            partitions: 1,
            member: Member::default(),
            steps: Arc::new(Unobserved),
        }
    }

    /// On topics of a broker, which are not made yet.
    pub(crate) fn kafka(broker: &Broker, prefix: &str, partitions: u32) -> Self {
        let args = KafkaArgs {
            kafka_brokers: vec![broker.bootstrap()],
            kafka_config: None,
            topic_prefix: prefix.to_owned(),
            allow_unreplicated: true,
        };
        let registry = &mut Registry::default();
        let log = Log::kafka(&args, "rollcall-projector-test", registry).unwrap();
        let dir = TempDir::new().unwrap();
        Self {
            root: dir.path().to_owned(),
            _dir: Some(dir),
            clock: Clock::system(),
            log,
            kind: LogKind::Kafka,
            partitions,
            member: Member::default(),
            steps: Arc::new(Unobserved),
        }
    }

    /// The same, with topics as they must be.
    pub(crate) async fn with_topics(broker: &Broker, prefix: &str, partitions: u32) -> Self {
        let world = Self::kafka(broker, prefix, partitions);
        let plan = world.log.plan(&specs(partitions), 1).await.unwrap();
        world.log.apply(&plan).await.unwrap();
        world
    }

    /// Its projector has a name among several.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.member = Member {
            instance_id: Some(name.to_owned()),
            session_timeout: Duration::from_secs(6),
        };
        self
    }

    pub(crate) fn store_dir(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Appends events as ingest would; gives the position of the last of each stream as text.
    pub(crate) async fn append(&self, events: &[Event]) -> Vec<String> {
        self.append_at(events, self.clock.now_ms() as i64).await
    }

    /// The same, at another time.
    pub(crate) async fn append_at(&self, events: &[Event], at_ms: i64) -> Vec<String> {
        let mut batch = Batch::new();
        let mut places = Vec::new();
        for event in events {
            let entity = crate::traffic::entity(event);
            let (topic, key) = (Topic::of_event(&entity), wire::topics::key(&entity));
            let mut value = Vec::new();
            wire::encode_event(event, &mut value);
            let partition = partition_of(&key, self.partitions);
            batch.push(topic.name(), partition, &key, Some(&value), &[], at_ms);
            places.push((topic, partition));
        }
        let offsets = self.log.append(batch).await.unwrap();
        let mut last = std::collections::BTreeMap::new();
        for ((topic, partition), offset) in places.into_iter().zip(offsets) {
            let mark = if topic == Topic::Receipts { "r" } else { "" };
            last.insert((topic, partition), format!("{mark}1:{partition}:{offset}"));
        }
        last.into_values().collect()
    }

    /// The log of a directory that somebody else keeps.
    pub(crate) fn at(root: &Path) -> Self {
        let clock = Clock::system();
        Self {
            root: root.to_owned(),
            _dir: None,
            log: local_log(root, &clock),
            clock,
            kind: LogKind::Local,
            partitions: 1,
            member: Member::default(),
            steps: Arc::new(Unobserved),
        }
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_with(Access::Open, Duration::from_secs(20)).await
    }

    pub(crate) async fn start_with(&self, access: Access, read_wait: Duration) -> Running {
        let running = self.begin(access, read_wait).await;
        running.await_ready().await;
        running
    }

    /// Starts without waiting until it is ready.
    pub(crate) async fn begin(&self, access: Access, read_wait: Duration) -> Running {
        let ctx = Ctx::new(self.clock.clone());
        let settings = Settings {
            data_dir: self.store_dir(),
            tuning: Tuning {
                read_wait,
                cache_entities: NonZeroUsize::new(1_000).unwrap(),
                store_cache_mib: NonZeroUsize::new(16).unwrap(),
                restore_memory_mib: NonZeroUsize::new(64).unwrap(),
            },
            log_kind: self.kind,
            member: self.member.clone(),
            steps: Arc::clone(&self.steps),
        };
        let projector = Projector::open(settings, ctx.clone(), self.log.clone())
            .await
            .unwrap();
        let listener = chassis::http::bind("--listen", ([127, 0, 0, 1], 0).into());
        let listener = listener.await.unwrap();
        let url = format!("http://{}", listener.address());
        let router = chassis::http::with_fallbacks(projector.router(&access));
        let limits = chassis::http::Limits {
            drain: Duration::from_secs(1),
            ..chassis::http::Limits::STANDARD
        };
        let serving = tokio::spawn(chassis::http::serve(
            listener,
            router,
            limits,
            ctx.shutdown.clone(),
        ));
        let running = tokio::spawn(projector.run());
        Running {
            ctx,
            url,
            client: Client::new(),
            serving,
            running,
        }
    }
}

/// A projector that runs.
pub(crate) struct Running {
    pub(crate) ctx: Ctx,
    pub(crate) url: String,
    pub(crate) client: Client,
    serving: JoinHandle<()>,
    running: JoinHandle<Result<(), projector::Error>>,
}

impl Running {
    pub(crate) async fn await_ready(&self) {
        let ready = harness::eventually(LIMIT, "the projector is ready", async || {
            assert!(!self.running.is_finished(), "the projector ended");
            self.ctx.health.ready().ok.then_some(())
        });
        ready.await.unwrap();
    }

    /// Stops it in the ordinary way; gives its metrics.
    pub(crate) async fn stop(self) -> String {
        self.ctx.shutdown.cancel();
        tokio::time::timeout(LIMIT, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        self.serving.await.unwrap();
        self.ctx.metrics.encode()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> projector::Error {
        tokio::time::timeout(LIMIT, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap_err()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn get_at(&self, path: &str, positions: &[String]) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if !positions.is_empty() {
            request = request.header("Rollcall-At-Least", positions.join(","));
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// JSON once a position is reached.
    pub(crate) async fn json_at(&self, path: &str, positions: &[String]) -> serde_json::Value {
        let response = self.get_at(path, positions).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

/// The value of a metric, by its name and labels as written.
pub(crate) fn metric(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| unreachable!("no metric {name} in\n{metrics}"))
        .parse()
        .unwrap()
}

/// States read again from the state topics, and states found in the store.
pub(crate) fn recovered(metrics: &str) -> (f64, f64) {
    let of = |source: &str| {
        metric(
            metrics,
            &format!("projector_recovered_records_total{{source=\"{source}\"}}"),
        )
    };
    (of("state_topic"), of("store"))
}

/// Lets time pass for those who sleep on a manual clock, no faster than it does.
pub(crate) async fn tick(hand: ManualClock) {
    loop {
        hand.advance(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Moves a manual clock far on, right after the store was written: in the midst of that it would be given up as hanging.
#[derive(Debug)]
pub(crate) struct Leaps {
    hand: ManualClock,
    by: Duration,
    left: AtomicU32,
}

impl Leaps {
    pub(crate) fn new(hand: ManualClock, by: Duration) -> Arc<Self> {
        let left = AtomicU32::new(0);
        Arc::new(Self { hand, by, left })
    }

    pub(crate) fn allow(&self, leaps: u32) {
        self.left.store(leaps, Ordering::Relaxed);
    }
}

impl Observe for Leaps {
    fn taken(&self, step: Step) {
        let one_less = |left: u32| left.checked_sub(1);
        if step == Step::FlushDone
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                .is_ok()
        {
            self.hand.advance(self.by);
        }
    }
}
