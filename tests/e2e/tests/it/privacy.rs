//! What is held of a person is printed on demand, and of nobody else; and it is dropped once they are in no group.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use harness::{Broker, await_until};
use reqwest::Url;
use serde_json::{Value, json};

use crate::{http, operator, stage::Stage, truth};

const WITHIN: Duration = Duration::from_secs(120);

/// Who asks to know, and to be forgotten.
const WHO: &str = "15550266666";

/// Types a command about that person; its exit status, and what it printed.
fn about(stage: &Stage, dir: &Path, command: &str) -> (Option<i32>, String) {
    let command = format!(
        r#"rollcall {command} --person-file person --kafka-brokers "$BROKERS" --topic-prefix {}"#,
        stage.prefix
    );
    let done = operator::types(&command, &stage.broker.bootstrap(), dir);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(!said.contains(WHO), "{said}");
    (done.status.code(), String::from_utf8(done.stdout).unwrap())
}

/// Groups of which an export has a state.
fn groups_of(export: &str) -> BTreeSet<String> {
    let lines = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_groups = lines.filter(|line| line["topic"] == "groups.v1");
    of_groups
        .map(|line| line["holds"]["group_id"].as_str().unwrap().to_owned())
        .collect()
}

/// All identifiers of everybody else.
fn others(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(id) if name == "wa_id" || name == "user_id" => {
                        into.insert(id.to_owned());
                    }
                    Some(_) | None => others(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| others(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_explained(queries: &Url, group: &str) -> bool {
    let path = format!("/v1/groups/{group}/explain");
    http::get(queries.join(&path).unwrap()).text().contains(WHO)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn a_person_is_exported_alone_and_erased_from_groups_that_they_left() {
    let stage = Stage::new(Broker::shared().unwrap(), 131, 12, "privacy.");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("person"), format!("+{WHO}\n")).unwrap();
    let (projector, queries) = stage.projector(&dir.path().join("store"), &[]);
    let (reconciler, _) = stage.reconciler(&[]);
    let (ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(200);
    let mut known = BTreeSet::new();
    others(&stage.sim.state(), &mut known);
    let groups = stage.sim.groups();
    let mut open = groups.iter().filter(|group| {
        let members = group["participants"].as_array().unwrap();
        group["join_approval_mode"] != "approval_required"
            && group["suspended"] != true
            && members.len() < 7
    });
    let mut next = || {
        open.next().unwrap()["group_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (stays, left) = (next(), next());
    for group in [&stays, &left] {
        stage.sim.act(WHO, "join", &json!({"group_id": group}));
    }
    stage.sim.act(WHO, "leave", &json!({"group_id": left}));
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    await_until(WITHIN, "the person to be known", || {
        is_explained(&queries, &stays).then_some(())
    })
    .unwrap();

    let (status, export) = about(&stage, dir.path(), "export");
    assert_eq!(status, Some(0));
    assert!(groups_of(&export).contains(&stays), "{export}");
    assert!(
        export.contains(r#""topic":"changes.v1""#) && export.contains(r#""topic":"events.v1""#)
    );
    let of_others: Vec<&String> = known
        .iter()
        .filter(|id| export.contains(id.as_str()))
        .collect();
    assert!(of_others.is_empty(), "{of_others:?} in {export}");
    println!(
        "{} lines of one person, {} others are not among them",
        export.lines().count(),
        known.len()
    );

    // In a group the person is still in nothing is erased, and that is no success.
    let (status, said) = about(&stage, dir.path(), "erase");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&format!("group {stays}: a member")), "{said}");
    await_until(WITHIN, "the group that was left to forget", || {
        (!is_explained(&queries, &left)).then_some(())
    })
    .unwrap();
    assert!(is_explained(&queries, &stays));
    let (_, export) = about(&stage, dir.path(), "export");
    assert_eq!(groups_of(&export), BTreeSet::from([stays.clone()]));

    stage.sim.act(WHO, "leave", &json!({"group_id": stays}));
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    let (status, said) = about(&stage, dir.path(), "erase --dry-run");
    assert_eq!(
        (status, said.contains("would be erased from")),
        (Some(0), true),
        "{said}"
    );
    let (status, said) = about(&stage, dir.path(), "erase");
    assert_eq!(status, Some(0), "{said}");
    await_until(WITHIN, "every group to forget", || {
        (!is_explained(&queries, &stays)).then_some(())
    })
    .unwrap();
    let (_, export) = about(&stage, dir.path(), "export");
    assert_eq!(groups_of(&export), BTreeSet::new());
    truth::await_agreement(&stage.sim, &queries, WITHIN);
    for service in [ingest, reconciler, projector] {
        assert_eq!(service.stop(), Some(0));
    }
}
