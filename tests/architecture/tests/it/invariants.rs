//! Each invariant of `docs/architecture.md` names the test that holds it.

use std::collections::BTreeSet;

use crate::sources;

/// An invariant by its number, with the tests its text names.
#[derive(Debug, PartialEq, Eq)]
struct Invariant {
    number: String,
    tests: Vec<String>,
}

/// The numbered items of the section "Invariants". A test is named as "held by `name`";
/// further names in backticks after it, to the end of the line, are tests too.
fn invariants(document: &str) -> Vec<Invariant> {
    let mut found: Vec<Invariant> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            inside = heading
                .trim_start_matches('#')
                .to_lowercase()
                .contains("invariant");
            continue;
        }
        if !inside {
            continue;
        }
        let number = line.split_once(". ").map_or("", |(number, _)| number);
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let tests = Vec::new();
            let number = number.to_owned();
            found.push(Invariant { number, tests });
        }
        if let Some(invariant) = found.last_mut() {
            invariant.tests.extend(tests_named(line));
        }
    }
    found
}

fn tests_named(line: &str) -> Vec<String> {
    let Some((_, after)) = line.split_once("eld by ") else {
        return Vec::new();
    };
    let quoted = after.split('`').skip(1).step_by(2);
    quoted
        .map(|name| name.rsplit("::").next().unwrap_or(name).to_owned())
        .collect()
}

/// The names of all functions marked as tests.
fn test_functions(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            marked |= line.contains("test]") || line.contains("test(");
        } else if line.starts_with("//") {
            // Comments may stand between the mark and the function.
        } else {
            let signature = line.trim_start_matches("pub ").trim_start_matches("async ");
            if let (true, Some(rest)) = (marked, signature.strip_prefix("fn ")) {
                let end = rest.find(['(', '<']).unwrap_or(rest.len());
                found.insert(rest.get(..end).unwrap_or(rest).to_owned());
            }
            // Other attributes may stand in between, over several lines.
            marked &= !line.is_empty() && !signature.contains("fn ");
        }
    }
    found
}

fn all_test_functions() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (path, text) in sources::texts(&sources::root()) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            all.append(&mut test_functions(&text));
        }
    }
    all
}

/// What is wrong with a document's invariants, given the tests there are.
fn problems(document: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let invariants = invariants(document);
    if invariants.is_empty() {
        return vec!["there is no section with numbered invariants".to_owned()];
    }
    let mut problems = Vec::new();
    for Invariant {
        number,
        tests: named,
    } in invariants
    {
        if named.is_empty() {
            problems.push(format!("invariant {number} names no test that holds it"));
        }
        for name in named.iter().filter(|name| !tests.contains(*name)) {
            problems.push(format!("invariant {number} names {name}, which is no test"));
        }
    }
    problems
}

#[test]
fn an_invariant_that_no_test_holds_is_a_problem() {
    let tests = BTreeSet::from(["there".to_owned()]);
    let document = "## Invariants\n1. A. Held by `there`.\n2. B.\n3. C, held by `gone`.\n";
    assert_eq!(
        problems(document, &tests),
        [
            "invariant 2 names no test that holds it",
            "invariant 3 names gone, which is no test",
        ]
    );
    let none = "there is no section with numbered invariants";
    assert_eq!(problems("# Architecture\n", &tests), [none]);
}

#[test]
fn the_tests_an_invariant_names_are_read_from_its_text() {
    let document = "\
# Architecture
1. Not one. Held by `nothing`.
## Invariants
Some words.
1. **One.** Held by `first_test`.
2. **Two**, on a second line
   held by `ingest::it::second_test` and `third_test`.
3. **Three** with `code` and no test.
## Next
4. Not one.
";
    let named = |number: &str, tests: &[&str]| Invariant {
        number: number.to_owned(),
        tests: tests.iter().map(|test| (*test).to_owned()).collect(),
    };
    assert_eq!(
        invariants(document),
        [
            named("1", &["first_test"]),
            named("2", &["second_test", "third_test"]),
            named("3", &[]),
        ]
    );
}

#[test]
fn test_functions_are_found_by_their_mark() {
    let source = "\
#[test]
fn one() {}
    #[tokio::test(flavor = \"multi_thread\")]
    // Why.
    async fn two() {}
#[test]
#[cfg(unix)]
fn three(x in 0..1) {}
#[derive(Debug)]
struct NotOne;
fn not_one() {}
";
    let found: Vec<String> = test_functions(source).into_iter().collect();
    assert_eq!(found, ["one", "three", "two"]);
    assert!(all_test_functions().contains("test_functions_are_found_by_their_mark"));
}

#[test]
fn every_invariant_names_a_test_that_holds_it() {
    let document = std::fs::read_to_string(sources::root().join("docs/architecture.md")).unwrap();
    let problems = problems(&document, &all_test_functions());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
