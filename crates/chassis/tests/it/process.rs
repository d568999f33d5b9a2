//! Runs `examples/probe.rs`, which `cargo test` builds beside these tests.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

struct Probe {
    child: Child,
    out: BufReader<ChildStdout>,
}

/// What a probe said and how it ended.
struct Ended {
    status: ExitStatus,
    log: String,
}

impl Probe {
    fn start(args: &[&str]) -> Self {
        let tests = std::env::current_exe().unwrap();
        let target = tests.parent().unwrap().parent().unwrap();
        let mut child = Command::new(target.join("examples/probe"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The next line of standard output; empty at its end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn address(&mut self) -> String {
        let line = self.line();
        let url = line.strip_prefix("listening on admin ").unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        url.to_owned()
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    fn end(&mut self) -> Ended {
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        let status = self.child.wait().unwrap();
        Ended { status, log }
    }

    /// Reads the log until a line holds `text`.
    fn wait_for_log(&mut self, text: &str) {
        let mut line = Vec::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut byte = [0];
        while stderr.read(&mut byte).unwrap() == 1 {
            line.push(byte[0]);
            if byte[0] == b'\n' {
                if String::from_utf8_lossy(&line).contains(text) {
                    return;
                }
                line.clear();
            }
        }
        panic!("the log ended without {text}");
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // Nothing to do for one that has ended.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

const FREE: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

#[tokio::test]
async fn a_service_says_where_it_listens_is_ready_and_ends_well_on_sigterm_and_sigint() {
    for signal in ["TERM", "INT"] {
        let mut probe = Probe::start(&FREE);
        let url = probe.address();
        let ready = reqwest::get(format!("{url}/readyz")).await.unwrap();
        assert_eq!(ready.status(), 200);
        assert_eq!(
            ready.text().await.unwrap(),
            r#"{"ok":true,"checks":[{"name":"worker","ok":true,"reason":null}]}"#
        );
        let alive = reqwest::get(format!("{url}/livez")).await.unwrap();
        assert_eq!(alive.status(), 200);
        let metrics = reqwest::get(format!("{url}/metrics")).await.unwrap();
        let text = metrics.text().await.unwrap();
        assert!(
            text.contains("rollcall_build_info{process=\"probe\",version=\""),
            "{text}"
        );
        probe.signal(signal);
        let ended = probe.end();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
        assert!(
            ended.log.contains(&format!("SIG{signal}: shutting down")),
            "{}",
            ended.log
        );
    }
}

#[test]
fn one_start_line_names_service_version_and_settings_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app-secret");
    fs::write(&path, "hunter2hunter2\n").unwrap();
    let path = path.to_str().unwrap();
    let mut probe = Probe::start(&[&FREE[..], &["--app-secret-file", path]].concat());
    probe.address();
    probe.signal("TERM");
    let log = probe.end().log;
    let starts: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" starts"))
        .collect();
    let [start] = starts[..] else {
        panic!("one start line in {log}");
    };
    let start: serde_json::Value = serde_json::from_str(start).unwrap();
    assert_eq!(start["service"], "probe");
    assert_eq!(start["version"], chassis::VERSION);
    let settings = start["settings"].as_str().unwrap();
    assert!(
        settings.contains("every: 300s") && settings.contains(path),
        "{settings}"
    );
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_second_signal_ends_a_process_that_does_not_end_at_once() {
    let mut probe = Probe::start(&[&FREE[..], &["--end", "never"]].concat());
    probe.address();
    probe.signal("TERM");
    probe.wait_for_log("SIGTERM: shutting down");
    probe.signal("TERM");
    let ended = probe.end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.log.contains("SIGTERM during shutdown"),
        "{}",
        ended.log
    );
}

#[test]
fn a_task_that_fails_ends_the_process_with_status_1_and_its_name() {
    let ended = Probe::start(&[&FREE[..], &["--end", "fails"]].concat()).end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended
            .log
            .contains("probe failed: task worker: the disk is full"),
        "{}",
        ended.log
    );
}

#[test]
fn a_task_that_panics_ends_the_process_and_the_log_says_where_without_the_data() {
    let ended = Probe::start(&[&FREE[..], &["--end", "panics"]].concat()).end();
    assert_eq!(ended.status.code(), Some(1));
    let log = &ended.log;
    assert!(log.contains("probe failed: task worker panicked"), "{log}");
    assert!(log.contains("examples/probe.rs:"), "{log}");
    assert!(!log.contains("15550100042"), "{log}");
}

#[test]
fn a_taken_port_is_a_failure_that_names_the_option() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Probe::start(&["--admin-listen", &address]).end();
    assert_eq!(ended.status.code(), Some(1));
    let expected = format!("--admin-listen {address} cannot be bound: Address already in use");
    assert!(ended.log.contains(&expected), "{}", ended.log);
}

#[test]
fn wrong_options_are_all_named_with_exit_status_2() {
    let ended = Probe::start(&["--every", "soon", "--listen", "here", "--end", "badly"]).end();
    assert_eq!(ended.status.code(), Some(2));
    let lines: Vec<&str> = ended.log.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.log);
    for (line, option) in lines.iter().zip(["--every", "--listen", "--end"]) {
        assert!(
            line.starts_with("error: ") && line.contains(option),
            "{line}"
        );
    }
}

#[test]
fn options_that_do_not_go_together_are_all_named_with_exit_status_2() {
    let args = [
        "--listen",
        "0.0.0.0:8081",
        "--admin-listen",
        "0.0.0.0:9090",
        "--log",
        "off",
    ];
    let ended = Probe::start(&args).end();
    assert_eq!(ended.status.code(), Some(2));
    let lines: Vec<&str> = ended.log.lines().collect();
    assert_eq!(
        lines,
        [
            "error: --listen 0.0.0.0:8081 is beyond loopback: give --accept-tokens-file, \
             or --insecure-open to let everyone in",
            "error: --admin-listen 0.0.0.0:9090 shows /metrics beyond loopback: \
             give --accept-tokens-file, or --metrics-open to show them to everyone",
        ]
    );
}

#[test]
fn help_and_version_are_no_failures() {
    let mut probe = Probe::start(&["--help"]);
    let mut help = String::new();
    probe.out.read_to_string(&mut help).unwrap();
    assert_eq!(probe.end().status.code(), Some(0));
    for option in [
        "--log-format <FORMAT>",
        "--log <FILTER>",
        "--admin-listen <ADDRESS>",
    ] {
        assert!(help.contains(option), "{option} not in\n{help}");
    }
    assert!(help.contains("[env: ROLLCALL_ADMIN_LISTEN=]"), "{help}");
}
