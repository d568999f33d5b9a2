//! The files that are compared.

use std::{collections::BTreeSet, fs, path::PathBuf};

/// A file of the workspace, by its path from the root.
pub fn path(name: &str) -> PathBuf {
    harness::workspace().join(name)
}

/// Its text.
pub fn text(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust of the end-to-end tests.
pub fn rust_of_tests() -> String {
    let mut places = vec![path("tests/e2e/tests/it")];
    let mut text = String::new();
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// The rules, which are also a Kubernetes resource.
pub const RULES: &str = "deploy/base/monitoring/rules.yaml";

/// Names of the dashboards, which are their files' too.
pub fn dashboards() -> Vec<String> {
    let dir = fs::read_dir(path("deploy/base/monitoring/dashboards")).unwrap();
    let names = dir.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .map(|name| name.strip_suffix(".json").unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

/// An alert: its name, and its expression over however many lines it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub name: String,
    pub expression: String,
    pub runbook: String,
}

/// All alerts, in their order.
pub fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut is_expression = false;
    for line in text(RULES).lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push(Alert {
                name: name.to_owned(),
                expression: String::new(),
                runbook: String::new(),
            });
        }
        let Some(alert) = alerts.last_mut() else {
            continue;
        };
        if let Some(first) = line.strip_prefix("expr: ") {
            is_expression = true;
            alert.expression.push_str(first);
        } else if let Some(runbook) = line.strip_prefix("runbook: ") {
            runbook.clone_into(&mut alert.runbook);
        } else if line.starts_with("for: ") || line.starts_with("labels: ") {
            is_expression = false;
        } else if is_expression {
            alert.expression.push(' ');
            alert.expression.push_str(line);
        }
    }
    assert!(alerts.iter().all(|alert| !alert.expression.is_empty()));
    alerts
}

/// Words of a `PromQL` expression that begin as Rollcall's metrics do.
pub fn metrics_in(expression: &str) -> BTreeSet<String> {
    let prefixes = [
        "eventlog_",
        "ingest_",
        "process_",
        "projector_",
        "reconciler_",
        "rollcall_",
        "tls_",
    ];
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
        .map(ToOwned::to_owned)
        .collect()
}
