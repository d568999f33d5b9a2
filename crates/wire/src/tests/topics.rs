//! Topics and keys.

use std::time::Duration;

use domain::ids::Entity;
use proptest::prelude::*;

use super::strategies;
use crate::topics::{Cleanup, Key, TOPICS, Topic, key, parse_key, progress_key};

#[test]
fn topics_are_kept_as_the_interfaces_say() {
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let table: Vec<(&str, Cleanup)> = TOPICS
        .iter()
        .map(|spec| (spec.name, spec.cleanup))
        .collect();
    assert_eq!(
        table,
        [
            (
                "events.v1",
                Cleanup::Delete {
                    retention: days(30)
                }
            ),
            ("receipts.v1", Cleanup::Delete { retention: days(8) }),
            ("groups.v1", Cleanup::Compact),
            (
                "messages.v1",
                Cleanup::CompactAndDelete {
                    retention: days(30)
                }
            ),
            (
                "requests.v1",
                Cleanup::CompactAndDelete {
                    retention: days(30)
                }
            ),
            ("numbers.v1", Cleanup::Compact),
            (
                "changes.v1",
                Cleanup::Delete {
                    retention: days(30)
                }
            ),
            (
                "quarantine.v1",
                Cleanup::Delete {
                    retention: days(30)
                }
            ),
        ]
    );
    for (topic, spec) in Topic::ALL.into_iter().zip(&TOPICS) {
        assert_eq!(spec.topic, topic);
        assert_eq!(topic.spec(), spec);
        assert_eq!((spec.segment, spec.delete_retention), (days(1), days(1)));
        assert_eq!(spec.min_compaction_lag, Duration::from_secs(6 * 3_600));
    }
}

#[test]
fn receipts_go_apart_and_each_entity_has_its_state_topic() {
    let topics = |key: &str| {
        let entity = Entity::from_key(key).unwrap();
        (
            Topic::of_event(&entity).name(),
            Topic::of_state(&entity).name(),
        )
    };
    assert_eq!(topics("g/1"), ("events.v1", "groups.v1"));
    assert_eq!(topics("m/1"), ("receipts.v1", "messages.v1"));
    assert_eq!(topics("r/1"), ("events.v1", "requests.v1"));
    assert_eq!(topics("n/1"), ("events.v1", "numbers.v1"));
}

proptest! {
    #[test]
    fn every_key_is_read_back(group in strategies::any_id(), message in strategies::any_id(), partition in any::<u32>()) {
        for entity in [Entity::Group(group), Entity::Message(message)] {
            prop_assert_eq!(key(&entity).to_vec(), entity.to_string().into_bytes());
            prop_assert_eq!(parse_key(&key(&entity)), Some(Key::Entity(entity)));
        }
        prop_assert_eq!(parse_key(&progress_key(partition)), Some(Key::Progress(partition)));
    }
}

#[test]
fn what_is_no_key_of_ours_is_none() {
    for key in [
        &b""[..],
        b"p/",
        b"p/03",
        b"p/+3",
        b"p/-1",
        b"p/4294967296",
        b"g/",
        b"g",
        b"x/1",
        b"g/a b",
        b"\xff",
    ] {
        assert_eq!(parse_key(key), None, "{key:?}");
    }
}
