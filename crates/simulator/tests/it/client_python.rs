//! A public client library in another language, which knows nothing of the simulator.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use simulator::{Config, Simulator};

/// What the driver says when it came to its end: a line for each.
const SEEN: &[&str] = &[
    "created 7 groups",
    "listed them in 3 pages",
    "read their info",
    "read and reset an invite link",
    "listed, approved and rejected join requests",
    "sent a message to a group",
    "removed participants",
    "changed a subject and the picture",
    "deleted a group, and was told that it is unknown",
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/client-python")
}

/// Runs a command to its end; its output, which must be a success.
fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    out
}

/// Python with exactly what the lock file names, made once and kept with the build.
fn python() -> PathBuf {
    let found = Command::new("python3")
        .args([
            "-c",
            "import ensurepip, sys; assert sys.version_info >= (3, 10)",
        ])
        .stdin(Stdio::null())
        .output();
    assert!(
        found.is_ok_and(|found| found.status.success()),
        "a client in Python is tested and Python with venv is missing: apt-get install -y python3-venv"
    );
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("client-python");
    let (lock, made) = (
        sources().join("requirements.txt"),
        place.join("made-of.txt"),
    );
    let python = place.join("bin/python");
    let wanted = fs::read(&lock).unwrap();
    if fs::read(&made).is_ok_and(|made| made == wanted) {
        return python;
    }
    let _ = fs::remove_dir_all(&place);
    run(Command::new("python3").args(["-m", "venv"]).arg(&place));
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ])
        .arg("-r")
        .arg(&lock));
    fs::write(made, wanted).unwrap();
    python
}

#[tokio::test]
async fn a_public_client_library_in_python_drives_the_simulator() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let url = simulator.url();
    let said = tokio::task::spawn_blocking(move || {
        run(Command::new(python())
            .arg(sources().join("drive.py"))
            .arg(url))
    })
    .await
    .unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), SEEN.len(), "{said:#?}");
    for (line, seen) in said.iter().zip(SEEN) {
        assert!(line.starts_with("pywa ") && line.ends_with(seen), "{line}");
    }
    simulator.stop().await.unwrap();
}
