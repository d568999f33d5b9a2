//! `tests/vectors`: which partition, which position is greater, what digest, and what a reader makes of a partition.
//!
//! After a wanted change: `ROLLCALL_BLESS=1 cargo test -p consumer vectors`, and read the difference.

use std::{cmp::Ordering, fs, path::PathBuf};

use consumer::{Check, Incoming, Outcome, Skip, Table, Unproven};
use domain::{
    group::Group,
    ids::{EventId, GroupId, Text},
    position::{Position, Stream},
    register::{Rank, Register, Stamp},
};
use serde_json::{Value, json};
use wire::{
    Progress,
    digest::{Digest, record_hash},
};

/// Compares with a file of `tests/vectors`, or writes it where that was asked for.
fn check(name: &str, vectors: &Value) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(name);
    let text = serde_json::to_string_pretty(vectors).unwrap() + "\n";
    if std::env::var_os("ROLLCALL_BLESS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let stored = fs::read_to_string(&file).unwrap();
    assert_eq!(text, stored, "{name} is not what the code says");
}

#[test]
fn keys_belong_to_the_partitions_of_the_vectors() {
    let keys = [
        "g/Y2FwaV9ncm91cDoxNTU1MDEwMDAwMTox",
        "g/1",
        "g/12",
        "g/123",
        "g/1234",
        "m/wamid.OUT1",
        "n/300000000000001",
        "r/rq-01J0000000000000000000000",
        "g/\u{00fc}\u{4e2d}\u{1f600}",
        "",
    ];
    let vectors: Vec<Value> = keys
        .into_iter()
        .map(|key| {
            let of = [1, 2, 3, 12, 31, 64, 1_000]
                .map(|count| (count.to_string(), eventlog::partition_of(key.as_bytes(), count).into()));
            json!({"key": hex::encode(key), "partition_of": Value::Object(of.into_iter().collect())})
        })
        .collect();
    check(
        "partitions.json",
        &json!({
            "about": "The partition of a key (hexadecimal) among so many: murmur2 as Kafka's Java client has it, the sign bit cleared, modulo the count.",
            "keys": vectors,
        }),
    );
}

fn position(text: &str) -> Position {
    Position::parse(text).unwrap()
}

#[test]
fn positions_are_written_and_compared_as_the_vectors_say() {
    let texts = [
        "1:3:812",
        "r1:3:812",
        "1:0:0",
        "4294967295:4294967295:9223372036854775807",
        "1:3",
        "1:3:812:0",
        "1:3:-1",
        "+1:3:8",
        "R1:3:8",
        "",
        "1:3:x",
        " 1:3:8",
    ];
    let parsed: Vec<Value> = texts
        .into_iter()
        .map(|text| {
            let position = Position::parse(text).map(|position| {
                json!({
                    "stream": match position.stream {
                        Stream::Events => "events",
                        Stream::Receipts => "receipts",
                    },
                    "generation": position.generation,
                    "partition": position.partition,
                    // As text: JavaScript's numbers end at 2^53.
                    "offset": position.offset.to_string(),
                })
            });
            json!({"text": text, "position": position})
        })
        .collect();
    let pairs = [
        ("1:3:812", "1:3:813"),
        ("1:3:812", "1:3:812"),
        ("1:3:900", "1:3:1000"),
        ("2:3:1", "1:3:900"),
        ("10:3:1", "9:3:1"),
        ("2:7:5", "1:3:900"),
        ("r1:3:5", "r1:3:4"),
    ];
    let compared: Vec<Value> = pairs
        .into_iter()
        .map(|(one, other)| {
            let order = match position(one).compare(&position(other)) {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            };
            json!({"one": one, "other": other, "order": order})
        })
        .collect();
    check(
        "positions.json",
        &json!({
            "about": "Positions as text (null: not a position), and the order of two of one entity: generation first, then offset; the partition does not count.",
            "parsed": parsed,
            "compared": compared,
        }),
    );
}

#[test]
fn records_sum_to_the_digests_of_the_vectors() {
    let records: [(&[u8], &[u8]); 5] = [
        (b"g/1", b"one"),
        (b"g/2", b"two"),
        (b"g/1v", b"alue"),
        (b"g/1", b"value"),
        (b"n/300000000000001", b""),
    ];
    let mut sum = Digest::default();
    let mut steps = Vec::new();
    for (key, value) in records {
        sum.add(record_hash(key, value));
        steps.push(json!({
            "key": hex::encode(key),
            "value": hex::encode(value),
            "hash": record_hash(key, value).to_string(),
            "sum": sum.to_string(),
        }));
    }
    let (key, value) = records[1];
    sum.remove(record_hash(key, value));
    // So many of one that the sum passes 2^256 again and again.
    let mut wrapped = Digest::default();
    (0..1_000).for_each(|_| wrapped.add(record_hash(b"g/1", b"one")));
    check(
        "digests.json",
        &json!({
            "about": "h = BLAKE3(length of key as 4 bytes big-endian, key, value), 32 bytes read as a big-endian number; the digest is the sum modulo 2^256. `sum` is the digest of all records up to here.",
            "empty": Digest::default().to_string(),
            "records": steps,
            "without_the_second": sum.to_string(),
            "a_thousand_times_the_first": wrapped.to_string(),
        }),
    );
}

