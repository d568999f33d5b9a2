//! One projector over all its lives: the same directory, the same name in the consumer group.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use harness::Process;
use reqwest::Url;
use tempfile::TempDir;

use super::ANSWER_WITHIN;
use crate::http;

/// How long a process that was killed may take to be gone, with all its output.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// Lines of the log that a failure shows; all of it is kept in a file.
const TAIL_LINES: usize = 40;

/// What may be expected of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Killed, or started and not ready since: it owes no answer.
    Starting,
    /// Ready once since its start, and not stopped: it owes every answer.
    Running,
    /// Held by SIGSTOP: it owes no answer.
    Stopped,
}

/// An instance as it is now.
#[derive(Debug, Clone)]
pub struct Life {
    /// Another at each kill, stop and resumption, so that what was under way then can be told.
    pub turn: u64,
    pub phase: Phase,
    pub queries: Url,
    pub admin: Url,
    /// When it went on after it was stopped.
    pub resumed: Option<Instant>,
}

#[derive(Debug)]
pub struct Instance {
    pub name: String,
    arguments: Vec<String>,
    process: Mutex<Process>,
    life: Mutex<Life>,
    /// What its former lives logged.
    logged: Mutex<String>,
    _dir: TempDir,
}

impl Instance {
    pub fn start(name: String, brokers: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let arguments = vec![
            "projector".to_owned(),
            format!("--kafka-brokers={brokers}"),
            format!("--data-dir={}", dir.path().display()),
            format!("--instance-id={name}"),
            "--session-timeout=6s".into(),
            "--listen=127.0.0.1:0".into(),
            "--admin-listen=127.0.0.1:0".into(),
        ];
        let (process, [queries, admin]) = spawn(&arguments);
        let life = Life {
            turn: 0,
            phase: Phase::Starting,
            queries,
            admin,
            resumed: None,
        };
        Self {
            name,
            arguments,
            process: Mutex::new(process),
            life: Mutex::new(life),
            logged: Mutex::default(),
            _dir: dir,
        }
    }

    /// It as it is now.
    pub fn life(&self) -> Life {
        lock(&self.life).clone()
    }

    /// Is it ready for the first time since its start? Then it runs from now on.
    pub fn look_ready(&self) -> bool {
        let life = self.life();
        let ready = http::ask(life.admin.join("/readyz").unwrap(), &[], ANSWER_WITHIN);
        let is_ready = ready.is_ok_and(|answer| answer.status == 200);
        let mut now = lock(&self.life);
        if is_ready && now.turn == life.turn && now.phase == Phase::Starting {
            now.phase = Phase::Running;
        }
        now.phase == Phase::Running
    }

    /// Kills it, and starts it again at once on the same directory.
    pub fn kill_and_restart(&self) {
        let mut process = lock(&self.process);
        // From here on nothing is expected of it.
        self.turn(Phase::Starting, None);
        process.kill9().unwrap();
        process.wait(GONE_WITHIN).unwrap();
        lock(&self.logged).push_str(&format!("{}\n", process.stderr()));
        let (again, urls) = spawn(&self.arguments);
        *process = again;
        self.turn(Phase::Starting, Some(urls));
    }

    /// Holds it (SIGSTOP).
    pub fn pause(&self) {
        let process = lock(&self.process);
        self.turn(Phase::Stopped, None);
        process.pause().unwrap();
    }

    /// Lets it go on (SIGCONT): every answer is expected again at once.
    pub fn resume(&self) {
        let process = lock(&self.process);
        process.resume().unwrap();
        self.turn(Phase::Running, None);
        lock(&self.life).resumed = Some(Instant::now());
    }

    fn turn(&self, phase: Phase, urls: Option<[Url; 2]>) {
        let mut life = lock(&self.life);
        life.turn += 1;
        life.phase = phase;
        if let Some([queries, admin]) = urls {
            (life.queries, life.admin) = (queries, admin);
        }
    }

    /// How it ended, if it did so by itself.
    pub fn ended(&self) -> Option<String> {
        // Whoever holds it ends or starts it.
        let mut process = self.process.try_lock().ok()?;
        let status = process.try_wait().unwrap()?;
        Some(format!("it ended by itself: {status}"))
    }

    /// Partitions that it leads, of both inputs; none where it does not tell.
    pub fn led(&self) -> usize {
        let url = self.life().admin.join("/metrics").unwrap();
        let Ok(metrics) = http::ask(url, &[], ANSWER_WITHIN) else {
            return 0;
        };
        let is_led = |line: &&str| line.starts_with("projector_leads{") && line.ends_with(" 1");
        metrics.text().lines().filter(is_led).count()
    }

    /// Ends it in an orderly way; its exit status.
    pub fn stop(&self, within: Duration) -> Option<i32> {
        let mut process = lock(&self.process);
        process.sigterm().unwrap();
        process.wait(within).unwrap().code()
    }

    /// What all its lives have logged.
    pub fn log(&self) -> String {
        let last = lock(&self.process).stderr();
        format!("{}{last}", lock(&self.logged))
    }
}

/// A test that fails says what its instances logged last; all of it is kept where it is asked for.
impl Drop for Instance {
    fn drop(&mut self) {
        let asked = std::env::var_os("ROLLCALL_PROJECTORS_LOGS").map(PathBuf::from);
        let kept = asked.or_else(|| thread::panicking().then(std::env::temp_dir));
        let Some(kept) = kept else {
            return;
        };
        let log = self.log();
        let kept = kept.join(format!("rollcall-{}.log", self.name));
        let written = fs::write(&kept, &log).map_or("not written to", |()| "all in");
        println!("log of {}, {written} {}", self.name, kept.display());
        if thread::panicking() {
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
            println!("{tail}");
        }
    }
}

fn spawn(arguments: &[String]) -> (Process, [Url; 2]) {
    let mut process = Process::spawn(arguments).unwrap();
    let urls = ["query API", "admin"].map(|what| process.await_listening(what).unwrap());
    (process, urls)
}

/// A thread that panicked holding a lock fails the test by itself.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
