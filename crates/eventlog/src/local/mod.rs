//! The log in one directory of one machine, in SQLite.
//!
//! One thread writes: it takes all batches that wait, in one synced transaction, and cleans up in between.
//! Readers have connections of their own and are woken by the writer.
//! What the partitions hold is kept in memory beside the file, and changes only after a commit.

mod directory;
mod maintain;
mod reader;
mod rows;
mod schema;
mod writer;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use prometheus_client::registry::Registry;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::{
    batch::Batch,
    budget::{Budget, Share},
    error::{Cause, Error, Overload},
    health::{Health, Pulse},
    limits,
    log::Bounds,
    membership::{Assignment, Shared as Seat},
    metrics::Metrics,
    topic::{TopicSpec, TopicState},
};

pub(crate) use reader::Reader;

/// Milliseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The engine; dropping it ends the writer after what is queued, and gives the directory back.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    queue: Option<mpsc::SyncSender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    budget: Arc<Budget>,
    _lock: directory::Lock,
}

/// What the writer's thread and the handles share.
pub(crate) struct Shared {
    /// The database's file.
    path: PathBuf,
    topics: Vec<Topic>,
    by_name: HashMap<String, usize>,
    /// Counts commits, to wake readers.
    commits: watch::Sender<u64>,
    pulse: Pulse,
    metrics: Metrics,
}

/// A topic that was asked for when the log was opened.
struct Topic {
    /// Its number in the database.
    id: i64,
    spec: TopicSpec,
    partitions: Vec<Extent>,
}

/// What a partition holds, as of the last commit.
#[derive(Default)]
struct Extent {
    start: AtomicI64,
    end: AtomicI64,
}

impl Extent {
    fn bounds(&self) -> Bounds {
        // The start is read first: it never passes an end that is read later.
        let start = self.start.load(Ordering::Acquire);
        let end = self.end.load(Ordering::Acquire);
        Bounds { start, end }
    }
}

/// A batch on its way to the writer.
struct Job {
    batch: Batch,
    /// For each of the batch's topics its place in [`Shared::topics`].
    topics: Vec<usize>,
    done: oneshot::Sender<Result<Vec<i64>, Error>>,
    _share: Share,
}

impl Engine {
    pub(crate) fn open(
        dir: &Path,
        specs: &[TopicSpec],
        clock: Clock,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        Self::start(directory::open(dir)?, specs, clock, registry)
    }

    fn start(
        opened: directory::Opened,
        specs: &[TopicSpec],
        clock: Clock,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let directory::Opened { lock, path, conn } = opened;
        let topics = schema::topics(&conn, specs).map_err(|fault| fault.at(&path))?;
        let by_name = topics
            .iter()
            .enumerate()
            .map(|(index, topic)| (topic.spec.name.clone(), index))
            .collect();
        let metrics = Metrics::register(registry);
        let shared = Arc::new(Shared {
            path,
            topics,
            by_name,
            commits: watch::Sender::new(0),
            pulse: Pulse::new(),
            metrics: metrics.clone(),
        });
        let (queue, jobs) = mpsc::sync_channel(limits::WRITER_QUEUE_BATCHES);
        let writer = spawn(Arc::clone(&shared), conn, clock, jobs)?;
        Ok(Self {
            shared,
            queue: Some(queue),
            writer: Mutex::new(Some(writer)),
            budget: Arc::new(Budget::new(metrics)),
            _lock: lock,
        })
    }

    pub(crate) async fn append(&self, batch: Batch) -> Result<Vec<i64>, Error> {
        let began = Instant::now();
        let outcome = match self.enqueue(batch) {
            Ok(done) => done.await.unwrap_or(Err(ended())),
            Err(error) => Err(error),
        };
        self.shared.metrics.appended(&outcome, began.elapsed());
        outcome
    }

    fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Result<Vec<i64>, Error>>, Error> {
        let topics = self.check(&batch)?;
        let share = self.budget.take(batch.len(), batch.bytes());
        let share = share.ok_or(Error::Overloaded(Overload::Full))?;
        let (done, receiver) = oneshot::channel();
        let job = Job {
            batch,
            topics,
            done,
            _share: share,
        };
        let Some(queue) = &self.queue else {
            return Err(ended());
        };
        match queue.try_send(job) {
            Ok(()) => Ok(receiver),
            Err(mpsc::TrySendError::Full(_)) => Err(Error::Overloaded(Overload::Full)),
            Err(mpsc::TrySendError::Disconnected(_)) => Err(ended()),
        }
    }

    /// Every fault of a batch is found here, so that the writer's transaction can fail by the disk only.
    fn check(&self, batch: &Batch) -> Result<Vec<usize>, Error> {
        let mut topics = Vec::new();
        for name in batch.topics() {
            topics.push(self.shared.topic(name)?);
        }
        for record in batch.records() {
            let topic = topics.get(record.topic).copied().unwrap_or(usize::MAX);
            let Some(topic) = self.shared.topics.get(topic) else {
                continue;
            };
            if record.key.is_empty() && topic.spec.cleanup.compacts() {
                let topic = topic.spec.name.clone();
                return Err(Error::InvalidRecord { topic });
            }
            self.shared.extent(topic, record.partition)?;
        }
        Ok(topics)
    }

