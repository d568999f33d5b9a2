//! What both engines promise: each case runs on either.

use std::{collections::BTreeMap, time::Duration};

use eventlog::{At, Batch, Bounds, Class, Error, Start, limits};

use crate::world::{
    COMPACTED, LONG, OTHER, Seen, TOPIC, World, now_ms, numbered, rest, seen, take, topics,
};

/// Every case as a test on the local log and as one on Kafka: a list, so that none is forgotten on either.
macro_rules! on_both_engines {
    ($($case:ident)*) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::World::local()).await;
            })*
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::World::kafka()).await;
            })*
        }
    };
}

on_both_engines! {
    an_append_gives_each_record_its_offset_in_the_order_of_the_batch
    records_come_back_as_they_were_given
    a_big_batch_comes_back_in_order_within_the_bounds_asked_for
    a_reader_starts_where_it_is_told
    a_reader_follows_while_others_append
    one_reader_reads_several_partitions
    a_start_outside_of_what_the_log_holds_is_out_of_range
    clones_append_concurrently_and_every_offset_holds_its_record
    what_is_not_there_is_unknown
    what_is_too_large_is_permanent_and_writes_nothing
    a_compacted_topic_refuses_a_record_without_key
    a_read_that_is_cancelled_loses_nothing
    a_read_waits_no_longer_than_it_is_told
    an_empty_batch_and_a_flush_of_nothing_are_done_at_once
}

async fn an_append_gives_each_record_its_offset_in_the_order_of_the_batch(world: World) {
    let log = world.with(&topics(2)).await;
    assert!(log.health().is_ready());
    assert_eq!(log.partitions(TOPIC).await.unwrap(), 2);
    let mut batch = Batch::new();
    let now = now_ms();
    for (topic, partition) in [(TOPIC, 0), (OTHER, 1), (TOPIC, 0), (TOPIC, 1), (OTHER, 1)] {
        batch.push(topic, partition, b"k", Some(b"v"), &[], now);
    }
    assert_eq!(log.append(batch.clone()).await.unwrap(), [0, 0, 1, 0, 1]);
    assert_eq!(log.append(batch).await.unwrap(), [2, 2, 3, 1, 3]);
    let bounds = |start, end| Bounds { start, end };
    assert_eq!(log.bounds(TOPIC, 0).await.unwrap(), bounds(0, 4));
    assert_eq!(log.bounds(TOPIC, 1).await.unwrap(), bounds(0, 2));
    assert_eq!(log.bounds(OTHER, 0).await.unwrap(), bounds(0, 0));
}

async fn records_come_back_as_they_were_given(world: World) {
    let log = world.with(&topics(1)).await;
    let now = now_ms();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let mut batch = Batch::new();
    batch.push(TOPIC, 0, b"", Some(b"no key"), &[], now);
    batch.push(TOPIC, 0, b"empty", Some(b""), &[], now - 5000);
    batch.push(TOPIC, 0, b"tombstone", None, &[("why", b"gone")], now);
    batch.push(
        TOPIC,
        0,
        &all_bytes,
        Some(&all_bytes),
        &[("b", &all_bytes), ("b", b""), ("", b"x")],
        now,
    );
    log.append(batch).await.unwrap();

    let start = Start::new(TOPIC, 0, At::Beginning);
    let bare = vec![start.clone().without_headers()];
    let mut bare = log.reader(bare).await.unwrap();
    let mut reader = log.reader(vec![start]).await.unwrap();
    let record =
        |offset, timestamp_ms, key: &[u8], value: Option<&[u8]>, headers: &[(&str, &[u8])]| Seen {
            source: 0,
            offset,
            timestamp_ms,
            key: key.to_vec(),
            value: value.map(<[u8]>::to_vec),
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), v.to_vec()))
                .collect(),
        };
    let mut whole = take(&mut reader, 4).await;
    assert_eq!(
        whole,
        [
            record(0, now, b"", Some(b"no key"), &[]),
            record(1, now - 5000, b"empty", Some(b""), &[]),
            record(2, now, b"tombstone", None, &[("why", b"gone")]),
            record(
                3,
                now,
                &all_bytes,
                Some(&all_bytes),
                &[("b", &all_bytes), ("b", b""), ("", b"x")]
            ),
        ]
    );
    for seen in &mut whole {
        seen.headers.clear();
    }
    assert_eq!(take(&mut bare, 4).await, whole, "without headers");
    let reader = log.reader(vec![Start::new(TOPIC, 0, At::Offset(2))]).await;
    let batch = reader.unwrap().next(1, 1, LONG).await.unwrap();
    assert_eq!(batch.get(0).unwrap().header("why"), Some(&b"gone"[..]));
    assert_eq!(batch.get(0).unwrap().header("who"), None);
}

