//! `tests/vectors`: records and the fold's view, for readers in other languages to be held to.
//!
//! After a wanted change: `ROLLCALL_BLESS=1 cargo test -p wire vectors`, and read the difference.

mod fold;
mod records;

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Compares with a file of `tests/vectors`, or writes it where that was asked for.
fn check(name: &str, vectors: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(name);
    let text = serde_json::to_string_pretty(vectors).unwrap() + "\n";
    if std::env::var_os("ROLLCALL_BLESS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let stored = fs::read_to_string(&file).unwrap();
    assert!(
        text == stored,
        "{name} is not what the code says: {}",
        first_difference(&text, &stored)
    );
}

/// The first line in which they differ: whole files are too long to be read in a failure.
fn first_difference(ours: &str, stored: &str) -> String {
    let pairs = ours.lines().zip(stored.lines()).zip(1..);
    for ((ours, stored), line) in pairs {
        if ours != stored {
            return format!("line {line} is\n{stored}\nand must be\n{ours}");
        }
    }
    "one of them is longer".to_owned()
}

/// A JSON answer of ours, as a value.
fn json(answer: impl serde::Serialize) -> Value {
    serde_json::to_value(answer).unwrap()
}
