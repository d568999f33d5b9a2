//! Real Apache Kafka nodes in `KRaft` mode, each broker and controller in one.

mod classes;
mod disk;
mod listeners;
mod replicas;

pub use listeners::{LetsIn, Listener};

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    jars::java,
    process::{end_child, signal},
    wait::await_until,
};

/// How long a node may take to answer; three at once on two busy cores need most of it.
const START_WITHIN: Duration = Duration::from_secs(120);
/// How long a node may take to end after SIGTERM before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// A free port may be taken by another process before Kafka binds it.
const STARTS_MAX: usize = 3;
/// How the JVM says so.
const TAKEN: &str = "Address already in use";
/// Any 16 bytes in base64; every cluster has its own directories, so it may be the same for all.
const CLUSTER_ID: &str = "cm9sbGNhbGwtdGVzdHMtMQ";

/// One Kafka node, a cluster by itself.
#[derive(Debug)]
pub struct Broker {
    cluster: Cluster,
}

impl Broker {
    /// Starts a node with an empty directory of its own and waits until it answers.
    ///
    /// # Errors
    ///
    /// What is missing, or what Kafka wrote before it gave up.
    pub fn start() -> Result<Self> {
        Ok(Self {
            cluster: Cluster::start(1)?,
        })
    }

    /// The same, with listeners beside the plain one and SCRAM-SHA-512 passwords of users.
    ///
    /// # Errors
    ///
    /// As [`Broker::start`].
    pub fn start_with(listeners: &[Listener], users: &[(&str, &str)]) -> Result<Self> {
        Ok(Self {
            cluster: Cluster::start_with(1, listeners, users)?,
        })
    }

    /// `127.0.0.1:port` of a listener beside the plain one, the same over all restarts.
    ///
    /// # Panics
    ///
    /// When it was started with none of this name.
    #[must_use]
    pub fn listener(&self, name: &str) -> String {
        let listeners = &self.cluster.nodes[0].listeners;
        let port = listeners.iter().find(|(known, _)| known == name);
        let (_, port) = port.unwrap_or_else(|| panic!("the broker has no listener {name}"));
        format!("127.0.0.1:{port}")
    }

    /// The node that all tests of this process share while any of them holds it; started when none does.
    ///
    /// For tests that keep apart by topic prefix and do no harm to the broker.
    ///
    /// # Errors
    ///
    /// As [`Broker::start`].
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Broker>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = shared.upgrade() {
            return Ok(broker);
        }
        let broker = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&broker);
        Ok(broker)
    }

    /// `127.0.0.1:port`, the same over all restarts.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap()
    }

    /// Ends the node in an orderly way (SIGTERM) and waits for its end.
    ///
    /// # Errors
    ///
    /// When the process can neither be signalled nor awaited.
    pub fn stop(&mut self) -> Result<()> {
        self.cluster.stop(0)
    }

    /// Kills the node (SIGKILL) and waits for its end.
    ///
    /// # Errors
    ///
    /// When the process cannot be awaited.
    pub fn kill(&mut self) -> Result<()> {
        self.cluster.kill(0)
    }

    /// Starts the stopped node on the same ports and data and waits until it answers.
    ///
    /// # Errors
    ///
    /// What Kafka wrote before it gave up.
    pub fn restart(&mut self) -> Result<()> {
        self.cluster.restart(0)
    }

    /// Holds the process (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn pause(&self) -> Result<()> {
        self.cluster.pause(0)
    }

    /// Lets a held process go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn resume(&self) -> Result<()> {
        self.cluster.resume(0)
    }

    /// What the node has logged over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.cluster.log(0)
    }
}

/// Several Kafka nodes that form one cluster, counted from 0.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    _dir: TempDir,
}

impl Cluster {
    /// Starts `nodes` nodes and waits until every one of them answers.
    ///
    /// # Errors
    ///
    /// What is missing, or what Kafka wrote before it gave up.
    pub fn start(nodes: usize) -> Result<Self> {
        Self::start_with(nodes, &[], &[])
    }

