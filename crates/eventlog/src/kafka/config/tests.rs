use std::fs;

use super::{OURS, common, producer, reader};
use crate::{args::KafkaArgs, error::Error};

fn args(file: Option<&str>) -> (KafkaArgs, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kafka.properties");
    if let Some(text) = file {
        fs::write(&path, text).unwrap();
    }
    let args = KafkaArgs {
        kafka_brokers: vec!["127.0.0.1:9092".into()],
        kafka_config: file.map(|_| path),
        topic_prefix: "rollcall.".into(),
        allow_unreplicated: false,
    };
    (args, dir)
}

fn problems(file: &str) -> Vec<String> {
    let (args, _dir) = args(Some(file));
    let Err(Error::Config { problems }) = common(&args, "test") else {
        panic!("{file:?} is refused");
    };
    let place = |line: &String| line.split(" line ").nth(1).unwrap().to_owned();
    problems.iter().map(place).collect()
}

#[test]
fn a_file_of_properties_is_passed_through() {
    let (args, _dir) = args(Some(
        "# ours\n\nsasl.username = rosa\nsasl.password=a=b\n!x\nsocket.keepalive.enable=true",
    ));
    let config = common(&args, "test").unwrap();
    assert_eq!(config.get("sasl.username"), Some("rosa"));
    assert_eq!(config.get("sasl.password"), Some("a=b"));
    assert_eq!(config.get("socket.keepalive.enable"), Some("true"));
}

#[test]
fn all_that_is_wrong_with_a_file_is_told_at_once_and_no_value_is() {
    assert_eq!(
        problems(
            "acks=0\nsasl.pasword=secret\nnonsense\nenable.ssl.certificate.verification=false\n\
             ssl.endpoint.identification.algorithm=none\nsocket.timeout.ms=secret\nclient.rack=a\nclient.rack=b\n"
        ),
        [
            "1: acks is Rollcall's to set",
            "2: sasl.pasword: librdkafka has no such property",
            "3: not of the form name=value",
            "4: enable.ssl.certificate.verification is Rollcall's to set",
            "5: the check of the broker's name cannot be switched off",
            "6: socket.timeout.ms: librdkafka does not take this value",
            "8: client.rack is there twice",
        ]
    );
}

#[test]
fn a_missing_file_a_bad_prefix_and_no_brokers_are_told_together() {
    let (mut args, dir) = args(None);
    args.kafka_config = Some(dir.path().join("nowhere"));
    args.kafka_brokers = vec![" ".into()];
    args.topic_prefix = "roll call".into();
    let Err(Error::Config { problems }) = common(&args, "test") else {
        panic!("it is refused");
    };
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn whatever_we_set_and_guarantee_cannot_be_set_by_a_file() {
    let (args, _dir) = args(None);
    let base = common(&args, "test").unwrap();
    // These are defaults of ours that no guarantee rests on.
    let free = [
        "check.crcs",
        "fetch.error.backoff.ms",
        "log.connection.close",
        "reconnect.backoff.ms",
        "topic.metadata.propagation.max.ms",
    ];
    for config in [producer(&base), reader(&base, "group")] {
        for name in config.config_map().keys() {
            assert!(OURS.contains(name) || free.contains(name), "{name}");
        }
        config.create_native_config().unwrap();
    }
}
