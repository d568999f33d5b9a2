//! Meta away, or not itself, for a day.

use crate::{
    rollcall::{Faults, Strategy},
    world::{Churn, START, Settings, World},
};

/// What is wrong with Meta for that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing answers, or only a page in HTML.
    Down,
    /// Cursors come twice.
    Repeats,
    /// Every second call is throttled.
    Throttles,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Living groups asserted gone, and newer truth replaced by older.
    pub wrong: Vec<String>,
    /// Seconds from its beginning to the first alarm.
    pub alarm_after: Option<i64>,
    /// Most calls in an hour.
    pub calls_max: u32,
    /// Seconds from its end until a list proved complete.
    pub recovered_after: i64,
    /// Passes until what is in the list agreed with the truth again.
    pub passes: u32,
}

/// Calls an hour in this world.
pub const CALLS_PER_HOUR: u32 = 600;

/// Seconds between passes in this world.
pub const LIST_EVERY: i64 = 300;

/// A day before, a day of trouble, and what comes after.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
pub fn run(seed: u64, trouble: Trouble) -> Outage {
    let (from, to) = (START + 86_400, START + 2 * 86_400);
    let calm = Faults {
        lag_max: 240,
        skew_max: 5,
        hides_suspended: true,
        ..Faults::default()
    };
    let mut world = World::new(Settings {
        seed,
        groups: 40,
        people: 12,
        shares_people: false,
        hides: true,
        span: 4 * 86_400,
        loss: 0.05,
        twice: 0.05,
        late: 0.01,
        churn: Churn::Business {
            creations: 4.0,
            renames: 10.0,
            sessions: [2.0, 1.0, 0.5],
            lone: 0.5,
            moves: 1.0,
        },
        lag: 246,
        faults: calm.clone(),
        list_every: LIST_EVERY,
        tick: 30,
        calls_per_hour: CALLS_PER_HOUR,
        strategy: Strategy::Ours,
        crash: 0.0,
        owners: 1,
        is_written: false,
    });
    world.run_until(from);
    world.settings.faults = match trouble {
        Trouble::Down => Faults {
            down: Some((from, to)),
            ..calm.clone()
        },
        Trouble::Repeats => Faults {
            repeated: 1.0,
            ..calm.clone()
        },
        Trouble::Throttles => Faults {
            every_second: true,
            ..calm.clone()
        },
    };
    world.run_until(to);
    world.settings.faults = calm;
    let mut passes = 0;
    let mut recovered_after = 0;
    while passes < 20 {
        passes += 1;
        world.run_until(to + LIST_EVERY * i64::from(passes));
        if recovered_after == 0 && world.rollcall.last_complete >= to {
            recovered_after = world.rollcall.last_complete - to;
        }
        // What went meanwhile is in no list: that it is gone is proven `L` later.
        let is_there = |place: usize| {
            let last = world.meta.groups.get(place).and_then(|group| group.last());
            last.is_some_and(|state| !state.is_gone)
        };
        let is_stale = world.drifts.iter().any(|drift| {
            drift.found.is_none()
                && drift.at < to - 300
                && matches!(drift.kind, "created" | "subject")
                && is_there(drift.place)
        });
        if recovered_after > 0 && !is_stale {
            break;
        }
    }
    let alarms = world.rollcall.alarms.iter();
    let mut wrong = world.rollcall.wrongly_gone.clone();
    wrong.extend(world.rollcall.reversed.clone());
    Outage {
        wrong,
        alarm_after: alarms.map(|at| at - from).find(|after| *after >= 0),
        calls_max: world.rollcall.calls.values().copied().max().unwrap_or(0),
        recovered_after,
        passes,
    }
}
