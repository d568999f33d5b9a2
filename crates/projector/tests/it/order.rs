//! What stands in the log, and in which order it came there.

use std::{collections::BTreeMap, time::Duration};

use domain::ids::Entity;
use eventlog::{At, Start};
use wire::{
    Decoded, Record,
    digest::{Digest, record_hash},
    topics::{Key, Topic, parse_key},
};

use crate::{answers::all, traffic::mixture, world::World};

pub(crate) type Records = Vec<(i64, Vec<u8>, Option<Vec<u8>>)>;

/// All records of a topic's only partition.
pub(crate) async fn records(world: &World, topic: Topic) -> Records {
    let start = Start::new(topic.name(), 0, At::Beginning);
    let mut reader = world.log.reader(vec![start]).await.unwrap();
    let mut records = Vec::new();
    while !reader.reached_all_ends() {
        let batch = reader
            .next(1_000, 1 << 20, Duration::from_secs(1))
            .await
            .unwrap();
        records.extend(batch.iter().map(|record| {
            (
                record.offset,
                record.key.to_vec(),
                record.value.map(<[u8]>::to_vec),
            )
        }));
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_in_changes_have_no_gap_also_over_restarts() {
    let world = World::new();
    for part in 0..5 {
        let at = world.append(&mixture(11, part * 300, 300, 10)).await;
        let running = world.start().await;
        all(&running, &at, 10).await;
        running.stop().await;
    }
    let mut last = BTreeMap::new();
    let mut count = 0;
    for (_, key, value) in records(&world, Topic::Changes).await {
        let Ok(Decoded::Known(change)) = wire::decode_change(&value.unwrap()) else {
            unreachable!("an unknown change");
        };
        assert_eq!(wire::topics::key(&change.entity()), key);
        assert_eq!(
            change.previous_version,
            last.insert(key, change.version),
            "at {}",
            change.version
        );
        count += 1;
    }
    assert!(count > 300, "{count} changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_after_the_states_it_speaks_of_and_has_their_digest() {
    let world = World::new();
    for part in 0..5 {
        let at = world.append(&mixture(12, part * 200, 200, 10)).await;
        let running = world.start().await;
        all(&running, &at, 10).await;
        running.stop().await;
    }
    for topic in [Topic::Groups, Topic::Numbers] {
        let mut hashes = BTreeMap::new();
        let (mut digest, mut checked) = (Digest::default(), 0);
        for (_, key, value) in records(&world, topic).await {
            match parse_key(&key).unwrap() {
                Key::Progress(0) => {
                    let progress = wire::decode_progress(&value.unwrap()).unwrap();
                    assert_eq!(
                        progress.digest,
                        Some(digest),
                        "{} at {}",
                        topic.name(),
                        progress.position
                    );
                    checked += 1;
                }
                Key::Entity(_) => {
                    if let Some(old) = hashes.remove(&key) {
                        digest.remove(old);
                    }
                    if let Some(value) = value {
                        let hash = record_hash(&key, &value);
                        digest.add(hash);
                        hashes.insert(key, hash);
                    }
                }
                Key::Progress(other) => unreachable!("progress of partition {other}"),
            }
        }
        assert!(
            checked >= 5,
            "{checked} progress records in {}",
            topic.name()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_published_for_every_entity_and_carry_the_position_of_an_event_about_it() {
    let world = World::new();
    let events = mixture(13, 0, 500, 10);
    let at = world.append(&events).await;
    let running = world.start().await;
    all(&running, &at, 10).await;
    running.stop().await;
    let inputs = records(&world, Topic::Events).await;
    let mut states = 0;
    for (_, key, value) in records(&world, Topic::Groups).await {
        let Some(Key::Entity(Entity::Group(id))) = parse_key(&key) else {
            continue;
        };
        let Ok(Record::State(stored)) = wire::decode_group(&value.unwrap()) else {
            unreachable!("no state");
        };
        assert_eq!(stored.id, id);
        let position = stored.state.envelope.position;
        let input = inputs
            .iter()
            .find(|(offset, _, _)| *offset == position.offset)
            .unwrap();
        assert_eq!(input.1, key);
        states += 1;
    }
    assert!(states >= 10);
}
