//! The `rollcall` binary as a process.

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use reqwest::Url;
use tempfile::TempDir;

use crate::wait::await_until;

/// How long a process may take from its start to the line that says where it listens.
const LISTENING_WITHIN: Duration = Duration::from_secs(150);

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The target directory that the running tests were built in.
pub(crate) fn target() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(workspace().join(dir));
    }
    Ok(workspace().join("target"))
}

/// The debug binary of `rollcall`, built at the first call in this process; or the one that `ROLLCALL_BINARY` names, for measuring.
///
/// # Errors
///
/// What cargo said.
pub fn binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("ROLLCALL_BINARY") {
        return Ok(binary.into());
    }
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BINARY
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--bin",
            "rollcall",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(workspace())
        .stdin(Stdio::null())
        .output()
        .context("run cargo build")?;
    if !built.status.success() {
        bail!(
            "cargo build --bin rollcall: {}",
            String::from_utf8_lossy(&built.stderr)
        );
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "rollcall")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo build named no executable")
}

/// A running process, its output, and its end: it is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    dir: TempDir,
}

impl Process {
    /// Runs the debug `rollcall` binary with `arguments`.
    ///
    /// # Errors
    ///
    /// When it does not build or start.
    pub fn spawn(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(arguments);
        Self::run(command)
    }

    /// Runs any command (a release binary, one with an environment) and captures its output.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn run(mut command: Command) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("rollcall-process-")
            .tempdir()
            .context("make a directory for the output")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("run {}", command.get_program().display()))?;
        let (stdout, stderr) = (Arc::new(Output::default()), Arc::new(Output::default()));
        let pipes = (child.stdout.take(), child.stderr.take());
        let (Some(out), Some(err)) = pipes else {
            bail!("a spawned process has no pipes");
        };
        let readers = vec![
            stdout.follow(out, &dir.path().join("stdout"))?,
            stderr.follow(err, &dir.path().join("stderr"))?,
        ];
        Ok(Self {
            child,
            stdout,
            stderr,
            readers,
            dir,
        })
    }

    /// The process id, for reading its use of CPU and memory.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address of the line `listening on <what> http://…` on standard output, once it is there.
    ///
    /// # Errors
    ///
    /// When the process ends first or is silent for too long; its output is in the error.
    pub fn await_listening(&mut self, what: &str) -> Result<Url> {
        let start = format!("listening on {what} ");
        let line = self.await_stdout(LISTENING_WITHIN, |line| line.starts_with(&start))?;
        let address = line[start.len()..].split_whitespace().next().unwrap_or("");
        Url::parse(address).with_context(|| format!("read the address in {line:?}"))
    }

    /// The first line on standard output for which `wanted` holds, once it is there.
    ///
    /// # Errors
    ///
    /// When the process ends first or `timeout` is over; its output is in the error.
    pub fn await_stdout(
        &mut self,
        timeout: Duration,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> Result<String> {
        let found = self.stdout.find(Instant::now() + timeout, &mut wanted);
        found.with_context(|| {
            format!(
                "the line did not come\nstdout:\n{}\nstderr:\n{}",
                self.stdout(),
                self.stderr()
            )
        })
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The directory that holds the files `stdout` and `stderr`.
    #[must_use]
    pub fn output_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Kills it (SIGKILL) and waits for its end.
    ///
    /// # Errors
    ///
    /// When it cannot be awaited.
    pub fn kill9(&mut self) -> Result<()> {
        // It may have ended by itself; that is seen by waiting.
        let _ = self.child.kill();
        self.child.wait().context("wait for a killed process")?;
        Ok(())
    }

    /// Asks it to end (SIGTERM), without waiting.
    ///
    /// # Errors
    ///
    /// When it cannot be signalled.
    pub fn sigterm(&self) -> Result<()> {
        signal(self.child.id(), "TERM")
    }

    /// Holds it (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// When it cannot be signalled.
    pub fn pause(&self) -> Result<()> {
        signal(self.child.id(), "STOP")
    }

    /// Lets it go on after [`Process::pause`] (SIGCONT).
    ///
    /// # Errors
    ///
    /// When it cannot be signalled.
    pub fn resume(&self) -> Result<()> {
        signal(self.child.id(), "CONT")
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("ask for the exit status")
    }

    /// Waits for its end and for the last of its output.
    ///
    /// # Errors
    ///
    /// When it still runs after `timeout`; its output is in the error.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        let ended = await_until(timeout, "the process to end", || {
            child.try_wait().transpose()
        });
        let status = match ended {
            Ok(status) => status.context("wait for a process")?,
            Err(error) => {
                return Err(error.context(format!(
                    "stdout:\n{}\nstderr:\n{}",
                    self.stdout(),
                    self.stderr()
                )));
            }
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill9();
    }
}

/// The lines of one stream, and whether it has ended.
#[derive(Debug, Default)]
struct Output {
    lines: Mutex<(Vec<String>, bool)>,
    more: Condvar,
}

impl Output {
    fn follow(
        self: &Arc<Self>,
        pipe: impl Read + Send + 'static,
        path: &Path,
    ) -> Result<JoinHandle<()>> {
        let mut file = File::create(path).context("create a file for the output")?;
        let output = Arc::clone(self);
        Ok(thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let _ = file.write_all(&line);
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                output.change(|lines| lines.0.push(text));
                line.clear();
            }
            output.change(|lines| lines.1 = true);
        }))
    }

    fn change(&self, change: impl FnOnce(&mut (Vec<String>, bool))) {
        change(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }

    fn find(&self, until: Instant, wanted: &mut dyn FnMut(&str) -> bool) -> Option<String> {
        let mut seen = 0;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = lines.0[seen..].iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            seen = lines.0.len();
            let left = until.saturating_duration_since(Instant::now());
            if lines.1 || left.is_zero() {
                return None;
            }
            lines = self
                .more
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.0.join("\n")
    }
}

/// Sends a signal by name, without unsafe code: `kill` is part of every shell.
pub(crate) fn signal(pid: u32, name: &str) -> Result<()> {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .stdin(Stdio::null())
        .status()
        .context("run kill")?;
    if !sent.success() {
        bail!("process {pid} did not take SIG{name}");
    }
    Ok(())
}

/// Ends a child: SIGTERM if it is given time, then SIGKILL.
pub(crate) fn end_child(mut child: Child, patience: Duration) -> Result<()> {
    if !patience.is_zero() {
        // It may have ended by itself; that is seen by waiting.
        let _ = signal(child.id(), "TERM");
        let ended = await_until(patience, "the process to end", || {
            child.try_wait().ok().flatten()
        });
        if ended.is_ok() {
            return Ok(());
        }
    }
    let _ = child.kill();
    child.wait().context("wait for a killed process")?;
    Ok(())
}
