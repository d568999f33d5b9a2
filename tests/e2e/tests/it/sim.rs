//! `rollcall simulator` and its control API.

use std::time::Duration;

use harness::Process;
use reqwest::Url;
use serde_json::{Value, json};

use crate::{http, services::Secrets};

/// Seconds that everything queued has to be answered 200, restarts of ingest included.
const FLUSH_SECONDS: u64 = 120;

#[derive(Debug)]
pub struct Sim {
    _process: Process,
    pub url: Url,
}

impl Sim {
    pub fn start(seed: u64, groups: u32, secrets: &Secrets) -> Self {
        Self::start_with(seed, groups, secrets, &[])
    }

    /// The same, with more options.
    pub fn start_with(seed: u64, groups: u32, secrets: &Secrets, more: &[&str]) -> Self {
        let (seed, groups) = (format!("--seed={seed}"), format!("--groups={groups}"));
        let secret = format!("--app-secret-file={}", secrets.app_secret.display());
        let own = ["simulator", "--listen=127.0.0.1:0", &seed, &groups, &secret];
        let mut process = Process::spawn([&own[..], more].concat()).unwrap();
        let url = process.await_listening("simulator").unwrap();
        Self {
            _process: process,
            url,
        }
    }

    fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// The truth.
    pub fn state(&self) -> Value {
        http::get(self.at("/sim/state")).json()
    }

    /// Ids of all groups that are there, with the invite link of each.
    pub fn groups(&self) -> Vec<Value> {
        let mut groups = Vec::new();
        for number in self.state()["numbers"].as_array().unwrap() {
            groups.extend(number["groups"].as_array().unwrap().iter().cloned());
        }
        groups
    }

    /// One of the counts of webhooks.
    pub fn count(&self, name: &str) -> u64 {
        http::get(self.at("/sim/counts")).json()[name]
            .as_u64()
            .unwrap()
    }

    /// POSTs so far, answered 200 or not.
    pub fn attempts(&self) -> u64 {
        self.count("posts") + self.count("retried")
    }

    pub fn traffic(&self, events_per_second: f64) {
        let body = json!({"events_per_second": events_per_second});
        http::post(self.at("/sim/traffic"), &body).json();
    }

    /// Lets people act at once, so many times.
    pub fn step(&self, acts: u64) {
        http::post(self.at("/sim/traffic/step"), &json!({"acts": acts})).json();
    }

    pub fn faults(&self, faults: &Value) {
        http::put(self.at("/sim/faults"), faults).json();
    }

    pub fn webhook(&self, url: &Url) {
        let body = json!({"url": url.as_str()});
        http::put(self.at("/sim/webhook"), &body).json();
    }

    /// Delivers what is queued, and fails if some of it is never answered 200.
    pub fn flush(&self) -> Value {
        let path = format!("/sim/flush?timeout_seconds={FLUSH_SECONDS}");
        http::post(self.at(&path), &json!({})).json()
    }

    /// A person acts; what the simulator says of it.
    pub fn act(&self, wa_id: &str, act: &str, body: &Value) -> Value {
        http::post(self.at(&format!("/sim/users/{wa_id}/{act}")), body).json()
    }

    /// All bodies that were answered 200.
    pub fn sent(&self) -> Vec<Value> {
        let mut sent: Vec<Value> = Vec::new();
        loop {
            let after = sent.len();
            let answer = http::get(self.at(&format!("/sim/sent?after={after}")));
            assert_eq!(answer.status, 200, "{}", answer.text());
            for line in answer.text().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["status"], 200);
                sent.push(line["body"].clone());
                assert_eq!(line["seq"], sent.len());
            }
            if sent.len() == after {
                return sent;
            }
        }
    }

    /// Waits until there were more attempts to deliver.
    pub fn await_attempts(&self, more: u64, within: Duration) {
        await_more(more, within, || self.attempts());
    }

    /// Waits until more webhooks were answered 200.
    pub fn await_answered(&self, more: u64, within: Duration) {
        await_more(more, within, || self.count("posts"));
    }
}

fn await_more(more: u64, within: Duration, count: impl Fn() -> u64) {
    let from = count();
    let reached = || (count() >= from + more).then_some(());
    harness::await_until(within, "more webhooks", reached).unwrap();
}
