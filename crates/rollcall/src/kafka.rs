//! The log on Kafka, with its topics checked before anything is believed.

use std::time::Duration;

use anyhow::Context as _;
use chassis::{
    ConfigProblems, Ctx,
    retry::{self, Backoff, Class},
};
use eventlog::{KafkaArgs, Log};
use wire::topics::Topic;

use crate::topics::specs;

/// Tries to reach the brokers at start: as long as a cluster takes to come up beside us.
const REACH: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(5),
    tries_max: Some(24),
};

/// Opens the log and refuses topics that are not as they must be, all of them at once.
pub(crate) async fn open(
    args: &KafkaArgs,
    client_id: &str,
    topics: &[Topic],
    ctx: &Ctx,
) -> anyhow::Result<Log> {
    let log = ctx
        .metrics
        .register(|registry| Log::kafka(args, client_id, registry));
    let log = log.map_err(config)?;
    let names: Vec<&str> = topics.iter().map(|topic| topic.name()).collect();
    let specs: Vec<_> = specs(1)
        .into_iter()
        .filter(|spec| names.contains(&spec.name.as_str()))
        .collect();
    let mut said = String::new();
    let class = |error: &eventlog::Error| match error.class() {
        eventlog::Class::Transient => {
            // Once for all tries that end alike.
            let why = error.to_string();
            if why != said {
                tracing::warn!(error = why, "Kafka does not answer yet");
                said = why;
            }
            Class::Transient
        }
        eventlog::Class::Permanent => Class::Permanent,
        eventlog::Class::Bug => Class::Bug,
    };
    let checked = retry::retry(&ctx.clock, &ctx.shutdown, REACH, class, || {
        log.check(&specs)
    })
    .await;
    let mut problems = ConfigProblems::new();
    for problem in checked.context("check the topics")? {
        problems.push(problem.to_string());
    }
    problems.finish()?;
    Ok(log)
}

fn config(error: eventlog::Error) -> anyhow::Error {
    if let eventlog::Error::Config { problems } = error {
        return ConfigProblems(problems).into();
    }
    anyhow::Error::new(error).context("open the log")
}
