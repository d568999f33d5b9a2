//! Several projectors on one log: each partition is led by one, everybody answers everything, and stops move it on.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chassis::Clock;
use eventlog::Batch;
use harness::Broker;
use wire::topics::Topic;

use crate::{
    answers::{all, assert_same},
    traffic::{START, created, escaped, group_id, mixture, renamed},
    watch::Watch,
    world::{LIMIT, Leaps, Running, World, metric, shared_broker, tick},
};

const PARTITIONS: u32 = 3;

/// Three instances, each with a directory and a connection of its own.
async fn cluster(prefix: &'static str) -> (Arc<Broker>, Vec<World>) {
    let broker = shared_broker().await;
    let mut worlds = vec![
        World::with_topics(&broker, prefix, PARTITIONS)
            .await
            .named("one"),
    ];
    for name in ["two", "three"] {
        worlds.push(World::kafka(&broker, prefix, PARTITIONS).named(name));
    }
    (broker, worlds)
}

/// The inputs' partitions that an instance leads.
fn led(running: &Running) -> BTreeSet<(&'static str, u32)> {
    let metrics = running.ctx.metrics.encode();
    let mut led = BTreeSet::new();
    for input in ["events", "receipts"] {
        for partition in 0..PARTITIONS {
            let name = format!("projector_leads{{input=\"{input}\",partition=\"{partition}\"}}");
            if metric(&metrics, &name) == 1.0 {
                led.insert((input, partition));
            }
        }
    }
    led
}

