//! Raising the generation on a real broker: more partitions, topics made again, and a stop after every step.

#![expect(clippy::print_stdout, reason = "the figures are asked for")]

use std::{ops::ControlFlow, time::Duration};

use chassis::CancellationToken;
use eventlog::{At, Batch, Start};
use projector::{RaiseError, RaiseOptions, RaiseStep, Raised, raise};
use serde_json::Value;
use wire::topics::Topic;

use crate::{
    traffic::{START, created, escaped, group_id, mixture, renamed},
    world::{LIMIT, Running, World, shared_broker},
};

const FEW: u32 = 3;
const MANY: u32 = 6;
const GROUPS: u64 = 40;

/// Copies topics with their partitions and offsets, as a mirror or a restored backup would.
async fn copy(from: &World, to: &World, topics: &[Topic]) {
    for topic in topics {
        for partition in 0..from.partitions {
            let start = Start::new(topic.name(), partition, At::Beginning);
            let mut reader = from.log.reader(vec![start]).await.unwrap();
            while !reader.reached_all_ends() {
                let page = reader
                    .next(10_000, 16 << 20, Duration::from_secs(1))
                    .await
                    .unwrap();
                let mut batch = Batch::new();
                for record in page.iter() {
                    let headers: Vec<(&str, &[u8])> = record.headers().collect();
                    let at_ms = record.timestamp_ms;
                    let (key, value) = (record.key, record.value);
                    batch.push(topic.name(), partition, key, value, &headers, at_ms);
                }
                to.log.append(batch).await.unwrap();
            }
        }
    }
}

const STATES: [Topic; 5] = [
    Topic::Groups,
    Topic::Messages,
    Topic::Requests,
    Topic::Numbers,
    Topic::Changes,
];
const EVERYTHING: [Topic; 7] = [
    Topic::Events,
    Topic::Receipts,
    Topic::Groups,
    Topic::Messages,
    Topic::Requests,
    Topic::Numbers,
    Topic::Changes,
];

async fn raised(
    world: &World,
    options: RaiseOptions,
    mut each: impl FnMut(RaiseStep) -> ControlFlow<()> + Send,
) -> Result<Raised, RaiseError> {
    raise(
        world.log.clone(),
        world.clock.clone(),
        CancellationToken::new(),
        options,
        &mut each,
    )
    .await
}

pub(crate) async fn raised_whole(world: &World) -> Result<Raised, RaiseError> {
    raised(
        world,
        RaiseOptions::default(),
        |_| ControlFlow::Continue(()),
    )
    .await
}

async fn await_stopped(world: &World) {
    let stopped = harness::eventually(LIMIT, "the group to be empty", async || {
        (world.log.members(projector::GROUP).await.ok()? == 0).then_some(())
    });
    stopped.await.unwrap();
}

/// Everything that does not say a partition: what raising must keep.
async fn held(running: &Running, at: &[String]) -> Vec<Value> {
    let mut held = vec![
        running.json_at("/v1/groups?limit=1000", at).await,
        running.json_at("/v1/numbers", at).await,
        running.json_at("/v1/usage", at).await,
    ];
    for number in 0..GROUPS {
        let id = escaped(&group_id(number));
        for path in [
            format!("/v1/groups/{id}/explain"),
            format!("/v1/messages/wamid.{number}"),
            format!("/v1/requests/rq-{number}"),
        ] {
            held.push(running.get(&path).await.json().await.unwrap());
        }
    }
    held
}

/// Digests summed over nothing but their partitions' counts: all states are in one partition each.
async fn records(running: &Running) -> (u64, u64) {
    let digests = running.json("/v1/digests").await;
    let partitions = digests["partitions"].as_array().unwrap();
    let sum = |name: &str| {
        let counts = partitions
            .iter()
            .map(|one| one[name]["records"].as_u64().unwrap());
        counts.sum()
    };
    (sum("groups"), sum("numbers"))
}

