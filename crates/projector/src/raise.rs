//! Raising the generation: after partitions were added, topics made again, or a backup restored.
//!
//! All projectors stand still. The state topics are read to their ends, and then, in this order and each awaited:
//!
//! 1. for each state topic: every state whose partition is another under the present number of partitions is published to that one,
//!    with the same bytes;
//! 2. then it gets a tombstone wherever else it lies;
//! 3. when all topics are done, progress of the new generation is written for each partition of each input.
//!
//! A crash after any append, and running it again, ends the same.
//! A state is removed from one place only when it is durable in the other; until then it lies in both, at the same position,
//! and the second run takes the one that lies right and removes the other.
//! Until progress of the new generation is there, no projector leads: the old progress names another number of partitions or another log.
//! If progress was written for some partitions only, the second run finds that generation and takes the next one.
//!
//! What a state says is not touched, its position neither: that is of an older generation, and so below every position to come.
//! A state may leave a partition with a gap for one without, so the last gap of any partition is written to all.
//!
//! In memory: the key, place and hash of every state of one topic, about 200 bytes each. The states themselves are read again to be moved.

mod error;
mod read;
mod standing;
mod write;

use std::{collections::BTreeMap, fmt, ops::ControlFlow};

use chassis::{
    CancellationToken, Clock,
    retry::{self, Backoff},
};
use domain::limits::FOLD;
use eventlog::{Bounds, Log};
use wire::{Gap, Progress, digest::Digest, topics::Topic};

pub use self::error::RaiseError;
use self::standing::Standing;
use crate::{
    follow::state_topics,
    limits::{LOG_RETRY_BASE, LOG_RETRY_CAP, RAISE_TRIES},
    metrics::Input,
    run::GROUP,
};

/// Both inputs, in the order in which their state topics are worked on.
const INPUTS: [Input; 2] = [Input::Events, Input::Receipts];

/// How to raise the generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RaiseOptions {
    /// Events that were not folded may be skipped: a gap is recorded, and everything verified before counts as unverified.
    pub accepts_gap: bool,
    /// Find out everything, and append nothing.
    pub is_dry_run: bool,
}

/// Something that was just done; `Display` is a line for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RaiseStep {
    /// A state topic was read to its end.
    Read {
        /// State topic, without prefix.
        topic: &'static str,
        /// States that it holds.
        states: u64,
    },
    /// States are durable in their new partitions.
    Moved {
        /// State topic, without prefix.
        topic: &'static str,
        /// How many by this append.
        states: usize,
    },
    /// Their tombstones are durable in the old ones.
    Removed {
        /// State topic, without prefix.
        topic: &'static str,
        /// How many by this append.
        states: usize,
    },
    /// Progress of the new generation is durable.
    Written {
        /// Input, without prefix.
        topic: &'static str,
        /// Its partition.
        partition: u32,
    },
}

impl fmt::Display for RaiseStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { topic, states } => write!(f, "{topic}: {states} states read"),
            Self::Moved { topic, states } => write!(f, "{topic}: {states} states moved"),
            Self::Removed { topic, states } => {
                write!(f, "{topic}: {states} removed from where they were")
            }
            Self::Written { topic, partition } => {
                write!(f, "{topic}/{partition}: progress written")
            }
        }
    }
}

/// What was done, or in a dry run would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The generation before.
    pub from: u32,
    /// The generation from now on.
    pub to: u32,
    /// Partitions of every topic.
    pub partitions: u32,
    /// Of each state topic.
    pub topics: Vec<RaisedTopic>,
    /// Partitions of inputs where events were lost or skipped, a line each.
    pub gaps: Vec<String>,
}

/// What was done to one state topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaisedTopic {
    /// Without prefix.
    pub topic: &'static str,
    /// States that it holds.
    pub states: u64,
    /// States that went to another partition.
    pub moved: u64,
    /// Tombstones left behind.
    pub tombstones: u64,
}

/// Raises the generation; `each` hears of every step and may stop it there, to be run again.
///
/// # Errors
/// See [`RaiseError`]; whatever the error, running it again goes on from there.
pub async fn raise(
    log: Log,
    clock: Clock,
    shutdown: CancellationToken,
    options: RaiseOptions,
    each: &mut (dyn FnMut(RaiseStep) -> ControlFlow<()> + Send),
) -> Result<Raised, RaiseError> {
    let raising = Raising {
        log,
        clock,
        shutdown,
        options,
        partitions: 0,
    };
    raising.run(each).await
}

type Each<'a> = &'a mut (dyn FnMut(RaiseStep) -> ControlFlow<()> + Send);

/// Digests of the partitions of the state topics that have one.
type Digests = BTreeMap<(Topic, u32), Digest>;

struct Raising {
    log: Log,
    clock: Clock,
    shutdown: CancellationToken,
    options: RaiseOptions,
    partitions: u32,
}

