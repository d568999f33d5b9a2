//! Appending: a producer that is replaced when librdkafka gives it up, and the watch over its health.

use std::{
    mem,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig},
};
use tokio::{sync::oneshot, task};

use super::{
    context::{Context, Told},
    delivery::{Deliveries, Failed, Failure},
    query::{self, Query},
};
use crate::{
    batch::{Batch, Pushed},
    budget::Budget,
    error::{Cause, Error, Overload},
    header::Headers,
    health::{Pulse, Trouble},
    limits,
    metrics::{ClientKind, Metrics},
};

/// The producer and the two threads that look after it.
pub(super) struct Producer {
    shared: Arc<Shared>,
    stop: Option<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    config: ClientConfig,
    told: Told,
    current: RwLock<Arc<BaseProducer<Context>>>,
    /// Tells whether there are brokers when the producer sees none.
    query: Arc<Query>,
    budget: Arc<Budget>,
    pulse: Pulse,
    stopped: AtomicBool,
    metrics: Metrics,
}

impl Producer {
    pub(super) fn start(
        config: ClientConfig,
        query: Arc<Query>,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let told = query.told().clone();
        let first = create(&config, &told).map_err(super::failed("start the producer"))?;
        let shared = Arc::new(Shared {
            config,
            told,
            current: RwLock::new(Arc::new(first)),
            query,
            budget: Arc::new(Budget::new(metrics.clone())),
            pulse: Pulse::new(),
            stopped: AtomicBool::new(false),
            metrics,
        });
        let (stop, stopped) = mpsc::channel();
        let mut producer = Self {
            shared: Arc::clone(&shared),
            stop: Some(stop),
            threads: Vec::new(),
        };
        let poller = Arc::clone(&shared);
        producer.spawn("log-deliveries", move || poller.poll())?;
        producer.spawn("log-health", move || Monitor::new(shared).run(&stopped))?;
        Ok(producer)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let spawned = thread::Builder::new().name(name.into()).spawn(run);
        let thread = spawned.map_err(|error| Error::Kafka {
            doing: "start a thread",
            source: Cause::new(error),
        })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(super) async fn append(&self, batch: Batch) -> Result<Vec<i64>, Error> {
        let began = Instant::now();
        let outcome = self.try_append(batch).await;
        self.shared.metrics.appended(&outcome, began.elapsed());
        outcome
    }

    async fn try_append(&self, batch: Batch) -> Result<Vec<i64>, Error> {
        let shared = &self.shared;
        let share = shared.budget.take(batch.len(), batch.bytes());
        let share = share.ok_or(Error::Overloaded(Overload::Full))?;
        let (done, answer) = oneshot::channel();
        let client = shared.current();
        let Some(slot) = client.context().deliveries.open(batch.len(), share, done) else {
            return Err(Error::Overloaded(Overload::InTrouble(Trouble::ClientLost)));
        };
        if batch.len() <= limits::ENQUEUE_INLINE_MAX {
            shared.enqueue(&client, &batch, slot);
        } else {
            // Once begun, a blocking task ends: a batch is never left half handed over.
            let shared = Arc::clone(shared);
            let enqueue = move || shared.enqueue(&client, &batch, slot);
            let enqueued = task::spawn_blocking(enqueue).await;
            enqueued.map_err(|_| ended())?;
        }
        match answer.await {
            Ok(Ok(offsets)) => Ok(offsets),
            Ok(Err(failed)) => Err(shared.error(failed)),
            Err(_) => Err(ended()),
        }
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.shared.pulse
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.shared.budget
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.stop = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
    }
}

fn ended() -> Error {
    Error::Ended {
        thread: "deliveries",
    }
}

fn create(config: &ClientConfig, told: &Told) -> Result<BaseProducer<Context>, KafkaError> {
    config.create_with_context(Context::new(ClientKind::Producer, told))
}

impl Shared {
    fn current(&self) -> Arc<BaseProducer<Context>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Serves deliveries, statistics and log lines of whichever producer is current.
    fn poll(&self) {
        while !self.stopped.load(Ordering::Acquire) {
            self.current().poll(limits::POLL_EVERY);
        }
    }

    fn enqueue(&self, client: &BaseProducer<Context>, batch: &Batch, slot: u32) {
        let topics: Vec<String> = batch
            .topics()
            .iter()
            .map(|topic| format!("{}{topic}", self.told.prefix))
            .collect();
        for (index, record) in batch.records().enumerate() {
            let topic = topics.get(record.topic).map_or("", String::as_str);
            let Err((error, _)) = client.send(to_send(topic, &record, slot, index)) else {
                continue;
            };
            let code = error.rdkafka_error_code();
            let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
            client.context().note(code);
            let failure = Failure {
                code,
                topic: topic.to_owned(),
                partition: i32::try_from(record.partition).unwrap_or(i32::MAX),
                bytes: record.key.len() + record.value.map_or(0, <[u8]>::len),
            };
            // What follows must not overtake what was not sent.
            let rest = batch.len() - index;
            client.context().deliveries.not_sent(slot, rest, failure);
            return;
        }
    }

