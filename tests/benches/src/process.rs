//! A service as a process, and what the system says it used.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use harness::{Process, await_until};
use reqwest::Url;

/// `USER_HZ` of Linux on all its present architectures.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a service that has nothing to catch up with may take.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(60);

/// Builds the release binary; where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--bin",
            "rollcall",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(harness::workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo build")?;
    if !built.status.success() {
        bail!("cargo build --release --bin rollcall did not succeed");
    }
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "rollcall")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo build named no executable")
}

/// Creates the topics.
pub(crate) fn apply_topics(binary: &Path, brokers: &str, partitions: u32) -> Result<()> {
    let mut command = Command::new(binary);
    command.args([
        "topics",
        "apply",
        "--allow-unreplicated",
        "--replication=1",
        &format!("--partitions={partitions}"),
        &format!("--kafka-brokers={brokers}"),
    ]);
    let mut process = Process::run(command)?;
    let status = process.wait(READY_WITHIN)?;
    if !status.success() {
        bail!("topics apply: {}{}", process.stdout(), process.stderr());
    }
    Ok(())
}

/// Seconds of a processor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    user: f64,
    system: f64,
}

impl Cpu {
    /// User, system and both together since `before`, for a million of what there were `count` of: three cells.
    pub(crate) fn cells(self, before: Self, count: f64) -> String {
        let (user, system) = (self.user - before.user, self.system - before.system);
        let [user, system, both] =
            [user, system, user + system].map(|seconds| seconds / count * 1e6);
        format!("{user:.1} | {system:.1} | **{both:.1}**")
    }

    /// User and system time together, in seconds.
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }

    pub(crate) const NONE: Self = Self {
        user: 0.0,
        system: 0.0,
    };
}

/// A service that is measured.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) process: Process,
    admin: Url,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Service {
    /// Starts it, without waiting for more than its admin address.
    pub(crate) fn start(binary: &Path, arguments: &[String]) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(arguments);
        let mut process = Process::run(command)?;
        let admin = process.await_listening("admin")?;
        Ok(Self {
            process,
            admin,
            http: reqwest::Client::builder()
                .no_proxy()
                // Between two loops the service closes what is idle.
                .pool_max_idle_per_host(0)
                .timeout(Duration::from_secs(10))
                .build()
                .context("set up the HTTP client")?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("start a runtime")?,
        })
    }

    /// Starts a projector on a broker whose topics are not replicated.
    pub(crate) fn projector(binary: &Path, brokers: &str, data_dir: &Path) -> Result<Self> {
        Self::start(
            binary,
            &[
                "projector".to_owned(),
                format!("--kafka-brokers={brokers}"),
                "--allow-unreplicated".to_owned(),
                format!("--data-dir={}", data_dir.display()),
                // As a pod has one: a start after a kill does not wait for the session of the one that was killed.
                "--instance-id=benches".to_owned(),
                "--listen=127.0.0.1:0".to_owned(),
                "--admin-listen=127.0.0.1:0".to_owned(),
            ],
        )
    }

    /// Where it listens for `what`, once it does.
    pub(crate) fn address(&mut self, what: &str) -> Result<SocketAddr> {
        let url = self.process.await_listening(what)?;
        let addresses = url.socket_addrs(|| None).context("an address")?;
        addresses.first().copied().context("no address")
    }

    /// Fails if it has ended.
    pub(crate) fn check_runs(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            Some(status) => Err(anyhow!("it ended with {status}: {}", self.process.stderr())),
            None => Ok(()),
        }
    }

    /// Is it ready now?
    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz").is_ok_and(|(status, _)| status == 200)
    }

    pub(crate) fn await_ready(&mut self, within: Duration) -> Result<()> {
        let ready = await_until(within, "readiness", || {
            if let Err(error) = self.check_runs() {
                return Some(Err(error));
            }
            self.is_ready().then_some(Ok(()))
        });
        ready
            .and_then(|ready| ready)
            .with_context(|| self.process.stderr())
    }

    /// The sum of all samples of a metric, over its labels.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let text = self.metrics()?;
        let samples = text.lines().filter_map(|line| line.strip_prefix(name));
        let values = samples
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
        let values: Vec<f64> = values.collect();
        if values.is_empty() {
            bail!("there is no metric {name}");
        }
        Ok(values.iter().sum())
    }

    /// All metrics, as text.
    pub(crate) fn metrics(&self) -> Result<String> {
        Ok(self.get("/metrics")?.1)
    }

    fn get(&self, path: &str) -> Result<(u16, String)> {
        let url = self.admin.join(path).context("an admin URL")?;
        self.runtime.block_on(async {
            let answer = self.http.get(url).send().await?;
            Ok((answer.status().as_u16(), answer.text().await?))
        })
    }

    /// User and system time of the process so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.pid()))
            .context("read the process's stat")?;
        // The name in brackets may hold anything; state is the first field after it.
        let (_, fields) = stat.rsplit_once(") ").context("an odd stat")?;
        let mut fields = fields.split(' ').skip(11);
        let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        let (Some(user), Some(system)) = (seconds(), seconds()) else {
            bail!("an odd stat");
        };
        Ok(Cpu { user, system })
    }

    /// The most memory it ever had resident, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))
            .context("read the process's status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kib.context("no VmHWM")? / 1024.0)
    }

    /// Ends it in an orderly way.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.process.sigterm()?;
        let status = self.process.wait(Duration::from_secs(60))?;
        if !status.success() {
            bail!("it ended with {status}: {}", self.process.stderr());
        }
        Ok(())
    }
}

/// Bytes of all files below a directory.
pub(crate) fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
