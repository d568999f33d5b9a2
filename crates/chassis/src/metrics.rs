//! The registry of a process, and what every process measures of itself.

use std::{
    fmt, fs,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::{Registry, Unit},
};

/// Content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one process: a cheap handle on its one registry.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// A registry with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the registry to `register`, and back what that returns:
    /// `let metrics = ctx.metrics.register(ingest::Metrics::register);`
    pub fn register<T>(&self, register: impl FnOnce(&mut Registry) -> T) -> T {
        // A panic in a registration leaves metrics missing, not a broken registry.
        let mut registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register(&mut registry)
    }

    /// All metrics as OpenMetrics text.
    pub fn encode(&self) -> String {
        let registry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        if text::encode(&mut out, &registry).is_err() {
            // Writing into memory does not fail; a metric that cannot encode itself ends here.
            out.push_str("# EOF\n");
        }
        out
    }

    /// Adds `rollcall_build_info` and the `process_` metrics.
    pub(crate) fn describe_process(&self, name: &'static str, version: &'static str) {
        self.register(|registry| {
            let labels = vec![("process", name), ("version", version)];
            registry.register("rollcall_build", "What is running", Info::new(labels));
            registry.register_collector(Box::new(ProcessCollector));
        });
    }
}

/// Reads `/proc/self` at every scrape; where there is none, it adds nothing.
#[derive(Debug)]
struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let help = "Processor time used, user and system";
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                kind,
            )?)?;
        }
        if let Some(bytes) = resident_bytes() {
            let gauge = ConstGauge::new(bytes);
            let help = "Memory resident";
            let kind = gauge.metric_type();
            let name = "process_resident_memory";
            gauge.encode(encoder.encode_descriptor(name, help, Some(&Unit::Bytes), kind)?)?;
        }
        if let Some(count) = open_files() {
            let gauge = ConstGauge::new(count);
            let kind = gauge.metric_type();
            gauge.encode(encoder.encode_descriptor(
                "process_open_fds",
                "Open file descriptors",
                None,
                kind,
            )?)?;
        }
        Ok(())
    }
}

/// Processor time of this process so far, user and system, in seconds; `None` without `/proc`.
pub fn cpu_seconds() -> Option<f64> {
    parse_cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Resident memory of this process in bytes; `None` without `/proc`.
pub fn resident_bytes() -> Option<i64> {
    parse_resident_bytes(&fs::read_to_string("/proc/self/status").ok()?)
}

fn open_files() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

/// Fields 14 and 15 of proc(5) `stat`, counted after the command name, which may hold anything.
fn parse_cpu_seconds(stat: &str) -> Option<f64> {
    // The unit that Linux shows to programs is 1/100 s on every architecture Rust runs on.
    const TICKS_PER_SECOND: f64 = 100.0;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

fn parse_resident_bytes(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests;
