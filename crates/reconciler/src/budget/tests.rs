use super::*;

const NO_LOAD: Load = Load {
    usage_percent: None,
    retry_after: None,
};

fn is_paused(budget: &Budget, now_ms: u64) -> bool {
    now_ms < budget.state().paused_until_ms
}

fn load(usage_percent: u32) -> Load {
    Load {
        usage_percent: Some(usage_percent),
        retry_after: None,
    }
}

/// A budget whose last hour was idle.
fn idle(per_hour: u32) -> Budget {
    let budget = Budget::new(per_hour, 0);
    budget.state().hour = Hour::default();
    budget
}

/// Takes all that reads may take, every half second.
fn read_all(budget: &Budget, from_ms: u64, to_ms: u64) -> usize {
    let mut made = 0;
    for now_ms in (from_ms..to_ms).step_by(500) {
        let calls = budget.available(now_ms);
        budget.spend(calls as u32, now_ms);
        made += calls;
    }
    made
}

#[test]
fn an_hour_gives_reads_the_calls_of_an_hour_less_what_is_kept_for_commands() {
    let budget = idle(600);
    assert_eq!(read_all(&budget, 0, 3_600_500), 570);
}

/// The most calls that any hour holds.
fn most_in_an_hour(calls: &[u64]) -> usize {
    let within = |from: &u64| {
        let hour = *from..from + 3_600_000;
        calls.iter().filter(|at| hour.contains(at)).count()
    };
    calls.iter().map(within).max().unwrap_or(0)
}

#[test]
fn no_hour_holds_more_calls_than_allowed_whatever_commands_take() {
    let budget = idle(600);
    let mut calls: Vec<u64> = Vec::new();
    let mut commands = 0;
    for now_ms in (0..4 * 3_600_000).step_by(500) {
        // A command every 30 seconds for an hour, then as many as are let, then none.
        let wanted = match now_ms / 3_600_000 {
            0 => usize::from(now_ms % 30_000 == 0),
            1 => 5,
            _ => 0,
        };
        for _ in 0..wanted {
            if budget.take_for_command(now_ms).is_ok() {
                calls.push(now_ms);
                commands += 1;
            }
        }
        let reads = budget.available(now_ms);
        budget.spend(reads as u32, now_ms);
        calls.extend(std::iter::repeat_n(now_ms, reads));
    }
    let most = most_in_an_hour(&calls);
    assert!((595..=600).contains(&most), "{most}");
    assert!(commands > 120 + 500, "commands come first: {commands}");
    assert!(calls.len() - commands > 1_000, "reads go on");
}

#[test]
fn a_process_that_starts_again_and_again_makes_no_more_calls_than_one_that_runs() {
    for every_ms in [500, 5_000, 60_000, 600_000] {
        let mut calls: Vec<u64> = Vec::new();
        let mut budget = Budget::new(600, 0);
        for now_ms in (0..2 * 3_600_000).step_by(500) {
            if now_ms % every_ms == 0 {
                budget = Budget::new(600, now_ms);
            }
            let reads = budget.available(now_ms);
            budget.spend(reads as u32, now_ms);
            calls.extend(std::iter::repeat_n(now_ms, reads));
        }
        let most = most_in_an_hour(&calls);
        assert!(most <= 570, "started every {every_ms} ms: {most}");
    }
}

#[test]
fn commands_come_first_and_end_with_the_hour() {
    let budget = idle(600);
    assert_eq!(read_all(&budget, 0, 3_000_000), 474);
    let taken = (0..1_000)
        .take_while(|_| budget.take_for_command(3_000_000).is_ok())
        .count();
    assert_eq!(taken, 600 - 474);
    assert_eq!(budget.available(3_000_000), 0, "reads wait");
    let Err(Denied::Later(wait)) = budget.take_for_command(3_000_000) else {
        panic!("one more")
    };
    let then_ms = 3_000_000 + u64::try_from(wait.as_millis()).unwrap();
    assert_eq!(then_ms, 61 * 60_000, "the first minute is an hour ago");
    assert!(budget.take_for_command(then_ms - 1).is_err());
    assert!(budget.take_for_command(then_ms).is_ok());
}

#[test]
fn a_new_budget_takes_the_hour_before_it_as_spent() {
    let budget = Budget::new(600, 10_000_000);
    assert_eq!(budget.available(10_000_000), 0);
    assert_eq!(budget.made_within_the_hour(10_000_000), 540);
    let taken = (0..1_000)
        .take_while(|_| budget.take_for_command(10_000_000).is_ok())
        .count();
    assert_eq!(taken, 60);
}

