//! What happened: kills, answers, and what was wrong with them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::position::{Position, Stream};
use eventlog::{At, Log, Start};
use serde_json::Value;

use super::instance::{Instance, lock};
use crate::http::block_on;

/// Lines shown of each kind of trouble.
const SHOWN_MAX: usize = 15;
/// How long a read of the log may wait for records that are there.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// What is done to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kill {
    /// `kill -9` of a projector, which is started again at once.
    Projector,
    /// `kill -9` of a broker, which is started again at once.
    Broker,
    /// SIGSTOP of the projector that leads most, for 20 s.
    Leader,
}

impl Kill {
    pub const ALL: [Self; 3] = [Self::Projector, Self::Broker, Self::Leader];

    fn name(self) -> &'static str {
        match self {
            Self::Projector => "kill -9 of a projector",
            Self::Broker => "kill -9 of a broker",
            Self::Leader => "SIGSTOP of the leader",
        }
    }
}

/// What an answer came after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum After {
    /// Nothing was killed yet.
    Nothing,
    /// This was killed last.
    Kill(Kill),
    /// The instance itself was stopped and goes on since a moment ago: what it holds is as old as its stop until it has read on.
    GoingOn,
}

impl After {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no kill",
            Self::Kill(kill) => kill.name(),
            Self::GoingOn => "its own SIGCONT",
        }
    }
}

/// How far an answer had come.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When it was asked for, in milliseconds of Unix time.
    pub sent_ms: i64,
    pub position: Position,
    pub after: After,
}

/// By partition, generation and offset: who told a digest of it first, and what.
type Told = BTreeMap<(u32, u32, i64), (String, Value)>;

#[derive(Debug)]
pub struct Record {
    began: Instant,
    pub queries: AtomicU64,
    /// Queries under way when their instance was killed or stopped.
    pub cut_off: AtomicU64,
    slowest_ms: AtomicU64,
    kills: Mutex<Vec<Kill>>,
    failures: Mutex<Vec<String>>,
    regressions: Mutex<Vec<String>>,
    contradictions: Mutex<Vec<(Position, String)>>,
    samples: Mutex<Vec<Sample>>,
    digests: Mutex<Told>,
}

