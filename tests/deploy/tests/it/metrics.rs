//! What the services show is what the documents, the rules and the dashboards say that they show.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use serde_json::Value;

use crate::{files, stage};

const DOCUMENT: &str = "docs/metrics.md";
const BEGIN: &str = "<!-- table: written by ROLLCALL_BLESS=1 cargo test -p deploy metrics -->\n";

/// A metric as it is scraped.
#[derive(Debug, Clone, Default)]
struct Metric {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

/// By the name that an expression uses: of a counter with `_total`, of a histogram without what is added for its series.
fn shown() -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let (mut helps, mut name) = (BTreeMap::new(), String::new());
    for line in stage::scrape().lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (family, help) = rest.split_once(' ').unwrap();
            helps.insert(family.to_owned(), help.trim_end_matches('.').to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (family, kind) = rest.split_once(' ').unwrap();
            name = match kind {
                "counter" => format!("{family}_total"),
                "info" => format!("{family}_info"),
                _ => family.to_owned(),
            };
            let metric = metrics.entry(name.clone()).or_default();
            kind.clone_into(&mut metric.kind);
            metric.help.clone_from(&helps[family]);
        } else if !line.starts_with('#') {
            let labels = &mut metrics.get_mut(&name).unwrap().labels;
            labels.extend(labels_of(line));
        }
    }
    metrics
}

/// Names of a sample's labels; values hold no quotes here.
fn labels_of(sample: &str) -> Vec<String> {
    let inside = sample
        .split_once('{')
        .and_then(|(_, rest)| rest.rsplit_once('}'));
    let Some((inside, _)) = inside else {
        return Vec::new();
    };
    let names = inside
        .split("\",")
        .filter_map(|pair| pair.split_once("=\""));
    names
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "le")
        .collect()
}

/// What an expression names, by the name under which it is shown.
fn family(word: &str, shown: &BTreeMap<String, Metric>) -> Option<String> {
    let bare = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|end| word.strip_suffix(end))
        .find(|bare| {
            shown
                .get(*bare)
                .is_some_and(|metric| metric.kind == "histogram")
        });
    let name = bare.unwrap_or(word);
    shown.contains_key(name).then(|| name.to_owned())
}

/// Each alert and panel with the words of its expressions.
fn users() -> Vec<(String, BTreeSet<String>)> {
    let mut users: Vec<(String, BTreeSet<String>)> = files::alerts()
        .into_iter()
        .map(|alert| (alert.name, files::metrics_in(&alert.expression)))
        .collect();
    for dashboard in files::dashboards() {
        let text = files::text(&format!(
            "deploy/base/monitoring/dashboards/{dashboard}.json"
        ));
        let board: Value = serde_json::from_str(&text).unwrap();
        let short = dashboard.strip_prefix("rollcall-").unwrap();
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            let targets = panel["targets"].as_array().unwrap().iter();
            let words =
                targets.flat_map(|target| files::metrics_in(target["expr"].as_str().unwrap()));
            users.push((format!("{short}: {title}"), words.collect()));
        }
    }
    users
}

#[test]
fn every_metric_in_a_rule_or_a_panel_is_shown_by_a_running_service() {
    let shown = shown();
    for (user, words) in users() {
        assert!(!words.is_empty(), "{user} looks at no metric of ours");
        for word in words {
            assert!(
                family(&word, &shown).is_some(),
                "{user} wants {word}, which nobody shows"
            );
        }
    }
}

#[test]
fn the_table_of_metrics_says_what_is_shown_and_who_looks_at_it() {
    let shown = shown();
    let mut looked_at: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (user, words) in users() {
        let names: BTreeSet<String> = words
            .iter()
            .filter_map(|word| family(word, &shown))
            .collect();
        for name in names {
            looked_at.entry(name).or_default().push(user.clone());
        }
    }
    let mut table = String::from(
        "| name | type | labels | meaning | alert or panel |\n|---|---|---|---|---|\n",
    );
    for (name, Metric { kind, help, labels }) in &shown {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let users = looked_at
            .get(name)
            .map_or_else(|| "none".to_owned(), |users| users.join("; "));
        writeln!(
            table,
            "| `{name}` | {kind} | {} | {help} | {users} |",
            labels.join(", ")
        )
        .unwrap();
    }

    let text = files::text(DOCUMENT);
    let (before, written) = text
        .split_once(BEGIN)
        .expect("a mark where the table begins");
    if std::env::var_os("ROLLCALL_BLESS").is_some() {
        fs::write(files::path(DOCUMENT), format!("{before}{BEGIN}{table}")).unwrap();
        return;
    }
    assert_eq!(
        written, table,
        "write it anew as the README of this test says"
    );
}