    fn start_with(nodes: usize, listeners: &[Listener], users: &[(&str, &str)]) -> Result<Self> {
        assert!(nodes > 0, "a cluster has at least one node");
        let mut tries = 1;
        loop {
            match Self::try_start(nodes, listeners, users) {
                Ok(cluster) => return Ok(cluster),
                Err(error) if tries < STARTS_MAX && format!("{error:#}").contains(TAKEN) => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn try_start(count: usize, listeners: &[Listener], users: &[(&str, &str)]) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("rollcall-kafka-")
            .tempdir()
            .context("make a directory for Kafka")?;
        let ports = free_ports(count * (2 + listeners.len()))?;
        let (client_ports, rest) = ports.split_at(count);
        let (controller_ports, mut rest) = rest.split_at(count);
        let mut nodes = Vec::new();
        for index in 0..count {
            let (ports, others) = rest.split_at(listeners.len());
            rest = others;
            nodes.push(Node::format(
                dir.path(),
                index,
                Ports {
                    clients: client_ports,
                    controllers: controller_ports,
                    listeners: ports,
                },
                (listeners, users),
                quick_start(),
            )?);
        }
        // All must run before any can answer: a quorum elects its leader first.
        for node in &mut nodes {
            node.spawn()?;
        }
        let mut cluster = Self { nodes, _dir: dir };
        for node in &mut cluster.nodes {
            node.await_answer()?;
        }
        Ok(cluster)
    }

    /// `127.0.0.1:port,…`, the same over all restarts.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().map(|n| n.address.to_string()).collect();
        addresses.join(",")
    }

    /// Ends a node in an orderly way (SIGTERM) and waits for its end.
    ///
    /// # Errors
    ///
    /// When the process can neither be signalled nor awaited.
    pub fn stop(&mut self, node: usize) -> Result<()> {
        match self.nodes[node].child.take() {
            Some(child) => end_child(child, STOP_WITHIN),
            None => Ok(()),
        }
    }

    /// Kills a node (SIGKILL) and waits for its end.
    ///
    /// # Errors
    ///
    /// When the process cannot be awaited.
    pub fn kill(&mut self, node: usize) -> Result<()> {
        match self.nodes[node].child.take() {
            Some(child) => end_child(child, Duration::ZERO),
            None => Ok(()),
        }
    }

    /// Starts a stopped node on the same ports and data and waits until it answers.
    ///
    /// # Errors
    ///
    /// What Kafka wrote before it gave up.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        self.stop(node)?;
        self.nodes[node].spawn()?;
        self.nodes[node].await_answer()
    }

    /// Kills all nodes (SIGKILL).
    ///
    /// # Errors
    ///
    /// When a process cannot be awaited.
    pub fn kill_all(&mut self) -> Result<()> {
        (0..self.nodes.len()).try_for_each(|node| self.kill(node))
    }

    /// Starts all nodes after they ended, on the same ports and data, and waits until each answers.
    /// One at a time would wait for a quorum that cannot be.
    ///
    /// # Errors
    ///
    /// What Kafka wrote before it gave up.
    pub fn restart_all(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Node::spawn)?;
        self.nodes.iter_mut().try_for_each(Node::await_answer)
    }

    /// Holds a node's process (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn pause(&self, node: usize) -> Result<()> {
        self.nodes[node].signal("STOP")
    }

    /// Lets a held node go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// When the process cannot be signalled.
    pub fn resume(&self, node: usize) -> Result<()> {
        self.nodes[node].signal("CONT")
    }

    /// What a node has logged over all its starts.
    #[must_use]
    pub fn log(&self, node: usize) -> String {
        fs::read_to_string(&self.nodes[node].log).unwrap_or_default()
    }
}

/// Ports of all nodes, and those of a node's further listeners.
#[derive(Clone, Copy)]
struct Ports<'a> {
    clients: &'a [u16],
    controllers: &'a [u16],
    listeners: &'a [u16],
}

#[derive(Debug)]
struct Node {
    address: SocketAddr,
    /// Listeners beside the plain one: name and port.
    listeners: Vec<(String, u16)>,
    properties: PathBuf,
    log: PathBuf,
    /// Where in the log the present start begins.
    log_from: u64,
    child: Option<Child>,
}

impl Node {
    fn format(
        cluster: &Path,
        index: usize,
        ports: Ports<'_>,
        (listeners, users): (&[Listener], &[(&str, &str)]),
        option: Option<String>,
    ) -> Result<Self> {
        let dir = cluster.join(format!("node-{index}"));
        fs::create_dir_all(&dir).context("make a directory for a Kafka node")?;
        let properties = dir.join("server.properties");
        fs::write(
            &properties,
            server_properties(&dir, index, ports, listeners),
        )
        .context("write server.properties")?;
        let formatted = quick_jvm(java()?)
            .args(option)
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(&properties)
            .args(listeners::scram(users))
            .output()
            .context("run kafka.tools.StorageTool")?;
        if !formatted.status.success() {
            bail!(
                "kafka.tools.StorageTool: {}{}",
                String::from_utf8_lossy(&formatted.stdout),
                String::from_utf8_lossy(&formatted.stderr)
            );
        }
        Ok(Self {
            address: SocketAddr::from(([127, 0, 0, 1], ports.clients[index])),
            listeners: named(listeners, ports.listeners),
            log: dir.join("kafka.log"),
            properties,
            log_from: 0,
            child: None,
        })
    }

