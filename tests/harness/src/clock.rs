//! A wall clock that is off, for one process.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

/// What a process is started with so that its wall clock is off.
#[derive(Debug)]
pub struct Skew(TempDir);

impl Skew {
    /// Compiles what is put between a process and the kernel's clock.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler, which librdkafka needs too.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir().context("make a directory for the clock")?;
        let source = dir.path().join("skew.c");
        fs::write(&source, include_str!("clock/skew.c")).context("write the clock's source")?;
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(dir.path().join("skew.so"))
            .arg(source)
            .output()
            .context("run cc")?;
        if !built.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&built.stderr));
        }
        Ok(Self(dir))
    }

    /// The environment of a process whose clock is so many seconds ahead, or behind if they are negative.
    #[must_use]
    pub fn environment(&self, seconds: i64) -> Vec<(String, String)> {
        let library = self.0.path().join("skew.so");
        vec![
            ("LD_PRELOAD".to_owned(), library.display().to_string()),
            ("SKEW_SECONDS".to_owned(), seconds.to_string()),
        ]
    }
}
