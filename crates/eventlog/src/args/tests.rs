use clap::Parser as _;

use super::KafkaArgs;

#[derive(clap::Parser, Debug)]
struct Service {
    #[command(flatten)]
    kafka: KafkaArgs,
}

#[test]
fn options_have_the_names_and_defaults_that_are_documented() {
    let line = ["service", "--kafka-brokers", "a:1,b:2"];
    let kafka = Service::try_parse_from(line).unwrap().kafka;
    assert_eq!(kafka.kafka_brokers, ["a:1", "b:2"]);
    assert_eq!(kafka.topic_prefix, "rollcall.");
    assert_eq!(kafka.kafka_config, None);
    assert!(!kafka.allow_unreplicated);

    let line = [
        "service",
        "--kafka-brokers=a:1",
        "--kafka-config=kafka.properties",
        "--topic-prefix=x.",
        "--allow-unreplicated",
    ];
    let kafka = Service::try_parse_from(line).unwrap().kafka;
    assert_eq!(kafka.kafka_config, Some("kafka.properties".into()));
    assert_eq!(kafka.topic_prefix, "x.");
    assert!(kafka.allow_unreplicated);
}

#[test]
fn brokers_must_be_named() {
    let error = Service::try_parse_from(["service"]).unwrap_err();
    assert!(error.to_string().contains("--kafka-brokers"), "{error}");
}
