//! Topics: what they are like, and making them as they must be.

use std::{collections::BTreeMap, time::Instant};

use rdkafka::{
    ClientConfig,
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigSource, NewPartitions, NewTopic,
        ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use super::{context::Context, failed};
use crate::{
    error::Error,
    limits,
    topic::{Change, TopicPlan, TopicState},
};

/// How many partitions a topic has and how many replicas the least replicated of them; none if it is not there.
pub(super) fn shape(
    query: &BaseConsumer<Context>,
    full: &str,
) -> Result<Option<(u32, u32)>, Error> {
    let metadata = query
        .client()
        .fetch_metadata(Some(full), limits::REQUEST_TIMEOUT);
    let metadata = match metadata {
        Err(error) if is_unknown(&error) => return Ok(None),
        other => other.map_err(failed("read metadata"))?,
    };
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == full) else {
        return Ok(None);
    };
    match topic.error() {
        None => {}
        Some(
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        ) => return Ok(None),
        Some(code) => {
            return Err(failed("read metadata")(KafkaError::MetadataFetch(
                code.into(),
            )));
        }
    }
    let replicas = topic.partitions().iter().map(|p| p.replicas().len()).min();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Some((
        count(topic.partitions().len()),
        count(replicas.unwrap_or(0)),
    )))
}

fn is_unknown(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
    )
}

/// Adds the settings to topics whose shape is known.
pub(super) async fn settings(
    config: &ClientConfig,
    found: &mut [(String, Option<TopicState>)],
) -> Result<(), Error> {
    let admin = admin(config)?;
    let names: Vec<String> = found
        .iter()
        .filter(|(_, state)| state.is_some())
        .map(|(full, _)| full.clone())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let asked: Vec<ResourceSpecifier<'_>> =
        names.iter().map(|n| ResourceSpecifier::Topic(n)).collect();
    let answers = admin.describe_configs(&asked, &options()).await;
    let answers = answers.map_err(failed("read topic settings"))?;
    let states = found.iter_mut().filter_map(|(_, state)| state.as_mut());
    // Answers come in the order of the question.
    for (state, answer) in states.zip(answers) {
        let answer =
            answer.map_err(|code| failed("read topic settings")(KafkaError::AdminOp(code)))?;
        for entry in answer.entries {
            note(state, entry);
        }
    }
    Ok(())
}

fn note(state: &mut TopicState, entry: ConfigEntry) {
    let ConfigEntry {
        name,
        value: Some(value),
        source,
        ..
    } = entry
    else {
        return;
    };
    if source == ConfigSource::DynamicTopic {
        state.overrides.insert(name.clone(), value.clone());
    }
    state.settings.insert(name, value);
}

/// Carries out a plan, in its order; gives the topics whose number of partitions is new.
pub(super) async fn apply(
    config: &ClientConfig,
    prefix: &str,
    plan: &TopicPlan,
) -> Result<Vec<(String, u32)>, Error> {
    let admin = admin(config)?;
    let mut shaped = Vec::new();
    for change in &plan.changes {
        match change {
            Change::Create {
                topic,
                partitions,
                replication,
                settings,
            } => {
                let full = format!("{prefix}{topic}");
                create(&admin, &full, (*partitions, *replication), settings).await?;
                shaped.push((full, *partitions));
            }
            Change::Grow { topic, asked, .. } => {
                let full = format!("{prefix}{topic}");
                grow(&admin, &full, *asked).await?;
                shaped.push((full, *asked));
            }
            Change::Configure { topic, all, .. } => {
                alter(&admin, &format!("{prefix}{topic}"), all).await?;
            }
        }
    }
    Ok(shaped)
}

async fn create(
    admin: &AdminClient<DefaultClientContext>,
    full: &str,
    (partitions, replication): (u32, u32),
    settings: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let replication = TopicReplication::Fixed(count(replication));
    let mut new = NewTopic::new(full, count(partitions), replication);
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let answers = admin.create_topics([&new], &options()).await;
    for answer in answers.map_err(failed("create a topic"))? {
        match answer {
            // Another process may have been quicker; the next plan says whether it is as it must be.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed("create a topic")(KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}

async fn grow(
    admin: &AdminClient<DefaultClientContext>,
    full: &str,
    partitions: u32,
) -> Result<(), Error> {
    let count = usize::try_from(partitions).unwrap_or(usize::MAX);
    let new = NewPartitions::new(full, count);
    let answers = admin.create_partitions([&new], &options()).await;
    for answer in answers.map_err(failed("add partitions to a topic"))? {
        answer
            .map_err(|(_, code)| failed("add partitions to a topic")(KafkaError::AdminOp(code)))?;
    }
    Ok(())
}

async fn alter(
    admin: &AdminClient<DefaultClientContext>,
    full: &str,
    all: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let mut alter = AlterConfig::new(ResourceSpecifier::Topic(full));
    for (name, value) in all {
        alter = alter.set(name, value);
    }
    let answers = admin.alter_configs([&alter], &options()).await;
    for answer in answers.map_err(failed("configure a topic"))? {
        answer.map_err(|(_, code)| failed("configure a topic")(KafkaError::AdminOp(code)))?;
    }
    Ok(())
}

/// Whether every topic that was made or grew is known where we ask; Kafka answers before all brokers have heard.
pub(super) fn are_known(
    query: &BaseConsumer<Context>,
    shaped: &[(String, u32)],
) -> Result<(), Error> {
    let until = Instant::now() + limits::ADMIN_TIMEOUT;
    for (full, partitions) in shaped {
        while shape(query, full)?.map(|(found, _)| found) != Some(*partitions) {
            if Instant::now() > until {
                return Err(Error::UnknownTopic {
                    topic: full.clone(),
                });
            }
            std::thread::sleep(limits::POLL_EVERY);
        }
    }
    Ok(())
}

fn admin(config: &ClientConfig) -> Result<AdminClient<DefaultClientContext>, Error> {
    config.create().map_err(failed("start an admin client"))
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(limits::ADMIN_TIMEOUT))
        .operation_timeout(Some(limits::ADMIN_TIMEOUT))
}
