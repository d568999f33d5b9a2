//! `--help` is the reference of all settings, so it is kept as text beside this file.
//!
//! After a wanted change: `ROLLCALL_BLESS=1 cargo test -p e2e help`, and read the difference.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["standalone"],
    &["ingest"],
    &["projector"],
    &["reconciler"],
    &["simulator"],
    &["topics"],
    &["topics", "plan"],
    &["topics", "apply"],
    &["generation"],
    &["generation", "raise"],
    &["digest"],
    &["digest", "compare"],
    &["groups"],
    &["groups", "list"],
    &["groups", "show"],
    &["groups", "history"],
    &["groups", "explain"],
    &["groups", "watch"],
    &["group"],
    &["group", "create"],
    &["group", "update"],
    &["group", "delete"],
    &["group", "invite-link"],
    &["group", "invite-link", "get"],
    &["group", "invite-link", "reset"],
    &["group", "invite-link", "revoke"],
    &["group", "send-invite"],
    &["group", "send"],
    &["group", "pin"],
    &["group", "unpin"],
    &["group", "participants"],
    &["group", "participants", "remove"],
    &["group", "join-requests"],
    &["group", "join-requests", "list"],
    &["group", "join-requests", "approve"],
    &["group", "join-requests", "reject"],
    &["request"],
    &["request", "show"],
    &["reconcile"],
    &["holds"],
    &["holds", "list"],
    &["holds", "release"],
    &["quarantine"],
    &["quarantine", "list"],
    &["quarantine", "show"],
    &["quarantine", "replay"],
    &["export"],
    &["erase"],
    &["pause"],
    &["resume"],
];

fn directory() -> PathBuf {
    harness::workspace().join("tests/e2e/tests/it/help")
}

fn help(command: &[&str]) -> String {
    let output = Command::new(harness::binary().unwrap())
        .args(command)
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}");
    // Lines end where the text ends, whatever clap fills up with.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn file_name(command: &[&str]) -> String {
    let name = [&["rollcall"], command].concat().join("-");
    format!("{name}.txt")
}

fn first_difference<'t>(agreed: &'t str, now: &'t str) -> Option<(&'t str, &'t str)> {
    let (mut agreed, mut now) = (agreed.lines(), now.lines());
    loop {
        match (agreed.next(), now.next()) {
            (None, None) => return None,
            (agreed, now) if agreed == now => {}
            (agreed, now) => {
                return Some((agreed.unwrap_or("(the end)"), now.unwrap_or("(the end)")));
            }
        }
    }
}

#[test]
fn the_help_of_every_command_is_what_was_agreed() {
    let bless = std::env::var_os("ROLLCALL_BLESS").is_some();
    for command in COMMANDS {
        let path = directory().join(file_name(command));
        let now = help(command);
        if bless {
            fs::write(&path, &now).unwrap();
        }
        let agreed = fs::read_to_string(&path).unwrap_or_default();
        if let Some((agreed, now)) = first_difference(&agreed, &now) {
            panic!("{}: {agreed:?} is now {now:?}; see help.rs", path.display());
        }
    }
    let known: BTreeSet<String> = COMMANDS.iter().map(|command| file_name(command)).collect();
    for entry in fs::read_dir(directory()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is the help of no command");
    }
}

#[test]
fn every_command_that_help_names_has_its_help_agreed() {
    for command in COMMANDS {
        let text = help(command);
        let Some((_, listed)) = text.split_once("\nCommands:\n") else {
            continue;
        };
        let listed = listed.lines().take_while(|line| !line.is_empty());
        let names = listed
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next());
        for name in names.filter(|name| *name != "help") {
            let whole = [command, [name].as_slice()].concat();
            assert!(
                COMMANDS.contains(&whole.as_slice()),
                "{whole:?} is not in COMMANDS"
            );
        }
    }
}
