//! What an operator sees of the comparison with Meta: the plan of a dry run, a pass on demand, pause and resume, agreement.

use std::{collections::BTreeSet, path::Path, time::Duration};

use harness::{Process, await_until};
use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    http,
    services::{Secrets, Service, Standalone},
    sim::Sim,
    truth,
};

const SOON: Duration = Duration::from_secs(120);

/// The number of every simulator.
const NUMBER: &str = "300000000000001";

/// A standalone with a lag of one second that lists once an hour: what happens, happens because it is asked for.
struct Rig {
    sim: Sim,
    service: Service,
    queries: Url,
}

impl Rig {
    fn start(dir: &Path, sim: Sim, secrets: &Secrets) -> Self {
        let arguments = Standalone::arguments(dir, &sim.url, secrets, "1h");
        // The last one counts.
        let arguments: Vec<String> = arguments
            .into_iter()
            .filter(|argument| !argument.starts_with("--api-lag"))
            .chain(["--api-lag=1s".to_owned()])
            .collect();
        let mut service = Service::start(&arguments);
        let queries = service.listening("query API");
        service.await_ready();
        Self {
            sim,
            service,
            queries,
        }
    }

    /// Runs a command to its end; gives what it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let url = format!("--command-url={}", self.queries);
        let mut process = Process::spawn([arguments, &[url.as_str()]].concat()).unwrap();
        let status = process.wait(SOON).unwrap();
        assert_eq!(
            status.code(),
            Some(0),
            "{arguments:?}: {}",
            process.stderr()
        );
        process.stdout()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--output=json"]].concat());
        serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}"))
    }

    /// Groups that the plan would change, or ask whether they live.
    fn repairs(&self) -> BTreeSet<String> {
        let plan = self.json(&["reconcile", "--dry-run"]);
        let steps = plan["numbers"][0]["steps"].as_array().unwrap();
        steps
            .iter()
            .filter(|step| step["step"] != "read")
            .map(|step| step["group_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What somebody else asks of Meta about a subject.
    fn of_meta(&self, path: &str, subject: &str) {
        let body = json!({"messaging_product": "whatsapp", "subject": subject});
        let headers = [
            ("authorization", "Bearer another-tool"),
            ("content-type", "application/json"),
        ];
        let url = self.sim.url.join(path).unwrap();
        let answer = http::post_bytes(url, &headers, body.to_string().into_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn get(&self, path: &str) -> Value {
        http::get(self.queries.join(path).unwrap()).json()
    }
}

#[test]
fn a_dry_run_prints_what_would_be_done_and_two_passes_later_nothing_is_left_to_repair() {
    let secrets = Secrets::new();
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::start(dir.path(), Sim::start(17, 12, &secrets), &secrets);
    truth::await_agreement(&rig.sim, &rig.queries, SOON);
    let paused = rig.run(&["pause", NUMBER]);
    assert!(paused.contains("is paused since"), "{paused}");
    // The one who answered has read it; who is asked now may be a moment behind.
    let is_shown = || (rig.get(&format!("v1/numbers/{NUMBER}"))["paused"] == true).then_some(());
    await_until(SOON, "the pause is shown", is_shown).unwrap();

    // No webhook is sent: the simulator knows no endpoint.
    let renamed = rig.sim.groups()[1]["group_id"].as_str().unwrap().to_owned();
    rig.of_meta(&format!("/{renamed}"), "Renamed");
    rig.of_meta(&format!("/{NUMBER}/groups"), "Brand new");
    let is_new = || {
        let mut groups = rig.sim.groups().into_iter();
        let created = groups.find(|group| group["subject"] == "Brand new")?;
        Some(created["group_id"].as_str().unwrap().to_owned())
    };
    let created = await_until(SOON, "the group is created", is_new).unwrap();

    let drifted = BTreeSet::from([renamed, created]);
    // Meta carries an update out later than it answers, and what is told may be a second old.
    let is_seen = || (rig.repairs() == drifted).then_some(());
    await_until(SOON, "a plan that repairs both", is_seen).unwrap();
    let text = rig.run(&["reconcile", "--dry-run"]);
    println!("{text}");
    assert!(text.contains(&format!("number {NUMBER}")), "{text}");
    for id in &drifted {
        assert!(
            text.lines().any(|line| line.contains(id.as_str())),
            "{id} in\n{text}"
        );
    }
    assert_eq!(rig.repairs(), drifted, "nothing was changed by looking");

    rig.run(&["resume", NUMBER]);
    for _ in 0..2 {
        // On a busy machine the owner may come to it later than it is waited for, which is said.
        let passed = || {
            rig.run(&["reconcile"])
                .contains("proven complete")
                .then_some(())
        };
        await_until(SOON, "a pass that proves the list", passed).unwrap();
    }
    let healed = || rig.repairs().is_empty().then_some(());
    await_until(SOON, "a plan without repairs", healed).unwrap();
    println!("{}", rig.run(&["reconcile", "--dry-run"]));
    let drift = rig.get("v1/agreement")["drift"].clone();
    let found = |kind: &str| {
        let mut kinds = drift.as_array().unwrap().iter();
        kinds.find(|drift| drift["kind"] == kind).unwrap()["found"].clone()
    };
    assert_eq!(
        (found("created"), found("subject")),
        (json!(1), json!(1)),
        "{drift}"
    );
    assert_eq!(rig.run(&["holds", "list"]).trim_end(), "no hold stands");
    assert_eq!(rig.service.stop(), Some(0));
}