/// Waits until each partition is led by exactly one; says how many each leads.
async fn await_settled(instances: &[&Running]) -> Vec<usize> {
    let settled = harness::eventually(LIMIT, "each partition is led by one", async || {
        let all: Vec<_> = instances.iter().map(|running| led(running)).collect();
        let together: BTreeSet<_> = all.iter().flatten().copied().collect();
        let counts: Vec<usize> = all.iter().map(BTreeSet::len).collect();
        let is_settled = together.len() == 2 * PARTITIONS as usize
            && counts.iter().sum::<usize>() == together.len()
            && !counts.contains(&0);
        is_settled.then_some(counts)
    });
    settled.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_share_the_partitions_and_everybody_answers_the_same() {
    let (_broker, worlds) = cluster("several.").await;
    let at = worlds[0].append(&mixture(51, 0, 2_000, 30)).await;
    let one = worlds[0].start().await;
    let two = worlds[1].start().await;
    let three = worlds[2].start().await;
    let counts = await_settled(&[&one, &two, &three]).await;
    assert_eq!(counts, [2, 2, 2]);
    let expected = all(&one, &at, 30).await;
    for running in [&two, &three] {
        assert_same(
            &expected,
            &all(running, &at, 30).await,
            "on another instance",
        );
    }

    let at = worlds[0].append(&mixture(51, 2_000, 1_000, 30)).await;
    let expected = all(&two, &at, 30).await;
    for running in [&one, &three] {
        assert_same(
            &expected,
            &all(running, &at, 30).await,
            "after more traffic",
        );
    }

    // A static member that stops keeps its partitions until the session times out; then the others lead them.
    one.stop().await;
    let counts = await_settled(&[&two, &three]).await;
    assert_eq!(counts, [3, 3]);
    let at = worlds[1].append(&mixture(51, 3_000, 1_000, 30)).await;
    let expected = all(&two, &at, 30).await;
    assert_same(&expected, &all(&three, &at, 30).await, "after one stopped");

    let one = worlds[0].start().await;
    let counts = await_settled(&[&one, &two, &three]).await;
    assert_eq!(counts, [2, 2, 2]);
    assert_same(
        &expected,
        &all(&one, &at, 30).await,
        "on one that came back",
    );
    for running in [one, two, three] {
        let metrics = running.stop().await;
        assert_eq!(metric(&metrics, "projector_digest_mismatches_total"), 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_follows_answers_from_a_position_on_as_the_leader_does() {
    const GROUPS: u64 = 12;
    let (_broker, worlds) = cluster("follower.").await;
    let one = worlds[0].start().await;
    let two = worlds[1].start().await;
    await_settled(&[&one, &two]).await;
    let mut followed = 0;
    for round in 0..5_i64 {
        for number in 0..GROUPS {
            let (id, subject) = (group_id(number), format!("subject {round}"));
            let event = match round {
                0 => created(START, &id, &subject),
                _ => renamed(START + round, &id, &subject),
            };
            let at = worlds[0].append(&[event]).await;
            let partition: u32 = at[0].split(':').nth(1).unwrap().parse().unwrap();
            let follower = match led(&one).contains(&("events", partition)) {
                true => &two,
                false => &one,
            };
            // Asked at once, so that it has yet to hear of it from the leader.
            let path = format!("/v1/groups/{}", escaped(&id));
            let group = follower.json_at(&path, &at).await;
            let told = (group["subject"].as_str(), group["version"].as_str());
            assert_eq!(told, (Some(&*subject), Some(&*at[0])));
            followed += usize::from(!led(follower).contains(&("events", partition)));
        }
    }
    assert!(followed > 30, "{followed} answers of a follower");
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_begun_on_one_instance_goes_on_at_another_with_nothing_skipped_or_doubled() {
    const GROUPS: u64 = 12;
    let (_broker, worlds) = cluster("watched.").await;
    let one = worlds[0].start().await;
    let two = worlds[1].start().await;
    let events: Vec<_> = (0..GROUPS)
        .map(|n| created(START, &group_id(n), "first"))
        .collect();
    let begin = "1:0:-1,1:1:-1,1:2:-1";
    let mut watch = Watch::open(&one, "", Some(begin)).await;
    let mut at = worlds[0].append(&events).await;
    let (mut seen, mut last) = (Vec::new(), String::new());
    for round in 0..4_i64 {
        // All but the last few of what there is, so that the other instance begins amid it.
        let total = (round as usize + 1) * GROUPS as usize;
        while seen.len() < total - 3 {
            let (id, change) = watch.change().await;
            last = id;
            seen.push(change["version"].as_str().unwrap().to_owned());
        }
        let next = if round % 2 == 0 { &two } else { &one };
        next.json_at("/v1/groups", &at).await;
        watch = Watch::open(next, "", Some(&last)).await;
        if round < 3 {
            let events: Vec<_> = (0..GROUPS)
                .map(|n| renamed(START + 1 + round, &group_id(n), &format!("round {round}")))
                .collect();
            at = worlds[0].append(&events).await;
        }
    }
    while seen.len() < 4 * GROUPS as usize {
        seen.push(
            watch.change().await.1["version"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let once: BTreeSet<_> = seen.iter().collect();
    assert_eq!(once.len(), seen.len(), "nothing doubled");
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_heard_nothing_for_half_a_day_reads_what_it_follows_anew() {
    const HALF_A_DAY: Duration = Duration::from_secs(13 * 3_600);
    let (_broker, mut worlds) = cluster("silent.").await;
    // Kafka takes no record of the future, so that the clock is behind before and not ahead after.
    let began_ms = worlds[1].clock.now_ms() - 13 * 3_600_000;
    let (clock, hand) = Clock::manual(began_ms);
    let ticking = tokio::spawn(tick(hand.clone()));
    worlds[1].clock = clock;
    let half_a_day = Leaps::new(hand, HALF_A_DAY);
    worlds[1].steps = std::sync::Arc::<Leaps>::clone(&half_a_day);
    let at = worlds[0].append(&mixture(53, 0, 500, 10)).await;
    let one = worlds[0].start().await;
    let two = worlds[1].start().await;
    await_settled(&[&one, &two]).await;
    assert_same(
        &all(&one, &at, 10).await,
        &all(&two, &at, 10).await,
        "at first",
    );
    let reread = |running: &Running| {
        let metrics = running.ctx.metrics.encode();
        metric(&metrics, "projector_topics_reread_total")
    };
    assert_eq!(reread(&two), 0.0);
    half_a_day.allow(1);
    let at = worlds[0].append(&mixture(53, 500, 500, 10)).await;
    let again = harness::eventually(LIMIT, "what is followed is read anew", async || {
        (reread(&two) > 0.0).then_some(())
    });
    again.await.unwrap();
    assert_same(
        &all(&one, &at, 10).await,
        &all(&two, &at, 10).await,
        "after that",
    );
    assert_eq!(reread(&one), 0.0);
    ticking.abort();
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leaders_late_write_is_ignored_and_published_again() {
    let (_broker, worlds) = cluster("late.").await;
    let at = worlds[0].append(&mixture(52, 0, 600, 6)).await;
    let one = worlds[0].start().await;
    let two = worlds[1].start().await;
    await_settled(&[&one, &two]).await;
    // Folded in two batches, so that there are states of both.
    all(&one, &at, 6).await;
    let at = worlds[0].append(&mixture(52, 600, 600, 6)).await;
    let before = all(&one, &at, 6).await;

    // An older state of a group, written over the newer one.
    let (key, old, new) = two_states_of_a_group(&worlds[0], 0).await;
    let now_ms = worlds[0].clock.now_ms() as i64;
    let mut batch = Batch::new();
    batch.push(Topic::Groups.name(), 0, &key, Some(&old), &[], now_ms);
    let offset = worlds[2].log.append(batch).await.unwrap()[0];
    let again = harness::eventually(LIMIT, "the newer state is published again", async || {
        let after = last_of(&worlds[0], 0, &key).await?;
        (after.0 > offset && after.1 == new).then_some(())
    });
    again.await.unwrap();
    for running in [&one, &two] {
        assert_same(&before, &all(running, &at, 6).await, "after a late write");
    }
    let disturbed = |metrics: &str| metric(metrics, "projector_takeovers_disturbed_total");
    let (one, two) = (one.stop().await, two.stop().await);
    assert!(disturbed(&one) + disturbed(&two) >= 1.0);
}

/// The first and the last state that a partition holds of some group that changed.
async fn two_states_of_a_group(world: &World, partition: u32) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let mut first = std::collections::BTreeMap::new();
    let mut found = None;
    for (key, value) in states(world, partition).await {
        let earlier = first.entry(key.clone()).or_insert_with(|| value.clone());
        if *earlier != value {
            found = Some((key, earlier.clone(), value));
        }
    }
    found.unwrap()
}

async fn last_of(world: &World, partition: u32, wanted: &[u8]) -> Option<(i64, Vec<u8>)> {
    let mut last = None;
    for (place, (key, value)) in states(world, partition).await.into_iter().enumerate() {
        if key == wanted {
            last = Some((place as i64, value));
        }
    }
    last
}

/// Groups' states in the order of the log, which has no gaps here; records that are none stand as empty.
async fn states(world: &World, partition: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let start = eventlog::Start::new(Topic::Groups.name(), partition, eventlog::At::Beginning);
    let mut reader = world.log.reader(vec![start]).await.unwrap();
    let mut states = Vec::new();
    while !reader.reached_all_ends() {
        let batch = reader
            .next(1_000, 1 << 20, Duration::from_secs(1))
            .await
            .unwrap();
        for record in batch.iter() {
            let is_state = record.key.starts_with(b"g/");
            let key = if is_state { record.key } else { b"" };
            let value = record.value.unwrap_or_default().to_vec();
            states.push((key.to_vec(), if is_state { value } else { Vec::new() }));
        }
    }
    states
}