impl Raising {
    async fn run(mut self, each: Each<'_>) -> Result<Raised, RaiseError> {
        self.check_stopped().await?;
        self.partitions = self.count_partitions().await?;
        // All of it is looked at before anything is changed.
        let (mut generation, mut fold) = (self.generation_of_changes().await?, FOLD);
        let mut progress: BTreeMap<(Topic, u32), Progress> = BTreeMap::new();
        for topic in INPUTS.iter().flat_map(|input| state_topics(*input)) {
            let found = self.read(*topic).await?;
            let states = found.states.len() as u64;
            let name = topic.name();
            step(
                each,
                RaiseStep::Read {
                    topic: name,
                    states,
                },
            )?;
            generation = generation.max(found.generation);
            for (partition, found) in found.progress {
                fold = fold.max(found.fold);
                progress.insert((*topic, partition), found);
            }
        }
        if progress.is_empty() {
            return Err(RaiseError::NothingFolded);
        }
        let to = generation
            .checked_add(1)
            .ok_or(RaiseError::LastGeneration { generation })?;
        let standings = self.standings(&progress).await?;
        self.check_folded(&standings)?;
        self.check_stopped().await?;
        let (mut topics, mut digests) = (Vec::new(), Digests::new());
        for topic in INPUTS.iter().flat_map(|input| state_topics(*input)) {
            topics.push(self.rekey(*topic, to, &mut digests, each).await?);
        }
        for standing in &standings {
            let gap = last_gap(&standings, &progress, standing.input);
            self.write_progress(standing, (to, fold), gap, &digests, each)
                .await?;
        }
        Ok(Raised {
            from: generation,
            to,
            partitions: self.partitions,
            topics,
            gaps: standings.iter().filter_map(Standing::words).collect(),
        })
    }

    async fn check_stopped(&self) -> Result<(), RaiseError> {
        let members = || self.log.members(GROUP);
        let members = self.tried("ask who leads", Topic::Events, 0, members);
        match members.await? {
            0 => Ok(()),
            members => Err(RaiseError::Running { members }),
        }
    }

    async fn count_partitions(&self) -> Result<u32, RaiseError> {
        let (mut wanted, mut problems) = (None, Vec::new());
        for topic in Topic::ALL {
            if topic == Topic::Quarantine {
                continue;
            }
            let partitions = || self.log.partitions(topic.name());
            let count = self.tried("ask for partitions of", topic, 0, partitions);
            let count = count.await?;
            let wanted = *wanted.get_or_insert(count);
            if count != wanted {
                let (name, first) = (topic.name(), Topic::ALL[0].name());
                problems.push(format!(
                    "{name} has {count} partitions and {first} has {wanted}"
                ));
            }
        }
        match wanted {
            Some(wanted) if problems.is_empty() => Ok(wanted),
            Some(_) | None => Err(RaiseError::Topics { problems }),
        }
    }

    fn check_folded(&self, standings: &[Standing]) -> Result<(), RaiseError> {
        let unfolded = standings.iter().filter(|standing| standing.is_refused());
        let unfolded: Vec<&Standing> = unfolded.collect();
        if self.options.accepts_gap || unfolded.is_empty() {
            return Ok(());
        }
        let place = |standing: &&Standing| format!("{}: {}", standing.place(), standing.skipped);
        Err(RaiseError::Unfolded {
            events: unfolded.iter().map(|standing| standing.skipped).sum(),
            places: unfolded.iter().map(place).collect(),
        })
    }

    /// The partition where a state belongs.
    fn target(&self, key: &[u8]) -> u32 {
        eventlog::partition_of(key, self.partitions)
    }

    async fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, RaiseError> {
        let bounds = || self.log.bounds(topic.name(), partition);
        self.tried("ask for the bounds of", topic, partition, bounds)
            .await
    }

    async fn tried<T, F, Fut>(
        &self,
        doing: &'static str,
        topic: Topic,
        partition: u32,
        operation: F,
    ) -> Result<T, RaiseError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, eventlog::Error>>,
    {
        let backoff = Backoff {
            base: LOG_RETRY_BASE,
            cap: LOG_RETRY_CAP,
            tries_max: Some(RAISE_TRIES),
        };
        let class = crate::logs::class;
        let done = retry::retry(&self.clock, &self.shutdown, backoff, class, operation).await;
        done.map_err(|error| match error {
            retry::Error::Stopped { .. } => RaiseError::Stopped,
            retry::Error::Permanent { source }
            | retry::Error::Bug { source }
            | retry::Error::Exhausted { source, .. } => RaiseError::Log {
                doing,
                topic: topic.name(),
                partition,
                source,
            },
        })
    }
}

fn step(each: Each<'_>, step: RaiseStep) -> Result<(), RaiseError> {
    match each(step) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RaiseError::Stopped),
    }
}

/// The last gap of any partition of an input: a state may come from any of them.
fn last_gap(
    standings: &[Standing],
    progress: &BTreeMap<(Topic, u32), Progress>,
    input: Input,
) -> Option<Gap> {
    let earlier = progress
        .iter()
        .filter(|((topic, _), _)| state_topics(input).contains(topic))
        .filter_map(|(_, progress)| progress.gap);
    let new = standings
        .iter()
        .filter(|standing| standing.input == input)
        .filter_map(|standing| standing.gap);
    earlier.chain(new).max_by_key(|gap| gap.at)
}
