//! Kafka's classes as the JVM has parsed and verified them, kept beside the jars.
//!
//! With them a node starts for less than half of the CPU time, and tests start many.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{Node, Ports, free_ports};
use crate::{jars::jars, process::end_child};

/// How long a node may take to end and to write its classes down.
const WRITE_WITHIN: Duration = Duration::from_secs(120);

/// The file with the classes, made by a first node that does nothing else; none where that did not work, for it only saves time.
pub(super) fn archive() -> Option<&'static Path> {
    static ARCHIVE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let archive = ARCHIVE.get_or_init(|| {
        let made = made();
        made.inspect_err(|error| eprintln!("Kafka starts slowly: {error:#}"))
            .ok()
    });
    archive.as_deref()
}

fn made() -> Result<PathBuf> {
    let jars = jars()?;
    let dir = jars.parent().context("the jars lie in a directory")?;
    let archive = dir.join("classes.jsa");
    // Test binaries run side by side: one makes it, the others wait for it here.
    let lock = File::create(dir.join("classes.lock")).context("create a lock")?;
    lock.lock().context("lock Kafka's classes")?;
    if !archive.exists() {
        make(&archive)?;
    }
    Ok(archive)
}

fn make(archive: &Path) -> Result<()> {
    // Whole before it has its name.
    let part = archive.with_extension("part");
    let _ = fs::remove_file(&part);
    let dir = tempfile::tempdir().context("make a directory for Kafka")?;
    let ports = free_ports(2)?;
    let (clients, controllers) = ports.split_at(1);
    let ports = Ports {
        clients,
        controllers,
        listeners: &[],
    };
    let mut node = Node::format(dir.path(), 0, ports, (&[], &[]), None)?;
    let write = format!("-XX:ArchiveClassesAtExit={}", part.display());
    node.spawn_with(Some(write))?;
    node.await_answer()?;
    let child = node.child.take().context("the node runs")?;
    end_child(child, WRITE_WITHIN)?;
    fs::rename(&part, archive).context("the JVM wrote no classes")
}
