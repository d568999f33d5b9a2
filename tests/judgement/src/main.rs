//! The worlds by hand: how many, and what came of them.

#![expect(clippy::print_stdout, reason = "it prints what it finds")]

use std::{env, fs, process::ExitCode, time::Instant};

use judgement::{
    campaign::{Size, Table},
    listings, loss, million,
    outage::{self, Trouble},
    worlds,
};

const USAGE: &str = "\
judgement WORD [N]
  campaign [GROUPS] [DAYS] [READS]
                             three strategies, 10000 groups, 30 days, 500 reads an hour; writes target/judgement/campaign.csv
  worlds [N] [SEED]          N worlds with every fault, 3000
  beyond [N]                 N worlds in which the API lags by more than is allowed for, 300
  listings [N]               N adversarial lists, 10000000
  loss [N]                   N campaigns at each of three loss rates, 100
  outage [N]                 N days without Meta of each kind, 20
  million [GROUPS]           groups compared, 1000000";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |place: usize, otherwise: u64| -> u64 {
        let word = words.get(place);
        word.and_then(|word| word.parse().ok()).unwrap_or(otherwise)
    };
    let began = Instant::now();
    let is_right = match words.first().map(String::as_str) {
        Some("campaign") => campaign(number(1, 10_000), number(2, 30), number(3, 500)),
        Some("worlds") => all_worlds(number(1, 3_000), number(2, 0)),
        Some("beyond") => beyond(number(1, 300)),
        Some("listings") => lists(number(1, 10_000_000)),
        Some("loss") => losses(number(1, 100)),
        Some("outage") => outages(number(1, 20)),
        Some("million") => compare(number(1, 1_000_000)),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("{:.1} s", began.elapsed().as_secs_f64());
    if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn campaign(groups: u64, days: u64, reads: u64) -> bool {
    let table = Table::run(Size {
        groups: usize::try_from(groups).unwrap_or(10_000),
        days: i64::try_from(days).unwrap_or(30),
        reads: u32::try_from(reads).unwrap_or(500),
        seed: 1,
    });
    println!("{table}");
    let written = fs::create_dir_all("target/judgement")
        .and_then(|()| fs::write("target/judgement/campaign.csv", table.csv()))
        .and_then(|()| fs::write("target/judgement/drifts.csv", table.drifts()));
    match written {
        Ok(()) => println!(
            "target/judgement/campaign.csv: groups wrong by the hour; target/judgement/drifts.csv: every drift"
        ),
        Err(error) => println!("the file could not be written: {error}"),
    }
    table
        .outcomes
        .iter()
        .all(|outcome| outcome.false_repairs == 0)
}

fn all_worlds(count: u64, first: u64) -> bool {
    let (mut webhooks, mut lost, mut repaired, mut failed) = (0, 0, 0, 0);
    for seed in first..first + count {
        let end = worlds::run(seed, 0, false);
        webhooks += end.webhooks.0;
        lost += end.webhooks.1;
        repaired += end.repaired;
        if !end.is_right() {
            failed += 1;
            if failed <= 3 {
                let written = worlds::run(seed, 0, true);
                println!(
                    "seed {seed}: {:?} {:?} {:?}",
                    end.differences, end.reversed, end.wrongly_gone
                );
                println!("  {}", written.steps.join("\n  "));
            } else {
                println!("seed {seed} too: {:?} {:?}", end.differences, end.reversed);
            }
        }
    }
    println!(
        "{count} worlds: {failed} did not end at the truth; {webhooks} webhooks, {lost} lost, {repaired} groups repaired"
    );
    failed == 0
}

fn beyond(count: u64) -> bool {
    let (mut misled, mut named, mut healed) = (0, 0, 0);
    for seed in 0..count {
        let end = worlds::run(seed, 900, false);
        misled += u64::from(!end.reversed.is_empty());
        named += u64::from(!end.reversed.is_empty() && end.lag_named > 0);
        healed += u64::from(end.differences.is_empty());
    }
    println!(
        "{count} worlds whose API lags by up to 900 s more than allowed: {misled} had newer truth replaced by older, the report names {named} of them; {healed} ended at the truth"
    );
    healed == count
}

fn lists(count: u64) -> bool {
    let tally = listings::run(count, 0);
    println!(
        "{} adversarial lists ({} proved complete) in {} runs, {} plans refused: {} living groups asserted gone; {} of {} groups truly gone asserted within three passes of honest lists",
        tally.listings,
        tally.complete,
        tally.runs,
        tally.refused,
        tally.wrongly,
        tally.asserted,
        tally.gone
    );
    if let Some((seed, steps)) = &tally.failure {
        println!("seed {seed}:\n  {}", steps.join("\n  "));
    }
    tally.failure.is_none()
}

fn losses(count: u64) -> bool {
    let mut is_right = true;
    for rate in [0.001, 0.01, 0.05] {
        let campaigns: Vec<_> = (0..count)
            .filter_map(|seed| loss::run(seed, rate))
            .collect();
        let inside = campaigns.iter().filter(|one| one.contains()).count();
        let many = campaigns.iter().filter(|one| one.estimate.lost >= 500);
        let worst = many
            .map(|one| (one.estimate.rate / rate - 1.0).abs())
            .fold(0.0_f64, f64::max);
        let lost: u64 = campaigns.iter().map(|one| one.estimate.lost).sum();
        let told: u64 = campaigns.iter().map(|one| one.estimate.told).sum();
        let happened = campaigns.iter().fold((0, 0), |sum, one| {
            (sum.0 + one.happened.0, sum.1 + one.happened.1)
        });
        println!(
            "  counted {lost} lost and {told} told, of {} and {}",
            happened.1, happened.0
        );
        println!(
            "loss {:.1} %: the interval contains it in {inside} of {} campaigns; pooled {:.4} %, {} losses a campaign; with 500 and more off by at most {:.1} %",
            100.0 * rate,
            campaigns.len(),
            100.0 * lost as f64 / (lost + told).max(1) as f64,
            lost / campaigns.len().max(1) as u64,
            100.0 * worst
        );
        is_right &= inside * 100 >= campaigns.len() * 93 && worst <= 0.2;
    }
    is_right
}

fn outages(count: u64) -> bool {
    let mut is_right = true;
    for trouble in [Trouble::Down, Trouble::Repeats, Trouble::Throttles] {
        let all: Vec<_> = (0..count).map(|seed| outage::run(seed, trouble)).collect();
        let wrong: usize = all.iter().map(|one| one.wrong.len()).sum();
        let alarm = all.iter().map(|one| one.alarm_after).max().flatten();
        let is_alarmed = all.iter().all(|one| one.alarm_after.is_some());
        let calls = all.iter().map(|one| one.calls_max).max();
        let recovered = all.iter().map(|one| one.recovered_after).max();
        let passes = all.iter().map(|one| one.passes).max();
        println!(
            "{trouble:?}, {count} days: {wrong} wrong assertions; alarm in all: {is_alarmed}, after at most {alarm:?} s; at most {calls:?} of {} calls an hour; a complete list at most {recovered:?} s after the end, all right again within {passes:?} passes",
            outage::CALLS_PER_HOUR
        );
        is_right &= wrong == 0;
    }
    is_right
}

fn compare(groups: u64) -> bool {
    let mut before = Instant::now();
    let groups = usize::try_from(groups).unwrap_or(1_000_000);
    let million = million::compare(groups, |word| {
        println!("{word}: {:.2} s", before.elapsed().as_secs_f64());
        before = Instant::now();
    });
    println!(
        "{groups} groups: {} MB held, {} MB with the list, {} MB at the most while comparing; {:?}",
        million.held_kb / 1_024,
        million.listed_kb / 1_024,
        million.peak_kb / 1_024,
        million.plan.counts()
    );
    true
}
