//! The three services on a real Kafka, with something of everything happening, and what they show of themselves.

use std::{fs, path::Path, sync::OnceLock, time::Duration};

use harness::{Broker, Process, await_until};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, Url};
use serde_json::json;
use sha2::Sha256;
use tokio::runtime::Runtime;

const APP_SECRET: &str = "an app secret of the tests";
const NUMBER: &str = "300000000000001";
/// For whatever a loaded machine may take.
const WITHIN: Duration = Duration::from_secs(180);

/// What all three services show, one after the other.
pub fn scrape() -> &'static str {
    static SCRAPE: OnceLock<String> = OnceLock::new();
    SCRAPE.get_or_init(play)
}

struct Http(Runtime, Client);

impl Http {
    fn new() -> Self {
        let client = Client::builder()
            .no_proxy()
            .timeout(WITHIN)
            .build()
            .unwrap();
        Self(Runtime::new().unwrap(), client)
    }

    /// Status and body, or none where nobody answers.
    fn send(
        &self,
        method: Method,
        url: Url,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Option<(u16, String)> {
        let mut request = self.1.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.0.block_on(async {
            let answer = request.send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        })
    }

    fn get(&self, url: Url) -> Option<String> {
        let (status, text) = self.send(Method::GET, url, Vec::new(), &[])?;
        (status == 200).then_some(text)
    }

    fn json(&self, method: Method, url: Url, body: &serde_json::Value) {
        let headers = [("content-type", "application/json")];
        let answer = self.send(method, url, body.to_string().into_bytes(), &headers);
        assert!(matches!(answer, Some((200, _))), "{answer:?}");
    }
}

struct Service {
    process: Process,
    admin: Url,
}

impl Service {
    fn start(http: &Http, broker: &Broker, name: &str, own: &[String]) -> Self {
        let mut arguments = vec![
            name.to_owned(),
            format!("--kafka-brokers={}", broker.bootstrap()),
            "--topic-prefix=metrics.".to_owned(),
            "--allow-unreplicated".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
        ];
        arguments.extend_from_slice(own);
        let mut process = Process::spawn(arguments).unwrap();
        let admin = process.await_listening("admin").unwrap();
        let service = Self { process, admin };
        let ready = service.admin.join("/readyz").unwrap();
        await_until(WITHIN, "readiness", || http.get(ready.clone())).unwrap();
        service
    }

    /// The metrics, once all of these have a sample.
    fn metrics(&self, http: &Http, wanted: &[&str]) -> String {
        let url = self.admin.join("/metrics").unwrap();
        await_until(WITHIN, &format!("samples of {wanted:?}"), || {
            let text = http.get(url.clone())?;
            let is_there = |name: &&str| text.lines().any(|line| line.starts_with(*name));
            wanted.iter().all(is_there).then_some(text)
        })
        .unwrap()
    }
}

fn secrets(dir: &Path) {
    fs::write(dir.join("app-secret"), APP_SECRET).unwrap();
    fs::write(dir.join("access-token"), "an access token of the tests").unwrap();
}

fn topics(broker: &Broker) {
    let mut apply = Process::spawn([
        "topics",
        "apply",
        "--topic-prefix=metrics.",
        "--partitions=2",
        "--replication=1",
        &format!("--kafka-brokers={}", broker.bootstrap()),
        "--allow-unreplicated",
    ])
    .unwrap();
    assert!(apply.wait(WITHIN).unwrap().success(), "{}", apply.stderr());
}

/// A webhook that Rollcall does not understand, signed as Meta signs.
fn strange(http: &Http, webhooks: &Url) {
    let body = json!({"object": "something else"}).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = http.send(Method::POST, webhooks.clone(), body.into_bytes(), &headers);
    assert!(matches!(answer, Some((200, _))), "{answer:?}");
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn play() -> String {
    let http = Http::new();
    let broker = Broker::shared().unwrap();
    let dir = tempfile::tempdir().unwrap();
    secrets(dir.path());
    topics(&broker);
    let file = |option: &str, name: &str| format!("--{option}={}", dir.path().join(name).display());

    let mut simulator = Process::spawn([
        "simulator",
        "--listen=127.0.0.1:0",
        "--seed=7",
        "--groups=20",
        &file("app-secret-file", "app-secret"),
    ])
    .unwrap();
    let sim = simulator.await_listening("simulator").unwrap();

    let mut projector = Service::start(
        &http,
        &broker,
        "projector",
        &["--listen=127.0.0.1:0".to_owned(), file("data-dir", "store")],
    );
    let queries = projector.process.await_listening("query API").unwrap();
    let mut ingest = Service::start(
        &http,
        &broker,
        "ingest",
        &[
            "--webhook-listen=127.0.0.1:0".to_owned(),
            file("app-secret-file", "app-secret"),
        ],
    );
    let webhooks = ingest.process.await_listening("webhooks").unwrap();
    let webhooks = webhooks.join("/webhooks").unwrap();
    let reconciler = Service::start(
        &http,
        &broker,
        "reconciler",
        &[
            "--listen=127.0.0.1:0".to_owned(),
            format!("--graph-url={sim}"),
            format!("--phone-number-id={NUMBER}"),
            "--api-lag=2s".to_owned(),
            "--list-every=2s".to_owned(),
            "--reads-per-hour=72000".to_owned(),
            file("access-token-file", "access-token"),
        ],
    );

    let tell = |method: Method, path: &str, body: &serde_json::Value| {
        http.json(method, sim.join(path).unwrap(), body);
    };
    let url = json!({"url": webhooks.as_str()});
    tell(Method::PUT, "/sim/webhook", &url);
    tell(Method::POST, "/sim/traffic/step", &json!({"acts": 300}));
    tell(Method::POST, "/sim/flush?timeout_seconds=120", &json!({}));
    strange(&http, &webhooks);
    http.get(queries.join("/v1/groups").unwrap()).unwrap();
    // What nobody tells is found by reading.
    let lost = json!({"webhooks": {"lose": 1.0}});
    tell(Method::PUT, "/sim/faults", &lost);
    tell(Method::POST, "/sim/traffic/step", &json!({"acts": 100}));
    reconciler.metrics(&http, &["reconciler_drift_found_total"]);
    // Meta refuses for a while.
    let refused = json!({"api": {"error_rate": 1.0}});
    tell(Method::PUT, "/sim/faults", &refused);

    let kafka = [
        "eventlog_kafka_queued_records",
        "eventlog_kafka_request_errors_total",
    ];
    let all = |own: &[&'static str]| [&kafka[..], own].concat();
    let shown = [
        ingest.metrics(
            &http,
            &all(&["ingest_quarantined_total", "ingest_dropped_total"]),
        ),
        projector.metrics(
            &http,
            &all(&[
                "projector_leads",
                "projector_published_records_total{kind=\"states\"",
                "projector_append_seconds_sum",
                "eventlog_rebalances_total",
                "eventlog_kafka_lag_records",
                "projector_request_seconds_sum",
            ]),
        ),
        reconciler.metrics(
            &http,
            &all(&[
                "reconciler_refusals_total",
                "reconciler_reads_total",
                "reconciler_plan_steps_total",
                "reconciler_budget_available_calls",
            ]),
        ),
    ];
    shown.concat()
}