/// The record of group `id` as event `at` made it.
fn state(id: &str, at: &str) -> (String, Option<Vec<u8>>) {
    let id = GroupId::parse(id).unwrap();
    let mut group = Group::default();
    group.core.subject = Some(Register {
        stamp: Stamp {
            at: 1_780_000_000,
            rank: Rank::Statement,
            tie: EventId::default(),
        },
        doubt: false,
        value: Text::new(format!("as of {at}")),
    });
    group.envelope.position = position(at);
    group.envelope.version = Some(position(at));
    let mut value = Vec::new();
    wire::encode_group(&id, &group, &mut value);
    (format!("g/{id}"), Some(value))
}

fn tombstone(id: &str) -> (String, Option<Vec<u8>>) {
    (format!("g/{id}"), None)
}

/// Progress at event `at` when these records were live.
fn progress(at: &str, live: &[&(String, Option<Vec<u8>>)]) -> (String, Option<Vec<u8>>) {
    let mut digest = Digest::default();
    for (key, value) in live {
        digest.add(record_hash(key.as_bytes(), value.as_ref().unwrap()));
    }
    let progress = Progress {
        position: position(at),
        event_id: None,
        log_time_ms: 1_780_000_000_000,
        partitions: 4,
        gap: None,
        digest: Some(digest),
        fold: domain::limits::FOLD,
        written_at_ms: 1_780_000_000_500,
        changes_next: 0,
    };
    let mut value = Vec::new();
    wire::encode_progress(&progress, &mut value);
    (format!("p/{}", progress.position.partition), Some(value))
}

/// What an outcome is called in the vectors.
fn word<T>(outcome: &Outcome<T>) -> &'static str {
    match outcome {
        Outcome::Put { .. } => "put",
        Outcome::Removed(_) => "removed",
        Outcome::Stale(_) => "stale",
        Outcome::Known(_) => "known",
        Outcome::Progress(Check::Agrees) => "agrees",
        Outcome::Progress(Check::Differs { .. }) => "differs",
        Outcome::Progress(Check::Unproven(Unproven::Late)) => "late",
        Outcome::Progress(Check::Unproven(Unproven::Ahead)) => "ahead",
        Outcome::Progress(Check::Unproven(Unproven::Removed)) => "removed since",
        Outcome::Progress(Check::Unproven(Unproven::CatchingUp)) => "catching up",
        Outcome::Progress(Check::Unproven(Unproven::NoDigest)) => "no digest",
        Outcome::Skipped(Skip::ForeignKey) => "skipped",
        Outcome::Skipped(Skip::Mismatch | Skip::Unknown | Skip::Unreadable(_)) => "skipped",
    }
}

#[test]
fn a_partition_is_read_as_the_vectors_say() {
    let (one, one_later) = (state("1", "1:0:5"), state("1", "1:0:9"));
    let (two, raised) = (state("2", "1:0:7"), state("2", "2:0:1"));
    let lost = state("3", "2:0:2");
    let log = [
        one.clone(),
        progress("1:0:5", &[&one]),
        two.clone(),
        one_later.clone(),
        // A former leader's late writes.
        one.clone(),
        progress("1:0:6", &[&one]),
        progress("1:0:9", &[&one_later, &two]),
        progress("1:0:5", &[&one]),
        one_later.clone(),
        raised.clone(),
        progress("2:0:1", &[&one_later, &raised]),
        tombstone("1"),
        tombstone("1"),
        progress("2:0:1", &[&one_later, &raised]),
        progress("2:0:2", &[&raised]),
        ("n/1".to_owned(), Some(vec![0])),
        ("g/9".to_owned(), Some(vec![0xff])),
        ("p/1".to_owned(), progress("1:0:9", &[]).1),
        // A record was lost on the way.
        progress("2:0:3", &[&raised, &lost]),
        progress("2:0:4", &[&raised, &lost]),
    ];
    let mut table = Table::<Group>::default();
    table.at_end(0);
    let records: Vec<Value> = log
        .iter()
        .zip(0..)
        .map(|((key, value), offset)| {
            let outcome = table.take(Incoming {
                partition: 0,
                offset,
                key: key.as_bytes(),
                value: value.as_deref(),
            });
            json!({
                "key": hex::encode(key),
                "value": value.as_ref().map(hex::encode),
                "outcome": word(&outcome),
                "records": table.records(0),
                "digest": table.digest(0).to_string(),
            })
        })
        .collect();
    check(
        "reading.json",
        &json!({
            "about": "Partition 0 of groups.v1, read from its beginning; the end seen at opening is taken as reached at once. After each record: what it means (put, removed; stale, known: left alone; skipped; of progress whose digest was compared: agrees, differs; and why not: late, ahead, removed since), how many states are held and their digest.",
            "records": records,
        }),
    );
}
