//! A client that asks one instance again and again, and notes what it does not like.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use domain::position::{Position, Stream};
use serde_json::Value;

use super::{
    ANSWER_WITHIN, ASK_EVERY,
    instance::{Instance, Life, Phase},
    record::{After, Record, Sample},
    seen::{Seen, position},
};
use crate::http::{self, Answer};

/// Groups asked for one by one.
const GROUPS: usize = 12;
/// How long the answers of an instance that was stopped are counted apart when it goes on.
const BACK_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Asker<'a> {
    pub instance: &'a Instance,
    pub record: &'a Record,
    pub groups: &'a [String],
    /// A message that was sent to a group.
    pub message: &'a str,
    pub seen: Seen,
}

impl Asker<'_> {
    /// Asks five times a second while the instance owes answers, until it is `over`.
    pub fn run(mut self, over: &AtomicBool) {
        let mut due = Instant::now();
        for round in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            match self.instance.life().phase {
                Phase::Running => self.round(round),
                Phase::Starting => {
                    self.instance.look_ready();
                }
                Phase::Stopped => {}
            }
            // Those who answer late are not asked more often afterwards.
            due = (due + ASK_EVERY).max(Instant::now());
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    /// A group, and in turn digests, lists and what receipts of a message have come.
    fn round(&mut self, round: usize) {
        let count = self.groups.len().min(GROUPS);
        let group = self.groups[round % count].clone();
        self.one("groups", &group);
        match round % 5 {
            0 | 2 => self.ask("/v1/digests", |asker, answer| asker.digests(&answer.json())),
            1 | 3 => self.ask("/v1/groups?limit=20", |asker, answer| {
                let page = answer.json();
                let groups = page["items"].as_array().cloned().unwrap_or_default();
                let older = groups.iter().flat_map(|group| {
                    let id = group["group_id"].as_str().unwrap_or_default();
                    asker.seen.entity(id, group)
                });
                older.collect()
            }),
            _ => self.one("messages", self.message),
        }
    }

    /// One group or message.
    fn one(&mut self, kind: &str, id: &str) {
        self.ask(&format!("/v1/{kind}/{id}"), |asker, answer| {
            if answer.status == 404 {
                return asker.seen.missing(id).into_iter().collect();
            }
            asker.seen.entity(id, &answer.json())
        });
    }

    fn ask(&mut self, path: &str, read: impl FnOnce(&mut Self, &Answer) -> Vec<String>) {
        let life = self.instance.life();
        if life.phase != Phase::Running {
            return;
        }
        let (sent_ms, sent) = (now_ms(), Instant::now());
        let answer = http::ask(life.queries.join(path).unwrap(), &[], ANSWER_WITHIN);
        self.record.queries.fetch_add(1, Ordering::Relaxed);
        // That there is no such group or message is an answer, to which the instance is held.
        let is_answer = |answer: &Answer| match answer.status {
            404 => ["/v1/groups/", "/v1/messages/"]
                .iter()
                .any(|start| path.starts_with(start)),
            status => status == 200,
        };
        match answer {
            Ok(answer) if is_answer(&answer) => {
                self.record.answered(sent.elapsed());
                let mut older = match answer.status {
                    404 => Vec::new(),
                    _ => self.positions(&answer, sent_ms),
                };
                older.extend(read(self, &answer));
                for line in older {
                    let name = &self.instance.name;
                    self.record.regressed(&format!("{name} {path}: {line}"));
                }
            }
            Ok(answer) => {
                let text: String = answer.text().chars().take(300).collect();
                self.failed(&life, path, &format!("{} {text}", answer.status));
            }
            Err(error) => {
                let took = sent.elapsed();
                self.failed(&life, path, &format!("after {took:?}: {error:?}"));
            }
        }
    }

    /// A failure, unless the instance was killed or stopped while it was asked.
    fn failed(&self, life: &Life, path: &str, why: &str) {
        if self.instance.life().turn != life.turn {
            self.record.cut_off.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let ended = self.instance.ended().unwrap_or_default();
        let name = &self.instance.name;
        self.record.failed(&format!("{name} {path}: {why} {ended}"));
    }

    /// Positions of the header: none may be older than before, and each tells how stale the answer is.
    fn positions(&mut self, answer: &Answer, sent_ms: i64) -> Vec<String> {
        let header = answer.headers.get("rollcall-position");
        let text = header.and_then(|value| value.to_str().ok()).unwrap_or("");
        let positions: Option<Vec<Position>> = text.split(',').map(position).collect();
        let Some(positions) = positions else {
            return vec![format!("Rollcall-Position is {text:?}")];
        };
        let resumed = self.instance.life().resumed;
        let is_back = resumed.is_some_and(|resumed| resumed.elapsed() < BACK_WITHIN);
        let after = if is_back {
            After::GoingOn
        } else {
            self.record.last_kill().map_or(After::Nothing, After::Kill)
        };
        for position in &positions {
            self.record.sample(Sample {
                sent_ms,
                position: *position,
                after,
            });
        }
        self.seen.positions(&positions)
    }

    /// A digest is of one position, and the same on every instance that is there.
    fn digests(&mut self, digests: &Value) -> Vec<String> {
        let mut older = Vec::new();
        for partition in digests["partitions"].as_array().into_iter().flatten() {
            let Some(at) = partition["position"].as_str().and_then(position) else {
                older.push(format!("no position: {partition}"));
                continue;
            };
            debug_assert_eq!(at.stream, Stream::Events);
            older.extend(self.seen.digest(at));
            self.record.digest(&self.instance.name, at, partition);
        }
        older
    }
}

/// Milliseconds of Unix time.
fn now_ms() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
