//! The handle to the log.

use std::{path::Path, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::{
    args::KafkaArgs,
    batch::Batch,
    error::Error,
    health::Health,
    kafka, limits, local,
    membership::{JoinOptions, Membership},
    reader::{self, Reader, Start},
    topic::{self, Growth, Problem, TopicPlan, TopicSpec, TopicState},
};

/// The log, cheap to clone: all clones share one connection, one budget and one health.
///
/// The last clone (readers count as clones) to be dropped ends the engine's threads and waits for them, which is short.
#[derive(Clone, Debug)]
pub struct Log {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Kafka(Arc<kafka::Engine>),
    Local(Arc<local::Engine>),
}

/// What a partition holds: offsets from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that can be read.
    pub start: i64,
    /// The offset that the next record will get.
    pub end: i64,
}

impl Log {
    /// Opens a log on Kafka; connects in the background.
    ///
    /// `client_id` is what the brokers' logs and quotas see, such as `rollcall-ingest-0`.
    /// Metrics are registered as they are named; give a sub-registry to distinguish several logs.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names everything that is wrong with the options at once.
    pub fn kafka(
        args: &KafkaArgs,
        client_id: &str,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let engine = kafka::Engine::start(args, client_id, registry)?;
        Ok(Self {
            engine: Engine::Kafka(Arc::new(engine)),
        })
    }

    /// Opens the log in a directory of this machine, or creates it; `clock` gives milliseconds since 1970.
    ///
    /// Topics are created as they are asked for; those that the directory holds beyond that stay as they are.
    /// Blocks while the file is checked, some seconds a gigabyte.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], [`Error::Damaged`], [`Error::ForeignFormat`], [`Error::PartitionsDiffer`] or [`Error::Storage`],
    /// each naming the file; damage never gives an empty log.
    pub fn local(
        dir: &Path,
        topics: &[TopicSpec],
        clock: impl Fn() -> i64 + Send + Sync + 'static,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let engine = local::Engine::open(dir, topics, Arc::new(clock), registry)?;
        Ok(Self {
            engine: Engine::Local(Arc::new(engine)),
        })
    }