    fn spawn(&mut self) -> Result<()> {
        self.spawn_with(quick_start())
    }

    /// Starts it with one more option for the JVM.
    fn spawn_with(&mut self, option: Option<String>) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .context("open Kafka's log file")?;
        self.log_from = log.metadata().context("measure Kafka's log file")?.len();
        let child = quick_jvm(java()?)
            .args(option)
            .args(["-Xmx512m", "kafka.Kafka"])
            .arg(&self.properties)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share Kafka's log file")?)
            .stderr(log)
            .spawn()
            .context("run kafka.Kafka")?;
        self.child = Some(child);
        Ok(())
    }

    /// The line comes when the broker is unfenced; the answer proves that it listens.
    fn await_answer(&mut self) -> Result<()> {
        let (log, from, address) = (self.log.clone(), self.log_from, self.address);
        let child = self.child.as_mut().context("the node was not started")?;
        let outcome = await_until(START_WITHIN, "Kafka to start", || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(status));
            }
            let started = tail(&log, from).contains("Kafka Server started");
            (started && answers(address)).then_some(Ok(()))
        });
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => {
                self.child = None;
                let lines = last_lines(&self.log, from);
                // What it says of a port that was taken is followed by pages of how it stops.
                if tail(&self.log, from).contains(TAKEN) {
                    bail!("Kafka ended with {status} at start: {TAKEN}: {lines}");
                }
                bail!("Kafka ended with {status} at start: {lines}")
            }
            Err(error) => Err(error.context(last_lines(&self.log, from))),
        }
    }

    fn signal(&self, name: &str) -> Result<()> {
        let child = self.child.as_ref().context("the node does not run")?;
        signal(child.id(), name)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            let _ = end_child(child, Duration::ZERO);
        }
    }
}

/// Tests start many short-lived JVMs: quick to start counts for more than quick in the long run.
fn quick_jvm(mut java: Command) -> Command {
    java.args([
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
    ]);
    java
}

/// The option by which classes come parsed; a JVM that cannot use them does without.
fn quick_start() -> Option<String> {
    let archive = classes::archive()?;
    Some(format!("-XX:SharedArchiveFile={}", archive.display()))
}

fn server_properties(dir: &Path, index: usize, ports: Ports<'_>, listeners: &[Listener]) -> String {
    let Ports {
        clients: client_ports,
        controllers: controller_ports,
        listeners: listener_ports,
    } = ports;
    let mut voters = String::new();
    for (voter, port) in controller_ports.iter().enumerate() {
        let comma = if voter == 0 { "" } else { "," };
        let _ = write!(voters, "{comma}{voter}@127.0.0.1:{port}");
    }
    let (client, controller) = (client_ports[index], controller_ports[index]);
    let internal_replication = client_ports.len().min(3);
    let (mut urls, mut protocols, mut security) = (String::new(), String::new(), String::new());
    for (listener, port) in listeners.iter().zip(listener_ports) {
        let _ = write!(urls, ",{}://127.0.0.1:{port}", listener.name);
        let _ = write!(protocols, ",{}:{}", listener.name, listener.protocol());
        security += &listener.properties();
    }
    format!(
        "process.roles=broker,controller
node.id={index}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}{urls}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}{urls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
{security}controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor={internal_replication}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={internal_replication}
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor={internal_replication}
share.coordinator.state.topic.min.isr=1
log.cleaner.backoff.ms=200
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=500
",
        data = dir.join("data").display(),
    )
}

fn named(listeners: &[Listener], ports: &[u16]) -> Vec<(String, u16)> {
    let names = listeners.iter().map(|listener| listener.name.clone());
    names.zip(ports.iter().copied()).collect()
}

/// All are held until the last is found, so that they differ.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<std::io::Result<Vec<_>>>()
        .context("find free ports")?;
    let mut ports = Vec::new();
    for listener in &listeners {
        ports.push(listener.local_addr().context("read a free port")?.port());
    }
    Ok(ports)
}

/// `ApiVersions`, version 0, is what every broker answers to anybody at once.
fn answers(address: SocketAddr) -> bool {
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let patience = Duration::from_secs(2);
    let ask = || -> std::io::Result<[u8; 10]> {
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(&REQUEST)?;
        let mut head = [0; 10];
        stream.read_exact(&mut head)?;
        Ok(head)
    };
    // Size, our correlation id, error code 0.
    ask().is_ok_and(|head| head[4..] == [0, 0, 0, 1, 0, 0])
}

fn tail(path: &Path, from: u64) -> String {
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let _ = file.seek(SeekFrom::Start(from));
        let _ = file.read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn last_lines(path: &Path, from: u64) -> String {
    let text = tail(path, from);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
