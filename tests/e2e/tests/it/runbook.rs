//! The sections of the runbook, each followed from its alert to its end: the fault is made, the metrics that its alert
//! looks at show it, the commands of the section are typed as they stand there, and what was wrong is right again.
//!
//! What Kubernetes would do on an operator's word (replace a file of a secret, delete a pod) is done to files and processes.

mod comparison;
mod folding;
mod kafka;
mod webhooks;

use std::{fs, path::Path, time::Duration};

use harness::await_until;
use reqwest::Url;
use tempfile::TempDir;

use crate::{
    operator,
    services::{NUMBER, Service},
    stage::Stage,
};

/// For whatever ends by itself: alarms of what is asked of Meta once a minute among it.
const WITHIN: Duration = Duration::from_secs(150);

/// The token of an operator, in the file that the runbook names.
const TOKEN: &str = "a-token-of-an-operator";

/// The machine on which an operator types.
struct Desk {
    dir: TempDir,
    brokers: String,
}

impl Desk {
    fn new(stage: &Stage) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("operator-token"), TOKEN).unwrap();
        fs::write(dir.path().join("accept"), format!("operate {TOKEN}\n")).unwrap();
        Self {
            dir,
            brokers: stage.broker.bootstrap(),
        }
    }

    /// An option that lets the operator in.
    fn accepts(&self) -> String {
        format!("--accept-tokens-file={}", self.path("accept").display())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Types the commands of an alert's section that are Rollcall's or `curl`, with the ports that are forwarded; what each said.
    fn follows(&self, alert: &str, forwarded: &[(&str, &Url)], named: &[(&str, &str)]) -> String {
        let mut said = String::new();
        let heading = format!("### {alert}");
        let commands = operator::commands(&heading);
        let ours = commands
            .iter()
            .filter(|command| !command.starts_with("kubectl"));
        for command in ours {
            let mut command = command.clone();
            for (address, url) in forwarded {
                command = command.replace(address, url.as_str().trim_end_matches('/'));
            }
            for (name, value) in named {
                command = command.replace(name, value);
            }
            said += &self.types(&command);
        }
        said
    }

    fn types(&self, command: &str) -> String {
        let done = operator::types(command, &self.brokers, self.dir.path());
        operator::said(command, &done)
    }
}

/// A metric of the only number.
fn of_number(name: &str) -> String {
    format!(r#"{name}{{phone_number_id="{NUMBER}"}}"#)
}

/// Waits until a metric is so; one that is not there is 0.
fn await_metric(service: &Service, sample: &str, is_so: impl Fn(f64) -> bool) -> f64 {
    let mut last = 0.0;
    await_until(WITHIN, sample, || {
        last = service.sample(sample).unwrap_or(0.0);
        is_so(last).then_some(last)
    })
    .unwrap_or_else(|error| panic!("{error:#}: it is {last}\n{}", service.process.stderr()))
}

/// Waits until a service has said something in its log.
fn await_said(service: &Service, what: &str) {
    await_until(WITHIN, what, || {
        service.process.stderr().contains(what).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", service.process.stderr()));
}

/// Every metric that an alert's rule looks at.
fn rule_of(alert: &str) -> String {
    let path = harness::workspace().join("deploy/base/monitoring/rules.yaml");
    let rules = fs::read_to_string(path).unwrap();
    let (_, rest) = rules.split_once(&format!("- alert: {alert}\n")).unwrap();
    rest.split("- alert: ").next().unwrap().to_owned()
}

/// What shows a fault is what its alert looks at.
fn alerts_on(alert: &str, metric: &str) {
    let rule = rule_of(alert);
    assert!(
        rule.contains(metric),
        "{alert} does not look at {metric}: {rule}"
    );
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}
