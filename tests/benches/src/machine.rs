//! What the figures were had on.

use std::{fs, thread::available_parallelism};

/// What else the machine does, for a figure had beside builds is another figure.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minute = text.split(' ').next().unwrap_or_default();
    format!("load average of the minute before: {minute}")
}

/// Cores, processor and memory, in a line.
pub(crate) fn description() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
    };
    let cores = available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores of {}, memory {}; service, broker (1 replica) and load share them",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
    )
}
