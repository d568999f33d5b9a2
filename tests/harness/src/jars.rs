//! Apache Kafka's jars, fetched once for a target directory.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, bail};

use crate::process::target;

/// The release of Apache Kafka that the tests run against.
pub const KAFKA_VERSION: &str = "4.1.1";

const INSTALL: &str = "apt-get install -y openjdk-17-jdk-headless maven";

/// Written last, so that a fetch that was cut off is done again.
const COMPLETE: &str = "complete";

/// The directory of Kafka's jars, fetched through Maven if it is not there yet.
///
/// # Errors
///
/// One line that names the command to install what is missing, or what Maven said.
pub fn jars() -> Result<PathBuf> {
    static JARS: OnceLock<PathBuf> = OnceLock::new();
    if let Some(jars) = JARS.get() {
        return Ok(jars.clone());
    }
    let dir = target()?.join(format!("kafka-{KAFKA_VERSION}"));
    let jars = dir.join("jars");
    require("java", "-version")?;
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    // Test binaries run side by side: one fetches, the others wait for it here.
    let lock = File::create(dir.join("lock")).context("create the lock of Kafka's jars")?;
    lock.lock().context("lock Kafka's jars")?;
    if !dir.join(COMPLETE).exists() {
        fetch(&dir, &jars)?;
    }
    Ok(JARS.get_or_init(|| jars).clone())
}

/// A `java` command with Kafka's jars on its class path.
///
/// # Errors
///
/// As [`jars`].
pub fn java() -> Result<Command> {
    let jars = jars()?;
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}/*", jars.display()));
    Ok(command)
}

fn require(program: &str, argument: &str) -> Result<()> {
    let found = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        bail!("the tests run a real Kafka and `{program}` is missing: {INSTALL}");
    }
    Ok(())
}

fn fetch(dir: &Path, jars: &Path) -> Result<()> {
    require("mvn", "-version")?;
    let pom = dir.join("pom.xml");
    fs::write(&pom, project()).context("write the Maven project")?;
    let fetched = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg("-f")
        .arg(&pom)
        .arg(format!("-DoutputDirectory={}", jars.display()))
        .stdin(Stdio::null())
        .output()
        .context("run mvn")?;
    if !fetched.status.success() {
        bail!(
            "mvn could not fetch Kafka {KAFKA_VERSION}: {}{}",
            String::from_utf8_lossy(&fetched.stdout),
            String::from_utf8_lossy(&fetched.stderr)
        );
    }
    fs::write(dir.join(COMPLETE), KAFKA_VERSION).context("mark Kafka's jars as complete")?;
    Ok(())
}

fn project() -> String {
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rollcall</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"#
    )
}
