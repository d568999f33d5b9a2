//! What must not stand in any file that is kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Directories with nothing that is kept.
const NOT_KEPT: [&str; 3] = [".git", "node_modules", "target"];

/// Standard modules that do IO, read a clock or make threads: not for `domain`.
const NOT_PURE: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "thread", "time"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every text file under `directory`.
pub(crate) fn texts(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if NOT_KEPT.contains(&name.as_str()) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push((path, text));
            }
        }
    }
    texts
}

/// The directory of a person or of a build machine in `line`, if there is one.
fn machine_path(line: &str) -> Option<&'static str> {
    // In two parts, so that this file does not find itself.
    const HOMES: [(&str, &str); 4] = [
        ("/ho", "me/"),
        ("/ro", "ot/"),
        ("/Us", "ers/"),
        ("/wo", "rk/"),
    ];
    const NAMES: [&str; 4] = ["home", "root", "Users", "work"];
    for ((start, end), name) in HOMES.into_iter().zip(NAMES) {
        let pattern = format!("{start}{end}");
        for (place, _) in line.match_indices(&pattern) {
            let before = line
                .get(..place)
                .and_then(|before| before.chars().next_back());
            // In the middle of a path it is a directory of ours, or a route.
            let inside = before.is_some_and(|c| c.is_alphanumeric() || "_-./}~".contains(c));
            if !inside {
                return Some(name);
            }
        }
    }
    None
}

/// A use of a standard module that is not pure, in a line of code.
fn impure(line: &str) -> Option<&'static str> {
    let code = line.split("//").next().unwrap_or_default();
    NOT_PURE.into_iter().find(|module| {
        code.match_indices(&format!("std::{module}"))
            .any(|(place, found)| {
                let after = code.get(place + found.len()..).unwrap_or_default();
                !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
    })
}

#[test]
fn no_file_names_a_directory_of_one_machine() {
    let texts = texts(&root());
    assert!(texts.len() > 50, "the sources were not found");
    let mut found = Vec::new();
    for (path, text) in &texts {
        for (line, number) in text.lines().zip(1..) {
            if let Some(name) = machine_path(line) {
                found.push(format!("{}:{number}: a path in {name}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_domain_takes_no_io_no_clock_and_no_thread_from_the_standard_library() {
    let texts = texts(&root().join("crates/domain/src"));
    assert!(!texts.is_empty());
    let mut found = Vec::new();
    for (path, text) in &texts {
        // Its tests may print how many orders they tried.
        if path
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
        {
            continue;
        }
        for (line, number) in text.lines().zip(1..) {
            if let Some(module) = impure(line) {
                found.push(format!("{}:{number}: std::{module}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_the_searches_look_for_is_found() {
    for line in [
        "cd /ho#me/x",
        "\"/ro#ot/.cargo\"",
        "(/wo#rk/a)",
        "path=/Us#ers/b",
    ] {
        assert!(machine_path(&line.replace('#', "")).is_some(), "{line}");
    }
    for line in [
        "GET /v1/work/x",
        "tests/root/",
        "${X}/home/",
        "a homework/",
        "/working/x",
    ] {
        assert_eq!(machine_path(line), None, "{line}");
    }
    assert_eq!(impure("use std::fs;"), Some("fs"));
    assert_eq!(
        impure("    let at = std::time::SystemTime::UNIX_EPOCH;"),
        Some("time")
    );
    assert_eq!(impure("use std::fmt; // not std::fs"), None);
    assert_eq!(impure("use std::iterator;"), None);
}

/// A queue or a wait without a limit, in a line of code.
fn unbounded(line: &str) -> Option<&'static str> {
    // In two parts, so that this file does not find itself.
    const WORDS: [(&str, &str); 4] = [
        ("unbounded_", "channel"),
        ("unbounded_", "send"),
        ("Timeout::", "Never"),
        ("to_", "bytes(body, usize::MAX"),
    ];
    const NAMES: [&str; 4] = [
        "an unbounded channel",
        "an unbounded send",
        "a wait for ever",
        "an unbounded body",
    ];
    let code = line.split("//").next().unwrap_or_default();
    WORDS
        .into_iter()
        .zip(NAMES)
        .find(|((start, end), _)| code.contains(&format!("{start}{end}")))
        .map(|(_, name)| name)
}

#[test]
fn no_queue_is_unbounded_and_every_service_names_its_limits() {
    let crates = root().join("crates");
    let mut found = Vec::new();
    for (path, text) in texts(&crates) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = text.lines().enumerate();
            found.extend(lines.filter_map(|(line, code)| {
                Some(format!(
                    "{}:{}: {}",
                    path.display(),
                    line + 1,
                    unbounded(code)?
                ))
            }));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    for name in [
        "chassis",
        "eventlog",
        "graph",
        "ingest",
        "projector",
        "reconciler",
        "simulator",
    ] {
        let limits = crates.join(name).join("src/limits.rs");
        let text = fs::read_to_string(&limits).unwrap();
        assert!(
            text.contains("pub const") || text.contains("pub(crate) const"),
            "{}",
            limits.display()
        );
    }
    assert_eq!(
        unbounded(&format!("let (tx, rx) = mpsc::unbounded_{}();", "channel")),
        Some("an unbounded channel")
    );
}
