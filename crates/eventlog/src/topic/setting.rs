//! What is asked of the settings of a topic, and why.

use std::fmt;

use super::{Cleanup, TopicSpec, TopicState};

/// How what is found must compare to what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Neither more nor less nor anything else.
    Exactly,
    /// A number that is no smaller.
    AtLeast,
    /// A number that is no greater.
    AtMost,
}

impl Rule {
    fn holds(self, found: &str, asked: &str) -> bool {
        match self {
            Self::Exactly => is_same(found, asked),
            Self::AtLeast => numbers(found, asked).is_some_and(|(found, asked)| found >= asked),
            Self::AtMost => numbers(found, asked).is_some_and(|(found, asked)| found <= asked),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exactly => "",
            Self::AtLeast => "at least ",
            Self::AtMost => "at most ",
        })
    }
}

/// One setting of a topic that is not as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's name of it.
    pub name: &'static str,
    /// What it is.
    pub found: String,
    /// What it must be, or what bounds it.
    pub asked: String,
    /// How the two must compare.
    pub rule: Rule,
    /// What goes wrong otherwise.
    pub why: &'static str,
}

/// What must hold of one setting.
pub(super) struct Wanted {
    pub(super) name: &'static str,
    pub(super) value: String,
    rule: Rule,
    why: &'static str,
    /// Whether it is Kafka's own default, which need not be said when a topic is made:
    /// some providers forbid to name these settings at all.
    pub(super) is_default: bool,
}

/// Bytes of a batch of records that every broker takes by default: our largest record with its framing fits in.
const MESSAGE_BYTES: &str = "1048588";

/// Everything that a topic needs.
pub(super) fn wanted(spec: &TopicSpec) -> Vec<Wanted> {
    let mut all = cleanup(spec);
    all.extend(defaults(spec));
    all
}

/// When records go, which follows from what the topic is for.
fn cleanup(spec: &TopicSpec) -> Vec<Wanted> {
    use Rule::{AtLeast, AtMost, Exactly};

    let want = |name, rule, value: String, why| Wanted {
        name,
        value,
        rule,
        why,
        is_default: false,
    };
    let kept = match spec.cleanup {
        Cleanup::Delete { .. } => "every record must stay until it is old",
        Cleanup::Compact => "the last record of every key must stay for good",
        Cleanup::CompactAndDelete { .. } => {
            "the last record of every key must stay until it is old"
        }
    };
    let policy = spec.cleanup.policy().to_owned();
    let mut all = vec![want("cleanup.policy", Exactly, policy, kept)];
    if let Some(retention_ms) = spec.cleanup.retention_ms() {
        all.push(want(
            "retention.ms",
            Exactly,
            retention_ms.to_string(),
            "with less, records go that a service which was away has not read; with more, personal data stays longer than promised",
        ));
    }
    all.push(want(
        "segment.ms",
        AtMost,
        spec.segment_ms.to_string(),
        "only closed segments are cleaned up, so records stay longer than promised",
    ));
    if spec.cleanup.compacts() {
        all.push(want(
            "delete.retention.ms",
            AtLeast,
            spec.delete_retention_ms.to_string(),
            "a reader that was away for half of it relies on seeing every tombstone",
        ));
        all.push(want(
            "min.compaction.lag.ms",
            AtLeast,
            spec.min_compaction_lag_ms.to_string(),
            "a reader that is no further behind relies on seeing every record",
        ));
    }
    all
}

/// What Kafka does of itself, and somebody may have changed for the topic or the whole cluster.
fn defaults(spec: &TopicSpec) -> Vec<Wanted> {
    let want = |name, rule, value: &str, why| Wanted {
        name,
        value: value.to_owned(),
        rule,
        why,
        is_default: true,
    };
    let mut all = vec![
        want(
            "unclean.leader.election.enable",
            Rule::Exactly,
            "false",
            "a replica that is behind may take the lead, and acknowledged records are lost",
        ),
        want(
            "message.timestamp.type",
            Rule::Exactly,
            "CreateTime",
            "the time of a record is what its writer gives",
        ),
        want(
            "max.message.bytes",
            Rule::AtLeast,
            MESSAGE_BYTES,
            "the largest records are refused for good",
        ),
    ];
    if spec.cleanup.retention_ms().is_some() {
        all.push(want(
            "retention.bytes",
            Rule::Exactly,
            "-1",
            "records must go by age alone, for how many there are says nothing about who has read them",
        ));
    }
    all
}

/// The settings that are not as asked.
pub(super) fn differences(spec: &TopicSpec, state: &TopicState) -> Vec<Setting> {
    let mut differences = Vec::new();
    for wanted in wanted(spec) {
        let found = state.settings.get(wanted.name).cloned();
        // A broker that does not tell of a default has it.
        if found.is_none() && wanted.is_default {
            continue;
        }
        let found = found.unwrap_or_default();
        let Wanted {
            name,
            value,
            rule,
            why,
            ..
        } = wanted;
        if !rule.holds(&found, &value) {
            let asked = value;
            differences.push(Setting {
                name,
                found,
                asked,
                rule,
                why,
            });
        }
    }
    differences
}

/// `compact,delete` is `delete,compact`.
fn is_same(found: &str, asked: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        parts.sort();
        parts
    };
    parts(found) == parts(asked)
}

fn numbers(found: &str, asked: &str) -> Option<(i128, i128)> {
    Some((found.parse().ok()?, asked.parse().ok()?))
}
