//! The log on Apache Kafka, by librdkafka.

mod config;
mod context;
mod delivery;
mod member;
mod producer;
mod query;
mod reader;
mod topics;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use prometheus_client::registry::Registry;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::{sync::watch, task};

use crate::{
    args::KafkaArgs,
    batch::Batch,
    budget::Budget,
    error::{Cause, Error},
    health::Health,
    limits,
    log::Bounds,
    membership::{JoinOptions, Shared},
    metrics::{KafkaMetrics, Metrics},
    reader::Start,
    topic::{TopicPlan, TopicState},
};

use context::{Context, Told};
use producer::Producer;
use query::Query;
pub(crate) use reader::Reader;

pub(crate) struct Engine {
    producer: Producer,
    query: Arc<Query>,
    /// Threads of readers and members, joined when they have ended.
    readers: Mutex<Vec<JoinHandle<()>>>,
    config: ClientConfig,
    client_id: String,
    told: Told,
    allow_unreplicated: bool,
    metrics: Metrics,
}

impl Engine {
    pub(crate) fn start(
        args: &KafkaArgs,
        client_id: &str,
        registry: &mut Registry,
    ) -> Result<Self, Error> {
        let config = config::common(args, client_id)?;
        let metrics = Metrics::register(registry);
        let kafka = KafkaMetrics::register(registry);
        kafka
            .certificate_expiry
            .set(config::certificate_end(&config));
        let told = Told::new(&args.topic_prefix, &kafka);
        let query = Query::start(config::query(&config), &told);
        let query = Arc::new(query.map_err(refused)?);
        let producer = Producer::start(
            config::producer(&config),
            Arc::clone(&query),
            metrics.clone(),
        )?;
        Ok(Self {
            producer,
            query,
            readers: Mutex::default(),
            config,
            client_id: client_id.to_owned(),
            told,
            allow_unreplicated: args.allow_unreplicated,
            metrics,
        })
    }

    pub(crate) async fn append(&self, batch: Batch) -> Result<Vec<i64>, Error> {
        self.producer.append(batch).await
    }

    pub(crate) async fn reader(self: &Arc<Self>, starts: Vec<Start>) -> Result<Reader, Error> {
        // Its name is only for the brokers' logs: no group is joined.
        let group = format!("{}{}-reader", self.told.prefix, self.client_id);
        let config = config::reader(&self.config, &group);
        Reader::open(Arc::clone(self), config, starts).await
    }

    pub(crate) async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, Error> {
        let (full, topic) = (self.full(topic), topic.to_owned());
        self.ask(move |query| watermarks(query, &full, &topic, partition))
            .await
    }

    pub(crate) async fn partitions(&self, topic: &str) -> Result<u32, Error> {
        let (full, topic) = (self.full(topic), topic.to_owned());
        let shape = self.ask(move |query| topics::shape(query, &full)).await?;
        let (partitions, _) = shape.ok_or(Error::UnknownTopic { topic })?;
        Ok(partitions)
    }

    pub(crate) fn join(
        &self,
        group: &str,
        topics: &[&str],
        options: JoinOptions,
    ) -> Result<Arc<Shared>, Error> {
        let shared = Shared::new(group, topics, &self.metrics.groups);
        let thread = member::start(member::Origin {
            common: self.config.clone(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            options,
            told: self.told.clone(),
            shared: Arc::clone(&shared),
        })?;
        self.keep(thread);
        Ok(shared)
    }

    pub(crate) async fn members(&self, group: &str) -> Result<usize, Error> {
        let group = self.full(group);
        self.ask(move |query| {
            let client = query.client();
            let groups = client.fetch_group_list(Some(&group), limits::REQUEST_TIMEOUT);
            let groups = groups.map_err(failed("list the members of a group"))?;
            let ours = groups.groups().iter().filter(|found| found.name() == group);
            Ok(ours.map(|found| found.members().len()).sum())
        })
        .await
    }

    pub(crate) async fn describe(&self, topics: &[&str]) -> Result<Vec<Option<TopicState>>, Error> {
        let full: Vec<String> = topics.iter().map(|topic| self.full(topic)).collect();
        let shapes = self.ask(move |query| {
            let mut found = Vec::new();
            for full in full {
                let shape = topics::shape(query, &full)?;
                let state = shape.map(|(partitions, replication)| TopicState {
                    partitions,
                    replication,
                    ..TopicState::default()
                });
                found.push((full, state));
            }
            Ok(found)
        });
        let mut found = shapes.await?;
        topics::settings(&self.config, &mut found).await?;
        Ok(found.into_iter().map(|(_, state)| state).collect())
    }

    pub(crate) async fn apply(&self, plan: &TopicPlan) -> Result<(), Error> {
        let shaped = topics::apply(&self.config, &self.told.prefix, plan).await?;
        self.ask(move |query| topics::are_known(query, &shaped))
            .await
    }

    pub(crate) fn allow_unreplicated(&self) -> bool {
        self.allow_unreplicated
    }

    pub(crate) fn health(&self) -> Health {
        self.producer.pulse().get()
    }

    pub(crate) fn health_watch(&self) -> watch::Receiver<Health> {
        self.producer.pulse().watch()
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.producer.budget()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn told(&self) -> &Told {
        &self.told
    }

    /// A name as the brokers know it.
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.told.prefix)
    }

    /// Remembers the thread of a reader or member, and lets go of those that have ended.
    fn keep(&self, thread: JoinHandle<()>) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| !reader.is_finished());
        readers.push(thread);
    }

    /// A question to the brokers, on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Context>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let query = Arc::clone(&self.query);
        let asked = task::spawn_blocking(move || {
            let client = query.client();
            let answer = question(&client);
            if answer.is_err() {
                // Even "unknown" may be what a client says that has lost the brokers.
                query.doubt();
            }
            let told = query.told();
            match (answer, told.refusal()) {
                (Err(Error::Kafka { .. }), Some(refusal)) => Err(Error::Refused(refusal)),
                (answer, _) => {
                    told.let_in();
                    answer
                }
            }
        });
        asked.await.unwrap_or(Err(Error::Ended { thread: "query" }))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Readers and memberships keep the engine alive, so their threads have nobody to serve any more and are about to end.
        let readers = self
            .readers
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for reader in readers.drain(..) {
            if reader.join().is_err() {
                tracing::error!("the thread of a reader or a member panicked");
            }
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("kafka::Engine")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What a partition holds; `full` is the topic with its prefix.
fn watermarks(
    consumer: &BaseConsumer<Context>,
    full: &str,
    topic: &str,
    partition: u32,
) -> Result<Bounds, Error> {
    let native = i32::try_from(partition).unwrap_or(i32::MAX);
    let client = consumer.client();
    match client.fetch_watermarks(full, native, limits::REQUEST_TIMEOUT) {
        Ok((start, end)) => Ok(Bounds { start, end }),
        Err(error) => match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition,
            ) => Err(Error::UnknownPartition {
                topic: topic.to_owned(),
                partition,
            }),
            _ => Err(failed("read watermarks")(error)),
        },
    }
}

fn failed(doing: &'static str) -> impl Fn(KafkaError) -> Error {
    move |error| Error::Kafka {
        doing,
        source: Cause::new(error),
    }
}

/// A client that does not start has a configuration that contradicts itself.
fn refused(error: KafkaError) -> Error {
    Error::Config {
        problems: vec![format!("--kafka-config: {error}")],
    }
}
