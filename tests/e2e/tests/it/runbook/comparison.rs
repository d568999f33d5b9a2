//! Meta that cannot be compared with, or says other things than the webhooks.

use std::fs;

use harness::{Broker, await_until};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Desk, TOKEN, WITHIN, alerts_on, await_metric, of_number};
use crate::{
    http,
    operator::commands,
    services::{NUMBER, Service},
    sim::Sim,
    stage::Stage,
    truth,
};

/// The address that the runbook has forwarded to the reconciler.
const FORWARDED: &str = "http://127.0.0.1:8082";

struct Rig {
    stage: Stage,
    desk: Desk,
    _store: tempfile::TempDir,
    projector: Service,
    queries: Url,
    ingest: Service,
}

impl Rig {
    fn start(seed: u64, groups: u32, prefix: &str) -> Self {
        let stage = Stage::new(Broker::shared().unwrap(), seed, groups, prefix);
        let (desk, store) = (Desk::new(&stage), tempfile::tempdir().unwrap());
        let (projector, queries) = stage.projector(&store.path().join("store"), &[]);
        let (ingest, webhooks) = stage.ingest(&[]);
        stage.sim.webhook(&webhooks);
        Self {
            stage,
            desk,
            _store: store,
            projector,
            queries,
            ingest,
        }
    }

    fn reconciler(&self, more: &[&str]) -> (Service, Url) {
        let accepts = self.desk.accepts();
        // Prometheus is let in without a token here.
        let more = [&[accepts.as_str(), "--metrics-open"], more].concat();
        let own = self.stage.secrets.reconciler(&self.stage.sim.url, "5s");
        // The last one of an option counts, and is the only one that may be there.
        let named = |option: &String| {
            let name = option.split('=').next().unwrap();
            more.iter().any(|other| other.starts_with(name))
        };
        let own = own.into_iter().filter(|option| !named(option));
        let own: Vec<String> = own.chain(more.iter().map(ToString::to_string)).collect();
        let mut service = self.stage.service("reconciler", &own);
        let commands = service.listening("command API");
        (service, commands)
    }

    /// `rollcall pause` or `rollcall resume`.
    fn types(&self, verb: &str, api: &Url) {
        let command =
            format!("rollcall {verb} {NUMBER} --command-url {api} --api-token-file operator-token");
        self.desk.types(&command);
    }

    fn agrees(&self) {
        truth::await_agreement(&self.stage.sim, &self.queries, WITHIN);
    }