async fn a_big_batch_comes_back_in_order_within_the_bounds_asked_for(world: World) {
    const RECORDS: u64 = 50_000;
    let log = world.with(&topics(1)).await;
    let offsets = log.append(numbered(TOPIC, 0, 0..RECORDS)).await.unwrap();
    assert!(offsets.iter().copied().eq(0..RECORDS as i64));

    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();
    let mut next = 0;
    while next < RECORDS {
        let batch = reader.next(777, 5000, LONG).await.unwrap();
        assert!((1..=777).contains(&batch.len()));
        // The record that passes the bound is the last.
        assert!(batch.bytes() < 5000 + 10);
        for record in batch.iter() {
            assert_eq!(record.offset, next as i64);
            assert_eq!(record.value, Some(next.to_string().as_bytes()));
            next += 1;
        }
        assert_eq!(reader.position(0), next as i64);
        assert_eq!(reader.reached_end(0), next == RECORDS);
    }
}

async fn a_reader_starts_where_it_is_told(world: World) {
    let log = world.with(&topics(1)).await;
    log.append(numbered(TOPIC, 0, 0..10)).await.unwrap();
    for (at, first) in [
        (At::Beginning, 0),
        (At::Offset(7), 7),
        (At::End, 10),
        (At::Offset(10), 10),
    ] {
        let mut reader = log.reader(vec![Start::new(TOPIC, 0, at)]).await.unwrap();
        assert_eq!((reader.position(0), reader.end_at_open(0)), (first, 10));
        let offsets: Vec<i64> = rest(&mut reader).await.iter().map(|r| r.offset).collect();
        assert_eq!(offsets, (first..10).collect::<Vec<_>>(), "{at:?}");
        assert!(reader.reached_end(0));
        assert_eq!(reader.position(0), 10);
    }
}

async fn a_reader_follows_while_others_append(world: World) {
    let log = world.with(&topics(1)).await;
    let start = vec![Start::new(TOPIC, 0, At::End)];
    let mut reader = log.reader(start).await.unwrap();
    let appender = log.clone();
    let appending = tokio::spawn(async move {
        for number in 0..200 {
            let one = numbered(TOPIC, 0, number..number + 1);
            appender.append(one).await.unwrap();
        }
    });
    let followed = take(&mut reader, 200).await;
    appending.await.unwrap();
    let offsets: Vec<i64> = followed.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (0..200).collect::<Vec<_>>());
}

async fn one_reader_reads_several_partitions(world: World) {
    let log = world.with(&topics(3)).await;
    let mut starts = Vec::new();
    for (topic, at) in [(TOPIC, At::Beginning), (OTHER, At::Offset(5))] {
        for partition in 0..3 {
            log.append(numbered(topic, partition, 0..100))
                .await
                .unwrap();
            starts.push(Start::new(topic, partition, at));
        }
    }
    let mut reader = log.reader(starts).await.unwrap();
    assert_eq!(reader.sources(), 6);
    assert!(!reader.reached_all_ends());
    let mut by_source: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for record in rest(&mut reader).await {
        by_source
            .entry(record.source)
            .or_default()
            .push(record.offset);
    }
    for source in 0..6 {
        let first = if source < 3 { 0 } else { 5 };
        assert_eq!(by_source[&source], (first..100).collect::<Vec<_>>());
    }
}

async fn a_start_outside_of_what_the_log_holds_is_out_of_range(world: World) {
    let log = world.with(&topics(1)).await;
    log.append(numbered(TOPIC, 0, 0..3)).await.unwrap();
    for asked in [-1, 4, i64::MAX] {
        let start = vec![Start::new(TOPIC, 0, At::Offset(asked))];
        let error = log.reader(start).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let Error::OutOfRange {
            topic,
            partition,
            offset,
            start,
            end,
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(
            (topic.as_str(), partition, offset, start, end),
            (TOPIC, 0, asked, 0, 3)
        );
    }
}

async fn clones_append_concurrently_and_every_offset_holds_its_record(world: World) {
    const TASKS: u64 = 16;
    const BATCHES: u64 = 30;
    let log = world.with(&topics(1)).await;
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            let mut placed = Vec::new();
            for batch in 0..BATCHES {
                let first = (task * BATCHES + batch) * 3;
                let offsets = log
                    .append(numbered(TOPIC, 0, first..first + 3))
                    .await
                    .unwrap();
                placed.extend(offsets.into_iter().zip(first..));
            }
            placed
        }));
    }
    let mut placed = BTreeMap::new();
    for task in tasks {
        placed.extend(task.await.unwrap());
    }
    assert!(log.flush(LONG).await);
    let start = vec![Start::new(TOPIC, 0, At::Beginning)];
    let mut reader = log.reader(start).await.unwrap();
    let read: BTreeMap<i64, u64> = rest(&mut reader)
        .await
        .into_iter()
        .map(|record| {
            (
                record.offset,
                String::from_utf8(record.key).unwrap().parse().unwrap(),
            )
        })
        .collect();
    assert_eq!(read.len() as u64, TASKS * BATCHES * 3);
    assert_eq!(read, placed);
}