    fn error(&self, failed: Failed) -> Error {
        let Failed {
            failed,
            records,
            first,
        } = failed;
        let topic = first.topic.strip_prefix(&self.told.prefix);
        let topic = topic.unwrap_or(&first.topic).to_owned();
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "of Kafka's two hundred codes these say whose fault it is; the rest may pass"
        )]
        match first.code {
            RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
                Error::RecordTooLarge {
                    topic,
                    bytes: first.bytes,
                }
            }
            // Not `InvalidDifferentRecord`, which befalls the neighbours of an invalid record.
            RDKafkaErrorCode::InvalidRecord | RDKafkaErrorCode::InvalidTimestamp => {
                Error::InvalidRecord { topic }
            }
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition => {
                Error::UnknownTopic { topic }
            }
            RDKafkaErrorCode::UnknownPartition => Error::UnknownPartition {
                topic,
                partition: u32::try_from(first.partition).unwrap_or(0),
            },
            RDKafkaErrorCode::QueueFull => Error::Overloaded(Overload::Full),
            code => Error::Undelivered {
                topic,
                failed,
                records,
                source: Cause::new(KafkaError::MessageProduction(code)),
            },
        }
    }

    /// Puts a new producer in the place of one that cannot go on; what was in flight fails.
    fn replace(&self, why: &str) {
        let fresh = match create(&self.config, &self.told) {
            Ok(fresh) => Arc::new(fresh),
            Err(error) => {
                // The next look tries again.
                tracing::error!(error = &error as &dyn std::error::Error, "start a producer");
                return;
            }
        };
        let lost = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            mem::replace(&mut *current, fresh)
        };
        let reason = lost.client().fatal_error().map(|(_, reason)| reason);
        self.told.metrics.clients_replaced.inc();
        tracing::warn!(reason, "replaced the producer: {why}");
        lost.context().deliveries.close();
        lost.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = lost.flush(limits::PURGE_TIMEOUT) {
            tracing::warn!(error = &error as &dyn std::error::Error, "purge a producer");
        }
        lost.context().deliveries.fail_rest();
    }
}

fn to_send<'a>(
    topic: &'a str,
    record: &Pushed<'a>,
    slot: u32,
    index: usize,
) -> BaseRecord<'a, [u8], [u8], usize> {
    let mut send = BaseRecord::with_opaque_to(topic, Deliveries::opaque(slot, index))
        // Beyond what Kafka can count it is no partition, which librdkafka will say.
        .partition(i32::try_from(record.partition).unwrap_or(i32::MAX))
        .timestamp(record.timestamp_ms);
    if !record.key.is_empty() {
        send = send.key(record.key);
    }
    if let Some(value) = record.value {
        send = send.payload(value);
    }
    if record.headers.is_empty() {
        return send;
    }
    let mut headers = OwnedHeaders::new_with_capacity(8);
    for (key, value) in Headers::new(record.headers) {
        let value = Some(value);
        headers = headers.insert(Header { key, value });
    }
    send.headers(headers)
}

/// Judges health from what the producer and the brokers show.
struct Monitor {
    shared: Arc<Shared>,
    /// Records delivered at the last look, and when that number last changed or nothing was pending.
    delivered: u64,
    moved: Instant,
    /// When the brokers were last asked.
    probed: Instant,
    /// How often in a row the producer saw no brokers where another client did.
    stuck: u32,
}

impl Monitor {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            delivered: 0,
            moved: Instant::now(),
            probed: Instant::now(),
            stuck: 0,
        }
    }

    fn run(mut self, stopped: &mpsc::Receiver<()>) {
        while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(limits::HEALTH_EVERY)
        {
            self.look();
            self.shared.query.serve();
        }
    }

    fn look(&mut self) {
        let shared = Arc::clone(&self.shared);
        let client = shared.current();
        let context = client.context();
        if context.is_fatal() {
            self.trouble(Trouble::ClientLost);
            drop(client);
            shared.replace("librdkafka gave it up");
            return;
        }
        let delivered = context.deliveries.succeeded();
        let moved = delivered != self.delivered;
        let idle = shared.budget.records() == 0;
        self.delivered = delivered;
        if moved || idle {
            self.moved = Instant::now();
        }
        let lost = context.take_brokers_down();
        if moved {
            // A delivery proves that whatever was lost is back.
            shared.told.let_in();
            self.ready();
            return;
        }
        if lost && (!idle || !query::answers(client.client(), None)) {
            // (While nothing is pending, brokers may just have closed idle connections.)
            let refused = shared.told.refusal().map(Trouble::Refused);
            self.trouble(refused.unwrap_or(Trouble::BrokersDown));
        } else if self.moved.elapsed() > limits::STALL_AFTER {
            self.trouble(Trouble::Stalled);
        }
        if !shared.pulse.get().is_ready() && self.probed.elapsed() >= limits::PROBE_EVERY {
            self.probe(&client, idle);
        }
    }

    /// What else can tell that trouble is over, or that this producer will never see it over.
    fn probe(&mut self, client: &BaseProducer<Context>, idle: bool) {
        if query::answers(client.client(), None) {
            self.stuck = 0;
            // With records pending a delivery tells more than an answer.
            if idle {
                self.shared.told.let_in();
                self.ready();
            }
        } else if self.shared.query.answers() {
            self.stuck += 1;
            if self.stuck >= limits::STUCK_LOOKS_MAX {
                self.stuck = 0;
                self.shared.replace("it has lost the brokers for good");
            }
        } else {
            self.stuck = 0;
        }
        self.probed = Instant::now();
    }

    fn trouble(&self, trouble: Trouble) {
        if self.shared.pulse.trouble(trouble) {
            self.shared.metrics.ready.set(0);
            tracing::warn!(%trouble, "the log is in trouble");
        }
    }

    fn ready(&self) {
        if self.shared.pulse.ready() {
            self.shared.metrics.ready.set(1);
            tracing::info!("the log takes records again");
        }
    }
}

#[cfg(test)]
mod tests;