    /// Deletes a group at Meta, as another tool of the business would.
    fn deletes(&self, group: &str) {
        let mut url = self.stage.sim.url.clone();
        url.path_segments_mut().unwrap().pop_if_empty().push(group);
        let headers = [("authorization", "Bearer another-tool")];
        let answer = http::send(Method::DELETE, url, &headers, None).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// The sum of a counter over those of its labels that are so.
fn total(service: &Service, counter: &str, label: &str) -> f64 {
    let metrics = service.metrics();
    let begins = format!("{counter}{{");
    let lines = metrics.lines();
    lines
        .filter(|line| line.starts_with(&begins) && line.contains(label))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Differences that were found, and that lost webhooks had left.
fn found_lost(reconciler: &Service) -> f64 {
    total(
        reconciler,
        "reconciler_drift_found_total",
        r#"cause="lost""#,
    )
}

#[test]
fn a_token_that_meta_refuses_is_replaced_and_the_alarm_ends() {
    let alert = "RollcallTokenRefused";
    let mut rig = Rig::start(101, 4, "token.");
    let path = rig.stage.secrets.access_token.clone();
    let good = rig.desk.path("access-token");
    fs::write(&good, "a new token").unwrap();
    let only = format!("--access-token-file={}", good.display());
    rig.stage.sim = Sim::start_with(101, 4, &rig.stage.secrets, &[&only]);
    let (reconciler, _) = rig.reconciler(&[]);
    let refused = of_number("reconciler_token_refused");
    alerts_on(alert, "reconciler_token_refused");
    await_metric(&reconciler, &refused, |is_refused| is_refused == 1.0);
    fs::copy(&good, &path).unwrap();
    await_metric(&reconciler, &refused, |is_refused| is_refused == 0.0);
    rig.agrees();
    assert!(reconciler.is_ready());
}

#[test]
fn a_list_that_is_not_proven_complete_is_asked_for_by_hand_when_meta_is_back() {
    let alert = "RollcallAgreementUnknown";
    let rig = Rig::start(102, 4, "unknown.");
    let (mut reconciler, commands) = rig.reconciler(&[]);
    reconciler.await_ready();
    rig.agrees();
    let passed = of_number("reconciler_last_list_pass_timestamp_seconds");
    alerts_on(alert, "reconciler_last_list_pass_timestamp_seconds");
    await_metric(&reconciler, &passed, |at| at > 0.0);

    rig.stage.sim.faults(&json!({"api": {"down": true}}));
    // Panels "List passes" and "Refusals" say why.
    let refusals = r#"reconciler_refusals_total{kind="failed"}"#;
    await_metric(&reconciler, refusals, |count| count > 1.0);
    let stuck = reconciler.metric(&passed);
    rig.stage.sim.faults(&json!({"api": {"down": false}}));
    let said = rig.desk.follows(alert, &[(FORWARDED, &commands)], &[]);
    assert!(said.contains("proven complete"), "{said}");
    assert!(reconciler.metric(&passed) > stuck);

    // A number that somebody paused is not compared either, and says so.
    rig.types("pause", &commands);
    let url = rig.queries.join(&format!("/v1/numbers/{NUMBER}")).unwrap();
    let is = |paused: bool| {
        await_until(WITHIN, "the number to tell whether it is paused", || {
            (http::get(url.clone()).json()["paused"] == paused).then_some(())
        })
        .unwrap();
    };
    is(true);
    rig.types("resume", &commands);
    is(false);
    let now = reconciler.metric(&passed);
    await_metric(&reconciler, &passed, |at| at > now);
}

#[test]
fn webhooks_that_are_lost_on_their_way_are_counted_apart_from_what_was_found_by_reading() {
    let alert = "RollcallAgreementLost";
    let rig = Rig::start(103, 8, "lost.");
    let (mut reconciler, _) = rig.reconciler(&[]);
    reconciler.await_ready();
    rig.stage.sim.step(60);
    rig.stage.sim.flush();
    rig.agrees();
    alerts_on(alert, r#"reconciler_drift_found_total{cause="lost"}"#);
    let before = found_lost(&reconciler);
    rig.stage.sim.faults(&json!({"webhooks": {"lose": 1.0}}));
    rig.stage.sim.step(60);
    rig.agrees();
    let lost = await_until(WITHIN, "what was lost to be counted", || {
        let lost = found_lost(&reconciler);
        (lost > before + 10.0).then_some(lost)
    });
    let lost = lost.unwrap();
    // The front's own count of answers is compared with ingest's: what was posted was answered.
    let answered = rig
        .ingest
        .metric(r#"ingest_webhooks_total{method="POST",code="200"}"#);
    assert_eq!(answered, rig.stage.sim.count("posts") as f64);

    rig.stage.sim.faults(&json!({"webhooks": {"lose": 0.0}}));
    rig.stage.sim.step(60);
    rig.stage.sim.flush();
    rig.agrees();
    println!(
        "{before} and {lost} differences for lost webhooks, {} later",
        found_lost(&reconciler)
    );
}

#[test]
fn groups_that_seem_gone_all_at_once_are_listed_and_released_on_the_command_line() {
    let alert = "RollcallHoldWaiting";
    let rig = Rig::start(104, 12, "hold.");
    let (mut reconciler, api) = rig.reconciler(&[]);
    reconciler.await_ready();
    rig.agrees();
    rig.stage.sim.faults(&json!({"webhooks": {"lose": 1.0}}));
    let groups = rig.stage.sim.groups();
    // Nobody looks before all of them are gone.
    rig.types("pause", &api);
    for group in &groups[..9] {
        rig.deletes(group["group_id"].as_str().unwrap());
    }
    rig.types("resume", &api);
    alerts_on(alert, "reconciler_holds");
    await_metric(&reconciler, &of_number("reconciler_holds"), |holds| {
        holds == 1.0
    });

    let [list, release] = commands(&format!("### {alert}"))
        .try_into()
        .unwrap_or_else(|commands| panic!("{commands:?}"));
    let forwarded = |command: &str| command.replace(FORWARDED, api.as_str());
    let shown = rig.desk.types(&forwarded(&list));
    println!("{shown}");
    let id = rig
        .desk
        .types(&format!("{} --output json", forwarded(&list)));
    let hold: Value = serde_json::from_str(&id).unwrap();
    let id = hold["hold_id"].as_str().unwrap();
    assert!(shown.contains(id), "{shown}");
    let deleted = &groups[..9];
    let suspects = hold["suspects"].as_array().unwrap();
    assert!(suspects.len() > 5, "{hold}");
    for suspect in suspects {
        let is_deleted = deleted.iter().any(|group| group["group_id"] == *suspect);
        assert!(
            is_deleted && shown.contains(suspect.as_str().unwrap()),
            "{shown}"
        );
    }
    rig.desk.types(&forwarded(&release).replace("HOLD_ID", id));
    await_metric(&reconciler, &of_number("reconciler_holds"), |holds| {
        holds == 0.0
    });
    rig.agrees();
    assert!(rig.projector.is_ready());

    // Who released it is in the log, and their token is not.
    let said = reconciler.process.stderr();
    let caller = hex::encode(&Sha256::digest(TOKEN)[..4]);
    let path = format!("/v1/holds/{id}/release");
    let told = said.lines().any(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["target"] == "audit" && line["caller"] == caller && line["path"] == path
    });
    assert!(told && !said.contains(TOKEN), "{said}");
}

#[test]
fn an_api_that_lags_by_more_than_was_said_is_named_and_no_longer_misleads_when_more_is_allowed_for()
{
    /// What Meta's API lags by, and what it is taken to lag by.
    const LAG: u64 = 12;
    let alert = "RollcallApiLagTooSmall";
    let rig = Rig::start(105, 4, "lag.");
    let (mut reconciler, _) = rig.reconciler(&["--api-lag=2s"]);
    reconciler.await_ready();
    rig.agrees();
    rig.stage.sim.faults(&json!({"api": {"lag_seconds": LAG}}));
    rig.stage.sim.traffic(2.0);
    alerts_on(alert, "reconciler_reads_misled_total");
    await_metric(&reconciler, "reconciler_reads_misled_total", |misled| {
        misled > 0.0
    });
    // Panel "Misled by Meta's lag" names the longest.
    let longest = reconciler.metric("reconciler_misled_lag_seconds");
    assert!(longest > 2.0, "{longest}");
    println!("misled by a lag of {longest} s at most");
    assert_eq!(reconciler.stop(), Some(0));

    let allowed = format!("--api-lag={}s", LAG + 8);
    let (mut reconciler, _) = rig.reconciler(&[&allowed]);
    reconciler.await_ready();
    await_until(WITHIN, "groups to be read", || {
        (total(&reconciler, "reconciler_reads_total", "") > 10.0).then_some(())
    })
    .unwrap();
    rig.stage.sim.traffic(0.0);
    rig.stage.sim.flush();
    rig.agrees();
    assert_eq!(reconciler.metric("reconciler_reads_misled_total"), 0.0);
}

#[test]
fn a_number_that_nobody_keeps_is_kept_again_when_the_reconcilers_are_started_again() {
    let alert = "RollcallNumberUnkept";
    let rig = Rig::start(106, 2, "unkept.");
    let owned = of_number("reconciler_owned");
    alerts_on(alert, "reconciler_owned");
    // Long enough for a dead member to keep the number from others all through the test.
    let unsettled = ["--session-timeout=300s"];
    let (mut first, _) = rig.reconciler(&unsettled);
    first.await_ready();
    await_metric(&first, &owned, |owns| owns == 1.0);
    first.process.pause().unwrap();
    let (second, _) = rig.reconciler(&unsettled);
    let seated = await_until(WITHIN, &owned, || second.sample(&owned).ok());
    assert_eq!(seated.unwrap(), 0.0);

    // kubectl rollout restart
    first.process.resume().unwrap();
    for service in [first, second] {
        assert_eq!(service.stop(), Some(0));
    }
    let (third, _) = rig.reconciler(&[]);
    await_metric(&third, &owned, |owns| owns == 1.0);
    rig.agrees();
}
