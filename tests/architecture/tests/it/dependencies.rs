//! Who may depend on what.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crates under `crates/` and those of them that each may use, in normal and build dependencies.
/// Who is not listed may use none; a new crate has to be entered here.
const OWN: [(&str, &[&str]); 11] = [
    ("chassis", &[]),
    ("consumer", &["domain", "wire"]),
    ("domain", &[]),
    ("eventlog", &[]),
    ("graph", &[]),
    (
        "ingest",
        &["chassis", "domain", "eventlog", "graph", "wire"],
    ),
    ("projector", &["chassis", "domain", "eventlog", "wire"]),
    (
        "reconciler",
        &["chassis", "domain", "eventlog", "graph", "wire"],
    ),
    (
        "rollcall",
        &[
            "chassis",
            "domain",
            "eventlog",
            "graph",
            "ingest",
            "projector",
            "reconciler",
            "simulator",
            "wire",
        ],
    ),
    ("simulator", &[]),
    ("wire", &["domain"]),
];

/// The three services, which no dependency of any kind may join.
const SERVICES: [&str; 3] = ["ingest", "projector", "reconciler"];

/// Foreign crates with the only ones that may use them, and why.
const OWNED: [(&str, &[&str], &str); 10] = [
    (
        "rdkafka",
        &["eventlog"],
        "the log's engine is its own business",
    ),
    (
        "rusqlite",
        &["eventlog"],
        "the log's engine is its own business",
    ),
    (
        "sled",
        &["projector"],
        "sled is a cache of one service, behind a narrow module",
    ),
    (
        "reqwest",
        &["graph", "rollcall", "simulator"],
        "calls leave by the client of Meta's API, or are the command line's",
    ),
    (
        "prost",
        &["wire"],
        "stored bytes are made and read in one place",
    ),
    (
        "prost-build",
        &["wire"],
        "stored bytes are made and read in one place",
    ),
    (
        "protox",
        &["wire"],
        "stored bytes are made and read in one place",
    ),
    (
        "axum",
        &["chassis", "ingest", "projector", "reconciler", "simulator"],
        "HTTP is served by services only",
    ),
    (
        "anyhow",
        &["chassis", "ingest", "projector", "reconciler", "rollcall"],
        "who has to act on an error needs its type; only what runs a process has nobody above",
    ),
    ("crossterm", &["rollcall"], "only the binary has a terminal"),
];

/// All that these crates may use, for they do no IO.
const ONLY: [(&str, &[&str]); 2] = [
    ("consumer", &["domain", "thiserror", "wire"]),
    ("domain", &["compact_str", "thiserror"]),
];

/// What these crates must not use, for they do no IO.
const NEVER: [(&str, &[&str]); 1] = [(
    "wire",
    &[
        "futures",
        "http",
        "hyper",
        "hyper-util",
        "tokio",
        "tokio-stream",
        "tokio-util",
        "tower",
    ],
)];

/// One dependency of a crate under `crates/`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    from: String,
    to: String,
    /// In `crates/` or `tests/`.
    ours: bool,
    dev: bool,
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap()
}

fn edges(metadata: &Metadata) -> Vec<Edge> {
    let crates = metadata.workspace_root.join("crates");
    let mut edges = Vec::new();
    for package in metadata.workspace_packages() {
        if !package.manifest_path.starts_with(&crates) {
            continue;
        }
        for dependency in &package.dependencies {
            edges.push(Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                ours: dependency.path.is_some(),
                dev: dependency.kind == DependencyKind::Development,
            });
        }
    }
    edges
}

fn allowed<'a>(table: &'a [(&str, &[&str])], name: &str) -> Option<&'a [&'a str]> {
    let (_, allowed) = table.iter().find(|(of, _)| *of == name)?;
    Some(allowed)
}

/// Why an edge must not be; `None` if it may.
fn judge(edge: &Edge) -> Option<String> {
    let (from, to) = (edge.from.as_str(), edge.to.as_str());
    if SERVICES.contains(&from) && SERVICES.contains(&to) {
        return Some(format!(
            "{from} uses {to}: services never depend on each other"
        ));
    }
    if edge.dev {
        return None;
    }
    if edge.ours && !allowed(&OWN, from).unwrap_or_default().contains(&to) {
        return Some(format!(
            "{from} uses {to}, which is not on its list of our crates"
        ));
    }
    if let Some(only) = allowed(&ONLY, from)
        && !only.contains(&to)
    {
        return Some(format!(
            "{from} uses {to}, but does no IO and may use only {only:?}"
        ));
    }
    if allowed(&NEVER, from).is_some_and(|never| never.contains(&to)) {
        return Some(format!("{from} uses {to}, but does no IO"));
    }
    let (_, owners, why) = OWNED.iter().find(|(of, _, _)| *of == to)?;
    (!owners.contains(&from)).then(|| format!("{from} uses {to}, only {owners:?} may: {why}"))
}

#[test]
fn every_crate_depends_only_on_what_it_may_know() {
    let metadata = metadata();
    let edges = edges(&metadata);
    assert!(edges.len() > 50, "the manifests were not found");
    let broken: Vec<String> = edges.iter().filter_map(judge).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_crate_has_an_entry_in_the_list_of_who_may_use_whom() {
    let metadata = metadata();
    let crates = metadata.workspace_root.join("crates");
    let mut found: Vec<String> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.starts_with(&crates))
        .map(|package| package.name.to_string())
        .collect();
    found.sort();
    let listed: Vec<&str> = OWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed);
}

#[test]
fn a_dependency_is_named_once_for_all_crates() {
    let manifests = metadata();
    for package in manifests.workspace_packages() {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap();
        let mut in_dependencies = false;
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
        {
            if line.starts_with('[') {
                in_dependencies = line.ends_with("dependencies]");
            } else if in_dependencies && line.contains('=') {
                let shared =
                    line.contains(".workspace = true") || line.contains("workspace = true");
                assert!(
                    shared,
                    "{}: {line}: versions stand in the root",
                    package.name
                );
            }
        }
    }
}

#[test]
fn the_judge_refuses_what_the_design_forbids() {
    let edge = |from: &str, to: &str, ours, dev| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        ours,
        dev,
    };
    for (from, to) in [
        ("ingest", "rdkafka"),
        ("projector", "rusqlite"),
        ("ingest", "sled"),
        ("projector", "reqwest"),
        ("eventlog", "prost"),
        ("graph", "axum"),
        ("domain", "tokio"),
        ("domain", "serde"),
        ("wire", "tokio"),
        ("eventlog", "anyhow"),
    ] {
        assert!(
            judge(&edge(from, to, false, false)).is_some(),
            "{from} {to}"
        );
        assert_eq!(judge(&edge(from, to, false, true)), None, "tests may");
    }
    for (from, to) in [
        ("domain", "wire"),
        ("wire", "graph"),
        ("eventlog", "chassis"),
        ("graph", "domain"),
        ("chassis", "eventlog"),
        ("simulator", "graph"),
        ("projector", "graph"),
        ("ingest", "harness"),
        ("newcomer", "domain"),
    ] {
        assert!(judge(&edge(from, to, true, false)).is_some(), "{from} {to}");
    }
    for dev in [true, false] {
        assert!(judge(&edge("ingest", "projector", true, dev)).is_some());
    }
    assert_eq!(judge(&edge("eventlog", "rdkafka", false, false)), None);
    assert_eq!(judge(&edge("reconciler", "simulator", true, true)), None);
}
