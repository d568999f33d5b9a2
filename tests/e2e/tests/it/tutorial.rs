//! docs/tutorial.md, typed as it stands there; what it shows is what comes, but for ids, times and ports.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use harness::{Process, await_until};
use reqwest::Url;
use tempfile::TempDir;

use crate::{http, services::READY_WITHIN};

/// For what comes by webhook to be shown.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// A block of commands, and the output that follows it.
#[derive(Debug, Default)]
struct Block {
    /// `sh`; with `service` for what goes on running, with `read` for what may be typed again.
    kind: String,
    commands: String,
    output: Option<String>,
}

fn blocks() -> Vec<Block> {
    let text = fs::read_to_string(harness::workspace().join("docs/tutorial.md")).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    for (n, part) in text.split("```").enumerate() {
        // Every other part is between fences.
        if n % 2 == 0 {
            continue;
        }
        let (kind, body) = part.split_once('\n').unwrap();
        match kind {
            "text" => blocks.last_mut().unwrap().output = Some(body.to_owned()),
            kind if kind.starts_with("sh") => blocks.push(Block {
                kind: kind.to_owned(),
                commands: body.to_owned(),
                output: None,
            }),
            other => panic!("a block of {other:?}"),
        }
    }
    blocks
}

/// What is the same each time.
fn normal(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.:/=".contains(c);
    let mut normal = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let starts = [
            "rq-",
            "wamid.",
            "https://chat.whatsapp.com/",
            "Y2FwaV9n",
            "MTU1NTAx",
        ];
        let known = starts.into_iter().find(|start| word.starts_with(start));
        let is_time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
        match known {
            Some(start) => normal.push_str(&format!("{start}…")),
            None if is_time => normal.push_str("(time)"),
            None => normal.push_str(word),
        }
        let next = after.find(is_word).unwrap_or(after.len());
        normal.push_str(&after[..next]);
        rest = &after[next..];
    }
    normal.trim_end().to_owned()
}

struct Desk {
    dir: TempDir,
    /// Addresses as the page writes them, and as they are here.
    addresses: Vec<(&'static str, String)>,
    services: Vec<Process>,
}

impl Desk {
    fn here(&self, text: &str) -> String {
        self.addresses
            .iter()
            .fold(text.to_owned(), |text, (there, here)| {
                text.replace(there, here)
            })
    }

    fn bash(&self, script: &str) -> Command {
        let binary = harness::binary().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-c", script])
            .current_dir(self.dir.path())
            .env(
                "PATH",
                format!("{}:{path}", binary.parent().unwrap().display()),
            )
            .env("ROLLCALL_WEBHOOK_LISTEN", "127.0.0.1:0")
            .env("ROLLCALL_ADMIN_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null());
        if let Some((_, queries)) = self
            .addresses
            .iter()
            .find(|(there, _)| there.ends_with("8081"))
        {
            let url = format!("http://{queries}");
            bash.env("ROLLCALL_URL", &url)
                .env("ROLLCALL_COMMAND_URL", &url);
        } else {
            bash.env("ROLLCALL_LISTEN", "127.0.0.1:0");
        }
        bash
    }

    /// Types commands in the shell that all share, by what it remembers.
    fn types(&self, commands: &str) -> String {
        let script = format!(
            "set -a; [ -f \"$OLD\" ] && . \"$OLD\"; [ -n \"$AT\" ] && cd \"$AT\"\n{}\nAT=$PWD; declare -p AT ROLLCALL_PHONE_NUMBER_ID GROUP MESSAGE > \"$OLD\" 2> /dev/null; true",
            self.here(commands)
        );
        let typed = self
            .bash(&script)
            .env("OLD", self.dir.path().join("shell"))
            .output()
            .unwrap();
        assert!(typed.status.success(), "{commands}: {typed:?}");
        let said = String::from_utf8(typed.stdout).unwrap();
        self.addresses.iter().fold(said, |said, (there, here)| {
            said.replace(here.as_str(), there)
        })
    }

    /// Starts what goes on running, and learns where it listens.
    fn starts(&mut self, commands: &str) {
        let is_simulator = commands.contains("simulator");
        let commands = commands.replace("--listen 127.0.0.1:9000", "--listen 127.0.0.1:0");
        let script = format!("cd tutorial && exec {}", self.here(&commands));
        let mut process = Process::run(self.bash(&script)).unwrap();
        let host = |url: &Url| format!("127.0.0.1:{}", url.port().unwrap());
        if is_simulator {
            let url = process.await_listening("simulator").unwrap();
            self.addresses.push(("127.0.0.1:9000", host(&url)));
        } else {
            let admin = process.await_listening("admin").unwrap();
            let webhooks = process.await_listening("webhooks").unwrap();
            let queries = process.await_listening("query API").unwrap();
            self.addresses.push(("127.0.0.1:8080", host(&webhooks)));
            self.addresses.push(("127.0.0.1:8081", host(&queries)));
            await_until(READY_WITHIN, "readiness", || {
                let answer = http::try_get(admin.join("/readyz").unwrap())?;
                (answer.status == 200).then_some(())
            })
            .unwrap();
        }
        self.services.push(process);
    }

    fn follows(&self, block: &Block) {
        let shown = normal(block.output.as_deref().unwrap_or_default());
        if block.kind != "sh read" {
            let said = normal(&self.types(&block.commands));
            assert_eq!(said, shown, "{}", block.commands);
            return;
        }
        // What comes by webhook is there soon, and stays.
        let mut said = String::new();
        let awaited = await_until(SHOWN_WITHIN, "what the page shows", || {
            said = normal(&self.types(&block.commands));
            (said == shown).then_some(())
        });
        assert!(
            awaited.is_ok(),
            "{}\n{said}\nis not\n{shown}",
            block.commands
        );
    }
}

#[test]
fn the_tutorial_shows_what_happens() {
    let mut desk = Desk {
        dir: tempfile::tempdir().unwrap(),
        addresses: Vec::new(),
        services: Vec::new(),
    };
    let blocks = blocks();
    assert!(blocks.len() > 15, "{blocks:?}");
    for block in &blocks {
        if block.kind == "sh service" {
            desk.starts(&block.commands);
        } else {
            desk.follows(block);
        }
    }
    for mut process in desk.services {
        process.sigterm().unwrap();
        assert!(process.wait(Duration::from_secs(60)).unwrap().success());
    }
}
