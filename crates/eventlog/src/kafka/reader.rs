//! Reading: one consumer on a thread of its own for each reader, which works when it is asked.
//!
//! librdkafka fetches ahead by itself, bounded by [`limits::READ_AHEAD_BYTES_MAX`].
//! The thread fills one batch for each request.
//! A reader that nobody asks gives its assignment up, which drops what was fetched, and takes it again where it was.

use std::{
    fmt,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers as _},
};
use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use super::{
    Engine,
    context::{Context, Told},
    failed, query,
};
use crate::{
    error::{Cause, Error},
    limits,
    log::Bounds,
    metrics::ClientKind,
    reader::{At, Start},
    record::RecordBatch,
};

pub(crate) struct Reader {
    requests: mpsc::SyncSender<Request>,
    replies: tokio_mpsc::Receiver<Result<RecordBatch, Error>>,
    /// Whether a request is out that was not answered yet: the call that made it was cancelled.
    asked: bool,
    sources: Vec<Source>,
    engine: Arc<Engine>,
}

#[derive(Clone, Copy)]
struct Source {
    position: i64,
    end_at_open: i64,
}

struct Request {
    records: usize,
    bytes: usize,
    wait: Duration,
}

impl Reader {
    pub(super) async fn open(
        engine: Arc<Engine>,
        config: ClientConfig,
        starts: Vec<Start>,
    ) -> Result<Self, Error> {
        let origin = Origin {
            config,
            told: engine.told().clone(),
        };
        // One request is out at most.
        let (requests, receiver) = mpsc::sync_channel(1);
        let (sender, replies) = tokio_mpsc::channel(1);
        let (opened, open) = oneshot::channel();
        let run = move || {
            let assigned = Assigned::open(origin, &starts);
            match assigned {
                Ok((mut assigned, sources)) => {
                    if opened.send(Ok(sources)).is_ok() {
                        assigned.run(&receiver, &sender);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        };
        let spawned = thread::Builder::new().name("log-reader".into()).spawn(run);
        let thread = spawned.map_err(|error| Error::Kafka {
            doing: "start a reader's thread",
            source: Cause::new(error),
        })?;
        engine.keep(thread);
        let sources = open.await.unwrap_or(Err(ended()))?;
        Ok(Self {
            requests,
            replies,
            asked: false,
            sources,
            engine,
        })
    }

    pub(crate) async fn next(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        wait: Duration,
    ) -> Result<RecordBatch, Error> {
        if !self.asked {
            let request = Request {
                records: max_records.max(1),
                bytes: max_bytes.max(1),
                wait,
            };
            self.requests.try_send(request).map_err(|_| ended())?;
            self.asked = true;
        }
        let reply = self.replies.recv().await;
        self.asked = false;
        let batch = reply.unwrap_or(Err(ended()))?;
        for record in batch.iter() {
            if let Some(source) = self.sources.get_mut(record.source) {
                source.position = record.offset + 1;
            }
        }
        let read = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.engine.metrics().read_records.inc_by(read);
        Ok(batch)
    }

    pub(crate) fn position(&self, source: usize) -> i64 {
        self.sources.get(source).map_or(0, |source| source.position)
    }

    pub(crate) fn end_at_open(&self, source: usize) -> i64 {
        self.sources
            .get(source)
            .map_or(0, |source| source.end_at_open)
    }

    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("kafka::Reader")
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

fn ended() -> Error {
    Error::Ended { thread: "reader" }
}

/// What a consumer is made of.
struct Origin {
    config: ClientConfig,
    told: Told,
}

impl Origin {
    fn create(&self) -> Result<BaseConsumer<Context>, Error> {
        let context = Context::new(ClientKind::Reader, &self.told);
        let created = self.config.create_with_context(context);
        created.map_err(failed("start a consumer"))
    }
}

/// The thread's side: a consumer with its partitions.
struct Assigned {
    origin: Origin,
    consumer: BaseConsumer<Context>,
    partitions: Vec<Partition>,
    /// What is read and not handed out yet.
    batch: RecordBatch,
    assigned: bool,
    /// Whether the consumer has said that it lost all brokers and shown no record since.
    lost: bool,
    revived: Instant,
    /// When a record came last, or a broker answered.
    heard: Instant,
    /// The source of the last record: the next is mostly of the same.
    last: usize,
}

struct Partition {
    /// With prefix.
    full: String,
    topic: String,
    partition: u32,
    native: i32,
    position: i64,
    headers: bool,
}

impl Assigned {
    fn open(origin: Origin, starts: &[Start]) -> Result<(Self, Vec<Source>), Error> {
        let consumer = origin.create()?;
        let (mut partitions, mut sources) = (Vec::new(), Vec::new());
        for start in starts {
            let full = format!("{}{}", origin.told.prefix, start.topic);
            let bounds = super::watermarks(&consumer, &full, &start.topic, start.partition)?;
            let position = match start.at {
                At::Beginning => bounds.start,
                At::End => bounds.end,
                At::Offset(offset) => offset,
            };
            let native = i32::try_from(start.partition).unwrap_or(i32::MAX);
            let partition = Partition {
                full,
                topic: start.topic.clone(),
                partition: start.partition,
                native,
                position,
                headers: start.headers,
            };
            partition.in_range(bounds)?;
            partitions.push(partition);
            sources.push(Source {
                position,
                end_at_open: bounds.end,
            });
        }
        let mut assigned = Self {
            origin,
            consumer,
            partitions,
            batch: RecordBatch::default(),
            assigned: false,
            lost: false,
            revived: Instant::now(),
            heard: Instant::now(),
            last: 0,
        };
        assigned.assign()?;
        Ok((assigned, sources))
    }

    /// Answers requests until there is nobody to ask.
    fn run(
        &mut self,
        requests: &mpsc::Receiver<Request>,
        replies: &tokio_mpsc::Sender<Result<RecordBatch, Error>>,
    ) {
        loop {
            match requests.recv_timeout(limits::READER_IDLE_AFTER) {
                Ok(request) => {
                    let outcome = self.fill(&request, replies);
                    let reply = outcome.map(|()| {
                        // Reads of one reader are much alike: growing would copy it again and again, and ask for memory anew.
                        let next = self.batch.next();
                        std::mem::replace(&mut self.batch, next)
                    });
                    if replies.blocking_send(reply).is_err() {
                        return;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.idle(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn fill(
        &mut self,
        request: &Request,
        replies: &tokio_mpsc::Sender<Result<RecordBatch, Error>>,
    ) -> Result<(), Error> {
        let until = Instant::now() + request.wait;
        self.assign()?;
        while self.batch.len() < request.records && self.batch.bytes() < request.bytes {
            // Only the first is worth waiting for, and asking the clock costs as much as a record.
            if !self.batch.is_empty() {
                if !self.poll(Duration::ZERO)? {
                    break;
                }
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            self.poll(left.min(limits::READER_LOOK_EVERY))?;
            if self.batch.is_empty() {
                self.revive()?;
                if left.is_zero() || replies.is_closed() {
                    break;
                }
            }
        }
        if !self.batch.is_empty() {
            self.lost = false;
            self.heard = Instant::now();
        }
        Ok(())
    }

    /// Adds the next record to the batch; says whether anything came in time, be it an error that passes by itself.
    fn poll(&mut self, patience: Duration) -> Result<bool, Error> {
        match self.consumer.poll(patience) {
            None => Ok(false),
            Some(Ok(message)) => {
                let source = place(&self.partitions, self.last, &message);
                if let Some(partition) = self.partitions.get_mut(source)
                    // Not what was on its way when the partitions were given up.
                    && message.offset() >= partition.position
                {
                    partition.position = message.offset() + 1;
                    self.last = source;
                    let headers = partition.headers;
                    copy(&message, source, headers, &mut self.batch);
                }
                Ok(true)
            }
            Some(Err(error)) => self.judge(error).map(|()| true),
        }
    }

    /// Which of a consumer's errors are the caller's: librdkafka gets over the rest by itself, and logs them.
    fn judge(&self, error: KafkaError) -> Result<(), Error> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not named here passes by itself or befalls no consumer"
        )]
        match &error {
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => {
                // It does not say for which partition.
                for partition in &self.partitions {
                    let Partition {
                        full,
                        topic,
                        partition: number,
                        ..
                    } = partition;
                    let bounds = super::watermarks(&self.consumer, full, topic, *number)?;
                    partition.in_range(bounds)?;
                }
                Err(failed("read records")(error))
            }
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::InvalidMessage,
            )
            | KafkaError::MessageConsumptionFatal(_) => Err(failed("read records")(error)),
            _ => Ok(()),
        }
    }

    /// Nobody has asked for a while: what was fetched ahead is dropped, and log lines and statistics are still served.
    ///
    /// (With librdkafka's own pause and resume it was seen not to fetch again.)
    fn idle(&mut self) {
        if self.assigned && self.consumer.unassign().is_ok() {
            self.assigned = false;
        }
        // A record that comes all the same waits in the batch; an error comes again when somebody asks.
        let _ = self.poll(Duration::ZERO);
    }

    /// Replaces a consumer that has lost all brokers when there are some again, for it may never see them (see [`query`]).
    fn revive(&mut self) -> Result<(), Error> {
        self.lost |= self.consumer.context().take_brokers_down();
        if !self.lost && self.heard.elapsed() >= limits::READER_DOUBT_AFTER {
            // A quiet partition and a lost broker look the same.
            self.lost = !self.answers(&self.consumer);
            self.heard = Instant::now();
        }
        if !self.lost || self.revived.elapsed() < limits::PROBE_EVERY {
            return Ok(());
        }
        let fresh = self.origin.create()?;
        let answers = self.answers(&fresh);
        self.revived = Instant::now();
        if !answers {
            return Ok(());
        }
        tracing::info!("a reader goes on with a new consumer after the loss of all brokers");
        self.consumer = fresh;
        self.heard = Instant::now();
        self.lost = false;
        self.assigned = false;
        self.assign()
    }

    fn answers(&self, consumer: &BaseConsumer<Context>) -> bool {
        let topic = self.partitions.first();
        let topic = topic.map(|partition| partition.full.as_str());
        query::answers(consumer.client(), topic)
    }

    /// Takes the partitions, each where it was left.
    fn assign(&mut self) -> Result<(), Error> {
        if self.assigned {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::with_capacity(self.partitions.len());
        for partition in &self.partitions {
            let position = Offset::Offset(partition.position);
            assignment
                .add_partition_offset(&partition.full, partition.native, position)
                .map_err(failed("assign partitions"))?;
        }
        let assigned = self.consumer.assign(&assignment);
        assigned.map_err(failed("assign partitions"))?;
        self.assigned = true;
        Ok(())
    }
}

impl Partition {
    fn in_range(&self, bounds: Bounds) -> Result<(), Error> {
        if (bounds.start..=bounds.end).contains(&self.position) {
            return Ok(());
        }
        Err(Error::OutOfRange {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.position,
            start: bounds.start,
            end: bounds.end,
        })
    }
}

fn place(partitions: &[Partition], last: usize, message: &BorrowedMessage<'_>) -> usize {
    let is_of = |partition: &Partition| {
        partition.native == message.partition() && partition.full == message.topic()
    };
    if partitions.get(last).is_some_and(is_of) {
        return last;
    }
    partitions.iter().position(is_of).unwrap_or(usize::MAX)
}

fn copy(message: &BorrowedMessage<'_>, source: usize, with_headers: bool, batch: &mut RecordBatch) {
    let timestamp = message.timestamp().to_millis().unwrap_or(0);
    let key = message.key().unwrap_or_default();
    batch.begin(
        (source, message.offset(), timestamp),
        key,
        message.payload(),
    );
    if !with_headers {
        return;
    }
    // librdkafka takes them apart only when they are asked for, with an allocation each.
    if let Some(headers) = message.headers() {
        for header in headers.iter() {
            batch.header(header.key, header.value.unwrap_or_default());
        }
    }
}
