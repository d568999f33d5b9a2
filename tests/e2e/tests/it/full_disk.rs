//! Days on which a disk is full: of the projector's store, and of the local log.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{Broker, Process, await_until};
use reqwest::Url;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    baddays, durable, http, posts,
    services::{APP_SECRET, NUMBER, READY_WITHIN, Secrets, Service, Standalone},
    sim::Sim,
    stage::Stage,
    truth,
};

/// A small file system of its own, which only processes that it starts see where it is mounted.
#[derive(Debug)]
struct Disk {
    /// Keeps the namespace with the mount.
    holder: Process,
    dir: TempDir,
}

impl Disk {
    fn new(mib: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!(
                "mount -t tmpfs -o size={mib}m none \"$0\" && echo mounted && exec sleep 600"
            ))
            .arg(dir.path());
        let holder = Process::run(command).unwrap();
        await_until(READY_WITHIN, "the disk to be mounted", || {
            assert_eq!(holder.stderr(), "");
            holder.stdout().contains("mounted").then_some(())
        })
        .unwrap();
        Self { holder, dir }
    }

    /// Its root as the services see it.
    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The same as this process sees it.
    fn seen(&self) -> PathBuf {
        let rest = self.dir.path().strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", self.holder.pid())).join(rest)
    }

    fn spawn(&self, arguments: &[String]) -> Process {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.holder.pid()))
            .args(["--user", "--mount", "--preserve-credentials"])
            .arg(harness::binary().unwrap())
            .args(arguments);
        Process::run(command).unwrap()
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file = fs::File::create(self.seen().join("ballast")).unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    fn free(&self) {
        fs::remove_file(self.seen().join("ballast")).unwrap();
    }
}

/// Waits for a service to end by itself, and gives what it said.
fn ended(service: &mut Service) -> String {
    let status = service.process.wait(READY_WITHIN).unwrap();
    assert_eq!(status.code(), Some(1), "{}", service.process.stderr());
    service.process.stderr()
}

#[test]
fn a_projector_whose_disk_is_full_ends_and_another_goes_on_and_it_comes_back_with_its_store() {
    let stage = Stage::new(Broker::shared().unwrap(), 81, 20, "full-disk.");
    let disk = Disk::new(48);
    let store = |dir: &Path| {
        let options = [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--data-dir={}", dir.join("store").display()),
        ];
        stage.arguments("projector", &options)
    };
    let mut full = Service::of(disk.spawn(&store(disk.path())));
    full.await_ready();
    let other = tempfile::tempdir().unwrap();
    let (_other, queries) = stage.projector(&other.path().join("store"), &[]);
    let (_reconciler, _) = stage.reconciler(&[]);
    let (_ingest, webhooks) = stage.ingest(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.step(50);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);

    disk.fill();
    stage.sim.traffic(100.0);
    let said = ended(&mut full);
    assert!(said.contains("no storage space"), "{said}");
    // Started again while the disk is full, it ends again, and sets nothing aside.
    let mut again = disk.spawn(&store(disk.path()));
    let status = again.wait(READY_WITHIN).unwrap();
    assert_eq!(status.code(), Some(1), "{}", again.stderr());
    assert!(!again.stderr().contains("set aside"), "{}", again.stderr());
    stage.sim.traffic(0.0);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);

    disk.free();
    let mut full = Service::of(disk.spawn(&store(disk.path())));
    let again = full.listening("query API");
    full.await_ready();
    truth::await_agreement(&stage.sim, &again, READY_WITHIN);
    let warnings = full.process.stderr();
    assert!(!warnings.contains("set aside"), "{warnings}");
}

/// Posts what becomes a record and changes no group; the status of the answer, if one comes.
fn probe(webhooks: &Url) -> Option<u16> {
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [{
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100001", "phone_number_id": NUMBER},
            "statuses": [{
                "id": "wamid.PROBE",
                "timestamp": baddays::now().to_string(),
                "recipient_id": "group-of-the-probe",
                "recipient_type": "group",
                "status": "sent",
            }],
        },
    }]}]});
    let body = body.to_string().into_bytes();
    let signature = posts::signature(APP_SECRET, &body);
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = http::post_bytes(webhooks.clone(), &headers, body)?;
    Some(answer.status)
}

/// A standalone that is started again whenever it ends, as systemd does.
struct Kept<'a> {
    disk: &'a Disk,
    sim: &'a Sim,
    arguments: Vec<String>,
    service: Process,
    /// While it lives and listens.
    addresses: Option<[Url; 2]>,
    starts: u32,
}

impl<'a> Kept<'a> {
    fn new(disk: &'a Disk, sim: &'a Sim, secrets: &Secrets) -> Self {
        let arguments = Standalone::arguments(&disk.path().join("data"), &sim.url, secrets, "5s");
        Self {
            disk,
            sim,
            service: disk.spawn(&arguments),
            arguments,
            addresses: None,
            starts: 1,
        }
    }

    /// Where it takes webhooks and answers, once it does; starts it again where it ended.
    fn addresses(&mut self) -> Option<&[Url; 2]> {
        if let Some(status) = self.service.try_wait().unwrap() {
            assert_eq!(status.code(), Some(1), "{}", self.service.stderr());
            self.service = self.disk.spawn(&self.arguments);
            self.addresses = None;
            self.starts += 1;
        }
        if self.addresses.is_none() {
            // A process that ends first says so instead.
            let webhooks = self.service.await_listening("webhooks").ok()?;
            let webhooks = webhooks.join("/webhooks").unwrap();
            let queries = self.service.await_listening("query API").ok()?;
            self.sim.webhook(&webhooks);
            self.addresses = Some([webhooks, queries]);
        }
        self.addresses.as_ref()
    }
}

#[test]
fn webhooks_are_refused_while_the_disk_of_the_local_log_is_full_and_none_that_was_taken_is_lost() {
    let secrets = Secrets::new();
    let sim = Sim::start(82, 10, &secrets);
    let disk = Disk::new(96);
    let mut kept = Kept::new(&disk, &sim, &secrets);
    await_until(READY_WITHIN, "it to listen", || {
        kept.addresses().map(|_| ())
    })
    .unwrap();
    sim.traffic(50.0);
    sim.await_answered(200, READY_WITHIN);

    disk.fill();
    await_until(READY_WITHIN, "a webhook to be refused", || {
        let [webhooks, _] = kept.addresses()?;
        (probe(webhooks)? == 503).then_some(())
    })
    .unwrap();
    disk.free();
    sim.traffic(0.0);
    await_until(READY_WITHIN, "a webhook to be taken again", || {
        let [webhooks, _] = kept.addresses()?;
        (probe(webhooks)? == 200).then_some(())
    })
    .unwrap();
    println!("started {} times", kept.starts);
    sim.flush();
    let [_, queries] = kept.addresses().unwrap().clone();
    truth::await_agreement(&sim, &queries, READY_WITHIN);
    kept.service.sigterm().unwrap();
    kept.service.wait(READY_WITHIN).unwrap();
    // SQLite follows the link to another place.
    let copy = tempfile::tempdir().unwrap();
    let mut cp = Command::new("cp");
    cp.arg("--recursive")
        .arg(disk.seen().join("data"))
        .arg(copy.path());
    assert!(cp.status().unwrap().success());
    durable::check_log(&copy.path().join("data"), &sim.sent());
}
