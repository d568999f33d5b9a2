//! What topics must be like, what they are like, and the way from one to the other.

mod setting;

use std::{collections::BTreeMap, fmt};

pub use setting::{Rule, Setting};

/// What a topic must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name without prefix, such as `events.v1`.
    pub name: String,
    /// Partitions that it is created with.
    pub partitions: u32,
    /// When its records go.
    pub cleanup: Cleanup,
    /// `segment.ms`: how old a segment gets before a new one begins; only closed segments are cleaned up.
    pub segment_ms: u64,
    /// `delete.retention.ms`: how long a tombstone stays in a compacted topic.
    pub delete_retention_ms: u64,
    /// `min.compaction.lag.ms`: how long every record stays before compaction may remove it.
    pub min_compaction_lag_ms: u64,
}

/// When records go: `cleanup.policy` and `retention.ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// When they are this old.
    Delete {
        /// Age in milliseconds, counted from the record's timestamp.
        retention_ms: u64,
    },
    /// When a later record has the same key.
    Compact,
    /// When either holds.
    CompactAndDelete {
        /// Age in milliseconds, counted from the record's timestamp.
        retention_ms: u64,
    },
}

impl Cleanup {
    /// Whether only the last record of a key is kept.
    #[must_use]
    pub fn compacts(self) -> bool {
        match self {
            Self::Delete { .. } => false,
            Self::Compact | Self::CompactAndDelete { .. } => true,
        }
    }

    /// The age at which records go, if they do.
    #[must_use]
    pub fn retention_ms(self) -> Option<u64> {
        match self {
            Self::Delete { retention_ms } | Self::CompactAndDelete { retention_ms } => {
                Some(retention_ms)
            }
            Self::Compact => None,
        }
    }

    fn policy(self) -> &'static str {
        match self {
            Self::Delete { .. } => "delete",
            Self::Compact => "compact",
            Self::CompactAndDelete { .. } => "compact,delete",
        }
    }
}

/// Replicas that must be in sync, from which on a record is safe though one of them is lost.
const MIN_INSYNC_REPLICAS: u32 = 2;
/// Replicas that leave [`MIN_INSYNC_REPLICAS`] when one is away.
const REPLICATION: u32 = 3;

/// Kafka's name of the setting that [`MIN_INSYNC_REPLICAS`] is about.
const MIN_INSYNC: &str = "min.insync.replicas";

impl TopicSpec {
    /// The settings that a topic is made with, by Kafka's names.
    pub(crate) fn settings(&self) -> BTreeMap<&'static str, String> {
        setting::wanted(self)
            .into_iter()
            .filter(|wanted| !wanted.is_default)
            .map(|wanted| (wanted.name, wanted.value))
            .collect()
    }
}

/// What a topic is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicState {
    /// Its partitions.
    pub partitions: u32,
    /// Replicas of the partition that has fewest; 1 on the local log.
    pub replication: u32,
    /// What holds for it, by Kafka's names, wherever it is set.
    pub settings: BTreeMap<String, String>,
    /// What is set on the topic itself; a change must keep what it does not change.
    pub(crate) overrides: BTreeMap<String, String>,
}

impl TopicState {
    fn min_insync(&self) -> u32 {
        let value = self.settings.get(MIN_INSYNC);
        value.and_then(|value| value.parse().ok()).unwrap_or(1)
    }

    /// What it must be changed to, where a record can never be acknowledged or is not safe once it is.
    fn min_insync_asked(&self) -> Option<u32> {
        let asked = in_sync(self.replication);
        let found = self.min_insync();
        (found < asked || found > self.replication).then_some(asked)
    }
}

