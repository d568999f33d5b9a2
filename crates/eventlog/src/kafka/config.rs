//! How librdkafka is set up: what our guarantees rest on, and what the operator may add.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use openssl::{asn1::Asn1Time, x509::X509};
use rdkafka::{ClientConfig, error::KafkaError};

use crate::{args::KafkaArgs, error::Error, limits, membership::JoinOptions};

/// Properties that `--kafka-config` may not name, because we set them (under this or another of their names),
/// or because they would take away the check of the broker's certificate.
const OURS: [&str; 43] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "compression.codec",
    "compression.type",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "enable.ssl.certificate.verification",
    "fetch.queue.backoff.ms",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "reconnect.backoff.max.ms",
    "request.required.acks",
    "retries",
    "session.timeout.ms",
    "statistics.interval.ms",
];

/// What all clients have in common: the brokers, and the operator's file.
///
/// Everything that is wrong is told at once.
pub(super) fn common(args: &KafkaArgs, client_id: &str) -> Result<ClientConfig, Error> {
    let mut problems = Vec::new();
    if args
        .kafka_brokers
        .iter()
        .all(|broker| broker.trim().is_empty())
    {
        problems.push("--kafka-brokers names no broker".to_owned());
    }
    if !is_topic_text(&args.topic_prefix) {
        problems.push(format!(
            "--topic-prefix {:?}: topics have letters, digits, `.`, `_` and `-` only",
            args.topic_prefix
        ));
    }
    let mut config = ClientConfig::new();
    if let Some(path) = &args.kafka_config {
        match fs::read_to_string(path) {
            Ok(text) => read_properties(path, &text, &mut config, &mut problems),
            Err(error) => problems.push(format!("--kafka-config {}: {error}", path.display())),
        }
        if let Some(certificate) = config.get("ssl.certificate.location") {
            problems.extend(ended(path, Path::new(certificate)));
        }
    }
    if !problems.is_empty() {
        return Err(Error::Config { problems });
    }
    let brokers: Vec<&str> = args.kafka_brokers.iter().map(|b| b.trim()).collect();
    config
        .set("bootstrap.servers", brokers.join(","))
        .set("client.id", client_id)
        // Ready again within seconds of the brokers' return; librdkafka's own limit is 10 s.
        .set("reconnect.backoff.ms", "50")
        .set(
            "reconnect.backoff.max.ms",
            limits::RECONNECT_MAX.as_millis().to_string(),
        )
        // Brokers close idle connections; that is no news.
        .set("log.connection.close", "false")
        .set(
            "statistics.interval.ms",
            limits::STATISTICS_EVERY.as_millis().to_string(),
        );
    Ok(config)
}

/// When the certificate ends that brokers are shown, in seconds since 1970; 0 without one.
pub(super) fn certificate_end(config: &ClientConfig) -> i64 {
    let seconds = |path: &str| {
        let certificate = X509::from_pem(&fs::read(path).ok()?).ok()?;
        let since = Asn1Time::from_unix(0).ok()?;
        let since = since.diff(certificate.not_after()).ok()?;
        Some(i64::from(since.days) * 86_400 + i64::from(since.secs))
    };
    let path = config.get("ssl.certificate.location");
    path.and_then(seconds).unwrap_or(0)
}

/// What is wrong with our certificate that a broker would only refuse.
fn ended(path: &Path, certificate: &Path) -> Option<String> {
    let say = |what: &str| {
        Some(format!(
            "--kafka-config {}: {}, its ssl.certificate.location, {what}",
            path.display(),
            certificate.display()
        ))
    };
    let pem = match fs::read(certificate) {
        Ok(pem) => pem,
        Err(error) => return say(&format!("cannot be read: {error}")),
    };
    let (Ok(certificate), Ok(now)) = (X509::from_pem(&pem), Asn1Time::days_from_now(0)) else {
        return say("holds no certificate in PEM");
    };
    if certificate.not_after() > now {
        return None;
    }
    say(&format!(
        "has expired: it was valid until {}",
        certificate.not_after()
    ))
}

pub(super) fn is_topic_text(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().all(allowed)
}

/// `name=value` a line; blank lines and those that begin with `#` or `!` are for people.
fn read_properties(path: &Path, text: &str, config: &mut ClientConfig, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        // Never the value: it may be a password.
        let mut refuse = |why: &str| {
            problems.push(format!(
                "--kafka-config {} line {}: {why}",
                path.display(),
                index + 1
            ));
        };
        let Some((name, value)) = line.split_once('=') else {
            refuse("not of the form name=value");
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if OURS.contains(&name) {
            refuse(&format!("{name} is Rollcall's to set"));
        } else if name == "ssl.endpoint.identification.algorithm" && value == "none" {
            refuse("the check of the broker's name cannot be switched off");
        } else if !seen.insert(name.to_owned()) {
            refuse(&format!("{name} is there twice"));
        } else if let Some(why) = unknown(name, value) {
            refuse(&format!("{name}: {why}"));
        } else {
            config.set(name, value);
        }
    }
}

