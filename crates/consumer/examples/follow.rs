//! Follows `groups.v1`: prints what happens to groups, how far each partition is, and whether all of it is held.
//!
//! ```text
//! cargo run -p consumer --example follow -- --brokers 127.0.0.1:9092 [--prefix rollcall.] [--until-checked]
//! ```
//!
//! With `--until-checked` it ends once every partition is read to its end and its digest was compared:
//! with status 0 if all agree, and 1 if one differs.
//! The Kafka client here is Rollcall's own `eventlog`; any other will do, for `consumer` takes what it fetched.
#![expect(clippy::print_stdout, reason = "a program for people to read")]

use std::{collections::BTreeMap, error::Error, process::ExitCode, time::Duration};

use consumer::{Check, Incoming, Outcome, State as _, View};
use domain::group::Group;
use eventlog::{At, KafkaArgs, Log, Reader, Start};
use prometheus_client::registry::Registry;

/// Records fetched at once.
const RECORDS: usize = 10_000;
/// Bytes fetched at once.
const BYTES: usize = 16 << 20;
/// How long to wait for the next record: progress comes every second.
const WAIT: Duration = Duration::from_secs(5);

struct Options {
    kafka: KafkaArgs,
    until_checked: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        kafka: KafkaArgs {
            kafka_brokers: Vec::new(),
            kafka_config: None,
            topic_prefix: "rollcall.".to_owned(),
            allow_unreplicated: true,
        },
        until_checked: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--brokers" => {
                options.kafka.kafka_brokers = value()?.split(',').map(str::to_owned).collect();
            }
            "--prefix" => options.kafka.topic_prefix = value()?,
            "--until-checked" => options.until_checked = true,
            other => return Err(format!("{other} is no option")),
        }
    }
    if options.kafka.kafka_brokers.is_empty() {
        return Err("--brokers is needed".to_owned());
    }
    Ok(options)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = options()?;
    let log = Log::kafka(&options.kafka, "rollcall-follow", &mut Registry::default())?;
    let topic = Group::TOPIC.name();
    let partitions: Vec<u32> = (0..log.partitions(topic).await?).collect();
    let starts = partitions
        .iter()
        .map(|partition| Start::new(topic, *partition, At::Beginning))
        .collect();
    let mut reader = log.reader(starts).await?;
    let mut groups: View<Group> = View::default();
    let mut checks = BTreeMap::new();
    loop {
        let batch = reader.next(RECORDS, BYTES, WAIT).await?;
        for record in batch.iter() {
            let Some(partition) = partitions.get(record.source) else {
                continue;
            };
            let outcome = groups.take(Incoming {
                partition: *partition,
                offset: record.offset,
                key: record.key,
                value: record.value,
            });
            tell(&groups, *partition, &outcome);
        }
        say_ends(&mut groups, &reader, &partitions);
        for partition in &partitions {
            if let Some(check @ (Check::Agrees | Check::Differs { .. })) =
                groups.table().check(*partition)
            {
                checks.insert(*partition, check);
            }
        }
        if options.until_checked && reader.reached_all_ends() && checks.len() == partitions.len() {
            let agrees = checks.values().all(|check| *check == Check::Agrees);
            return Ok(if agrees {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
}

/// From the end that was there at the beginning on, a digest that differs is a fault.
fn say_ends(groups: &mut View<Group>, reader: &Reader, partitions: &[u32]) {
    for (source, partition) in partitions.iter().enumerate() {
        if reader.reached_end(source) {
            let before = groups.table().check(*partition);
            for gone in groups.at_end(*partition) {
                println!("{gone} is gone");
            }
            let after = groups.table().check(*partition);
            if before != after {
                println!("partition {partition}: {after:?}");
            }
        }
    }
}

fn tell(groups: &View<Group>, partition: u32, outcome: &Outcome<domain::ids::GroupId>) {
    match outcome {
        Outcome::Put {
            state,
            is_news: true,
        } => {
            let view = groups.get(state).and_then(|held| held.state.view());
            if let Some(view) = view {
                let members = view.participants.len();
                println!("g/{state}: {:?}, {members} members", view.existence);
            }
        }
        Outcome::Removed(entity) => println!("{entity} is gone"),
        Outcome::Progress(check) => {
            let table = groups.table();
            if let Some(freshness) = table.freshness(partition) {
                println!(
                    "partition {partition}: at {}, {} groups, digest {}: {check:?}",
                    freshness.position,
                    table.records(partition),
                    table.digest(partition),
                );
            }
        }
        Outcome::Skipped(why) => println!("partition {partition}: skipped, for the {why}"),
        Outcome::Put { is_news: false, .. } | Outcome::Stale(_) | Outcome::Known(_) => {}
    }
}
