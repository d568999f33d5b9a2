//! A simulated WhatsApp and topics of their own on a broker, for services that come and go.

use std::{path::Path, process::Command, sync::Arc};

use harness::{Broker, Process};
use reqwest::Url;

use crate::{
    services::{READY_WITHIN, Secrets, Service},
    sim::Sim,
};

/// Partitions of every topic.
pub const PARTITIONS: u32 = 2;

#[derive(Debug)]
pub struct Stage {
    pub broker: Arc<Broker>,
    pub secrets: Secrets,
    pub sim: Sim,
    pub prefix: String,
    /// What services are started with besides.
    pub environment: Vec<(String, String)>,
}

impl Stage {
    /// Starts a simulator, and makes topics with a prefix.
    pub fn new(broker: Arc<Broker>, seed: u64, groups: u32, prefix: &str) -> Self {
        let secrets = Secrets::new();
        let stage = Self {
            broker,
            sim: Sim::start(seed, groups, &secrets),
            secrets,
            prefix: prefix.to_owned(),
            environment: Vec::new(),
        };
        let apply = [
            "topics".to_owned(),
            "apply".to_owned(),
            "--replication=1".to_owned(),
            format!("--partitions={PARTITIONS}"),
        ];
        let mut applied = Process::spawn([&apply[..], &stage.kafka()].concat()).unwrap();
        let status = applied.wait(READY_WITHIN).unwrap();
        assert!(status.success(), "{}", applied.stderr());
        stage
    }

    fn kafka(&self) -> [String; 3] {
        [
            format!("--kafka-brokers={}", self.broker.bootstrap()),
            format!("--topic-prefix={}", self.prefix),
            "--allow-unreplicated".to_owned(),
        ]
    }

    /// What a service is started with.
    pub fn arguments(&self, name: &str, own: &[String]) -> Vec<String> {
        let common = [name.to_owned(), "--admin-listen=127.0.0.1:0".to_owned()];
        [&common[..], &self.kafka(), own].concat()
    }

    pub fn service(&self, name: &str, own: &[String]) -> Service {
        let mut command = Command::new(harness::binary().unwrap());
        command
            .args(self.arguments(name, own))
            .envs(self.environment.iter().cloned());
        Service::of(Process::run(command).unwrap())
    }

    /// An ingest that is ready, and where it takes webhooks.
    pub fn ingest(&self, more: &[&str]) -> (Service, Url) {
        let own = [self.secrets.ingest(), owned(more)].concat();
        let mut service = self.service("ingest", &own);
        let webhooks = service.listening("webhooks").join("/webhooks").unwrap();
        service.await_ready();
        (service, webhooks)
    }

    /// A projector that is ready, and where it answers.
    pub fn projector(&self, store: &Path, more: &[&str]) -> (Service, Url) {
        let mut service = self.projector_that_starts(store, more);
        let queries = service.listening("query API");
        service.await_ready();
        (service, queries)
    }

    /// The same, ready or not.
    pub fn projector_that_starts(&self, store: &Path, more: &[&str]) -> Service {
        let own = [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--data-dir={}", store.display()),
        ];
        self.service("projector", &[&own[..], &owned(more)].concat())
    }

    /// A reconciler that is ready, and where it takes commands.
    pub fn reconciler(&self, more: &[&str]) -> (Service, Url) {
        let own = self.secrets.reconciler(&self.sim.url, "5s");
        let mut service = self.service("reconciler", &[own, owned(more)].concat());
        let commands = service.listening("command API");
        service.await_ready();
        (service, commands)
    }
}

fn owned(more: &[&str]) -> Vec<String> {
    more.iter().map(|option| (*option).to_owned()).collect()
}
