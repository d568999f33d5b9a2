//! `rollcall groups`: the projection on the command line, as text and as JSON.

use std::time::Duration;

use harness::Process;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    services::{Secrets, Standalone},
    sim::Sim,
    truth,
};

const SOON: Duration = Duration::from_secs(60);

struct Rig {
    sim: Sim,
    standalone: Standalone,
    _dir: TempDir,
}

impl Rig {
    fn start() -> Self {
        let secrets = Secrets::new();
        let sim = Sim::start(31, 8, &secrets);
        let dir = tempfile::tempdir().unwrap();
        let standalone = Standalone::start(dir.path(), &sim, &secrets, "5s");
        truth::await_agreement(&sim, &standalone.queries, SOON);
        Self {
            sim,
            standalone,
            _dir: dir,
        }
    }

    fn command(&self, arguments: &[&str]) -> Process {
        let url = format!("--url={}", self.standalone.queries);
        Process::spawn([&["groups"], arguments, &[url.as_str()]].concat()).unwrap()
    }

    /// Runs to the end, and gives what it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let mut process = self.command(arguments);
        let status = process.wait(SOON).unwrap();
        assert_eq!(
            status.code(),
            Some(0),
            "{arguments:?}: {}",
            process.stderr()
        );
        process.stdout()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--output=json"]].concat());
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        output.lines().map(parse).collect()
    }
}

#[test]
fn groups_are_listed_shown_told_of_and_watched_as_text_and_as_json() {
    let rig = Rig::start();
    let groups = rig.sim.groups();
    let open = groups
        .iter()
        .find(|group| {
            group["join_approval_mode"] == "auto_approve"
                && group["participants"].as_array().unwrap().len() < 8
        })
        .unwrap();
    let id = open["group_id"].as_str().unwrap();

    let listed = rig.json(&["list"]);
    assert_eq!(listed, truth::held(&rig.standalone.queries));
    assert_eq!(listed.len(), groups.len());
    let text = rig.run(&["list"]);
    for group in &groups {
        let line = text
            .lines()
            .find(|line| line.contains(group["group_id"].as_str().unwrap()))
            .unwrap();
        assert!(line.starts_with("active"), "{line}");
        assert!(line.contains(group["subject"].as_str().unwrap()), "{line}");
    }
    assert_eq!(rig.run(&["list", "--existence=gone"]), "");

    watched(&rig, id);
    shown(&rig, id);
    told(&rig, id);
    missing(&rig);
}

fn watched(rig: &Rig, id: &str) {
    let mut all = rig.command(&["watch", "--output=json"]);
    let mut one = rig.command(&["watch", &format!("--group-id={id}")]);
    // A watch begins when it is connected, which shows in the metric.
    harness::await_until(SOON, "two watchers", || {
        (rig.standalone.service.metric("projector_watchers") == 2.0).then_some(())
    })
    .unwrap();
    rig.sim.act("15559990001", "join", &json!({"group_id": id}));
    let line = all
        .await_stdout(SOON, |line| line.contains("15559990001"))
        .unwrap();
    let change: Value = serde_json::from_str(&line).unwrap();
    assert!(change.to_string().contains(id), "{change}");
    one.await_stdout(SOON, |line| line.contains("15559990001"))
        .unwrap();
    one.sigterm().unwrap();
    assert_eq!(one.wait(SOON).unwrap().code(), Some(0));
}

fn shown(rig: &Rig, id: &str) {
    let shown = rig.json(&["show", id]);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["group_id"], id);
    let joined = |person: &&Value| person["wa_id"] == "15559990001";
    assert!(
        shown[0]["participants"]
            .as_array()
            .unwrap()
            .iter()
            .any(|person| joined(&person))
    );
    let text = rig.run(&["show", id]);
    assert!(text.contains(&format!("group_id: {id}\n")), "{text}");
    assert!(text.contains("wa_id=15559990001"), "{text}");
}

fn told(rig: &Rig, id: &str) {
    let history = rig.json(&["history", id]);
    assert!(history.len() >= 2, "{history:?}");
    assert!(
        history[0].to_string().contains("15559990001"),
        "the newest is not first: {history:?}"
    );
    // Newest first, and each the one before the next.
    for pair in history.windows(2) {
        assert_eq!(pair[0]["previous_version"], pair[1]["version"]);
    }
    let text = rig.run(&["history", id]);
    assert_eq!(text.lines().count(), history.len(), "{text}");
}

fn missing(rig: &Rig) {
    let mut process = rig.command(&["show", "no-such-group"]);
    assert_eq!(process.wait(SOON).unwrap().code(), Some(1));
    assert!(process.stderr().contains("404"), "{}", process.stderr());
    let mut nobody = Process::spawn(["groups", "list", "--url=http://127.0.0.1:9"]).unwrap();
    assert_eq!(nobody.wait(SOON).unwrap().code(), Some(1));
    assert!(nobody.stderr().contains("--url"), "{}", nobody.stderr());
}
