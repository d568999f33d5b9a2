use std::collections::BTreeMap;

use super::{Change, Cleanup, Problem, TopicSpec, TopicState, check, plan};

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
    other.settings.insert("retention.ms".into(), "31".into());
    let specs = [spec("a"), spec("b"), spec("c")];
    let found = [Some(as_asked()), Some(other), None];
    assert_eq!(
        lines(&check(&specs, &found, false)),
        [
            "b has 6 partitions where 12 are asked for: all topics need the same number, which only `rollcall generation raise` changes",
            "b has retention.ms \"31\" where \"30\" is asked for: run `rollcall topics apply`",
            "b has replication 1 where 3 is the least: reassign its partitions, or pass --allow-unreplicated",
            "b has min.insync.replicas 1 where 2 is the least: run `rollcall topics apply`, or pass --allow-unreplicated",
            "c is missing: run `rollcall topics apply`",
        ]
    );
    assert_eq!(check(&specs, &found, true).len(), 3);
}

#[test]
fn a_plan_creates_what_is_missing_and_changes_what_differs_and_keeps_the_rest() {
    let mut found = as_asked();
    found.settings.insert("segment.ms".into(), "1".into());
    found
        .overrides
        .insert("max.message.bytes".into(), "9".into());
    let plan = plan(&[spec("a"), spec("b")], &[Some(found), None], 3);
    assert_eq!(
        plan.to_string(),
        "configure a: segment.ms \"1\" -> \"24\"\n\
         create b: 12 partitions, replication 3, cleanup.policy=compact,delete, delete.retention.ms=25, \
         min.compaction.lag.ms=6, min.insync.replicas=2, retention.ms=30, segment.ms=24\n"
    );
    let Change::Configure { all, .. } = &plan.changes[0] else {
        panic!("{plan}");
    };
    assert_eq!(all.get("max.message.bytes").map(String::as_str), Some("9"));
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
