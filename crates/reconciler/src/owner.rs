//! Which numbers this instance keeps: a number belongs to the instance that holds its key's partition of `numbers.v1`.
//!
//! The consumer group on that topic decides; there is no other lock. Two owners for a moment cost calls, never truth:
//! what they append says of which second it is.

use chassis::CancellationToken;
use eventlog::{Assignment, JoinOptions, Log, Membership};
use tokio::sync::watch;
use wire::topics::Topic;

use crate::args::Member;

/// Name of the consumer group.
const GROUP: &str = "rollcall-reconciler";

/// Membership in the group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    membership: Membership,
}

/// What the group says of one number.
#[derive(Debug)]
pub(crate) struct Title {
    partition: u32,
    assignment: watch::Receiver<Assignment>,
    /// Leaving the group is what dropping the last one does.
    _membership: Membership,
}

impl Group {
    /// Joins; on the local log everything is held from the first moment.
    pub(crate) fn join(log: &Log, member: &Member) -> Result<Self, eventlog::Error> {
        let Member {
            instance_id,
            session_timeout,
        } = member;
        let options = JoinOptions {
            instance: instance_id.clone(),
            session_timeout: *session_timeout,
        };
        Ok(Self {
            membership: log.join(GROUP, &[Topic::Numbers.name()], options)?,
        })
    }

    /// The title to a number, whose key lies in `partition`.
    pub(crate) fn title(&self, partition: u32) -> Title {
        Title {
            partition,
            assignment: self.membership.assignment(),
            _membership: self.membership.clone(),
        }
    }
}

impl Title {
    /// Resolves when the number belongs to this instance.
    pub(crate) async fn gained(&mut self) {
        self.until(true).await;
    }

    /// Resolves when it belongs to another, or to nobody that is known.
    pub(crate) async fn lost(&mut self) {
        self.until(false).await;
    }

    async fn until(&mut self, is_held: bool) {
        let (topic, partition) = (Topic::Numbers.name(), self.partition);
        let told = self
            .assignment
            .wait_for(|assignment| assignment.holds(topic, partition) == is_held);
        if told.await.is_err() {
            // The group is left, which the process' end is the reason for.
            std::future::pending::<()>().await;
        }
    }
}

/// Runs `keep` whenever the number belongs to this instance, until shutdown; `keep` ends when its token is cancelled.
pub(crate) async fn run<F>(
    mut title: Title,
    shutdown: CancellationToken,
    mut keep: impl FnMut(CancellationToken) -> F,
) -> Result<(), eventlog::Error>
where
    F: Future<Output = Result<(), eventlog::Error>>,
{
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = title.gained() => {}
        }
        let stop = shutdown.child_token();
        let mut keeping = std::pin::pin!(keep(stop.clone()));
        tokio::select! {
            biased;
            ended = &mut keeping => return ended,
            () = title.lost() => {
                stop.cancel();
                keeping.await?;
            }
        }
        if shutdown.is_cancelled() {
            return Ok(());
        }
    }
}
