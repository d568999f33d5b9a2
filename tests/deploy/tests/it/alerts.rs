//! Who is woken by an alert finds what to do, and no alert is there that no test has seen fire.

use std::collections::BTreeSet;

use crate::files;

#[test]
fn every_alert_has_a_section_in_the_runbook_and_every_such_section_an_alert() {
    let text = files::text("docs/operations.md");
    let sections: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### Rollcall"))
        .collect();
    let alerts = files::alerts();
    let named: BTreeSet<&str> = alerts
        .iter()
        .map(|alert| alert.name.strip_prefix("Rollcall").unwrap())
        .collect();
    assert_eq!(sections, named);
    for alert in &alerts {
        let anchor = format!("docs/operations.md#{}", alert.name.to_lowercase());
        assert_eq!(alert.runbook, anchor);
    }
}

#[test]
fn every_section_of_the_runbook_names_tests_that_follow_it_and_that_are_there() {
    let text = files::text("docs/operations.md");
    let tests = files::rust_of_tests();
    for section in text.split("\n### Rollcall").skip(1) {
        let section = section.split("\n## ").next().unwrap();
        let name = section.lines().next().unwrap();
        let line = section
            .lines()
            .find_map(|line| line.strip_prefix("Followed by: "));
        let line = line.unwrap_or_else(|| panic!("Rollcall{name} names no test"));
        let named = line.split('`').skip(1).step_by(2);
        let mut functions = named.filter(|word| !word.contains('/')).peekable();
        assert!(functions.peek().is_some(), "Rollcall{name}: {line}");
        for function in functions {
            let test = format!("\nfn {function}(");
            assert!(tests.contains(&test), "Rollcall{name}: no test {function}");
        }
    }
}

#[test]
fn every_alert_has_series_for_which_it_fires_and_for_which_it_does_not() {
    let tests = ["deploy/tests/rules.yaml", "deploy/tests/rules-of-days.yaml"];
    let text: String = tests.iter().map(|name| files::text(name)).collect();
    for alert in files::alerts() {
        let name = &alert.name;
        let quiet = format!("alertname: {name}, exp_alerts: []");
        assert!(text.contains(&quiet), "{name} is never seen quiet");
        let fires = format!("alertname: {name}\n        exp_alerts:\n          - exp_labels:");
        assert!(text.contains(&fires), "{name} is never seen to fire");
    }
}
