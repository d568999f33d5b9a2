//! Ten thousand groups for a month, and three ways of spending the same calls.

use std::fmt;

use crate::{
    rollcall::{Faults, Strategy},
    world::{Churn, Drift, START, Settings, World},
};

/// Kinds of drift, in the order of the table.
const KINDS: [&str; 7] = [
    "created",
    "gone",
    "subject",
    "member",
    "join_request",
    "settings",
    "suspended",
];

/// How big.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Groups.
    pub groups: usize,
    /// Days.
    pub days: i64,
    /// Calls an hour for reads and lists.
    pub reads: u32,
    /// Seed.
    pub seed: u64,
}

/// What one strategy came to.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub strategy: Strategy,
    /// Every drift.
    pub drifts: Vec<Drift>,
    /// When the world ended.
    pub end: i64,
    /// Calls spent, by what for.
    pub calls: Vec<(&'static str, u64)>,
    /// Newer truth replaced by older, and living groups asserted gone.
    pub false_repairs: usize,
    /// Groups wrong, every hour.
    pub wrong: Vec<(i64, u64)>,
    /// Webhooks told or lost.
    pub webhooks: u64,
    /// The ledger's words.
    pub agreement: String,
}

/// Which drifts of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of a group of which a later webhook came.
    Hinted,
    /// Those of a group of which none came.
    Silent,
}

/// Seconds to detect.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detection {
    /// How many.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Nine of ten took no longer.
    pub p90: i64,
    /// Ninety-nine of a hundred took no longer.
    pub p99: i64,
    /// The longest.
    pub max: i64,
}

/// The world of the campaign: 1 % loss and 500 calls an hour.
pub fn settings(size: Size, strategy: Strategy) -> Settings {
    let share = size.groups as f64 / 10_000.0;
    Settings {
        seed: size.seed,
        groups: size.groups,
        people: 14,
        shares_people: false,
        hides: true,
        span: size.days * 86_400,
        loss: 0.01,
        twice: 0.01,
        late: 0.000_5,
        churn: Churn::Business {
            creations: 100.0 * share,
            renames: 300.0 * share,
            sessions: [0.8, 0.1, 0.015],
            lone: 0.03,
            moves: 10.0 * share,
        },
        lag: 300,
        faults: Faults {
            lag_max: 240,
            skew_max: 5,
            hides_suspended: false,
            is_fast: true,
            ..Faults::default()
        },
        list_every: 300,
        tick: 60,
        // A twentieth is kept for commands.
        calls_per_hour: size.reads * 20 / 19,
        strategy,
        crash: 0.0,
        owners: 1,
        is_written: false,
    }
}

/// Runs one strategy.
pub fn run(size: Size, strategy: Strategy) -> Outcome {
    let mut world = World::new(settings(size, strategy));
    let end = START + size.days * 86_400;
    world.run_until(end);
    let counts = world.rollcall.ledger.counts();
    Outcome {
        strategy,
        end,
        calls: counts
            .calls
            .iter()
            .map(|(call, count)| (call.as_str(), *count))
            .collect(),
        false_repairs: world.rollcall.reversed.len() + world.rollcall.wrongly_gone.len(),
        agreement: world
            .rollcall
            .ledger
            .report(end, world.rollcall.groups.values(), None)
            .to_string(),
        wrong: world.wrong,
        webhooks: world.webhooks,
        drifts: world.drifts,
    }
}

impl Outcome {
    /// How long drift of a kind stood; what stands at the end counts until then.
    ///
    /// `is_hinted` says of the drift at this place whether a later webhook came, as seen in a world that is the same for all strategies.
    pub fn detection(
        &self,
        kind: &str,
        which: Which,
        is_hinted: impl Fn(&Drift) -> bool,
    ) -> Detection {
        let of_kind = self.drifts.iter().filter(|drift| drift.kind == kind);
        let mut seconds: Vec<i64> = of_kind
            .filter(|drift| match which {
                Which::All => true,
                Which::Hinted => is_hinted(drift),
                Which::Silent => !is_hinted(drift),
            })
            // What another webhook put right was not found by anybody.
            .filter(|drift| drift.found.is_none() || drift.by_read)
            // The last days are too short for what takes days to be found.
            .filter(|drift| drift.at < self.end - 3 * 86_400)
            .map(|drift| drift.found.unwrap_or(self.end) - drift.at)
            .collect();
        seconds.sort_unstable();
        let at = |share: f64| {
            let place = (seconds.len() as f64 * share) as usize;
            seconds
                .get(place.min(seconds.len().saturating_sub(1)))
                .copied()
                .unwrap_or(0)
        };
        Detection {
            count: seconds.len(),
            mean: seconds.iter().sum::<i64>() as f64 / seconds.len().max(1) as f64,
            p90: at(0.9),
            p99: at(0.99),
            max: seconds.last().copied().unwrap_or(0),
        }
    }

    /// All calls.
    pub fn calls(&self) -> u64 {
        self.calls.iter().map(|(_, count)| count).sum()
    }
}

/// What the three came to, side by side.
#[derive(Debug)]
pub struct Table {
    /// In the order uniform, ours, oracle.
    pub outcomes: Vec<Outcome>,
}

impl Table {
    /// Runs all three, on two threads.
    pub fn run(size: Size) -> Self {
        let ours = std::thread::spawn(move || run(size, Strategy::Ours));
        let mut outcomes = vec![run(size, Strategy::Uniform)];
        let oracle = run(size, Strategy::Oracle);
        outcomes.extend(ours.join());
        outcomes.push(oracle);
        Self { outcomes }
    }