    /// Appends a batch and resolves when every record is durable, with their offsets in the order of the batch.
    ///
    /// Never waits for room: what does not fit is refused at once.
    /// Dropping the future does not take the records back.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`]: nothing was appended.
    /// [`Error::RecordTooLarge`], [`Error::InvalidRecord`] and [`Error::BatchTooLarge`] are permanent; the first and last before anything is written.
    /// [`Error::Undelivered`], [`Error::Storage`], [`Error::UnknownTopic`] and [`Error::UnknownPartition`] are transient, and on Kafka
    /// some records may have become durable all the same.
    pub async fn append(&self, batch: Batch) -> Result<Vec<i64>, Error> {
        if let Some((topic, bytes)) = batch.too_large() {
            let topic = topic.to_owned();
            return Err(Error::RecordTooLarge { topic, bytes });
        }
        let (records, bytes) = (batch.len(), batch.bytes());
        if records > limits::BATCH_RECORDS_MAX || bytes > limits::BATCH_BYTES_MAX {
            return Err(Error::BatchTooLarge { records, bytes });
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        match &self.engine {
            Engine::Kafka(engine) => engine.append(batch).await,
            Engine::Local(engine) => engine.append(batch).await,
        }
    }

    /// Opens a reader of several partitions; one reader is one Kafka consumer, so share it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] when a start lies outside of what the log holds (its end is inside),
    /// [`Error::UnknownTopic`], [`Error::UnknownPartition`], [`Error::Config`] with no starts or over [`limits::READER_SOURCES_MAX`], or transient.
    pub async fn reader(&self, starts: Vec<Start>) -> Result<Reader, Error> {
        if starts.is_empty() || starts.len() > limits::READER_SOURCES_MAX {
            return Err(Error::Config {
                problems: vec![format!(
                    "a reader of {} partitions; it takes 1 to {}",
                    starts.len(),
                    limits::READER_SOURCES_MAX
                )],
            });
        }
        let engine = match &self.engine {
            Engine::Kafka(engine) => reader::Engine::Kafka(engine.reader(starts).await?),
            Engine::Local(engine) => {
                reader::Engine::Local(local::Reader::open(Arc::clone(engine), &starts)?)
            }
        };
        Ok(Reader::new(engine))
    }

    /// What a partition holds now.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTopic`], [`Error::UnknownPartition`], or transient.
    pub async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, Error> {
        match &self.engine {
            Engine::Kafka(engine) => engine.bounds(topic, partition).await,
            Engine::Local(engine) => engine.bounds(topic, partition),
        }
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTopic`], or transient.
    pub async fn partitions(&self, topic: &str) -> Result<u32, Error> {
        match &self.engine {
            Engine::Kafka(engine) => engine.partitions(topic).await,
            Engine::Local(engine) => engine.partitions(topic),
        }
    }

    /// Joins a group whose members share out the partitions of `topics` among them; joins in the background.
    ///
    /// The group's name gets the topic prefix too, so that two installations on one Kafka keep apart.
    /// All members must name the same topics.
    /// On the local log the one process holds every partition at once and for good.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names everything that is wrong with the options; [`Error::UnknownTopic`] on the local log.
    /// What is wrong later (brokers away, an instance that another process has too) is logged and tried again for ever.
    pub fn join(
        &self,
        group: &str,
        topics: &[&str],
        options: JoinOptions,
    ) -> Result<Membership, Error> {
        let shared = match &self.engine {
            Engine::Kafka(engine) => engine.join(group, topics, options)?,
            Engine::Local(engine) => engine.join(group, topics)?,
        };
        Ok(Membership::new(shared, self.clone()))
    }

    /// How many members a group has now, 0 if there is no such group; for commands that need all of them stopped.
    ///
    /// A member with an instance that was stopped counts until its session is over.
    /// Always 0 on the local log.
    ///
    /// # Errors
    ///
    /// Transient; also when one of the brokers does not answer, for it may be the one that knows.
    pub async fn members(&self, group: &str) -> Result<usize, Error> {
        match &self.engine {
            Engine::Kafka(engine) => engine.members(group).await,
            Engine::Local(_) => Ok(0),
        }
    }

    /// The topics as they are, in the order asked for; `None` for one that is not there.
    ///
    /// # Errors
    ///
    /// Transient.
    pub async fn describe(&self, topics: &[&str]) -> Result<Vec<Option<TopicState>>, Error> {
        match &self.engine {
            Engine::Kafka(engine) => engine.describe(topics).await,
            Engine::Local(engine) => Ok(engine.describe(topics)),
        }
    }

    /// What is wrong with the topics for a service that needs them so, to be asked at start.
    ///
    /// On Kafka: topics missing; numbers of partitions that differ among them; clean-up, retention, compaction and segments
    /// ([`Setting`](crate::Setting) says by [`Rule`](crate::Rule) which may be more or less); settings by which acknowledged records may be lost;
    /// replication under 3 and `min.insync.replicas` under 2 unless `--allow-unreplicated`.
    /// The number of partitions of the specifications is not asked for: it is the operator's.
    /// On the local log nothing can be wrong.
    ///
    /// # Errors
    ///
    /// Transient.
    pub async fn check(&self, topics: &[TopicSpec]) -> Result<Vec<Problem>, Error> {
        match &self.engine {
            Engine::Kafka(engine) => {
                let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
                let found = engine.describe(&names).await?;
                Ok(topic::check(topics, &found, engine.allow_unreplicated()))
            }
            Engine::Local(_) => Ok(Vec::new()),
        }
    }

    /// What `rollcall topics apply` would do, and what it cannot.
    ///
    /// New topics get the specifications' partitions, and `replication` replicas of which all but one (at least one) must be in sync.
    ///
    /// # Errors
    ///
    /// Transient.
    pub async fn plan(&self, topics: &[TopicSpec], replication: u32) -> Result<TopicPlan, Error> {
        self.planned(topics, replication, Growth::Refused).await
    }

    /// As [`Self::plan`], and topics with fewer partitions than asked for get more (none is ever taken away).
    ///
    /// Keys then belong elsewhere, so that nothing may be appended or folded until the generation is raised.
    ///
    /// # Errors
    ///
    /// Transient.
    pub async fn plan_growth(
        &self,
        topics: &[TopicSpec],
        replication: u32,
    ) -> Result<TopicPlan, Error> {
        self.planned(topics, replication, Growth::Wanted).await
    }

    async fn planned(
        &self,
        topics: &[TopicSpec],
        replication: u32,
        growth: Growth,
    ) -> Result<TopicPlan, Error> {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let found = self.describe(&names).await?;
        Ok(topic::plan(topics, &found, replication, growth))
    }

    /// Carries out a plan, change by change, and stops at the first that fails; what is done already is found done by the next plan.
    ///
    /// # Errors
    ///
    /// What the broker said to the first change that failed.
    pub async fn apply(&self, plan: &TopicPlan) -> Result<(), Error> {
        match &self.engine {
            Engine::Kafka(engine) => engine.apply(plan).await,
            Engine::Local(_) => Ok(()),
        }
    }

    /// Whether an append is likely to succeed now.
    #[must_use]
    pub fn health(&self) -> Health {
        match &self.engine {
            Engine::Kafka(engine) => engine.health(),
            Engine::Local(engine) => engine.health(),
        }
    }

    /// The same, for whoever must act when it changes.
    #[must_use]
    pub fn health_watch(&self) -> watch::Receiver<Health> {
        match &self.engine {
            Engine::Kafka(engine) => engine.health_watch(),
            Engine::Local(engine) => engine.health_watch(),
        }
    }

    /// Waits until nothing is pending; for the end of a service, when no more appends come.
    ///
    /// Says whether nothing was left when `timeout` was over.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let budget = match &self.engine {
            Engine::Kafka(engine) => engine.budget(),
            Engine::Local(engine) => engine.budget(),
        };
        tokio::time::timeout(timeout, budget.idle()).await.is_ok()
    }
}
