//! `rollcall digest`: do two instances hold the same, and if not, which groups differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, bail};
use chassis::{Clock, Ctx, SecretFile};
use clap::{Args as ClapArgs, Subcommand};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    client::{Client, Output},
    print::line,
};

/// Time between two questions while instances are not at a common position.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Positions of a partition remembered of each instance while no common one is found.
const POSITIONS_MAX: usize = 1_000;

/// Times that entities are asked for: what differs each time, differs, whatever is folded meanwhile.
const ROUNDS: usize = 5;

/// Time between these, for what is on its way to arrive.
const ROUND_PAUSE: Duration = Duration::from_millis(500);

/// Differing groups and numbers shown as text, of each partition.
const NAMED_MAX: usize = 1_000;

/// What to do with digests.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Do two instances hold the same, and if not, which groups and numbers differ? Exit status 1 if they differ.
    Compare(Compare),
}

/// Which instances to compare.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Compare {
    /// Address of one instance's query API.
    first: Url,
    /// Address of the other's.
    second: Url,
    /// File with the token to present to both, or env:NAME.
    #[arg(long, env = "ROLLCALL_API_TOKEN_FILE")]
    api_token_file: Option<SecretFile>,
    /// How long to wait until both have been at the same position.
    #[arg(long, env = "ROLLCALL_WAIT", value_parser = chassis::duration::parse, default_value = "30s")]
    wait: Duration,
    /// How the answer is shown.
    #[arg(long, env = "ROLLCALL_OUTPUT", value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// As `GET /v1/digests` answers.
#[derive(Debug, Deserialize)]
struct Digests {
    partitions: Vec<Partition>,
    #[serde(default)]
    entities: Option<Vec<Entity>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Partition {
    partition: u32,
    position: String,
    groups: Topic,
    numbers: Topic,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Topic {
    digest: String,
    records: u64,
}

#[derive(Debug, Deserialize)]
struct Entity {
    key: String,
    digest: String,
}

/// A group or number that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Difference {
    key: String,
    first: Option<String>,
    second: Option<String>,
}

/// A partition where both were at the same position.
#[derive(Debug, Serialize)]
struct Compared {
    partition: u32,
    position: String,
    is_equal: bool,
    differences: Vec<Difference>,
}

/// What both hold of a position.
type Held = BTreeMap<String, (Topic, Topic)>;

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    let Command::Compare(compare) = command;
    tokio::select! {
        () = ctx.shutdown.cancelled() => bail!("stopped"),
        done = compare.run(&ctx.clock) => done,
    }
}

impl Compare {
    async fn run(&self, clock: &Clock) -> anyhow::Result<()> {
        let client = |url: &Url| Client::with_token(url.clone(), self.api_token_file.clone());
        let pair = Pair {
            clients: [client(&self.first)?, client(&self.second)?],
            names: [self.first.to_string(), self.second.to_string()],
        };
        let mut compared = pair.meet(clock, self.wait).await?;
        for partition in compared.iter_mut().filter(|partition| !partition.is_equal) {
            partition.differences = pair.differences(clock, partition.partition).await?;
        }
        self.show(&compared)?;
        let differing = compared
            .iter()
            .filter(|partition| !partition.is_equal)
            .count();
        if differing > 0 {
            bail!("the instances differ in {differing} partitions");
        }
        Ok(())
    }

    fn show(&self, compared: &[Compared]) -> anyhow::Result<()> {
        if self.output == Output::Json {
            let is_equal = compared.iter().all(|partition| partition.is_equal);
            return line(serde_json::json!({"is_equal": is_equal, "partitions": compared}));
        }
        for Compared {
            partition,
            position,
            is_equal,
            differences,
        } in compared
        {
            let word = if *is_equal { "equal" } else { "DIFFERENT" };
            line(format_args!("partition {partition} at {position}: {word}"))?;
            for Difference { key, first, second } in differences.iter().take(NAMED_MAX) {
                let (kind, id) = key.split_once('/').unwrap_or(("", key));
                let kind = if kind == "n" { "number" } else { "group" };
                let how = match (first, second) {
                    (Some(_), None) => "only the first has it",
                    (None, Some(_)) => "only the second has it",
                    (_, _) => "differs",
                };
                line(format_args!("  {kind} {id}: {how}"))?;
            }
            if differences.len() > NAMED_MAX {
                line(format_args!("  and {} more", differences.len() - NAMED_MAX))?;
            }
            if !is_equal && differences.is_empty() {
                line(
                    "  no group or number differs now: they have become equal, or were counted wrongly",
                )?;
            }
        }
        Ok(())
    }
}

struct Pair {
    clients: [Client; 2],
    names: [String; 2],
}

