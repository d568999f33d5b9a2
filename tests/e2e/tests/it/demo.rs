//! `rollcall demo`: the promise of the first page, shortened.

use std::time::Duration;

use harness::Process;

/// Traffic, a minute to agree, and start and end of a debug binary on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(180);

fn demo(options: &[&str]) -> (Process, Option<i32>) {
    let mut arguments = vec![
        "demo",
        "--webhook-listen=127.0.0.1:0",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
    ];
    arguments.extend(options);
    let mut process = Process::spawn(arguments).unwrap();
    let status = process.wait(ENDS_WITHIN).unwrap();
    (process, status.code())
}

/// The number at the end of the line that begins so.
fn figure(output: &str, name: &str) -> f64 {
    let line = output
        .lines()
        .find(|line| line.trim_start().starts_with(name))
        .unwrap_or_else(|| panic!("no line {name:?} in\n{output}"));
    line.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn the_demo_finds_what_was_lost_and_ends_well() {
    let (process, status) = demo(&[
        "--for=20s",
        "--groups=50",
        "--lose=0.05",
        "--duplicate=0.1",
        "--delay=2s",
    ]);
    let output = process.stdout();
    assert_eq!(status, Some(0), "{output}\n{}", process.stderr());
    for name in [
        "sent",
        "lost on purpose",
        "duplicated",
        "differences found",
        "groups repaired",
        "seconds until agreement",
    ] {
        assert!(figure(&output, name) > 0.0, "{name} in\n{output}");
    }
    assert!(output.contains("agree on all "), "{output}");
    let progress = output
        .lines()
        .filter(|line| line.contains("groups agree"))
        .count();
    assert!(progress >= 10, "no progress was printed:\n{output}");
}

#[test]
fn the_demo_without_a_reconciler_ends_badly_and_names_the_groups_that_differ() {
    let (process, status) = demo(&[
        "--for=8s",
        "--groups=20",
        "--rate=40",
        "--lose=0.5",
        "--duplicate=0",
        "--delay=1s",
        "--list-every=0",
    ]);
    let output = process.stdout();
    assert_eq!(status, Some(1), "{output}\n{}", process.stderr());
    assert!(figure(&output, "lost on purpose") > 0.0, "{output}");
    let named: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("differs: "))
        .collect();
    assert!(!named.is_empty(), "{output}");
    for line in named {
        let (group, fields) = line.split_once("  ").unwrap();
        assert!(!group.is_empty() && !fields.is_empty(), "{line}");
    }
    assert!(
        process.stderr().contains("groups differ"),
        "{}",
        process.stderr()
    );
}