    pub(crate) fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, Error> {
        let topic = self.shared.topic(topic)?;
        Ok(self.shared.partition(topic, partition)?.bounds())
    }

    pub(crate) fn partitions(&self, topic: &str) -> Result<u32, Error> {
        let topic = self.shared.topic(topic)?;
        let topic = self.shared.topics.get(topic);
        Ok(topic.map_or(0, |topic| topic.spec.partitions))
    }

    /// The one process holds every partition at once and for good.
    pub(crate) fn join(&self, group: &str, topics: &[&str]) -> Result<Arc<Seat>, Error> {
        let mut held = Assignment::default();
        for topic in topics {
            for partition in 0..self.partitions(topic)? {
                held.insert(topic, partition);
            }
        }
        let seat = Seat::new(group, topics, &self.shared.metrics.groups);
        seat.show(&held);
        Ok(seat)
    }

    pub(crate) fn describe(&self, topics: &[&str]) -> Vec<Option<TopicState>> {
        let mut states = Vec::new();
        for name in topics {
            let topic = self.shared.topic(name).ok();
            let topic = topic.and_then(|topic| self.shared.topics.get(topic));
            states.push(topic.map(|topic| {
                let settings = topic.spec.settings().into_iter();
                TopicState {
                    partitions: topic.spec.partitions,
                    replication: 1,
                    settings: settings
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                    ..TopicState::default()
                }
            }));
        }
        states
    }

    pub(crate) fn health(&self) -> Health {
        self.shared.pulse.get()
    }

    pub(crate) fn health_watch(&self) -> watch::Receiver<Health> {
        self.shared.pulse.watch()
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Without a sender the writer commits what is queued and ends.
        self.queue = None;
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the local log's writer panicked");
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("local::Engine")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn topic(&self, name: &str) -> Result<usize, Error> {
        self.by_name
            .get(name)
            .copied()
            .ok_or_else(|| Error::UnknownTopic {
                topic: name.to_owned(),
            })
    }

    fn partition(&self, topic: usize, partition: u32) -> Result<&Extent, Error> {
        match self.topics.get(topic) {
            Some(topic) => self.extent(topic, partition),
            None => Err(ended()),
        }
    }

    fn extent<'a>(&self, topic: &'a Topic, partition: u32) -> Result<&'a Extent, Error> {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        topic
            .partitions
            .get(index)
            .ok_or_else(|| Error::UnknownPartition {
                topic: topic.spec.name.clone(),
                partition,
            })
    }
}

fn spawn(
    shared: Arc<Shared>,
    conn: Connection,
    clock: Clock,
    jobs: mpsc::Receiver<Job>,
) -> Result<JoinHandle<()>, Error> {
    let path = shared.path.clone();
    let run = move || writer::Writer::new(shared, conn, clock).run(&jobs);
    let spawned = thread::Builder::new().name("log-writer".into()).spawn(run);
    spawned.map_err(|error| Error::Storage {
        doing: "start the writer",
        path,
        source: Cause::new(error),
    })
}

fn ended() -> Error {
    Error::Ended { thread: "writer" }
}

/// What SQLite said while something was done, before it is known to whom it happened.
#[derive(Debug)]
struct Fault {
    doing: &'static str,
    error: FaultKind,
}

#[derive(Debug)]
enum FaultKind {
    Sqlite(rusqlite::Error),
    /// What the rows hold cannot be, though the file is well formed.
    Content(String),
    PartitionsDiffer {
        topic: String,
        found: u32,
        asked: u32,
    },
}

impl Fault {
    fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |error| Self {
            doing,
            error: FaultKind::Sqlite(error),
        }
    }

    fn content(what: String) -> Self {
        Self {
            doing: "read",
            error: FaultKind::Content(what),
        }
    }

    fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self.error {
            FaultKind::Content(what) => Error::Damaged { path, what },
            FaultKind::PartitionsDiffer {
                topic,
                found,
                asked,
            } => Error::PartitionsDiffer {
                topic,
                found,
                asked,
            },
            FaultKind::Sqlite(error) if is_damage(&error) => Error::Damaged {
                path,
                what: error.to_string(),
            },
            FaultKind::Sqlite(error) => Error::Storage {
                doing: self.doing,
                path,
                source: Cause::new(error),
            },
        }
    }
}

/// What no waiting and no space on the disk mends: the file is not what was written.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};

    let code = error.sqlite_error_code();
    // A statement that does not fit the schema, or a row that does not fit its type: both were right when written.
    let misfit = code == Some(rusqlite::ErrorCode::Unknown) || code.is_none();
    misfit || matches!(code, Some(DatabaseCorrupt | NotADatabase))
}

#[cfg(test)]
mod tests;