impl Pair {
    /// Asks both until, for each partition, both have told their digest at the same position.
    async fn meet(&self, clock: &Clock, wait: Duration) -> anyhow::Result<Vec<Compared>> {
        let until = clock
            .monotonic_ms()
            .saturating_add(u64::try_from(wait.as_millis())?);
        let mut held: [BTreeMap<u32, Held>; 2] = Default::default();
        let mut met: BTreeMap<u32, Compared> = BTreeMap::new();
        // The greater of both positions, which the slower is asked to wait for.
        let mut wanted = String::new();
        loop {
            let answers = self.ask(&[], &wanted).await?;
            let mut partitions: [BTreeSet<u32>; 2] = Default::default();
            let mut reached: BTreeMap<u32, Vec<String>> = BTreeMap::new();
            for (side, answer) in answers.iter().enumerate() {
                let Some(answer) = answer else { continue };
                for told in &answer.partitions {
                    partitions[side].insert(told.partition);
                    let held = held[side].entry(told.partition).or_default();
                    if held.len() >= POSITIONS_MAX {
                        held.pop_first();
                    }
                    held.insert(
                        told.position.clone(),
                        (told.groups.clone(), told.numbers.clone()),
                    );
                    let reached = reached.entry(told.partition).or_default();
                    reached.push(told.position.clone());
                }
            }
            if let [Some(_), Some(_)] = &answers {
                if partitions[0] != partitions[1] {
                    bail!("the instances do not have the same partitions: are they of one log?");
                }
                for partition in &partitions[0] {
                    if let Some(compared) = common(*partition, &held) {
                        met.entry(*partition).or_insert(compared);
                    }
                }
                if met.len() == partitions[0].len() {
                    return Ok(met.into_values().collect());
                }
                let greatest = reached.values().filter_map(|positions| greatest(positions));
                wanted = greatest.collect::<Vec<_>>().join(",");
            }
            if clock.monotonic_ms() >= until {
                bail!("{}", self.never_met(&answers, &met));
            }
            clock.sleep(ASK_EVERY).await;
        }
    }

    fn never_met(&self, answers: &[Option<Digests>; 2], met: &BTreeMap<u32, Compared>) -> String {
        let [first, second] = &self.names;
        let mut text = format!(
            "{first} and {second} were never at the same position in time (--wait), so nothing can be said"
        );
        for (name, answer) in self.names.iter().zip(answers) {
            match answer {
                None => text.push_str(&format!("; {name} does not get as far as the other")),
                Some(answer) => {
                    let positions = answer
                        .partitions
                        .iter()
                        .filter(|told| !met.contains_key(&told.partition))
                        .map(|told| told.position.as_str());
                    let positions: Vec<&str> = positions.collect();
                    text.push_str(&format!("; {name} is at {}", positions.join(",")));
                }
            }
        }
        text
    }

    /// Both answers; none of one that is not yet where it is wanted.
    async fn ask(
        &self,
        query: &[(&str, &str)],
        wanted: &str,
    ) -> anyhow::Result<[Option<Digests>; 2]> {
        let [first, second] = &self.clients;
        let segments = ["v1", "digests"];
        let (first, second) = tokio::join!(
            first.get_at(&segments, query, wanted),
            second.get_at(&segments, query, wanted),
        );
        Ok([
            first.with_context(|| self.names[0].clone())?,
            second.with_context(|| self.names[1].clone())?,
        ])
    }

    /// What differs every time that it is asked for: an answer is not of one position while events are folded.
    async fn differences(&self, clock: &Clock, partition: u32) -> anyhow::Result<Vec<Difference>> {
        let partition = partition.to_string();
        let (mut differing, mut wanted) = (None::<BTreeMap<String, Difference>>, String::new());
        for round in 0..ROUNDS {
            if round > 0 {
                clock.sleep(ROUND_PAUSE).await;
            }
            let answers = self.ask(&[("partition", &partition)], &wanted).await?;
            let [Some(first), Some(second)] = answers else {
                continue;
            };
            let positions: Vec<String> = [&first, &second]
                .iter()
                .flat_map(|answer| answer.partitions.iter().map(|told| told.position.clone()))
                .collect();
            wanted = greatest(&positions).unwrap_or_default();
            let now = different(first, second);
            let still = match differing {
                None => now,
                Some(mut before) => {
                    before.retain(|key, _| now.contains_key(key));
                    before
                        .into_keys()
                        .filter_map(|key| now.get_key_value(&key))
                        .map(|(key, now)| (key.clone(), now.clone()))
                        .collect()
                }
            };
            let is_over = still.is_empty();
            differing = Some(still);
            if is_over {
                break;
            }
        }
        let differing = differing.context("the instances were never at the same position")?;
        Ok(differing.into_values().collect())
    }
}

/// What both hold at the last position of a partition that both have told.
fn common(partition: u32, held: &[BTreeMap<u32, Held>; 2]) -> Option<Compared> {
    let [first, second] = held;
    let (first, second) = (first.get(&partition)?, second.get(&partition)?);
    let positions = first
        .keys()
        .filter(|position| second.contains_key(*position));
    let position = positions.max_by_key(|position| place(position))?;
    Some(Compared {
        partition,
        position: position.clone(),
        is_equal: first.get(position) == second.get(position),
        differences: Vec::new(),
    })
}

fn different(first: Digests, second: Digests) -> BTreeMap<String, Difference> {
    let of = |digests: Digests| -> BTreeMap<String, String> {
        let entities = digests.entities.into_iter().flatten();
        entities.map(|entity| (entity.key, entity.digest)).collect()
    };
    let (first, second) = (of(first), of(second));
    let keys: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| first.get(*key) != second.get(*key));
    differing
        .map(|key| {
            let difference = Difference {
                key: key.clone(),
                first: first.get(key).cloned(),
                second: second.get(key).cloned(),
            };
            (key.clone(), difference)
        })
        .collect()
}

/// Order of positions of one partition: generation, then offset.
fn place(position: &str) -> (u32, i64) {
    let mut parts = position.split(':');
    let generation = parts.next().and_then(|part| part.parse().ok());
    let offset = parts.nth(1).and_then(|part| part.parse().ok());
    (generation.unwrap_or(0), offset.unwrap_or(-1))
}

/// The greatest of the positions of one partition, if it is one that can be waited for.
fn greatest(positions: &[String]) -> Option<String> {
    let greatest = positions.iter().max_by_key(|position| place(position))?;
    (place(greatest).1 >= 0).then(|| greatest.clone())
}

#[cfg(test)]
mod tests;
