//! Membership in a consumer group: one consumer on a thread of its own, which never fetches.
//!
//! The consumer subscribes, is told by the group what it holds, and has every partition paused from the first moment.
//! Like every client here it is replaced when it has lost Kafka (see [`query`]), and after an error that it cannot go on after.

mod context;

use std::{
    sync::Arc,
    thread,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::RDKafkaErrorCode,
};

use super::{config, context::Told, query, refused};
use crate::{
    error::{Cause, Error},
    limits,
    membership::{Assignment, JoinOptions, Shared},
};

use context::MemberContext;

type Consumer = BaseConsumer<MemberContext>;

/// What a member's consumer is made of.
pub(super) struct Origin {
    pub(super) common: ClientConfig,
    pub(super) topics: Vec<String>,
    pub(super) options: JoinOptions,
    pub(super) told: Told,
    pub(super) shared: Arc<Shared>,
}

impl Origin {
    fn check(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        if self.topics.is_empty() {
            problems.push(format!(
                "a member of {} without topics",
                self.shared.group()
            ));
        }
        let instance = self.options.instance.as_deref().unwrap_or("-");
        if instance.is_empty()
            || instance.len() > limits::INSTANCE_BYTES_MAX
            || !config::is_topic_text(instance)
        {
            problems.push(format!(
                "--instance-id {instance:?}: 1 to {} letters, digits, `.`, `_` and `-`",
                limits::INSTANCE_BYTES_MAX
            ));
        }
        let timeout = self.options.session_timeout;
        if !(limits::SESSION_TIMEOUT_MIN..=limits::SESSION_TIMEOUT_MAX).contains(&timeout) {
            problems.push(format!(
                "a session time-out of {timeout:?}; it takes {:?} to {:?}",
                limits::SESSION_TIMEOUT_MIN,
                limits::SESSION_TIMEOUT_MAX
            ));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::Config { problems })
    }

    fn create(&self) -> Result<Consumer, Error> {
        let context = MemberContext::new(
            Arc::clone(&self.shared),
            self.options.session_timeout,
            &self.told,
        );
        let group = format!("{}{}", self.told.prefix, self.shared.group());
        let config = config::member(&self.common, &group, &self.options);
        config.create_with_context(context).map_err(refused)
    }

    fn subscribe(&self, consumer: &Consumer) -> Result<(), Error> {
        let full: Vec<String> = self
            .topics
            .iter()
            .map(|topic| format!("{}{topic}", self.told.prefix))
            .collect();
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        let subscribed = consumer.subscribe(&full);
        subscribed.map_err(super::failed("subscribe to topics"))
    }
}

/// Starts a member's thread, which ends soon after the last handle is gone.
pub(super) fn start(origin: Origin) -> Result<JoinHandle<()>, Error> {
    origin.check()?;
    let consumer = origin.create()?;
    origin.subscribe(&consumer)?;
    let mut member = Member {
        origin,
        consumer: Some(consumer),
        began: Instant::now(),
        probed: Instant::now(),
        committed: Instant::now(),
        doubtful: false,
        pause: limits::MEMBER_PAUSE_MIN,
        closing: Vec::new(),
    };
    let spawned = thread::Builder::new()
        .name("log-member".into())
        .spawn(move || member.run());
    spawned.map_err(|error| Error::Kafka {
        doing: "start a member's thread",
        source: Cause::new(error),
    })
}

/// The thread's side.
struct Member {
    origin: Origin,
    /// None for a while after an error that it could not go on after.
    consumer: Option<Consumer>,
    /// When the consumer was made, or given up.
    began: Instant,
    probed: Instant,
    committed: Instant,
    /// Whether the consumer has said that it lost all brokers and none has answered it since.
    doubtful: bool,
    /// How long to wait before the next consumer after one that could not go on.
    pause: Duration,
    /// Consumers that were replaced and are on their way out.
    closing: Vec<JoinHandle<()>>,
}

impl Member {
    fn run(&mut self) {
        while !self.origin.shared.left() {
            match self.consumer.take() {
                Some(consumer) => self.consumer = self.turn(consumer),
                None => self.reopen(),
            }
        }
    }