async fn what_is_not_there_is_unknown(world: World) {
    let log = world.with(&topics(2)).await;
    assert!(matches!(
        log.partitions("no.v1").await,
        Err(Error::UnknownTopic { .. })
    ));
    assert_eq!(log.describe(&["no.v1"]).await.unwrap(), [None]);
    for (topic, partition) in [("no.v1", 0), (TOPIC, 2)] {
        let unknown = |error: Error| {
            assert_eq!(error.class(), Class::Transient, "{error}");
            let said = error.to_string();
            assert!(
                said.contains(topic) && said.contains("rollcall topics apply"),
                "{said}"
            );
        };
        unknown(log.bounds(topic, partition).await.unwrap_err());
        unknown(
            log.append(numbered(topic, partition, 0..1))
                .await
                .unwrap_err(),
        );
        let start = vec![Start::new(topic, partition, At::End)];
        unknown(log.reader(start).await.unwrap_err());
    }
    assert!(matches!(
        log.reader(Vec::new()).await,
        Err(Error::Config { .. })
    ));
}

async fn what_is_too_large_is_permanent_and_writes_nothing(world: World) {
    let log = world.with(&topics(1)).await;
    let mut batch = numbered(TOPIC, 0, 0..1);
    let fits = vec![b'x'; limits::RECORD_BYTES_MAX];
    batch.push(TOPIC, 0, b"", Some(&fits), &[], now_ms());
    assert_eq!(log.append(batch.clone()).await.unwrap(), [0, 1]);

    batch.push(TOPIC, 0, b"k", Some(&fits), &[], now_ms());
    let error = log.append(batch).await.unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(
        error.to_string(),
        "a record of 1000001 bytes for events.v1 is larger than 1000000"
    );

    let too_many = limits::BATCH_RECORDS_MAX as u64 + 1;
    let error = log
        .append(numbered(TOPIC, 0, 0..too_many))
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(
        log.bounds(TOPIC, 0).await.unwrap(),
        Bounds { start: 0, end: 2 }
    );
}

async fn a_compacted_topic_refuses_a_record_without_key(world: World) {
    let log = world.with(&topics(1)).await;
    let mut batch = Batch::new();
    batch.push(COMPACTED, 0, b"", Some(b"value"), &[], now_ms());
    let error = log.append(batch).await.unwrap_err();
    assert!(matches!(error, Error::InvalidRecord { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(log.append(numbered(COMPACTED, 0, 0..1)).await.unwrap(), [0]);
}

async fn a_read_that_is_cancelled_loses_nothing(world: World) {
    let log = world.with(&topics(1)).await;
    let start = vec![Start::new(TOPIC, 0, At::End)];
    let mut reader = log.reader(start).await.unwrap();
    let (mut read, mut cancelled) = (Vec::new(), 0);
    for number in 0..300 {
        let appending = log.append(numbered(TOPIC, 0, number..number + 1));
        let reading = reader.next(10, 1000, LONG);
        // Whichever is done first cancels the other's future, which for the append changes nothing.
        tokio::select! {
            biased;
            offsets = appending => {
                offsets.unwrap();
                cancelled += 1;
            }
            batch = reading => read.extend(seen(&batch.unwrap())),
        }
    }
    assert!(log.flush(LONG).await);
    let end = log.bounds(TOPIC, 0).await.unwrap().end;
    assert_eq!(end, 300);
    while reader.position(0) < end {
        let batch = reader.next(10, 1000, LONG).await.unwrap();
        read.extend(seen(&batch));
    }
    let offsets: Vec<i64> = read.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (0..300).collect::<Vec<_>>());
    assert!(cancelled > 0, "some reads were cancelled");
}

async fn a_read_waits_no_longer_than_it_is_told(world: World) {
    let log = world.with(&topics(1)).await;
    let start = vec![Start::new(TOPIC, 0, At::End)];
    let mut reader = log.reader(start).await.unwrap();
    let began = std::time::Instant::now();
    let batch = reader.next(1, 1, Duration::from_millis(300)).await.unwrap();
    assert!(batch.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert!(began.elapsed() < Duration::from_secs(20));
    // With something there it does not wait at all.
    log.append(numbered(TOPIC, 0, 0..1)).await.unwrap();
    assert_eq!(take(&mut reader, 1).await.len(), 1);
}

async fn an_empty_batch_and_a_flush_of_nothing_are_done_at_once(world: World) {
    let log = world.with(&topics(1)).await;
    assert_eq!(log.append(Batch::new()).await.unwrap(), Vec::<i64>::new());
    assert!(log.flush(Duration::from_secs(5)).await);
}