/// Something about the topics that a service cannot run with; `Display` is one line with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not there.
    Missing {
        /// The topic.
        topic: String,
    },
    /// Its partitions are not as many as another's, or as the specification's.
    Partitions {
        /// The topic.
        topic: String,
        /// Its partitions.
        found: u32,
        /// How many there must be.
        asked: u32,
    },
    /// A setting is not as asked.
    Setting {
        /// The topic.
        topic: String,
        /// What differs.
        setting: Setting,
    },
    /// A broker that is lost for good may take records with it.
    Replication {
        /// The topic.
        topic: String,
        /// Its replicas.
        found: u32,
    },
    /// An acknowledged record may be on one broker only.
    InSync {
        /// The topic.
        topic: String,
        /// Its `min.insync.replicas`.
        found: u32,
    },
    /// No record can ever be acknowledged.
    Unwritable {
        /// The topic.
        topic: String,
        /// Its `min.insync.replicas`.
        found: u32,
        /// Its replicas.
        replication: u32,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { topic } => {
                write!(f, "{topic} is missing: run `rollcall topics apply`")
            }
            Self::Partitions {
                topic,
                found,
                asked,
            } => write!(
                f,
                "{topic} has {found} partitions where {asked} are asked for: all topics need the same number; `rollcall topics apply --grow` adds partitions, after which the generation must be raised"
            ),
            Self::Setting { topic, setting } => write!(
                f,
                "{topic} has {} {} where {}{} is asked for ({}): run `rollcall topics apply`",
                setting.name, setting.found, setting.rule, setting.asked, setting.why
            ),
            Self::Replication { topic, found } => write!(
                f,
                "{topic} has replication {found} where {REPLICATION} is the least: reassign its partitions, or pass --allow-unreplicated"
            ),
            Self::InSync { topic, found } => write!(
                f,
                "{topic} has {MIN_INSYNC} {found} where {MIN_INSYNC_REPLICAS} is the least: run `rollcall topics apply`, or pass --allow-unreplicated"
            ),
            Self::Unwritable {
                topic,
                found,
                replication,
            } => write!(
                f,
                "{topic} has {MIN_INSYNC} {found} and replication {replication}, so that no record is ever acknowledged: run `rollcall topics apply`"
            ),
        }
    }
}

/// What to change about the topics, and what no change of ours can put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// What stays wrong.
    pub problems: Vec<Problem>,
}

impl TopicPlan {
    /// Whether there is nothing to change; there may be problems all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether partitions are added to a topic, after which positions mean something else and the generation must be raised.
    #[must_use]
    pub fn grows(&self) -> bool {
        self.changes.iter().any(|change| match change {
            Change::Grow { .. } => true,
            Change::Create { .. } | Change::Configure { .. } => false,
        })
    }
}

impl fmt::Display for TopicPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for problem in &self.problems {
            writeln!(f, "cannot change: {problem}")?;
        }
        Ok(())
    }
}

/// One change to a topic; `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Create {
        /// The topic.
        topic: String,
        /// Its partitions.
        partitions: u32,
        /// Its replicas.
        replication: u32,
        /// Its settings, by Kafka's names.
        settings: BTreeMap<String, String>,
    },
    /// Partitions are added to it.
    Grow {
        /// The topic.
        topic: String,
        /// Its partitions.
        found: u32,
        /// How many it has afterwards.
        asked: u32,
    },
    /// Its settings are changed.
    Configure {
        /// The topic.
        topic: String,
        /// What changes.
        settings: Vec<Setting>,
        /// All that is set on the topic afterwards: Kafka forgets what an alteration leaves out.
        all: BTreeMap<String, String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create {
                topic,
                partitions,
                replication,
                settings,
            } => {
                write!(
                    f,
                    "create {topic}: {partitions} partitions, replication {replication}"
                )?;
                for (name, value) in settings {
                    write!(f, ", {name}={value}")?;
                }
                Ok(())
            }
            Self::Grow {
                topic,
                found,
                asked,
            } => write!(f, "grow {topic}: partitions {found} -> {asked}"),
            Self::Configure {
                topic, settings, ..
            } => {
                write!(f, "configure {topic}:")?;
                for (index, setting) in settings.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let Setting {
                        name, found, asked, ..
                    } = setting;
                    write!(f, "{comma} {name} {found:?} -> {asked:?}")?;
                }
                Ok(())
            }
        }
    }
}