    /// Came a later webhook about the group within two weeks? Told by the slowest to find, so that it is the same for all.
    fn is_hinted(&self, drift: &Drift) -> bool {
        let same = |other: &&Drift| {
            (other.kind, other.place, other.at, other.person)
                == (drift.kind, drift.place, drift.at, drift.person)
        };
        let found = self.outcomes.iter().map(|outcome| {
            let place = outcome.drifts.partition_point(|other| other.at < drift.at);
            let near = outcome.drifts.get(place..).unwrap_or_default();
            near.iter()
                .take_while(|other| other.at == drift.at)
                .find(same)
        });
        found.flatten().any(|drift| drift.hinted.is_some())
    }

    /// How long drift stood, for one strategy.
    pub fn detection(&self, strategy: Strategy, kind: &str, which: Which) -> Detection {
        let outcome = self.outcomes.iter().find(|one| one.strategy == strategy);
        outcome.map_or_else(Detection::default, |outcome| {
            outcome.detection(kind, which, |drift| self.is_hinted(drift))
        })
    }

    /// Every drift: its kind and group, seconds until a later webhook came, and until each strategy found it, as lines of a file.
    pub fn drifts(&self) -> String {
        let mut text = "kind,place,at,hinted,uniform,ours,oracle\n".to_owned();
        let all = self.outcomes.iter().map(|outcome| outcome.drifts.len());
        for index in 0..all.min().unwrap_or(0) {
            let same = self
                .outcomes
                .iter()
                .filter_map(|outcome| outcome.drifts.get(index));
            let same: Vec<&Drift> = same.collect();
            let Some(first) = same.first() else { continue };
            let after = |second: Option<i64>| {
                second.map_or(String::new(), |second| (second - first.at).to_string())
            };
            let hinted = same.iter().filter_map(|drift| drift.hinted).min();
            let found: Vec<String> = same.iter().map(|drift| after(drift.found)).collect();
            text.push_str(&format!(
                "{},{},{},{},{}\n",
                first.kind,
                first.place,
                first.at - START,
                after(hinted),
                found.join(",")
            ));
        }
        text
    }

    /// Groups wrong by the hour, as lines of a file.
    pub fn csv(&self) -> String {
        let mut text = "hour,uniform,ours,oracle\n".to_owned();
        let hours = self
            .outcomes
            .iter()
            .map(|outcome| outcome.wrong.len())
            .min();
        for hour in 0..hours.unwrap_or(0) {
            let wrong = self.outcomes.iter().map(|outcome| {
                let wrong = outcome.wrong.get(hour);
                wrong.map_or(0, |(_, wrong)| *wrong).to_string()
            });
            text.push_str(&format!("{hour},{}\n", wrong.collect::<Vec<_>>().join(",")));
        }
        text
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:<8} {:>6} {:>10} {:>10} {:>10} {:>10}",
            "drift", "strategy", "count", "mean", "p90", "p99", "max"
        )?;
        let rows = KINDS
            .map(|kind| (kind, Which::All))
            .into_iter()
            .chain([("member", Which::Hinted), ("member", Which::Silent)]);
        for (kind, which) in rows {
            let words = match which {
                Which::All => kind.to_owned(),
                Which::Hinted => format!("{kind}, later hint"),
                Which::Silent => format!("{kind}, no hint"),
            };
            for outcome in &self.outcomes {
                let found = self.detection(outcome.strategy, kind, which);
                writeln!(
                    f,
                    "{words:<22} {:<8} {:>6} {:>10} {:>10} {:>10} {:>10}",
                    format!("{:?}", outcome.strategy).to_lowercase(),
                    found.count,
                    span(found.mean as i64),
                    span(found.p90),
                    span(found.p99),
                    span(found.max)
                )?;
            }
        }
        for outcome in &self.outcomes {
            let lost = outcome.drifts.len();
            let healed = outcome
                .drifts
                .iter()
                .filter(|drift| drift.found.is_some() && !drift.by_read);
            writeln!(
                f,
                "\n{:?}: {} webhooks, {lost} drifts of lost ones, {} put right by a later webhook, {} not found at the end; {} calls; false repairs: {}",
                outcome.strategy,
                outcome.webhooks,
                healed.count(),
                outcome.drifts.iter().filter(|d| d.found.is_none()).count(),
                outcome.calls(),
                outcome.false_repairs
            )?;
            for (call, count) in &outcome.calls {
                write!(f, "  {call} {count}")?;
            }
            writeln!(f)?;
            plot(f, &outcome.wrong)?;
            writeln!(f, "{}", outcome.agreement)?;
        }
        Ok(())
    }
}

/// Seconds in words.
fn span(seconds: i64) -> String {
    match seconds {
        ..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        _ => format!("{:.1} h", seconds as f64 / 3_600.0),
    }
}

/// Groups wrong over time: a line of bars, a column for each share of the time.
fn plot(f: &mut fmt::Formatter<'_>, wrong: &[(i64, u64)]) -> fmt::Result {
    const COLUMNS: usize = 72;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = wrong.len().div_ceil(COLUMNS).max(1);
    let most = wrong.iter().map(|(_, wrong)| *wrong).max().unwrap_or(0);
    write!(f, "  groups wrong, at most {most:>4}: ")?;
    for column in wrong.chunks(width) {
        let mean = column.iter().map(|(_, wrong)| wrong).sum::<u64>() / column.len() as u64;
        let height = (mean * 8).div_ceil(most.max(1));
        let bar = BARS.get(usize::try_from(height).unwrap_or(0));
        write!(f, "{}", bar.copied().unwrap_or(' '))?;
    }
    writeln!(f)
}