impl Record {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            queries: AtomicU64::default(),
            cut_off: AtomicU64::default(),
            slowest_ms: AtomicU64::default(),
            kills: Mutex::default(),
            failures: Mutex::default(),
            regressions: Mutex::default(),
            contradictions: Mutex::default(),
            samples: Mutex::default(),
            digests: Mutex::default(),
        }
    }

    /// Says what happens, with the time since the beginning.
    pub fn say(&self, what: &str) {
        println!("{:6.1} s: {what}", self.began.elapsed().as_secs_f64());
    }

    pub fn kill(&self, kill: Kill, whom: &str) {
        lock(&self.kills).push(kill);
        self.say(&format!("{}: {whom}", kill.name()));
    }

    pub fn last_kill(&self) -> Option<Kill> {
        lock(&self.kills).last().copied()
    }

    pub fn answered(&self, after: Duration) {
        let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.slowest_ms.fetch_max(ms, Ordering::Relaxed);
    }

    pub fn failed(&self, line: &str) {
        self.note(&self.failures, "failure", line);
    }

    pub fn regressed(&self, line: &str) {
        self.note(&self.regressions, "regression", line);
    }

    pub fn sample(&self, sample: Sample) {
        lock(&self.samples).push(sample);
    }

    /// A digest of a partition: whoever has told one of the same position told the same,
    /// unless somebody came to lead there, with states in the topics that are ahead of the progress that is published again.
    pub fn digest(&self, name: &str, at: Position, partition: &Value) {
        let key = (at.partition, at.generation, at.offset);
        let mut digests = lock(&self.digests);
        let told = digests
            .entry(key)
            .or_insert_with(|| (name.to_owned(), partition.clone()));
        if told.1 != *partition {
            let since = self.began.elapsed().as_secs_f64();
            let line = format!(
                "{since:6.1} s: {name}: {partition}, and {}: {}",
                told.0, told.1
            );
            lock(&self.contradictions).push((at, line));
        }
    }

    fn note(&self, lines: &Mutex<Vec<String>>, what: &str, line: &str) {
        let since = self.began.elapsed().as_secs_f64();
        let mut lines = lock(lines);
        lines.push(format!("{since:6.1} s: {line}"));
        if lines.len() <= SHOWN_MAX {
            println!("{since:6.1} s: {what}: {line}");
        }
    }

    /// One line for each figure; gives the trouble there was.
    pub fn print(&self, log: &Log, instances: &[Instance]) -> Vec<String> {
        let kills = lock(&self.kills);
        let counts = Kill::ALL.map(|kill| {
            let count = kills.iter().filter(|other| **other == kill).count();
            format!("{count} {}", kill.name())
        });
        println!("kills: {}", counts.join(", "));
        println!(
            "queries: {}, the slowest answered in {} ms, {} cut off by the kill or stop of their instance",
            self.queries.load(Ordering::Relaxed),
            self.slowest_ms.load(Ordering::Relaxed),
            self.cut_off.load(Ordering::Relaxed),
        );
        let (failures, regressions) = (lock(&self.failures), lock(&self.regressions));
        println!("failures: {}", failures.len());
        println!("regressions: {}", regressions.len());
        let led = led(instances);
        let told = lock(&self.contradictions);
        let (at_take_overs, contradictions): (Vec<_>, Vec<_>) = told
            .iter()
            .partition(|(at, _)| led.iter().any(|led| led.after == at.to_string()));
        println!(
            "digests that differ at one position: {}, and {} where a take-over began, of {} positions",
            contradictions.len(),
            at_take_overs.len(),
            lock(&self.digests).len()
        );
        println!("{}", self.staleness(log));
        println!("{}", take_overs(&led));
        let contradictions: Vec<String> = contradictions
            .iter()
            .map(|(_, line)| line.clone())
            .collect();
        let kinds = [&failures[..], &regressions[..], &contradictions[..]];
        let shown = kinds.iter().flat_map(|lines| lines.iter().take(SHOWN_MAX));
        shown.cloned().collect()
    }

    /// The longest time from when an event was handed to the log to when an answer was asked for that did not know of it.
    ///
    /// Over all answers of instances that run, by what was killed last; to the age of an event belongs
    /// how long its append waited for a broker.
    fn staleness(&self, log: &Log) -> String {
        let mut events: BTreeMap<(Stream, u32), Vec<(i64, i64)>> = BTreeMap::new();
        let mut longest: BTreeMap<After, (i64, Sample)> = BTreeMap::new();
        let samples = lock(&self.samples);
        let began_ms = samples.first().map_or(0, |first| first.sent_ms);
        let mut ages = Vec::with_capacity(samples.len());
        for sample in samples.iter() {
            let (stream, partition) = (sample.position.stream, sample.position.partition);
            let events = events
                .entry((stream, partition))
                .or_insert_with(|| times(log, stream, partition));
            let known = events.partition_point(|(offset, _)| *offset <= sample.position.offset);
            let appended = events.get(known).map(|(_, ms)| *ms);
            let age = appended.map_or(0, |ms| (sample.sent_ms - ms).max(0));
            ages.push(age);
            let held = longest.entry(sample.after).or_insert((age, *sample));
            if age > held.0 {
                *held = (age, *sample);
            }
        }
        ages.sort_unstable();
        let seconds = |ms: i64| Duration::from_millis(ms.unsigned_abs()).as_secs_f64();
        let parts = longest.iter().map(|(after, (age, sample))| {
            let since = seconds(sample.sent_ms - began_ms);
            let (age, at) = (seconds(*age), sample.position);
            format!("{age:.1} s after {} ({at} at {since:.0} s)", after.name())
        });
        let parts: Vec<String> = parts.collect();
        let most = ages.last().copied().unwrap_or(0);
        let median = ages.get(ages.len() / 2).copied().unwrap_or(0);
        format!(
            "longest staleness: {:.1} s, median {:.2} s; longest by what came before: {}",
            seconds(most),
            seconds(median),
            parts.join(", ")
        )
    }
}

/// Offsets of an input's partition with the time at which each was handed to the log, in milliseconds of Unix time.
fn times(log: &Log, stream: Stream, partition: u32) -> Vec<(i64, i64)> {
    let topic = match stream {
        Stream::Events => "events.v1",
        Stream::Receipts => "receipts.v1",
    };
    block_on(async {
        let start = Start::new(topic, partition, At::Beginning);
        let mut reader = log.reader(vec![start]).await.unwrap();
        let mut times = Vec::new();
        while !reader.reached_all_ends() {
            let batch = reader.next(10_000, 16 << 20, READ_WITHIN).await.unwrap();
            assert!(!batch.is_empty(), "the end of {topic} did not come");
            times.extend(
                batch
                    .iter()
                    .map(|record| (record.offset, record.timestamp_ms)),
            );
        }
        times
    })
}

/// That an instance came to lead a partition.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Led {
    at: String,
    partition: String,
    /// The position that its progress stood at.
    after: String,
    name: String,
}

/// All of it, as their logs tell, in order of time.
fn led(instances: &[Instance]) -> Vec<Led> {
    let mut led = Vec::new();
    for instance in instances {
        for line in instance.log().lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            if let Some(rest) = text("message").strip_prefix("leading ")
                && let Some((partition, after)) = rest.split_once(" after ")
            {
                led.push(Led {
                    at: text("timestamp").to_owned(),
                    partition: partition.to_owned(),
                    after: after.to_owned(),
                    name: instance.name.clone(),
                });
            }
        }
    }
    led.sort();
    led
}

/// How often a partition came to be led by another instance than before, and by the same one again.
fn take_overs(led: &[Led]) -> String {
    let mut leaders: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut others, mut again) = (0, 0);
    for led in led {
        match leaders.insert(&led.partition, &led.name) {
            None => {}
            Some(before) if before == led.name => again += 1,
            Some(_) => others += 1,
        }
    }
    format!(
        "take-overs: {others} of {} partitions by another instance, {again} by the same one again",
        leaders.len()
    )
}
