//! A million groups compared: how much memory that takes beside what is held.

use std::{collections::BTreeMap, fs};

use domain::{
    event::{About, GroupCreated, GroupEvent, GroupRead, ListPass, NumberEvent, Person, Source},
    group::Group,
    ids::GroupId,
    number::Number,
    plan::{Budget, Clock, Limits, Listed, Listing, Memory, Plan, Projection, Signals, plan},
    position::Position,
};

use crate::{
    meta::{event, number},
    world::START,
};

/// What was held, listed and found.
#[derive(Debug)]
pub struct Million {
    /// Kilobytes resident with what is held.
    pub held_kb: u64,
    /// Kilobytes resident with what is held and listed.
    pub listed_kb: u64,
    /// Kilobytes resident at the most, after comparing.
    pub peak_kb: u64,
    /// Steps planned.
    pub plan: Plan,
}

/// Kilobytes by this name in the process's status; 0 where that cannot be read.
fn status_kb(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words.and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

/// Holds so many groups of eight members, lists nearly the same, compares and chooses reads; a thousandth differs.
pub fn compare(groups: usize, mut timed: impl FnMut(&str)) -> Million {
    let mut held: BTreeMap<GroupId, Group> = BTreeMap::new();
    let mut listing = Listing {
        t0: START,
        ended: START,
        is_complete: true,
        pages: u32::try_from(groups / 1_024).unwrap_or(u32::MAX),
        groups: BTreeMap::new(),
    };
    for place in 0..groups {
        let Ok(group_id) = GroupId::parse(&format!("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMTox{place:010}"))
        else {
            continue;
        };
        held.insert(group_id.clone(), member_group(&group_id, place));
    }
    let held_kb = status_kb("VmRSS:");
    timed("held");
    for (place, group_id) in held.keys().enumerate() {
        // Of a thousand one is not listed, and one has another subject.
        if place % 1_000 == 1 {
            continue;
        }
        let renamed = if place % 1_000 == 2 { " (done)" } else { "" };
        let listed = Listed {
            subject: Some(format!("Repair {place}{renamed}").into()),
            created: Some(START - 90_000),
        };
        listing.groups.insert(group_id.clone(), listed);
    }
    let listed_kb = status_kb("VmRSS:");
    timed("listed");
    let mut state = Number::default();
    let pass = ListPass {
        is_complete: true,
        ..ListPass::default()
    };
    let about = About::Number(number(), NumberEvent::ListPassed(pass));
    let passed = event(START - 80_000, Source::Rollcall, about);
    state.apply(&number(), &passed, Position::default());
    let projection = Projection {
        held: &held,
        number: Some(&state),
        memory: &Memory::default(),
        signals: &Signals::default(),
    };
    let clock = Clock {
        now: START,
        monotonic_ms: 0,
    };
    let limits = Limits {
        lag: 300,
        again_after: 300,
    };
    let plan = plan(
        &projection,
        Some(&listing),
        clock,
        Budget {
            reads: 8,
            gathers: true,
        },
        &limits,
    );
    timed("compared");
    Million {
        held_kb,
        listed_kb,
        peak_kb: status_kb("VmHWM:"),
        plan,
    }
}

fn member_group(group_id: &GroupId, place: usize) -> Group {
    let mut group = Group::default();
    let created = GroupEvent::Created(GroupCreated {
        subject: Some(format!("Repair {place}").into()),
        ..GroupCreated::default()
    });
    let participants = (0..8).map(|person| Person {
        wa_id: Some(format!("1555{:08}", place * 8 + person).into()),
        user_id: Some(format!("US.{:020}", place * 8 + person).into()),
        ..Person::default()
    });
    let read = GroupEvent::Read(GroupRead {
        subject: Some(format!("Repair {place}").into()),
        participants: participants.collect(),
        is_complete: true,
        ..GroupRead::default()
    });
    let events = [
        (START - 90_000, Source::Webhook, created),
        (START - 50_000, Source::Read, read),
    ];
    for (offset, (at, source, what)) in (1..).zip(events) {
        let event = event(at, source, About::Group(group_id.clone(), what));
        let position = Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        group.apply(group_id, &event, position);
    }
    // As it comes from its record: the view is not kept.
    Group::restore(group.core, group.envelope)
}