/// What a service cannot run with.
pub(crate) fn check(
    specs: &[TopicSpec],
    found: &[Option<TopicState>],
    allow_unreplicated: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let asked = common_partitions(found);
    for (spec, state) in specs.iter().zip(found) {
        let topic = spec.name.clone();
        let Some(state) = state else {
            problems.push(Problem::Missing { topic });
            continue;
        };
        if let Some(asked) = asked
            && state.partitions != asked
        {
            problems.push(Problem::Partitions {
                topic: topic.clone(),
                found: state.partitions,
                asked,
            });
        }
        for setting in setting::differences(spec, state) {
            let topic = topic.clone();
            problems.push(Problem::Setting { topic, setting });
        }
        if state.min_insync() > state.replication {
            problems.push(Problem::Unwritable {
                topic: topic.clone(),
                found: state.min_insync(),
                replication: state.replication,
            });
        }
        if !allow_unreplicated {
            problems.extend(unreplicated(&topic, state));
        }
    }
    problems
}

/// The number of partitions that most topics have, and the first of them if that is undecided.
fn common_partitions(found: &[Option<TopicState>]) -> Option<u32> {
    let counts: Vec<u32> = found
        .iter()
        .flatten()
        .map(|state| state.partitions)
        .collect();
    let times = |count: u32| counts.iter().filter(|other| **other == count).count();
    // The last of several that are greatest is taken.
    counts
        .iter()
        .rev()
        .copied()
        .max_by_key(|count| times(*count))
}

fn unreplicated(topic: &str, state: &TopicState) -> Vec<Problem> {
    let mut problems = Vec::new();
    if state.replication < REPLICATION {
        problems.push(Problem::Replication {
            topic: topic.to_owned(),
            found: state.replication,
        });
    }
    if state.min_insync() < MIN_INSYNC_REPLICAS {
        problems.push(Problem::InSync {
            topic: topic.to_owned(),
            found: state.min_insync(),
        });
    }
    problems
}

/// Whether a plan may add partitions to topics that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    Refused,
    Wanted,
}

/// What would make the topics as asked.
pub(crate) fn plan(
    specs: &[TopicSpec],
    found: &[Option<TopicState>],
    replication: u32,
    growth: Growth,
) -> TopicPlan {
    let mut plan = TopicPlan::default();
    // Whatever is asked for, a new topic must fit those that are there; those that grow fit the new one.
    let partitions = match growth {
        Growth::Refused => common_partitions(found),
        Growth::Wanted => None,
    };
    for (spec, state) in specs.iter().zip(found) {
        let Some(state) = state else {
            let partitions = partitions.unwrap_or(spec.partitions);
            plan.changes.push(create(spec, partitions, replication));
            continue;
        };
        if growth == Growth::Wanted && state.partitions < spec.partitions {
            plan.changes.push(Change::Grow {
                topic: spec.name.clone(),
                found: state.partitions,
                asked: spec.partitions,
            });
        } else if state.partitions != spec.partitions {
            plan.problems.push(Problem::Partitions {
                topic: spec.name.clone(),
                found: state.partitions,
                asked: spec.partitions,
            });
        }
        if state.replication < replication {
            plan.problems.push(Problem::Replication {
                topic: spec.name.clone(),
                found: state.replication,
            });
        }
        plan.changes.extend(configure(spec, state));
    }
    plan
}

fn create(spec: &TopicSpec, partitions: u32, replication: u32) -> Change {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in spec.settings() {
        settings.insert(name.to_owned(), value);
    }
    settings.insert(MIN_INSYNC.to_owned(), in_sync(replication).to_string());
    Change::Create {
        topic: spec.name.clone(),
        partitions,
        replication,
        settings,
    }
}

fn configure(spec: &TopicSpec, state: &TopicState) -> Option<Change> {
    let mut settings = setting::differences(spec, state);
    if let Some(asked) = state.min_insync_asked() {
        settings.push(Setting {
            name: MIN_INSYNC,
            found: state.min_insync().to_string(),
            asked: asked.to_string(),
            rule: Rule::Exactly,
            why: "an acknowledged record must be on two brokers, and one of three may be away",
        });
    }
    if settings.is_empty() {
        return None;
    }
    let mut all = state.overrides.clone();
    for setting in &settings {
        all.insert(setting.name.to_owned(), setting.asked.clone());
    }
    Some(Change::Configure {
        topic: spec.name.clone(),
        settings,
        all,
    })
}

/// One replica may be away without stopping appends, and a record is on two brokers where it can be.
fn in_sync(replication: u32) -> u32 {
    replication.saturating_sub(1).clamp(1, MIN_INSYNC_REPLICAS)
}

#[cfg(test)]
mod tests;
