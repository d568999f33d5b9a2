//! The services as processes, each on ports of its own choice.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use harness::{Process, await_until};
use reqwest::Url;
use tempfile::TempDir;

use crate::{http, sim::Sim};

pub const APP_SECRET: &str = "an app secret of the tests";
pub const NUMBER: &str = "300000000000001";

/// How long a service may take to be ready, a broker that is coming back included.
pub const READY_WITHIN: Duration = Duration::from_secs(120);

/// Files with secrets.
#[derive(Debug)]
pub struct Secrets {
    dir: TempDir,
    pub app_secret: PathBuf,
    pub verify_token: PathBuf,
    pub access_token: PathBuf,
}

impl Secrets {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            app_secret: file("app-secret", APP_SECRET),
            verify_token: file("verify-token", "a verify token of the tests"),
            access_token: file("access-token", "an access token of the tests"),
            dir,
        }
    }

    /// Their directory, for more files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn ingest(&self) -> Vec<String> {
        vec![
            "--webhook-listen=127.0.0.1:0".into(),
            format!("--app-secret-file={}", self.app_secret.display()),
            format!("--verify-token-file={}", self.verify_token.display()),
        ]
    }

    /// Options of a reconciler that works against a simulator, as the demo's does.
    pub fn reconciler(&self, graph: &Url, list_every: &str) -> Vec<String> {
        let mut options = self.meta(graph, list_every);
        options.push("--listen=127.0.0.1:0".into());
        options
    }

    /// Those of them that `standalone` has too.
    fn meta(&self, graph: &Url, list_every: &str) -> Vec<String> {
        vec![
            format!("--graph-url={graph}"),
            format!("--access-token-file={}", self.access_token.display()),
            format!("--phone-number-id={NUMBER}"),
            "--api-lag=2s".into(),
            format!("--list-every={list_every}"),
            "--reads-per-hour=72000".into(),
        ]
    }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    pub process: Process,
    admin: Url,
}

impl Service {
    /// Starts it and waits for its first word.
    pub fn start(arguments: &[String]) -> Self {
        Self::of(Process::spawn(arguments).unwrap())
    }

    /// One that is there; waits for its first word.
    pub fn of(mut process: Process) -> Self {
        let admin = process.await_listening("admin").unwrap();
        Self { process, admin }
    }

    pub fn listening(&mut self, what: &str) -> Url {
        self.process.await_listening(what).unwrap()
    }

    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub fn admin(&self) -> &Url {
        &self.admin
    }

    pub fn is_ready(&self) -> bool {
        http::try_get(self.admin.join("/readyz").unwrap())
            .is_some_and(|answer| answer.status == 200)
    }

    pub fn await_ready(&mut self) {
        let ready = await_until(READY_WITHIN, "readiness", || {
            self.is_ready()
                .then_some(true)
                .or_else(|| self.process.try_wait().unwrap().map(|_| false))
        });
        assert!(
            ready.unwrap_or(false),
            "not ready: {}\n{}",
            http::try_get(self.admin.join("/readyz").unwrap())
                .map_or_else(String::new, |answer| answer.text()),
            self.process.stderr()
        );
    }

    /// A sample of the metrics, by its whole name with labels.
    pub fn metric(&self, sample: &str) -> f64 {
        let found = self.sample(sample);
        found.unwrap_or_else(|text| panic!("no metric {sample} in\n{text}"))
    }

    /// All metrics.
    pub fn metrics(&self) -> String {
        http::get(self.admin.join("/metrics").unwrap()).text()
    }

    /// The same, or all metrics where it is none of them: one with labels is there once something was counted.
    pub fn sample(&self, sample: &str) -> Result<f64, String> {
        let text = self.metrics();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        let number = value.map(|value| value.split(' ').next().unwrap().parse().unwrap());
        number.ok_or(text)
    }

    /// Ends it in an orderly way; its exit status.
    pub fn stop(mut self) -> Option<i32> {
        self.process.sigterm().unwrap();
        let status = self.process.wait(Duration::from_secs(60)).unwrap();
        status.code()
    }
}

/// `rollcall standalone` on a data directory.
#[derive(Debug)]
pub struct Standalone {
    pub service: Service,
    pub webhooks: Url,
    pub queries: Url,
}

impl Standalone {
    /// Starts it and waits until it is ready, with webhooks coming to it.
    pub fn start(data_dir: &Path, sim: &Sim, secrets: &Secrets, list_every: &str) -> Self {
        let mut service = Service::start(&Self::arguments(data_dir, &sim.url, secrets, list_every));
        let webhooks = service.listening("webhooks").join("/webhooks").unwrap();
        let queries = service.listening("query API");
        service.await_ready();
        sim.webhook(&webhooks);
        Self {
            service,
            webhooks,
            queries,
        }
    }

    pub fn arguments(
        data_dir: &Path,
        graph: &Url,
        secrets: &Secrets,
        list_every: &str,
    ) -> Vec<String> {
        let mut arguments = vec![
            "standalone".to_owned(),
            format!("--data-dir={}", data_dir.display()),
            "--listen=127.0.0.1:0".into(),
            "--admin-listen=127.0.0.1:0".into(),
        ];
        arguments.extend(secrets.ingest());
        arguments.extend(secrets.meta(graph, list_every));
        arguments
    }
}
