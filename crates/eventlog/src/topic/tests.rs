use std::collections::BTreeMap;

use super::{Change, Cleanup, Growth, Problem, TopicPlan, TopicSpec, TopicState, check};

fn spec(name: &str) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions: 12,
        cleanup: Cleanup::CompactAndDelete { retention_ms: 30 },
        segment_ms: 24,
        delete_retention_ms: 25,
        min_compaction_lag_ms: 6,
    }
}

fn as_asked() -> TopicState {
    let settings = [
        ("cleanup.policy", "delete,compact"),
        ("delete.retention.ms", "25"),
        ("min.compaction.lag.ms", "6"),
        ("min.insync.replicas", "2"),
        ("retention.ms", "30"),
        ("segment.ms", "24"),
    ];
    let settings: BTreeMap<String, String> = settings
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    TopicState {
        partitions: 12,
        replication: 3,
        overrides: settings.clone(),
        settings,
    }
}

/// A plan that adds no partitions.
fn plan(specs: &[TopicSpec], found: &[Option<TopicState>], replication: u32) -> TopicPlan {
    super::plan(specs, found, replication, Growth::Refused)
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn topics_as_asked_have_no_problem_and_no_change() {
    let found = [Some(as_asked())];
    assert_eq!(check(&[spec("a")], &found, false), []);
    let plan = plan(&[spec("a")], &found, 3);
    assert!(plan.is_empty() && plan.problems.is_empty(), "{plan}");
}

#[test]
fn every_problem_is_a_line_that_says_what_to_do() {
    let mut other = as_asked();
    other.partitions = 6;
    other.replication = 1;
    other
        .settings
        .insert("min.insync.replicas".into(), "1".into());
    for (name, value) in [
        ("cleanup.policy", "delete"),
        ("delete.retention.ms", "24"),
        ("max.message.bytes", "1000"),
        ("message.timestamp.type", "LogAppendTime"),
        ("min.compaction.lag.ms", "5"),
        ("retention.bytes", "1000000"),
        ("retention.ms", "31"),
        ("segment.ms", "25"),
        ("unclean.leader.election.enable", "true"),
    ] {
        other.settings.insert(name.into(), value.into());
    }
    let mut third = as_asked();
    third
        .settings
        .insert("min.insync.replicas".into(), "4".into());
    // Most have 12, though the first has 6.
    let specs = [spec("b"), spec("a"), spec("c"), spec("d")];
    let found = [Some(other), Some(as_asked()), None, Some(third)];
    assert_eq!(
        lines(&check(&specs, &found, false)),
        [
            "b has 6 partitions where 12 are asked for: all topics need the same number; `rollcall topics apply --grow` adds partitions, after which the generation must be raised",
            "b has cleanup.policy delete where compact,delete is asked for (the last record of every key must stay until it is old): run `rollcall topics apply`",
            "b has retention.ms 31 where 30 is asked for (with less, records go that a service which was away has not read; with more, personal data stays longer than promised): run `rollcall topics apply`",
            "b has segment.ms 25 where at most 24 is asked for (only closed segments are cleaned up, so records stay longer than promised): run `rollcall topics apply`",
            "b has delete.retention.ms 24 where at least 25 is asked for (a reader that was away for half of it relies on seeing every tombstone): run `rollcall topics apply`",
            "b has min.compaction.lag.ms 5 where at least 6 is asked for (a reader that is no further behind relies on seeing every record): run `rollcall topics apply`",
            "b has unclean.leader.election.enable true where false is asked for (a replica that is behind may take the lead, and acknowledged records are lost): run `rollcall topics apply`",
            "b has message.timestamp.type LogAppendTime where CreateTime is asked for (the time of a record is what its writer gives): run `rollcall topics apply`",
            "b has max.message.bytes 1000 where at least 1048588 is asked for (the largest records are refused for good): run `rollcall topics apply`",
            "b has retention.bytes 1000000 where -1 is asked for (records must go by age alone, for how many there are says nothing about who has read them): run `rollcall topics apply`",
            "b has replication 1 where 3 is the least: reassign its partitions, or pass --allow-unreplicated",
            "b has min.insync.replicas 1 where 2 is the least: run `rollcall topics apply`, or pass --allow-unreplicated",
            "c is missing: run `rollcall topics apply`",
            "d has min.insync.replicas 4 and replication 3, so that no record is ever acknowledged: run `rollcall topics apply`",
        ]
    );
    assert_eq!(
        check(&specs, &found, true).len(),
        lines(&check(&specs, &found, false)).len() - 2
    );
}

#[test]
fn what_may_be_more_or_less_is_no_problem_and_is_left_alone() {
    let mut found = as_asked();
    for (name, value) in [
        ("delete.retention.ms", "26"),
        ("max.message.bytes", "2000000"),
        ("message.timestamp.type", "CreateTime"),
        ("min.compaction.lag.ms", "7"),
        ("retention.bytes", "-1"),
        ("segment.ms", "23"),
        ("unclean.leader.election.enable", "false"),
    ] {
        found.settings.insert(name.into(), value.into());
    }
    assert_eq!(check(&[spec("a")], &[Some(found.clone())], false), []);
    assert!(plan(&[spec("a")], &[Some(found)], 3).is_empty());
}

#[test]
fn a_new_topic_gets_the_partitions_of_those_that_are_there() {
    let mut found = as_asked();
    found.partitions = 6;
    let plan = plan(&[spec("a"), spec("b")], &[Some(found), None], 3);
    assert!(
        matches!(plan.changes[..], [Change::Create { partitions: 6, .. }]),
        "{plan}"
    );
    assert_eq!(plan.problems.len(), 1, "{plan}");
}

#[test]
fn a_topic_that_takes_no_records_is_mended() {
    let mut found = as_asked();
    found
        .settings
        .insert("min.insync.replicas".into(), "4".into());
    let plan = plan(&[spec("a")], &[Some(found)], 3);
    assert_eq!(
        plan.to_string(),
        "configure a: min.insync.replicas \"4\" -> \"2\"\n"
    );
}

#[test]
fn a_plan_creates_what_is_missing_and_changes_what_differs_and_keeps_the_rest() {
    let mut found = as_asked();
    found.settings.insert("segment.ms".into(), "25".into());
    found
        .overrides
        .insert("min.cleanable.dirty.ratio".into(), "0.1".into());
    let plan = plan(&[spec("a"), spec("b")], &[Some(found), None], 3);
    assert_eq!(
        plan.to_string(),
        "configure a: segment.ms \"25\" -> \"24\"\n\
         create b: 12 partitions, replication 3, cleanup.policy=compact,delete, delete.retention.ms=25, \
         min.compaction.lag.ms=6, min.insync.replicas=2, retention.ms=30, segment.ms=24\n"
    );
    let Change::Configure { all, .. } = &plan.changes[0] else {
        panic!("{plan}");
    };
    let kept = all.get("min.cleanable.dirty.ratio");
    assert_eq!(kept.map(String::as_str), Some("0.1"));
    assert_eq!(all.get("segment.ms").map(String::as_str), Some("24"));
}

#[test]
fn a_plan_names_what_it_cannot_change() {
    let mut found = as_asked();
    found.partitions = 6;
    found.replication = 2;
    let plan = plan(&[spec("a")], &[Some(found)], 3);
    assert!(plan.is_empty());
    assert_eq!(plan.problems.len(), 2, "{plan}");
}

#[test]
fn topics_grow_only_where_that_is_asked_for_and_never_shrink() {
    let with = |partitions| {
        let mut found = as_asked();
        found.partitions = partitions;
        Some(found)
    };
    let specs = ["a", "b", "c", "d"].map(spec);
    let found = [with(6), None, with(12), with(24)];
    let refused = plan(&specs, &found, 3);
    assert!(!refused.grows(), "{refused}");
    let grown = super::plan(&specs, &found, 3, Growth::Wanted);
    assert!(grown.grows());
    let said = grown.to_string();
    let said: Vec<&str> = said.lines().collect();
    let [grow, create, cannot] = said[..] else {
        panic!("{grown}");
    };
    assert_eq!(grow, "grow a: partitions 6 -> 12");
    assert!(create.starts_with("create b: 12 partitions, "), "{create}");
    assert!(
        cannot.starts_with("cannot change: d has 24 partitions where 12 are asked for"),
        "{cannot}"
    );
}
