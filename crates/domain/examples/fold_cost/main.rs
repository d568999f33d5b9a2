//! What folding one event costs, a row for each kind of event: `cargo run --release -p domain --example fold_cost [KIND]`.
//!
//! Nanoseconds of this thread's CPU time, so that a busy machine changes little.
//! A small group has six members; a full one eight, and registers of sixty more who came and went.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod kinds;

use std::{fs, hint::black_box, io};

use domain::{
    event::{About, Event, GroupEvent, Source},
    group::Group,
    ids::{EventId, Invalid, Second, Text},
    message::Message,
    number::Number,
    position::Position,
    request::Request,
};

use self::kinds::{Kind, group_id, number_id, person, read};

/// Events of one series.
const EVENTS: u64 = 5_000;
/// Nanoseconds for which each series is folded again and again: the kernel counts a thread's time in steps of some milliseconds.
const AT_LEAST: u64 = 80_000_000;
/// Second at which the group was made.
const START: Second = 1_780_000_000;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("identifier")]
    Id(#[from] Invalid),
    #[error("/proc/thread-self/schedstat")]
    Time(#[from] io::Error),
}

fn main() -> Result<(), Error> {
    // A first argument chooses the kinds whose names begin so.
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let is_wanted = |kind: &&Kind| kind.name.starts_with(&wanted);
    println!(
        "{:<42} {:>9} {:>9}",
        "ns of CPU time an event", "small", "full"
    );
    for kind in kinds::of_groups().iter().filter(is_wanted) {
        let [small, full] = [group(6, 0)?, group(8, 60)?];
        let (small, full) = (cost(kind, &small, 6)?, cost(kind, &full, 8)?);
        println!("{:<42} {small:>9.0} {full:>9.0}", kind.name);
    }
    for kind in kinds::of_others().iter().filter(is_wanted) {
        let cost = match kind.make(0, 6)? {
            About::Message(..) => cost(kind, &Message::default(), 6)?,
            About::Number(..) => cost(kind, &Number::default(), 6)?,
            About::Request(..) => cost(kind, &Request::default(), 6)?,
            About::Group(..) => continue,
        };
        println!("{:<42} {cost:>9.0} {:>9}", kind.name, "");
    }
    Ok(())
}

/// A state that events of a kind are folded into.
trait State: Clone {
    fn fold(&mut self, event: &Event, position: Position);
}

impl State for Group {
    fn fold(&mut self, event: &Event, position: Position) {
        if let About::Group(id, _) = &event.about {
            black_box(self.apply(id, event, position));
        }
    }
}

impl State for Message {
    fn fold(&mut self, event: &Event, position: Position) {
        if let About::Message(id, _) = &event.about {
            black_box(self.apply(id, event, position));
        }
    }
}

impl State for Number {
    fn fold(&mut self, event: &Event, position: Position) {
        if let About::Number(id, _) = &event.about {
            black_box(self.apply(id, event, position));
        }
    }
}

impl State for Request {
    fn fold(&mut self, event: &Event, position: Position) {
        if let About::Request(id, _) = &event.about {
            black_box(self.apply(id, event, position));
        }
    }
}

/// Nanoseconds to fold one event of a kind into a copy of `state`, whose copying is not counted.
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn cost<S: State>(kind: &Kind, state: &S, members: u64) -> Result<f64, Error> {
    let count = kind.series.unwrap_or(EVENTS);
    let mut events = Vec::new();
    for n in 0..count {
        let at = START + 1_000 + i64::try_from(n).unwrap_or_default() * kind.step;
        events.push(event(n, at, kind.make(n, members)?)?);
    }
    let folding = per_pass(|| {
        let mut state = state.clone();
        for (offset, event) in (1_000..).zip(&events) {
            state.fold(event, position(offset));
        }
        black_box(state);
    })?;
    let copying = per_pass(|| {
        black_box(state.clone());
    })?;
    Ok((folding - copying) / count as f64)
}

/// Nanoseconds of this thread that one pass takes, of as many as make it measurable.
#[expect(clippy::cast_precision_loss, reason = "a table for people")]
fn per_pass(mut pass: impl FnMut()) -> Result<f64, Error> {
    pass();
    let begin = cpu_time()?;
    let mut passes = 0_u64;
    loop {
        for _ in 0..passes.clamp(1, 10_000) {
            pass();
            passes += 1;
        }
        let spent = cpu_time()? - begin;
        if spent >= AT_LEAST {
            return Ok(spent as f64 / passes as f64);
        }
    }
}

/// Nanoseconds that this thread ran so far.
fn cpu_time() -> Result<u64, Error> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().unwrap_or_default();
    Ok(first.parse().map_err(io::Error::other)?)
}

/// A group of so many members, in which so many others were before.
fn group(members: u64, others: u64) -> Result<Group, Invalid> {
    let mut group = Group::default();
    let mut whats = vec![GroupEvent::Read(read(members, true))];
    for n in 0..others {
        let participants = vec![person(40 + n)];
        whats.push(GroupEvent::ParticipantsRemoved { participants });
    }
    for (offset, what) in (1..).zip(whats) {
        let about = About::Group(group_id()?, what);
        let event = event(offset, START + 1, about)?;
        let offset = i64::try_from(offset).unwrap_or_default();
        group.fold(&event, position(offset));
    }
    Ok(group)
}

fn event(n: u64, at: Second, about: About) -> Result<Event, Invalid> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let is_read = matches!(
        about,
        About::Group(
            _,
            GroupEvent::Read(_)
                | GroupEvent::JoinRequestsRead { .. }
                | GroupEvent::Listed { .. }
                | GroupEvent::Unknown
        )
    );
    let source = if is_read {
        Source::Read
    } else {
        Source::Webhook
    };
    Ok(Event {
        id: EventId(id),
        at,
        source,
        phone_number_id: Some(number_id()?),
        waba_id: Some(Text::new("200000000000001")),
        about,
    })
}

fn position(offset: i64) -> Position {
    Position {
        generation: 1,
        offset,
        ..Position::default()
    }
}