/// Traffic goes on, is folded in the new generation, and the digests are right.
async fn goes_on(world: &World, running: &Running, generation: u32) {
    let subject = format!("in generation {generation}");
    let events: Vec<_> = (0..GROUPS + 5)
        .map(|number| match number < GROUPS {
            true => renamed(START + 900_000, &group_id(number), &subject),
            false => created(START + 900_000, &group_id(number), &subject),
        })
        .collect();
    let at = world.append(&events).await;
    let at: Vec<String> = at
        .iter()
        .map(|at| at.replacen("1:", &format!("{generation}:"), 1))
        .collect();
    let groups = running.json_at("/v1/groups?limit=1000", &at).await;
    for group in groups["items"].as_array().unwrap() {
        assert_eq!(group["subject"], subject.as_str(), "{group}");
        let position = group["position"].as_str().unwrap();
        assert!(position.starts_with(&format!("{generation}:")), "{group}");
    }
    let metrics = running.ctx.metrics.encode();
    assert_eq!(
        crate::world::metric(&metrics, "projector_digest_mismatches_total"),
        0.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_growth_and_a_stop_at_any_step_every_state_is_there_once_and_traffic_goes_on() {
    let broker = shared_broker().await;
    let before = World::with_topics(&broker, "raise-from.", FEW).await;
    let at = before.append(&mixture(61, 0, 2_000, GROUPS)).await;
    let running = before.start().await;
    let expected = held(&running, &at).await;
    let counts = records(&running).await;
    let refused = raised_whole(&before).await.unwrap_err();
    assert!(matches!(refused, RaiseError::Running { members: 1 }));
    running.stop().await;

    let grown = World::with_topics(&broker, "raise-to.", MANY).await;
    copy(&before, &grown, &EVERYTHING).await;
    let dry = RaiseOptions {
        is_dry_run: true,
        ..RaiseOptions::default()
    };
    let planned = raised(&grown, dry, |_| ControlFlow::Continue(()))
        .await
        .unwrap();
    assert_eq!((planned.from, planned.to, planned.partitions), (1, 2, MANY));

    // Stopped after the first append, then after the second, and so on: each run begins with what the ones before have left.
    let (mut stops, mut highest) = (0, 1);
    let done = loop {
        let mut appends = 0;
        let stop_after = 1 + stops % 5;
        let outcome = raised(&grown, RaiseOptions::default(), |step| {
            appends += usize::from(!matches!(step, RaiseStep::Read { .. }));
            if appends >= stop_after && stops < 25 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match outcome.await {
            Ok(done) => break done,
            Err(RaiseError::Stopped) => stops += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(stops < 100);
        highest += 1;
    };
    assert!(done.gaps.is_empty(), "{:?}", done.gaps);
    assert!(done.to >= 2 && done.to <= 1 + highest, "{done:?}");
    let states = |raised: &Raised| -> u64 { raised.topics.iter().map(|topic| topic.states).sum() };
    assert_eq!(states(&done), states(&planned));
    println!("{stops} stops, then {done:?}; planned {planned:?}");

    // With the store of the time before, which does not fit, and once more without.
    std::fs::create_dir_all(grown.store_dir()).unwrap();
    for entry in std::fs::read_dir(before.store_dir()).unwrap() {
        copy_all(&entry.unwrap().path(), &grown.store_dir());
    }
    let running = grown.start().await;
    assert_eq!(expected, held(&running, &[]).await);
    assert_eq!(records(&running).await, counts);
    goes_on(&grown, &running, done.to).await;
    let expected = held(&running, &[]).await;
    running.stop().await;
    std::fs::remove_dir_all(grown.store_dir()).unwrap();
    let running = grown.start().await;
    assert_eq!(expected, held(&running, &[]).await);
    running.stop().await;
}

fn copy_all(from: &std::path::Path, into: &std::path::Path) {
    let to = into.join(from.file_name().unwrap());
    if from.is_dir() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            copy_all(&entry.unwrap().path(), &to);
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_were_not_folded_are_not_skipped_unless_a_gap_is_accepted() {
    let broker = shared_broker().await;
    let world = World::with_topics(&broker, "raise-gap.", FEW).await;
    assert!(matches!(
        raised_whole(&world).await,
        Err(RaiseError::NothingFolded)
    ));
    let at = world
        .append(&[created(START, &group_id(1), "folded")])
        .await;
    let running = world.start().await;
    running.json_at("/v1/groups", &at).await;
    running.stop().await;
    await_stopped(&world).await;
    world
        .append(&[renamed(START + 1, &group_id(1), "not folded")])
        .await;
    let refused = raised_whole(&world).await.unwrap_err();
    assert!(matches!(refused, RaiseError::Unfolded { events: 1, .. }));
    assert!(refused.to_string().contains("--accept-gap"), "{refused}");

    let accepts = RaiseOptions {
        accepts_gap: true,
        ..RaiseOptions::default()
    };
    let done = raised(&world, accepts, |_| ControlFlow::Continue(()))
        .await
        .unwrap();
    assert_eq!((done.to, done.gaps.len()), (2, 1), "{done:?}");
    let running = world.start().await;
    let groups = running.json("/v1/groups").await;
    assert_eq!(groups["items"][0]["subject"], "folded");
    running.stop().await;
    // Once more: the gap is remembered, and nothing new is lost.
    // A member that stops takes a moment to leave.
    await_stopped(&world).await;
    let again = raised_whole(&world).await.unwrap();
    assert_eq!((again.from, again.to, again.gaps.len()), (2, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_events_made_again_all_that_is_held_stays_and_counts_as_unverified() {
    let broker = shared_broker().await;
    let before = World::with_topics(&broker, "raise-old.", FEW).await;
    let at = before.append(&mixture(62, 0, 1_000, GROUPS)).await;
    let running = before.start().await;
    let expected = held(&running, &at).await;
    running.stop().await;
    let again = World::with_topics(&broker, "raise-new.", FEW).await;
    copy(&before, &again, &STATES).await;
    let done = raised_whole(&again).await.unwrap();
    assert_eq!((done.from, done.to), (1, 2));
    assert!(!done.gaps.is_empty());
    assert!(done.topics.iter().all(|topic| topic.moved == 0), "{done:?}");
    let running = again.start().await;
    let now = held(&running, &[]).await;
    for (expected, now) in expected[0]["items"]
        .as_array()
        .unwrap()
        .iter()
        .zip(now[0]["items"].as_array().unwrap())
    {
        assert_eq!(now["verified_at"], Value::Null, "{now}");
        let mut expected = expected.clone();
        expected["verified_at"] = Value::Null;
        assert_eq!(*now, expected);
    }
    assert_eq!(
        expected[0]["items"].as_array().unwrap().len(),
        now[0]["items"].as_array().unwrap().len()
    );
    goes_on(&again, &running, 2).await;
    running.stop().await;
}