/// What librdkafka has against a property; its own words, which name the property and for some the value, are not repeated.
fn unknown(name: &str, value: &str) -> Option<&'static str> {
    use rdkafka::types::RDKafkaConfRes::{
        RD_KAFKA_CONF_INVALID, RD_KAFKA_CONF_OK, RD_KAFKA_CONF_UNKNOWN,
    };

    let mut alone = ClientConfig::new();
    alone.set(name, value);
    match alone.create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some("librdkafka has no such property")
        }
        Err(KafkaError::ClientConfig(RD_KAFKA_CONF_INVALID | RD_KAFKA_CONF_OK, ..)) => {
            Some("librdkafka does not take this value")
        }
        Err(_) => Some("librdkafka refuses it"),
    }
}

/// The producer: what "200 means durable" rests on.
pub(super) fn producer(common: &ClientConfig) -> ClientConfig {
    let timeout = limits::DELIVERY_TIMEOUT.as_millis().to_string();
    let mut config = common.clone();
    config
        // Acknowledged means: on all replicas that are in sync, at least `min.insync.replicas`.
        .set("acks", "all")
        // A retry neither duplicates nor reorders within a partition.
        .set("enable.idempotence", "true")
        // An append ends within this, well or not: a former leader's late write must end (design §6).
        .set("message.timeout.ms", timeout)
        // The best throughput with many small appends in flight was measured without lingering (design §10).
        .set("linger.ms", "0")
        // Records are protobuf with much in common; lz4 costs least of what helps.
        .set("compression.codec", "lz4")
        // Our own budget is what bounds memory and refuses; these are behind it, with room for its slack.
        .set(
            "queue.buffering.max.messages",
            (2 * limits::PENDING_RECORDS_MAX).to_string(),
        )
        .set(
            "queue.buffering.max.kbytes",
            (2 * limits::PENDING_BYTES_MAX / 1024).to_string(),
        )
        // A record and its framing; brokers take 1,048,588 bytes by default.
        .set("message.max.bytes", "1048576")
        // Every delivery is reported: successes carry the offsets.
        .set("delivery.report.only.error", "false")
        // The partition is always given; this is for no record, and is what Java's client does.
        .set("partitioner", "murmur2_random")
        // A topic that is not there is told after this instead of after 30 s.
        .set("topic.metadata.propagation.max.ms", "5000");
    config
}

/// A consumer of given partitions from given offsets.
pub(super) fn reader(common: &ClientConfig, group: &str) -> ClientConfig {
    let mut config = common.clone();
    config
        // Wanted by librdkafka to assign partitions at all; no group is joined and nothing is committed to it.
        .set("group.id", group)
        // Positions are the caller's.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that the log no longer holds is an error, never a silent jump.
        .set("auto.offset.reset", "error")
        // What an aborted transaction of another tool wrote does not exist.
        .set("isolation.level", "read_committed")
        // The end is known from the watermarks when a reader is opened; rdkafka's event names no topic.
        .set("enable.partition.eof", "false")
        // A flipped bit between the broker's disk and here is an error.
        .set("check.crcs", "true")
        // A reader must not create what it reads.
        .set("allow.auto.create.topics", "false")
        .set(
            "queued.max.messages.kbytes",
            (limits::READ_AHEAD_BYTES_MAX / 1024).to_string(),
        )
        .set(
            "queued.min.messages",
            limits::READ_AHEAD_RECORDS_MIN.to_string(),
        )
        // Once the queue is full, look again soon: the default of a second starves a fast reader.
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100");
    config
}

/// A member of a group, which fetches nothing.
pub(super) fn member(common: &ClientConfig, group: &str, options: &JoinOptions) -> ClientConfig {
    let session = options.session_timeout;
    let millis = |duration: Duration| duration.as_millis().to_string();
    let mut config = common.clone();
    config
        .set("group.id", group)
        // The other one (KIP-848) knows no assignor of ours and is young in librdkafka.
        .set("group.protocol", "classic")
        // A rebalance moves as few partitions as can be, and nobody stops for it.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", millis(session))
        // Four may be lost.
        .set("heartbeat.interval.ms", millis(session / 5))
        // The thread polls ten times a second; this is also how long the group waits for a member in a rebalance.
        .set(
            "max.poll.interval.ms",
            millis(session.max(limits::REBALANCE_TIMEOUT)),
        )
        // Offsets are committed only for monitors of lag.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "false")
        .set("allow.auto.create.topics", "false")
        // All partitions are paused; should a fetch slip through between assignment and pause it is a small one.
        .set("fetch.message.max.bytes", "1024")
        .set("queued.min.messages", "1")
        .set("queued.max.messages.kbytes", "1024")
        // A commit or leave that is not answered holds up the end of the log no longer than this.
        .set("socket.timeout.ms", millis(limits::REQUEST_TIMEOUT))
        // A topic that is created after the group was joined is seen soon.
        .set("topic.metadata.refresh.interval.ms", "30000")
        .set("statistics.interval.ms", "0");
    if let Some(instance) = &options.instance {
        config.set("group.instance.id", instance);
    }
    config
}

/// A client that asks for metadata and watermarks only.
pub(super) fn query(common: &ClientConfig) -> ClientConfig {
    let mut config = common.clone();
    config
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_committed")
        .set("statistics.interval.ms", "0");
    config
}

#[cfg(test)]
mod tests;
