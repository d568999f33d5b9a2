//! What librdkafka tells a member: what it holds, and what became of its commits.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use crate::{
    kafka::context::{Context, Told},
    limits,
    membership::{Assignment, Shared},
    metrics::ClientKind,
};

/// The context of a member's consumer.
pub(super) struct MemberContext {
    common: Context,
    shared: Arc<Shared>,
    prefix: String,
    session_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// What librdkafka holds.
    held: Assignment,
    /// Since when the group has not said what this member holds; none once it has, be it nothing.
    outside: Option<Instant>,
    /// Since when the handles see what was held before a loss.
    kept: Option<Instant>,
    /// When the thread last came round.
    turned: Instant,
    /// When the thread came round later than a session allows.
    stalled: Option<Instant>,
    /// Since when a commit is on its way.
    committing: Option<Instant>,
    /// Whether the consumer is on its way out, and nothing of it is shown any more.
    retired: bool,
}

impl MemberContext {
    pub(super) fn new(shared: Arc<Shared>, session_timeout: Duration, told: &Told) -> Self {
        let kept = (!shared.shown().is_empty()).then(Instant::now);
        Self {
            common: Context::new(ClientKind::Member, told),
            shared,
            prefix: told.prefix.clone(),
            session_timeout,
            state: Mutex::new(State {
                held: Assignment::default(),
                outside: Some(Instant::now()),
                kept,
                turned: Instant::now(),
                stalled: None,
                committing: None,
                retired: false,
            }),
        }
    }

    pub(super) fn common(&self) -> &Context {
        &self.common
    }

    /// How long the group has not said what this member holds; none once it has, be it nothing.
    pub(super) fn outside(&self) -> Option<Duration> {
        self.state().outside.map(|since| since.elapsed())
    }

    /// From now on nothing of this consumer is shown.
    pub(super) fn retire(&self) {
        self.state().retired = true;
    }

    /// Notes that the thread came round.
    pub(super) fn turn(&self) {
        let mut state = self.state();
        if state.turned.elapsed() >= self.session_timeout / 2 {
            state.stalled = Some(Instant::now());
        }
        state.turned = Instant::now();
    }

    /// Notes that the thread came round after something that it knew would take time.
    pub(super) fn came_round(&self) {
        self.state().turned = Instant::now();
    }

    /// What was held before a loss is kept for longer: no broker answers.
    pub(super) fn prolong(&self) {
        let mut state = self.state();
        state.kept = state.kept.map(|_| Instant::now());
    }

    /// What was held before a loss is given up when brokers have answered for a session time-out and the group gave nothing new.
    pub(super) fn expire(&self) {
        let mut state = self.state();
        if state
            .kept
            .is_some_and(|kept| kept.elapsed() >= self.session_timeout)
        {
            state.kept = None;
            self.shared.show(&state.held);
        }
    }

    /// The offsets to commit now, if there are any and none are on their way.
    pub(super) fn due(&self) -> Option<TopicPartitionList> {
        let mut state = self.state();
        let on_their_way = |since: Instant| since.elapsed() < limits::DELIVERY_TIMEOUT;
        if state.committing.is_some_and(on_their_way) {
            return None;
        }
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in self.shared.noted() {
            if state.held.holds(&topic, partition)
                && let Ok(native) = i32::try_from(partition)
            {
                let full = format!("{}{topic}", self.prefix);
                let offset = Offset::Offset(offset);
                offsets.add_partition_offset(&full, native, offset).ok()?;
            }
        }
        if offsets.count() == 0 {
            return None;
        }
        state.committing = Some(Instant::now());
        Some(offsets)
    }

    /// Nothing is on its way after all.
    pub(super) fn not_committed(&self) {
        self.state().committing = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions of a list, without prefix, with their offsets where nothing went wrong with them.
    fn named(&self, list: &TopicPartitionList) -> Vec<(String, u32, Option<Offset>)> {
        let mut named = Vec::new();
        for element in list.elements() {
            let topic = element.topic();
            let topic = topic.strip_prefix(self.prefix.as_str()).unwrap_or(topic);
            if let Ok(partition) = u32::try_from(element.partition()) {
                let offset = element.error().is_ok().then(|| element.offset());
                named.push((topic.to_owned(), partition, offset));
            }
        }
        named
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let mut state = self.state();
        for (topic, partition, ..) in self.named(list) {
            state.held.insert(&topic, partition);
        }
        state.outside = None;
        state.kept = None;
        if !state.retired {
            self.shared.show(&state.held);
        }
    }

    fn revoked(&self, list: &TopicPartitionList, lost: bool) {
        let mut state = self.state();
        for (topic, partition, ..) in self.named(list) {
            state.held.remove(&topic, partition);
        }
        if state.retired {
            return;
        }
        if lost {
            state.outside = Some(Instant::now());
            if !state.was_away(self.session_timeout) {
                state.kept = Some(Instant::now());
                return;
            }
        }
        self.shared.show(&state.held);
    }
}

impl State {
    /// Whether this process was held still for so long that others may have been given what it held.
    fn was_away(&self, session_timeout: Duration) -> bool {
        // The thread may still be inside of the turn in which that befell it.
        self.turned.elapsed() >= session_timeout / 2
            || self
                .stalled
                .is_some_and(|stalled| stalled.elapsed() < session_timeout)
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.common.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.common.stats(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That a paused partition has no records where it stands concerns nobody.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AutoOffsetReset) {
            self.common.error(error, reason);
        }
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        self.shared.rebalanced();
        let done = if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // A given offset spares the question for a committed one, and paused nothing is fetched from it.
            let assigned = list
                .set_all_offsets(Offset::Offset(0))
                .and_then(|()| consumer.incremental_assign(list))
                .and_then(|()| consumer.pause(list));
            self.assigned(list);
            assigned
        } else {
            // Whoever leads is told first.
            self.revoked(list, consumer.assignment_lost());
            consumer.incremental_unassign(list)
        };
        if let Err(error) = done {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, group = self.shared.group(), "a rebalance");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.state().committing = None;
        if let Err(error) = result {
            // Mostly a rebalance; what is noted is tried again.
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, group = self.shared.group(), "commit offsets");
            return;
        }
        for (topic, partition, offset) in self.named(offsets) {
            if let Some(Offset::Offset(offset)) = offset {
                self.shared.committed(&topic, partition, offset);
            }
        }
    }
}

#[cfg(test)]
mod tests;
