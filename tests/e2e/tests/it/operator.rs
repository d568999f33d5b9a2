//! Who types the commands of docs/operations.md, as they stand there.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

/// Longer than a broker takes for anything that is asked of it here.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The text below a heading, up to the next of its level or above.
pub fn section(heading: &str) -> String {
    let path = harness::workspace().join("docs/operations.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading}"));
    let body = rest.split("\n## ").next().unwrap();
    if heading.starts_with("### ") {
        return body.split("\n### ").next().unwrap().to_owned();
    }
    body.to_owned()
}

/// The lines of a section's shell blocks that are commands.
pub fn commands(heading: &str) -> Vec<String> {
    let (mut commands, mut is_shell) = (Vec::new(), false);
    for line in section(heading).lines().map(str::trim) {
        if let Some(kind) = line.strip_prefix("```") {
            is_shell = kind == "sh";
        } else if is_shell && !line.starts_with('#') {
            commands.push(line.to_owned());
        }
    }
    assert!(!commands.is_empty(), "{heading} has no commands");
    commands
}

/// Types a command in a directory, as the operator of these brokers.
pub fn types(command: &str, brokers: &str, directory: &Path) -> Output {
    let binary = harness::binary().unwrap();
    let path = std::env::var("PATH").unwrap();
    let binaries = binary.parent().unwrap();
    Command::new("bash")
        .args(["-c", command])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", binaries.display()))
        .env("BROKERS", brokers)
        // One broker is all there is here.
        .env("ROLLCALL_ALLOW_UNREPLICATED", "true")
        .env("ROLLCALL_REPLICATION", "1")
        .output()
        .unwrap()
}

/// What a command that did its work said.
pub fn said(command: &str, done: &Output) -> String {
    assert!(done.status.success(), "{command}: {done:?}");
    String::from_utf8(done.stdout.clone()).unwrap()
}

/// Asks a broker for what no client of the project's does: a request of Kafka's protocol with a header of version 1; its answer's body.
pub fn asks_kafka(broker: &str, api_key: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let header = [0, api_key, 0, version, 0, 0, 0, 7, 0xff, 0xff];
    let request = [&header[..], body].concat();
    let length = u32::try_from(request.len()).unwrap().to_be_bytes();
    let mut stream = TcpStream::connect(broker).unwrap();
    stream.set_read_timeout(Some(ANSWER_WITHIN)).unwrap();
    stream.write_all(&[&length[..], &request].concat()).unwrap();
    let mut size = [0; 4];
    stream.read_exact(&mut size).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// A name as Kafka's protocol has it.
pub fn kafka_name(name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len()).unwrap().to_be_bytes();
    [&length[..], name.as_bytes()].concat()
}