    /// Serves the consumer for a moment; gives it back, or the one to go on with.
    fn turn(&mut self, consumer: Consumer) -> Option<Consumer> {
        consumer.context().turn();
        // What comes of itself are rebalances, commits and log lines, served inside; a record that slipped through is nobody's.
        if let Some(Err(error)) = consumer.poll(limits::READER_LOOK_EVERY) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a member's consumer"
            );
        }
        if let Some((code, reason)) = consumer.client().fatal_error() {
            self.give_up(consumer, code, &reason);
            return None;
        }
        self.commit(&consumer);
        let context = consumer.context();
        self.doubtful |= context.common().take_brokers_down();
        if (self.doubtful || context.outside().is_some())
            && self.probed.elapsed() >= limits::READER_DOUBT_AFTER
        {
            let consumer = self.revive(consumer);
            consumer.context().came_round();
            return Some(consumer);
        }
        Some(consumer)
    }

    fn commit(&mut self, consumer: &Consumer) {
        if self.committed.elapsed() < limits::COMMIT_EVERY {
            return;
        }
        self.committed = Instant::now();
        let Some(due) = consumer.context().due() else {
            return;
        };
        if let Err(error) = consumer.commit(&due, CommitMode::Async) {
            consumer.context().not_committed();
            tracing::debug!(error = &error as &dyn std::error::Error, "commit offsets");
        }
    }

    /// Replaces a consumer that no broker answers by one that is answered, for it may never see them again (see [`query`]).
    fn revive(&mut self, consumer: Consumer) -> Consumer {
        let answers = self.answers(&consumer);
        if answers {
            consumer.context().expire();
            self.doubtful = false;
        } else {
            consumer.context().prolong();
        }
        let outside = consumer.context().outside().unwrap_or_default();
        let fresh = if answers && outside < limits::JOIN_PATIENCE {
            None
        } else {
            self.fresh()
        };
        self.probed = Instant::now();
        let Some(fresh) = fresh else {
            return consumer;
        };
        tracing::info!(
            group = self.origin.shared.group(),
            "a member of a group goes on with a new consumer: the one before had lost all brokers"
        );
        self.doubtful = false;
        self.close(consumer);
        fresh
    }

    /// A consumer that a broker answers, on its way into the group.
    fn fresh(&mut self) -> Option<Consumer> {
        let fresh = self.origin.create().inspect_err(report).ok()?;
        if !self.answers(&fresh) {
            self.close(fresh);
            return None;
        }
        self.origin.subscribe(&fresh).inspect_err(report).ok()?;
        self.began = Instant::now();
        Some(fresh)
    }

    fn answers(&self, consumer: &Consumer) -> bool {
        let topic = self.origin.topics.first();
        let topic = topic.map(|topic| format!("{}{topic}", self.origin.told.prefix));
        query::answers(consumer.client(), topic.as_deref())
    }

    /// Lets go of a consumer that cannot go on.
    fn give_up(&mut self, consumer: Consumer, code: RDKafkaErrorCode, reason: &str) {
        let group = self.origin.shared.group();
        if self.began.elapsed() > limits::MEMBER_PAUSE_MAX {
            self.pause = limits::MEMBER_PAUSE_MIN;
        }
        if code == RDKafkaErrorCode::FencedInstanceId {
            // Who took the place holds the partitions.
            self.origin.shared.show(&Assignment::default());
            // At once would throw the other out in turn.
            self.pause = self.pause.max(self.origin.options.session_timeout);
            let instance = self.origin.options.instance.as_deref().unwrap_or_default();
            tracing::error!(
                group,
                instance,
                retry_after_s = self.pause.as_secs(),
                "another process has joined group {group} with the same --instance-id {instance}: give each its own; this one holds no partition meanwhile"
            );
        } else {
            tracing::error!(
                group,
                ?code,
                retry_after_s = self.pause.as_secs(),
                "a member of group {group} met an error that its consumer cannot go on after: {reason}"
            );
        }
        self.began = Instant::now();
        self.close(consumer);
    }

    /// Makes a consumer again when it is time.
    fn reopen(&mut self) {
        if self.began.elapsed() < self.pause {
            thread::sleep(limits::READER_LOOK_EVERY);
            return;
        }
        self.pause = (2 * self.pause).min(limits::MEMBER_PAUSE_MAX);
        self.began = Instant::now();
        self.probed = Instant::now();
        let opened = self.origin.create().and_then(|consumer| {
            self.origin.subscribe(&consumer)?;
            Ok(consumer)
        });
        self.consumer = opened.inspect_err(report).ok();
    }

    /// Closes a consumer beside: librdkafka waits without limit for a commit that is on its way to a broker that hangs.
    fn close(&mut self, consumer: Consumer) {
        consumer.context().retire();
        self.closing.retain(|closing| !closing.is_finished());
        let close = thread::Builder::new().name("log-member-end".into());
        match close.spawn(move || drop(consumer)) {
            Ok(closing) => self.closing.push(closing),
            // The consumer was closed here, then.
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "start a thread");
            }
        }
    }
}

impl Drop for Member {
    /// Takes leave, unless the member has an instance.
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.close(consumer);
        }
        let until = Instant::now() + limits::CLOSE_TIMEOUT;
        while self.closing.iter().any(|closing| !closing.is_finished()) {
            if Instant::now() > until {
                tracing::warn!(
                    group = self.origin.shared.group(),
                    "a member's consumer does not close, for no broker answers; it ends with the process"
                );
                return;
            }
            thread::sleep(limits::POLL_EVERY);
        }
    }
}

fn report(error: &Error) {
    tracing::error!(error = error as &dyn std::error::Error, "join a group");
}