#[test]
fn a_new_budget_reads_from_its_first_minute_on() {
    for per_hour in [60, 600, 6_000, 72_000] {
        let budget = Budget::new(per_hour, 0);
        let made = read_all(&budget, 0, 120_000);
        let least = usize::try_from(2 * per_hour * 9 / 10 / 61).unwrap();
        assert!(made >= least, "{made} of {per_hour} an hour in two minutes");
    }
}

#[test]
fn idle_time_saves_up_a_minute_and_not_an_hour() {
    let budget = idle(600);
    assert_eq!(budget.available(3_600_000), 10);
}

#[test]
fn what_was_overdrawn_is_paid_back_before_the_next_call() {
    let budget = idle(4_000);
    budget.spend(10, 0);
    assert_eq!(budget.available(10_000), 0);
    assert_eq!(budget.available(11_000), 1);
}

#[test]
fn throttling_pauses_longer_each_time_until_an_answer_comes() {
    let budget = idle(3_600);
    budget.refused(&Refused::Throttled, &NO_LOAD, 0);
    assert!(is_paused(&budget, 4_999) && !is_paused(&budget, 5_000));
    assert_eq!(
        budget.take_for_command(4_000),
        Err(Denied::Later(Duration::from_secs(1))),
        "Meta would refuse a command too"
    );
    budget.refused(&Refused::Throttled, &NO_LOAD, 5_000);
    assert!(is_paused(&budget, 14_999) && !is_paused(&budget, 15_000));
    budget.answered(&NO_LOAD, 15_000);
    budget.refused(&Refused::Throttled, &NO_LOAD, 15_000);
    assert!(is_paused(&budget, 19_999) && !is_paused(&budget, 20_000));
}

#[test]
fn metas_own_waiting_time_is_obeyed() {
    let budget = idle(3_600);
    let load = Load {
        usage_percent: Some(100),
        retry_after: Some(Duration::from_secs(300)),
    };
    budget.answered(&load, 0);
    assert_eq!(budget.available(299_999), 0);
    assert!(budget.available(300_000) > 0);
}

#[test]
fn near_metas_limit_calls_come_at_a_quarter_of_the_pace() {
    let budget = idle(4_000);
    budget.answered(&load(80), 0);
    let slow = budget.available(36_000);
    budget.answered(&load(10), 36_000);
    let usual = budget.available(72_000);
    assert_eq!((slow, usual), (9, 47));
}

#[test]
fn single_failures_pause_nothing_and_a_row_of_them_does() {
    let budget = idle(3_600);
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    assert!(!is_paused(&budget, 0));
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    assert!(is_paused(&budget, 1_999) && !is_paused(&budget, 2_000));
}

#[test]
fn while_the_token_is_refused_one_call_a_minute_asks_whether_it_still_is() {
    let budget = idle(3_600);
    budget.refused(&Refused::Token, &NO_LOAD, 0);
    let mut probes = Vec::new();
    for now_ms in (0..600_000).step_by(500) {
        for _ in 0..budget.available(now_ms) {
            budget.spend(1, now_ms);
            probes.push(now_ms);
            budget.refused(&Refused::Token, &NO_LOAD, now_ms);
        }
        assert_eq!(budget.take_for_command(now_ms), Err(Denied::Token));
    }
    assert_eq!(probes.len(), 9, "{probes:?}");
    budget.answered(&NO_LOAD, 600_000);
    assert!(budget.available(600_000) > 1, "it works again");
}

#[test]
fn another_token_is_tried_at_once() {
    let budget = idle(3_600);
    budget.refused(&Refused::Token, &NO_LOAD, 0);
    assert_eq!(budget.available(1_000), 0);
    budget.token_changed();
    assert!(budget.available(2_000) > 0);
    assert!(budget.take_for_command(2_000).is_ok());
}

#[test]
fn a_burst_of_refusals_counts_as_one() {
    let budget = idle(3_600);
    for now_ms in 0..8 {
        budget.refused(&Refused::Throttled, &NO_LOAD, now_ms);
    }
    assert!(is_paused(&budget, 4_999) && !is_paused(&budget, 5_000));
}

#[test]
fn a_senseless_waiting_time_stops_us_for_an_hour_and_none_at_all_does_not_hurry_us() {
    for (named, paused_ms) in [(Duration::MAX, 3_600_000), (Duration::ZERO, 5_000)] {
        let budget = idle(3_600);
        let load = Load {
            usage_percent: None,
            retry_after: Some(named),
        };
        budget.refused(&Refused::Throttled, &load, 0);
        assert!(is_paused(&budget, paused_ms - 1) && !is_paused(&budget, paused_ms));
    }
}

#[test]
fn an_answer_without_usage_ends_the_slow_pace() {
    let budget = idle(4_000);
    budget.answered(&load(80), 0);
    budget.answered(&NO_LOAD, 0);
    assert_eq!(budget.available(9_000), 9);
}
