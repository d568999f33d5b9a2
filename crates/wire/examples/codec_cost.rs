//! Nanoseconds to write and to read records, on one thread: `cargo run --release -p wire --example codec_cost`.
//!
//! The projector reads one event and writes one state for nearly every event, in a few microseconds altogether.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use domain::{
    event::{About, Event, GroupEvent, Person, Source},
    group::Group,
    ids::{EventId, GroupId, PhoneNumberId, Text},
    position::{Position, Stream},
};

const BATCHES: u32 = 500;
const ROUNDS: u32 = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let group_id = GroupId::parse("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjMwNDU2Nzg5MDEyMzQZD")?;
    let mut group = Group::default();
    let mut event = added(&group_id, 0)?;
    for person in 0..6 {
        event = added(&group_id, person)?;
        let position = Position {
            stream: Stream::Events,
            generation: 1,
            partition: 3,
            offset: person.into(),
        };
        group.apply(&group_id, &event, position);
    }
    let (mut event_bytes, mut group_bytes) = (Vec::new(), Vec::new());
    wire::encode_event(&event, &mut event_bytes);
    wire::encode_group(&group_id, &group, &mut group_bytes);
    print(&format!(
        "event {} bytes, group of six {} bytes",
        event_bytes.len(),
        group_bytes.len()
    ));

    let mut out = Vec::with_capacity(8_192);
    cost("encode_event", || {
        out.clear();
        wire::encode_event(black_box(&event), &mut out);
    });
    cost("decode_event", || {
        black_box(wire::decode_event(black_box(&event_bytes)).is_ok());
    });
    cost("encode_group", || {
        out.clear();
        wire::encode_group(&group_id, black_box(&group), &mut out);
    });
    cost("decode_group", || {
        black_box(wire::decode_group(black_box(&group_bytes)).is_ok());
    });
    cost("peek", || {
        black_box(wire::peek(black_box(&group_bytes)).is_ok());
    });
    cost("record_hash", || {
        black_box(wire::digest::record_hash(
            group_id.as_str().as_bytes(),
            black_box(&group_bytes),
        ));
    });
    cost("headers::event", || {
        black_box(wire::headers::event(
            wire::headers::Origin::Ingest,
            black_box(&event),
        ));
    });
    cost("id::identify", || {
        wire::id::identify(black_box(&mut event));
    });
    Ok(())
}

fn added(group_id: &GroupId, person: u8) -> Result<Event, domain::ids::Invalid> {
    let person_named = Person {
        input: None,
        wa_id: Some(Text::from(format!("1555010004{person}"))),
        user_id: Some(Text::from(format!("US.1000000000000000004{person}"))),
        parent_user_id: None,
        username: Some(Text::from(format!("rosa.k{person}"))),
    };
    Ok(Event {
        id: EventId([person; 16]),
        at: 1_780_000_000 + i64::from(person),
        source: Source::Webhook,
        phone_number_id: Some(PhoneNumberId::parse("300000000000001")?),
        waba_id: Some(Text::from("200000000000001")),
        about: About::Group(
            group_id.clone(),
            GroupEvent::ParticipantsAdded {
                participants: vec![person_named],
            },
        ),
    })
}

/// The best of many batches: what else runs on the machine makes the others slower.
fn cost(name: &str, mut work: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.min(start.elapsed());
    }
    print(&format!("{name:>16} {:>6} ns", (best / ROUNDS).as_nanos()));
}

#[expect(clippy::print_stdout, reason = "an example whose purpose is to print")]
fn print(line: &str) {
    println!("{line}");
}
